//! `post_stratify`: of an experiment, and of a metric in it.

use crate::yaml::{Item, Map};
use crate::{Bootstrap, Cuped, Experiment, Located, Metric};

/// The key `post_stratify`: not given, `none`, or one of the experiment's segments. A problem counts as `none`.
pub(super) fn post_stratify<'a>(
    map: &mut Map<'a>,
    segments: &[Located<String>],
) -> Option<(Item<'a>, Option<String>)> {
    let item = map.get("post_stratify")?;
    let name = match item.is_list() {
        true => item.list().map(|parts| {
            let names: Vec<String> =
                parts.iter().filter_map(|part| part.text()).map(|text| text.value).collect();
            names.join("*")
        }),
        false => item.text().map(|text| text.value),
    };
    let name = name.filter(|name| name != "none");
    let known = |name: &String| segments.iter().any(|segment| segment.value == *name);
    if let Some(name) = name.as_ref().filter(|name| !known(name)) {
        item.refuse(format!(
            "`{name}` is none of the experiment's `segments`, by which its statistics are kept; add it there"
        ));
        return Some((item, None));
    }
    Some((item, name))
}

/// What is in effect for a metric of an experiment: what its own part says, then the experiment's default, which passes over
/// metrics that cannot have it.
pub(super) fn in_effect(
    map: &mut Map<'_>,
    definition: Option<&Metric>,
    (segments, default): (&[Located<String>], Option<&String>),
    (cuped, bootstrap): (Option<Cuped>, Option<Bootstrap>),
) -> Option<String> {
    let unfit = match definition.map(|metric| &metric.kind) {
        Some(kind) if kind.is_level() && cuped.is_none() && bootstrap.is_none() => None,
        Some(_) if cuped.is_some() => Some(
            "`cuped` is in effect, and one adjustment at a time is made; write `cuped: none` here",
        ),
        Some(_) if bootstrap.is_some() => Some(
            "`bootstrap` is in effect, which resamples the plain estimate; write `bootstrap: none` here",
        ),
        _ => Some("only proportions, means and ratios are levels of strata"),
    };
    match post_stratify(map, segments) {
        Some((item, own)) => {
            if let (Some(why), Some(_), Some(_)) = (unfit, &own, definition) {
                item.refuse(format!("does not fit this metric: {why}"));
                return None;
            }
            own
        }
        None => default.filter(|_| unfit.is_none()).cloned(),
    }
}

/// Why what is in effect does not fit the experiment.
pub(super) fn misfit(experiment: &Experiment) -> Option<String> {
    let metric = experiment.metrics().find(|metric| metric.post_stratify.is_some())?;
    let name = &metric.name;
    experiment.design.cluster.as_ref().map(|_| {
        format!("metric `{name}` is post-stratified, and clusters are compared by their totals; remove `post_stratify`")
    })
}
