//! The Poisson bootstrap against reference intervals from resampling single units, within their Monte Carlo brackets.

use std::{fs, path::Path};

use serde_json::Value;
use verdict_analysis::methods::Alternative;
use verdict_analysis::methods::poisson_bootstrap::{
    Reading, Resampled, UnitTotals, compare, resample,
};
use verdict_analysis::methods::resample::Draws;

/// The references have as many draws in every replicate as units; Poisson weights have not, which makes the standard error
/// of a mean of n larger by a share of 1/(2n). Their brackets do not allow for that in smaller samples.
const UNITS: usize = 20;

#[test]
fn intervals_of_means_differences_and_lifts_are_those_of_resampled_units() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/bootstrap_ci.json");
    let text = fs::read_to_string(path).expect("the reference values");
    let file: Value = serde_json::from_str(&text).expect("JSON");
    let mut compared = 0;
    for case in file["cases"].as_array().expect("cases") {
        let input = &case["input"];
        let statistic: fn(f64, f64) -> Option<f64> = match input["statistic"].as_str() {
            // The sample comes second, and the constant before it does not matter.
            Some("mean") => |_, x| Some(x),
            Some("mean(treatment)-mean(control)") => |c, t| Some(t - c),
            Some("mean(treatment)/mean(control)-1") => |c, t| Some(t / c - 1.0),
            _ => continue,
        };
        let samples: Vec<Vec<f64>> =
            input["samples"].as_array().expect("samples").iter().map(numbers).collect();
        if samples.iter().any(|sample| sample.len() < UNITS) {
            continue;
        }
        let resampled: Vec<Resampled> = match &samples[..] {
            [x] => vec![of(&[1.0, 1.0], "constant"), of(x, "x")],
            [c, t] => vec![of(c, "control"), of(t, "treatment")],
            other => panic!("{} samples", other.len()),
        };
        let name = case["name"].as_str().expect("a name");
        let alpha = input["alpha"].as_f64().expect("alpha");
        let expected = &case["expected"];
        for (reading, brackets) in [
            (Reading::Percentile, "ci_percentile_brackets_B10000"),
            (Reading::Bca, "ci_bca_brackets_B10000"),
        ] {
            let [control, treatment] = &resampled[..] else { panic!("two samples") };
            let two_sided = Alternative::TwoSided;
            let found = compare(control, treatment, statistic, alpha, two_sided, reading);
            let found = found.unwrap_or_else(|e| panic!("{name}: {e}"));
            let wanted = expected["statistic"].as_f64().expect("the statistic");
            assert!((found.estimate - wanted).abs() < 1e-9, "{name}: {found:?}");
            let error = expected["standard_error"].as_f64().expect("its standard error");
            assert!((found.std_error / error - 1.0).abs() < 0.05, "{name}: {found:?}");
            let ends = [found.interval.lower, found.interval.upper];
            for (end, bracket) in ends.iter().zip(expected[brackets].as_array().expect("two")) {
                let within = numbers(bracket);
                assert!(
                    (within[0]..=within[1]).contains(end),
                    "{name}, {reading:?}: {end} is not in {within:?}"
                );
            }
            compared += 1;
        }
    }
    assert_eq!(compared, 18, "cases of the reference");
}

fn numbers(list: &Value) -> Vec<f64> {
    list.as_array().expect("a list").iter().map(|x| x.as_f64().expect("a number")).collect()
}

/// Units by their distinct values.
fn of(values: &[f64], name: &str) -> Resampled {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (mut x, mut counts): (Vec<f64>, Vec<u64>) = (Vec::new(), Vec::new());
    for value in sorted {
        match (x.last(), counts.last_mut()) {
            (Some(last), Some(count)) if *last == value => *count += 1,
            _ => {
                x.push(value);
                counts.push(1);
            }
        }
    }
    resample(UnitTotals { x: &x, y: None, counts: &counts }, Draws::named(name), 100_000)
        .unwrap_or_else(|e| panic!("{name}: {e}"))
}
