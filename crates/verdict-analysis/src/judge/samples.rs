//! What one group's statistics say of one variant: counts and moments, or why they are none.

use verdict_model::rows::{Distribution, GroupStat};

use crate::methods::quantile_clustered::{Buckets, quantile_of, quantile_sample};
use crate::methods::ratio::RatioSample;
use crate::methods::superiority::{Counted, Superiority, superiority};
use crate::methods::two_proportion::Proportion;
use crate::methods::{MethodError, Sample};

/// The word for the type of a metric that nothing defines.
pub(super) const UNKNOWN_TYPE: &str = "unknown";

/// The reason of a row that has no units yet, and will have some when their windows are complete.
pub(super) const WINDOW_NOT_COMPLETE: &str = "window_not_complete";

/// The metric types that have a method.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    Proportion,
    Mean,
    Ratio,
    /// Totals of clusters over their units, or over their totals of a denominator.
    Clustered,
    /// A quantile of units' totals, or of their events.
    Quantile,
    /// How often a unit of the variant has more than one of the control.
    Superiority,
}

/// What the type of a metric of clusters begins with; that of its units follows.
pub(super) const CLUSTERED: &str = "clustered_";

impl Kind {
    /// By the word of the type; a gap with the reason for any other.
    pub(super) fn of(metric_type: &str) -> Result<Kind, Gap> {
        match metric_type {
            "proportion" | "retention" => Ok(Kind::Proportion),
            "quantile" => Ok(Kind::Quantile),
            "superiority" => Ok(Kind::Superiority),
            "mean" => Ok(Kind::Mean),
            "ratio" => Ok(Kind::Ratio),
            "clustered_proportion" | "clustered_mean" | "clustered_ratio" => Ok(Kind::Clustered),
            UNKNOWN_TYPE => Err(Gap::Failed("metric_type_unknown")),
            _ => Err(Gap::Failed("method_not_in_effect")),
        }
    }

    /// The metric's level in a group, where it is defined.
    pub(super) fn level(self, group: &GroupStat) -> Option<f64> {
        if group.n <= 0 {
            return None;
        }
        let level = match self {
            Kind::Proportion => group.sum_x? / group.n as f64,
            Kind::Mean => group.mean_x?,
            Kind::Ratio | Kind::Clustered => group.mean_x? / group.mean_y?,
            // One group alone has none.
            Kind::Superiority => return None,
            Kind::Quantile => quantile_of(buckets(group.distribution.as_ref()?), group.quantile?)?,
        };
        level.is_finite().then_some(level)
    }
}

/// A group with units, of the right type.
pub(super) fn usable<'a>(
    metric_type: &str,
    group: Option<&'a GroupStat>,
    empty: &'static str,
) -> Result<&'a GroupStat, Gap> {
    match group {
        None => Err(Gap::Insufficient(empty)),
        Some(group) if group.metric_type != metric_type => Err(Gap::Failed("metric_type_differs")),
        Some(group) if group.n < 0 => Err(INVALID),
        Some(group) if group.n == 0 && group.n_not_mature > Some(0) => {
            Err(Gap::NotMature(WINDOW_NOT_COMPLETE))
        }
        Some(group) if group.n == 0 => Err(Gap::Insufficient(empty)),
        Some(group) => Ok(group),
    }
}

/// The successes of a group, where they are a count.
pub(super) fn proportion(group: &GroupStat) -> Result<Proportion, Gap> {
    let n = units(group)?;
    let successes = group.sum_x.filter(|x| *x >= 0.0 && *x <= group.n as f64 && x.fract() == 0.0);
    Ok(Proportion { successes: successes.ok_or(INVALID)? as u64, n })
}

/// The mean and the variance of a group.
pub(super) fn mean(group: &GroupStat) -> Result<Sample, Gap> {
    Ok(Sample::from_m2(units(group)?, group.mean_x.ok_or(INVALID)?, group.m2_x.ok_or(INVALID)?))
}

/// The means, variances and covariance of both parts of a ratio.
pub(super) fn ratio(group: &GroupStat) -> Result<RatioSample, Gap> {
    let n = units(group)?;
    let per_unit =
        |moment: Option<f64>| moment.map(|m2| Sample::from_m2(n, 0.0, m2).variance).ok_or(INVALID);
    Ok(RatioSample {
        n,
        mean_num: group.mean_x.ok_or(INVALID)?,
        mean_den: group.mean_y.ok_or(INVALID)?,
        var_num: per_unit(group.m2_x)?,
        var_den: per_unit(group.m2_y)?,
        cov: per_unit(group.co_xy)?,
    })
}

/// A group as one sample: a rate with its unpooled variance, a mean, a ratio linearised.
pub(super) fn sample(kind: Kind, group: &GroupStat) -> Result<Sample, Gap> {
    match kind {
        Kind::Proportion => proportion(group).map(of_rate),
        Kind::Mean => mean(group),
        Kind::Ratio | Kind::Clustered => Ok(ratio(group)?.linearised()?),
        Kind::Quantile => quantile(group),
        // One group alone is even, whatever its values.
        Kind::Superiority => Ok(Sample { n: units(group)?, mean: 0.5, variance: 0.0 }),
    }
}

/// Two groups by rank; there is no standard error where no value of one is among those of the other.
pub(super) fn by_rank(control: &GroupStat, variant: &GroupStat) -> Result<Superiority, Gap> {
    let (control, variant) = (values(control)?, values(variant)?);
    let found = superiority(control, variant)?;
    let variance = found.control.variance_of_mean() + found.treatment.variance_of_mean();
    if variance > 0.0 { Ok(found) } else { Err(Gap::Insufficient("no_overlap")) }
}

/// The values of a group, where its buckets are no wider than one: others have no ranks.
fn values(group: &GroupStat) -> Result<Counted<'_>, Gap> {
    let Distribution { lower, upper, count, .. } = group.distribution.as_ref().ok_or(INVALID)?;
    let exact = lower == upper && lower.is_sorted() && lower.len() == count.len();
    exact.then_some(Counted { values: lower, counts: count }).ok_or(INVALID)
}

/// A quantile with Woodruff's standard error.
pub(super) fn quantile(group: &GroupStat) -> Result<Sample, Gap> {
    let distribution = group.distribution.as_ref().ok_or(INVALID)?;
    let q = group.quantile.ok_or(INVALID)?;
    Ok(quantile_sample(buckets(distribution), units(group)?, q)?)
}

fn buckets(distribution: &Distribution) -> Buckets<'_> {
    let Distribution { lower, upper, count, square, product } = distribution;
    Buckets { lower, upper, count, square, product }
}

/// The variance of one unit is that of its rate times n.
pub(super) fn of_rate(p: Proportion) -> Sample {
    Sample { n: p.n, mean: p.rate(), variance: p.rate() * p.failure_rate() }
}

pub(super) fn units(group: &GroupStat) -> Result<u64, Gap> {
    u64::try_from(group.n).map_err(|_| INVALID)
}

/// Statistics of a metric that is to be adjusted by its past, and have none of it.
pub(super) fn missing() -> Gap {
    Gap::Failed("covariate_missing")
}

pub(super) const INVALID: Gap = Gap::Failed("statistics_invalid");

/// Why a comparison has no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// The data do not suffice.
    Insufficient(&'static str),
    /// The plan does not allow for a number yet.
    NotMature(&'static str),
    /// Verdict, or whoever made the statistics, is at fault.
    Failed(&'static str),
}

impl Gap {
    pub(super) fn status(self) -> &'static str {
        match self {
            Gap::Insufficient(_) => "insufficient",
            Gap::NotMature(_) => "not_mature",
            Gap::Failed(_) => "failed",
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Gap::Insufficient(reason) | Gap::NotMature(reason) | Gap::Failed(reason) => reason,
        }
    }
}

impl From<MethodError> for Gap {
    fn from(error: MethodError) -> Gap {
        match error {
            MethodError::TooFew { .. } => Gap::Insufficient("too_few_units"),
            MethodError::ZeroVariance { .. } => Gap::Insufficient("zero_variance"),
            MethodError::ZeroDenominator { .. } => Gap::Insufficient("zero_denominator"),
            MethodError::NotFinite { .. }
            | MethodError::Negative { .. }
            | MethodError::CountExceedsTotal { .. } => INVALID,
            _ => Gap::Failed("method_failed"),
        }
    }
}
