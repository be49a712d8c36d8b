//! Rows that are a bootstrap's, once more: the normal law beside it as everywhere, and replicates that draw every unit.

use statrs::distribution::{ContinuousCDF, Normal};

use super::groups::Group;
use super::judged;
use super::log::Random;
use super::stats::{Expected, Sided};
use super::tables::{Cell, Record};

/// The replicates that the files ask for, and as many here.
pub(crate) const REPLICATES: usize = 4_000;

/// Columns that the bootstrap has, and where what the normal law says stands beside.
const BESIDE: [(&str, &str); 7] = [
    ("method", "normal_method"),
    ("effect_std_error", "normal_std_error"),
    ("effect_ci_lower", "normal_ci_lower"),
    ("effect_ci_upper", "normal_ci_upper"),
    ("rel_effect_ci_lower", "normal_rel_ci_lower"),
    ("rel_effect_ci_upper", "normal_rel_ci_upper"),
    ("p_value", "normal_p_value"),
];

/// Below so many units in an arm there may be no BCa interval, or no ratio without one of the units.
const FEW: usize = 30;

/// A resampled row, and what is known of it afterwards: its own p-value. `expected` is what the normal law says.
pub(crate) fn row(
    record: &Record,
    expected: Expected,
    (interval, kind): (&str, &str),
    [control, variant]: [&Group; 2],
    (alpha, sided): (f64, Sided),
    at: &str,
) -> Expected {
    if expected.gap.is_some() {
        judged::row(record, &expected, at);
        return expected;
    }
    let reason = match &record["reason"] {
        Cell::Text(reason) => Some(reason.as_str()),
        _ => None,
    };
    let few = control.n().min(variant.n()) < FEW;
    // One unit has a share, and the normal law a test of it; nothing can be drawn again from it.
    let known = match control.n().min(variant.n()) {
        0 | 1 => ["too_few_units"; 3],
        _ => ["too_skewed_for_bca", "zero_denominator", "zero_variance"],
    };
    if let Some(reason) = reason.and_then(|r| known.into_iter().find(|known| *known == r)) {
        assert!(few, "{at}: {reason}, and there are units: {record:?}");
        return Expected { p: None, gap: Some(("insufficient", reason)), ..expected };
    }
    let method = Cell::Text(format!("bootstrap_{interval}"));
    assert_eq!(record["method"], method, "{at}: {record:?}");
    let mut beside = record.clone();
    for (own, column) in BESIDE {
        beside.insert(own.to_owned(), record[column].clone());
    }
    judged::row(&beside, &Expected { statistic: None, df: None, ..expected.clone() }, at);
    let p = record["p_value"].number();
    if !at.contains(" all=all") {
        return Expected { p, ..expected };
    }
    let mut random = Random(alpha.to_bits() ^ control.n() as u64);
    let groups = [control, variant].map(|group| Levels::of(kind, group, &mut random));
    let check = Check { groups: &groups, interval, alpha, sided, few, at };
    let ends = |column: &str| {
        let of = |end: &str| record[&format!("{column}_{end}")].number();
        [of("lower"), of("upper")]
    };
    check.statistic(&|c, t| Some(t - c), ends("effect_ci"), p);
    if !few {
        let error = record["effect_std_error"].number().unwrap();
        let naive = check.replicates(&|c, t| Some(t - c));
        let mean = naive.iter().sum::<f64>() / naive.len() as f64;
        let variance = naive.iter().map(|r| (r - mean).powi(2)).sum::<f64>() / naive.len() as f64;
        let ratio = error / variance.sqrt();
        assert!((ratio - 1.0).abs() < 0.12, "{at}: a standard error of {ratio} of the naive one");
    }
    if expected.relative.is_some() {
        check.statistic(&|c, t| (c > 0.0).then(|| t / c - 1.0), ends("rel_effect_ci"), None);
    }
    Expected { p, ..expected }
}

/// The distinct totals of a group, as the tables have them; nothing of a proportion.
pub(crate) fn totals(record: &Record, kind: &str, group: Option<&Group>, at: &str) {
    let Some(group) = group.filter(|_| kind != "proportion" && kind != "retention") else {
        for column in ["total_x", "total_y", "total_count"] {
            assert_eq!(record[column], Cell::Null, "{at} {column}");
        }
        return;
    };
    let mut units: Vec<(f64, f64)> = (0..group.x.len())
        .map(|i| (group.x[i] + 0.0, group.y.get(i).copied().unwrap_or(0.0) + 0.0))
        .collect();
    units.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let counts: Vec<f64> = units.chunk_by(|a, b| a == b).map(|same| same.len() as f64).collect();
    units.dedup();
    let (x, y): (Vec<f64>, Vec<f64>) = units.into_iter().unzip();
    assert_eq!(record["total_x"], Cell::Numbers(x), "{at}");
    assert_eq!(record["total_count"], Cell::Numbers(counts), "{at}");
    let y = if kind == "ratio" { Cell::Numbers(y) } else { Cell::Null };
    assert_eq!(record["total_y"], y, "{at}");
}

/// A group's level as it is, in each replicate, and without each unit.
struct Levels {
    level: f64,
    replicates: Vec<Option<f64>>,
    without: Vec<Option<f64>>,
}

impl Levels {
    fn of(kind: &str, group: &Group, random: &mut Random) -> Levels {
        let y = |i: usize| if kind == "ratio" { group.y[i] } else { 1.0 };
        let level = |weight: &mut dyn FnMut(usize) -> f64| {
            let (mut above, mut below) = (0.0, 0.0);
            for i in 0..group.x.len() {
                let weight = weight(i);
                above += weight * group.x[i];
                below += weight * y(i);
            }
            (below != 0.0).then(|| above / below)
        };
        let poisson = |random: &mut Random| {
            let (least, mut product, mut n) = ((-1.0_f64).exp(), random.unit(), 0.0);
            while product > least {
                product *= random.unit();
                n += 1.0;
            }
            n
        };
        Levels {
            level: level(&mut |_| 1.0).unwrap(),
            replicates: (0..REPLICATES).map(|_| level(&mut |_| poisson(random))).collect(),
            without: (0..group.x.len())
                .map(|one| level(&mut |i| if i == one { 0.0 } else { 1.0 }))
                .collect(),
        }
    }
}

type Statistic<'a> = &'a dyn Fn(f64, f64) -> Option<f64>;

struct Check<'a> {
    groups: &'a [Levels; 2],
    interval: &'a str,
    alpha: f64,
    sided: Sided,
    few: bool,
    at: &'a str,
}

impl Check<'_> {
    fn replicates(&self, of: Statistic<'_>) -> Vec<f64> {
        let [c, t] = self.groups;
        let pairs = c.replicates.iter().zip(&t.replicates);
        pairs.filter_map(|(c, t)| of((*c)?, (*t)?)).collect()
    }

    /// The ends lie where as many of the naive replicates are below them as the interval's levels say, and the p-value is
    /// that of an interval that ends at zero.
    fn statistic(&self, of: Statistic<'_>, ends: [Option<f64>; 2], p: Option<f64>) {
        let normal = Normal::standard();
        let [c, t] = self.groups;
        let naive = self.replicates(of);
        let n = naive.len() as f64;
        let below = |x: f64| naive.iter().filter(|r| **r < x - 1e-12).count() as f64 / n;
        let up_to = |x: f64| naive.iter().filter(|r| **r <= x + 1e-12).count() as f64 / n;
        let share = |x: f64| (0.5 * (below(x) + up_to(x))).clamp(1.0 / (n + 1.0), n / (n + 1.0));
        let estimate = of(c.level, t.level).unwrap();
        let bca = self.interval == "bca";
        let (z0, a) = match bca {
            false => (0.0, 0.0),
            true => {
                let of_control = c.without.iter().map(|c| of((*c)?, t.level));
                let of_variant = t.without.iter().map(|t| of(c.level, (*t)?));
                let a = acceleration([of_control.collect(), of_variant.collect()]);
                (normal.inverse_cdf(share(estimate)), a)
            }
        };
        let tail = if self.sided == Sided::Two { self.alpha / 2.0 } else { self.alpha };
        // Chance of both, and of z0 where there is one; discrete replicates of a few units besides.
        let slack = |level: f64| {
            let chance = 5.0 * (2.0 * level * (1.0 - level) / n).sqrt();
            chance + if bca { 0.012 } else { 0.002 } + if self.few { 0.02 } else { 0.0 }
        };
        for (end, sign) in ends.into_iter().zip([-1.0, 1.0]) {
            let Some(end) = end else { continue };
            let z = sign * normal.inverse_cdf(1.0 - tail);
            let level = normal.cdf(z0 + (z0 + z) / (1.0 - a * (z0 + z)));
            let (from, to) = (below(end) - slack(level), up_to(end) + slack(level));
            assert!(
                (from..=to).contains(&level),
                "{}: {end} has {} to {} below it, not {level}",
                self.at,
                below(end),
                up_to(end)
            );
        }
        let Some(p) = p else { return };
        let w = normal.inverse_cdf(share(0.0)) - z0;
        let lower = normal.cdf(w / (1.0 + a * w) - z0);
        let (wanted, times) = match self.sided {
            Sided::Two => (2.0 * lower.min(1.0 - lower), 2.0),
            Sided::Greater => (lower, 1.0),
            Sided::Less => (1.0 - lower, 1.0),
        };
        let off = times * slack(lower);
        assert!((p - wanted).abs() <= off, "{}: p is {p}, not {wanted}", self.at);
    }
}

/// From the statistic without each unit, by group.
fn acceleration(without: [Option<Vec<f64>>; 2]) -> f64 {
    let (mut cubes, mut squares) = (0.0, 0.0);
    for group in without.into_iter().map(Option::unwrap) {
        let n = group.len() as f64;
        let mean = group.iter().sum::<f64>() / n;
        for t in group {
            let u = (n - 1.0) * (mean - t) / n;
            cubes += u.powi(3);
            squares += u * u;
        }
    }
    cubes / (6.0 * squares.powf(1.5))
}
