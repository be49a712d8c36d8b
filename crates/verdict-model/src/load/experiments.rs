//! The section `experiment`.

use std::collections::BTreeMap;

use super::adjust;
use super::definitions::{Definitions, undefined};
use super::design;
use super::judged::{self, Defaults, Remarks};
use super::post_stratify;
use super::settings;
use super::window;
use crate::yaml::{Item, Map};
use crate::{Experiment, ExperimentMetric, Exposures, Later, Located, Metric, MetricKind, Source};

/// What an experiment may refer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defined<'a> {
    pub(super) sources: &'a Definitions<Source>,
    pub(super) exposures: &'a Definitions<Exposures>,
    pub(super) metrics: &'a Definitions<Metric>,
}

/// An experiment.
pub(super) fn experiment(
    item: &Item<'_>,
    defined: &Defined<'_>,
    later: &mut Vec<Later>,
) -> Option<Experiment> {
    let mut map = item.map()?;
    let name =
        map.require("name", "write the name of the experiment").and_then(|item| folder_name(&item));
    let hypothesis = map.text("hypothesis").map(|text| text.value);
    let owner = map.text("owner").map(|text| text.value);
    let start = map.get("start").and_then(|item| item.date());
    let end = map.get("end").and_then(|item| {
        let end = item.date()?;
        if let Some(start) = start.filter(|start| *start > end) {
            item.refuse(format!("{end} is before `start`, {start}"));
        }
        Some(end)
    });
    let design = map.require("design", "write at least its unit, such as {unit: user_id}");
    let design = design.and_then(|item| design::design(&item, (start, end)));
    let (exposures, key) = exposures(&mut map, defined.exposures);
    let read = exposures.as_ref().and_then(|name| defined.exposures.get(&name.value));
    let segments = segments(&mut map, read);
    let window = map.get("window").and_then(|item| window::window(&item));
    let segment_values = map.get("segment_values").and_then(|item| values(&item));

    let cuped = adjust::cuped(&mut map).and_then(|(_, cuped)| cuped);
    let pre_period_check = adjust::pre_period_check(&mut map);
    let post_stratify =
        post_stratify::post_stratify(&mut map, &segments).and_then(|(_, segment)| segment);
    let defaults = Defaults {
        window,
        cuped,
        pre_period_check,
        post_stratify: post_stratify.as_ref(),
        segments: &segments,
    };
    let mut remarks = Remarks::default();
    let metrics = map.require("metrics", "name at least the primary metric");
    let metrics =
        metrics.and_then(|item| judged::metrics(&item, defined.metrics, defaults, &mut remarks));
    let judged_by = settings::settings(map.get("statistical_settings"), (start, end));
    let guardrail_settings =
        settings::guardrail_settings(map.get("guardrail_settings"), judged_by.alpha);
    map.finish();

    let (name, design, metrics) = (name?, design?, metrics?);
    later.extend(remarks.0.into_iter().map(|(place, consequence)| Later {
        experiment: Some(name.value.clone()),
        place,
        consequence,
    }));
    let experiment = Experiment {
        hypothesis,
        owner,
        start,
        end,
        design,
        exposures,
        key: key.unwrap_or_else(|| name.value.clone()),
        segments,
        window,
        segment_values: segment_values.unwrap_or(Experiment::SEGMENT_VALUES),
        pre_period_check,
        primary: metrics.primary,
        guardrails: metrics.guardrails,
        secondary: metrics.secondary,
        settings: judged_by,
        guardrail_settings,
        name,
    };
    if let Some(why) = post_stratify::misfit(&experiment) {
        item.refuse(why);
    }
    check_unit(item, &experiment, read, defined);
    check_cluster(item, &experiment, read, defined);
    Some(experiment)
}

/// File systems take 255 bytes, of which `experiment=` and the names of unfinished files are a part.
const MOST_OF_A_NAME: usize = 200;

/// The name of an experiment names folders, too.
fn folder_name(item: &Item<'_>) -> Option<Located<String>> {
    let name = item.text()?;
    let fits = name.value.chars().all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if name.value.chars().count() > MOST_OF_A_NAME {
        item.refuse(format!(
            "names a folder, which cannot be longer than {MOST_OF_A_NAME} characters; shorten it"
        ));
        return None;
    }
    if !fits || name.value.chars().all(|c| c == '.') {
        item.refuse(format!("`{name}` cannot name a folder; use letters, digits, _, - and ."));
        return None;
    }
    Some(name)
}

/// The exposures by name, and the experiment's key in them where the file gives one.
fn exposures(
    map: &mut Map<'_>,
    defined: &Definitions<Exposures>,
) -> (Option<Located<String>>, Option<String>) {
    let item = map.get("exposures");
    if let Some(item) = item.as_ref().filter(|item| !item.is_mapping()) {
        return (defined.refer(item), None);
    }
    let mut inner = item.and_then(|item| item.map());
    let from = inner.as_mut().and_then(|inner| inner.get("from"));
    let key = inner.as_mut().and_then(|inner| inner.get("key"));
    if let Some(inner) = inner {
        inner.finish();
    }
    let name = match (&from, &defined.names()[..]) {
        (Some(from), _) => defined.refer(from),
        (None, []) => None,
        (None, [only]) => Some(Located { value: (*only).to_owned(), place: map.place.clone() }),
        (None, several) => {
            map.refuse(format!("`exposures` is missing: name one of {}", several.join(", ")));
            None
        }
    };
    if let Some(key) = &key
        && let Some(exposures) = name.as_ref().and_then(|name| defined.get(&name.value))
        && exposures.experiment.is_none()
    {
        key.refuse(format!(
            "has nothing to be compared with; give exposures `{}` an `experiment` expression, or remove the key",
            exposures.name
        ));
    }
    (name, key.and_then(|key| key.text()).map(|text| text.value))
}

/// The segments, whose dimensions the exposures must have where those are known; a list is a cross.
fn segments(map: &mut Map<'_>, exposures: Option<&Exposures>) -> Vec<Located<String>> {
    let mut segments: Vec<Located<String>> = Vec::new();
    for item in map.get("segments").and_then(|item| item.list()).unwrap_or_default() {
        let name = if item.is_list() { cross(&item, exposures) } else { one(&item, exposures) };
        let Some(name) = name else { continue };
        if segments.contains(&name) {
            item.refuse(format!("segment `{name}` is named twice; remove one"));
        } else {
            segments.push(name);
        }
    }
    segments
}

/// A dimension that the exposures have.
fn one(item: &Item<'_>, exposures: Option<&Exposures>) -> Option<Located<String>> {
    let name = item.text()?;
    if let Some(exposures) =
        exposures.filter(|exposures| !exposures.segments.contains_key(&name.value))
    {
        let names: Vec<&str> = exposures.segments.keys().map(String::as_str).collect();
        let undefined = undefined(&name.value, &names);
        item.refuse(format!("segment {undefined} in exposures `{}`", exposures.name));
        return None;
    }
    Some(name)
}

/// A cross of dimensions: `[country, platform]` is `country*platform`.
fn cross(item: &Item<'_>, exposures: Option<&Exposures>) -> Option<Located<String>> {
    let mut names: Vec<String> = Vec::new();
    for part in item.list()? {
        let name = one(&part, exposures)?.value;
        if names.contains(&name) {
            part.refuse(format!("dimension `{name}` is in this cross twice; remove one"));
            return None;
        }
        names.push(name);
    }
    if names.len() < 2 {
        item.refuse("a cross has two dimensions or more, such as [country, platform]");
        return None;
    }
    Some(Located { value: names.join("*"), place: item.place.clone() })
}

/// How many values of a segment are told apart.
fn values(item: &Item<'_>) -> Option<u32> {
    let number = item.number("a whole number from 1 to 10000", |x| {
        x.fract() == 0.0 && (1.0..=10_000.0).contains(&x)
    })?;
    Some(number as u32)
}

/// Checks that what was randomised is a dimension of the exposures, and tested once.
fn check_cluster(
    item: &Item<'_>,
    experiment: &Experiment,
    exposures: Option<&Exposures>,
    defined: &Defined<'_>,
) {
    let Some(cluster) = &experiment.design.cluster else { return };
    if let Some(exposures) =
        exposures.filter(|exposures| !exposures.segments.contains_key(&cluster.value))
    {
        let names: Vec<&str> = exposures.segments.keys().map(String::as_str).collect();
        let undefined = undefined(&cluster.value, &names);
        item.refuse_at(
            &cluster.place,
            format!("segment {undefined} in exposures `{}`", exposures.name),
        );
    }
    if experiment.is_sequential() {
        item.refuse_at(
            &cluster.place,
            "clusters are tested once, at the end: remove `sequential` and `sequential_method`",
        );
    }
    if experiment.pre_period_check.is_some() {
        item.refuse_at(
            &cluster.place,
            "units of one cluster are not assigned one by one: remove `pre_period_check`",
        );
    }
    let plain = |metric: &&ExperimentMetric| {
        metric.window.is_none()
            && metric.cuped.is_none()
            && metric.winsorize.is_none()
            && metric.bootstrap.is_none()
    };
    if let Some(metric) = experiment.metrics().find(|metric| !plain(metric)) {
        let name = &metric.name;
        item.refuse_at(
            &cluster.place,
            format!(
                "clusters go without `window`, `cuped`, `winsorize` and `bootstrap`, and metric `{name}` has one"
            ),
        );
    }
    // A cluster's total is that of its units' totals, which these are not.
    let added = |kind: &MetricKind| {
        !matches!(
            kind,
            MetricKind::Quantile { .. }
                | MetricKind::Superiority(_)
                | MetricKind::Categorical(_)
                | MetricKind::Reaches { .. }
                | MetricKind::Retention(_)
        )
    };
    let metrics = experiment.metrics();
    let mut kinds =
        metrics.filter_map(|metric| Some((metric, defined.metrics.get(&metric.name.value)?)));
    if let Some((metric, of)) = kinds.find(|(_, of)| !added(&of.kind)) {
        let (name, word) = (&metric.name, of.kind.word());
        item.refuse_at(
            &cluster.place,
            format!(
                "clusters are compared by totals, and metric `{name}` ({word}) is none: take a proportion of rows, a mean \
                 or a ratio"
            ),
        );
    }
}

/// Checks that every log that the experiment reads knows its unit.
fn check_unit(
    item: &Item<'_>,
    experiment: &Experiment,
    exposures: Option<&Exposures>,
    defined: &Defined<'_>,
) {
    let mut readers: BTreeMap<&str, String> = BTreeMap::new();
    if let Some(exposures) = exposures {
        readers.insert(&exposures.source.value, format!("exposures `{}`", exposures.name));
    }
    for metric in experiment.metrics().filter_map(|metric| defined.metrics.get(&metric.name.value))
    {
        for component in metric.kind.components() {
            readers
                .entry(&component.source.value)
                .or_insert_with(|| format!("metric `{}`", metric.name));
        }
    }
    let unit = &experiment.design.unit;
    for (name, reader) in readers {
        let Some(source) = defined.sources.get(name) else { continue };
        if !source.units.contains_key(&unit.value) {
            let names: Vec<&str> = source.units.keys().map(String::as_str).collect();
            let undefined = undefined(&unit.value, &names);
            item.refuse_at(
                &unit.place,
                format!("unit {undefined} in source `{name}`, read by {reader}"),
            );
        }
    }
}
