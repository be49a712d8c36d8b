//! The experiments of the random logs' project, and how each is judged.

use super::log::Logs;
use super::metrics::{METRICS, Metric};
use super::naive::{Cap, Caps, Experiment, Exposures, Of};
use super::stats::Sided;

/// The smallest effect of interest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mde {
    None,
    Relative(f64),
    Absolute(f64),
}

/// How an experiment is judged.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Metric, and whether more of it is good: the primary one, guardrails, secondary ones.
    pub(crate) primary: (&'static str, bool),
    pub(crate) guardrails: &'static [(&'static str, bool)],
    pub(crate) secondary: &'static [(&'static str, bool)],
    pub(crate) mde: Mde,
    pub(crate) alpha: f64,
    pub(crate) correction: &'static str,
    pub(crate) guardrail_alpha: f64,
    pub(crate) guardrail_correction: &'static str,
    /// The window of metrics that have none of their own.
    pub(crate) window: Option<(usize, usize)>,
    /// Days from look to look of an experiment that is watched sequentially.
    pub(crate) every: Option<usize>,
}

impl Plan {
    /// The day before, of an experiment that is watched; its first day has none.
    pub(crate) fn before(&self, first: usize, day: usize) -> Option<usize> {
        self.every.and_then(|_| day.checked_sub(1)).filter(|before| first <= *before)
    }

    /// Role, metric, whether more is good, sidedness: in the order of the file.
    pub(crate) fn metrics(&self) -> Vec<(&'static str, Metric, bool, Sided)> {
        let guard = |more| if more { Sided::Less } else { Sided::Greater };
        let primary = [("primary", self.primary, Sided::Two)];
        let guardrails = self.guardrails.iter().map(|m| ("guardrail", *m, guard(m.1)));
        let secondary = self.secondary.iter().map(|m| ("secondary", *m, Sided::Two));
        let all = primary.into_iter().chain(guardrails).chain(secondary);
        let of = |name| {
            let metric = *METRICS.iter().find(|m| m.name == name).unwrap();
            Metric { window: metric.window.or(self.window), ..metric }
        };
        all.map(|(role, (name, more), sided)| (role, of(name), more, sided)).collect()
    }
}

/// What is clipped: at one side and at both, where it stays and where it moves, parts of ratios alone and together.
const CAPS: &[(&str, [Caps; 2])] = &[
    ("revenue", [Caps { upper: Some(Cap::Percentile(90.0)), ..Caps::NONE }, Caps::NONE]),
    ("items", [Caps { lower: Some(Cap::At(1.0)), upper: Some(Cap::At(6.0)) }, Caps::NONE]),
    (
        "worth",
        [
            Caps { lower: Some(Cap::Percentile(10.0)), upper: Some(Cap::Percentile(75.0)) },
            Caps::NONE,
        ],
    ),
    ("smallest", [Caps { upper: Some(Cap::Percentile(60.0)), ..Caps::NONE }, Caps::NONE]),
    (
        "revenue_per_click",
        [
            Caps { upper: Some(Cap::Percentile(80.0)), ..Caps::NONE },
            Caps { upper: Some(Cap::Percentile(95.0)), ..Caps::NONE },
        ],
    ),
    ("later_per_click", [Caps { upper: Some(Cap::Percentile(70.0)), ..Caps::NONE }, Caps::NONE]),
    ("pages_per_event", [Caps::NONE, Caps { upper: Some(Cap::At(4.0)), ..Caps::NONE }]),
    ("distinct_items", [Caps { upper: Some(Cap::Percentile(75.0)), ..Caps::NONE }, Caps::NONE]),
    ("first_amount", [Caps { lower: Some(Cap::Percentile(20.0)), ..Caps::NONE }, Caps::NONE]),
];

const ASSIGNMENT_SEGMENTS: &[Of<Option<String>>] =
    &[("device", |row| row.place.clone()), ("tier", |row| row.tier.map(|n| n.to_string()))];

const ASSIGNMENTS: Exposures =
    Exposures { source: "assignments", filter: None, keyed: true, segments: ASSIGNMENT_SEGMENTS };
const SHOWN: Exposures = Exposures {
    source: "events",
    filter: Some(|row| row.event.as_deref() == Some("expose")),
    keyed: true,
    segments: &[("country", |row| row.place.clone())],
};
const EVERYONE: Exposures = Exposures {
    source: "assignments",
    filter: Some(|row| row.tier >= Some(1)),
    keyed: false,
    segments: &[],
};

/// The experiments: exposures in a log of their own and in the event log, two and three arms, two unit types, other
/// first and last days.
pub(crate) fn experiments(logs: &Logs) -> Vec<(Experiment, Plan)> {
    let exclude = logs.setting.exclude;
    let two = || vec![("control", 0.5), ("treatment", 0.5)];
    let alpha = Experiment {
        name: "alpha",
        unit_type: "user",
        exposures: ASSIGNMENTS,
        key: "alpha-key",
        arms: two(),
        days: (0, 4),
        exclude,
        segments: &["device", "tier", "device*tier"],
        values: 20,
        lookback: 0,
        compared: 0,
        caps: &[],
        resampled: &[],
        stratified: &[],
    };
    let beta = Experiment {
        name: "beta",
        exposures: SHOWN,
        key: "beta",
        arms: vec![("a", 0.5), ("b", 0.3), ("c", 0.2)],
        days: (1, 3),
        exclude: !exclude,
        segments: &["country"],
        stratified: &[
            ("clicked", "country"),
            ("balance", "country"),
            ("revenue_per_click", "country"),
        ],
        compared: 1,
        ..alpha.clone()
    };
    let gamma = Experiment {
        name: "gamma",
        unit_type: "session",
        key: "gamma",
        segments: &["tier"],
        values: 1,
        resampled: &[
            ("gave_amount", "percentile"),
            ("most_items", "bca"),
            ("clicks_per_active_day", "bca"),
            ("last_amount", "percentile"),
        ],
        ..alpha.clone()
    };
    let delta = Experiment {
        name: "delta",
        exposures: EVERYONE,
        key: "delta",
        days: (2, 4),
        exclude: !exclude,
        segments: &[],
        caps: &CAPS[..1],
        resampled: &[("saw_a_page", "bca"), ("revenue", "percentile")],
        compared: 2,
        ..alpha.clone()
    };
    let plan = Plan {
        primary: ("clicked", true),
        guardrails: &[("revenue", true), ("longest", false), ("p95", false)],
        secondary: &[
            ("items", true),
            ("amounts", true),
            ("active_days", true),
            ("smallest", false),
            ("pages_per_event", true),
            ("events", true),
            ("first_day_revenue", true),
            ("came_back", true),
            ("later_per_click", true),
            ("two_clicks", true),
            ("median_worth", true),
            ("more_revenue", true),
            ("more_early_clicks", false),
            ("distinct_items", true),
            ("later_places", true),
            ("first_amount", true),
            ("early_last_items", false),
            ("last_place", true),
            ("usual_event", true),
        ],
        mde: Mde::Relative(0.1),
        alpha: 0.05,
        correction: "benjamini_hochberg",
        guardrail_alpha: 0.05,
        guardrail_correction: "bonferroni",
        window: None,
        every: None,
    };
    let of_beta = Plan {
        primary: ("events", true),
        guardrails: &[("saw_a_page", true)],
        secondary: &[
            ("clicked", true),
            ("balance", true),
            ("oks", true),
            ("revenue_per_click", true),
            ("early_smallest", false),
            ("early_days", true),
            ("early_median", true),
        ],
        mde: Mde::Absolute(0.2),
        correction: "holm",
        guardrail_alpha: 0.2,
        guardrail_correction: "none",
        ..plan.clone()
    };
    let of_gamma = Plan {
        primary: ("revenue_per_click", true),
        guardrails: &[("events", false)],
        secondary: &[
            ("gave_amount", true),
            ("most_items", true),
            ("clicks_per_active_day", true),
            ("most_items_q60", true),
            ("smaller", false),
            ("last_amount", true),
            ("more_kinds", true),
            ("first_place", true),
            ("early_usual_event", true),
        ],
        mde: Mde::Relative(0.01),
        alpha: 0.1,
        correction: "bonferroni",
        ..plan.clone()
    };
    let of_delta = Plan {
        primary: ("worth", false),
        guardrails: &[],
        secondary: &[
            ("saw_a_page", true),
            ("revenue", true),
            ("came_back", false),
            ("returned", true),
            ("p95", false),
            ("distinct_items", true),
            ("last_amount", false),
        ],
        mde: Mde::None,
        correction: "none",
        window: Some((0, 1)),
        ..plan.clone()
    };
    // Two that are watched: alpha's units, looked at every day, and beta's with three arms, at every other day.
    let epsilon = Experiment { name: "epsilon", exclude: true, ..alpha.clone() };
    let of_epsilon = Plan { every: Some(1), ..plan.clone() };
    let zeta = Experiment {
        name: "zeta",
        days: (0, 4),
        exclude: true,
        compared: 0,
        stratified: &[],
        ..beta.clone()
    };
    let of_zeta = Plan { every: Some(2), ..of_beta.clone() };
    // Two that are adjusted by two days before: one is tested, one is watched, and has units of any day after the first.
    let eta = Experiment {
        name: "eta",
        days: (2, 4),
        segments: &["device", "tier"],
        lookback: 2,
        caps: CAPS,
        ..alpha.clone()
    };
    let of_eta = Plan {
        guardrails: &[("revenue", true), ("longest", false)],
        secondary: &[
            ("items", true),
            ("active_days", true),
            ("smallest", false),
            ("pages_per_event", true),
            ("revenue_per_click", true),
            ("came_back", true),
            ("later_per_click", true),
            ("worth", true),
            ("distinct_items", true),
            ("later_places", true),
            ("first_amount", true),
        ],
        ..plan.clone()
    };
    let iota = Experiment { name: "iota", days: (2, 4), exclude: true, ..eta.clone() };
    let of_iota = Plan { every: Some(1), ..of_eta.clone() };
    vec![
        (alpha, plan),
        (beta, of_beta),
        (gamma, of_gamma),
        (delta, of_delta),
        (epsilon, of_epsilon),
        (zeta, of_zeta),
        (eta, of_eta),
        (iota, of_iota),
    ]
}
