//! The Poisson bootstrap, by pools of equal units.

use std::collections::BTreeMap;

use crate::codec::{Reader, put_signed, put_unsigned};
use crate::philox::philox;
use crate::poisson::Poisson;
use crate::{AccumError, Bootstrap, Replicates, unit_hash};

/// The Poisson bootstrap of units that are known by their values alone.
///
/// The weights of `m` units with equal values only ever appear as their sum, and that is Poisson(m): one draw a
/// replicate for all of them, exact in distribution. Where most units are alike (zero revenue, counts, proportions) this
/// is as much faster as there are fewer values than units.
///
/// What is given up is determinism by unit. A draw is a function of the seed, the replicate, the values and how
/// many units have them, so that results are still the same for any order, partition or machine, and states merge and
/// retract exactly; but a unit has no weights of its own, and so replicates of different metrics, tables or variants do
/// not belong together. Metrics that are to be bootstrapped jointly must be variables of one call, or
/// go through [`Bootstrap`].
///
/// ```
/// use verdict_accum::BootstrapPooled;
///
/// let mut revenue = BootstrapPooled::new(200, 7, 1)?;
/// revenue.push(9_500_000, &[0.0])?;
/// revenue.push(500_000, &[12.5])?;
/// let replicates = revenue.replicates()?;
/// assert_eq!((replicates.units, replicates.n.len()), (10_000_000, 200));
/// # Ok::<(), verdict_accum::AccumError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrapPooled {
    seed: u64,
    replicates: u32,
    variables: usize,
    /// How many units have the values with these bits; never 0.
    pools: BTreeMap<Box<[u64]>, i128>,
}

const HEADER: [u8; 2] = [b'P', 1];
/// As many equal units as are drawn one by one, in vectors.
const FEW: u128 = 16;
/// The stream of the counter for pools of many; those of few have 1 to [`FEW`].
const MANY: u32 = u32::MAX;

impl BootstrapPooled {
    /// No units yet.
    ///
    /// # Errors
    ///
    /// As for [`Bootstrap::new`].
    pub fn new(replicates: u32, seed: u64, variables: usize) -> Result<Self, AccumError> {
        Bootstrap::new(replicates, seed, variables)?;
        Ok(Self { seed, replicates, variables, pools: BTreeMap::new() })
    }

    /// Adds `weight` units with the values `xs`; a negative weight removes.
    ///
    /// # Errors
    ///
    /// As for [`Bootstrap::push`].
    pub fn push(&mut self, weight: i64, xs: &[f64]) -> Result<(), AccumError> {
        if xs.len() != self.variables {
            return Err(AccumError::Parameter("a row has another number of variables"));
        }
        if xs.iter().any(|x| !x.is_finite()) {
            return Err(AccumError::NonFinite);
        }
        // A negative zero is zero.
        let mut few = [0; 8];
        let many: Vec<u64>;
        let bits = match few.get_mut(..xs.len()) {
            Some(few) => {
                few.iter_mut().zip(xs).for_each(|(bits, x)| *bits = (x + 0.0).to_bits());
                &*few
            }
            None => {
                many = xs.iter().map(|x| (x + 0.0).to_bits()).collect();
                &many
            }
        };
        self.add(bits, i128::from(weight));
        Ok(())
    }

    fn add(&mut self, bits: &[u64], units: i128) {
        match self.pools.get_mut(bits) {
            None if units == 0 => {}
            None => {
                self.pools.insert(bits.into(), units);
            }
            Some(count) => {
                *count = count.wrapping_add(units);
                if *count == 0 {
                    self.pools.remove(bits);
                }
            }
        }
    }

    /// Adds all units of `other`.
    ///
    /// # Errors
    ///
    /// As for [`Bootstrap::merge`].
    pub fn merge(&mut self, other: &Self) -> Result<(), AccumError> {
        self.agree(other)?;
        other.pools.iter().for_each(|(bits, &units)| self.add(bits, units));
        Ok(())
    }

    /// Removes all units of `other`: undoes [`merge`](Self::merge).
    ///
    /// # Errors
    ///
    /// As for [`Bootstrap::merge`].
    pub fn retract(&mut self, other: &Self) -> Result<(), AccumError> {
        self.agree(other)?;
        other.pools.iter().for_each(|(bits, &units)| self.add(bits, units.wrapping_neg()));
        Ok(())
    }

    fn agree(&self, other: &Self) -> Result<(), AccumError> {
        if (self.seed, self.replicates, self.variables)
            == (other.seed, other.replicates, other.variables)
        {
            Ok(())
        } else {
            Err(AccumError::Parameter("the seed, the replicates or the variables differ"))
        }
    }

    /// Draws the weights of the pools: the replicates, each sum rounded once.
    ///
    /// # Errors
    ///
    /// [`AccumError::Overflow`] as for [`Bootstrap::replicates`], and when more than 2^40 units are equal.
    pub fn replicates(&self) -> Result<Replicates, AccumError> {
        let mut sums = Bootstrap::new(self.replicates, self.seed, self.variables)?;
        let mut tables: BTreeMap<u64, Poisson> = BTreeMap::new();
        let mut units = 0_i64;
        for (bits, &count) in &self.pools {
            let xs: Vec<f64> = bits.iter().map(|&bits| f64::from_bits(bits)).collect();
            let pool = self.hash(bits);
            let sign = if count < 0 { -1 } else { 1 };
            let m = count.unsigned_abs();
            if m > 1 << 40 {
                return Err(AccumError::Overflow);
            }
            units = units.checked_add(count as i64).ok_or(AccumError::Overflow)?;
            if m <= FEW {
                for copy in 1..=m as u32 {
                    sums.push_stream(pool, copy, sign, &xs)?;
                }
                continue;
            }
            let terms = sums.terms(sign, &xs)?;
            let mut left = m as u64;
            let mut part = 0_u32;
            while left > 0 {
                let mean = left.min(Poisson::MAX_MEAN);
                let table = tables.entry(mean).or_insert_with(|| Poisson::new(mean));
                for replicate in 0..self.replicates {
                    // Replicates have 14 bits, and a pool has less than 2^17 parts.
                    let counter = [pool as u32, (pool >> 32) as u32, replicate | part << 14, MANY];
                    let [a, b, ..] = philox(self.seed, counter);
                    let weight = table.weight(u64::from(a) | u64::from(b) << 32);
                    sums.push_one(&terms, replicate as usize, weight as u32);
                }
                left -= mean;
                part += 1;
            }
        }
        Ok(Replicates { units, ..sums.replicates()? })
    }

    fn hash(&self, bits: &[u64]) -> u64 {
        unit_hash(&bits.iter().flat_map(|bits| bits.to_le_bytes()).collect::<Vec<u8>>())
    }

    /// The number of pools: of different values.
    #[must_use]
    pub fn pools(&self) -> usize {
        self.pools.len()
    }

    /// The state: equal multisets of units give equal bytes. Some ten bytes a pool and variable.
    ///
    /// Version 1: the bytes `P`, 1; the seed, eight bytes, little end first; replicates, variables, pools; then each pool,
    /// ascending by bits: the bits of its values, eight bytes each, little end first, and its units.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        out.extend(self.seed.to_le_bytes());
        put_unsigned(&mut out, u128::from(self.replicates));
        put_unsigned(&mut out, self.variables as u128);
        put_unsigned(&mut out, self.pools.len() as u128);
        for (bits, &units) in &self.pools {
            bits.iter().for_each(|bits| out.extend(bits.to_le_bytes()));
            put_signed(&mut out, units);
        }
        out
    }

    /// A bootstrap from its state.
    ///
    /// # Errors
    ///
    /// [`AccumError::State`] for bytes that [`to_bytes`](Self::to_bytes) does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
        let mut reader = Reader::open(bytes, &HEADER)?;
        let seed = reader.word()?;
        let replicates = u32::try_from(reader.unsigned()?).unwrap_or(u32::MAX);
        let variables = usize::try_from(reader.unsigned()?).unwrap_or(usize::MAX);
        let mut pooled = Self::new(replicates, seed, variables)
            .map_err(|_| AccumError::State("a number out of range"))?;
        let mut last: Option<Box<[u64]>> = None;
        for _ in 0..reader.unsigned()? {
            let mut bits = Vec::with_capacity(variables);
            for _ in 0..variables {
                let value = reader.word()?;
                if !f64::from_bits(value).is_finite() || value == 1 << 63 {
                    return Err(AccumError::State("a value that no unit has"));
                }
                bits.push(value);
            }
            let bits: Box<[u64]> = bits.into();
            let units = reader.signed()?;
            if units == 0 || last.as_ref().is_some_and(|last| *last >= bits) {
                return Err(AccumError::State("pools out of order"));
            }
            last = Some(bits.clone());
            pooled.pools.insert(bits, units);
        }
        reader.close()?;
        Ok(pooled)
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        // Keys, counts, the values that keys point at, and a third for the allocator and half-full nodes.
        self.pools.len() * (48 + 8 * self.variables)
    }
}
