//! Random draws addressed by what they are for: no generator passes from one draw to the next.
//!
//! Draw i of replicate r of a key is a hash of the three, so that a replicate is the same whichever thread computes it and
//! in whatever order. The key of a metric should name experiment and metric: with one key for all metrics their Monte Carlo
//! errors would be identical.

/// A stream of replicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Draws {
    key: u64,
}

impl Draws {
    /// The draws of a key.
    #[must_use]
    pub fn new(key: u64) -> Self {
        Self { key: mix(key) }
    }

    /// The draws of a text, such as "experiment/metric" (FNV-1a).
    #[must_use]
    pub fn named(name: &str) -> Self {
        let hash = |h: u64, b: u8| (h ^ u64::from(b)).wrapping_mul(0x0000_0100_0000_01B3);
        Self::new(name.bytes().fold(0xCBF2_9CE4_8422_2325, hash))
    }

    /// The draws of a part of what these are the draws of.
    #[must_use]
    pub fn of(&self, part: u64) -> Self {
        Self { key: mix(mix(self.key) ^ part) }
    }

    /// 64 random bits.
    #[must_use]
    pub fn bits(&self, replicate: u64, draw: u64) -> u64 {
        mix(mix(self.key ^ replicate.wrapping_mul(GOLDEN)).wrapping_add(draw.wrapping_mul(GOLDEN)))
    }

    /// A whole number below `n`, or 0 when n is 0. The bias is below n / 2^64.
    #[must_use]
    pub fn below(&self, replicate: u64, draw: u64, n: usize) -> usize {
        ((u128::from(self.bits(replicate, draw)) * n as u128) >> 64) as usize
    }

    /// A number strictly between 0 and 1.
    #[must_use]
    pub fn unit(&self, replicate: u64, draw: u64) -> f64 {
        ((self.bits(replicate, draw) >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }
}

const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The finaliser of SplitMix64: G. L. Steele, D. Lea & C. H. Flood, OOPSLA 2014.
fn mix(x: u64) -> u64 {
    let x = x.wrapping_add(GOLDEN);
    let x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
