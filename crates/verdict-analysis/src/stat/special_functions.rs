//! `special_functions`: the distribution functions by name.

use super::StatError;
use super::fields::{Input, Output, bad};
use crate::methods::special as f;

pub(super) fn run(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let args = input.f64s("args")?;
    let value = match (input.str("fn")?, args.as_slice()) {
        ("norm_sf", &[x]) => f::norm_sf(x),
        ("norm_cdf", &[x]) => f::norm_cdf(x),
        ("norm_logsf", &[x]) => f::norm_ln_sf(x),
        ("norm_pdf", &[x]) => f::norm_pdf(x),
        ("norm_isf", &[p]) => f::norm_isf(p),
        ("norm_ppf", &[p]) => f::norm_ppf(p),
        ("t_sf", &[t, df]) => f::t_sf(t, df),
        ("t_logsf", &[t, df]) => f::t_ln_sf(t, df),
        ("t_isf", &[p, df]) => f::t_isf(p, df),
        ("chi2_sf", &[x, df]) => f::chi2_sf(x, df),
        ("chi2_logsf", &[x, df]) => f::chi2_ln_sf(x, df),
        ("beta_cdf", &[x, a, b]) => f::beta_cdf(x, a, b),
        ("beta_ppf", &[p, a, b]) => f::beta_ppf(p, a, b),
        ("binom_cdf", &[k, n, p]) => f::binomial_cdf(k as u64, n as u64, p),
        ("binom_ppf", &[q, n, p]) => f::binomial_ppf(q, n as u64, p).map_or(f64::NAN, |k| k as f64),
        ("nct_sf", &[t, df, shift]) => f::noncentral_t_sf(t, df, shift),
        ("ln_beta", &[a, b]) => f::ln_beta(a, b),
        _ => return Err(bad("fn", "a known function with as many args as it takes")),
    };
    output.number("value", value);
    Ok(())
}
