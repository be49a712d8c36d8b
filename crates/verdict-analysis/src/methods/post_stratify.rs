//! Post-stratification: levels of a metric as they would be, were both variants made up of strata as all units together are.
//!
//! With w_k the share of stratum k among the units of both variants, a level is Σ w_k m_k over the variant's means in the strata.
//! Chance differences of the variants' make-up no longer show in the effect, so that what strata differ by is taken out of its
//! variance. The variance of m_t - f m_c is
//!
//! Σ w_k² (V_tk + f² V_ck) + Σ w_k (d_k - d)²/N, d_k = m_tk - f m_ck,
//!
//! V_k being the variance of a stratum's mean: the second term is that of the shares, which are a sample's, and is near nothing
//! where the effect is the same everywhere. Strata must be what units were before the exposure. A stratum in which a variant
//! has fewer than [`FEWEST`] units has no mean worth weighting: such strata are taken together.
//!
//! Sources: W. G. Cochran, Sampling Techniques, 3rd ed. (1977), section 5A.9; L. W. Miratrix, J. S. Sekhon & B. Yu, J. R. Statist.
//! Soc. B 75 (2013), 369-396.

use super::MethodError;
use super::error::check_at_least;
use super::ratio::variance_of_difference;

/// Units of each variant that a stratum needs to stand alone.
pub const FEWEST: u64 = 10;

/// One variant's units in a stratum: of a ratio both parts, of other metrics y is 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    /// Units.
    pub n: u64,
    /// The mean of x, which is the metric or a ratio's numerator.
    pub mean_x: f64,
    /// The mean of y.
    pub mean_y: f64,
    /// Centred second moments of x, and of y.
    pub m2_x: f64,
    /// See `m2_x`.
    pub m2_y: f64,
    /// The centred co-moment.
    pub co_xy: f64,
}

impl Moments {
    /// The moments of both together (Chan, Golub & LeVeque).
    fn with(self, other: Moments) -> Moments {
        if self.n == 0 || other.n == 0 {
            return if self.n == 0 { other } else { self };
        }
        let n = self.n + other.n;
        let share = other.n as f64 / n as f64;
        let (dx, dy) = (other.mean_x - self.mean_x, other.mean_y - self.mean_y);
        let between = self.n as f64 * share;
        Moments {
            n,
            mean_x: self.mean_x + dx * share,
            mean_y: self.mean_y + dy * share,
            m2_x: self.m2_x + other.m2_x + dx * dx * between,
            m2_y: self.m2_y + other.m2_y + dy * dy * between,
            co_xy: self.co_xy + other.co_xy + dx * dy * between,
        }
    }
}

/// A stratum: the control's units, and the treatment's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stratum {
    /// Of the control.
    pub control: Moments,
    /// Of the treatment.
    pub treatment: Moments,
}

/// Levels of both variants, post-stratified.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PostStratified {
    /// The control's level, Σ w_k m_ck.
    pub control: f64,
    /// The treatment's level.
    pub treatment: f64,
    /// The variance of the control's level within the strata, Σ w_k² V_ck.
    pub within_control: f64,
    /// The same of the treatment.
    pub within_treatment: f64,
    /// The variances that the shares add, of the control's level, the treatment's, and the covariance of both.
    pub between: [f64; 3],
    /// The degrees of freedom of the difference, by Welch and Satterthwaite over all strata of both variants.
    pub df: f64,
    /// How many strata there are, small ones taken together.
    pub strata: usize,
}

/// How a stratum's variance is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variance {
    /// With the divisor n - 1.
    OfSample,
    /// p (1 - p), as tests of rates have it.
    OfRate,
}

/// Post-stratifies: of strata that are given in the same order whatever the data.
///
/// # Errors
/// [`MethodError::TooFew`] below [`FEWEST`] units in a variant, [`MethodError::ZeroDenominator`] where the denominators of a ratio sum to
/// zero, and [`MethodError::ZeroVariance`] where no stratum varies.
///
/// # Example
/// Two countries that differ by ten, and a treatment that by chance has more units of the richer one.
/// ```
/// use verdict_analysis::methods::post_stratify::{Moments, Stratum, Variance, post_stratify};
///
/// let of = |n: u64, mean_x: f64| {
///     Moments { n, mean_x, mean_y: 1.0, m2_x: n as f64 - 1.0, m2_y: 0.0, co_xy: 0.0 }
/// };
/// let strata = [
///     Stratum { control: of(110, 0.0), treatment: of(90, 0.5) },
///     Stratum { control: of(90, 10.0), treatment: of(110, 10.5) },
/// ];
/// let found = post_stratify(&strata, Variance::OfSample)?;
/// // Half of all units each: the effect is that of every country.
/// assert_eq!((found.control, found.treatment), (5.0, 5.5));
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn post_stratify(strata: &[Stratum], how: Variance) -> Result<PostStratified, MethodError> {
    let strata = gathered(strata)?.strata;
    let (all, shares) = shares(&strata);
    let control = Arm::of(strata.iter().map(|s| s.control), &shares, how)?;
    let treatment = Arm::of(strata.iter().map(|s| s.treatment), &shares, how)?;
    let between = |a: &Arm, b: &Arm| {
        let products = a.from_level.iter().zip(&b.from_level).zip(&shares);
        products.map(|((a, b), w)| w * a * b).sum::<f64>() / all
    };
    let parts = || control.within.iter().chain(&treatment.within);
    let within: f64 = parts().map(|(v, _)| v).sum();
    if within == 0.0 {
        return Err(MethodError::ZeroVariance { what: "the metric" });
    }
    let spread: f64 = parts().map(|(v, free)| (v / within) * (v / within) / free).sum();
    let sum = |arm: &Arm| arm.within.iter().map(|(v, _)| v).sum();
    Ok(PostStratified {
        control: control.level,
        treatment: treatment.level,
        within_control: sum(&control),
        within_treatment: sum(&treatment),
        between: [
            between(&control, &control),
            between(&treatment, &treatment),
            between(&control, &treatment),
        ],
        df: 1.0 / spread,
        strata: strata.len(),
    })
}

/// What a stratum's units have to do with the levels: a level moves by `weight` times how far a unit's x - r y moves, r being
/// the variant's level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Influence {
    /// Of a unit of the control: the stratum's share over its number of units and over the mean of y.
    pub weight_control: f64,
    /// Of a unit of the treatment.
    pub weight_treatment: f64,
    /// How far the stratum's level lies from the control's, by which its share counts.
    pub from_control: f64,
    /// How far it lies from the treatment's.
    pub from_treatment: f64,
}

/// The influence of each of the strata, in their order; those that are taken together have one.
///
/// # Errors
/// As for [`post_stratify`].
pub fn influence(strata: &[Stratum], how: Variance) -> Result<Vec<Influence>, MethodError> {
    let Gathered { strata, places } = gathered(strata)?;
    let (_, shares) = shares(&strata);
    let control = Arm::of(strata.iter().map(|s| s.control), &shares, how)?;
    let treatment = Arm::of(strata.iter().map(|s| s.treatment), &shares, how)?;
    let of = |place: &usize| {
        let (share, stratum) = (shares[*place], &strata[*place]);
        Influence {
            weight_control: share / stratum.control.n as f64 / control.mean_y,
            weight_treatment: share / stratum.treatment.n as f64 / treatment.mean_y,
            from_control: control.from_level[*place],
            from_treatment: treatment.from_level[*place],
        }
    };
    Ok(places.iter().map(of).collect())
}

/// The number of units, and each stratum's share of them.
fn shares(strata: &[Stratum]) -> (f64, Vec<f64>) {
    let units = |s: &Stratum| (s.control.n + s.treatment.n) as f64;
    let all: f64 = strata.iter().map(units).sum();
    (all, strata.iter().map(|s| units(s) / all).collect())
}

/// One variant: its level, how far each stratum's mean lies from it, and each stratum's part of the variance with its degrees
/// of freedom. Of a ratio r the means are those of (x - r y)/ȳ.
struct Arm {
    level: f64,
    mean_y: f64,
    from_level: Vec<f64>,
    within: Vec<(f64, f64)>,
}

impl Arm {
    fn of(
        strata: impl Iterator<Item = Moments>,
        shares: &[f64],
        how: Variance,
    ) -> Result<Arm, MethodError> {
        let strata: Vec<Moments> = strata.collect();
        let weighted = |of: fn(&Moments) -> f64| -> f64 {
            strata.iter().zip(shares).map(|(m, w)| w * of(m)).sum()
        };
        let (x, y) = (weighted(|m| m.mean_x), weighted(|m| m.mean_y));
        if y == 0.0 {
            return Err(MethodError::ZeroDenominator { what: "the mean of the denominator" });
        }
        let r = x / y;
        if !r.is_finite() {
            return Err(MethodError::Overflow { what: "the level" });
        }
        let within = strata.iter().zip(shares).map(|(m, w)| {
            let n = m.n as f64;
            let variance = match how {
                Variance::OfRate => m.mean_x * (1.0 - m.mean_x),
                Variance::OfSample => {
                    let free = n - 1.0;
                    variance_of_difference(m.m2_x / free, m.m2_y / free, m.co_xy / free, r)
                }
            };
            (w * w * variance / n / (y * y), n - 1.0)
        });
        let within = within.collect();
        let from_level = strata.iter().map(|m| (m.mean_x - r * m.mean_y) / y).collect();
        Ok(Arm { level: r, mean_y: y, from_level, within })
    }
}

/// Strata that stand alone, and which of them each of the given ones is in.
struct Gathered {
    strata: Vec<Stratum>,
    places: Vec<usize>,
}

/// The strata, those with too few units together in one; where those are too few still, they join the smallest other one.
fn gathered(strata: &[Stratum]) -> Result<Gathered, MethodError> {
    let enough = |s: &Stratum| s.control.n.min(s.treatment.n) >= FEWEST;
    let together = |a: Stratum, b: Stratum| Stratum {
        control: a.control.with(b.control),
        treatment: a.treatment.with(b.treatment),
    };
    let mut kept: Vec<Stratum> = strata.iter().copied().filter(enough).collect();
    let rest = strata.iter().copied().filter(|s| !enough(s)).reduce(together);
    let smallest = (0..kept.len()).min_by_key(|i| kept[*i].control.n + kept[*i].treatment.n);
    let of_rest = match (rest, smallest) {
        (None, _) => 0,
        (Some(rest), _) if enough(&rest) => {
            kept.push(rest);
            kept.len() - 1
        }
        (Some(rest), Some(smallest)) => {
            kept[smallest] = together(kept[smallest], rest);
            smallest
        }
        (Some(rest), None) => {
            check_at_least("units in the control", rest.control.n, FEWEST)?;
            check_at_least("units in the treatment", rest.treatment.n, FEWEST)?;
            0
        }
    };
    let mut alone = 0..;
    let place = |s: &Stratum| if enough(s) { alone.next().unwrap_or(of_rest) } else { of_rest };
    let places = strata.iter().map(place).collect();
    Ok(Gathered { strata: kept, places })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[[f64; 2]]) -> Moments {
        let one = |[x, y]: &[f64; 2]| Moments {
            n: 1,
            mean_x: *x,
            mean_y: *y,
            m2_x: 0.0,
            m2_y: 0.0,
            co_xy: 0.0,
        };
        let nobody = Moments { n: 0, mean_x: 0.0, mean_y: 0.0, m2_x: 0.0, m2_y: 0.0, co_xy: 0.0 };
        values.iter().map(one).fold(nobody, Moments::with)
    }

    fn repeated(values: &[[f64; 2]], times: usize) -> Vec<[f64; 2]> {
        values.iter().copied().cycle().take(values.len() * times).collect()
    }

    /// By hand. Stratum a: the control 0 and 2 ten times each (mean 1, variance 20/19), the treatment 1 and 3 five times each (mean 2,
    /// variance 10/9). Stratum b: the control 10 ten times, the treatment 14 and 16 ten times each (mean 15, variance 20/19).
    /// Shares 30/60 and 30/60: levels 5.5 and 8.5. Within: (20/19/20)/4 and (10/9/10 + 20/19/20)/4. Between, over N = 60:
    /// (4.5², 6.5², 4.5 · 6.5)/60.
    #[test]
    fn levels_and_variances_are_those_worked_out_by_hand() {
        let a = Stratum {
            control: of(&repeated(&[[0.0, 1.0], [2.0, 1.0]], 10)),
            treatment: of(&repeated(&[[1.0, 1.0], [3.0, 1.0]], 5)),
        };
        let b = Stratum {
            control: of(&repeated(&[[10.0, 1.0]], 10)),
            treatment: of(&repeated(&[[14.0, 1.0], [16.0, 1.0]], 10)),
        };
        let found = post_stratify(&[a, b], Variance::OfSample).unwrap();
        let near = |got: f64, want: f64| assert!((got - want).abs() < 1e-12, "{got} is not {want}");
        near(found.control, 5.5);
        near(found.treatment, 8.5);
        near(found.within_control, 1.0 / 76.0);
        near(found.within_treatment, 1.0 / 36.0 + 1.0 / 76.0);
        near(found.between[0], 4.5 * 4.5 / 60.0);
        near(found.between[1], 6.5 * 6.5 / 60.0);
        near(found.between[2], 4.5 * 6.5 / 60.0);
        let (v, w) = (1.0_f64 / 76.0, 1.0_f64 / 36.0);
        near(found.df, (2.0 * v + w).powi(2) / (2.0 * v * v / 19.0 + w * w / 9.0));
        assert_eq!(found.strata, 2);
    }

    /// What moves a level: its numeric derivative by each value, and by each share.
    #[test]
    fn influence_is_what_moves_the_levels() {
        let values = |from: i32, n: usize| -> Vec<[f64; 2]> {
            let of = |i: i32| [f64::from(i * i % 11), f64::from(1 + i % 4)];
            (from..).map(of).take(n).collect()
        };
        // The second and the third are taken together.
        let control = [values(0, 14), values(3, 6), values(5, 7), values(9, 20)];
        let treatment = [values(2, 12), values(8, 7), values(1, 5), values(4, 30)];
        let strata = |control: &[Vec<[f64; 2]>; 4]| -> Vec<Stratum> {
            let each = control.iter().zip(&treatment);
            each.map(|(c, t)| Stratum { control: of(c), treatment: of(t) }).collect()
        };
        let found = influence(&strata(&control), Variance::OfSample).unwrap();
        let level =
            |c: &[Vec<[f64; 2]>; 4]| post_stratify(&strata(c), Variance::OfSample).unwrap().control;
        let step = 1e-5;
        for (k, influence) in found.iter().enumerate() {
            for part in 0..2 {
                let moved = |by: f64| {
                    let mut control = control.clone();
                    control[k][0][part] += by;
                    level(&control)
                };
                let r = level(&control);
                let want = influence.weight_control * if part == 0 { 1.0 } else { -r };
                let got = (moved(step) - moved(-step)) / (2.0 * step);
                assert!((got - want).abs() < 1e-8, "{k} {part}: {got} is not {want}");
            }
        }
        assert_eq!(found[1], found[2]);
        // Shares add up to one, so that what lies above a level weighs as much as what lies below.
        let units = |k: usize| (control[k].len() + treatment[k].len()) as f64;
        let sum: f64 = (0..4).map(|k| units(k) * found[k].from_control).sum();
        assert!(sum.abs() < 1e-9, "{sum}");
    }

    /// With one stratum it is Welch's test, or the ratio's delta method.
    #[test]
    fn one_stratum_is_no_stratification() {
        let values: Vec<[f64; 2]> =
            (0..40).map(|i| [f64::from(i * i % 17), f64::from(1 + i % 3)]).collect();
        let (c, t) = (of(&values[..18]), of(&values[18..]));
        let found = post_stratify(&[Stratum { control: c, treatment: t }], Variance::OfSample);
        let found = found.unwrap();
        let linearised = |m: Moments| {
            let free = (m.n - 1) as f64;
            super::super::ratio::RatioSample {
                n: m.n,
                mean_num: m.mean_x,
                mean_den: m.mean_y,
                var_num: m.m2_x / free,
                var_den: m.m2_y / free,
                cov: m.co_xy / free,
            }
            .linearised()
            .unwrap()
        };
        let (c, t) = (linearised(c), linearised(t));
        assert!((found.control - c.mean).abs() < 1e-12);
        assert!((found.within_control - c.variance_of_mean()).abs() < 1e-12);
        assert!((found.within_treatment - t.variance_of_mean()).abs() < 1e-12);
        assert!(found.between.iter().all(|x| x.abs() < 1e-24), "{:?}", found.between);
        let df =
            super::super::welch::welch_df(c.variance_of_mean(), c.n, t.variance_of_mean(), t.n);
        assert!((found.df - df).abs() < 1e-9);
    }

    /// A rate's variance is p (1 - p).
    #[test]
    fn a_rate_has_the_variance_of_a_rate() {
        let of_rate = |n: u64, p: f64| Moments {
            n,
            mean_x: p,
            mean_y: 1.0,
            m2_x: 0.0,
            m2_y: 0.0,
            co_xy: 0.0,
        };
        let strata = [
            Stratum { control: of_rate(100, 0.1), treatment: of_rate(100, 0.2) },
            Stratum { control: of_rate(100, 0.5), treatment: of_rate(100, 0.5) },
        ];
        let found = post_stratify(&strata, Variance::OfRate).unwrap();
        assert!((found.within_control - (0.09 + 0.25) / 400.0).abs() < 1e-15);
        assert!((found.treatment - 0.35).abs() < 1e-15);
    }

    #[test]
    fn small_strata_are_taken_together_and_too_few_units_refused() {
        let some = |n: usize| of(&repeated(&[[0.0, 1.0], [4.0, 1.0]], n));
        let stratum = |c: usize, t: usize| Stratum { control: some(c), treatment: some(t) };
        let strata = |of: &[Stratum]| post_stratify(of, Variance::OfSample).map(|f| f.strata);
        // Two of four units a variant are one of eight, which joins the smallest of the others.
        assert_eq!(strata(&[stratum(9, 9), stratum(2, 2), stratum(8, 8), stratum(2, 2)]), Ok(2));
        assert_eq!(strata(&[stratum(9, 9), stratum(3, 2), stratum(2, 3)]), Ok(2));
        // Nobody of the control in one of them.
        assert_eq!(strata(&[stratum(9, 9), stratum(0, 9)]), Ok(1));
        let few = strata(&[stratum(2, 2), stratum(1, 2)]);
        assert!(matches!(few, Err(MethodError::TooFew { .. })), "{few:?}");
        let flat = Stratum { control: of(&repeated(&[[1.0, 1.0]], 20)), ..stratum(9, 9) };
        let flat = Stratum { treatment: flat.control, ..flat };
        assert!(matches!(strata(&[flat]), Err(MethodError::ZeroVariance { .. })));
    }
}
