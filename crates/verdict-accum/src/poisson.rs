//! Poisson weights from random bits.

use crate::philox::philox;

/// How many replicates are weighted at a time.
pub(crate) const LANES: usize = 64;
const QUARTER: usize = LANES / 4;

/// The weights of a block of replicates, or sums of such.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
pub(crate) struct Weights(pub(crate) [u32; LANES]);

/// `2^32 · P(w <= k)` for w from Poisson(1), k = 0 … 11, to the nearest integer. The weight is the number of
/// thresholds that a draw reaches; 13 and more have 2^-34 together and do not occur.
const THRESHOLDS: [u32; 12] = [
    0x5e2d_58d9,
    0xbc5a_b1b1,
    0xeb71_5e1e,
    0xfb23_9797,
    0xff10_25f6,
    0xffd9_0f3c,
    0xfffa_8b72,
    0xffff_540c,
    0xffff_ed1f,
    0xffff_fe21,
    0xffff_ffd5,
    0xffff_fffc,
];

/// What the last word of the counter is for weights of a unit; pools use the words above.
pub(crate) const BY_UNIT: u32 = 0;

/// The Poisson(1) weights of a unit in the replicates from `LANES · block` on, as a function of nothing else.
///
/// Replicate `16 j + i` of the block has word `j` of counter `16 block + i`: that order needs no shuffling of vectors.
/// A loop over counters, then one over draws, without branches: the compiler makes vectors of both. Draws that reach
/// more than [`USUAL`] thresholds, in one block of 27, are counted again.
#[inline(never)]
pub(crate) fn weights(seed: u64, unit: u64, block: u32, stream: u32, out: &mut Weights) {
    let mut draws = [0; LANES];
    let (first, rest) = draws.split_at_mut(QUARTER);
    let (second, rest) = rest.split_at_mut(QUARTER);
    let (third, fourth) = rest.split_at_mut(QUARTER);
    let from = block.wrapping_mul(QUARTER as u32);
    let places = first.iter_mut().zip(second).zip(third).zip(fourth);
    for (i, (((a, b), c), d)) in places.enumerate() {
        let counter = [unit as u32, (unit >> 32) as u32, from + i as u32, stream];
        [*a, *b, *c, *d] = philox(seed, counter);
    }
    let mut any_more = 0;
    for (weight, &draw) in out.0.iter_mut().zip(&draws) {
        *weight = THRESHOLDS[..USUAL].iter().map(|&t| reaches(draw, t)).sum();
        any_more |= reaches(draw, THRESHOLDS[USUAL]);
    }
    if any_more != 0 {
        for (weight, &draw) in out.0.iter_mut().zip(&draws) {
            *weight = THRESHOLDS.iter().map(|&t| reaches(draw, t)).sum();
        }
    }
}

/// A weight exceeds it with a probability of 0.0006.
const USUAL: usize = 5;

/// 1 if the draw reaches the threshold; a signed comparison, since the oldest vector units have no other.
#[inline(always)]
fn reaches(draw: u32, threshold: u32) -> u32 {
    const SIGN: u32 = 1 << 31;
    u32::from((draw ^ SIGN) as i32 >= (threshold ^ SIGN) as i32)
}

/// Poisson(m) by inversion of 64 random bits, for means that are whole numbers from 1 to [`Poisson::MAX_MEAN`].
///
/// The probabilities come from `p(k + 1) = p(k) m / (k + 1)`, outwards from the mode, and their sum: additions,
/// multiplications and divisions only, the same on every machine, within about 1e-11 of the exact ones, relatively.
#[derive(Debug)]
pub(crate) struct Poisson {
    /// The weight at the first threshold.
    first: u64,
    /// `2^64 · P(w <= first + i)`.
    thresholds: Vec<u64>,
}

impl Poisson {
    /// The table of this mean has half a megabyte.
    pub(crate) const MAX_MEAN: u64 = 1 << 24;

    pub(crate) fn new(mean: u64) -> Self {
        debug_assert!((1..=Self::MAX_MEAN).contains(&mean));
        // The rest of either tail is below 2^-64 from a term of 2^-80 of the mode's on.
        let least = 2_f64.powi(-80);
        let m = mean as f64;
        let (mut below, mut above) = (vec![1.0_f64], Vec::new());
        let mut k = mean;
        while k > 0 {
            let p = below[below.len() - 1] * (k as f64 / m);
            if p < least {
                break;
            }
            below.push(p);
            k -= 1;
        }
        let first = mean + 1 - below.len() as u64;
        let (mut p, mut k) = (1.0, mean);
        while p >= least {
            k += 1;
            p *= m / k as f64;
            above.push(p);
        }
        below.reverse();
        below.extend(above);
        let total: f64 = below.iter().sum();
        let mut sum = 0.0;
        // The conversion saturates, so the last thresholds are the largest integer.
        let thresholds = below
            .iter()
            .map(|p| {
                sum += p;
                (sum / total * 2_f64.powi(64)) as u64
            })
            .collect();
        Self { first, thresholds }
    }

    pub(crate) fn weight(&self, draw: u64) -> u64 {
        self.first + self.thresholds.partition_point(|&t| t <= draw) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any change to these changes every bootstrap result that was ever stored. The lists were made by another program.
    #[test]
    fn known_answers() {
        let of = |seed, unit, block| {
            let mut out = Weights([0; LANES]);
            weights(seed, unit, block, BY_UNIT, &mut out);
            out.0
        };
        for (seed, unit, block, replicate) in
            [(0, 0, 0, 0), (7, 42, 3, 17), (u64::MAX, 1 << 40, 156, 63)]
        {
            let counter = 16 * block + (replicate % 16) as u32;
            let draw = philox(seed, [unit as u32, (unit >> 32) as u32, counter, 0]);
            let weight = THRESHOLDS.iter().filter(|&&t| draw[replicate / 16] >= t).count() as u32;
            assert_eq!(of(seed, unit, block)[replicate], weight);
        }
        assert_eq!(of(0, 0, 0)[..16], [1, 1, 0, 3, 3, 2, 1, 2, 0, 2, 0, 0, 1, 3, 0, 0]);
        assert_eq!(
            of(2026, 123_456_789, 5)[..16],
            [2, 1, 1, 2, 1, 0, 0, 0, 2, 1, 1, 3, 1, 1, 1, 1]
        );
    }

    #[test]
    fn thresholds_are_those_of_poisson_1() {
        let mut p = (-1_f64).exp();
        let mut sum = 0.0;
        for (k, &t) in THRESHOLDS.iter().enumerate() {
            sum += p;
            p /= (k + 1) as f64;
            assert!((sum * 2_f64.powi(32) - f64::from(t)).abs() < 0.5001, "{k}");
        }
        // The mean of the table: 1 within the resolution of 32 bits.
        let mean: f64 = THRESHOLDS.iter().map(|&t| 1.0 - f64::from(t) * 2_f64.powi(-32)).sum();
        assert!((mean - 1.0).abs() < 1e-9, "{mean}");
    }

    #[test]
    fn inversion_has_the_probabilities_of_poisson() {
        for mean in [1, 2, 9, 100, 54_321, Poisson::MAX_MEAN] {
            let table = Poisson::new(mean);
            let m = mean as f64;
            let (mut first, mut second, mut before) = (0.0, 0.0, 0_u64);
            for (i, &t) in table.thresholds.iter().enumerate() {
                let p = (t - before) as f64 * 2_f64.powi(-64);
                let k = (table.first + i as u64) as f64;
                first += p * (k - m);
                second += p * (k - m) * (k - m);
                before = t;
            }
            assert!(first.abs() < 1e-9 * m, "{mean}: {first}");
            assert!((second / m - 1.0).abs() < 1e-9, "{mean}: {second}");
        }
        let table = Poisson::new(1);
        assert_eq!(
            (table.weight(0), table.weight(1 << 63), table.weight(u64::MAX << 56)),
            (0, 1, 4)
        );
    }
}
