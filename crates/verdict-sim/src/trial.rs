//! One experiment, judged at its looks.

use verdict_analysis::judge::{Judgement, judge};
use verdict_analysis::methods::sequential::spending::Spending;
use verdict_model::rows::{GroupStat, WHOLE};
use verdict_model::{Experiment, Role, SequentialMethod, StatisticalSettings};

use crate::history::History;
use crate::run::Counted;
use crate::world::World;
use crate::{Calendar, SimError};

/// The decisions after which an experiment goes on.
const GOES_ON: [&str; 2] = ["continue", "invalid"];

/// What became of one experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// By treatment variant; none where decisions are not counted.
    pub(crate) variants: Vec<Ending>,
    /// By metric and treatment variant, metric by metric.
    pub(crate) metrics: Vec<Option<Found>>,
}

/// The end of the experiment for a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The first decision that ends it, or the last one.
    pub(crate) decision: String,
    /// Its first reason.
    pub(crate) reason: String,
    /// The look (from 0) of that decision.
    pub(crate) look: usize,
}

/// The first look (from 0) at which a metric's test was significant, and the sign of its effect there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) look: usize,
    pub(crate) higher: bool,
}

/// What is kept of a judgement.
#[derive(Clone, Debug)]
struct Seen {
    /// Decision and first reason, by variant.
    decisions: Vec<(String, String)>,
    /// By metric and variant.
    significant: Vec<Option<Significant>>,
    /// By metric and variant: whether the variant is above the control.
    higher: Vec<bool>,
}

/// A test that is significant at a look.
#[derive(Clone, Copy, Debug)]
struct Significant {
    /// The look that crossed first, where the row says so of this very test: one that is alone in its family.
    since: Option<usize>,
}

/// An experiment's looks, judged when they are asked for.
struct Looks<'a> {
    world: &'a World,
    history: &'a History,
    seen: Vec<Option<Seen>>,
    /// First looks are found by bisection: what holds at one look of a sequential method does at every later one.
    bisect: bool,
}

impl World {
    /// Experiment `number` of the seed, from its first unit to its decisions.
    pub(crate) fn trial(
        &self,
        seed: u64,
        number: u64,
        counted: Counted,
    ) -> Result<Outcome, SimError> {
        let history = self.history(seed, number)?;
        let tests = self.metrics.len() * self.treatments().len();
        let count = self.calendar.looks.len();
        let (until, decided) = match counted {
            // What comes after the last look that counts for anything changes nothing. Boundaries are dear;
            // other methods are judged sooner than looked through.
            Counted::TestsOnly if self.experiment.settings.sequential.is_group_sequential() => {
                match self.last_excursion(&history) {
                    None => {
                        return Ok(Outcome { variants: Vec::new(), metrics: vec![None; tests] });
                    }
                    Some(look) => (look + 1, 0),
                }
            }
            Counted::TestsOnly => (count, 0),
            Counted::Decisions | Counted::EveryLook => (count, self.treatments().len()),
        };
        let bisect = self.is_sequential() && counted != Counted::EveryLook;
        let mut looks = Looks { world: self, history: &history, seen: vec![None; until], bisect };
        let variants = (0..decided)
            .map(|variant| {
                let look = looks.first(|seen| {
                    let decision = &*seen.decisions[variant].0;
                    (decision != "invalid").then_some(!GOES_ON.contains(&decision))
                });
                let look = look.unwrap_or(until - 1);
                let (decision, reason) = looks.at(look).decisions[variant].clone();
                Ending { decision, reason, look }
            })
            .collect();
        let metrics = (0..tests)
            .map(|i| {
                let since = if bisect { looks.at(until - 1).significant[i]?.since } else { None };
                if let Some(look) = since {
                    let day = self.calendar.looks[look];
                    let alone = self.seen(&self.alone.judge(self, history.on(day), day));
                    return Some(Found { look, higher: alone.higher[i] });
                }
                let look = looks.first(|seen| Some(seen.significant[i].is_some()))?;
                let higher = looks.at(look).higher[i];
                Some(Found { look, higher })
            })
            .collect();
        Ok(Outcome { variants, metrics })
    }

    fn is_sequential(&self) -> bool {
        self.experiment.settings.sequential != SequentialMethod::None
    }

    /// The last look at which some test would be significant at what is spent by then, if it were the only look of
    /// the only test, or nearly so; at no other look can a test of the plan be.
    ///
    /// What is spent by a look is P(some look so far crosses), which is at least P(this one does): no bound is below
    /// that of a single look at that level. Nearly, because tests over looks take the variances of rates apart where
    /// a single test pools them.
    fn last_excursion(&self, history: &History) -> Option<usize> {
        const NEARLY: f64 = 1.25;
        let looks = self.calendar.looks.iter().enumerate().rev();
        let found = looks.map(|(look, day)| (look, self.alone.judge(self, history.on(*day), *day)));
        let mut found = found.filter(|(look, judgement)| {
            judgement.results.iter().any(|row| {
                let level = NEARLY * self.alone.spent(*look, row.role);
                row.segment == WHOLE && row.p_value.is_some_and(|p| p <= level)
            })
        });
        found.next().map(|(look, _)| look)
    }
}

impl Looks<'_> {
    fn at(&mut self, look: usize) -> &Seen {
        let (world, history) = (self.world, self.history);
        self.seen[look].get_or_insert_with(|| {
            let day = world.calendar.looks[look];
            world.seen(&judged(&world.experiment, world, history.up_to(day), day))
        })
    }

    /// The first look at which something holds; `None` from it where a look cannot tell.
    fn first(&mut self, holds: impl Fn(&Seen) -> Option<bool>) -> Option<usize> {
        let looks = self.seen.len();
        let every =
            |looks: &mut Self| (0..looks.seen.len()).find(|k| holds(looks.at(*k)) == Some(true));
        if !self.bisect {
            return every(self);
        }
        match holds(self.at(looks - 1)) {
            None => return every(self),
            Some(false) => return None,
            Some(true) => {}
        }
        // It holds at `at` and at no look before `from`.
        let (mut from, mut at) = (0, looks - 1);
        while from < at {
            let middle = from + (at - from) / 2;
            match holds(self.at(middle)) {
                None => return every(self),
                Some(true) => at = middle,
                Some(false) => from = middle + 1,
            }
        }
        Some(at)
    }
}

/// What production says of an experiment's statistics as of a day.
fn judged(experiment: &Experiment, world: &World, rows: &[GroupStat], day: usize) -> Judgement {
    judge(experiment, &world.metric_types, world.calendar.days[day], rows, None, &[])
}

/// The experiment with a fixed-horizon test at every look, as if it were the only one.
#[derive(Clone, Debug)]
pub(crate) struct Alone {
    experiment: Experiment,
    /// By look: the level that the plan has spent by then on a two-sided test, and on a guardrail.
    spent: Vec<(f64, f64)>,
}

impl Alone {
    pub(crate) fn of(experiment: &Experiment, calendar: &Calendar) -> Alone {
        let mut alone = experiment.clone();
        alone.settings = StatisticalSettings {
            sequential: SequentialMethod::None,
            max_duration_days: None,
            min_duration_days: None,
            ..alone.settings
        };
        alone.end = None;
        let (alpha, guardrail) = (experiment.settings.alpha, experiment.guardrail_settings.alpha);
        let spending = match experiment.settings.sequential {
            SequentialMethod::ObrienFleming => Some(Spending::ObrienFleming),
            SequentialMethod::Pocock => Some(Spending::Pocock),
            _ => None,
        };
        let first = calendar.days.first();
        let schedule = first.map(|first| experiment.schedule(*first));
        let planned = schedule.and_then(|s| Some(s.days(s.last()?) as f64));
        let spent = calendar.looks().into_iter().map(|days| {
            // Where nothing is known of a plan, everything may be spent.
            let by_then = |alpha: f64| {
                let fraction = f64::from(days) / planned?;
                spending?.spent(fraction.min(1.0), alpha).ok()
            };
            let two_sided = by_then(0.5 * alpha).map_or(alpha, |spent| 2.0 * spent);
            (two_sided, by_then(guardrail).unwrap_or(guardrail))
        });
        Alone { spent: spent.collect(), experiment: alone }
    }

    fn judge(&self, world: &World, rows: &[GroupStat], day: usize) -> Judgement {
        judged(&self.experiment, world, rows, day)
    }

    fn spent(&self, look: usize, role: Role) -> f64 {
        let (two_sided, guardrail) = self.spent[look];
        if role == Role::Guardrail { guardrail } else { two_sided }
    }
}

impl World {
    fn seen(&self, judgement: &Judgement) -> Seen {
        let treatments = self.treatments();
        let decisions = treatments
            .iter()
            .map(|variant| {
                let row = judgement.decisions.iter().find(|row| row.variant == *variant);
                row.map_or_else(Default::default, |row| {
                    (row.decision.clone(), row.reason_codes.first().cloned().unwrap_or_default())
                })
            })
            .collect();
        let mut significant = Vec::with_capacity(self.metrics.len() * treatments.len());
        let mut higher = Vec::with_capacity(significant.capacity());
        for metric in &self.metrics {
            let alpha = self.alpha(metric.role);
            for variant in &treatments {
                let row = judgement.results.iter().find(|row| {
                    row.metric == metric.name && row.variant == *variant && row.segment == WHOLE
                });
                higher.push(row.and_then(|row| row.effect).is_some_and(|effect| effect > 0.0));
                let row = row.filter(|row| row.p_value_adjusted.is_some_and(|p| p <= alpha));
                significant.push(row.map(|row| {
                    let crossed = row.crossed_ds.filter(|_| row.family_size == 1);
                    let place = |ds| {
                        self.calendar.looks.iter().position(|day| self.calendar.days[*day] == ds)
                    };
                    Significant { since: crossed.and_then(place) }
                }));
            }
        }
        Seen { decisions, significant, higher }
    }
}
