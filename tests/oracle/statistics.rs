//! Group statistics against the naive ones: moments, distributions, and what a day shares with the one before.

use std::collections::BTreeMap;

use super::groups::{Group, GroupKey, Shared};
use super::judged::near;
use super::metrics::METRICS;
use super::naive;
use super::stats;
use super::tables::{Cell, Record};

pub(super) fn key(r: &Record) -> GroupKey {
    let text = |column: &str| r[column].text().to_owned();
    (text("metric"), text("segment"), text("segment_value"), text("variant"))
}

/// Of ranks each value is a bucket, which counts the units that have it, and nothing else is kept.
fn exact_values(record: &Record, group: &Group, at: &str) {
    let mut units: BTreeMap<u64, (f64, f64)> = BTreeMap::new();
    for x in group.values.iter().flatten() {
        // Of positive doubles the bits are in their order; the sign turns it.
        let bits = (x + 0.0).to_bits();
        let place = if bits >> 63 == 0 { bits | 1 << 63 } else { !bits };
        units.entry(place).or_insert((x + 0.0, 0.0)).1 += 1.0;
    }
    let (values, counts): (Vec<f64>, Vec<f64>) = units.into_values().unzip();
    for (column, wanted) in [
        ("bucket_lower", &values),
        ("bucket_upper", &values),
        ("bucket_count", &counts),
        ("bucket_square", &counts),
        ("bucket_product", &counts),
    ] {
        assert_eq!(record[column], Cell::Numbers(wanted.clone()), "{at} {column}");
    }
    let empty = ["sum_x", "mean_x", "m2_x", "m3_x", "sum_y", "mean_y", "m2_y", "co_xy", "quantile"];
    assert!(empty.iter().all(|column| record[*column] == Cell::Null), "{at}: {record:?}");
}

/// The buckets count the values, and what each adds to the sums of squares and products is what all up to it have more.
fn distribution(record: &Record, group: &Group, quantile: f64, at: &str) {
    assert_eq!(record["quantile"], Cell::Float(quantile), "{at}");
    let empty = ["sum_x", "mean_x", "m2_x", "sum_y", "mean_y", "m2_y", "co_xy"];
    assert!(empty.iter().all(|column| record[*column] == Cell::Null), "{at}: {record:?}");
    let list = |column: &str| match &record[column] {
        Cell::Numbers(list) => list.clone(),
        other => panic!("{at} {column}: {other:?}"),
    };
    let (counts, squares, products) =
        (list("bucket_count"), list("bucket_square"), list("bucket_product"));
    assert_eq!(counts.len(), group.buckets.len(), "{at}");
    let mut all = [0.0; 3];
    for (i, (lower, upper)) in group.buckets.iter().enumerate() {
        let within = |x: &&f64| (lower..=upper).contains(x);
        let own = group.values.iter().flatten().filter(within).count();
        assert_eq!(counts[i], own as f64, "{at}: bucket {i}");
        assert!(
            own > 0 && lower <= upper && (upper - lower) <= 0.0101 * lower.abs(),
            "{at}: bucket {i}"
        );
        for (sum, more) in all.iter_mut().zip([counts[i], squares[i], products[i]]) {
            *sum += more;
        }
        let up_to = |unit: &Vec<f64>| unit.iter().filter(|x| **x <= *upper).count() as f64;
        let over = |of: &dyn Fn(&Vec<f64>) -> f64| group.values.iter().map(of).sum::<f64>();
        let wanted = [
            over(&up_to),
            over(&|unit| up_to(unit).powi(2)),
            over(&|unit| up_to(unit) * unit.len() as f64),
        ];
        assert_eq!(all, wanted, "{at}: up to bucket {i}");
    }
    assert_eq!(all[0], group.values.iter().flatten().count() as f64, "{at}");
}

/// Of categories it is known how many units have each, and nothing else.
fn categories(record: &Record, group: &Group, at: &str) {
    let (names, counts): (Vec<String>, Vec<f64>) =
        group.categories.iter().map(|(name, n)| (name.clone(), *n as f64)).unzip();
    assert_eq!(record["category"], Cell::Texts(names), "{at}");
    assert_eq!(record["category_count"], Cell::Numbers(counts), "{at}");
    assert_eq!((&record["mean_x"], &record["bucket_count"]), (&Cell::Null, &Cell::Null), "{at}");
}

pub(super) fn group_stats(found: &[Record], naive: &BTreeMap<GroupKey, Group>, at: &str) {
    let found_keys: Vec<GroupKey> = found.iter().map(key).collect();
    assert_eq!(found_keys, naive.keys().cloned().collect::<Vec<_>>(), "{at}");
    for (record, (key, group)) in found.iter().zip(naive) {
        let at = format!("{at} {key:?}");
        let kind = METRICS.iter().find(|m| m.name == key.0).map_or("proportion", |m| m.kind);
        assert_eq!(record["metric_type"].text(), kind, "{at}");
        assert_eq!(record["n"], Cell::Int(group.n() as i64), "{at}");
        assert_eq!(record["n_not_mature"], count(group.not_mature), "{at}");
        if let Some(quantile) = quantile_of(&key.0) {
            distribution(record, group, quantile, &at);
            continue;
        }
        if kind == "superiority" {
            exact_values(record, group, &at);
            continue;
        }
        if kind == "categorical" {
            categories(record, group, &at);
            continue;
        }
        assert_eq!(record["category"], Cell::Null, "{at}");
        third_moment(record, group, kind, &at);
        assert_eq!(
            (&record["quantile"], &record["bucket_count"]),
            (&Cell::Null, &Cell::Null),
            "{at}"
        );
        let moments = |values: &[f64]| {
            let some = !values.is_empty();
            let m2 = || stats::co_moment(values, values);
            [some.then(|| naive::sum(values)), some.then(|| stats::mean(values)), some.then(m2)]
        };
        let (x, y) = (moments(&group.x), moments(&group.y));
        let co = (!group.y.is_empty()).then(|| stats::co_moment(&group.x, &group.y));
        let columns = ["sum_x", "mean_x", "m2_x", "sum_y", "mean_y", "m2_y", "co_xy"];
        let scale = |[sum, mean, m2]: [Option<f64>; 3]| {
            [sum, mean, m2].map(|value| value.map_or(0.0, f64::abs))
        };
        let (of_x, of_y) = (scale(x), scale(y));
        // Deviations from a mean that was rounded are off by that much, also where all are zero.
        let off = |of: [f64; 3]| 1e-12 * of[2] + 1e-30 * of[1] * of[1] * group.x.len() as f64;
        let (off_x, off_y) = (off(of_x), off(of_y));
        let tolerances =
            [0.0, 1e-15 * of_x[1], off_x, 0.0, 1e-15 * of_y[1], off_y, (off_x * off_y).sqrt()];
        let wanted = [x[0], x[1], x[2], y[0], y[1], y[2], co];
        for ((column, wanted), tolerance) in columns.into_iter().zip(wanted).zip(tolerances) {
            near(&record[column], wanted, tolerance, &format!("{at} {column}"));
        }
        let (raw_x, raw_y) = (moments(&group.raw_x), moments(&group.raw_y));
        for (suffix, raw, values, ends, beyond) in [
            ("x", raw_x, &group.raw_x, group.ends[0], group.beyond[0]),
            ("y", raw_y, &group.raw_y, group.ends[1], group.beyond[1]),
        ] {
            let of = |what: &str| format!("{what}_{suffix}");
            near_moment(record, &of("raw_sum"), raw[0], 0.0, &at);
            near_moment(record, &of("raw_mean"), raw[1], 0.0, &at);
            let off = co_with_tolerance(&[(values, values)]).1;
            near_moment(record, &of("raw_m2"), raw[2], off, &at);
            let clipped = group.ends.iter().flatten().any(Option::is_some);
            let count = (clipped && !values.is_empty()).then_some(beyond as f64);
            near_moment(record, &of("clipped"), count, 0.0, &at);
            near_moment(record, &of("cap_lower"), ends[0], 0.0, &at);
            near_moment(record, &of("cap_upper"), ends[1], 0.0, &at);
        }
        let (co, off) = co_with_tolerance(&[(&group.raw_x, &group.raw_y)]);
        near_moment(record, "raw_co_xy", co, off, &at);
        let (a, b, n_pre) = match group.compared_x.is_empty() {
            true => (&group.past_x, &group.past_y, group.past_x.len()),
            false => (&group.compared_x, &group.compared_y, group.compared_x.len()),
        };
        let mean = |values: &[f64]| (!values.is_empty()).then(|| stats::mean(values));
        if n_pre > 0 {
            assert_eq!(record["n_pre"], Cell::Int(n_pre as i64), "{at}");
        }
        near_moment(record, "mean_pre_x", mean(a), 0.0, &at);
        near_moment(record, "mean_pre_y", mean(b), 0.0, &at);
        for (column, of) in [
            ("m2_pre_x", (a, a)),
            ("m2_pre_y", (b, b)),
            ("co_pre_xy", (a, b)),
            ("co_x_pre_x", (&group.x, &group.past_x)),
            ("co_x_pre_y", (&group.x, &group.past_y)),
            ("co_y_pre_x", (&group.y, &group.past_x)),
            ("co_y_pre_y", (&group.y, &group.past_y)),
        ] {
            let (wanted, off) = co_with_tolerance(&[of]);
            near_moment(record, column, wanted, off, &at);
        }
    }
}

/// The third central moment of what a mean is of, and of nothing else.
fn third_moment(record: &Record, group: &Group, kind: &str, at: &str) {
    let own = kind == "mean" && !group.x.is_empty();
    let mean = if own { stats::mean(&group.x) } else { 0.0 };
    let cubes: Vec<f64> = group.x.iter().map(|x| (x - mean).powi(3)).collect();
    // The square is rounded for each unit, and what both moments have in common cancels.
    let size: f64 = group.x.iter().map(|x| x.abs().powi(3)).sum();
    near(&record["m3_x"], own.then(|| naive::sum(&cubes)), 1e-13 * size, &format!("{at} m3_x"));
}

fn by_value(metric: &str) -> bool {
    METRICS.iter().any(|m| m.name == metric && m.by_value())
}

fn quantile_of(metric: &str) -> Option<f64> {
    METRICS.iter().find(|m| m.name == metric)?.quantile
}

pub(super) fn count(n: Option<usize>) -> Cell {
    n.map_or(Cell::Null, |n| Cell::Int(n as i64))
}

fn near_moment(record: &Record, column: &str, wanted: Option<f64>, off: f64, at: &str) {
    let tolerance = wanted.map_or(0.0, |x| 1e-12 * x.abs()) + off;
    near(&record[column], wanted, tolerance, &format!("{at} {column}"));
}

/// The mean of the co-moments of some pairs of values, and how far rounding of means may put it off; none where a side
/// has no values.
fn co_with_tolerance(pairs: &[(&Vec<f64>, &Vec<f64>)]) -> (Option<f64>, f64) {
    if pairs.iter().any(|(a, b)| a.is_empty() || b.is_empty()) {
        return (None, 0.0);
    }
    let co: f64 = pairs.iter().map(|(a, b)| stats::co_moment(a, b)).sum();
    let size = |values: &[f64]| values.iter().map(|x| x * x).sum::<f64>();
    let off = pairs.iter().map(|(a, b)| 1e-13 * (size(a) * size(b)).sqrt()).fold(0.0, f64::max);
    (Some(co / pairs.len() as f64), off)
}

/// What a day shares with the one before, if there is one.
pub(super) fn shared(
    found: &[Record],
    naive: Option<&BTreeMap<GroupKey, Shared>>,
    few: bool,
    at: &str,
) {
    let mut compared = 0;
    for record in found {
        let text = |column: &str| record[column].text().to_owned();
        let key = (text("metric"), text("segment"), text("segment_value"), text("variant"));
        let columns = ["n_before", "co_x_before", "co_y_before", "co_xy_before"];
        let kept = key.0 != "several_variants" && !by_value(&key.0);
        let Some(naive) = naive.filter(|_| kept) else {
            assert!(columns.iter().all(|c| record[*c] == Cell::Null), "{at} {key:?}: {record:?}");
            continue;
        };
        let nobody = Shared::default();
        let Shared { x, y, was_x, was_y, past_x, past_y } = naive.get(&key).unwrap_or(&nobody);
        let at = format!("{at} {key:?}");
        assert_eq!(record["n_before"], Cell::Int(x.len() as i64), "{at}");
        compared += usize::from(x.len() > 1);
        let size = |values: &[f64]| {
            let mean = stats::mean(values);
            (stats::co_moment(values, values), mean * mean * values.len() as f64)
        };
        // Deviations from a mean that was rounded are off by that much, also where all are zero.
        let near_co = |column: &str, pairs: &[(&[f64], &[f64])]| {
            let some = !pairs[0].0.is_empty();
            let co: f64 = pairs.iter().map(|(a, b)| stats::co_moment(a, b)).sum();
            let off = pairs.iter().map(|(a, b)| {
                let ((of_a, mean_a), (of_b, mean_b)) = (size(a), size(b));
                1e-12 * (of_a * of_b).sqrt() + 1e-30 * (mean_a * mean_b).sqrt()
            });
            let (co, off) = (co / pairs.len() as f64, off.fold(0.0, f64::max));
            let off = if some { off + 1e-26 * off.sqrt() } else { 0.0 };
            near(&record[column], some.then_some(co), off, &format!("{at} {column}"));
        };
        for (column, of) in [
            ("m2_pre_x_before", &[(past_x, past_x)][..]),
            ("m2_pre_y_before", &[(past_y, past_y)]),
            ("co_pre_xy_before", &[(past_x, past_y)]),
            ("co_x_pre_x_before", &[(x, past_x), (was_x, past_x)]),
            ("co_x_pre_y_before", &[(x, past_y), (was_x, past_y)]),
            ("co_y_pre_x_before", &[(y, past_x), (was_y, past_x)]),
            ("co_y_pre_y_before", &[(y, past_y), (was_y, past_y)]),
        ] {
            let (wanted, off) = co_with_tolerance(of);
            near_moment(record, column, wanted, off, &at);
        }
        near_co("co_x_before", &[(x, was_x)]);
        near_co("co_y_before", &[(y, was_y)]);
        let (x, y) = (x.as_slice(), y.as_slice());
        // Only a ratio has both.
        let both: &[(&[f64], &[f64])] =
            if y.is_empty() { &[(&[], &[])] } else { &[(x, was_y), (y, was_x)] };
        near_co("co_xy_before", both);
    }
    assert!(naive.is_none() || compared > 0 || few, "{at}: nothing to compare");
}
