//! `multiple_testing`: adjusted p-values and rejections of a family.

use super::StatError;
use super::fields::{Input, Output};
use crate::methods::families::{Correction, adjust};

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
    Ok(())
}
