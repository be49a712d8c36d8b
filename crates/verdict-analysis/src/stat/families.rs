//! `multiple_testing`: adjusted p-values and rejections of a family.

use super::StatError;
use super::fields::{Input, Output};
use crate::methods::families::{
    Correction, adjust, adjust_weighted, adjust_weighted_bonferroni, simultaneous_alpha,
};

pub(super) fn multiple_testing(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let p = input.f64s("p")?;
    let alpha = input.f64_or("alpha", 0.05)?;
    for (name, correction) in [
        ("bonferroni", Correction::Bonferroni),
        ("holm", Correction::Holm),
        ("hochberg", Correction::Hochberg),
        ("hommel", Correction::Hommel),
        ("bh", Correction::BenjaminiHochberg),
        ("by", Correction::BenjaminiYekutieli),
        ("sidak", Correction::Sidak),
        ("holm_sidak", Correction::HolmSidak),
    ] {
        let adjusted = adjust(&p, correction)?;
        output.put(
            &format!("reject_{name}"),
            adjusted.iter().map(|p| *p <= alpha).collect::<Vec<_>>(),
        );
        output.numbers(&format!("adj_{name}"), &adjusted);
    }
    if input.has("weights") {
        let weights = input.f64s("weights")?;
        output.numbers("adj_weighted_holm", &adjust_weighted(&p, &weights)?);
        output.numbers("adj_weighted_bonferroni", &adjust_weighted_bonferroni(&p, &weights)?);
    }
    for (name, correction) in [("bonferroni", Correction::Bonferroni), ("sidak", Correction::Sidak)]
    {
        if let Some(level) = simultaneous_alpha(alpha, p.len() as u64, correction)? {
            output.number(&format!("interval_alpha_{name}"), level);
        }
    }
    Ok(())
}
