//! The rows of `group_stats` that checks look at, once more: by day of exposure, and of units in other experiments.

use std::collections::BTreeMap;

use super::groups::{self, GroupKey};
use super::log::{Logs, Unit};
use super::metrics::components;
use super::naive::{self, Experiment, Metric, Total};
use super::project::experiments;
use super::stats;
use super::tables::{Cell, Record};

/// Units of a row, and the values of those that count.
#[derive(Default)]
struct Naive {
    n: i64,
    x: Vec<f64>,
    y: Vec<f64>,
}

/// Compares the rows by unit of an experiment as of a day. Its units are too few for any to be left out for its size.
pub(crate) fn of_units(
    found: &[Record],
    experiment: &Experiment,
    primary: Option<&Metric>,
    logs: &Logs,
    (as_of, totals): (usize, &BTreeMap<Unit, Total>),
    at: &str,
) {
    assert!(totals.len() < 1000, "{at}");
    let mut wanted: BTreeMap<GroupKey, Naive> = BTreeMap::new();
    let labels = groups::labels(experiment, totals);
    let values = |total: &Total| -> Option<Vec<f64>> {
        // A unit whose window is not complete is told of elsewhere.
        let primary = primary.filter(|metric| metric.window.is_none())?;
        total.of(primary).filter(|_| total.counted)
    };
    let mut add = |segment: &str, value: &str, total: &Total| {
        let Some(values) = values(total) else { return };
        let name = primary.map_or("", |metric| metric.name);
        let key = (name.to_owned(), segment.to_owned(), value.to_owned());
        let group = wanted.entry((key.0, key.1, key.2, total.variant.clone())).or_default();
        group.n += 1;
        group.x.push(values[0]);
        group.y.extend(values.get(1));
    };
    for total in totals.values() {
        add("exposure_ds", &logs.days[total.day].to_string(), total);
    }
    for (other, _) in experiments(logs) {
        if other.name == experiment.name || other.unit_type != experiment.unit_type {
            continue;
        }
        let last = other.days.1.min(as_of);
        if other.days.0 > last || other.days.1 < experiment.days.0 {
            continue;
        }
        let theirs = naive::unit_total(logs, &components(), &other, last);
        for (unit, total) in totals {
            let Some(theirs) = theirs.get(unit) else { continue };
            add(&format!("experiment:{}", other.name), &theirs.variant, total);
        }
    }
    for (unit, total) in totals {
        let day = logs.days[total.day].to_string();
        let mut count = |segment: String, value: String| {
            let key = ("exposed".to_owned(), segment, value, total.variant.clone());
            wanted.entry(key).or_default().n += 1;
        };
        count("exposure_ds".to_owned(), day.clone());
        for (segment, label) in experiment.segments.iter().zip(&labels[unit]) {
            count(format!("exposure_ds*{segment}"), format!("{day}*{label}"));
        }
    }
    let text = |record: &Record, column: &str| record[column].text().to_owned();
    let key = |r: &Record| {
        (text(r, "metric"), text(r, "segment"), text(r, "segment_value"), text(r, "variant"))
    };
    let keys: Vec<GroupKey> = found.iter().map(key).collect();
    assert_eq!(keys, wanted.keys().cloned().collect::<Vec<_>>(), "{at}");
    for (record, (key, naive)) in found.iter().zip(&wanted) {
        let at = format!("{at} {key:?}");
        assert_eq!(record["n"], Cell::Int(naive.n), "{at}");
        let near = |column: &str, values: &[f64], of: fn(&[f64]) -> f64| {
            let wanted = (!values.is_empty()).then(|| of(values));
            let got = record[column].number();
            assert_eq!(got.is_some(), wanted.is_some(), "{at} {column}");
            let (got, wanted) = (got.unwrap_or(0.0), wanted.unwrap_or(0.0));
            let size = values.iter().map(|x| x * x).sum::<f64>().max(1e-300);
            assert!(
                (got - wanted).abs() <= 1e-12 * size.max(wanted.abs()),
                "{at} {column}: {got} {wanted}"
            );
        };
        near("sum_x", &naive.x, naive::sum);
        near("mean_x", &naive.x, stats::mean);
        near("m2_x", &naive.x, |x| stats::co_moment(x, x));
        near("sum_y", &naive.y, naive::sum);
        near("m2_y", &naive.y, |y| stats::co_moment(y, y));
    }
}
