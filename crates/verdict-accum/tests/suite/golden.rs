//! Reference values from exact arithmetic: every case through `Moments`, and through `Welford` where 106 bits can hold.

use serde_json::Value;
use verdict_accum::{Moments1, Moments2, Welford};

use crate::generators::{mt_gauss, splitmix64, unit_interval};

const TOLERANCE: f64 = 1e-13;

#[test]
fn every_case_through_moments() {
    for case in cases() {
        let (name, input, want) = (text(&case["name"]), &case["input"], &case["expected"]);
        match text(&input["kind"]) {
            "covariance" => {
                let mut m = Moments2::default();
                for (x, y) in numbers(&input["x"]).into_iter().zip(numbers(&input["y"])) {
                    m.push(1, &[x, y]).unwrap();
                }
                assert_eq!(m.n(), i128::from(want["n"].as_i64().unwrap()), "{name}");
                close(name, "mean_x", m.mean(0), &want["mean_x"]);
                close(name, "mean_y", m.mean(1), &want["mean_y"]);
                close(name, "c2", m.co(0, 1), &want["c2"]);
                close(name, "covariance_sample", m.covar_samp(1, 0), &want["covariance_sample"]);
            }
            "weighted" => {
                let w = numbers(&input["w"]);
                // Moments has whole weights.
                if w.iter().all(|w| w.fract() == 0.0) {
                    let mut m = Moments1::default();
                    for (x, w) in numbers(&input["x"]).into_iter().zip(w) {
                        m.push(w as i64, &[x]).unwrap();
                    }
                    assert_eq!(m.n() as f64, want["sum_w"].as_f64().unwrap(), "{name}");
                    close(name, "mean", m.mean(0), &want["mean"]);
                    close(name, "m2", m.m2(0), &want["m2"]);
                    close(name, "variance_frequency", m.var_samp(0), &want["variance_frequency"]);
                }
            }
            "merge" => {
                let mut total = Moments1::default();
                for (part, want) in
                    input["parts"].as_array().unwrap().iter().zip(want["parts"].as_array().unwrap())
                {
                    let mut m = Moments1::default();
                    numbers(part).iter().for_each(|&x| m.push(1, &[x]).unwrap());
                    check(name, &m, want);
                    total.merge(&m);
                }
                check(name, &total, want);
            }
            _ => {
                let mut m = Moments1::default();
                let each = want["after_each"].as_array();
                let mut step = 0;
                rows(input, |w, x| {
                    m.push(w, &[x]).unwrap();
                    if let Some(each) = each {
                        check(name, &m, &each[step]);
                        step += 1;
                    }
                });
                check(name, &m, want.get("final").unwrap_or(want));
            }
        }
    }
}

#[test]
fn every_case_without_removal_of_extremes_through_welford() {
    for case in cases() {
        let (name, input, want) = (text(&case["name"]), &case["input"], &case["expected"]);
        let mut w = Welford::default();
        match text(&input["kind"]) {
            "covariance" => continue,
            "weighted" => {
                for (x, weight) in numbers(&input["x"]).into_iter().zip(numbers(&input["w"])) {
                    w.push(x, weight).unwrap();
                }
                close(name, "sum_w", Some(w.weight()), &want["sum_w"]);
                close(name, "mean", w.mean(), &want["mean"]);
                close(name, "m2", w.m2(), &want["m2"]);
                close(name, "variance_frequency", w.var_samp(), &want["variance_frequency"]);
                continue;
            }
            "merge" => {
                for part in input["parts"].as_array().unwrap() {
                    let mut m = Welford::default();
                    numbers(part).iter().for_each(|&x| m.push(x, 1.0).unwrap());
                    w.merge(&m);
                }
            }
            _ if name == "remove_extreme_outlier" => continue,
            // Its squares underflow.
            _ if name == "subnormal" => continue,
            _ => rows(input, |weight, x| w.push(x, weight as f64).unwrap()),
        }
        let want = want.get("final").unwrap_or(want);
        assert_eq!(w.weight(), want["n"].as_f64().unwrap(), "{name}");
        if w.weight() == 0.0 {
            assert_eq!(w, Welford::default());
            continue;
        }
        close(name, "mean", w.mean(), &want["mean"]);
        close(name, "m2", w.m2(), &want["m2"]);
        close(name, "variance_sample", w.var_samp(), &want["variance_sample"]);
    }
}

fn check(name: &str, m: &Moments1, want: &Value) {
    let n = want["n"].as_i64().unwrap();
    assert_eq!(m.n(), i128::from(n), "{name}");
    if n == 0 {
        assert_eq!(*m, Moments1::default(), "{name}");
        assert_eq!(m.mean(0), None, "{name}");
        return;
    }
    close(name, "mean", m.mean(0), &want["mean"]);
    close(name, "m2", m.m2(0), &want["m2"]);
    close(name, "variance_sample", m.var_samp(0), &want["variance_sample"]);
    close(name, "sd_sample", m.var_samp(0).map(f64::sqrt), &want["sd_sample"]);
}

fn close(name: &str, key: &str, got: Option<f64>, want: &Value) {
    let Some(want) = want.as_f64() else { return };
    // The square root of a variance below the smallest double is none of ours.
    if (name, key) == ("subnormal", "sd_sample") {
        return;
    }
    let got = got.unwrap_or_else(|| panic!("{name}: no {key}"));
    assert!((got - want).abs() <= TOLERANCE * want.abs(), "{name}: {key} is {got:e}, not {want:e}");
}

/// The rows of a case, weights first.
fn rows(input: &Value, mut row: impl FnMut(i64, f64)) {
    let number = |key: &str| input[key].as_f64().unwrap();
    let seed = || input["seed"].as_u64().unwrap();
    match text(&input["kind"]) {
        "array" => numbers(&input["x"]).into_iter().for_each(|x| row(1, x)),
        "ops" => {
            for op in input["ops"].as_array().unwrap() {
                row(op[0].as_i64().unwrap(), op[1].as_f64().unwrap());
            }
        }
        "splitmix64" => {
            let mut state = seed();
            for _ in 0..input["n"].as_u64().unwrap() {
                let u = unit_interval(splitmix64(&mut state));
                row(1, number("offset") + number("scale") * (u - 0.5));
            }
        }
        "user_stream" => {
            let mut state = seed();
            let mut totals = vec![None; input["users"].as_u64().unwrap() as usize];
            for _ in 0..input["events"].as_u64().unwrap() {
                let user = (splitmix64(&mut state) % totals.len() as u64) as usize;
                if let Some(old) = totals[user] {
                    row(-1, old);
                }
                let new = totals[user].unwrap_or_else(|| number("offset")) + number("step");
                totals[user] = Some(new);
                row(1, new);
            }
        }
        "cpython_gauss" => mt_gauss(seed() as u32, input["n"].as_u64().unwrap(), |z| {
            row(1, number("mu") + z * number("sigma"));
        }),
        kind => panic!("a new kind of case: {kind}"),
    }
}

fn cases() -> Vec<Value> {
    let file: Value =
        serde_json::from_str(include_str!("../golden/streaming_moments.json")).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn text(v: &Value) -> &str {
    v.as_str().unwrap()
}

fn numbers(v: &Value) -> Vec<f64> {
    v.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
}
