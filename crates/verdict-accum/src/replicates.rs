/// What a bootstrap gives: sums and counts under the weights of each replicate.
#[derive(Clone, Debug, PartialEq)]
pub struct Replicates {
    /// The number of units, without weights.
    pub units: i64,
    /// The sum of the weights, for each replicate.
    pub n: Vec<i64>,
    /// For each variable its sum in each replicate, correctly rounded.
    pub sums: Vec<Vec<f64>>,
}

impl Replicates {
    /// The mean of variable `i` in each replicate; `None` in one that drew no unit.
    ///
    /// Empty when there is no variable `i`.
    #[must_use]
    pub fn means(&self, i: usize) -> Vec<Option<f64>> {
        let sums = self.sums.get(i).into_iter().flatten();
        sums.zip(&self.n).map(|(&sum, &n)| (n > 0).then(|| sum / n as f64)).collect()
    }

    /// The sum of variable `i` over that of variable `j` in each replicate; `None` where the latter is 0.
    ///
    /// Empty when there is no variable `i` or `j`.
    #[must_use]
    pub fn ratios(&self, i: usize, j: usize) -> Vec<Option<f64>> {
        let above = self.sums.get(i).into_iter().flatten();
        let below = self.sums.get(j).into_iter().flatten();
        above.zip(below).map(|(&a, &b)| (b != 0.0).then(|| a / b)).collect()
    }
}
