//! `verdict stat streaming-moments`: the accumulators on given numbers, so that they can be checked against any reference.
//!
//! The other methods are those of the analysis, which knows no accumulator; this one is answered here.

use serde_json::{Value, json};
use verdict_accum::{AccumError, Moments1, Moments2, Welford};

/// Its name in `--jsonl`.
pub(crate) const NAME: &str = "streaming_moments";

const KINDS: &str = "`kind`: array (x), ops ([weight, value]), merge (parts), weighted (x, w), covariance (x, y), \
                     splitmix64 or user_stream expected";

/// Answers a request of this method; `None`: it is another's.
pub(crate) fn answer(line: &str) -> Option<String> {
    let request: Value = serde_json::from_str(line).ok()?;
    if request.get("method")?.as_str()? != NAME {
        return None;
    }
    let answer = match output(request.get("input").unwrap_or(&Value::Null)) {
        Ok(output) => json!({"method": NAME, "output": output}),
        Err(error) => json!({"method": NAME, "error": error}),
    };
    Some(answer.to_string())
}

fn output(input: &Value) -> Result<Value, String> {
    match input.get("kind").and_then(Value::as_str) {
        Some("covariance") => covariance(&numbers(input, "x")?, &numbers(input, "y")?),
        Some("weighted") => weighted(&numbers(input, "x")?, &numbers(input, "w")?),
        Some("merge") => merge(input),
        Some("array") => {
            let mut moments = Moments1::default();
            for x in numbers(input, "x")? {
                moments.push(1, &[x]).map_err(said)?;
            }
            Ok(of(&moments))
        }
        Some("ops") => operations(input),
        Some("splitmix64") => generated(input),
        Some("user_stream") => users(input),
        Some("cpython_gauss") => {
            Err("another language's generator: give its values as kind `array`".into())
        }
        _ => Err(KINDS.into()),
    }
}

fn said(error: AccumError) -> String {
    error.to_string()
}

/// A count, a mean and a sum of squares, as those of nothing where there is nothing.
fn short(moments: &Moments1) -> Value {
    let or_zero = |x: Option<f64>| if moments.n() == 0 { Some(0.0) } else { x };
    json!({"n": moments.n() as i64, "mean": or_zero(moments.mean(0)), "m2": or_zero(moments.m2(0))})
}

fn of(moments: &Moments1) -> Value {
    let mut value = short(moments);
    if let (true, Some(m2)) = (moments.n() > 0, moments.m2(0)) {
        value["variance_population"] = (m2 / moments.n() as f64).into();
    }
    if let Some(variance) = moments.var_samp(0) {
        value["variance_sample"] = variance.into();
        value["sd_sample"] = variance.sqrt().into();
    }
    value
}

fn operations(input: &Value) -> Result<Value, String> {
    let wrong = || "`ops`: a list of [weight, value] expected".to_owned();
    let mut moments = Moments1::default();
    let mut after_each = Vec::new();
    for op in input.get("ops").and_then(Value::as_array).ok_or_else(wrong)? {
        let (weight, x) = (op.get(0).and_then(Value::as_i64), op.get(1).and_then(Value::as_f64));
        moments.push(weight.ok_or_else(wrong)?, &[x.ok_or_else(wrong)?]).map_err(said)?;
        after_each.push(short(&moments));
    }
    Ok(json!({"final": of(&moments), "after_each": after_each}))
}

fn merge(input: &Value) -> Result<Value, String> {
    let parts = input.get("parts").and_then(Value::as_array);
    let mut whole = Moments1::default();
    let mut told = Vec::new();
    for part in parts.ok_or("`parts`: a list of lists of numbers expected")? {
        let mut moments = Moments1::default();
        for x in list(part).ok_or("`parts`: a list of lists of numbers expected")? {
            moments.push(1, &[x]).map_err(said)?;
        }
        told.push(short(&moments));
        whole.merge(&moments);
    }
    let mut value = of(&whole);
    value["parts"] = told.into();
    Ok(value)
}

fn covariance(xs: &[f64], ys: &[f64]) -> Result<Value, String> {
    if xs.len() != ys.len() {
        return Err(format!("`y`: {} numbers expected, as many as `x` has", xs.len()));
    }
    let mut moments = Moments2::default();
    for (x, y) in xs.iter().zip(ys) {
        moments.push(1, &[*x, *y]).map_err(said)?;
    }
    Ok(json!({
        "n": moments.n() as i64, "mean_x": moments.mean(0), "mean_y": moments.mean(1),
        "c2": moments.co(0, 1), "covariance_sample": moments.covar_samp(0, 1),
    }))
}

fn weighted(xs: &[f64], weights: &[f64]) -> Result<Value, String> {
    if xs.len() != weights.len() {
        return Err(format!("`w`: {} numbers expected, as many as `x` has", xs.len()));
    }
    let mut welford = Welford::default();
    for (x, w) in xs.iter().zip(weights) {
        welford.push(*x, *w).map_err(said)?;
    }
    let population = welford.m2().map(|m2| m2 / welford.weight());
    Ok(json!({
        "sum_w": welford.weight(), "mean": welford.mean(), "m2": welford.m2(),
        "variance_frequency": welford.var_samp(), "variance_population": population,
    }))
}

fn generated(input: &Value) -> Result<Value, String> {
    let (mut state, n) = (whole(input, "seed")?, whole(input, "n")?);
    let (offset, scale) = (number(input, "offset")?, number(input, "scale")?);
    let mut moments = Moments1::default();
    for _ in 0..n {
        let unit = (next(&mut state) >> 11) as f64 / 9_007_199_254_740_992.0;
        moments.push(1, &[offset + scale * (unit - 0.5)]).map_err(said)?;
    }
    Ok(of(&moments))
}

/// A stream of users' actions: a user's value grows by a step with each, the old value leaves and the new one joins.
fn users(input: &Value) -> Result<Value, String> {
    let (mut state, users) = (whole(input, "seed")?, whole(input, "users")?.clamp(1, 10_000_000));
    let (offset, step) = (number(input, "offset")?, number(input, "step")?);
    let mut values: Vec<Option<f64>> = vec![None; users as usize];
    let mut moments = Moments1::default();
    for _ in 0..whole(input, "events")? {
        let value = &mut values[(next(&mut state) % users) as usize];
        if let Some(old) = *value {
            moments.push(-1, &[old]).map_err(said)?;
        }
        let new = value.unwrap_or(offset) + step;
        *value = Some(new);
        moments.push(1, &[new]).map_err(said)?;
    }
    Ok(of(&moments))
}

/// splitmix64 (Steele, Lea & Flood 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn list(value: &Value) -> Option<Vec<f64>> {
    value.as_array()?.iter().map(Value::as_f64).collect()
}

fn numbers(input: &Value, key: &str) -> Result<Vec<f64>, String> {
    input.get(key).and_then(list).ok_or_else(|| format!("`{key}`: a list of numbers expected"))
}

fn number(input: &Value, key: &str) -> Result<f64, String> {
    input.get(key).and_then(Value::as_f64).ok_or_else(|| format!("`{key}`: a number expected"))
}

fn whole(input: &Value, key: &str) -> Result<u64, String> {
    input
        .get(key)
        .and_then(Value::as_u64)
        .ok_or_else(|| format!("`{key}`: a whole number expected"))
}
