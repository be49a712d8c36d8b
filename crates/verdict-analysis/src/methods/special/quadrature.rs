//! Gauss-Legendre quadrature, on one panel and adaptively.

/// Twenty-point Gauss-Legendre: half of the symmetric (node, weight) pairs on [-1, 1].
const NODES: [(f64, f64); 10] = [
    (0.993_128_599_185_094_9, 0.017_614_007_139_152_118),
    (0.963_971_927_277_913_8, 0.040_601_429_800_386_94),
    (0.912_234_428_251_326, 0.062_672_048_334_109_07),
    (0.839_116_971_822_218_8, 0.083_276_741_576_704_75),
    (0.746_331_906_460_150_8, 0.101_930_119_817_240_44),
    (0.636_053_680_726_515, 0.118_194_531_961_518_41),
    (0.510_867_001_950_827_1, 0.131_688_638_449_176_64),
    (0.373_706_088_715_419_55, 0.142_096_109_318_382_04),
    (0.227_785_851_141_645_07, 0.149_172_986_472_603_74),
    (0.076_526_521_133_497_34, 0.152_753_387_130_725_85),
];

/// The integral of `f` over one panel: exact for polynomials of degree 39.
pub(crate) fn panel(f: &impl Fn(f64) -> f64, from: f64, to: f64) -> f64 {
    let middle = 0.5 * (from + to);
    let half = 0.5 * (to - from);
    half * NODES
        .iter()
        .map(|&(x, w)| w * (f(middle - half * x) + f(middle + half * x)))
        .sum::<f64>()
}

/// The integral of `f` over the panels between ascending `edges`, each halved until its halves agree with it.
///
/// `relative` is the wanted error relative to the whole integral of a function of one sign.
pub(crate) fn integrate(f: &impl Fn(f64) -> f64, edges: &[f64], relative: f64) -> f64 {
    const MOST_PANELS: usize = 4_000;
    let mut open: Vec<(f64, f64, f64)> = edges
        .windows(2)
        .filter(|w| w[0] < w[1])
        .map(|w| (w[0], w[1], panel(f, w[0], w[1])))
        .collect();
    let mut done = 0.0;
    let mut panels = open.len();
    let mut estimate: f64 = open.iter().map(|p| p.2).sum();
    while let Some((from, to, whole)) = open.pop() {
        let middle = 0.5 * (from + to);
        let (left, right) = (panel(f, from, middle), panel(f, middle, to));
        let gap = left + right - whole;
        estimate += gap;
        panels += 1;
        let settled = gap.abs() <= relative * estimate.abs();
        if settled || !gap.is_finite() || panels > MOST_PANELS || !(from < middle && middle < to) {
            done += left + right;
        } else {
            open.push((middle, to, right));
            open.push((from, middle, left));
        }
    }
    done
}
