//! Sweeps for experiments that have work: those of one type of unit together, and where that fails each alone.

use std::collections::BTreeMap;
use std::ops::Range;

use datafusion::arrow::datatypes::DataType;

use super::telling::Telling;
use super::{Work, unit_type_of};
use crate::Result;
use crate::job::{Job, Outcome, Progress, Tally};

/// What sweeps make.
#[derive(Clone, Copy)]
pub(super) enum Made<'a> {
    /// Tables.
    All,
    /// Shares, of these buckets.
    Share(&'a Range<u32>),
}

impl Job {
    /// Sweeps for `works`, those of one type of unit together.
    pub(super) async fn make_works<'a>(
        &'a self,
        works: Vec<Work<'a>>,
        what: Made<'_>,
        (progress, (done, of)): (&dyn Progress, (usize, usize)),
        tally: &mut Tally,
        outcome: &mut Outcome,
    ) {
        let mut by_unit: BTreeMap<(&str, DataType), Vec<Work<'_>>> = BTreeMap::new();
        for work in works {
            let unit_type = work.experiment.design.unit.value.as_str();
            by_unit.entry((unit_type, unit_type_of(&work.days))).or_default().push(work);
        }
        for ((unit_type, unit), works) in by_unit {
            let told = match what {
                Made::All => format!("totals by {unit_type}"),
                Made::Share(own) => {
                    let last = own.end.saturating_sub(1);
                    format!("totals by {unit_type}, buckets {} to {last}", own.start)
                }
            };
            progress.step(done, of, &told);
            let told = Telling { progress, meters: &self.stores.meters };
            let Err(error) = self.make_sweep(&unit, &works, what, &told, tally).await else {
                works.iter().for_each(|work| outcome.done(work.experiment, work.task));
                continue;
            };
            // Whose fault it was is seen when each goes alone.
            let alone = works.len() == 1;
            let mut first = Some(error);
            for work in &works {
                let name = &work.experiment.name.value;
                let one = std::slice::from_ref(work);
                let made = match alone {
                    true => first.take().map_or(Ok(()), Err),
                    false => self.make_sweep(&unit, one, what, &told, tally).await,
                };
                match made {
                    Ok(()) => outcome.done(work.experiment, work.task),
                    Err(error) => {
                        let error = self.explained(error, work).await;
                        outcome.failed.push((name.clone(), error));
                    }
                }
            }
        }
    }

    async fn make_sweep(
        &self,
        unit: &DataType,
        works: &[Work<'_>],
        what: Made<'_>,
        told: &Telling<'_>,
        tally: &mut Tally,
    ) -> Result<()> {
        match what {
            Made::All => self.sweep(unit, works, told, tally).await,
            Made::Share(own) => self.sweep_share(unit, works, own, told).await,
        }
    }
}
