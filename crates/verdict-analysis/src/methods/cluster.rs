//! Differences of means when rows come in clusters: robust standard errors from per-cluster sums.
//!
//! u_j is cluster j's part of the error of m_t - m_c: the sum of its residuals over N_t, less that over N_c. Then
//! CR0 = Σ u_j², and CR1 = CR0 G/(G-1) (N-1)/(N-2) with G clusters and N rows, against t with G - 1 degrees of freedom.
//! Only the count and the sum of the outcome per cluster and variant are needed.
//!
//! Assumes independent clusters, 30 to 40 or more: with fewer the standard error is too small. Serves rows within users
//! (page views, orders) and clusters of users (cities, teams); a cluster may hold rows of both variants. Treating rows
//! as independent instead is a common mistake, and makes intervals too narrow.
//!
//! Sources: K.-Y. Liang & S. L. Zeger, Biometrika 73 (1986), 13-22; A. C. Cameron & D. L. Miller, J. Human Resources 50
//! (2015), 317-372, equation (11) and section VI.

use super::error::{check_at_least, check_finite};
use super::{Alternative, Estimate, MethodError, Reference};

/// The rows of one cluster: how many and their sum, by variant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cluster {
    /// The rows in the control.
    pub n_c: u64,
    /// The sum of their outcomes.
    pub sum_c: f64,
    /// The rows in the treatment.
    pub n_t: u64,
    /// The sum of their outcomes.
    pub sum_t: f64,
}

/// A difference of means with its cluster-robust standard errors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ClusterRobust {
    /// The mean of the treatment rows less that of the control rows.
    pub effect: f64,
    /// The number of clusters.
    pub clusters: u64,
    /// The number of rows.
    pub rows: u64,
    /// The standard error without a small-sample factor.
    pub se_cr0: f64,
    /// The standard error with it: the one to use.
    pub se_cr1: f64,
    /// The delta-method standard error with G_a/(G_a - 1) for each variant; `None` when a cluster holds both variants or
    /// a variant has one cluster.
    pub se_delta: Option<f64>,
}

/// The difference of means of clustered rows.
///
/// # Errors
/// [`MethodError::TooFew`] below two clusters, three rows, or one row in either variant, [`MethodError::NotFinite`],
/// [`MethodError::Overflow`].
///
/// # Example
/// Six stores, three of each variant.
/// ```
/// use verdict_analysis::methods::{Alternative, cluster::{Cluster, cluster_robust}};
///
/// let control = [(6, 13.3), (4, 11.1), (2, 7.0)].map(|(n_c, sum_c)| Cluster { n_c, sum_c, ..Cluster::default() });
/// let treatment = [(5, 16.2), (4, 13.8), (2, 11.8)].map(|(n_t, sum_t)| Cluster { n_t, sum_t, ..Cluster::default() });
/// let result = cluster_robust(&[control, treatment].concat())?;
/// let estimate = result.estimate(0.05, Alternative::TwoSided)?;
/// assert_eq!((format!("{:.2}", estimate.effect), estimate.df), ("1.18".to_owned(), Some(5.0)));
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn cluster_robust(clusters: &[Cluster]) -> Result<ClusterRobust, MethodError> {
    for cluster in clusters {
        check_finite("the sum of a cluster", cluster.sum_c)?;
        check_finite("the sum of a cluster", cluster.sum_t)?;
    }
    // A cluster without rows is none.
    let clusters: Vec<&Cluster> = clusters.iter().filter(|c| c.n_c > 0 || c.n_t > 0).collect();
    let total =
        |f: fn(&Cluster) -> u64| clusters.iter().try_fold(0_u64, |sum, c| sum.checked_add(f(c)));
    let too_many = || MethodError::Overflow { what: "the number of rows" };
    let (n_c, n_t) = total(|c| c.n_c).zip(total(|c| c.n_t)).ok_or_else(too_many)?;
    let rows = n_c.checked_add(n_t).ok_or_else(too_many)?;
    check_at_least("rows in the control", n_c, 1)?;
    check_at_least("rows in the treatment", n_t, 1)?;
    check_at_least("rows", rows, 3)?;
    check_at_least("clusters", clusters.len() as u64, 2)?;
    let (size_c, size_t) = (n_c as f64, n_t as f64);
    let mean_c = clusters.iter().map(|c| c.sum_c).sum::<f64>() / size_c;
    let mean_t = clusters.iter().map(|c| c.sum_t).sum::<f64>() / size_t;
    let residual_c = |c: &Cluster| (c.sum_c - c.n_c as f64 * mean_c) / size_c;
    let residual_t = |c: &Cluster| (c.sum_t - c.n_t as f64 * mean_t) / size_t;
    let cr0: f64 = clusters.iter().map(|c| (residual_t(c) - residual_c(c)).powi(2)).sum();
    let (g, n) = (clusters.len() as f64, rows as f64);
    let factor = g / (g - 1.0) * ((n - 1.0) / (n - 2.0));
    let effect = mean_t - mean_c;
    if !(effect.is_finite() && cr0.is_finite()) {
        return Err(MethodError::Overflow { what: "the sum of the residuals" });
    }
    let in_c = clusters.iter().filter(|c| c.n_c > 0).count();
    let in_t = clusters.iter().filter(|c| c.n_t > 0).count();
    let apart = in_c + in_t == clusters.len() && in_c > 1 && in_t > 1;
    let se_delta = apart.then(|| {
        let by_variant = |residual: &dyn Fn(&Cluster) -> f64, g: f64| {
            clusters.iter().map(|c| residual(c).powi(2)).sum::<f64>() * (g / (g - 1.0))
        };
        (by_variant(&residual_c, in_c as f64) + by_variant(&residual_t, in_t as f64)).sqrt()
    });
    Ok(ClusterRobust {
        effect,
        clusters: clusters.len() as u64,
        rows,
        se_cr0: cr0.sqrt(),
        se_cr1: (cr0 * factor).sqrt(),
        se_delta,
    })
}

impl ClusterRobust {
    /// The t test and interval with CR1 and G - 1 degrees of freedom.
    ///
    /// # Errors
    /// [`MethodError::ZeroVariance`] when no cluster differs from its variant's mean, [`MethodError::BadAlpha`].
    pub fn estimate(&self, alpha: f64, alternative: Alternative) -> Result<Estimate, MethodError> {
        let reference = Reference::StudentT((self.clusters - 1) as f64);
        Estimate::new(self.effect, self.se_cr1, reference, alpha, alternative)
    }
}
