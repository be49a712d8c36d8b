//! The bootstraps of a run's judgements: what they have drawn, and how much they are still to draw.

use std::sync::Arc;

use verdict_analysis::judge::Resamples;
use verdict_job::Meters;
use verdict_model::rows::GroupStat;
use verdict_model::{Experiment, NaiveDate};

/// Replicates of the experiment at hand, and the meter of all draws.
pub(super) struct Bootstraps {
    meters: Arc<Meters>,
    /// Metrics that are resampled, by the dates that are still to be judged.
    left: u64,
    of: Option<OfExperiment>,
}

struct OfExperiment {
    name: String,
    /// The latest date that was judged: statistics up to it have been resampled.
    judged: Option<NaiveDate>,
    resamples: Resamples<'static>,
}

impl Bootstraps {
    /// Of judgements of these experiments, each once for every date.
    pub(super) fn new<'e>(
        meters: &Arc<Meters>,
        judged: impl Iterator<Item = &'e Experiment>,
    ) -> Bootstraps {
        Bootstraps { meters: Arc::clone(meters), left: judged.map(metrics).sum(), of: None }
    }

    /// An experiment's judgement as of a date that needs none.
    pub(super) fn without(&mut self, experiment: &Experiment) {
        self.left = self.left.saturating_sub(metrics(experiment));
    }

    /// What was drawn for the experiment so far, before it is judged as of a date by these statistics.
    pub(super) fn before(
        &mut self,
        experiment: &Experiment,
        as_of: NaiveDate,
        stats: &[GroupStat],
    ) -> &Resamples<'static> {
        let of = self.of.take().filter(|of| of.name == experiment.name.value);
        let mut of = of.unwrap_or_else(|| {
            let meters = Arc::clone(&self.meters);
            OfExperiment {
                name: experiment.name.value.clone(),
                judged: None,
                resamples: Resamples::heard(move |draws| meters.bootstrap.add(draws)),
            }
        });
        let own = metrics(experiment);
        self.left = self.left.saturating_sub(own);
        if own > 0 {
            let draws = draws(experiment, of.judged, as_of, stats);
            // The others are taken to be like this one.
            let others = u128::from(draws) * u128::from(self.left) / u128::from(own);
            let others = u64::try_from(others).unwrap_or(u64::MAX);
            self.meters.bootstrap.expect_still(draws.saturating_add(others));
        }
        of.judged = Some(as_of);
        &self.of.insert(of).resamples
    }
}

impl Drop for Bootstraps {
    fn drop(&mut self) {
        self.meters.bootstrap.expect_still(0);
    }
}

/// Whether an experiment has any.
pub(super) fn are_of(experiment: &Experiment) -> bool {
    metrics(experiment) > 0
}

/// How many metrics are resampled.
fn metrics(experiment: &Experiment) -> u64 {
    experiment.metrics().filter(|metric| metric.bootstrap.is_some()).count() as u64
}

/// How many draws a judgement makes at most: a weight for each distinct total in each replicate, of the statistics after those
/// that were judged.
fn draws(
    experiment: &Experiment,
    judged: Option<NaiveDate>,
    as_of: NaiveDate,
    stats: &[GroupStat],
) -> u64 {
    let from_looks = experiment.has_schedule();
    let counts = |row: &&GroupStat| {
        row.experiment == experiment.name.value
            && row.ds <= as_of
            && (row.ds == as_of || from_looks)
            && judged.is_none_or(|judged| row.ds > judged)
    };
    let of_row = |row: &GroupStat| {
        let metric = experiment.metrics().find(|metric| metric.name.value == row.metric)?;
        // A proportion has two totals.
        let distinct = row.totals.as_ref().map_or(2, |totals| totals.count.len() as u64);
        Some(distinct * u64::from(metric.bootstrap?.replicates))
    };
    stats.iter().filter(counts).filter_map(of_row).sum()
}
