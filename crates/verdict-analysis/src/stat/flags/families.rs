//! Families of p-values, and the functions that everything rests on.

use serde_json::{Map, Value};

use super::Method;
use super::read::{ALPHA, Build};
use super::say::Said;
use super::text::significant;
use crate::flags::flag;

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "multiple_testing",
        title: "Which of several p-values are significant? Bonferroni, Holm, Hochberg, BH, BY and more.",
        flags: &[
            flag("p", "P1,P2,… | @file", "the p-values of the family"),
            flag("weights", "W1,W2,…", "their weights: adds weighted Bonferroni and weighted Holm"),
            ALPHA,
        ],
        example: &["--p", "0.01,0.04,0.03"],
        build: |given| {
            let build = Build::default().with("p", given.need("p")?.numbers()?).level(given)?;
            match given.get("weights") {
                Some(weights) => build.with("weights", weights.numbers()?).done(),
                None => build.done(),
            }
        },
        conclude: rejected,
    },
    Method {
        name: "special_functions",
        title: "A distribution function: norm_sf, t_sf, chi2_sf, beta_cdf, binom_cdf, nct_sf and more.",
        flags: &[
            flag("fn", "NAME", "the function, such as norm_sf, t_isf, chi2_sf or beta_ppf"),
            flag("args", "A,B,…", "its arguments"),
        ],
        example: &["--fn", "t_sf", "--args", "2.5,18"],
        build: |given| {
            Build::default()
                .with("fn", given.need("fn")?.text)
                .with("args", given.need("args")?.numbers()?)
                .done()
        },
        conclude: |input, output| {
            let said = Said::new(input, output);
            Some(format!("{} = {}", said.asked("fn")?, significant(said.number("value")?, 12)))
        },
    },
];

fn rejected(input: &Value, output: &Map<String, Value>) -> Option<String> {
    let said = Said::new(input, output);
    let count = |key: &str| {
        let flags = output.get(key)?.as_array()?;
        Some((flags.iter().filter(|flag| flag.as_bool() == Some(true)).count(), flags.len()))
    };
    let ((holm, all), (bh, _)) = (count("reject_holm")?, count("reject_bh")?);
    let alpha = crate::words::percent(said.alpha());
    Some(format!(
        "of {all} p-values {holm} are significant by Holm (any false alarm: {alpha}), {bh} by Benjamini-Hochberg (share \
         of false ones: {alpha})"
    ))
}
