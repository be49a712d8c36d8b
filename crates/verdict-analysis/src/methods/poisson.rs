//! Poisson weights from random bits, by inversion.

/// Poisson(m) for whole m from 1 to [`Poisson::MOST`].
///
/// The probabilities come from p(k + 1) = p(k) m / (k + 1), outwards from the mode, and their sum: additions, multiplications
/// and divisions only, the same on every machine, within about 1e-11 of the exact ones, relatively.
#[derive(Debug)]
pub(super) struct Poisson {
    /// The weight at the first threshold.
    first: u64,
    /// 2^64 P(w <= first + i).
    thresholds: Vec<u64>,
    /// For each value of the first bits of a draw, how many thresholds all such draws reach, and all thresholds.
    reached: Vec<u32>,
}

/// So many bits of a draw are looked up.
const BITS: u32 = 8;

impl Poisson {
    /// The table of this mean has half a megabyte.
    pub(super) const MOST: u64 = 1 << 24;

    pub(super) fn new(mean: u64) -> Self {
        // What is left of either tail is below 2^-64 from a term of 2^-80 of the mode's on.
        let least = 2_f64.powi(-80);
        let m = mean as f64;
        let (mut below, mut above) = (vec![1.0_f64], Vec::new());
        let (mut p, mut k) = (1.0, mean);
        while k > 0 {
            p *= k as f64 / m;
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
        // The conversion saturates, so that the last thresholds are the largest integer.
        let threshold = |p: &f64| {
            sum += p;
            (sum / total * 2_f64.powi(64)) as u64
        };
        let thresholds: Vec<u64> = below.iter().map(threshold).collect();
        let mut at = 0;
        let mut reached: Vec<u32> = (0..1_u64 << BITS)
            .map(|start| {
                while thresholds.get(at).is_some_and(|t| *t <= start << (64 - BITS)) {
                    at += 1;
                }
                at as u32
            })
            .collect();
        reached.push(thresholds.len() as u32);
        Self { first, thresholds, reached }
    }

    /// The weight that a draw of 64 bits stands for.
    pub(super) fn weight(&self, draw: u64) -> u64 {
        let start = (draw >> (64 - BITS)) as usize;
        let (from, to) = (self.reached[start] as usize, self.reached[start + 1] as usize);
        let more = self.thresholds[from..to].partition_point(|t| *t <= draw);
        self.first + (from + more) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean and variance of the law that the thresholds cut, and draws at their edges.
    #[test]
    fn inversion_has_the_probabilities_of_poisson() {
        for mean in [1, 2, 9, 100, 54_321, Poisson::MOST] {
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
            for (i, &t) in table.thresholds.iter().enumerate().take(200) {
                let reached = table.thresholds.partition_point(|&other| other <= t) as u64;
                assert_eq!(table.weight(t), table.first + reached);
                let below = t.checked_sub(1).map(|below| table.weight(below));
                assert!(below.is_none_or(|below| below <= table.first + i as u64));
            }
        }
        // exp(-1) is 0.3679, so that the first 0x5e2d… of the draws have no weight.
        let one = Poisson::new(1);
        assert_eq!([0, 0x5e2d << 48, 0x5e2e << 48, 1 << 63].map(|d| one.weight(d)), [0, 0, 1, 1]);
    }
}
