//! Exact sums of doubles and integers.

use crate::codec::{Reader, put_exact};
use crate::float::{fixed, parts};
use crate::{AccumError, wide::Wide};

/// The exact sum of finite doubles, each taken any whole number of times, of either sign.
///
/// The value does not depend on the order of additions, on merging or on what was added and taken away again:
/// two sums are equal when the exact sums are, and equal sums have equal bytes. Nothing overflows and nothing
/// is lost below the last bit; [`to_f64`](Self::to_f64) rounds, once.
///
/// Values below 2^53 that are multiples of 2^-64 (whole numbers, fractions of 2, any double from 2^-12 on) go to
/// a 128-bit fixed-point number inside the struct of 24 bytes. What does not fit goes to a long accumulator on the
/// heap, made when it is first needed (Kulisch 2013, "Computer Arithmetic and Validity"; Neal 2015, "Fast
/// exact summation using small and large superaccumulators"); the sum is that of both.
///
/// ```
/// use verdict_accum::ExactSum;
///
/// let mut sum = ExactSum::default();
/// for x in [1e100, 1.0, -1e100, 0.1] {
///     sum.push(x)?;
/// }
/// assert_eq!(sum.to_f64(), Some(1.1));
/// # Ok::<(), verdict_accum::AccumError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ExactSum {
    /// The sum of what lies on the grid, times 2^64, in two's complement; two words, not an `i128`, whose
    /// alignment would cost a third more memory.
    grid: [u64; 2],
    rest: Option<Box<Wide>>,
}

/// Grid sums stay within ±2^126, so that adding two never overflows and any of them has 38 decimal digits.
const GRID_BITS: u32 = 126;

const HEADER: [u8; 2] = [b'S', 1];

impl ExactSum {
    /// Adds `x`.
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when `x` is NaN or infinite; the sum is unchanged.
    #[inline]
    pub fn push(&mut self, x: f64) -> Result<(), AccumError> {
        match fixed(x) {
            Some(v) => self.add_grid(v),
            None => self.push_rest(x, 1)?,
        }
        Ok(())
    }

    /// Adds all of `xs`: the same sum as [`push`](Self::push) of each, several times faster.
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when one is NaN or infinite; what comes before it has been added.
    pub fn push_all(&mut self, xs: &[f64]) -> Result<(), AccumError> {
        let (blocks, rest) = xs.as_chunks();
        for block in blocks {
            match block_sum(block) {
                Some(sum) => {
                    self.push_scaled(sum.high, sum.exponent);
                    self.push_scaled(sum.low, sum.exponent - LEVEL);
                }
                None => block.iter().try_for_each(|&x| self.push(x))?,
            }
        }
        rest.iter().try_for_each(|&x| self.push(x))
    }

    /// Adds `weight` times `x`; a negative weight takes away.
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when `x` is NaN or infinite; the sum is unchanged.
    #[inline]
    pub fn push_weighted(&mut self, weight: i64, x: f64) -> Result<(), AccumError> {
        match (fixed(x), weight) {
            (Some(v), 1) => self.add_grid(v),
            (Some(v), -1) => self.add_grid(-v),
            // Below 2^117 · 2^9 = 2^126.
            (Some(v), -0x1ff..=0x1ff) => self.add_grid(v * i128::from(weight)),
            _ => self.push_rest(x, weight)?,
        }
        Ok(())
    }

    /// Adds an integer.
    #[inline]
    pub fn push_int(&mut self, x: i64) {
        let grid = i128::from(x) << 64;
        if grid.unsigned_abs() < 1 << GRID_BITS {
            self.add_grid(grid);
        } else {
            self.rest.get_or_insert_default().add_scaled(x < 0, [x.unsigned_abs(), 0, 0, 0], 0);
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.add_grid(other.grid_value());
        if let Some(rest) = &other.rest {
            self.rest.get_or_insert_default().add(rest);
        }
    }

    /// Takes another sum away: undoes [`merge`](Self::merge).
    pub fn retract(&mut self, other: &Self) {
        self.add_grid(-other.grid_value());
        if let Some(rest) = &other.rest {
            self.rest.get_or_insert_default().sub(rest);
        }
    }

    /// Whether the sum is exactly zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        match &self.rest {
            None => self.grid == [0, 0],
            Some(_) => self.total().is_zero(),
        }
    }

    /// The double nearest to the exact sum, ties to even; zero is `+0.0`. `None` when the sum lies beyond the largest
    /// double.
    #[must_use]
    pub fn to_f64(&self) -> Option<f64> {
        self.total().to_f64(1)
    }

    /// The sum times 2^64 when it is an integer within ±2^126: a fixed-width state for the usual case.
    #[must_use]
    pub fn to_grid(&self) -> Option<i128> {
        match &self.rest {
            None => Some(self.grid_value()),
            Some(_) => {
                self.total().window(-1).map(join).filter(|v| v.unsigned_abs() < 1 << GRID_BITS)
            }
        }
    }

    /// What [`to_grid`](Self::to_grid) gives for the sum of `x` alone.
    #[inline]
    #[must_use]
    pub fn grid_of(x: f64) -> Option<i128> {
        fixed(x)
    }

    /// Adds `value · 2^-64`: merges what [`to_grid`](Self::to_grid) gave. Any value is accepted.
    #[inline]
    pub fn push_grid(&mut self, value: i128) {
        if value.unsigned_abs() < 1 << GRID_BITS {
            self.add_grid(value);
        } else {
            self.add_rest(value);
        }
    }

    /// The state: equal sums give equal bytes. Typically 8 to 20 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        self.put(&mut out);
        out
    }

    /// A sum from its state.
    ///
    /// # Errors
    ///
    /// [`AccumError::State`] for bytes that [`to_bytes`](Self::to_bytes) does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
        let mut reader = Reader::open(bytes, &HEADER)?;
        let total = reader.exact()?;
        reader.close()?;
        let mut sum = Self::default();
        match total.window(-1).map(join) {
            Some(v) => sum.push_grid(v),
            None => sum.rest = Some(Box::new(total)),
        }
        Ok(sum)
    }

    /// Memory on the heap, in bytes.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| size_of::<Wide>() + rest.heap_size())
    }

    fn put(&self, out: &mut Vec<u8>) {
        match &self.rest {
            None => put_exact(out, -1, &self.grid),
            Some(_) => {
                let total = self.total();
                let (base, limbs) = total.raw();
                put_exact(out, base, limbs);
            }
        }
    }

    fn grid_value(&self) -> i128 {
        join(self.grid)
    }

    /// `v` within ±2^126.
    #[inline]
    fn add_grid(&mut self, v: i128) {
        let sum = self.grid_value() + v;
        if sum.unsigned_abs() < 1 << GRID_BITS {
            self.grid = [sum as u64, (sum >> 64) as u64];
        } else {
            self.grid = [0, 0];
            self.add_rest(sum);
        }
    }

    #[cold]
    fn add_rest(&mut self, v: i128) {
        let m = v.unsigned_abs();
        let rest = self.rest.get_or_insert_default();
        rest.add_scaled(v < 0, [m as u64, (m >> 64) as u64, 0, 0], -64);
    }

    /// Adds `m · 2^exponent`, `m` within ±2^56.
    fn push_scaled(&mut self, m: i64, exponent: i32) {
        let shift = exponent + 64;
        match shift {
            0..=70 => self.add_grid(i128::from(m) << shift),
            -63..0 if m.trailing_zeros() as i32 >= -shift => self.add_grid(i128::from(m >> -shift)),
            _ if m == 0 => {}
            _ => {
                let rest = self.rest.get_or_insert_default();
                rest.add_scaled(m < 0, [m.unsigned_abs(), 0, 0, 0], exponent);
            }
        }
    }

    #[cold]
    fn push_rest(&mut self, x: f64, weight: i64) -> Result<(), AccumError> {
        let p = parts(x)?;
        let m = u128::from(p.mantissa) * u128::from(weight.unsigned_abs());
        let rest = self.rest.get_or_insert_default();
        rest.add_scaled(p.negative != (weight < 0), [m as u64, (m >> 64) as u64, 0, 0], p.exponent);
        Ok(())
    }

    fn total(&self) -> Wide {
        let mut total = Wide::new(-1, self.grid.to_vec());
        if let Some(rest) = &self.rest {
            total.add(rest);
        }
        total
    }
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &Self) -> bool {
        match (&self.rest, &other.rest) {
            (None, None) => self.grid == other.grid,
            _ => self.total() == other.total(),
        }
    }
}

impl Eq for ExactSum {}

/// How many doubles are added in registers: 64 in each lane.
const BLOCK: usize = LANES * 64;
const LANES: usize = 8;
/// How many bits lie between the last ones of the two parts of a sum.
const LEVEL: i32 = 47;

/// `high · 2^exponent + low · 2^(exponent - LEVEL)`.
#[derive(Clone, Copy, Debug)]
struct BlockSum {
    high: i64,
    low: i64,
    exponent: i32,
}

/// The exact sum of a block, in vectors; `None` where it has more than 93 bits, or a value that is not finite.
///
/// With all values below 2^e, adding and subtracting 1.5 · 2^(e+6) rounds each to a multiple of 2^(e-46); 64 such
/// multiples have no more than 53 bits, so their sums are exact, and so are the remainders, which are halves of it at
/// most. The same again, 47 bits below, leaves nothing of most blocks (Rump, Ogita & Oishi 2008, "Accurate floating-point
/// summation part I"; Demmel & Nguyen 2013, "Fast reproducible floating-point summation").
fn block_sum(xs: &[f64; BLOCK]) -> Option<BlockSum> {
    let (rows, _) = xs.as_chunks::<LANES>();
    let mut most = [0.0_f64; LANES];
    for row in rows {
        for (most, x) in most.iter_mut().zip(row) {
            let x = x.abs();
            *most = if x > *most { x } else { *most };
        }
    }
    let most = most.into_iter().fold(0.0, f64::max);
    // Away from either end of the range, so that all powers of two below are numbers.
    if !(1e-270..1e270).contains(&most) {
        return (xs == &[0.0; BLOCK]).then_some(BlockSum { high: 0, low: 0, exponent: 0 });
    }
    let e = (most.to_bits() >> 52) as i32 - 1022;
    let (upper, lower) = (1.5 * power_of_two(e + 6), 1.5 * power_of_two(e + 6 - LEVEL));
    let (mut highs, mut lows) = ([0.0_f64; LANES], [0.0_f64; LANES]);
    let mut left = [0_u64; LANES];
    for row in rows {
        for i in 0..LANES {
            let high = (row[i] + upper) - upper;
            let below = row[i] - high;
            let low = (below + lower) - lower;
            highs[i] += high;
            lows[i] += low;
            left[i] |= (below - low).to_bits();
        }
    }
    if left.iter().any(|&bits| bits != 0) {
        return None;
    }
    let exponent = e - 46;
    let whole = |lanes: [f64; LANES], unit: i32| -> i64 {
        let scale = power_of_two(-unit);
        lanes.into_iter().map(|lane| (lane * scale) as i64).sum()
    };
    Some(BlockSum { high: whole(highs, exponent), low: whole(lows, exponent - LEVEL), exponent })
}

/// `2^e`, within the normal numbers.
fn power_of_two(e: i32) -> f64 {
    f64::from_bits(((e + 1023) as u64) << 52)
}

fn join(grid: [u64; 2]) -> i128 {
    (u128::from(grid[0]) | (u128::from(grid[1]) << 64)) as i128
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(xs: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        for &x in xs {
            sum.push(x).unwrap();
        }
        sum
    }

    #[test]
    fn order_and_cancellation_do_not_show() {
        assert_eq!(sum(&[1.0, 1e-320, -1.0]).to_f64(), Some(1e-320));
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]).to_f64(), Some(f64::MAX));
        assert_eq!(sum(&[f64::MAX, f64::MAX]).to_f64(), None);
        // 1 + 2^-53 + 9 · 2^-108: a double-double sum rounds to either neighbour, by order.
        let mut xs = vec![1.0, 2_f64.powi(-53)];
        xs.extend([2_f64.powi(-108); 9]);
        assert_eq!(sum(&xs).to_f64(), Some(1.0 + f64::EPSILON));
    }

    #[test]
    fn back_to_nothing_equals_new() {
        let mut s = sum(&[0.1, 1e-300, 1e300]);
        for x in [1e300, 0.1, 1e-300] {
            s.push_weighted(-1, x).unwrap();
        }
        assert_eq!(s, ExactSum::default());
        assert!(s.is_zero());
        assert_eq!(s.to_bytes(), ExactSum::default().to_bytes());
        assert_eq!(s.to_f64().map(f64::to_bits), Some(0));
    }

    #[test]
    fn the_grid_overflows_into_the_rest() {
        let mut s = ExactSum::default();
        for _ in 0..20 {
            s.push_int(i64::MAX);
            s.push_int(i64::MIN);
            s.push_weighted(512, 9007199254740991.0).unwrap();
        }
        assert_eq!(s.to_f64(), Some(512.0 * 20.0 * 9007199254740991.0 - 20.0));
        s.push_weighted(-512 * 20, 9007199254740991.0).unwrap();
        assert_eq!(s.to_grid(), Some(-20 << 64));
    }

    #[test]
    fn what_is_not_finite_is_refused_and_changes_nothing() {
        let mut s = sum(&[0.1]);
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(s.push(x), Err(AccumError::NonFinite));
            assert_eq!(s.push_weighted(3, x), Err(AccumError::NonFinite));
        }
        assert_eq!(s, sum(&[0.1]));
    }

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
        let mut exact = 0;
        for xs in kinds {
            exact += xs.as_chunks().0.iter().filter(|block| block_sum(block).is_some()).count();
            let mut all = sum(&[0.1]);
            all.push_all(&xs).unwrap();
            let mut each = sum(&[0.1]);
            xs.iter().for_each(|&x| each.push(x).unwrap());
            assert_eq!(all, each);
            assert_eq!(all.to_bytes(), each.to_bytes());
        }
        assert_eq!(exact, 2 * 9, "the fast path was taken where it can be");
        let mut s = ExactSum::default();
        for at in [0, 511, 512, 700] {
            for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                let mut xs = [1.0; 701];
                xs[at] = x;
                assert_eq!(s.push_all(&xs), Err(AccumError::NonFinite));
            }
        }
    }

    #[test]
    fn a_sum_is_small() {
        assert_eq!(size_of::<ExactSum>(), 24);
    }
}
