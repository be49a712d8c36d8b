//! An experiment, with everything that is true of its units: what a simulation repeats.

use std::collections::BTreeMap;

use verdict_model::{
    Behaviour, Distribution, Draw, Experiment, ExperimentMetric, NaiveDate, Population, Role,
    Schedule, Values, nearest,
};

use crate::effect::{self, Effect, Size};
use crate::group::Law;
use crate::logged::{self, LoggedDay};
use crate::trial::Alone;
use crate::{Calendar, SimError};

/// An experiment whose truth is stated.
#[derive(Clone, Debug)]
pub struct World {
    pub(crate) experiment: Experiment,
    pub(crate) metric_types: BTreeMap<String, String>,
    pub(crate) population: Population,
    pub(crate) metrics: Vec<MetricWorld>,
    pub(crate) calendar: Calendar,
    pub(crate) alone: Alone,
}

/// A metric, variant by variant.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct MetricWorld {
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) role: Role,
    /// In the order of the experiment's arms.
    pub(crate) laws: Vec<Law>,
    /// In the order of the treatment arms.
    pub(crate) effects: Vec<Option<Size>>,
}

/// Units and days of a simulation that are drawn one by one, at most: beyond it, memory of a machine is at risk.
const MOST_UNITS: u64 = 20_000_000;

/// The first day of an experiment whose file names none.
const SOME_DAY: NaiveDate = match NaiveDate::from_ymd_opt(2001, 1, 1) {
    Some(day) => day,
    None => NaiveDate::MIN,
};

impl World {
    /// An experiment of a project under stated effects.
    ///
    /// `metric_types` has the type word of each metric, as for [`verdict_analysis::judge::judge`]. What `logged`
    /// has of a metric comes before what the population states. A proportion that neither tells of has its `baseline`
    /// as its rate. `days` is how many days to simulate, where that is not the planned duration. Segments are not
    /// simulated.
    ///
    /// # Errors
    /// [`SimError`]: what does not fit together.
    pub fn new(
        experiment: &Experiment,
        metric_types: &BTreeMap<String, String>,
        population: &Population,
        logged: &BTreeMap<String, Vec<LoggedDay>>,
        effects: &[Effect],
        days: Option<u32>,
    ) -> Result<World, SimError> {
        let mut experiment = experiment.clone();
        experiment.segments.clear();
        let first = *experiment.start.get_or_insert(SOME_DAY);
        let calendar = Calendar::of(&experiment, experiment.schedule(first), days)?;
        check_names(&experiment, effects)?;
        let mut metrics = Vec::new();
        for metric in experiment.metrics() {
            let name = &metric.name.value;
            let kind = metric_types.get(name).map_or("unknown", String::as_str);
            // A type that no method computes has no statistics; its results say so.
            if !["proportion", "retention", "mean", "ratio"].contains(&kind) {
                continue;
            }
            let logged = logged.get(name).map(Vec::as_slice);
            let source = match logged {
                Some(days) => Source::Logged(days),
                None => Source::Stated(stated(&experiment, metric, kind, population)?),
            };
            let law = |size: Option<Size>| source.law(kind, size);
            let mut laws = Vec::new();
            let mut of_treatments = Vec::new();
            for arm in &experiment.design.arms {
                let treated = arm.name != experiment.design.control.value;
                let size = treated.then(|| size_of(effects, &arm.name, name)).flatten();
                laws.push(law(size).map_err(|reason| SimError::Impossible {
                    metric: name.clone(),
                    variant: arm.name.clone(),
                    reason,
                })?);
                if treated {
                    of_treatments.push(size);
                }
            }
            metrics.push(MetricWorld {
                name: name.clone(),
                kind: kind.to_owned(),
                role: metric.role,
                laws,
                effects: of_treatments,
            });
        }
        let one_by_one = |law: &Law| matches!(law, Law::AtEntry(_) | Law::Acting { .. });
        let drawn = metrics.iter().flat_map(|metric| &metric.laws).any(one_by_one);
        let units = (population.units_per_day * calendar.days.len() as f64) as u64;
        if drawn && units > MOST_UNITS {
            let what = "the number of units of an experiment, drawn one by one,";
            return Err(SimError::TooLarge { what, got: units, most: MOST_UNITS });
        }
        Ok(World {
            metric_types: metric_types.clone(),
            population: population.clone(),
            metrics,
            alone: Alone::of(&experiment, &calendar),
            calendar,
            experiment,
        })
    }

    /// The experiment that is simulated.
    #[must_use]
    pub fn experiment(&self) -> &Experiment {
        &self.experiment
    }

    /// Its days and looks.
    #[must_use]
    pub fn calendar(&self) -> &Calendar {
        &self.calendar
    }

    /// Whether its experiments are made of the same units, day by day.
    pub(crate) fn has_units_of(&self, other: &World) -> bool {
        let (design, others) = (&self.experiment.design, &other.experiment.design);
        self.experiment.name.value == other.experiment.name.value
            && design.arms == others.arms
            && self.population == other.population
            && self.calendar.days == other.calendar.days
            && self.metrics == other.metrics
    }

    /// The names of the treatment variants, in the order of the file.
    pub(crate) fn treatments(&self) -> Vec<&str> {
        self.experiment.treatments().map(|arm| &*arm.name).collect()
    }

    /// The level that a metric of that role is tested at.
    pub(crate) fn alpha(&self, role: Role) -> f64 {
        match role {
            Role::Guardrail => self.experiment.guardrail_settings.alpha,
            Role::Primary | Role::Secondary => self.experiment.settings.alpha,
        }
    }

    /// Whether some metric has a part that all metrics of a unit share.
    pub(crate) fn shares(&self) -> bool {
        self.metrics.iter().flat_map(|metric| &metric.laws).any(Law::shares)
    }
}

/// Whether a type of metric is a share of units.
pub(crate) fn is_rate(kind: &str) -> bool {
    matches!(kind, "proportion" | "retention")
}

/// Where what a metric does is known from.
enum Source<'a> {
    Stated(Behaviour),
    Logged(&'a [LoggedDay]),
}

impl Source<'_> {
    fn law(&self, kind: &str, size: Option<Size>) -> Result<Law, &'static str> {
        match (self, size) {
            (Source::Stated(behaviour), None) => Ok(Law::of(behaviour, is_rate(kind))),
            (Source::Stated(behaviour), Some(size)) => {
                Ok(Law::of(&effect::with_effect(behaviour, size)?, is_rate(kind)))
            }
            (Source::Logged(days), size) => logged::law(days, kind, size),
        }
    }
}

/// What the population says of a metric, if it fits the metric's type.
fn stated(
    experiment: &Experiment,
    metric: &ExperimentMetric,
    kind: &str,
    population: &Population,
) -> Result<Behaviour, SimError> {
    let name = &metric.name.value;
    let example = match kind {
        "proportion" | "retention" => "{distribution: bernoulli, p: 0.1}",
        "ratio" => {
            "{numerator: {distribution: poisson, mean: 1}, denominator: {distribution: poisson, mean: 3}}"
        }
        _ => "{distribution: gaussian, mean: 10, sd: 5}",
    };
    let Some(behaviour) = population.metrics.get(name) else {
        let rate = metric.baseline.filter(|p| is_rate(kind) && *p > 0.0 && *p < 1.0);
        let p = rate.ok_or_else(|| SimError::NoDistribution {
            experiment: experiment.name.value.clone(),
            metric: name.clone(),
            kind: kind.to_owned(),
            example,
        })?;
        let distribution = Distribution::Bernoulli { p };
        let draw = Draw { distribution, persistence: 1.0, shared: 0.0 };
        return Ok(Behaviour { values: Values::One(draw), cumulative: false });
    };
    let fits = match behaviour.values {
        Values::Ratio { .. } => kind == "ratio",
        Values::One(Draw { distribution: Distribution::Bernoulli { .. }, .. }) => kind != "ratio",
        Values::One(_) => kind == "mean",
    };
    if fits {
        return Ok(behaviour.clone());
    }
    Err(SimError::WrongKind { metric: name.clone(), kind: kind.to_owned(), example })
}

/// The effect on a variant's metric: the last that was stated for it, one that names the variant before others.
fn size_of(effects: &[Effect], variant: &str, metric: &str) -> Option<Size> {
    let last = |named: Option<&str>| {
        let of = |effect: &&Effect| effect.metric == metric && effect.variant.as_deref() == named;
        effects.iter().rev().find(of).map(|effect| effect.size)
    };
    last(Some(variant)).or_else(|| last(None)).filter(|size| !size.is_zero())
}

fn check_names(experiment: &Experiment, effects: &[Effect]) -> Result<(), SimError> {
    let metrics: Vec<&str> = experiment.metrics().map(|metric| &*metric.name.value).collect();
    let variants: Vec<&str> = experiment.treatments().map(|arm| &*arm.name).collect();
    let known = |what, names: &[&str], name: &str| {
        if names.contains(&name) {
            return Ok(());
        }
        let near = nearest(name, names.iter().copied());
        Err(SimError::Unknown {
            experiment: experiment.name.value.clone(),
            what,
            name: name.to_owned(),
            hint: near.map_or(String::new(), |near| format!("; did you mean `{near}`?")),
            known: names.join(", "),
        })
    };
    for effect in effects {
        known("metric", &metrics, &effect.metric)?;
        if let Some(variant) = &effect.variant {
            known("treatment variant", &variants, variant)?;
        }
    }
    Ok(())
}

impl Calendar {
    fn of(
        experiment: &Experiment,
        schedule: Schedule,
        days: Option<u32>,
    ) -> Result<Calendar, SimError> {
        let planned = schedule.last().and_then(|last| u32::try_from(schedule.days(last)).ok());
        let count = days
            .or(planned)
            .ok_or_else(|| SimError::NoEnd { experiment: experiment.name.value.clone() })?;
        if count == 0 || count > Calendar::MOST_DAYS {
            let most = u64::from(Calendar::MOST_DAYS);
            let what = "the number of days";
            return Err(SimError::TooLarge { what, got: u64::from(count), most });
        }
        let days: Vec<NaiveDate> = schedule.first().iter_days().take(count as usize).collect();
        let looks: Vec<usize> = match days.last() {
            Some(last) => schedule
                .looks(*last)
                .iter()
                .filter_map(|look| days.iter().position(|day| day == look))
                .collect(),
            None => Vec::new(),
        };
        if looks.is_empty() {
            return Err(SimError::NoEnd { experiment: experiment.name.value.clone() });
        }
        Ok(Calendar { days, looks })
    }
}
