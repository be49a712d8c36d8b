//! Sums of normal values, drawn without the values.

use crate::draws::Draws;
use crate::group::Statistics;

/// Count, mean and centred second moment of independent normal values.
///
/// The mean of n normal values and their second moment about it are independent, N(mean, sd²/n) and sd² χ²(n - 1)
/// (Fisher 1925), so that a day is two draws, whatever the number of its units. Days are put together by the
/// update of Chan, Golub & LeVeque (1979).
#[derive(Clone, Copy, Debug)]
pub(crate) struct NormalSums {
    mean: f64,
    sd: f64,
    last: Statistics,
}

impl NormalSums {
    pub(crate) fn new(mean: f64, sd: f64) -> NormalSums {
        NormalSums { mean, sd, last: Statistics::default() }
    }

    pub(crate) fn day(&mut self, new: u64, draws: &mut Draws) -> Statistics {
        let before = self.last;
        let mut now = before;
        if new > 0 {
            let (old, n) = (before.n as f64, (before.n + new) as f64);
            let count = new as f64;
            let mean = self.mean + self.sd / count.sqrt() * draws.normal();
            let m2 = self.sd * self.sd * draws.chi_squared(count - 1.0);
            let old_mean = before.mean_x.unwrap_or(0.0);
            let apart = mean - old_mean;
            let mean_x = old_mean + apart * (count / n);
            now.n = before.n + new;
            now.mean_x = Some(mean_x);
            now.sum_x = Some(mean_x * n);
            now.m2_x = Some(before.m2_x.unwrap_or(0.0) + m2 + apart * apart * (old / n * count));
        }
        self.last = now.looking_back_at(&before);
        self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_put_together_are_one_sample() {
        let (mut means, mut m2s, mut squares) = (0.0, 0.0, 0.0);
        let runs = 20_000;
        for run in 0..runs {
            let mut sums = NormalSums::new(5.0, 2.0);
            let mut draws = Draws::new(1, run, 0);
            let days = [3, 0, 1, 6].map(|new| sums.day(new, &mut draws));
            let [first, _, third, last] = days;
            assert_eq!((last.n, last.n_before), (10, 4));
            assert_eq!(last.co_x_before, third.m2_x);
            assert_eq!((days[1].m2_x, days[1].n_before), (first.m2_x, 3));
            let (mean, m2) = (last.mean_x.unwrap_or(f64::NAN), last.m2_x.unwrap_or(f64::NAN));
            means += mean;
            squares += (mean - 5.0).powi(2);
            m2s += m2;
        }
        let n = runs as f64;
        // N(5, 4/10), and 4 times a chi-squared number with 9 degrees of freedom.
        assert!((means / n - 5.0).abs() < 4.5 * (0.4 / n).sqrt());
        assert!((squares / n - 0.4).abs() < 4.5 * 0.4 * (2.0 / n).sqrt());
        assert!((m2s / n - 36.0).abs() < 4.5 * 4.0 * (18.0 / n).sqrt());
    }
}
