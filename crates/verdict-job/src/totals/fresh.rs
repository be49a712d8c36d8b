//! Whether totals and group statistics are fresh: what they depend on, and how that has changed.

use std::sync::Arc;

use verdict_model::tables::{GROUP_STATS, UNIT_TOTAL};
use verdict_model::{DataCounts, DayRows, Experiment, NaiveDate};

use super::{Days, Other, Stale};
use crate::Error;
use crate::Result;
use crate::component::{TotalDef, covariate_column};
use crate::fingerprint::Fingerprint;
use crate::job::Job;
use crate::partition::{self, Key, Made, Partition};
use crate::plan::ExperimentTask;
use crate::render::MetricSql;

impl Job {
    pub(super) async fn stale(
        &self,
        experiment: &Experiment,
        task: &ExperimentTask,
        defs: &[TotalDef],
        metrics: &[MetricSql],
        (days, others): (&Days, &[Arc<Other>]),
    ) -> Result<Stale> {
        let looks = &task.looks;
        let name = experiment.name.value.as_str();
        let key = |table, look: &NaiveDate| Key::new(table, &[name, &look.to_string()]);
        let mut keys: Vec<Key> = looks.iter().map(|look| key(&GROUP_STATS, look)).collect();
        keys.extend(looks.last().map(|last| key(&UNIT_TOTAL, last)));
        let mut found = partition::find_all(&self.tables, keys).await?.into_iter();
        let mut of_looks = Vec::new();
        for look in looks {
            let wanted =
                self.group_fingerprint((experiment, task), defs, metrics, (days, others), *look)?;
            of_looks.push((*look, because(&wanted, found.next().flatten().as_ref())));
        }
        let total = match looks.last() {
            Some(last) => {
                let wanted = self.total_fingerprint(experiment, defs, days, *last)?;
                because(&wanted, found.next().flatten().as_ref())
            }
            None => None,
        };
        Ok(Stale { total, looks: of_looks })
    }

    pub(super) fn total_fingerprint(
        &self,
        experiment: &Experiment,
        defs: &[TotalDef],
        days: &Days,
        as_of: NaiveDate,
    ) -> Result<Fingerprint> {
        let buckets = self.project.buckets.to_string();
        Ok(self.inputs_fingerprint(experiment, defs, days, as_of)?.with("buckets", [buckets]))
    }

    /// What the totals as of a day depend on: the same whether they were made from scratch or from earlier ones.
    fn inputs_fingerprint(
        &self,
        experiment: &Experiment,
        defs: &[TotalDef],
        days: &Days,
        as_of: NaiveDate,
    ) -> Result<Fingerprint> {
        let contents = |table: &str, partitions: &[(NaiveDate, Partition)]| {
            partitions
                .iter()
                .filter(|(day, _)| *day <= as_of)
                .map(|(day, partition)| Ok(format!("{day} {}", made(partition, table)?.content)))
                .collect::<Result<Vec<_>>>()
        };
        let several_variants = format!("{:?}", experiment.design.several_variants);
        let wanted = Fingerprint::new()
            .with("exposure_day", contents("exposure_day", &days.exposure)?)
            .with("unit_day", contents("unit_day", &days.unit)?)
            .with("rows of the logs", [format!("{:?}", counts_to(days, as_of))])
            .with("components", defs.iter().map(|def| def.column.clone()))
            .with("segments", experiment.dimensions().into_iter().map(str::to_owned))
            .with("units in several variants", [several_variants]);
        let covariates = self.components.covariates_of(experiment);
        if covariates.is_empty() {
            return Ok(wanted);
        }
        let names = covariates.iter().map(|(column, days)| covariate_column(column, *days));
        Ok(wanted
            .with("unit_day before the first day", contents("unit_day", &days.before)?)
            .with("covariates", names))
    }

    pub(super) fn group_fingerprint(
        &self,
        (experiment, task): (&Experiment, &ExperimentTask),
        defs: &[TotalDef],
        metrics: &[MetricSql],
        (days, others): (&Days, &[Arc<Other>]),
        look: NaiveDate,
    ) -> Result<Fingerprint> {
        let inputs = self.inputs_fingerprint(experiment, defs, days, look)?;
        let told_apart = experiment.segments.iter().map(|segment| segment.value.clone());
        let cluster = experiment.design.cluster.iter().map(|cluster| cluster.value.clone());
        let wanted = inputs
            .with("metrics", metrics.iter().map(|m| format!("{m:?}")))
            .with("segments told apart", told_apart.chain([experiment.segment_values.to_string()]))
            .with("primary metric", [experiment.primary.name.value.clone()])
            .with("cluster", cluster)
            .with("exposures to other experiments", others.iter().filter_map(|o| o.up_to(look)));
        Ok(match task.before(look) {
            Some(_) => wanted.with("compared with", ["the day before"]),
            None => wanted,
        })
    }
}

/// Why `found` is not what is wanted; `None`: it is.
pub(super) fn because(wanted: &Fingerprint, found: Option<&Partition>) -> Option<String> {
    let Some(found) = found else { return Some("missing".into()) };
    match &found.made {
        None => Some("not written by Verdict".into()),
        Some(made) => match wanted.changed_since(&made.fingerprint) {
            changed if changed.is_empty() => None,
            changed => Some(format!("changed: {}", changed.join(", "))),
        },
    }
}

/// The partition's own words about itself.
pub(super) fn made<'a>(partition: &'a Partition, table: &str) -> Result<&'a Made> {
    partition.made.as_deref().ok_or_else(|| Error::Table {
        object: partition.object.location.to_string(),
        reason: format!("this {table} was not written by Verdict; remove it and run again"),
    })
}

/// What became of the logs' rows up to a day.
pub(super) fn counts_to(days: &Days, as_of: NaiveDate) -> DataCounts {
    let mut counts = DataCounts::default();
    let partitions = days.exposure.iter().chain(&days.unit).filter(|(day, _)| *day <= as_of);
    for (day, partition) in partitions {
        if let Some(of_day) = partition.made.as_ref().and_then(|made| made.counts.as_ref()) {
            counts.add(of_day);
            counts.by_day.entry(*day).or_default().add(&DayRows::of(of_day));
        }
    }
    counts
}
