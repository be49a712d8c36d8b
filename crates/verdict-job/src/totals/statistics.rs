//! From the totals of groups to `group_stats`: metrics that several experiments have are computed for all of them together.
//!
//! The query is as wide as its metrics, and planning it takes longer than running it over a few dozen groups. A company's
//! experiments have many metrics in common; so what the same experiments have is one query, of all their groups.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, RecordBatch, StringArray};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{DataType, Field, Schema};
use verdict_model::NaiveDate;
use verdict_model::rows::GroupStat;
use verdict_model::tables::GROUP_STATS;

use super::fresh::counts_to;
use super::telling::Telling;
use super::{Found, Seen, Sweep, Work};
use crate::error::AtStage;
use crate::group_totals::{self, Segments};
use crate::job::{Job, Tally};
use crate::partition::{self, Key};
use crate::render::{self, GroupsSql, MetricSql};
use crate::trust_rows::{self, WatchedMetric, Watching};
use crate::{Error, Result, arrow_types, distributions};

/// So many bytes of groups' totals are computed together at most, unless one experiment has more.
const TOGETHER: usize = 32 << 20;

/// What was made of an experiment's groups and units: `group_totals`, and what checks look at.
type OfGroups = (RecordBatch, Seen);

/// The rows of `group_stats` that the engine made, by experiment (its place in the sweep) and date.
type Computed = BTreeMap<(usize, NaiveDate), Vec<RecordBatch>>;

/// Metrics that the same experiments have, which tell their groups apart in the same way.
struct Shared<'w> {
    metrics: Vec<&'w MetricSql>,
    /// Whether units in several variants are among them.
    several: bool,
    /// The experiments, by their place in the sweep.
    of: Vec<usize>,
}

impl<'w> Shared<'w> {
    /// All metrics of some experiments, each once for all that have it.
    fn of(works: &'w [Work<'_>], numbers: &[usize]) -> Vec<Shared<'w>> {
        let mut of_metric: Vec<(Option<&MetricSql>, Vec<usize>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for number in numbers {
            let work = &works[*number];
            let groups = format!("{:?}", GroupsSql::of(work.experiment));
            for metric in std::iter::once(None).chain(work.metrics.iter().map(Some)) {
                let place = *places.entry(format!("{groups} {metric:?}")).or_insert_with(|| {
                    of_metric.push((metric, Vec::new()));
                    of_metric.len() - 1
                });
                of_metric[place].1.push(*number);
            }
        }
        let mut all: Vec<Shared<'w>> = Vec::new();
        let mut places: HashMap<Vec<usize>, usize> = HashMap::new();
        for (metric, of) in of_metric {
            let place = *places.entry(of.clone()).or_insert_with(|| {
                all.push(Shared { metrics: Vec::new(), several: false, of });
                all.len() - 1
            });
            match metric {
                Some(metric) => all[place].metrics.push(metric),
                None => all[place].several = true,
            }
        }
        all
    }

    /// The columns of the experiments' `group_totals` that are asked for, after one that says whose they are.
    fn table(
        &self,
        works: &[Work<'_>],
        totals: &BTreeMap<usize, RecordBatch>,
        columns: &[String],
    ) -> Result<RecordBatch> {
        let stage = || "group_totals".to_owned();
        let (mut names, mut batches) = (Vec::new(), Vec::new());
        for number in &self.of {
            let Some(totals) = totals.get(number) else { continue };
            let place = |column: &String| totals.schema().index_of(column);
            let places = columns.iter().map(place).collect::<std::result::Result<Vec<_>, _>>();
            batches.push(places.and_then(|places| totals.project(&places)).at(stage)?);
            let name = works[*number].experiment.name.value.as_str();
            names.extend(std::iter::repeat_n(name, totals.num_rows()));
        }
        let Some(schema) = batches.first().map(RecordBatch::schema) else {
            return Err(Error::Internal("metrics of no experiment".into()));
        };
        let all = concat_batches(&schema, &batches).at(stage)?;
        let names: ArrayRef = Arc::new(StringArray::from(names));
        let own = [Arc::new(Field::new("experiment", DataType::Utf8, false))];
        let fields = own.into_iter().chain(schema.fields().iter().cloned());
        let columns = std::iter::once(names).chain(all.columns().iter().cloned());
        let schema = Schema::new(fields.collect::<Vec<_>>());
        RecordBatch::try_new(Arc::new(schema), columns.collect()).at(stage)
    }
}

impl Job {
    /// Makes what is stale of the group statistics of a sweep's experiments.
    pub(super) async fn make_statistics(
        &self,
        of_sweep: (&Sweep, &Found),
        works: &[Work<'_>],
        made: Vec<OfGroups>,
        told: &Telling<'_>,
        tally: &mut Tally,
    ) -> Result<()> {
        let mut together: BTreeMap<usize, RecordBatch> = BTreeMap::new();
        let mut of_trust = BTreeMap::new();
        let mut bytes = 0;
        let mut made = works.iter().enumerate().zip(made).peekable();
        while let Some(((number, work), (totals, seen))) = made.next() {
            if !of_sweep.0.tasks[number].made.is_empty() {
                let rows = self.trust_rows(of_sweep, (number, work), &totals, &seen)?;
                of_trust.insert(number, rows);
                bytes += totals.get_array_memory_size();
                together.insert(number, totals);
            }
            let next = made.peek().map_or(0, |(_, (totals, _))| totals.get_array_memory_size());
            if made.peek().is_some() && bytes + next <= TOGETHER {
                continue;
            }
            let names = together.keys().map(|at| works[*at].experiment.name.value.as_str());
            told.statistics(number + 1, works.len(), &names.collect::<Vec<_>>());
            let mut rows = self.computed(works, &std::mem::take(&mut together)).await?;
            bytes = 0;
            for (number, of_trust) in std::mem::take(&mut of_trust) {
                let own = of_sweep.0.tasks[number].looks.iter();
                let own = own.filter_map(|look| Some((*look, rows.remove(&(number, *look))?)));
                let rows = (own.collect(), of_trust);
                self.write_statistics(of_sweep, (number, &works[number]), rows, tally).await?;
            }
        }
        Ok(())
    }

    /// The rows of the metrics of some experiments.
    async fn computed(
        &self,
        works: &[Work<'_>],
        totals: &BTreeMap<usize, RecordBatch>,
    ) -> Result<Computed> {
        let numbers: Vec<usize> = totals.keys().copied().collect();
        let mut computed = Computed::new();
        for shared in Shared::of(works, &numbers) {
            let Some(first) = shared.of.first() else { continue };
            let groups = GroupsSql::of(works[*first].experiment);
            let metrics: Vec<MetricSql> = shared.metrics.iter().copied().cloned().collect();
            let sql = render::group_stats(&metrics, shared.several, &groups)?;
            self.register("group_totals", &[shared.table(works, totals, &sql.columns)?])?;
            let stage = || match &shared.of[..] {
                [one] => format!("group_stats of {}", works[*one].experiment.name),
                several => format!("group_stats of {} experiments", several.len()),
            };
            let rows = self.collect(&sql.text, &[], stage).await?;
            self.forget();
            let rows = concat_batches(&rows[0].schema(), &rows).at(stage)?;
            let rows = distributions::spelled_out(&rows)?;
            let mut by_experiment = group_totals::by_experiment(&rows)?;
            for number in shared.of {
                let own = by_experiment.remove(&works[number].experiment.name.value);
                for (look, rows) in own.unwrap_or_default() {
                    computed.entry((number, look)).or_default().push(rows);
                }
            }
        }
        Ok(computed)
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
            BTreeMap<NaiveDate, Vec<RecordBatch>>,
            BTreeMap<NaiveDate, Vec<GroupStat>>,
        ),
        tally: &mut Tally,
    ) -> Result<()> {
        let (name, task) = (&work.experiment.name.value, &sweep.tasks[number]);
        let schema = arrow_types::schema(&GROUP_STATS);
        // The first one last: until then who looks for shares looks for those that this is made of ([`super::cut`]).
        let looks = task.looks.iter().enumerate().rev();
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
            let own = by_look.get(look).map_or(&[][..], Vec::as_slice);
            let rows = [trust_rows::merged(own, of_trust)?];
            partition::write(&self.tables, &key, &schema, &rows, wanted, Some(counts)).await?;
            tally.made += 1;
        }
        Ok(())
    }
}
