//! The sweep of some experiments: of all buckets, which ends in tables, or of a share of them, which ends in an object for each
//! experiment ([`crate::shares`]).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::DataType;
use verdict_model::tables::UNIT_TOTAL;

use super::cells::{self, Kept};
use super::fresh::counts_to;
use super::telling::Telling;
use super::works::Made;
use super::{Work, conserved};
use crate::error::AtStage;
use crate::group_totals::{self, Cells, Segments};
use crate::job::{Job, Tally};
use crate::packed::Packer;
use crate::partition::{Key, Writer};
use crate::sweep::{Found, Keeper, Seen, Sweep, Task, limits, unit_changes, write_shown};
use crate::{Error, Result, render, shares};

/// A sweep at its end, of which nothing can be seen yet.
struct Swept {
    sweep: Arc<Sweep>,
    found: Arc<Found>,
    kept: Kept,
    /// By task.
    cells: BTreeMap<usize, Cells>,
    keepers: Vec<Keeper>,
}

impl Job {
    /// One sweep for all of `works`, whose units are of one type: what is stale of them is made.
    pub(super) async fn sweep(
        &self,
        unit: &DataType,
        works: &[Work<'_>],
        told: &Telling<'_>,
        tally: &mut Tally,
    ) -> Result<()> {
        let swept = self.swept(self.sweep_of(unit, works), works, Made::All, told).await?;
        let Swept { sweep, found, kept, mut cells, keepers } = swept;
        let mut made = Vec::new();
        for (number, work) in works.iter().enumerate() {
            let cells = cells.remove(&number).unwrap_or_default();
            let seen = found.take_seen(number);
            let rows = keepers.iter().find(|keeper| keeper.task == number);
            let rows = match rows {
                Some(keeper) => Some(keeper.rows().await),
                None => None,
            };
            let totals = conserved_totals((work, &sweep, number), &kept, cells, (&seen, rows))?;
            made.push((totals, seen));
        }
        // Nothing is committed before all of it is conserved.
        for keeper in keepers {
            keeper.finish(sweep.buckets).await?;
            tally.made += 1;
        }
        self.make_statistics((&sweep, &found), works, made, told, tally).await
    }

    /// The same of some of the buckets: a share of each of `works`, which are cut ([`super::cut`]).
    pub(super) async fn sweep_share(
        &self,
        unit: &DataType,
        works: &[Work<'_>],
        own: &Range<u32>,
        told: &Telling<'_>,
    ) -> Result<()> {
        let sweep = Sweep { swept: own.clone(), ..self.sweep_of(unit, works) };
        let swept = self.swept(sweep, works, Made::Share(own), told).await?;
        let Swept { sweep, found, kept, mut cells, keepers } = swept;
        let mut packed = Vec::new();
        for keeper in keepers {
            let number = keeper.task;
            let (work, rows) = (&works[number], keeper.rows().await);
            let (cells, seen) =
                (cells.remove(&number).unwrap_or_default(), found.take_seen(number));
            let mut packer = Packer::default();
            cells::write(&mut packer, &cells, &kept, &Kept::of(&[work]))?;
            write_shown(&mut packer, (&sweep, number), &found, &seen)?;
            // Units are told by the states alone.
            let none = Kept { distinct: Vec::new(), pairs: Vec::new() };
            conserved_totals((work, &sweep, number), &none, cells, (&seen, Some(rows)))?;
            packed.push((work, keeper.written(own.end)?, packer.into_bytes()));
        }
        for (work, writer, packed) in packed {
            let made_from = self.made_from(work)?;
            let key = shares::Of::new(&work.experiment.name.value, &made_from)
                .key(own, self.project.buckets);
            let Some(last) = work.task.looks.last() else { continue };
            let dates = (work.stale.stale_looks().collect(), *last);
            let of = (made_from, own.clone());
            shares::write(&self.tables, &key, writer, of, dates, packed).await?;
        }
        Ok(())
    }

    /// Sweeps the buckets that `sweep` is to sweep.
    async fn swept(
        &self,
        mut sweep: Sweep,
        works: &[Work<'_>],
        what: Made<'_>,
        told: &Telling<'_>,
    ) -> Result<Swept> {
        let threads = self.threads_with_room(&sweep, works)?;
        sweep.limits = limits(&sweep, threads).await.at(|| "caps of totals".to_owned())?;
        let sweep = Arc::new(sweep);
        let found = Arc::new(Found::new(&sweep));
        let mut keepers = Vec::new();
        for (number, work) in works.iter().enumerate() {
            let (Some(_), Some(last)) = (&work.stale.total, work.task.looks.last()) else {
                continue;
            };
            let key = Key::new(&UNIT_TOTAL, &[&work.experiment.name.value, &last.to_string()]);
            let schema = sweep.tasks[number].totals_schema(&sweep);
            let writer = match what {
                Made::All => Writer::new(&self.tables, &key, &schema)?,
                Made::Share(own) => {
                    let of = shares::Of::new(&work.experiment.name.value, &self.made_from(work)?);
                    let key = of.key(own, sweep.buckets);
                    Writer::with_buckets_apart(&self.tables, &key, &schema)?
                }
            };
            let wanted = self.total_fingerprint(work.experiment, &work.defs, &work.days, *last)?;
            let counts = counts_to(&work.days, *last);
            keepers.push(Keeper::new(number, writer, wanted, counts, sweep.swept.start));
        }
        let keepers = Arc::new(keepers);
        let stage = || "unit_changes".to_owned();
        let table = unit_changes(&sweep, &found, &keepers, threads).at(stage)?;
        self.ctx.deregister_table("unit_changes").at(stage)?;
        self.ctx.register_table("unit_changes", Arc::new(table)).at(stage)?;
        let kept = Kept::of(&works.iter().collect::<Vec<_>>());
        let sql = render::group_changes(&kept.distinct, &kept.pairs)?;
        let changes = self.collect(&sql, &[], || "group_changes".into());
        let changes = told.meanwhile(changes, || found.part()).await?;
        self.forget();
        let keepers = Arc::into_inner(keepers)
            .ok_or_else(|| Error::Internal("a sweep still writes after its end".into()))?;
        let cells = group_totals::by_task(&sweep, &found, &kept.distinct, &kept.pairs, &changes)?;
        Ok(Swept { sweep, found, kept, cells, keepers })
    }
}

/// The table `group_totals` of a work from the states of its groups, held against its units ([`conserved::weights`]): those that
/// were seen, and the rows of `unit_total`.
pub(super) fn conserved_totals(
    (work, sweep, number): (&Work<'_>, &Sweep, usize),
    kept: &Kept,
    cells: Cells,
    (seen, rows): (&Seen, Option<u64>),
) -> Result<RecordBatch> {
    let segments = Segments::of(work.experiment);
    let totals = group_totals::rows(sweep, number, &segments, &kept.distinct, &kept.pairs, cells)?;
    let rows = rows.filter(|_| makes_last(work, &sweep.tasks[number]));
    conserved::weights(&work.experiment.name.value, &totals, seen, rows)?;
    Ok(totals)
}

/// Whether the statistics of the date whose totals are kept are made with them.
fn makes_last(work: &Work<'_>, task: &Task) -> bool {
    work.task.looks.last().is_some_and(|last| task.made.contains(last))
}
