//! `srm` and `chi2_tables`.

use super::StatError;
use super::fields::{Input, Output, to_json, whole};
use crate::methods::contingency::{contingency, fisher_exact};
use crate::methods::sample_ratio::{MISMATCH_ALPHA, exact_sample_ratio, sample_ratio};
use crate::methods::sequential::sample_ratio::SampleRatioWatch;

pub(super) fn srm(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let counts = input.u64s("counts")?;
    let weights = input.f64s("weights")?;
    let check = sample_ratio(&counts, &weights)?;
    output.numbers("expected_counts", &check.expected);
    output.number("chi2", check.chi2);
    output.put("dof", check.df);
    output.number("p", check.p_value);
    output.number("log_p", check.log_p_value);
    output.put("mismatch_at_0.001", check.p_value < MISMATCH_ALPHA);
    output.put("mismatch_at_0.01", check.p_value < 0.01);
    // What holds however often one looks; the counts of earlier looks may be given, oldest first.
    let mut watch = SampleRatioWatch::new(&weights)?;
    if input.has("counts_before") {
        let before =
            input.rows("counts_before", "a list of rows of whole numbers, one a look", |row| {
                row.as_array()?.iter().map(whole).collect::<Option<Vec<u64>>>()
            })?;
        for counts in before {
            watch.observe(&counts)?;
        }
    }
    output.number("log_e_value", watch.observe(&counts)?);
    output.number("p_any_look", watch.p_value().p);
    output.number("log_p_any_look", watch.p_value().ln_p);
    if let (&[a, b], &[w, v]) = (counts.as_slice(), weights.as_slice()) {
        output.try_number("binom_exact_p_two_sided", exact_sample_ratio([a, b], [w, v]));
    }
    Ok(())
}

pub(super) fn chi2_tables(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let table = input.rows("table", "a list of rows of whole numbers", |row| {
        row.as_array()?.iter().map(whole).collect::<Option<Vec<u64>>>()
    })?;
    let result = contingency(&table)?;
    output.number("chi2", result.chi2);
    output.put("dof", result.df);
    output.number("p", result.p_value);
    output.number("log_p", result.log_p_value);
    let rows =
        result.expected.iter().map(|row| row.iter().copied().map(to_json).collect::<Vec<_>>());
    output.put("expected_counts", rows.collect::<Vec<_>>());
    output.number("min_expected", result.min_expected);
    output.number("g", result.g);
    output.number("g_p", result.g_p_value);
    if let Some(v) = result.cramers_v {
        output.number("cramers_v", v);
    }
    if let Some((chi2, p)) = result.yates {
        output.number("chi2_yates", chi2);
        output.number("p_yates", p);
    }
    if let [first, second] = table.as_slice()
        && let (&[a, b], &[c, d]) = (first.as_slice(), second.as_slice())
        && let Ok(p) = fisher_exact([[a, b], [c, d]])
    {
        output.number("fisher_p_two_sided", p.two_sided);
        output.number("fisher_p_greater", p.greater);
        output.number("fisher_p_less", p.less);
    }
    Ok(())
}
