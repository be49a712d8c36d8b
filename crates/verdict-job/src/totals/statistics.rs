//! From the totals of groups to `group_stats`: experiments that ask the same of theirs are computed together.
//!
//! The query is as wide as an experiment's metrics, and planning it takes longer than running it over a few dozen groups. Most
//! experiments of a company have the same metrics: of these one query has all groups.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use verdict_model::NaiveDate;
use verdict_model::rows::GroupStat;
use verdict_model::tables::GROUP_STATS;

use super::fresh::counts_to;
use super::telling::Telling;
use super::{Found, Seen, Sweep, Work};
use crate::Result;
use crate::distributions;
use crate::error::AtStage;
use crate::group_totals::{self, Segments};
use crate::job::{Job, Tally};
use crate::partition::{self, Key};
use crate::render::{self, SegmentSql};
use crate::trust_rows::{self, WatchedMetric, Watching};

/// So many bytes of groups' totals are computed together at most, beyond those of one experiment.
const TOGETHER: usize = 32 << 20;

/// The groups of experiments that ask the same of them.
struct Asked {
    sql: String,
    schema: SchemaRef,
    /// By experiment: its place in the sweep, and its `group_totals`.
    totals: Vec<(usize, RecordBatch)>,
    bytes: usize,
}

impl Asked {
    fn takes(&self, totals: &RecordBatch) -> bool {
        let bytes = self.bytes + totals.get_array_memory_size();
        bytes <= TOGETHER && self.schema == totals.schema()
    }

    /// One table, which says in its first column whose groups they are.
    fn table(&self, works: &[Work<'_>]) -> Result<RecordBatch> {
        let stage = || "group_totals".to_owned();
        let batches = self.totals.iter().map(|(_, totals)| totals);
        let all = concat_batches(&self.schema, batches).at(stage)?;
        let names = self.totals.iter().flat_map(|(number, totals)| {
            let name = works[*number].experiment.name.value.as_str();
            std::iter::repeat_n(name, totals.num_rows())
        });
        let names: ArrayRef = Arc::new(StringArray::from(names.collect::<Vec<&str>>()));
        let own = [Arc::new(Field::new("experiment", DataType::Utf8, false))];
        let fields = own.into_iter().chain(self.schema.fields().iter().cloned());
        let columns = std::iter::once(names).chain(all.columns().iter().cloned());
        let schema = Schema::new(fields.collect::<Vec<_>>());
        RecordBatch::try_new(Arc::new(schema), columns.collect()).at(stage)
    }
}

impl Job {
    /// Makes what is stale of the group statistics of a sweep's experiments: from `made`, the groups' totals of each, and what
    /// was seen of its units.
    pub(super) async fn make_statistics(
        &self,
        (sweep, found): (&Sweep, &Found),
        works: &[Work<'_>],
        made: Vec<(RecordBatch, Seen)>,
        told: &Telling<'_>,
        tally: &mut Tally,
    ) -> Result<()> {
        let mut asked: Vec<Asked> = Vec::new();
        // By query: the place of the latest that asks it.
        let mut latest: HashMap<String, usize> = HashMap::new();
        let mut of_trust = BTreeMap::new();
        for ((number, work), (totals, seen)) in works.iter().enumerate().zip(made) {
            if sweep.tasks[number].made.is_empty() {
                continue;
            }
            of_trust
                .insert(number, self.trust_rows((sweep, found), (number, work), &totals, &seen)?);
            let sql = group_stats_sql(work)?;
            let bytes = totals.get_array_memory_size();
            let last = latest.get(&sql).and_then(|at| asked.get_mut(*at));
            match last.filter(|asked| asked.takes(&totals)) {
                Some(asked) => {
                    asked.totals.push((number, totals));
                    asked.bytes += bytes;
                }
                None => {
                    latest.insert(sql.clone(), asked.len());
                    let schema = totals.schema();
                    asked.push(Asked { sql, schema, totals: vec![(number, totals)], bytes });
                }
            }
        }
        let mut done = 0;
        for asked in asked {
            let name = |number: &usize| works[*number].experiment.name.value.as_str();
            let numbers: Vec<usize> = asked.totals.iter().map(|(number, _)| *number).collect();
            let names: Vec<&str> = numbers.iter().map(name).collect();
            told.statistics(done, works.len(), &names);
            done += numbers.len();
            let stage = || format!("group_stats of {}", names.join(", "));
            self.register("group_totals", &[asked.table(works)?])?;
            let sql = asked.sql.clone();
            drop(asked);
            let rows = self.collect(&sql, &[], stage).await?;
            self.forget();
            let rows = concat_batches(&rows[0].schema(), &rows).at(stage)?;
            let rows = distributions::spelled_out(&rows)?;
            let mut by_experiment = group_totals::by_experiment(&rows)?;
            for number in numbers {
                let own = by_experiment.remove(&works[number].experiment.name.value);
                let of_trust = of_trust.remove(&number).unwrap_or_default();
                let rows = (own.unwrap_or_default(), of_trust);
                self.write_statistics((sweep, found), (number, &works[number]), rows, tally)
                    .await?;
            }
        }
        Ok(())
    }

    /// What checks want to know of an experiment's units, by date.
    fn trust_rows(
        &self,
        (sweep, found): (&Sweep, &Found),
        (number, work): (usize, &Work<'_>),
        totals: &RecordBatch,
        seen: &Seen,
    ) -> Result<BTreeMap<NaiveDate, Vec<GroupStat>>> {
        if work.experiment.design.cluster.is_some() {
            // Units of one cluster are no independent ones: checks of units do not hold of them.
            return Ok(BTreeMap::new());
        }
        let metrics = self.watched_metrics(work);
        let large: Vec<WatchedMetric> =
            metrics.iter().filter(|metric| metric.may_be_large()).cloned().collect();
        let watching = Watching {
            experiment: work.experiment,
            task: &sweep.tasks[number],
            segments: &Segments::of(work.experiment),
            primary: metrics.iter().find(|m| m.name == work.experiment.primary.name.value),
            large: &large,
            sweep,
        };
        watching.rows(found, seen, totals)
    }

    /// Writes an experiment's statistics of each date that is made.
    async fn write_statistics(
        &self,
        (sweep, found): (&Sweep, &Found),
        (number, work): (usize, &Work<'_>),
        (by_look, of_trust): (
            BTreeMap<NaiveDate, RecordBatch>,
            BTreeMap<NaiveDate, Vec<GroupStat>>,
        ),
        tally: &mut Tally,
    ) -> Result<()> {
        let (name, task) = (&work.experiment.name.value, &sweep.tasks[number]);
        let schema = crate::arrow_types::schema(&GROUP_STATS);
        let looks = task.looks.iter().enumerate();
        for (at, look) in looks.filter(|(_, look)| task.made.contains(look)) {
            let key = Key::new(&GROUP_STATS, &[name, &look.to_string()]);
            let wanted = self.group_fingerprint(
                (work.experiment, work.task),
                &work.defs,
                &work.metrics,
                (&work.days, &work.others),
                *look,
            )?;
            let mut counts = counts_to(&work.days, *look);
            counts.several_variants_examples = found.several_variants(number, at);
            let of_trust = of_trust.get(look).map_or(&[][..], Vec::as_slice);
            let rows = [trust_rows::merged(by_look.get(look), of_trust)?];
            partition::write(&self.tables, &key, &schema, &rows, wanted, Some(counts)).await?;
            tally.made += 1;
        }
        Ok(())
    }
}

/// The query for the statistics of an experiment: the same text for those that have the same metrics, segments and design.
fn group_stats_sql(work: &Work<'_>) -> Result<String> {
    let segments = work.experiment.segments.iter();
    let segments: Vec<SegmentSql> = segments.map(|s| SegmentSql::new(&s.value, "")).collect();
    let cluster = work.experiment.design.cluster.as_ref();
    let cluster = cluster.map(|cluster| SegmentSql::new(&cluster.value, ""));
    let watched = work.experiment.is_sequential();
    render::group_stats(&work.metrics, &segments, cluster.as_ref(), watched)
}
