//! `bootstrap`: of a metric, and of a metric in an experiment.

use crate::yaml::Map;
use crate::{Bootstrap, BootstrapInterval, Cuped, Metric, MetricKind};

/// The key `bootstrap` of a metric of a kind: not given, `none`, or how. A problem counts as `none`.
pub(super) fn bootstrap(map: &mut Map<'_>, kind: Option<&MetricKind>) -> Option<Option<Bootstrap>> {
    let item = map.get("bootstrap")?;
    if !item.is_mapping() {
        let known = item.text().filter(|text| text.value == "none");
        if known.is_none() {
            item.refuse(
                "write {interval: bca}, with replicates and seed where they matter, or none",
            );
        }
        return Some(None);
    }
    let mut inner = item.map()?;
    let default = Bootstrap::default();
    let interval = inner.get("interval").and_then(|item| item.word(&BootstrapInterval::WORDS));
    let (fewest, most) = (Bootstrap::FEWEST, Bootstrap::MOST);
    let whole = |x: f64, least: u32, most: u32| {
        x.fract() == 0.0 && (f64::from(least)..=f64::from(most)).contains(&x)
    };
    let replicates = inner.get("replicates").and_then(|item| {
        let expected = format!("a whole number from {fewest} to {most}");
        item.number(&expected, |x| whole(x, fewest, most))
    });
    let seed = inner.get("seed").and_then(|item| {
        item.number("a whole number from 0 to 4294967295", |x| whole(x, 0, u32::MAX))
    });
    inner.finish();
    let bootstrap = Bootstrap {
        interval: interval.unwrap_or(default.interval),
        replicates: replicates.map_or(default.replicates, |x| x as u32),
        seed: seed.map_or(default.seed, |x| x as u32),
    };
    match kind {
        None => Some(None),
        Some(kind) if kind.is_level() => Some(Some(bootstrap)),
        Some(_) => {
            item.refuse(
                "does not fit this metric: only proportions, means and ratios are resampled",
            );
            Some(None)
        }
    }
}

/// What is in effect for a metric of an experiment: what its own part says, then its definition.
pub(super) fn in_effect(
    map: &mut Map<'_>,
    definition: Option<&Metric>,
    cuped: Option<Cuped>,
) -> Option<Bootstrap> {
    let found = match bootstrap(map, definition.map(|metric| &metric.kind)) {
        Some(own) => own,
        None => definition.and_then(|metric| metric.bootstrap),
    };
    if found.is_some() && cuped.is_some() {
        map.refuse(
            "`cuped` and `bootstrap` are both in effect: an estimate that is adjusted by its past is not resampled; write \
             `cuped: none` or `bootstrap: none` here",
        );
        return None;
    }
    found
}
