//! The ends of the range: counts of a trillion, rates near 0 and 1, no variance, hardly any units, negative means, and
//! p-values beyond the smallest float. Expected values are worked out beside each claim.

use verdict_analysis::methods::mann_whitney::mann_whitney;
use verdict_analysis::methods::proportion::{OneProportionInterval, proportion_interval};
use verdict_analysis::methods::relative::{self, RelativeMethod, relative};
use verdict_analysis::methods::sample_ratio::sample_ratio;
use verdict_analysis::methods::two_proportion::{
    Proportion, ProportionInterval, interval, relative_lift, two_proportion,
};
use verdict_analysis::methods::welch::welch;
use verdict_analysis::methods::{Alternative, MethodError, Sample};

const TWO: Alternative = Alternative::TwoSided;
const TRILLION: u64 = 1_000_000_000_000;

fn near(got: f64, want: f64, relative: f64) {
    assert!((got - want).abs() <= relative * want.abs(), "{got} is not {want}");
}

fn z_test(
    control: (u64, u64),
    treatment: (u64, u64),
    alternative: Alternative,
) -> verdict_analysis::methods::Estimate {
    let of = |(successes, n)| Proportion { successes, n };
    two_proportion(of(control), of(treatment), 0.05, alternative, ProportionInterval::Newcombe)
        .expect("a test")
}

#[test]
fn counts_of_a_trillion_keep_their_digits() {
    // One success more among 10^12: the difference is 10^-12 exactly, and z = 10^-12 / sqrt(2 · 0.25 / 10^12) to 12 digits.
    let half = TRILLION / 2;
    let e = z_test((half, TRILLION), (half + 1, TRILLION), TWO);
    assert_eq!(e.effect, 1e-12);
    near(e.statistic, 1e-12 / (0.5e-12_f64).sqrt(), 1e-11);
    // A millionth of a point among 10^12 units is 14.14 standard errors.
    let e = z_test((half, TRILLION), (half + 10_000_000, TRILLION), TWO);
    near(e.statistic, 1e-5 / (0.5e-12_f64).sqrt(), 1e-9);
    // Units of u64's own size overflow nothing.
    let most = u64::MAX / 2;
    let e = z_test((most / 2, most), (most / 2, most), TWO);
    assert_eq!((e.effect, e.p_value), (0.0, 1.0));
    let check = sample_ratio(&[most, most], &[1.0, 1.0]).expect("a check");
    assert_eq!(check.p_value, 1.0);
}

#[test]
fn tails_do_not_end_at_eight_standard_errors() {
    // ln sf(40) = -804.608442013754 to 15 digits; sf(40) itself, 3.66e-350, is below the smallest float.
    let sd = 1.0;
    let n = 2_000_000_000_000;
    let shift = 40.0 * (2.0 / n as f64).sqrt();
    let control = Sample { n, mean: 0.0, variance: sd };
    let treatment = Sample { n, mean: shift, variance: sd };
    let e = welch(&control, &treatment, 0.05, Alternative::Greater).expect("a test");
    assert_eq!(e.p_value, 0.0);
    near(e.log_p_value, -804.608_442_013_754, 1e-9);
    // The other side is one, and its logarithm is not zero's but -sf.
    let less = welch(&control, &treatment, 0.05, Alternative::Less).expect("a test");
    assert_eq!(less.p_value, 1.0);
    // sf(9) = 1.12858840595384e-19 to 15 digits, where 1 - cdf is 0.
    let nine = Sample { mean: 9.0 * (2.0 / n as f64).sqrt(), ..treatment };
    let e = welch(&control, &nine, 0.05, Alternative::Greater).expect("a test");
    near(e.p_value, 1.128_588_405_953_84e-19, 1e-6);
}

#[test]
fn rates_near_zero_and_one_mirror_each_other() {
    let n = TRILLION;
    let rare = z_test((100, n), (160, n), TWO);
    let common = z_test((n - 100, n), (n - 160, n), TWO);
    near(common.effect, -rare.effect, 1e-14);
    near(common.statistic, -rare.statistic, 1e-12);
    near(common.p_value, rare.p_value, 1e-10);
    near(common.ci_lower, -rare.ci_upper, 1e-9);
    // z = 60 / sqrt(2 · 130), for so small a rate.
    near(rare.statistic, 60.0 / 260.0_f64.sqrt(), 1e-9);
    let lift = relative_lift(Proportion { successes: 100, n }, Proportion { successes: 160, n });
    near(lift.expect("a lift"), 0.6, 1e-15);
}

#[test]
fn nothing_and_everything_still_have_intervals() {
    let n = 1_000;
    for method in [ProportionInterval::Newcombe, ProportionInterval::MiettinenNurminen] {
        let none = Proportion { successes: 0, n };
        let all = Proportion { successes: n, n };
        for same in [none, all] {
            let i = interval(same, same, 0.05, TWO, method).expect("an interval");
            // Wilson's limit of 0 of n: z² / (n + z²).
            let limit = 3.841_458_820_694_124 / (1_000.0 + 3.841_458_820_694_124);
            assert!(i.lower < 0.0 && i.upper > 0.0, "{i:?}");
            near(i.upper, limit, if method == ProportionInterval::Newcombe { 1e-12 } else { 0.01 });
            near(i.upper, -i.lower, 1e-9);
        }
        let i = interval(none, all, 0.05, TWO, method).expect("an interval");
        assert!(i.upper <= 1.0 && i.lower > 0.99, "{i:?}");
    }
    let refused = two_proportion(
        Proportion { successes: 0, n },
        Proportion { successes: 0, n },
        0.05,
        TWO,
        ProportionInterval::Newcombe,
    );
    assert!(matches!(refused, Err(MethodError::ZeroVariance { .. })), "{refused:?}");
    // Clopper and Pearson's limit of 0 of n is 1 - (alpha / 2)^(1/n).
    let zero = Proportion { successes: 0, n: TRILLION };
    let i = proportion_interval(zero, 0.05, OneProportionInterval::ClopperPearson).expect("one");
    near(i.upper, -(0.025_f64.ln() / 1e12).exp_m1(), 1e-9);
}

#[test]
fn none_one_and_two_units() {
    let two = Sample { n: 2, mean: 1.0, variance: 0.5 };
    for n in [0, 1] {
        let few = Sample { n, mean: 1.0, variance: 0.5 };
        let refused = welch(&few, &two, 0.05, TWO);
        let named = matches!(refused, Err(MethodError::TooFew { needed: 2, got, .. }) if got == n);
        assert!(named, "{refused:?}");
    }
    // Two against two: 1 / sqrt(0.25 + 0.25), two degrees of freedom, where p = 1 - t / sqrt(t² + 2).
    let e = welch(&two, &Sample { mean: 2.0, ..two }, 0.05, TWO).expect("a test");
    near(e.statistic, std::f64::consts::SQRT_2, 1e-15);
    assert_eq!(e.df, Some(2.0));
    near(e.p_value, 1.0 - std::f64::consts::SQRT_2 / 2.0, 1e-12);
    let none = Proportion { successes: 0, n: 0 };
    let refused =
        interval(none, Proportion { successes: 1, n: 2 }, 0.05, TWO, ProportionInterval::Wald);
    assert!(matches!(refused, Err(MethodError::TooFew { needed: 1, got: 0, .. })), "{refused:?}");
    // One of one against none of one: the interval is wide, and within [-1, 1].
    let (c, t) = (Proportion { successes: 0, n: 1 }, Proportion { successes: 1, n: 1 });
    let i = interval(c, t, 0.05, TWO, ProportionInterval::Newcombe).expect("an interval");
    assert!(i.lower < 0.0 && i.upper <= 1.0, "{i:?}");
    assert!(mann_whitney(&[], &[1.0]).is_err());
    assert!(mann_whitney(&[1.0], &[1.0]).is_ok_and(|ranks| ranks.superiority == 0.5));
}

#[test]
fn no_variance_is_no_certainty() {
    let constant = Sample { n: 30, mean: 3.0, variance: 0.0 };
    let other = Sample { mean: 4.0, ..constant };
    let refused = welch(&constant, &other, 0.05, TWO);
    assert!(matches!(refused, Err(MethodError::ZeroVariance { .. })), "{refused:?}");
    // One variance suffices: t = 1 / sqrt(1.2 / 30), with that side's 29 degrees of freedom.
    let varying = Sample { variance: 1.2, ..other };
    let e = welch(&constant, &varying, 0.05, TWO).expect("a test");
    near(e.statistic, 5.0, 1e-14);
    near(e.df.expect("df"), 29.0, 1e-14);
}

#[test]
fn a_relative_effect_needs_a_control_that_is_safely_positive() {
    let treatment = Sample { n: 100, mean: 3.0, variance: 4.0 };
    // The standard error of the control is 0.2.
    let control = |mean: f64| Sample { n: 100, mean, variance: 4.0 };
    let ask = |mean: f64, method| relative(&control(mean), &treatment, 0.05, TWO, method);
    for (mean, method, answered) in [
        (-5.0, RelativeMethod::Fieller, false),
        (0.0, RelativeMethod::Fieller, false),
        // The quantile of t with 198 degrees of freedom is 1.972: 0.394 units.
        (0.39, RelativeMethod::Fieller, false),
        (0.40, RelativeMethod::Fieller, true),
        // The delta method asks for ten standard errors.
        (1.99, RelativeMethod::Delta, false),
        (2.01, RelativeMethod::Delta, true),
        (-5.0, RelativeMethod::Log, false),
    ] {
        let result = ask(mean, method);
        assert_eq!(result.is_ok(), answered, "{mean} {method:?}: {result:?}");
        if let Err(error) = result {
            assert!(matches!(error, MethodError::ControlNotPositive { .. }), "{error:?}");
        }
    }
    // The absolute effect stands for negative means, and the lift is the formula's, with its sign.
    let e = welch(&control(-5.0), &treatment, 0.05, TWO).expect("a test");
    assert_eq!(e.effect, 8.0);
    assert_eq!(relative::lift(&control(-5.0), &treatment), Ok(-1.6));
}
