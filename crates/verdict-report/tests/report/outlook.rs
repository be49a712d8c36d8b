//! What would change a decision, as a page tells it.

use verdict_report::{Style, text};

use crate::site::named;

/// What a report says below "What would change it", sentence by sentence.
fn outlook(name: &str) -> Vec<String> {
    let mut out = Vec::new();
    text(&mut out, &[&named(name).judged], Style { width: None, color: false }).unwrap();
    let text = String::from_utf8(out).unwrap();
    text.lines().filter_map(|line| line.strip_prefix("  → ").map(str::to_owned)).collect()
}

#[test]
fn what_is_to_come_has_its_date() {
    // It began on 2 March, nothing is decided before its seventh day, and it is planned for 28; 4 March is the third.
    let told = outlook("too_early");
    assert!(
        told.contains(
            &"The first day on which it may be decided, in 4 days: 8 Mar 2026.".to_owned()
        ),
        "{told:#?}"
    );
    let end =
        "The planned end on 29 Mar 2026, in 25 days: without a finding by then it is inconclusive.";
    assert!(told.contains(&end.to_owned()), "{told:#?}");
}

#[test]
fn an_inconclusive_experiment_says_how_many_units_it_would_have_taken() {
    let page = named("not_significant");
    let row = &page.judged.results[0];
    // z of 97.5% and of 80%; the smallest effect of interest is 3% of the control's level.
    let found = (1.959_963_984_540_054 + 0.841_621_233_572_914) * row.effect_std_error.unwrap();
    let target = 0.03 * row.mean_control.unwrap();
    let needed = row.n_variant.min(row.n_control) as f64 * (found / target).powi(2);
    let told = outlook("not_significant");
    let sentence = told.iter().find(|s| s.starts_with("More units: about ")).unwrap();
    let number = sentence["More units: about ".len()..].split(' ').next().unwrap().replace(',', "");
    let number: f64 = number.parse().unwrap();
    assert!((number / needed - 1.0).abs() <= 0.05, "{sentence}, by hand {needed}");
}

#[test]
fn every_decision_has_an_outlook() {
    for page in crate::site::PAGES.iter().filter(|page| !page.judged.decisions.is_empty()) {
        let name = &page.judged.experiment.name.value;
        let told = outlook(name);
        assert!(told.len() >= page.judged.decisions.len(), "{name}: {told:?}");
    }
    assert!(
        outlook("guardrail_violated")[0].starts_with("Once violated, a guardrail stays violated")
    );
    assert!(outlook("invalid")[0].starts_with("The failed check has to pass"));
}
