//! `winsorize`: of a metric, and of a metric in an experiment.

use crate::yaml::{Item, Map};
use crate::{Cap, Caps, Metric, MetricKind, Winsorize};

/// The key `winsorize` of a metric of a kind: not given, `none`, or its caps. A problem counts as `none`.
pub(super) fn winsorize(map: &mut Map<'_>, kind: Option<&MetricKind>) -> Option<Option<Winsorize>> {
    let item = map.get("winsorize")?;
    if !item.is_mapping() {
        let known = item.text().filter(|text| text.value == "none");
        if known.is_none() {
            item.refuse("write {upper_percentile: 99.5} or {upper: 500}, or none");
        }
        return Some(None);
    }
    match kind {
        None => Some(None),
        Some(MetricKind::Mean(_)) => Some(of_mean(&item)),
        Some(MetricKind::Ratio { .. }) => Some(of_ratio(&item)),
        Some(MetricKind::Proportion(_) | MetricKind::Reaches { .. } | MetricKind::Retention(_)) => {
            item.refuse("does not fit this metric: a proportion is made of zeros and ones");
            Some(None)
        }
        Some(
            MetricKind::Categorical(_) | MetricKind::Quantile { .. } | MetricKind::Superiority(_),
        ) => {
            item.refuse("does not fit this metric: only the totals of means and ratios have caps");
            Some(None)
        }
    }
}

/// What is in effect for a metric of an experiment: what its own part says, then its definition.
pub(super) fn in_effect(map: &mut Map<'_>, definition: Option<&Metric>) -> Option<Winsorize> {
    match winsorize(map, definition.map(|metric| &metric.kind)) {
        Some(own) => own,
        None => definition.and_then(|metric| metric.winsorize),
    }
}

fn of_mean(item: &Item<'_>) -> Option<Winsorize> {
    let mut map = item.map()?;
    let x = caps(&mut map, true);
    map.finish();
    some(item, Winsorize { x, y: Caps::default(), ratio: false })
}

/// Percentiles are of both parts; a cap in a unit is of one of them.
fn of_ratio(item: &Item<'_>) -> Option<Winsorize> {
    let mut map = item.map()?;
    let both = caps(&mut map, false);
    let mut part = |key| {
        let inner = map.get(key).and_then(|item| item.map());
        inner.map(|mut inner| {
            let caps = caps(&mut inner, true);
            inner.finish();
            caps
        })
    };
    let (x, y) = (part("numerator"), part("denominator"));
    map.finish();
    some(item, Winsorize { x: x.unwrap_or(both), y: y.unwrap_or(both), ratio: true })
}

fn some(item: &Item<'_>, caps: Winsorize) -> Option<Winsorize> {
    if caps.x.any() || caps.y.any() {
        return Some(caps);
    }
    // A cap that is wrong has been refused already.
    if item.map().is_some_and(|map| map.entries().is_empty()) {
        item.refuse("has no cap; write {upper_percentile: 99.5}, {upper: 500}, or both sides");
    }
    None
}

fn caps(map: &mut Map<'_>, fixed: bool) -> Caps {
    let mut side = |key: &str| {
        let percentile_key = format!("{key}_percentile");
        let at = if fixed { map.get(key) } else { None };
        let percentile = map.get(&percentile_key);
        if let (Some(_), Some(item)) = (&at, &percentile) {
            item.refuse(format!("`{key}` is given as well; keep one of the two"));
        }
        let within = |x: f64| x > 0.0 && x < 100.0;
        let percentile = percentile
            .and_then(|item| item.number("a number between 0 and 100", within))
            .map(Cap::Percentile);
        let fixed = at.and_then(|item| item.number("a number", |_| true)).map(Cap::Fixed);
        percentile.or(fixed)
    };
    let caps = Caps { lower: side("lower"), upper: side("upper") };
    let crossed = match (caps.lower, caps.upper) {
        (Some(Cap::Fixed(lower)), Some(Cap::Fixed(upper)))
        | (Some(Cap::Percentile(lower)), Some(Cap::Percentile(upper))) => lower >= upper,
        _ => false,
    };
    if crossed {
        map.refuse("the lower cap is not below the upper one");
    }
    caps
}
