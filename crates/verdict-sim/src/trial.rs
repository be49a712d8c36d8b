//! One experiment, judged at its looks.

use std::collections::BTreeMap;

use verdict_analysis::judge::{Judgement, judge, judge_results};
use verdict_analysis::methods::families::{Correction, adjust};
use verdict_analysis::methods::sequential::spending::Spending;
use verdict_model::rows::{DecisionRow, GroupStat, ResultRow, WHOLE};
use verdict_model::{Experiment, Role, SequentialMethod, StatisticalSettings};

use crate::Calendar;
use crate::history::History;
use crate::run::Counted;
use crate::world::World;

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
    /// Whether decisions are counted, and not tests only.
    decisions: bool,
    /// First looks are found by bisection: what holds at one look of a sequential method does at every later one.
    bisect: bool,
}

impl World {
    /// What becomes of an experiment whose units have this history.
    pub(crate) fn trial(&self, history: &History, counted: Counted) -> Outcome {
        let tests = self.metrics.len() * self.treatments().len();
        let count = self.calendar.looks.len();
        let (until, decided) = match counted {
            // What comes after the last look that counts for anything changes nothing. Boundaries are dear;
            // other methods are judged sooner than looked through.
            Counted::TestsOnly if self.experiment.settings.sequential.is_group_sequential() => {
                match self.last_excursion(history) {
                    None => {
                        return Outcome { variants: Vec::new(), metrics: vec![None; tests] };
                    }
                    Some(look) => (look + 1, 0),
                }
            }
            Counted::TestsOnly => (count, 0),
            Counted::Decisions | Counted::EveryLook => (count, self.treatments().len()),
        };
        let bisect = self.is_sequential() && counted != Counted::EveryLook;
        let decisions = decided > 0;
        let seen = vec![None; until];
        let mut looks = Looks { world: self, history, seen, decisions, bisect };
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
                    let alone = self.seen(&self.alone.results(self, history.on(day), day), &[]);
                    return Some(Found { look, higher: alone.higher[i] });
                }
                let look = looks.first(|seen| Some(seen.significant[i].is_some()))?;
                let higher = looks.at(look).higher[i];
                Some(Found { look, higher })
            })
            .collect();
        Outcome { variants, metrics }
    }

    fn is_sequential(&self) -> bool {
        self.experiment.settings.sequential != SequentialMethod::None
    }

    /// The last look at which some test may be significant, `None` where none ever is: not even corrected within its
    /// family.
    ///
    /// What a plan of a level has spent by a look is P(some look so far crosses), which is at least P(this one does):
    /// no bound is below that of a single look at what is spent. So the plan's p-value is at least the level that
    /// would have spent the look's own p-value by then, the smallest of them over the looks; and corrections do not
    /// fall where p-values rise. Nearly, because tests over looks take the variances of rates apart where a single
    /// test pools them.
    fn last_excursion(&self, history: &History) -> Option<usize> {
        const NEARLY: f64 = 1.25;
        let mut last = None;
        let mut tests: Vec<Least> = Vec::new();
        for (look, day) in self.calendar.looks.iter().enumerate() {
            let rows = self.alone.results(self, history.on(*day), *day);
            let rows = rows.into_iter().filter(|row| row.segment == WHOLE);
            for (i, row) in rows.enumerate() {
                if tests.len() == i {
                    let (family, correction) = (row.family.clone(), row.correction.clone());
                    tests.push(Least { family, correction, p: 1.0 });
                }
                let Some(p) = row.p_value else { continue };
                let p = self.alone.least_level(look, &row.alternative, p / NEARLY);
                tests[i].p = tests[i].p.min(p);
                if p <= self.alpha(row.role) {
                    last = Some(look);
                }
            }
        }
        let level = self.alpha(Role::Primary).max(self.alpha(Role::Guardrail));
        corrected(&tests).any(|p| p <= level).then_some(last)?
    }
}

/// The least that a test's p-value can be.
struct Least {
    family: String,
    correction: String,
    p: f64,
}

/// p-values, corrected within their families.
fn corrected(tests: &[Least]) -> impl Iterator<Item = f64> {
    let mut families: BTreeMap<&str, (&str, Vec<f64>)> = BTreeMap::new();
    for test in tests {
        let family = families.entry(&test.family);
        family.or_insert_with(|| (&test.correction, Vec::new())).1.push(test.p);
    }
    families.into_values().flat_map(|(word, p_values)| {
        let by = match word {
            "bonferroni" => Correction::Bonferroni,
            "holm" => Correction::Holm,
            "hochberg" => Correction::Hochberg,
            "benjamini_hochberg" => Correction::BenjaminiHochberg,
            "benjamini_yekutieli" => Correction::BenjaminiYekutieli,
            _ => return p_values,
        };
        adjust(&p_values, by).unwrap_or(p_values)
    })
}

impl Looks<'_> {
    fn at(&mut self, look: usize) -> &Seen {
        let (world, history, decisions) = (self.world, self.history, self.decisions);
        self.seen[look].get_or_insert_with(|| {
            let day = world.calendar.looks[look];
            let (experiment, rows) = (&world.experiment, history.up_to(day));
            if decisions {
                let Judgement { results, decisions, .. } = judged(experiment, world, rows, day);
                return world.seen(&results, &decisions);
            }
            world.seen(&results(experiment, world, rows, day), &[])
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

/// The result rows of the same.
fn results(
    experiment: &Experiment,
    world: &World,
    rows: &[GroupStat],
    day: usize,
) -> Vec<ResultRow> {
    judge_results(experiment, &world.metric_types, world.calendar.days[day], rows)
}

/// What production says of an experiment's statistics as of a day.
fn judged(experiment: &Experiment, world: &World, rows: &[GroupStat], day: usize) -> Judgement {
    judge(experiment, &world.metric_types, world.calendar.days[day], rows, None, &[])
}

/// The experiment with a fixed-horizon test at every look, as if it were the only one.
#[derive(Clone, Debug)]
pub(crate) struct Alone {
    experiment: Experiment,
    spending: Option<Spending>,
    /// By look: the share of the planned days that has passed; `None` where nothing is known of a plan.
    fractions: Vec<Option<f64>>,
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
        let spending = match experiment.settings.sequential {
            SequentialMethod::ObrienFleming => Some(Spending::ObrienFleming),
            SequentialMethod::Pocock => Some(Spending::Pocock),
            _ => None,
        };
        let first = calendar.days.first();
        let schedule = first.map(|first| experiment.schedule(*first));
        let planned = schedule.and_then(|s| Some(s.days(s.last()?) as f64));
        let looks = calendar.looks().into_iter();
        let fractions = looks.map(|days| Some((f64::from(days) / planned?).min(1.0))).collect();
        Alone { experiment: alone, spending, fractions }
    }

    fn results(&self, world: &World, rows: &[GroupStat], day: usize) -> Vec<ResultRow> {
        results(&self.experiment, world, rows, day)
    }

    /// The level of a plan that may spend `p` by this look; `p` itself where nothing is known of a plan.
    fn least_level(&self, look: usize, alternative: &str, p: f64) -> f64 {
        let sides = if alternative == "two-sided" { 2.0 } else { 1.0 };
        let level = |(spending, fraction): (Spending, f64)| {
            Some(sides * spending.level_of(fraction, p / sides).ok()?)
        };
        self.spending.zip(self.fractions[look]).and_then(level).unwrap_or(p)
    }
}

impl World {
    fn seen(&self, results: &[ResultRow], decisions: &[DecisionRow]) -> Seen {
        let treatments = self.treatments();
        let decisions = treatments
            .iter()
            .map(|variant| {
                let row = decisions.iter().find(|row| row.variant == *variant);
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
                let row = results.iter().find(|row| {
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
