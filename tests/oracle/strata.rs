//! Post-stratified rows, once more, from the units of every stratum.

use super::groups::Group;
use super::judged;
use super::stats::{self, Expected, Law, Sided, Unadjusted, co_moment, mean};
use super::tables::{Cell, Record};

/// Units of a variant that a stratum needs.
const FEWEST: usize = 10;

/// A row over all units that is post-stratified: `plain` is what it would be without, `strata` the groups of control and variant
/// in each value of the segment, in order.
pub(crate) fn row(
    record: &Record,
    plain: &Expected,
    (kind, segment): (&str, &str),
    (strata, all): (Vec<[Group; 2]>, [&Group; 2]),
    (alpha, sided): (f64, Sided),
    at: &str,
) -> Expected {
    let expected = match plain.gap {
        Some(gap @ (_, "no_units_in_control" | "no_units_in_variant" | "window_not_complete")) => {
            without(gap)
        }
        _ => stratified(kind, strata, all, plain, (alpha, sided)),
    };
    if expected.gap.is_none() {
        assert_eq!(record["adjustment"].text(), "post_stratified", "{at}");
        assert_eq!(record["stratified_by"].text(), segment, "{at}");
    } else {
        assert_eq!(record["stratified_by"], Cell::Null, "{at}");
    }
    judged::row(record, &expected, at);
    expected
}

fn without(gap: (&'static str, &'static str)) -> Expected {
    Expected { gap: Some(gap), relative_reason: Some(gap.1), ..Expected::default() }
}

fn stratified(
    kind: &str,
    strata: Vec<[Group; 2]>,
    all: [&Group; 2],
    plain: &Expected,
    (alpha, sided): (f64, Sided),
) -> Expected {
    let kind = if kind == "retention" { "proportion" } else { kind };
    let Some(strata) = gathered(strata) else { return without(("insufficient", "too_few_units")) };
    let units = |s: &[Group; 2]| (s[0].n() + s[1].n()) as f64;
    let n: f64 = strata.iter().map(units).sum();
    let shares: Vec<f64> = strata.iter().map(|s| units(s) / n).collect();
    // By variant: the level, each stratum's mean of (x - r y)/ȳ, and its variance over its units.
    let mut arms = Vec::new();
    for arm in [0, 1] {
        let weighted = |of: &dyn Fn(&Group) -> f64| -> f64 {
            strata.iter().zip(&shares).map(|(s, w)| w * of(&s[arm])).sum()
        };
        let of_ratio = kind == "ratio";
        let y = if of_ratio { weighted(&|g| mean(&g.y)) } else { 1.0 };
        if y == 0.0 {
            return without(("insufficient", "zero_denominator"));
        }
        let r = weighted(&|g| mean(&g.x)) / y;
        let parts = strata.iter().map(|s| {
            let g = &s[arm];
            let y_of = |i: usize| if of_ratio { g.y[i] } else { 1.0 };
            let moved: Vec<f64> = (0..g.n()).map(|i| (g.x[i] - r * y_of(i)) / y).collect();
            let n = g.n() as f64;
            let same = moved.iter().all(|m| (m - moved[0]).abs() <= 1e-12 * m.abs());
            let free = if kind == "proportion" { n } else { n - 1.0 };
            let variance = if same { 0.0 } else { co_moment(&moved, &moved) / free / n };
            (mean(&moved), variance, n)
        });
        arms.push((r, parts.collect::<Vec<(f64, f64, f64)>>()));
    }
    let [(c, of_c), (t, of_t)] = &arms[..] else { panic!("two variants") };
    let (c, t) = (*c, *t);
    let variance = |f: f64| {
        let each = of_c.iter().zip(of_t).zip(&shares).map(|((c, t), w)| {
            let apart = t.0 - f * c.0;
            w * w * (t.1 + f * f * c.1) + w * apart * apart / n
        });
        each.sum::<f64>()
    };
    let within: Vec<(f64, f64)> = [of_c, of_t]
        .into_iter()
        .flat_map(|of| of.iter().zip(&shares))
        .map(|(p, w)| (w * w * p.1, p.2))
        .collect();
    let sum: f64 = within.iter().map(|(v, _)| v).sum();
    if sum == 0.0 {
        return without(("insufficient", "zero_variance"));
    }
    let df = sum * sum / within.iter().map(|(v, n)| v * v / (n - 1.0)).sum::<f64>();
    let (method, law) = match kind {
        "mean" => ("post_stratified_t", Law::Student(df)),
        _ => ("post_stratified_z", Law::Normal),
    };
    let error = variance(1.0).sqrt();
    let statistic = (t - c) / error;
    let tail = if sided == Sided::Two { alpha / 2.0 } else { alpha };
    let critical = law.critical(tail);
    let (relative, relative_reason) = match fieller((c, t), critical, &variance) {
        Ok(interval) => (Some(interval), None),
        Err(reason) => (None, Some(reason)),
    };
    let before = stats::error_of(kind, all);
    Expected {
        means: [Some(c), Some(t)],
        effect: Some(t - c),
        error: Some(error),
        interval: sided.open([t - c - critical * error, t - c + critical * error]),
        relative: relative.map(|_| (t - c) / c),
        relative_interval: relative.map_or([None, None], |ends| sided.open(ends)),
        relative_reason,
        method: Some(method),
        statistic: Some(statistic),
        df: if let Law::Student(df) = law { Some(df) } else { None },
        p: Some(sided.p(law, statistic)),
        unadjusted: Some(Unadjusted {
            theta: None,
            means: plain.means,
            error: before,
            ratio: before.map(|before| (error / before).powi(2)),
            ends: [[None; 2]; 2],
            shares: [None; 2],
        }),
        gap: None,
    }
}

/// Strata with few units of a variant together; with too few still, in the smallest of the others.
fn gathered(strata: Vec<[Group; 2]>) -> Option<Vec<[Group; 2]>> {
    let enough = |s: &[Group; 2]| s.iter().all(|g| g.n() >= FEWEST);
    let join = |a: &[Group; 2], b: &[Group; 2]| -> [Group; 2] {
        std::array::from_fn(|i| Group {
            x: [&a[i].x[..], &b[i].x].concat(),
            y: [&a[i].y[..], &b[i].y].concat(),
            ..Group::default()
        })
    };
    let (mut kept, small): (Vec<[Group; 2]>, Vec<[Group; 2]>) =
        strata.into_iter().partition(|s| enough(s));
    let Some(rest) = small.into_iter().reduce(|a, b| join(&a, &b)) else { return Some(kept) };
    if enough(&rest) {
        kept.push(rest);
        return Some(kept);
    }
    let units = |s: &[Group; 2]| s[0].n() + s[1].n();
    let smallest = kept.iter().map(units).min()?;
    let at = kept.iter().position(|s| units(s) == smallest)?;
    kept[at] = join(&kept[at], &rest);
    Some(kept)
}

/// All lifts that are not rejected, by halving on either side of the estimate.
fn fieller(
    (c, t): (f64, f64),
    critical: f64,
    variance: &dyn Fn(f64) -> f64,
) -> Result<[f64; 2], &'static str> {
    // The variance is v0 + v1 f + v2 f², of which v2 is the control's.
    let of_control = (variance(1.0) + variance(-1.0)) / 2.0 - variance(0.0);
    if c <= 0.0 {
        return Err("control_mean_not_positive");
    }
    if c <= 5.0 * of_control.max(0.0).sqrt() {
        return Err("control_mean_near_zero");
    }
    let rejected = |f: f64| (t - f * c).abs() > critical * variance(f).max(0.0).sqrt();
    let end = |sign: f64| {
        let (mut inside, mut outside) = (t / c, t / c + sign * 1e6);
        if !rejected(outside) {
            return Err("control_mean_near_zero");
        }
        for _ in 0..300 {
            let middle = (inside + outside) / 2.0;
            if rejected(middle) { outside = middle } else { inside = middle }
        }
        Ok(inside - 1.0)
    };
    Ok([end(-1.0)?, end(1.0)?])
}
