//! Tables of counts: Pearson's chi-squared, G, Yates and Fisher's exact test, with Cramér's V.
//!
//! X² = Σ (O - E)² / E with E = row total x column total / N, against chi-squared with (r-1)(c-1) degrees of freedom. On
//! a 2 x 2 table it is the square of the pooled two-proportion z. Cramér's V = sqrt(X² / (N min(r-1, c-1))) is the size
//! of the association between 0 and 1.
//!
//! Assumes that each unit is counted in one cell only, and expected counts of five or more: `min_expected` tells.
//! Below that, Fisher's exact test serves 2 x 2 tables. The test says that the distributions differ, not how: for an
//! ordered outcome or one category of interest compare means or proportions instead.
//!
//! Source: A. Agresti, Categorical Data Analysis, 3rd ed. (2013), sections 3.2 and 3.5.

use super::exact::hypergeometric;
use super::special::{chi2_ln_sf, chi2_sf, deviance};
use super::{FisherExact, MethodError};

/// Tests of independence of the rows and columns of a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Contingency {
    /// Pearson's statistic.
    pub chi2: f64,
    /// (rows - 1) (columns - 1); with zero degrees of freedom there is nothing to test and p is 1.
    pub df: u64,
    /// The p-value of `chi2`.
    pub p_value: f64,
    /// The natural logarithm of `p_value`.
    pub log_p_value: f64,
    /// The counts expected under independence, row by row.
    pub expected: Vec<Vec<f64>>,
    /// The smallest of them; below five the chi-squared law is doubtful.
    pub min_expected: f64,
    /// The likelihood-ratio statistic 2 Σ O ln(O / E).
    pub g: f64,
    /// The p-value of `g`.
    pub g_p_value: f64,
    /// Cramér's V; `None` when there is one row or one column only.
    pub cramers_v: Option<f64>,
    /// For 2 x 2 tables, Pearson's statistic with Yates' correction and its p-value.
    pub yates: Option<(f64, f64)>,
}

/// Tests the independence of rows (variants) and columns (categories).
///
/// # Errors
/// [`MethodError::TooFew`] without a cell, [`MethodError::BadShape`] for rows of unequal length, and
/// [`MethodError::ZeroMarginal`] for a row or column without a count.
///
/// # Example
/// ```
/// use verdict_analysis::methods::contingency::contingency;
///
/// let table = [vec![4_820, 45_180], vec![5_140, 44_860]];
/// let result = contingency(&table)?;
/// assert_eq!(format!("{:.4}", result.chi2), "11.4184"); // z = 3.3791, squared
/// assert_eq!(format!("{:.5}", result.p_value), "0.00073");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn contingency(table: &[Vec<u64>]) -> Result<Contingency, MethodError> {
    let margins = Margins::of(table)?;
    let total = margins.total as f64;
    let expected: Vec<Vec<f64>> = margins
        .rows
        .iter()
        .map(|r| margins.columns.iter().map(|c| *r as f64 * (*c as f64 / total)).collect())
        .collect();
    let cells = || table.iter().flatten().zip(expected.iter().flatten());
    let gaps = margins.gaps(table, &expected);
    let two_by_two = table.len() == 2 && margins.columns.len() == 2;
    let df = (table.len() as u64 - 1) * (margins.columns.len() as u64 - 1);
    let pearson = |gap: &dyn Fn(f64) -> f64| -> f64 {
        gaps.iter().zip(expected.iter().flatten()).map(|(g, e)| gap(*g) / e * gap(*g)).sum()
    };
    let p = |statistic: f64| {
        if df == 0 {
            (1.0, 0.0)
        } else {
            (chi2_sf(statistic, df as f64), chi2_ln_sf(statistic, df as f64))
        }
    };
    let chi2 = pearson(&|gap| gap);
    let (p_value, log_p_value) = p(chi2);
    let g = 2.0 * cells().map(|(o, e)| deviance(*o as f64, *e)).sum::<f64>();
    let smaller_side = (table.len().min(margins.columns.len()) - 1) as f64;
    Ok(Contingency {
        chi2,
        df,
        p_value,
        log_p_value,
        min_expected: cells().map(|(_, e)| *e).fold(f64::INFINITY, f64::min),
        g,
        g_p_value: p(g).0,
        cramers_v: (df > 0).then(|| (chi2 / total / smaller_side).sqrt().min(1.0)),
        yates: two_by_two.then(|| {
            // The correction moves each count half a unit towards its expectation, not past it.
            let corrected = pearson(&|gap| (gap.abs() - 0.5).max(0.0));
            (corrected, p(corrected).0)
        }),
        expected,
    })
}

/// Fisher's exact test of a 2 x 2 table; `greater` means a larger odds ratio than one.
///
/// # Errors
/// As for [`contingency`]; [`MethodError::TooLarge`] beyond 1e14 units.
///
/// # Example
/// Fisher's own: three of four cups of tea told right. 17 of the 70 ways to guess do as well.
/// ```
/// use verdict_analysis::methods::contingency::fisher_exact;
///
/// assert!((fisher_exact([[3, 1], [1, 3]])?.greater - 17.0 / 70.0).abs() < 1e-14);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn fisher_exact(table: [[u64; 2]; 2]) -> Result<FisherExact, MethodError> {
    let margins = Margins::of(&table.map(Vec::from))?;
    // The tails are sums of some standard deviations' worth of terms.
    const LIMIT: u64 = 100_000_000_000_000;
    let total = u64::try_from(margins.total).unwrap_or(u64::MAX);
    if total > LIMIT {
        return Err(MethodError::TooLarge { what: "a table", size: total, limit: LIMIT });
    }
    Ok(hypergeometric(table[0][0], table[0][0] + table[0][1], table[0][0] + table[1][0], total))
}

struct Margins {
    rows: Vec<u128>,
    columns: Vec<u128>,
    total: u128,
}

impl Margins {
    fn of(table: &[Vec<u64>]) -> Result<Self, MethodError> {
        let width = table.first().map_or(0, Vec::len);
        super::error::check_at_least("cells", width as u64, 1)?;
        if let Some(row) = table.iter().find(|row| row.len() != width) {
            let expected = format!("rows of {width} cells");
            return Err(MethodError::BadShape { what: "the table", expected, got: row.len() });
        }
        let rows: Vec<u128> =
            table.iter().map(|row| row.iter().map(|x| u128::from(*x)).sum()).collect();
        let columns: Vec<u128> =
            (0..width).map(|j| table.iter().map(|row| u128::from(row[j])).sum()).collect();
        if rows.contains(&0) || columns.contains(&0) {
            return Err(MethodError::ZeroMarginal);
        }
        Ok(Self { total: rows.iter().sum(), rows, columns })
    }

    /// O - E cell by cell: exact up to one rounding where the integers fit, so that huge tables keep small gaps.
    fn gaps(&self, table: &[Vec<u64>], expected: &[Vec<f64>]) -> Vec<f64> {
        let mut gaps = Vec::new();
        for (i, row) in table.iter().enumerate() {
            for (j, count) in row.iter().enumerate() {
                let exact = u128::from(*count)
                    .checked_mul(self.total)
                    .zip(self.rows[i].checked_mul(self.columns[j]));
                gaps.push(match exact {
                    Some((o, e)) if o >= e => (o - e) as f64 / self.total as f64,
                    Some((o, e)) => -((e - o) as f64 / self.total as f64),
                    None => *count as f64 - expected[i][j],
                });
            }
        }
        gaps
    }
}
