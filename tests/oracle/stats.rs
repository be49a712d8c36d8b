//! Tests, intervals and corrections once more, by their textbook formulas.

use std::collections::BTreeSet;

use statrs::function::beta::beta_reg;
use statrs::function::erf::erfc;
use statrs::function::gamma::gamma_ur;

use super::groups::Group;
use super::naive::sum;

/// Number, mean and sample variance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    pub(crate) n: f64,
    pub(crate) mean: f64,
    /// With n - 1; a proportion's p (1 - p).
    pub(crate) variance: f64,
}

impl Sample {
    fn of(values: &[f64]) -> Sample {
        let n = values.len() as f64;
        let same = values.iter().all(|x| *x == values[0]);
        let variance = if same { 0.0 } else { co_moment(values, values) / (n - 1.0) };
        Sample { n, mean: mean(values), variance }
    }

    fn error(&self) -> f64 {
        (self.variance / self.n).sqrt()
    }
}

pub(crate) fn mean(values: &[f64]) -> f64 {
    sum(values) / values.len() as f64
}

/// The sum of (x - mean x)(y - mean y).
pub(crate) fn co_moment(x: &[f64], y: &[f64]) -> f64 {
    let (mean_x, mean_y) = (mean(x), mean(y));
    let products: Vec<f64> = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).collect();
    sum(&products)
}

/// What a test is read against: a normal law, or Student's t with these degrees of freedom.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Law {
    Normal,
    Student(f64),
}

impl Law {
    /// P(X > x).
    pub(crate) fn above(self, x: f64) -> f64 {
        match self {
            Law::Normal => erfc(x / std::f64::consts::SQRT_2) / 2.0,
            Law::Student(df) => {
                let tail = beta_reg(df / 2.0, 0.5, df / (df + x * x)) / 2.0;
                if x >= 0.0 { tail } else { 1.0 - tail }
            }
        }
    }

    /// The x above which `tail` lies, by halving.
    pub(crate) fn critical(self, tail: f64) -> f64 {
        let (mut low, mut high) = (0.0, 1e6);
        for _ in 0..200 {
            let middle = (low + high) / 2.0;
            if self.above(middle) > tail {
                low = middle;
            } else {
                high = middle;
            }
        }
        (low + high) / 2.0
    }
}

/// What is tested for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sided {
    Two,
    Greater,
    Less,
}

impl Sided {
    /// An interval, open to the side that is not tested for.
    pub(crate) fn open(self, [lower, upper]: [f64; 2]) -> [Option<f64>; 2] {
        match self {
            Sided::Two => [Some(lower), Some(upper)],
            Sided::Greater => [Some(lower), None],
            Sided::Less => [None, Some(upper)],
        }
    }

    /// The p-value of a statistic by its law.
    pub(crate) fn p(self, law: Law, statistic: f64) -> f64 {
        match self {
            Sided::Two => 2.0 * law.above(statistic.abs()),
            Sided::Greater => law.above(statistic),
            Sided::Less => law.above(-statistic),
        }
    }
}

/// A row of results, as far as it follows from the two groups.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expected {
    pub(crate) means: [Option<f64>; 2],
    pub(crate) effect: Option<f64>,
    pub(crate) error: Option<f64>,
    pub(crate) interval: [Option<f64>; 2],
    pub(crate) relative: Option<f64>,
    pub(crate) relative_interval: [Option<f64>; 2],
    pub(crate) relative_reason: Option<&'static str>,
    pub(crate) method: Option<&'static str>,
    pub(crate) statistic: Option<f64>,
    pub(crate) df: Option<f64>,
    pub(crate) p: Option<f64>,
    /// Of a metric that is adjusted by its past.
    pub(crate) unadjusted: Option<Unadjusted>,
    /// Status and reason, where there is no test.
    pub(crate) gap: Option<(&'static str, &'static str)>,
}

/// Compares the groups of a variant and the control.
pub(crate) fn compare(
    (kind, quantile): (&str, Option<f64>),
    control: &Group,
    variant: &Group,
    alpha: f64,
    sided: Sided,
) -> Expected {
    // A retention is a proportion.
    let kind = if kind == "retention" { "proportion" } else { kind };
    let level = |group: &Group| match kind {
        _ if group.n() == 0 => None,
        "quantile" => Curve::of(group).map(|curve| curve.inverse(quantile.unwrap_or(0.5))),
        "ratio" => Some(mean(&group.x) / mean(&group.y)).filter(|level| level.is_finite()),
        // One group alone has none.
        "superiority" | "categorical" => None,
        _ => Some(mean(&group.x)),
    };
    let means = [level(control), level(variant)];
    let effect = means[0].zip(means[1]).map(|(control, variant)| variant - control);
    let row = Expected { means, effect, ..Expected::default() };
    let without = |reason| row.without("insufficient", reason);
    for (group, reason) in [(control, "no_units_in_control"), (variant, "no_units_in_variant")] {
        if group.n() == 0 {
            let row = match group.not_mature {
                Some(waiting) if waiting > 0 => row.without("not_mature", "window_not_complete"),
                _ => without(reason),
            };
            // Of categories there is none, whatever the units.
            let relative_reason = match kind {
                "categorical" => Some("no_lift_of_categories"),
                _ => row.relative_reason,
            };
            return Expected { relative_reason, ..row };
        }
    }
    if kind == "categorical" {
        return by_category(control, variant);
    }
    if kind == "superiority" {
        return by_rank(control, variant, alpha, sided);
    }
    let mut samples = Vec::new();
    for group in [control, variant] {
        let sample = match quantile {
            Some(q) => quantile_sample(group, q),
            None => sample(kind, group),
        };
        match sample {
            Ok(sample) => samples.push(sample),
            Err(reason) => return without(reason),
        }
    }
    if !control.past_x.is_empty() && control.x.len().min(variant.x.len()) < 2 {
        return without("too_few_units");
    }
    let past = (!control.past_x.is_empty()).then(|| adjusted(kind, control, variant));
    let plain = [samples[0], samples[1]];
    let [c, t] = past.as_ref().map_or(plain, |past| past.samples);
    let error = (c.variance / c.n + t.variance / t.n).sqrt();
    // The test of proportions takes both arms to have one rate.
    let pooled = (c.mean * c.n + t.mean * t.n) / (c.n + t.n);
    let (method, law, of_test) = match kind {
        "proportion" if past.is_some() => ("cuped_z", Law::Normal, error),
        "proportion" => {
            let pooled = (pooled * (1.0 - pooled) * (1.0 / c.n + 1.0 / t.n)).sqrt();
            ("two_proportion_z", Law::Normal, pooled)
        }
        "mean" => {
            let part = |s: Sample| (s.variance / s.n).powi(2) / (s.n - 1.0);
            let df = (c.variance / c.n + t.variance / t.n).powi(2) / (part(c) + part(t));
            let word = if past.is_some() { "cuped_welch_t" } else { "welch_t" };
            (word, Law::Student(df), error)
        }
        "quantile" => ("quantile_woodruff_z", Law::Normal, error),
        _ if past.is_some() => ("cuped_ratio_delta_z", Law::Normal, error),
        _ => ("ratio_delta_z", Law::Normal, error),
    };
    if of_test == 0.0 {
        return without("zero_variance");
    }
    let effect = t.mean - c.mean;
    let statistic = effect / of_test;
    let tail = if sided == Sided::Two { alpha / 2.0 } else { alpha };
    let critical = law.critical(tail);
    let of_levels = match &past {
        None => fieller(c, t, critical),
        Some(past) => past.fieller(critical),
    };
    let (relative, relative_reason) = match of_levels {
        Ok(interval) => (Some(interval), None),
        Err(reason) => (None, Some(reason)),
    };
    Expected {
        effect: Some(effect),
        error: Some(error),
        interval: sided.open([effect - critical * error, effect + critical * error]),
        relative: relative.map(|_| effect / c.mean),
        relative_interval: relative.map_or([None, None], |ends| sided.open(ends)),
        relative_reason,
        method: Some(method),
        statistic: Some(statistic),
        df: if let Law::Student(df) = law { Some(df) } else { None },
        p: Some(sided.p(law, statistic)),
        means: past.as_ref().map_or(row.means, |_| [Some(c.mean), Some(t.mean)]),
        unadjusted: unadjusted(kind, control, variant, past.as_ref(), plain, error),
        ..row
    }
}

/// The standard error of the difference of two groups as they are; none where there is none.
pub(crate) fn error_of(kind: &str, groups: [&Group; 2]) -> Option<f64> {
    let [c, t] = groups.map(|group| sample(kind, group).ok());
    let error = (c?.variance / c?.n + t?.variance / t?.n).sqrt();
    (error > 0.0).then_some(error)
}

/// The categories that are compared, with the units of both groups: those of which each is expected to have five and more, by
/// size and then by name, and what is rarer together, with the next rarest ones until it is expected to have five.
pub(crate) fn categories(control: &Group, variant: &Group) -> Vec<(String, [usize; 2])> {
    let names: BTreeSet<&String> =
        control.categories.keys().chain(variant.categories.keys()).collect();
    let units = |group: &Group, name: &str| group.categories.get(name).copied().unwrap_or(0);
    let mut all: Vec<(String, [usize; 2])> = names
        .into_iter()
        .map(|name| (name.clone(), [units(control, name), units(variant, name)]))
        .collect();
    all.sort_by_key(|(name, n)| (std::cmp::Reverse(n[0] + n[1]), name.clone()));
    let smaller = control.n().min(variant.n()) as f64 / (control.n() + variant.n()) as f64;
    let rare = |n: &[usize; 2]| ((n[0] + n[1]) as f64) * smaller < 5.0;
    // Sorted by size, the rare ones are the last.
    let mut others: Option<[usize; 2]> = None;
    while let Some((_, n)) = all.last() {
        let pooled = match &others {
            None => rare(n),
            Some(others) => rare(n) || rare(others),
        };
        if !pooled {
            break;
        }
        let so_far = others.unwrap_or_default();
        others = Some([so_far[0] + n[0], so_far[1] + n[1]]);
        all.pop();
    }
    all.extend(others.map(|n| ("(other)".to_owned(), n)));
    all
}

/// Chi-squared of homogeneity, its degrees of freedom and its p.
pub(crate) fn homogeneity(compared: &[(String, [usize; 2])]) -> (f64, f64, f64) {
    let of = |arm: usize| compared.iter().map(|(_, n)| n[arm]).sum::<usize>() as f64;
    let arms = [of(0), of(1)];
    let all = arms[0] + arms[1];
    let cells = compared.iter().flat_map(|(_, n)| {
        [0, 1].map(|arm| {
            let expected = (n[0] + n[1]) as f64 * arms[arm] / all;
            (n[arm] as f64 - expected).powi(2) / expected
        })
    });
    let statistic: f64 = cells.sum();
    let df = compared.len() as f64 - 1.0;
    (statistic, df, if statistic > 0.0 { gamma_ur(df / 2.0, statistic / 2.0) } else { 1.0 })
}

/// Two groups by category.
fn by_category(control: &Group, variant: &Group) -> Expected {
    let no_lift = Some("no_lift_of_categories");
    let row = Expected { relative_reason: no_lift, ..Expected::default() };
    let compared = categories(control, variant);
    if compared.len() < 2 {
        let one = control.categories.len() == 1
            && control.categories.keys().eq(variant.categories.keys());
        let reason = if one { "zero_variance" } else { "too_few_units" };
        return Expected { gap: Some(("insufficient", reason)), ..row };
    }
    let (statistic, df, p) = homogeneity(&compared);
    Expected {
        method: Some("chi_squared_homogeneity"),
        statistic: Some(statistic),
        df: Some(df),
        p: Some(p),
        ..row
    }
}

/// Two groups by rank, pair by pair: P(T > C) with ties half, Mann and Whitney's law of it where nothing differs, and the
/// variance of each unit's share of the other group below it for the interval.
fn by_rank(control: &Group, variant: &Group, alpha: f64, sided: Sided) -> Expected {
    let [c, t] = [control, variant].map(|group| group.values.concat());
    let row = Expected::default();
    let without = |reason| row.without("insufficient", reason);
    if c.len() < 2 || t.len() < 2 {
        return without("too_few_units");
    }
    let (n_c, n_t) = (c.len() as f64, t.len() as f64);
    let won = |x: f64, y: f64| if x > y { 1.0 } else { f64::from(x == y) / 2.0 };
    let placed = |own: &[f64], among: &[f64]| -> Vec<f64> {
        let share = |x: &f64| among.iter().map(|y| won(*x, *y)).sum::<f64>() / among.len() as f64;
        own.iter().map(share).collect()
    };
    let (of_c, of_t) = (placed(&c, &t), placed(&t, &c));
    let superiority = mean(&of_t);
    let variance = |placed: &[f64], n: f64| co_moment(placed, placed) / (n - 1.0) / n;
    let error = (variance(&of_c, n_c) + variance(&of_t, n_t)).sqrt();
    if error < 1e-12 {
        return without("no_overlap");
    }
    let all = [c.as_slice(), &t].concat();
    // Each value of a group of g ties stands for g² - 1 of the group's g³ - g.
    let tied = all.iter().map(|x| {
        let g = all.iter().filter(|y| *y == x).count() as f64;
        g * g - 1.0
    });
    let n = n_c + n_t;
    let sigma = (n_c * n_t / 12.0 * (n + 1.0 - tied.sum::<f64>() / (n * (n - 1.0)))).sqrt();
    let u = superiority * n_c * n_t;
    let above = u - n_c * n_t / 2.0;
    let half = 0.5;
    let p = match sided {
        Sided::Two => 2.0 * Law::Normal.above((above.abs() - half).max(0.0) / sigma),
        Sided::Greater => Law::Normal.above((above - half) / sigma),
        Sided::Less => 1.0 - Law::Normal.above((above + half) / sigma),
    };
    let effect = superiority - 0.5;
    let tail = if sided == Sided::Two { alpha / 2.0 } else { alpha };
    let away = Law::Normal.critical(tail) * error;
    Expected {
        means: [Some(0.5), Some(superiority)],
        effect: Some(effect),
        error: Some(error),
        interval: sided.open([effect - away, effect + away]),
        relative_reason: Some("no_lift_of_superiority"),
        method: Some("mann_whitney"),
        statistic: Some(u),
        p: Some(p.min(1.0)),
        ..row
    }
}

/// What the metric is without caps and slope; nothing of a metric that has neither.
fn unadjusted(
    kind: &str,
    control: &Group,
    variant: &Group,
    past: Option<&Past>,
    plain: [Sample; 2],
    error: f64,
) -> Option<Unadjusted> {
    let clipped = !control.raw_x.is_empty();
    if past.is_none() && !clipped {
        return None;
    }
    let raw = |group: &Group| Group {
        x: group.raw_x.clone(),
        y: group.raw_y.clone(),
        ..Group::default()
    };
    let samples = match clipped {
        false => plain.map(Some),
        true => [control, variant].map(|group| sample(kind, &raw(group)).ok()),
    };
    let before =
        samples[0].zip(samples[1]).map(|(c, t)| (c.variance / c.n + t.variance / t.n).sqrt());
    let before = before.filter(|before| *before > 0.0);
    let n = plain[0].n + plain[1].n;
    let share = |i: usize| (control.beyond[i] + variant.beyond[i]) as f64 / n;
    Some(Unadjusted {
        theta: past.map(|past| past.theta),
        means: samples.map(|sample| sample.map(|sample| sample.mean)),
        error: before,
        ratio: before.map(|before| (error / before).powi(2)),
        ends: control.ends,
        shares: [
            clipped.then(|| share(0)),
            (clipped && !control.raw_y.is_empty()).then(|| share(1)),
        ],
    })
}

/// See [`unadjusted`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unadjusted {
    pub(crate) theta: Option<f64>,
    pub(crate) means: [Option<f64>; 2],
    pub(crate) error: Option<f64>,
    pub(crate) ratio: Option<f64>,
    pub(crate) ends: [[Option<f64>; 2]; 2],
    pub(crate) shares: [Option<f64>; 2],
}

/// Two groups after what the past tells was taken from each unit's value.
struct Past {
    theta: f64,
    samples: [Sample; 2],
    /// By group: the units' residuals, and their covariates.
    units: [(Vec<f64>, Vec<f64>); 2],
}

/// Each unit's value and covariate; of ratios what the delta method has for them, at the ratios of `all` units or of the
/// group's own.
fn values_and_past(kind: &str, group: &Group, at: &Group) -> (Vec<f64>, Vec<f64>) {
    if kind != "ratio" {
        return (group.x.clone(), group.past_x.clone());
    }
    let linear = |x: &[f64], y: &[f64], of: (f64, f64)| -> Vec<f64> {
        let r = of.0 / of.1;
        x.iter().zip(y).map(|(x, y)| r + (x - r * y) / of.1).collect()
    };
    (
        linear(&group.x, &group.y, (mean(&at.x), mean(&at.y))),
        linear(&group.past_x, &group.past_y, (mean(&at.past_x), mean(&at.past_y))),
    )
}

/// CUPED, unit by unit.
fn adjusted(kind: &str, control: &Group, variant: &Group) -> Past {
    let both = |a: &[f64], b: &[f64]| [a, b].concat();
    let all = Group {
        x: both(&control.x, &variant.x),
        y: both(&control.y, &variant.y),
        past_x: both(&control.past_x, &variant.past_x),
        past_y: both(&control.past_y, &variant.past_y),
        ..Group::default()
    };
    let no_past = |group: &Group| kind == "ratio" && mean(&group.past_y) == 0.0;
    let nothing = no_past(control) || no_past(variant);
    let slope = || {
        let (y, x) = values_and_past(kind, &all, &all);
        let of_x = co_moment(&x, &x);
        if of_x > 1e-20 { co_moment(&y, &x) / of_x } else { 0.0 }
    };
    let theta = if nothing { 0.0 } else { slope() };
    let units = [control, variant].map(|group| {
        if nothing {
            let own = Group { past_x: group.x.clone(), past_y: group.y.clone(), ..group.clone() };
            return values_and_past(kind, &own, &own);
        }
        values_and_past(kind, group, group)
    });
    let (n_c, n_t) = (control.x.len() as f64, variant.x.len() as f64);
    // Ratios of all units are those of both groups together.
    let common = match kind {
        "ratio" if nothing => 0.0,
        "ratio" => mean(&all.past_x) / mean(&all.past_y),
        _ => mean(&all.past_x),
    };
    let residuals = units
        .clone()
        .map(|(y, x)| y.iter().zip(&x).map(|(y, x)| y - theta * x).collect::<Vec<f64>>());
    let sample = |e: &[f64], n: f64| Sample {
        n,
        mean: mean(e) + theta * common,
        variance: co_moment(e, e) / (n - 1.0),
    };
    let samples = [sample(&residuals[0], n_c), sample(&residuals[1], n_t)];
    let [of_c, of_t] = residuals;
    let [(_, x_c), (_, x_t)] = units;
    Past { theta, samples, units: [(of_c, x_c), (of_t, x_t)] }
}

impl Past {
    /// The variance of m_t - r m_c: each unit moves it by its residual, and by its part of the common covariate.
    fn variance(&self, r: f64) -> f64 {
        let n: f64 = self.samples.iter().map(|s| s.n).sum();
        let share = (1.0 - r) * self.theta / n;
        let signs = [-r, 1.0];
        let parts = self.units.iter().zip(&self.samples).zip(signs).map(|(((e, x), s), sign)| {
            let moves: Vec<f64> =
                e.iter().zip(x).map(|(e, x)| sign * e / s.n + share * x).collect();
            s.n * co_moment(&moves, &moves) / (s.n - 1.0)
        });
        parts.sum()
    }

    /// All lifts that are not rejected: the quadratic through three values of r.
    fn fieller(&self, critical: f64) -> Result<[f64; 2], &'static str> {
        let [c, t] = self.samples;
        if c.mean <= 0.0 {
            return Err("control_mean_not_positive");
        }
        // The variance is v0 + v1 r + v2 r².
        let (v0, at_one, at_minus) = (self.variance(0.0), self.variance(1.0), self.variance(-1.0));
        let (v1, v2) = ((at_one - at_minus) / 2.0, (at_one + at_minus) / 2.0 - v0);
        if c.mean <= 5.0 * v2.max(0.0).sqrt() {
            return Err("control_mean_near_zero");
        }
        let q2 = critical * critical;
        let a = c.mean * c.mean - q2 * v2;
        let b = c.mean * t.mean + q2 * v1 / 2.0;
        let root = (b * b - a * (t.mean * t.mean - q2 * v0)).sqrt();
        if a <= 0.0 {
            return Err("control_mean_near_zero");
        }
        Ok([(b - root) / a - 1.0, (b + root) / a - 1.0])
    }
}

impl Expected {
    fn without(&self, status: &'static str, reason: &'static str) -> Expected {
        Expected { gap: Some((status, reason)), relative_reason: Some(reason), ..self.clone() }
    }
}

/// A distribution function over the ends of buckets, with a straight line in each.
struct Curve<'a> {
    group: &'a Group,
    /// Share of all values up to each bucket's upper end, before the first bucket 0.
    share: Vec<f64>,
}

impl Curve<'_> {
    fn of(group: &Group) -> Option<Curve<'_>> {
        let all = group.values.iter().flatten().count();
        let up_to = |end: f64| group.values.iter().flatten().filter(|x| **x <= end).count() as f64;
        let ends = group.buckets.iter().map(|(_, upper)| up_to(*upper) / all as f64);
        (all > 1).then(|| Curve { group, share: std::iter::once(0.0).chain(ends).collect() })
    }

    /// The bucket in which p is reached, and how far into it.
    fn place(&self, p: f64) -> (usize, f64) {
        let bucket = (0..self.group.buckets.len()).find(|i| self.share[i + 1] >= p).unwrap();
        let (before, up_to) = (self.share[bucket], self.share[bucket + 1]);
        (bucket, (p - before) / (up_to - before))
    }

    fn inverse(&self, p: f64) -> f64 {
        let (bucket, part) = self.place(p);
        let (lower, upper) = self.group.buckets[bucket];
        lower + part * (upper - lower)
    }

    /// The delta method's variance of the share up to a bucket's end.
    fn variance(&self, share: f64, end: f64) -> f64 {
        let n = self.group.values.len() as f64;
        let per_unit = self.group.values.iter().map(|unit| {
            let up_to = unit.iter().filter(|x| **x <= end).count() as f64;
            (up_to - share * unit.len() as f64).powi(2)
        });
        let mean = self.group.values.iter().flatten().count() as f64 / n;
        per_unit.sum::<f64>() / (n - 1.0) / n / (mean * mean)
    }
}

/// A quantile with its standard error by Woodruff's way.
fn quantile_sample(group: &Group, q: f64) -> Result<Sample, &'static str> {
    let n = group.values.len() as f64;
    let curve = Curve::of(group).filter(|_| n >= 2.0).ok_or("too_few_units")?;
    let (bucket, part) = curve.place(q);
    let before = if bucket == 0 {
        0.0
    } else {
        curve.variance(curve.share[bucket], group.buckets[bucket - 1].1)
    };
    let up_to = curve.variance(curve.share[bucket + 1], group.buckets[bucket].1);
    let error = (before + part * (up_to - before)).sqrt();
    let z = Law::Normal.critical(0.025);
    let (low, high) = (q - z * error, q + z * error);
    if low <= 0.0 || high >= 1.0 {
        return Err("too_few_units");
    }
    let error = (curve.inverse(high) - curve.inverse(low)) / (2.0 * z);
    Ok(Sample { n, mean: curve.inverse(q), variance: error * error * n })
}

fn sample(kind: &str, group: &Group) -> Result<Sample, &'static str> {
    let n = group.x.len() as f64;
    match kind {
        "proportion" => {
            let p = mean(&group.x);
            Ok(Sample { n, mean: p, variance: p * (1.0 - p) })
        }
        _ if group.x.len() < 2 => Err("too_few_units"),
        "mean" => Ok(Sample::of(&group.x)),
        _ => {
            let (mean_x, mean_y) = (mean(&group.x), mean(&group.y));
            if mean_y == 0.0 {
                return Err("zero_denominator");
            }
            // The delta method: a ratio moves as x - r y over the mean of y.
            let r = mean_x / mean_y;
            let residuals: Vec<f64> =
                group.x.iter().zip(&group.y).map(|(x, y)| (x - r * y) / mean_y).collect();
            let variance = co_moment(&residuals, &residuals) / (n - 1.0);
            let nothing =
                group.x.iter().zip(&group.y).all(|(x, y)| (x - r * y).abs() <= 1e-12 * x.abs());
            Ok(Sample { n, mean: r, variance: if nothing { 0.0 } else { variance } })
        }
    }
}

/// All lifts that the test does not reject (Fieller 1954), as the roots of the quadratic.
fn fieller(c: Sample, t: Sample, critical: f64) -> Result<[f64; 2], &'static str> {
    if c.mean <= 0.0 {
        return Err("control_mean_not_positive");
    }
    if c.mean <= 5.0 * c.error() {
        return Err("control_mean_near_zero");
    }
    if c.n < 2.0 || t.n < 2.0 {
        return Err("too_few_units");
    }
    let (of_c, of_t) = ((critical * c.error()).powi(2), (critical * t.error()).powi(2));
    let a = c.mean * c.mean - of_c;
    let b = c.mean * t.mean;
    let root = (b * b - a * (t.mean * t.mean - of_t)).sqrt();
    if a <= 0.0 {
        return Err("control_mean_near_zero");
    }
    Ok([(b - root) / a - 1.0, (b + root) / a - 1.0])
}

/// Chi-squared of counts against shares, and its p.
pub(crate) fn chi_squared(counts: &[usize], shares: &[f64]) -> (f64, f64) {
    let n = counts.iter().sum::<usize>() as f64;
    let parts = counts.iter().zip(shares);
    let statistic: f64 =
        parts.map(|(o, share)| (*o as f64 - n * share).powi(2) / (n * share)).sum();
    let df = (counts.len() - 1) as f64;
    (statistic, if statistic > 0.0 { gamma_ur(df / 2.0, statistic / 2.0) } else { 1.0 })
}

/// The p of a split that is looked at every day, by one look: how much better than the shares the counts so far have told
/// each unit's arm, unit by unit, with 10, 1,000 and 100,000 units of the shares to begin with.
pub(crate) fn split_p(counts: &[usize], shares: &[f64]) -> f64 {
    let told = |imagined: f64| {
        let mut seen = 0.0;
        let mut ln_better = 0.0;
        for (n, share) in counts.iter().zip(shares) {
            for i in 0..*n {
                let predicted = (imagined * share + i as f64) / (imagined + seen);
                ln_better += (predicted / share).ln();
                seen += 1.0;
            }
        }
        ln_better
    };
    let better = [10.0, 1e3, 1e5].map(|imagined| told(imagined).exp());
    (3.0 / better.iter().sum::<f64>()).min(1.0)
}

/// p-values, adjusted; each by looking at all the others.
pub(crate) fn adjust(correction: &str, p_values: &[f64]) -> Vec<f64> {
    let m = p_values.len() as f64;
    let at_most = |p: f64| p_values.iter().filter(|q| **q <= p).count() as f64;
    let below = |p: f64| p_values.iter().filter(|q| **q < p).count() as f64;
    let adjusted = |p: f64| match correction {
        "none" => p,
        "bonferroni" => p * m,
        // The largest of what smaller ones would need (Holm), the smallest of what larger ones would (B.-H.).
        "holm" => {
            p_values.iter().filter(|q| **q <= p).map(|q| q * (m - below(*q))).fold(0.0, f64::max)
        }
        "benjamini_hochberg" => {
            p_values.iter().filter(|q| **q >= p).map(|q| q * m / at_most(*q)).fold(1.0, f64::min)
        }
        other => panic!("{other} is not written here"),
    };
    p_values.iter().map(|p| adjusted(*p).min(1.0)).collect()
}
