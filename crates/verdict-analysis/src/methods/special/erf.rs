//! The complementary error function and its scaled form.

const SQRT_PI_INVERSE: f64 = 0.564_189_583_547_756_3;

/// erfc(x) e^(x^2) for x >= 0.46875, and plain erf below: Cody's three rational approximations.
///
/// Source: W. J. Cody, "Rational Chebyshev approximations for the error function", Math. Comp. 23 (1969), 631-637.
pub(super) fn erfcx(x: f64) -> f64 {
    if x < 0.468_75 {
        return (x * x).exp() * erfc(x);
    }
    if x <= 4.0 {
        const P: [f64; 9] = [
            2.153_115_354_744_038_3e-8,
            0.564_188_496_988_670_1,
            8.883_149_794_388_377,
            66.119_190_637_141_63,
            298.635_138_197_400_1,
            881.952_221_241_769,
            1_712.047_612_634_070_7,
            2_051.078_377_826_071_6,
            1_230.339_354_797_997_2,
        ];
        const Q: [f64; 9] = [
            1.0,
            15.744_926_110_709_835,
            117.693_950_891_312_5,
            537.181_101_862_009_9,
            1_621.389_574_566_690_3,
            3_290.799_235_733_459_7,
            4_362.619_090_143_247,
            3_439.367_674_143_721_6,
            1_230.339_354_803_749_5,
        ];
        return polynomial(&P, x) / polynomial(&Q, x);
    }
    const P: [f64; 6] = [
        0.016_315_387_137_302_097,
        0.305_326_634_961_232_36,
        0.360_344_899_949_804_45,
        0.125_781_726_111_229_26,
        0.016_083_785_148_742_275,
        6.587_491_615_298_378e-4,
    ];
    const Q: [f64; 6] = [
        1.0,
        2.568_520_192_289_822,
        1.872_952_849_923_460_4,
        0.527_905_102_951_428_5,
        0.060_518_341_312_441_32,
        2.335_204_976_268_691_8e-3,
    ];
    let y = 1.0 / (x * x);
    (SQRT_PI_INVERSE - y * polynomial(&P, y) / polynomial(&Q, y)) / x
}

/// The complementary error function, relative error below 1e-15 times the square of the argument.
pub(super) fn erfc(x: f64) -> f64 {
    if x.abs() < 0.468_75 {
        return 1.0 - erf_near_zero(x);
    }
    if x < 0.0 {
        return 2.0 - erfc(-x);
    }
    gaussian(x) * erfcx(x)
}

/// erf(x) for |x| < 0.46875.
pub(super) fn erf_near_zero(x: f64) -> f64 {
    const P: [f64; 5] = [
        0.185_777_706_184_603_15,
        3.161_123_743_870_565_5,
        113.864_154_151_050_16,
        377.485_237_685_302,
        3_209.377_589_138_469_4,
    ];
    const Q: [f64; 5] = [
        1.0,
        23.601_290_952_344_122,
        244.024_637_934_444_17,
        1_282.616_526_077_372_3,
        2_844.236_833_439_171,
    ];
    let y = x * x;
    x * polynomial(&P, y) / polynomial(&Q, y)
}

/// e^(-x^2). The argument is split so that the square of the leading part is exact.
fn gaussian(x: f64) -> f64 {
    // Zero from 27.3 on; far beyond, the split itself would overflow.
    if x.abs() > 40.0 {
        return 0.0;
    }
    let lead = (x * 16.0).trunc() / 16.0;
    (-lead * lead).exp() * (-(x - lead) * (x + lead)).exp()
}

/// Horner's scheme, the highest power first.
pub(super) fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().fold(0.0, |sum, c| sum * x + c)
}
