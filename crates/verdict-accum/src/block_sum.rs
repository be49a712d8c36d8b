//! Exact sums of blocks of doubles, in vectors.

use std::hint::black_box;

/// How many doubles are added in registers: 64 in each lane.
pub(crate) const BLOCK: usize = LANES * 64;
const LANES: usize = 8;

/// The exact sum of a block, as the sum of some doubles.
#[derive(Debug)]
pub(crate) enum BlockSum {
    /// Values within 2^36 of each other.
    Narrow([f64; 2]),
    /// Others of no more than 93 bits together; each lane's upper part, then lower parts.
    Broad([[f64; LANES]; 2]),
}

impl BlockSum {
    pub(crate) fn as_slice(&self) -> &[f64] {
        match self {
            Self::Narrow(parts) => parts,
            Self::Broad(parts) => parts.as_flattened(),
        }
    }
}

/// Adds blocks, one after another.
#[derive(Debug, Default)]
pub(crate) struct Blocks {
    /// Where the values of the last block were within 2^(e-36) and 2^e: e. Those of the next one are likely to be as well, and then it
    /// is enough to go through them once.
    exponent: Option<i32>,
}

impl Blocks {
    /// The exact sum of a block; `None` where it has more than 93 bits, or a value that is not finite.
    ///
    /// With all values below 2^e, adding and subtracting 1.5 · 2^(e+9) rounds each to a multiple of 2^(e-43); 512 such
    /// multiples have no more than 53 bits, so their sums are exact in any order. The remainders are at most 2^(e-44); where no
    /// value is below 2^(e-36), they are multiples of 2^(e-88), and their sums are exact for the same reason (Rump, Ogita & Oishi
    /// 2008, "Accurate floating-point summation part I"; Demmel & Nguyen 2013, "Fast reproducible floating-point
    /// summation").
    ///
    /// `next` is the block that comes after: a value of each of its cache lines is read while this one is added, so that they are
    /// there when it begins (with values from memory, a sixth of the time).
    pub(crate) fn sum(&mut self, xs: &[f64; BLOCK], next: &[f64; BLOCK]) -> Option<BlockSum> {
        let (rows, _) = xs.as_chunks::<LANES>();
        let (next, _) = next.as_chunks::<LANES>();
        if let Some(parts) = self.exponent.and_then(|e| narrow(rows, next, e)) {
            return Some(BlockSum::Narrow(parts));
        }
        self.exponent = None;
        let extent = Extent::of(rows);
        let most = extent.most();
        // Away from either end of the range, so that all powers of two below are numbers.
        if !(1e-270..1e270).contains(&most) {
            return (xs == &[0.0; BLOCK]).then_some(BlockSum::Narrow([0.0; 2]));
        }
        let e = (most.to_bits() >> 52) as i32 - 1022;
        if extent.least() < power_of_two(e - 36) {
            return broad(rows, next, e);
        }
        let parts = narrow(rows, next, e)?;
        self.exponent = Some(e);
        Some(BlockSum::Narrow(parts))
    }
}

/// The least and the largest magnitude of each lane.
struct Extent {
    most: [f64; LANES],
    least: [f64; LANES],
}

impl Extent {
    const NONE: Extent = Extent { most: [0.0; LANES], least: [f64::INFINITY; LANES] };

    fn of(rows: &[[f64; LANES]]) -> Extent {
        let mut extent = Extent::NONE;
        rows.iter().for_each(|row| extent.take(row));
        extent
    }

    /// A NaN is neither.
    #[inline(always)]
    fn take(&mut self, row: &[f64; LANES]) {
        for (i, x) in row.map(f64::abs).into_iter().enumerate() {
            self.most[i] = if x > self.most[i] { x } else { self.most[i] };
            self.least[i] = if x < self.least[i] { x } else { self.least[i] };
        }
    }

    #[inline(never)]
    fn most(&self) -> f64 {
        self.most.iter().copied().fold(0.0, f64::max)
    }

    #[inline(never)]
    fn least(&self) -> f64 {
        self.least.iter().copied().fold(f64::INFINITY, f64::min)
    }
}

/// The sum, where all values are within 2^(e-36) and 2^e.
fn narrow(rows: &[[f64; LANES]], next: &[[f64; LANES]], e: i32) -> Option<[f64; 2]> {
    let upper = 1.5 * power_of_two(e + 9);
    let (mut highs, mut lows) = ([0.0_f64; LANES], [0.0_f64; LANES]);
    let mut extent = Extent::NONE;
    let mut touched = 0;
    for (row, next) in rows.iter().zip(next) {
        touched ^= next[0].to_bits();
        extent.take(row);
        for i in 0..LANES {
            let high = (row[i] + upper) - upper;
            highs[i] += high;
            lows[i] += row[i] - high;
        }
    }
    black_box(touched);
    if extent.most() >= power_of_two(e) || extent.least() < power_of_two(e - 36) {
        return None;
    }
    let parts = [total(&highs), total(&lows)];
    // A NaN, which is neither least nor most.
    parts.iter().all(|part| part.is_finite()).then_some(parts)
}

/// The sum of lanes, apart from the loop that fills them: seen together, the compiler makes vectors of one lane's two parts, and
/// the loop takes twice as long.
#[inline(never)]
fn total(lanes: &[f64; LANES]) -> f64 {
    lanes.iter().sum()
}

/// How many bits lie between the last ones of the two parts of a sum.
const LEVEL: i32 = 47;

/// As above in 47 bits and 47 more, for the sum of each lane. What is left then shows whether that is all; it is of
/// zeros and most small values.
fn broad(rows: &[[f64; LANES]], next: &[[f64; LANES]], e: i32) -> Option<BlockSum> {
    let (upper, lower) = (1.5 * power_of_two(e + 6), 1.5 * power_of_two(e + 6 - LEVEL));
    let (mut highs, mut lows) = ([0.0_f64; LANES], [0.0_f64; LANES]);
    let mut left = [0_u64; LANES];
    let mut touched = 0;
    for (row, next) in rows.iter().zip(next) {
        touched ^= next[0].to_bits();
        for i in 0..LANES {
            let high = (row[i] + upper) - upper;
            let below = row[i] - high;
            let low = (below + lower) - lower;
            highs[i] += high;
            lows[i] += low;
            left[i] |= (below - low).to_bits();
        }
    }
    black_box(touched);
    left.iter().all(|&bits| bits == 0).then_some(BlockSum::Broad([highs, lows]))
}

/// `2^e`, within the normal numbers.
fn power_of_two(e: i32) -> f64 {
    f64::from_bits(((e + 1023) as u64) << 52)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{AccumError, ExactSum};

    #[test]
    fn blocks_are_their_values() {
        let mut bits = 1_u64;
        let mut next = || {
            bits = bits
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (bits >> 11) as f64 / 9007199254740992.0 - 0.5
        };
        // Alike; over 80 bits; over too many; whole; enormous; tiny; of the largest that a lane may hold; zero.
        let mut kinds: Vec<Vec<f64>> = [1e3, 1e-9, 1e200, 1e-200, 1e300, 1e-300, 1e-315, 0.0]
            .map(|scale| (0..1200).map(|_| next() * scale).collect())
            .to_vec();
        kinds.push((0..1200).map(|i| next() * 2_f64.powi(i % 40)).collect());
        kinds.push((0..1200).map(|i| next() * 2_f64.powi(i % 300)).collect());
        kinds.push((0..1200).map(|i| f64::from(i) - 600.0).collect());
        kinds.push(vec![8.0_f64.next_down(); 1200]);
        kinds.push(vec![-8.0; 1200]);
        // The least that the narrow way takes beside the largest, with all its digits, and what it does not.
        for least in [2_f64.powi(-36), 2_f64.powi(-36).next_up(), 2_f64.powi(-36).next_down()] {
            kinds.push(
                (0..1200).map(|i| if i % 3 == 0 { least } else { 1_f64.next_down() }).collect(),
            );
            kinds.push(
                (0..1200).map(|i| if i % 3 == 0 { -least } else { 1_f64.next_down() }).collect(),
            );
        }
        let (mut narrow, mut broad) = (0, 0);
        for xs in kinds {
            let mut blocks = Blocks::default();
            for block in xs.as_chunks().0 {
                match blocks.sum(block, block) {
                    Some(BlockSum::Narrow(_)) => narrow += 1,
                    Some(BlockSum::Broad(_)) => broad += 1,
                    None => {}
                }
            }
            let (mut all, mut each) = (ExactSum::default(), ExactSum::default());
            all.push(0.1).unwrap();
            all.push_all(&xs).unwrap();
            std::iter::once(&0.1).chain(&xs).for_each(|&x| each.push(x).unwrap());
            assert_eq!(all, each);
            assert_eq!(all.to_bytes(), each.to_bytes());
        }
        // Broad: magnitudes over 80 bits, the whole numbers with a zero among them, and two kinds with a lesser one.
        assert_eq!((narrow, broad), (23, 7), "each way was taken where it can be");
        let mut s = ExactSum::default();
        for at in [0, 511, 512, 700] {
            for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut xs = [1.0; 701];
                xs[at] = x;
                assert_eq!(s.push_all(&xs), Err(AccumError::NonFinite));
            }
        }
    }
}
