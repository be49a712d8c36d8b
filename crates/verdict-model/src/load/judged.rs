//! `experiment.metrics` and the settings that they are judged by.

use super::definitions::Definitions;
use super::design::share;
use crate::yaml::{Item, Map};
use crate::{
    Correction, DeclaredType, Direction, ExperimentMetric, GuardrailSettings, Mde, Metric, Place,
    Role, StatisticalSettings,
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

/// `experiment.metrics`.
pub(super) fn metrics(
    item: &Item<'_>,
    defined: &Definitions<Metric>,
    remarks: &mut Remarks,
) -> Option<Metrics> {
    let mut map = item.map()?;
    let primary = map.require("primary", "write the metric that decides, such as {name: revenue}");
    let primary = primary.and_then(|item| metric(&item, Role::Primary, defined, remarks));
    let mut list = |key, role| -> Vec<ExperimentMetric> {
        let items = map.get(key).and_then(|item| item.list()).unwrap_or_default();
        items.iter().filter_map(|item| metric(item, role, defined, remarks)).collect()
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
const DECLARED: [(&str, Declared); 7] = [
    ("proportion", (DeclaredType::Proportion, "proportion")),
    ("continuous", (DeclaredType::Continuous, "continuous")),
    ("mean", (DeclaredType::Continuous, "mean")),
    ("ratio", (DeclaredType::Ratio, "ratio")),
    ("quantile", (DeclaredType::Quantile, "quantile")),
    ("retention", (DeclaredType::Retention, "retention")),
    ("categorical", (DeclaredType::Categorical, "categorical")),
];

fn metric(
    item: &Item<'_>,
    role: Role,
    defined: &Definitions<Metric>,
    remarks: &mut Remarks,
) -> Option<ExperimentMetric> {
    let mut map = item.map()?;
    let name = map.require("name", "name a metric that is defined under `metrics`");
    let name = name.and_then(|item| defined.refer(&item));
    let definition = name.as_ref().and_then(|name| defined.get(&name.value));
    let declared = map.get("type").and_then(|item| declared(&item, definition));
    let direction = map.get("direction").and_then(|item| {
        item.word(&[Direction::Increase, Direction::Decrease].map(|d| (d.word(), d)))
    });
    let baseline = map.get("baseline").and_then(|item| {
        remarks.add(&item, "the planned level is not compared with what is observed yet");
        item.number("a number", |_| true)
    });
    let mde = mde(&mut map);
    if role == Role::Guardrail {
        let name = name.as_ref().map_or("it", |name| &name.value);
        guardrail_keys(&mut map, name, remarks);
    }
    map.finish();
    Some(ExperimentMetric {
        name: name?,
        role,
        declared,
        baseline,
        mde,
        direction: direction.unwrap_or_default(),
    })
}

fn declared(item: &Item<'_>, definition: Option<&Metric>) -> Option<DeclaredType> {
    let (declared, word) = item.word(&DECLARED)?;
    let Some(definition) = definition else { return Some(declared) };
    let kind = definition.kind.word();
    let fits = word == kind || (word == "continuous" && ["mean", "quantile"].contains(&kind));
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

/// What a guardrail may have besides, none of it in effect yet.
fn guardrail_keys(map: &mut Map<'_>, name: &str, remarks: &mut Remarks) {
    let thresholds: Vec<Item<'_>> = map
        .get("threshold")
        .into_iter()
        .chain(map.prefixed("threshold_", "threshold_<unit>"))
        .collect();
    for item in thresholds {
        item.number("a number", |_| true);
        remarks.add(
            &item,
            format!("limits on a level are not in effect yet: `{name}` is compared with the control only"),
        );
    }
    for key in ["margin_relative", "margin_absolute", "margin"] {
        let Some(item) = map.get(key) else { continue };
        item.number("a number above 0", |x| x > 0.0);
        remarks.add(
            &item,
            format!("margins are not in effect yet: `{name}` is tested for deterioration, without a margin"),
        );
    }
    if let Some(item) = map.get("test")
        && item.word(&[("deterioration", false), ("non_inferiority", true)]) == Some(true)
    {
        remarks.add(
            &item,
            format!(
                "non-inferiority is not in effect yet: `{name}` is tested for deterioration instead"
            ),
        );
    }
}

/// `experiment.statistical_settings`.
pub(super) fn settings(item: Option<Item<'_>>, remarks: &mut Remarks) -> StatisticalSettings {
    let mut settings = StatisticalSettings {
        alpha: 0.05,
        correction: Correction::BenjaminiHochberg,
        sample_ratio_alpha: 0.001,
    };
    let Some(mut map) = item.and_then(|item| item.map()) else { return settings };
    if let Some(alpha) = map.get("alpha").and_then(|item| share(&item)) {
        settings.alpha = alpha;
    }
    if let Some(item) = map.get("power") {
        share(&item);
        remarks.add(
            &item,
            "the planned power is not in effect yet: no sample size is computed from it",
        );
    }
    if let Some(correction) = map.get("correction").and_then(|item| item.word(&Correction::WORDS)) {
        settings.correction = correction;
    }
    if let Some(item) = map.get("sequential")
        && item.boolean() == Some(true)
    {
        remarks.add(
            &item,
            "sequential monitoring is not in effect yet: p-values and intervals are those of a fixed-horizon \
             test and do not allow for repeated looks",
        );
    }
    if let Some(item) = map.get("sequential_method")
        && let Some(method) = item.text()
    {
        remarks.add(
            &item,
            format!("the sequential method `{method}` is not in effect yet: a fixed-horizon test is used instead"),
        );
    }
    let mut days = |key, consequence| {
        let item = map.get(key)?;
        remarks.add(&item, consequence);
        let days = item.days()?;
        Some((item, days))
    };
    let max = days(
        "max_duration_days",
        "the longest duration is not in effect yet: results and decisions are given after it, too",
    );
    let min = days(
        "min_duration_days",
        "the shortest duration is not in effect yet: results and decisions are given before it, too",
    );
    if let (Some((_, max)), Some((item, min))) = (max, min)
        && min > max
    {
        item.refuse(format!("{min} is more than `max_duration_days`, {max}"));
    }
    if let Some(alpha) = map.get("sample_ratio_alpha").and_then(|item| share(&item)) {
        settings.sample_ratio_alpha = alpha;
    }
    map.finish();
    settings
}

/// `experiment.guardrail_settings`; `alpha` is the experiment's.
pub(super) fn guardrail_settings(
    item: Option<Item<'_>>,
    alpha: f64,
    remarks: &mut Remarks,
) -> GuardrailSettings {
    let mut settings = GuardrailSettings { alpha, correction: Correction::Bonferroni };
    let Some(mut map) = item.and_then(|item| item.map()) else { return settings };
    if let Some(alpha) = map.get("alpha").and_then(|item| share(&item)) {
        settings.alpha = alpha;
    }
    if let Some(correction) = map.get("correction").and_then(|item| item.word(&Correction::WORDS)) {
        settings.correction = correction;
    }
    if let Some(item) = map.get("auto_stop_on_violation")
        && item.boolean() == Some(true)
    {
        remarks.add(
            &item,
            "automatic stopping is not in effect yet: a violated guardrail is reported, and nothing is stopped",
        );
    }
    map.finish();
    settings
}
