//! `experiment.metrics`.

use super::adjust;
use super::bootstrap;
use super::definitions::Definitions;
use super::post_stratify;
use super::settings::guardrail;
use super::winsorize;
use crate::yaml::{Item, Map};
use crate::{
    Cuped, DeclaredType, Direction, ExperimentMetric, GuardrailTest, Located, Margin, Mde, Metric,
    MetricKind, Place, Role, Window,
};

/// Keys that are not in effect yet: where, and what follows.
#[derive(Debug, Default)]
pub(super) struct Remarks(pub(super) Vec<(Place, String)>);

impl Remarks {
    fn add(&mut self, item: &Item<'_>, consequence: impl Into<String>) {
        self.0.push((item.place.clone(), consequence.into()));
    }
}

/// The metrics of an experiment, by role.
#[derive(Debug)]
pub(super) struct Metrics {
    pub(super) primary: ExperimentMetric,
    pub(super) guardrails: Vec<ExperimentMetric>,
    pub(super) secondary: Vec<ExperimentMetric>,
}

/// What holds for the metrics of an experiment that say nothing of their own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults<'a> {
    pub(super) window: Option<Window>,
    pub(super) cuped: Option<Cuped>,
    pub(super) pre_period_check: Option<u32>,
    pub(super) post_stratify: Option<&'a String>,
    /// The experiment's segments, which post-stratification is by.
    pub(super) segments: &'a [Located<String>],
}

/// `experiment.metrics`.
pub(super) fn metrics(
    item: &Item<'_>,
    defined: &Definitions<Metric>,
    defaults: Defaults<'_>,
    remarks: &mut Remarks,
) -> Option<Metrics> {
    let metric = |item: &Item<'_>, role, remarks: &mut Remarks| {
        metric(item, role, defined, defaults, remarks)
    };
    let mut map = item.map()?;
    let primary = map.require("primary", "write the metric that decides, such as {name: revenue}");
    let primary = primary.and_then(|item| metric(&item, Role::Primary, remarks));
    let mut list = |key, role| -> Vec<ExperimentMetric> {
        let items = map.get(key).and_then(|item| item.list()).unwrap_or_default();
        items.iter().filter_map(|item| metric(item, role, remarks)).collect()
    };
    let guardrails = list("guardrails", Role::Guardrail);
    let secondary = list("secondary", Role::Secondary);
    let all: Vec<&ExperimentMetric> = primary.iter().chain(&guardrails).chain(&secondary).collect();
    for (i, metric) in all.iter().enumerate() {
        if let Some(first) = all[..i].iter().find(|first| first.name == metric.name) {
            let (name, line) = (&metric.name, first.name.place.line);
            let message = format!("metric `{name}` is named on line {line} already; remove one");
            item.refuse_at(&name.place, message);
        }
    }
    map.finish();
    Some(Metrics { primary: primary?, guardrails, secondary })
}

type Declared = (DeclaredType, &'static str);

/// What `type` may say in an experiment.
const DECLARED: [(&str, Declared); 8] = [
    ("proportion", (DeclaredType::Proportion, "proportion")),
    ("continuous", (DeclaredType::Continuous, "continuous")),
    ("mean", (DeclaredType::Continuous, "mean")),
    ("ratio", (DeclaredType::Ratio, "ratio")),
    ("quantile", (DeclaredType::Quantile, "quantile")),
    ("retention", (DeclaredType::Retention, "retention")),
    ("superiority", (DeclaredType::Superiority, "superiority")),
    ("categorical", (DeclaredType::Categorical, "categorical")),
];

fn metric(
    item: &Item<'_>,
    role: Role,
    defined: &Definitions<Metric>,
    defaults: Defaults<'_>,
    remarks: &mut Remarks,
) -> Option<ExperimentMetric> {
    let mut map = item.map()?;
    let name = map.require("name", "name a metric that is defined under `metrics`");
    let name = name.and_then(|item| defined.refer(&item));
    let definition = name.as_ref().and_then(|name| defined.get(&name.value));
    let declared = map.get("type").and_then(|item| declared(&item, definition));
    if let Some(of) = definition.filter(|of| matches!(of.kind, MetricKind::Categorical(_))) {
        categorical(item, &map, role, of);
    }
    let direction = map.get("direction").and_then(|item| {
        item.word(&[Direction::Increase, Direction::Decrease].map(|d| (d.word(), d)))
    });
    let baseline = map.get("baseline").and_then(|item| {
        remarks.add(&item, "the planned level is not compared with what is observed yet");
        item.number("a number", |_| true)
    });
    let mde = mde(&mut map);
    let (test, threshold) =
        if role == Role::Guardrail { guardrail(&mut map) } else { Default::default() };
    let ranks = definition.filter(|of| matches!(of.kind, MetricKind::Superiority(_)));
    if let (Some(of), GuardrailTest::NonInferiority(Margin::Relative(_))) = (ranks, test) {
        item.refuse(format!(
            "a chance has no share of the control's level: give metric `{}` a `margin_absolute`, such as 0.02",
            of.name
        ));
    }
    if let (Some(of), Some(_)) = (ranks, &threshold) {
        item.refuse(format!(
            "metric `{}` has no level of its own that a threshold could limit; remove it",
            of.name
        ));
    }
    let cuped = adjust::in_effect(&mut map, definition, defaults.cuped);
    let has_past = definition.is_some_and(|metric| adjust::no_past(&metric.kind).is_none());
    let compared = has_past && cuped.is_none();
    let winsorize = winsorize::in_effect(&mut map, definition);
    let bootstrap = bootstrap::in_effect(&mut map, definition, cuped);
    let by = (defaults.segments, defaults.post_stratify);
    let post_stratify = post_stratify::in_effect(&mut map, definition, by, (cuped, bootstrap));
    map.finish();
    Some(ExperimentMetric {
        name: name?,
        role,
        window: definition.and_then(|definition| definition.window).or(defaults.window),
        declared,
        baseline,
        mde,
        direction: direction.unwrap_or_default(),
        test,
        threshold,
        cuped,
        winsorize,
        bootstrap,
        post_stratify,
        pre_period_days: defaults.pre_period_check.filter(|_| compared),
    })
}

/// What a categorical metric cannot have: one of its shares rises as another falls, so that none of it is better.
fn categorical(item: &Item<'_>, map: &Map<'_>, role: Role, of: &Metric) {
    let name = &of.name;
    if role != Role::Secondary {
        item.refuse(format!(
            "metric `{name}` is categorical: its shares differ or not, and no change of them is better; name it under \
             `secondary`, and a proportion of one category here"
        ));
    }
    for (key, own) in map.entries() {
        if ["mde_relative", "mde_absolute", "baseline"].contains(&&*key.value) {
            own.refuse(format!(
                "has no meaning for metric `{name}`, which is categorical; remove it"
            ));
        }
    }
}

fn declared(item: &Item<'_>, definition: Option<&Metric>) -> Option<DeclaredType> {
    let (declared, word) = item.word(&DECLARED)?;
    let Some(definition) = definition else { return Some(declared) };
    let kind = definition.kind.word();
    let fits = word == kind
        || (word == "continuous" && ["mean", "quantile", "superiority"].contains(&kind));
    if !fits {
        let Place { file, line, .. } = &definition.name.place;
        let name = &definition.name;
        item.refuse(format!(
            "`{word}` does not fit metric `{name}`, a {kind} by {file}:{line}; write {kind}"
        ));
    }
    Some(declared)
}

fn mde(map: &mut Map<'_>) -> Option<Mde> {
    let relative = map.get("mde_relative");
    let absolute = map.get("mde_absolute");
    if let (Some(_), Some(absolute)) = (&relative, &absolute) {
        absolute.refuse("`mde_relative` is given as well; keep one of the two");
    }
    let positive = |item: Item<'_>| item.number("a number above 0", |x| x > 0.0);
    let relative = relative.and_then(positive).map(Mde::Relative);
    let absolute = absolute.and_then(positive).map(Mde::Absolute);
    relative.or(absolute)
}
