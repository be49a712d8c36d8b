//! The groups of `group_stats` once more: which units are in which, and the values of each.

use std::collections::{BTreeMap, BTreeSet};

use super::log::Unit;
use super::naive::{Caps, Experiment, Metric, Told, Total, clipped};

/// The sufficient statistics of a group, with the values that they are of.
#[derive(Clone, Debug, Default)]
pub(crate) struct Group {
    pub(crate) x: Vec<f64>,
    /// A ratio's denominators, one for each x.
    pub(crate) y: Vec<f64>,
    /// Units that count and whose window is not complete, of a metric with a window.
    pub(crate) not_mature: Option<usize>,
    /// What x and y were before the exposure, of a metric that is adjusted by that.
    pub(crate) past_x: Vec<f64>,
    pub(crate) past_y: Vec<f64>,
    /// What x and y were before the exposure of every unit that counts, of a metric that is compared by that.
    pub(crate) compared_x: Vec<f64>,
    pub(crate) compared_y: Vec<f64>,
    /// Of a metric that is clipped: x and y as they are, the ends of both, and how many are beyond them.
    pub(crate) raw_x: Vec<f64>,
    pub(crate) raw_y: Vec<f64>,
    pub(crate) ends: [[Option<f64>; 2]; 2],
    pub(crate) beyond: [usize; 2],
    /// Of what is kept by value the values of each unit, instead of x and y.
    pub(crate) values: Vec<Vec<f64>>,
    /// How many units are in each category.
    pub(crate) categories: BTreeMap<String, usize>,
    /// And the ends of the buckets that the tables count them by.
    pub(crate) buckets: Vec<(f64, f64)>,
}

impl Group {
    pub(crate) fn n(&self) -> usize {
        self.x.len().max(self.values.len()).max(self.categories.values().sum())
    }
}

/// Metric, segment, segment value, variant.
pub(crate) type GroupKey = (String, String, String, String);

/// The value of each segment of a unit, a cross's joined.
fn values_of(experiment: &Experiment, total: &Total) -> Vec<String> {
    let of = |name: &str| {
        let at = experiment.exposures.segments.iter().position(|(own, _)| *own == name).unwrap();
        total.segments[at].clone().unwrap_or_else(|| "(none)".to_owned())
    };
    let values = experiment.segments.iter();
    values.map(|s| s.split('*').map(of).collect::<Vec<_>>().join("*")).collect()
}

/// The values of each segment that are told apart: those of the most units, of equals the first.
fn told_apart(experiment: &Experiment, totals: &BTreeMap<Unit, Total>) -> Vec<BTreeSet<String>> {
    let of_units: Vec<Vec<String>> = totals.values().map(|t| values_of(experiment, t)).collect();
    let of_segment = |at: usize| {
        let mut units: BTreeMap<&str, i64> = BTreeMap::new();
        of_units.iter().for_each(|values| *units.entry(&values[at]).or_default() += 1);
        let mut units: Vec<(i64, &str)> = units.into_iter().map(|(v, n)| (-n, v)).collect();
        units.sort_unstable();
        let kept = if units.len() > experiment.values { experiment.values } else { units.len() };
        units[..kept].iter().map(|(_, value)| (*value).to_owned()).collect()
    };
    (0..experiment.segments.len()).map(of_segment).collect()
}

/// The values of each unit's segments, as they are told apart.
pub(crate) fn labels(
    experiment: &Experiment,
    totals: &BTreeMap<Unit, Total>,
) -> BTreeMap<Unit, Vec<String>> {
    let kept = told_apart(experiment, totals);
    let label = |(value, kept): (String, &BTreeSet<String>)| match kept.contains(&value) {
        true => value,
        false => "(other)".to_owned(),
    };
    let of = |total| values_of(experiment, total).into_iter().zip(&kept).map(label).collect();
    totals.iter().map(|(unit, total)| (unit.clone(), of(total))).collect()
}

/// `group_stats`.
pub(crate) fn groups(
    experiment: &Experiment,
    metrics: &[Metric],
    totals: &BTreeMap<Unit, Total>,
) -> BTreeMap<GroupKey, Group> {
    let apart = told_apart(experiment, totals);
    groups_within(experiment, metrics, totals, (&ends(experiment, metrics, totals), &apart))
}

/// The ends of the totals of each metric that is clipped.
type Ends = BTreeMap<String, [[Option<f64>; 2]; 2]>;

fn ends(experiment: &Experiment, metrics: &[Metric], totals: &BTreeMap<Unit, Total>) -> Ends {
    let of_metric = |(name, caps): &(&str, [Caps; 2])| {
        let metric = metrics.iter().find(|metric| metric.name == *name)?;
        let counted = totals.values().filter(|total| total.counted);
        let values: Vec<Vec<f64>> = counted.filter_map(|total| total.of(metric)).collect();
        let of = |i: usize| {
            let part = values.iter().filter_map(|values| values.get(i)).copied();
            caps[i].ends(&part.collect::<Vec<f64>>())
        };
        Some(((*name).to_owned(), [of(0), of(1)]))
    };
    experiment.caps.iter().filter_map(of_metric).collect()
}

fn groups_within(
    experiment: &Experiment,
    metrics: &[Metric],
    totals: &BTreeMap<Unit, Total>,
    (ends, told_apart): (&Ends, &[BTreeSet<String>]),
) -> BTreeMap<GroupKey, Group> {
    let mut groups: BTreeMap<GroupKey, Group> = BTreeMap::new();
    for total in totals.values() {
        let mut places = vec![("all".to_owned(), "all".to_owned())];
        let values = values_of(experiment, total);
        for ((name, value), kept) in experiment.segments.iter().zip(values).zip(told_apart) {
            let value = if kept.contains(&value) { value } else { "(other)".to_owned() };
            places.push(((*name).to_owned(), value));
        }
        for (segment, value) in places {
            let key = |metric: &str| {
                (metric.to_owned(), segment.clone(), value.clone(), total.variant.clone())
            };
            groups.entry(key("several_variants")).or_default().x.push(f64::from(total.several));
            for metric in metrics {
                // A group of units that do not count is there, with none.
                let group = groups.entry(key(metric.name)).or_default();
                if let Some((_, to)) = metric.window {
                    let waits = total.counted && !total.is_past(to);
                    *group.not_mature.get_or_insert(0) += usize::from(waits);
                }
                if experiment.compared > 0 && metric.comparable && total.counted {
                    let past = total.before(metric, &total.compared, experiment.compared);
                    group.compared_x.push(past[0]);
                    group.compared_y.extend(past.get(1));
                }
                if let Some(Told::Category(category)) = total.told(metric).filter(|_| total.counted)
                {
                    *group.categories.entry(category).or_default() += 1;
                    continue;
                }
                if metric.by_value {
                    group.values.extend(total.values_of(metric).filter(|_| total.counted));
                    continue;
                }
                let ends = ends.get(metric.name);
                group.ends = ends.copied().unwrap_or_default();
                let Some(mut values) = total.of(metric).filter(|_| total.counted) else { continue };
                if let Some(ends) = ends {
                    group.raw_x.push(values[0]);
                    group.raw_y.extend(values.get(1));
                    for ((value, ends), beyond) in
                        values.iter_mut().zip(ends).zip(&mut group.beyond)
                    {
                        let within = clipped(*value, *ends);
                        *beyond += usize::from(within != *value);
                        *value = within;
                    }
                }
                group.x.push(values[0]);
                group.y.extend(values.get(1));
                if experiment.lookback > 0 && metric.has_past() {
                    let past = total.before(metric, &total.past, experiment.lookback);
                    group.past_x.push(past[0]);
                    group.past_y.extend(past.get(1));
                }
            }
        }
    }
    groups
}

/// The values of the units of a group that count on two days: now, and what they were.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared {
    pub(crate) x: Vec<f64>,
    pub(crate) y: Vec<f64>,
    pub(crate) was_x: Vec<f64>,
    pub(crate) was_y: Vec<f64>,
    pub(crate) past_x: Vec<f64>,
    pub(crate) past_y: Vec<f64>,
}

/// What the totals of two days share, by group.
pub(crate) fn shared(
    experiment: &Experiment,
    metrics: &[Metric],
    totals: &BTreeMap<Unit, Total>,
    were: &BTreeMap<Unit, Total>,
) -> BTreeMap<GroupKey, Shared> {
    let mut all: BTreeMap<GroupKey, Shared> = BTreeMap::new();
    let [ends_now, ends_then] = [totals, were].map(|totals| ends(experiment, metrics, totals));
    let kept = told_apart(experiment, totals);
    for (unit, total) in totals {
        let one = |total: &Total| BTreeMap::from([(unit.clone(), total.clone())]);
        let Some(was) = were.get(unit) else { continue };
        // Groups of this unit alone: it counts at both looks where both are not empty.
        let mut was = groups_within(experiment, metrics, &one(was), (&ends_then, &kept));
        for (key, now) in groups_within(experiment, metrics, &one(total), (&ends_now, &kept)) {
            let Some(was) = was.remove(&key).filter(|was| !was.x.is_empty()) else { continue };
            if now.x.is_empty() {
                continue;
            }
            let shared = all.entry(key).or_default();
            shared.x.extend(now.x);
            shared.y.extend(now.y);
            shared.was_x.extend(was.x);
            shared.was_y.extend(was.y);
            shared.past_x.extend(now.past_x);
            shared.past_y.extend(now.past_y);
        }
    }
    all
}
