//! An experiment: arms, metrics by role, and how they are judged.

use serde::{Deserialize, Serialize};

use crate::{
    Bootstrap, Cuped, GuardrailSettings, GuardrailTest, Located, NaiveDate, Schedule,
    SequentialMethod, StatisticalSettings, Threshold, Window, Winsorize,
};

/// An experiment, with every default filled in.
#[derive(Clone, Debug, PartialEq)]
pub struct Experiment {
    /// Its name: the key of its rows in every table.
    pub name: Located<String>,
    /// What is believed, in a sentence.
    pub hypothesis: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// First day of exposures; `None`: the first day that the exposure log has.
    pub start: Option<NaiveDate>,
    /// Last day that counts; `None`: it is still running.
    pub end: Option<NaiveDate>,
    /// Unit, arms, control.
    pub design: Design,
    /// The exposures (by name) that tell who met which variant; `None` only when the project defines
    /// none at all.
    pub exposures: Option<Located<String>>,
    /// How the exposure log names this experiment (its own name by default).
    pub key: String,
    /// What its results are broken down by: segment dimensions, and crosses of them, whose names are joined by `*`:
    /// `country*platform`.
    pub segments: Vec<Located<String>>,
    /// The window of its metrics that have none of their own.
    pub window: Option<Window>,
    /// How many values of each are told apart, those with the most exposed units; the others are one, [`crate::rows::OTHER`].
    pub segment_values: u32,
    /// How many days before their exposure the arms' units are held against each other by, in metrics that are not adjusted
    /// by their past; `None`: only what is adjusted is.
    pub pre_period_check: Option<u32>,
    /// The metric that decides.
    pub primary: ExperimentMetric,
    /// Metrics that must not get worse.
    pub guardrails: Vec<ExperimentMetric>,
    /// Metrics that are reported.
    pub secondary: Vec<ExperimentMetric>,
    /// How primary and secondary metrics are judged.
    pub settings: StatisticalSettings,
    /// How guardrails are judged.
    pub guardrail_settings: GuardrailSettings,
}

impl Experiment {
    /// How many values of a segment are told apart where nothing is said.
    pub const SEGMENT_VALUES: u32 = 20;

    /// The segment dimensions that its segments and crosses are made of, each once, in the order of their first use.
    pub fn dimensions(&self) -> Vec<&str> {
        let mut dimensions: Vec<&str> = Vec::new();
        let cluster = self.design.cluster.iter().map(|cluster| &*cluster.value);
        let segments = self.segments.iter().flat_map(|segment| parts(&segment.value));
        for name in segments.chain(cluster) {
            if !dimensions.contains(&name) {
                dimensions.push(name);
            }
        }
        dimensions
    }

    /// Its metrics: primary, guardrails, secondary, in the order of the file.
    pub fn metrics(&self) -> impl Iterator<Item = &ExperimentMetric> {
        std::iter::once(&self.primary).chain(&self.guardrails).chain(&self.secondary)
    }

    /// The arms that are compared against the control, in the order of the file.
    pub fn treatments(&self) -> impl Iterator<Item = &Arm> {
        self.design.arms.iter().filter(|arm| arm.name != self.design.control.value)
    }

    /// How many days before its first day are needed: the farthest that any covariate looks back.
    pub fn lookback_days(&self) -> u32 {
        self.metrics().filter_map(ExperimentMetric::past_days).max().unwrap_or(0)
    }

    /// Whether it is looked at before its end by a method that allows for that: the group statistics of each day then
    /// tell what it shares with the day before.
    pub fn is_sequential(&self) -> bool {
        self.settings.sequential != SequentialMethod::None
    }

    /// Whether what is said of it depends on when it began: it is watched, or planned to last.
    pub fn has_schedule(&self) -> bool {
        let settings = &self.settings;
        self.is_sequential()
            || settings.max_duration_days.is_some()
            || settings.min_duration_days.is_some()
    }

    /// The dates whose group statistics it is judged by as of a date, in order, that date the last. `first` is its first
    /// day.
    ///
    /// What is watched needs every day, for the correlations between looks are those from day to day, whatever days are
    /// looked at. A plan with one look is judged by the one at its planned end, also later; and without a `start` the first
    /// day says when it began.
    pub fn judged_by(&self, first: NaiveDate, as_of: NaiveDate) -> Vec<NaiveDate> {
        if self.is_sequential() {
            return first.iter_days().take_while(|day| *day < as_of).chain([as_of]).collect();
        }
        let planned = self.settings.max_duration_days.and_then(|_| self.schedule(first).last());
        let began = (self.has_schedule() && self.start.is_none()).then_some(first);
        let mut dates: Vec<NaiveDate> =
            began.into_iter().chain(planned).filter(|date| *date < as_of).collect();
        dates.dedup();
        dates.push(as_of);
        dates
    }

    /// Its looks as of a first day, which is `start` where the file has one and else what the log or the
    /// statistics say.
    pub fn schedule(&self, first: NaiveDate) -> Schedule {
        let settings = &self.settings;
        Schedule::new(first, settings.look_every_days, settings.max_duration_days, self.end)
    }

    /// The as-of dates of its looks, up to and with `up_to`, by [`Experiment::schedule`]; none without a `start`.
    pub fn looks(&self, up_to: NaiveDate) -> Vec<NaiveDate> {
        self.start.map(|start| self.schedule(start).looks(up_to)).unwrap_or_default()
    }
}

/// The dimensions of a segment: one, or those of a cross.
pub fn parts(segment: &str) -> impl Iterator<Item = &str> {
    segment.split('*')
}

/// Unit, arms and control of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Design {
    /// What is randomised: a unit type that the sources know.
    pub unit: Located<String>,
    /// The arm that the others are compared against.
    pub control: Located<String>,
    /// All arms, the control among them, at least two, names distinct.
    pub arms: Vec<Arm>,
    /// What becomes of a unit that met several variants.
    pub several_variants: SeveralVariants,
    /// The segment dimension that was randomised, where that is not the unit: every unit of a city, a shop or a team met the
    /// same variant. What is compared are then clusters: their totals over their units.
    pub cluster: Option<Located<String>>,
    /// Other weights from a day on, in order; before the first of them the arms have their own.
    pub phases: Vec<Phase>,
}

/// The days from `from` on, up to the next phase, in which units are assigned by other weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// The first day of first exposures by these weights.
    pub from: NaiveDate,
    /// The share of units of each arm, in the order of the arms; positive, they add up to 1.
    pub weights: Vec<f64>,
}

impl Design {
    /// The planned shares of the arms, before any phase.
    pub fn weights(&self) -> Vec<f64> {
        self.arms.iter().map(|arm| arm.weight).collect()
    }

    /// The phase of a day, 0 before the first.
    pub fn phase_on(&self, day: NaiveDate) -> usize {
        self.phases.partition_point(|phase| phase.from <= day)
    }

    /// The planned shares of the arms among the units first exposed on a day.
    pub fn weights_on(&self, day: NaiveDate) -> Vec<f64> {
        self.weights_of(self.phase_on(day))
    }

    /// The planned shares of the arms in a phase; 0 is what was before the first.
    pub fn weights_of(&self, phase: usize) -> Vec<f64> {
        let named = phase.checked_sub(1).and_then(|at| self.phases.get(at));
        named.map_or_else(|| self.weights(), |phase| phase.weights.clone())
    }
}

/// An arm of an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// The variant as the exposure log names it.
    pub name: String,
    /// Planned share of units, positive; the shares of all arms add up to 1.
    pub weight: f64,
}

/// What becomes of a unit that met several variants; it is reported either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SeveralVariants {
    /// It is left out.
    #[default]
    Exclude,
    /// It counts with the variant it met first.
    First,
}

/// The part that a metric plays in an experiment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Decides.
    Primary,
    /// Must not get worse.
    Guardrail,
    /// Is reported.
    Secondary,
}

impl Role {
    /// `primary`, `guardrail` or `secondary`.
    pub fn word(self) -> &'static str {
        match self {
            Role::Primary => "primary",
            Role::Guardrail => "guardrail",
            Role::Secondary => "secondary",
        }
    }
}

/// The direction that is good.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// Higher is better.
    #[default]
    Increase,
    /// Lower is better.
    Decrease,
}

impl Direction {
    /// `increase` or `decrease`.
    pub fn word(self) -> &'static str {
        match self {
            Direction::Increase => "increase",
            Direction::Decrease => "decrease",
        }
    }

    /// `effect` with the sign that makes better positive.
    pub fn gain(self, effect: f64) -> f64 {
        match self {
            Direction::Increase => effect,
            Direction::Decrease => -effect,
        }
    }
}

/// The type that an experiment file declares for a metric; it must be compatible with the definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeclaredType {
    /// A proportion.
    Proportion,
    /// Means and quantiles.
    Continuous,
    /// A ratio of two sums.
    Ratio,
    /// A quantile.
    Quantile,
    /// A retention.
    Retention,
    /// A probability of superiority.
    Superiority,
    /// A categorical metric.
    Categorical,
}

impl DeclaredType {
    /// The word that a file names it by.
    pub fn word(self) -> &'static str {
        match self {
            DeclaredType::Proportion => "proportion",
            DeclaredType::Continuous => "continuous",
            DeclaredType::Ratio => "ratio",
            DeclaredType::Quantile => "quantile",
            DeclaredType::Retention => "retention",
            DeclaredType::Superiority => "superiority",
            DeclaredType::Categorical => "categorical",
        }
    }
}

/// The smallest effect that the experiment is designed to find.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Mde {
    /// As a share of the control's mean (0.05 = 5%); positive.
    Relative(f64),
    /// In the metric's own unit; positive.
    Absolute(f64),
}

/// A metric's part in an experiment.
#[derive(Clone, Debug, PartialEq)]
pub struct ExperimentMetric {
    /// The metric, by name.
    pub name: Located<String>,
    /// The part it plays.
    pub role: Role,
    /// The days after exposure over which it is taken here: the metric's own window, or the experiment's.
    pub window: Option<Window>,
    /// The declared type, where the file gives one.
    pub declared: Option<DeclaredType>,
    /// The level that was expected when the experiment was planned.
    pub baseline: Option<f64>,
    /// The smallest effect of interest.
    pub mde: Option<Mde>,
    /// The direction that is good.
    pub direction: Direction,
    /// How it is tested as a guardrail; [`GuardrailTest::Deterioration`] and without meaning for other roles.
    pub test: GuardrailTest,
    /// A guardrail's limit on the variant's own level.
    pub threshold: Option<Threshold>,
    /// By what of its past it is adjusted.
    pub cuped: Option<Cuped>,
    /// The caps of its totals.
    pub winsorize: Option<Winsorize>,
    /// How it is resampled for its interval and p-value; `None`: they are by the normal law, or Student's.
    pub bootstrap: Option<Bootstrap>,
    /// The segment by which it is post-stratified: one of the experiment's.
    pub post_stratify: Option<String>,
    /// How many days before the exposure its units are compared over, where it is not adjusted by them.
    pub pre_period_days: Option<u32>,
}

impl ExperimentMetric {
    /// How many days before the exposure it has a covariate of.
    pub fn past_days(&self) -> Option<u32> {
        self.cuped.map(|cuped| cuped.lookback_days).or(self.pre_period_days)
    }
}
