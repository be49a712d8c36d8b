//! The standard normal distribution.

use std::f64::consts::{LN_2, SQRT_2};

use super::erf::{erfc, erfcx, polynomial};

const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_7;

/// The density of N(0, 1).
#[must_use]
pub fn norm_pdf(x: f64) -> f64 {
    (-0.5 * x * x - LN_SQRT_2PI).exp()
}

/// P(Z > x): the survival function of N(0, 1), accurate relatively to the far tail.
#[must_use]
pub fn norm_sf(x: f64) -> f64 {
    0.5 * erfc(x / SQRT_2)
}

/// P(Z <= x): the distribution function of N(0, 1).
#[must_use]
pub fn norm_cdf(x: f64) -> f64 {
    norm_sf(-x)
}

/// ln P(Z > x): finite for every finite x, where the survival function itself is zero from 38.6 on.
#[must_use]
pub fn norm_ln_sf(x: f64) -> f64 {
    if x > 0.5 { -0.5 * x * x + erfcx(x / SQRT_2).ln() - LN_2 } else { (-norm_sf(-x)).ln_1p() }
}

/// The x with P(Z > x) = p; infinite at 0 and 1, NaN outside.
#[must_use]
pub fn norm_isf(p: f64) -> f64 {
    -norm_ppf(p)
}

/// The x with P(Z <= x) = p; infinite at 0 and 1, NaN outside.
///
/// Source: M. J. Wichura, "Algorithm AS 241: the percentage points of the normal distribution", Applied Statistics 37
/// (1988), 477-484 (PPND16: relative accuracy about 1e-16).
#[must_use]
pub fn norm_ppf(p: f64) -> f64 {
    if !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    let from_middle = p - 0.5;
    if from_middle.abs() <= 0.425 {
        let r = 0.180_625 - from_middle * from_middle;
        return from_middle * polynomial(&MIDDLE.0, r) / polynomial(&MIDDLE.1, r);
    }
    let smaller = if from_middle < 0.0 { p } else { 1.0 - p };
    if smaller == 0.0 {
        return f64::INFINITY.copysign(from_middle);
    }
    let r = (-smaller.ln()).sqrt();
    let x = if r <= 5.0 {
        polynomial(&TAIL.0, r - 1.6) / polynomial(&TAIL.1, r - 1.6)
    } else {
        polynomial(&FAR.0, r - 5.0) / polynomial(&FAR.1, r - 5.0)
    };
    x.copysign(from_middle)
}

/// P(Z > x) divided by the density at x (Mills' ratio): differences of the two cancel in the tail, their ratio does not.
pub(crate) fn mills_ratio(x: f64) -> f64 {
    const SQRT_HALF_PI: f64 = 1.253_314_137_315_500_3;
    SQRT_HALF_PI * erfcx(x / SQRT_2)
}

type Rational = ([f64; 8], [f64; 8]);

const MIDDLE: Rational = (
    [
        2_509.080_928_730_122_7,
        33_430.575_583_588_13,
        67_265.770_927_008_7,
        45_921.953_931_549_87,
        13_731.693_765_509_46,
        1_971.590_950_306_551_3,
        133.141_667_891_784_38,
        3.387_132_872_796_366_5,
    ],
    [
        5_226.495_278_852_854,
        28_729.085_735_721_943,
        39_307.895_800_092_71,
        21_213.794_301_586_597,
        5_394.196_021_424_751,
        687.187_007_492_057_9,
        42.313_330_701_600_91,
        1.0,
    ],
);
const TAIL: Rational = (
    [
        7.745_450_142_783_414e-4,
        0.022_723_844_989_269_184,
        0.241_780_725_177_450_6,
        1.270_458_252_452_368_4,
        3.647_848_324_763_204_5,
        5.769_497_221_460_691,
        4.630_337_846_156_546,
        1.423_437_110_749_683_5,
    ],
    [
        1.050_750_071_644_416_9e-9,
        5.475_938_084_995_345e-4,
        0.015_198_666_563_616_457,
        0.148_103_976_427_480_08,
        0.689_767_334_985_1,
        1.676_384_830_183_803_8,
        2.053_191_626_637_759,
        1.0,
    ],
);
const FAR: Rational = (
    [
        2.010_334_399_292_288e-7,
        2.711_555_568_743_487_6e-5,
        1.242_660_947_388_078_4e-3,
        0.026_532_189_526_576_124,
        0.296_560_571_828_504_87,
        1.784_826_539_917_291_3,
        5.463_784_911_164_114,
        6.657_904_643_501_103,
    ],
    [
        2.044_263_103_389_939_7e-15,
        1.421_511_758_316_446e-7,
        1.846_318_317_510_055e-5,
        7.868_691_311_456_133e-4,
        0.014_875_361_290_850_615,
        0.136_929_880_922_735_8,
        0.599_832_206_555_888,
        1.0,
    ],
);
