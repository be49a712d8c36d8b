//! The Poisson bootstrap, by unit.

use crate::codec::{Reader, put_signed, put_unsigned};
use crate::poisson::{BY_UNIT, LANES, Weights, weights};
use crate::replicate_sums::{ReplicateSums, Term};
use crate::{AccumError, Replicates};

/// Sums of units under Poisson(1) weights, in each of up to 10,000 replicates (Hanley & MacGibbon 2006; Chamandy,
/// Muralidharan, Najmi & Naidu 2012, "Estimating uncertainty for massive data streams").
///
/// A weight is a function of the seed, the unit and the replicate and of nothing else, so that a unit has the same
/// weights in every metric, table, partition and machine: replicates of different metrics belong together, and
/// ratios and differences of them are bootstrapped by taking ratios and differences. The sums are exact, and so
/// linear: states merge and retract in any order to the same bytes, and one from which everything was removed
/// equals a new one.
///
/// ```
/// use verdict_accum::Bootstrap;
///
/// let (mut all, mut first) = (Bootstrap::new(1000, 7, 1)?, Bootstrap::new(1000, 7, 1)?);
/// for unit in 0..500 {
///     all.push(unit, 1, &[0.1 * unit as f64])?;
///     if unit < 100 {
///         first.push(unit, 1, &[0.1 * unit as f64])?;
///     }
/// }
/// let means: Vec<f64> = all.replicates()?.means(0).into_iter().flatten().collect();
/// assert!((means.iter().sum::<f64>() / 1000.0 - 24.95).abs() < 0.2);
/// all.retract(&first)?;
/// assert_eq!(all.replicates()?.units, 400);
/// # Ok::<(), verdict_accum::AccumError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Bootstrap {
    seed: u64,
    replicates: u32,
    units: i128,
    /// Replicate counts, then the sums of each variable.
    sums: Vec<ReplicateSums>,
    /// Counts that are not in the sums yet, of so many units of weight 1.
    counts: Vec<Weights>,
    counted: u32,
}

const HEADER: [u8; 2] = [b'B', 1];
/// Weights stay below 2^4, counts below 2^32.
const COUNTED: u32 = 1 << 27;
/// States of more variables are no states of ours.
const MAX_VARIABLES: usize = 64;

impl Bootstrap {
    /// The most replicates.
    pub const MAX_REPLICATES: u32 = 10_000;

    /// No units yet.
    ///
    /// # Errors
    ///
    /// [`AccumError::Parameter`] unless there are 1 to 10,000 replicates and at most 64 variables.
    pub fn new(replicates: u32, seed: u64, variables: usize) -> Result<Self, AccumError> {
        if !(1..=Self::MAX_REPLICATES).contains(&replicates) {
            return Err(AccumError::Parameter("the number of replicates is not within 1 to 10000"));
        }
        if variables > MAX_VARIABLES {
            return Err(AccumError::Parameter("a bootstrap has at most 64 variables"));
        }
        let sums = vec![ReplicateSums::new(replicates as usize); variables + 1];
        let counts = vec![Weights([0; LANES]); (replicates as usize).div_ceil(LANES)];
        Ok(Self { seed, replicates, units: 0, sums, counts, counted: 0 })
    }

    /// Adds `weight` times the unit with the values `xs`; a negative weight removes. Names of units become
    /// numbers by [`unit_hash`](crate::unit_hash).
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when a value is NaN or infinite, [`AccumError::Parameter`] when there are not as many
    /// as variables; the sums are unchanged.
    pub fn push(&mut self, unit: u64, weight: i64, xs: &[f64]) -> Result<(), AccumError> {
        self.push_stream(unit, BY_UNIT, weight, xs)
    }

    pub(crate) fn push_stream(
        &mut self,
        unit: u64,
        stream: u32,
        weight: i64,
        xs: &[f64],
    ) -> Result<(), AccumError> {
        let terms = self.terms(weight, xs)?;
        for (sums, term) in self.sums.iter_mut().zip(&terms) {
            sums.prepare(term);
        }
        // Nearly all weights are 1, and counting takes a third of what the sum of a variable takes.
        let counted = usize::from(weight == 1);
        let mut drawn = Weights([0; LANES]);
        for (block, counts) in self.counts.iter_mut().enumerate() {
            weights(self.seed, unit, block as u32, stream, &mut drawn);
            if counted == 1 {
                counts.0.iter_mut().zip(&drawn.0).for_each(|(count, &w)| *count += w);
            }
            for (sums, term) in self.sums.iter_mut().zip(&terms).skip(counted) {
                sums.add(term, block, &drawn);
            }
        }
        self.counted += counted as u32;
        if self.counted == COUNTED {
            self.gather_counts();
        }
        self.units = self.units.wrapping_add(i128::from(weight));
        Ok(())
    }

    /// Brings the counts to the sums.
    fn gather_counts(&mut self) {
        if self.counted > 0 {
            self.sums[0].add_counts(&self.counts);
            self.counts.fill(Weights([0; LANES]));
            self.counted = 0;
        }
    }

    /// The sums, counts first, with their carries settled.
    fn settled(&self) -> Vec<ReplicateSums> {
        let mut sums = self.sums.clone();
        if self.counted > 0 {
            sums[0].add_counts(&self.counts);
        }
        sums.iter_mut().for_each(ReplicateSums::settle);
        sums
    }

    /// The count, which is a variable that is 1, and the values.
    pub(crate) fn terms(&self, weight: i64, xs: &[f64]) -> Result<Vec<Term>, AccumError> {
        if xs.len() + 1 != self.sums.len() {
            return Err(AccumError::Parameter("a row has another number of variables"));
        }
        std::iter::once(&1.0).chain(xs).map(|&x| Term::new(weight, x)).collect()
    }

    /// Adds terms to one replicate, with a weight.
    pub(crate) fn push_one(&mut self, terms: &[Term], replicate: usize, weight: u32) {
        for (sums, term) in self.sums.iter_mut().zip(terms) {
            sums.prepare(term);
            sums.add_one(term, replicate, weight);
        }
    }

    /// Adds all units of `other`.
    ///
    /// # Errors
    ///
    /// [`AccumError::Parameter`] when seed, replicates or variables differ; the sums are unchanged.
    pub fn merge(&mut self, other: &Self) -> Result<(), AccumError> {
        self.agree(other)?;
        self.units = self.units.wrapping_add(other.units);
        self.sums.iter_mut().zip(&other.settled()).for_each(|(a, b)| a.merge(b));
        Ok(())
    }

    /// Removes all units of `other`: undoes [`merge`](Self::merge).
    ///
    /// # Errors
    ///
    /// As for [`merge`](Self::merge).
    pub fn retract(&mut self, other: &Self) -> Result<(), AccumError> {
        self.agree(other)?;
        self.units = self.units.wrapping_sub(other.units);
        self.sums.iter_mut().zip(&other.settled()).for_each(|(a, b)| a.retract(b));
        Ok(())
    }

    fn agree(&self, other: &Self) -> Result<(), AccumError> {
        if self.seed == other.seed
            && self.replicates == other.replicates
            && self.sums.len() == other.sums.len()
        {
            Ok(())
        } else {
            Err(AccumError::Parameter("the seed, the replicates or the variables differ"))
        }
    }

    /// The replicates, each sum rounded once.
    ///
    /// # Errors
    ///
    /// [`AccumError::Overflow`] when a count exceeds `i64` or a sum the largest double.
    pub fn replicates(&self) -> Result<Replicates, AccumError> {
        let sums = self.settled();
        let all = || 0..self.replicates as usize;
        let rounded = |sums: &ReplicateSums| {
            let rounded: Option<Vec<f64>> = all().map(|r| sums.total(r).to_f64(1)).collect();
            rounded.ok_or(AccumError::Overflow)
        };
        let whole = |r: usize| -> Option<i64> {
            let [low, high] = sums[0].total(r).window(0)?;
            i64::try_from((u128::from(low) | u128::from(high) << 64) as i128).ok()
        };
        Ok(Replicates {
            units: i64::try_from(self.units).map_err(|_| AccumError::Overflow)?,
            n: all().map(whole).collect::<Option<_>>().ok_or(AccumError::Overflow)?,
            sums: sums[1..].iter().map(rounded).collect::<Result<_, _>>()?,
        })
    }

    /// How many values a unit has.
    #[must_use]
    pub fn variables(&self) -> usize {
        self.sums.len() - 1
    }

    /// The state: equal multisets of units give equal bytes. About 12 bytes a replicate and variable.
    ///
    /// Version 1: the bytes `B`, 1; the seed, eight bytes, little end first; replicates, variables, units; then the count
    /// of each replicate, and the sums of each variable, as exact numbers of shortest length.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        out.extend(self.seed.to_le_bytes());
        put_unsigned(&mut out, u128::from(self.replicates));
        put_unsigned(&mut out, self.variables() as u128);
        put_signed(&mut out, self.units);
        for sums in self.settled() {
            sums.put(self.replicates as usize, &mut out);
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
        let mut bootstrap = Self::new(replicates, seed, variables)
            .map_err(|_| AccumError::State("a number out of range"))?;
        bootstrap.units = reader.signed()?;
        for sums in &mut bootstrap.sums {
            for replicate in 0..replicates as usize {
                sums.add_wide(replicate, &reader.exact()?);
            }
        }
        reader.close()?;
        Ok(bootstrap)
    }

    /// Memory on the heap, in bytes.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.sums.capacity() * size_of::<ReplicateSums>()
            + self.counts.capacity() * size_of::<Weights>()
            + self.sums.iter().map(ReplicateSums::heap_size).sum::<usize>()
    }
}

impl PartialEq for Bootstrap {
    fn eq(&self, other: &Self) -> bool {
        self.to_bytes() == other.to_bytes()
    }
}

impl Eq for Bootstrap {}
