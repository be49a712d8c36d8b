//! `cuped` and `cluster_robust`.

use std::collections::BTreeMap;

use super::StatError;
use super::fields::{Input, Output, bad};
use super::means;
use crate::methods::cluster::{Cluster, cluster_robust as robust};
use crate::methods::cuped::{Cuped, CupedSample, ancova_effect, cuped as adjust, lin, lin_effect};
use crate::methods::cuped_ratio::{CupedRatioSample, cuped_ratio};
use crate::methods::{Alternative, MethodError, Reference, Sample, relative};

pub(super) fn cuped(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let alpha = input.f64_or("alpha", 0.05)?;
    let (control, treatment) = (input.object("control")?, input.object("treatment")?);
    if input.str_or("kind", "mean")? == "ratio" {
        let adjusted = cuped_ratio(&ratio_sample(&control)?, &ratio_sample(&treatment)?)?;
        return adjusted_test(&adjusted, alpha, output);
    }
    let (c, t) = (sample(&control)?, sample(&treatment)?);
    let adjusted = adjust(&c, &t)?;
    output.number("mean_x_pooled", adjusted.mean_x);
    output.number("unadjusted_diff", t.mean_y - c.mean_y);
    output.number("unadjusted_se", (c.var_y / c.n as f64 + t.var_y / t.n as f64).sqrt());
    if let Some(reduction) = adjusted.variance_reduction {
        output.number("variance_reduction", reduction);
    }
    adjusted_test(&adjusted, alpha, output)?;
    over_unadjusted_control(&adjusted, &c, &t, alpha, output);
    output.try_number("ancova_diff", ancova_effect(&c, &t));
    output.try_number("lin_diff", lin_effect(&c, &t));
    if control.has("y") && control.has("x") && treatment.has("y") && treatment.has("x") {
        let lin = lin(&pairs(&control)?, &pairs(&treatment)?);
        output.try_number("lin_se_hc2", lin.map(|l| l.std_error));
    }
    Ok(())
}

/// Welch's test of the adjusted samples, and their relative effect.
fn adjusted_test(adjusted: &Cuped, alpha: f64, output: &mut Output) -> Result<(), StatError> {
    let (c, t) = (&adjusted.control, &adjusted.treatment);
    match means::test(c, t, alpha, output) {
        Ok(_) => {
            for (name, alternative) in [
                ("two_sided", Alternative::TwoSided),
                ("greater", Alternative::Greater),
                ("less", Alternative::Less),
            ] {
                let estimate = adjusted.estimate(alpha, alternative)?;
                output.number(&format!("p_{name}"), estimate.p_value);
                output.number(&format!("log_p_{name}"), estimate.log_p_value);
                output.number("t", estimate.statistic);
                if alternative == Alternative::TwoSided {
                    output.interval("ci", estimate.interval());
                }
            }
        }
        Err(MethodError::ZeroVariance { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    output.number("theta", adjusted.theta);
    output.number("diff", adjusted.effect);
    output.number("se", c.std_error().hypot(t.std_error()));
    for (name, sample) in [("control", c), ("treatment", t)] {
        output.number(&format!("adjusted_mean_{name}"), sample.mean);
        output.number(&format!("adjusted_var_{name}"), sample.variance);
    }
    output.try_number("rel_lift_adjusted", relative::lift(c, t));
    output.try_interval("rel_ci_log_t", relative::log(c, t, alpha, Alternative::TwoSided));
    Ok(())
}

/// The adjusted difference over the unadjusted control mean, by the delta method at the unadjusted means.
fn over_unadjusted_control(
    adjusted: &Cuped,
    c: &CupedSample,
    t: &CupedSample,
    alpha: f64,
    output: &mut Output,
) {
    let control = Sample { mean: c.mean_y, ..adjusted.control };
    let treatment = Sample { mean: t.mean_y, ..adjusted.treatment };
    let (Ok(std_error), Ok(estimate)) = (
        relative::delta_std_error(&control, &treatment),
        adjusted.estimate(alpha, Alternative::TwoSided),
    ) else {
        return;
    };
    let lift = adjusted.effect / c.mean_y;
    let half_width =
        Reference::StudentT(estimate.df.unwrap_or(f64::INFINITY)).critical(0.5 * alpha) * std_error;
    output.number("rel_lift_over_unadjusted_control", lift);
    output.number("rel_se_delta_unadjusted_means", std_error);
    output.numbers("rel_ci_delta_t", &[lift - half_width, lift + half_width]);
}

fn sample(input: &Input<'_>) -> Result<CupedSample, StatError> {
    Ok(CupedSample {
        n: input.u64("n")?,
        mean_y: input.f64("mean_y")?,
        mean_x: input.f64("mean_x")?,
        var_y: input.f64("var_y")?,
        var_x: input.f64("var_x")?,
        cov: input.f64("cov_yx")?,
    })
}

fn pairs(input: &Input<'_>) -> Result<Vec<(f64, f64)>, StatError> {
    let (y, x) = (input.f64s("y")?, input.f64s("x")?);
    if y.len() != x.len() {
        return Err(bad("x", "as many values as in `y`"));
    }
    Ok(y.into_iter().zip(x).collect())
}

fn ratio_sample(input: &Input<'_>) -> Result<CupedRatioSample, StatError> {
    let columns =
        [input.f64s("num")?, input.f64s("den")?, input.f64s("num_pre")?, input.f64s("den_pre")?];
    if columns.iter().any(|c| c.len() != columns[0].len()) {
        return Err(bad("num", "lists of one length"));
    }
    let units: Vec<[f64; 4]> =
        (0..columns[0].len()).map(|i| std::array::from_fn(|j| columns[j][i])).collect();
    Ok(CupedRatioSample::from_values(&units)?)
}

pub(super) fn cluster_robust(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let alpha = input.f64_or("alpha", 0.05)?;
    let rows = if input.has("cells") {
        input.rows("cells", "a list of {cluster, arm, n, sum_y}", |cell| {
            let cell = Input(cell);
            Some((
                cell.u64("cluster").ok()?,
                cell.u64("arm").ok()?,
                cell.u64("n").ok()?,
                cell.f64("sum_y").ok()?,
            ))
        })?
    } else {
        let (cluster, arm, y) = (input.u64s("cluster")?, input.u64s("arm")?, input.f64s("y")?);
        if cluster.len() != arm.len() || arm.len() != y.len() {
            return Err(bad("cluster", "as many values as in `arm` and `y`"));
        }
        cluster
            .into_iter()
            .zip(arm)
            .zip(y)
            .map(|((cluster, arm), y)| (cluster, arm, 1, y))
            .collect()
    };
    let mut clusters: BTreeMap<u64, Cluster> = BTreeMap::new();
    for (cluster, arm, n, sum) in &rows {
        let cluster = clusters.entry(*cluster).or_default();
        let (to_n, to_sum) = match arm {
            0 => (&mut cluster.n_c, &mut cluster.sum_c),
            1 => (&mut cluster.n_t, &mut cluster.sum_t),
            _ => return Err(bad("arm", "0 for the control or 1 for the treatment")),
        };
        *to_n = to_n.saturating_add(*n);
        *to_sum += sum;
    }
    let clusters: Vec<Cluster> = clusters.into_values().collect();
    let result = robust(&clusters)?;
    output.number("diff", result.effect);
    output.put("n_clusters", result.clusters);
    output.put("n_rows", result.rows);
    output.number("se_cr0", result.se_cr0);
    output.number("se_cr1", result.se_cr1);
    if let Some(se) = result.se_delta {
        output.number("se_delta_per_arm", se);
    }
    if !input.has("cells") {
        let of =
            |wanted: u64| rows.iter().filter(|r| r.1 == wanted).map(|r| r.3).collect::<Vec<_>>();
        output.number("se_naive_hc1", naive_hc1(&of(0), &of(1)));
    }
    if let Ok(estimate) = result.estimate(alpha, Alternative::TwoSided) {
        output.number("t", estimate.statistic);
        output.put("df", result.clusters - 1);
        output.number("p_t", estimate.p_value);
        output
            .number("p_z", Reference::Normal.p_value(estimate.statistic, Alternative::TwoSided).0);
        output.interval("ci_t", estimate.interval());
    }
    Ok(())
}

/// The standard error that takes rows as independent, for comparison: sum of squared residuals over N_arm², times N/(N-2).
fn naive_hc1(control: &[f64], treatment: &[f64]) -> f64 {
    let part = |values: &[f64]| {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        values.iter().map(|y| (y - mean) * (y - mean)).sum::<f64>() / (n * n)
    };
    let n = (control.len() + treatment.len()) as f64;
    ((part(control) + part(treatment)) * (n / (n - 2.0))).sqrt()
}
