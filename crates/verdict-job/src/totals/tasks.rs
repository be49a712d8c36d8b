//! What a sweep is told: the totals, covariates and caps of each experiment, and what checks look at.

use std::collections::{BTreeMap, BTreeSet};

use chrono::Days as Days64;
use datafusion::arrow::datatypes::DataType;
use verdict_model::rows::TOP_SHARE;
use verdict_model::{MetricKind, NaiveDate, SeveralVariants};

use super::Work;
use crate::component::{TotalDef, capped_column, covariate_column};
use crate::job::Job;
use crate::partition::Partition;
use crate::render;
use crate::room::allowed;
use crate::sweep::{Capped, Column, Covariate, Sweep, Task, Total, Watched};
use crate::trust_rows::WatchedMetric;

/// Bytes that are kept of partitions with few rows, at most.
const MOST_OF_FEW: usize = 64 << 20;

impl Job {
    pub(super) fn sweep_of(&self, unit: &DataType, works: &[Work<'_>]) -> Sweep {
        let mut components: BTreeMap<&str, Column> = BTreeMap::new();
        for work in works {
            for (def, number) in work.defs.iter().zip(&work.numbers) {
                let component = &def.component;
                components.entry(&component.column).or_insert_with(|| Column {
                    name: component.column.clone(),
                    aggregate: component.aggregate,
                    number: *number,
                });
            }
        }
        let place =
            |def: &TotalDef| components.keys().position(|name| *name == def.component.column);
        // The totals of a work, and whether each of its windows is complete.
        let totals_of = |work: &Work<'_>| -> Vec<Total> {
            let of_components = work.defs.iter().map(|def| Total {
                name: def.column.clone(),
                component: place(def),
                window: def.window,
            });
            let windows = work.defs.iter().filter_map(|def| def.window).map(|window| Total {
                name: render::complete_column(window),
                component: None,
                window: Some(window),
            });
            of_components.chain(windows).collect()
        };
        let totals: BTreeMap<String, Total> =
            works.iter().flat_map(totals_of).map(|total| (total.name.clone(), total)).collect();
        let mut covariates: BTreeMap<(&str, u32), Covariate> = BTreeMap::new();
        for work in works {
            for (column, lookback_days) in self.components.covariates_of(work.experiment) {
                let Some(component) = components.keys().position(|name| *name == column) else {
                    continue;
                };
                let name = covariate_column(column, lookback_days);
                let covariate = Covariate { name, component, lookback_days };
                covariates.insert((column, lookback_days), covariate);
            }
        }
        let mut capped: BTreeMap<String, Capped> = BTreeMap::new();
        for work in works {
            for (column, caps) in self.components.capped_of(work.experiment) {
                let Some(total) = totals.keys().position(|name| *name == column) else { continue };
                let name = capped_column(&column, caps);
                capped.insert(name.clone(), Capped { name, total, caps });
            }
        }
        let mut unit_days: BTreeMap<NaiveDate, Partition> = BTreeMap::new();
        let mut tasks = Vec::new();
        for work in works {
            let made: BTreeSet<NaiveDate> = work.stale.stale_looks().collect();
            // The day before each is settled, so that it can be compared with, and not made again.
            let before = made.iter().filter_map(|look| work.task.before(*look));
            let looks: BTreeSet<NaiveDate> = before.chain(made.iter().copied()).collect();
            let looks: Vec<NaiveDate> = looks.into_iter().collect();
            let keep = work.task.looks.last().filter(|_| work.stale.total.is_some());
            let last = looks.last().into_iter().chain(keep).max().copied();
            let needed = |day: &NaiveDate| {
                work.base.as_ref().is_none_or(|base| *day > base.ds)
                    && last.is_some_and(|last| *day <= last)
            };
            let exposure_days = work.days.exposure.iter().filter(|(day, _)| needed(day));
            unit_days.extend(work.days.unit.iter().filter(|(day, _)| needed(day)).cloned());
            // Who is first met on a day after the base was somebody before.
            let lookback = Days64::new(u64::from(work.experiment.lookback_days()));
            let first = work.days.exposure.iter().map(|(day, _)| *day).find(|day| needed(day));
            let looked_at = |day: &NaiveDate| {
                let from = first.and_then(|first| first.checked_sub_days(lookback));
                from.is_some_and(|from| *day >= from) && last.is_some_and(|last| *day < last)
            };
            if work.experiment.lookback_days() > 0 {
                let known = work.days.before.iter().chain(&work.days.unit);
                unit_days.extend(known.filter(|(day, _)| looked_at(day)).cloned());
            }
            let own: BTreeSet<String> =
                totals_of(work).into_iter().map(|total| total.name).collect();
            let own = own.iter().filter_map(|name| totals.keys().position(|total| total == name));
            let of_days: BTreeSet<usize> = work.defs.iter().filter_map(place).collect();
            let past = self.components.covariates_of(work.experiment);
            let past = covariates.keys().zip(0..).filter(|(key, _)| past.contains(*key));
            tasks.push(Task {
                name: work.experiment.name.value.clone(),
                exclude: work.experiment.design.several_variants == SeveralVariants::Exclude,
                segments: work.experiment.dimensions().into_iter().map(str::to_owned).collect(),
                components: of_days.into_iter().collect(),
                totals: own.collect(),
                covariates: past.map(|(_, place)| place).collect(),
                capped: {
                    let own = self.components.capped_of(work.experiment).into_iter();
                    let names: BTreeSet<String> =
                        own.map(|(column, caps)| capped_column(&column, caps)).collect();
                    let of_task = capped.keys().zip(0..).filter(|(name, _)| names.contains(*name));
                    of_task.map(|(_, place)| place).collect()
                },
                base: work.base.clone(),
                exposure_days: exposure_days.cloned().collect(),
                looks,
                made,
                watched: work.experiment.is_sequential(),
                trust: Watched::default(),
            });
        }
        self.watch(works, &mut tasks);
        Sweep {
            tables: self.tables.clone(),
            buckets: self.project.buckets,
            swept: 0..self.project.buckets,
            unit: unit.clone(),
            totals: totals.into_values().collect(),
            components: components.into_values().collect(),
            covariates: covariates.into_values().collect(),
            capped: capped.into_values().collect(),
            limits: Vec::new(),
            unit_days: unit_days.into_iter().collect(),
            tasks,
            room_for_few: usize::try_from(allowed(&self.ctx) / 16)
                .unwrap_or(MOST_OF_FEW)
                .min(MOST_OF_FEW),
        }
    }

    /// Says what of each task's units is looked at, and adds tasks for experiments that are only looked at: their exposures
    /// tell who is in them.
    fn watch(&self, works: &[Work<'_>], tasks: &mut Vec<Task>) {
        let mut places: BTreeMap<String, usize> =
            works.iter().map(|work| work.experiment.name.value.clone()).zip(0..).collect();
        for (number, work) in works.iter().enumerate() {
            let mut others = Vec::new();
            for other in &work.others {
                let place = *places.entry(other.name.clone()).or_insert_with(|| {
                    tasks.push(Task {
                        name: other.name.clone(),
                        exclude: false,
                        segments: Vec::new(),
                        components: Vec::new(),
                        totals: Vec::new(),
                        covariates: Vec::new(),
                        capped: Vec::new(),
                        base: None,
                        exposure_days: other.exposure.clone(),
                        looks: Vec::new(),
                        made: BTreeSet::new(),
                        watched: false,
                        trust: Watched::default(),
                    });
                    tasks.len() - 1
                });
                others.push(place);
            }
            let metrics = self.watched_metrics(work);
            let primary = metrics.iter().find(|m| m.name == work.experiment.primary.name.value);
            let task = &tasks[number];
            let exposed = task.exposure_days.iter().map(|(_, partition)| partition);
            let units = exposed.chain(task.base.iter().map(|base| &base.totals));
            let units: u64 = units.map(Partition::rows).sum();
            tasks[number].trust = Watched {
                primary: primary.map_or(Vec::new(), |metric| metric.columns.clone()),
                large: metrics
                    .iter()
                    .filter(|metric| metric.may_be_large())
                    .map(|metric| metric.columns.clone())
                    .collect(),
                most: (units as f64 * TOP_SHARE).ceil() as usize,
                others,
            };
        }
    }

    /// The metrics whose units checks look at: those of every unit, from exposure on.
    pub(super) fn watched_metrics(&self, work: &Work<'_>) -> Vec<WatchedMetric> {
        let defs = work.defs.iter();
        let complete = defs.clone().filter_map(|def| def.window).map(render::complete_column);
        let totals: BTreeSet<String> = defs.map(|def| def.column.clone()).chain(complete).collect();
        let computed = work.experiment.metrics().filter_map(|metric| {
            let definition = self.project.metrics.get(&metric.name.value)?;
            Some((metric, &definition.kind, self.components.of_metric(metric)?))
        });
        computed
            .zip(&work.metrics)
            .filter_map(|((metric, kind, columns), sql)| {
                let place = |column: &String| totals.iter().position(|total| total == column);
                let columns: Vec<usize> = columns.iter().filter_map(place).collect();
                let (one_or_two, compared) = match kind {
                    MetricKind::Proportion(_) | MetricKind::Mean(_) => (1, true),
                    MetricKind::Ratio { .. } => (2, true),
                    // What they are computed of is not the unit's total itself.
                    MetricKind::Reaches { .. }
                    | MetricKind::Retention(_)
                    | MetricKind::Quantile { .. }
                    | MetricKind::Superiority(_)
                    | MetricKind::Categorical(_) => (1, false),
                };
                let whole = metric.window.is_none() && columns.len() == one_or_two;
                (compared && whole).then(|| WatchedMetric {
                    name: metric.name.value.clone(),
                    metric_type: kind.word().to_owned(),
                    state: sql.moments_name(),
                    plain: metric.cuped.is_none() && metric.winsorize.is_none(),
                    columns,
                })
            })
            .collect()
    }
}
