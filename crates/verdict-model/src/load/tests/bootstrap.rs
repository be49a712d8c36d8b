//! `bootstrap`, and `post_stratify`.

use super::{PROJECT, check, good, load_files};
use crate::{Bootstrap, BootstrapInterval};

const NAME: &str = "  name: ranking\n";
const PRIMARY: &str = "primary: {name: clicks}";
const GUARDRAIL: &str = "{name: revenue}";

#[test]
fn a_bootstrap_is_read_where_units_can_be_resampled() {
    let with = |text: &str| {
        let to = format!("{{type: mean, value: amount, bootstrap: {text}}}");
        good("{type: mean, value: amount}", &to).metrics["revenue"].bootstrap
    };
    assert_eq!(with("{}"), Some(Bootstrap::default()));
    assert_eq!(
        with("{interval: percentile, replicates: 2000, seed: 7}"),
        Some(Bootstrap { interval: BootstrapInterval::Percentile, replicates: 2000, seed: 7 })
    );
    assert_eq!(with("none"), None);
    let wrong = |definition: &str, expect: &str| {
        let at = format!("p.yaml:15: metrics.revenue.bootstrap{expect}");
        check("{type: mean, value: amount}", definition, &at);
    };
    wrong(
        "{type: mean, value: amount, bootstrap: yes}",
        ": write {interval: bca}, with replicates and seed where they matter, or none",
    );
    wrong(
        "{type: mean, value: amount, bootstrap: {replicates: 100}}",
        ".replicates: expected a whole number from 1000 to 200000, found `100`",
    );
    wrong(
        "{type: mean, value: amount, bootstrap: {interval: normal}}",
        ".interval: `normal` is not allowed here (allowed: bca, percentile)",
    );
    wrong(
        "{type: quantile, value: amount, quantile: 0.5, bootstrap: {}}",
        ": does not fit this metric: only proportions, means and ratios are resampled",
    );
}

#[test]
fn a_bootstrap_is_of_the_experiments_part_or_of_the_definition_and_of_any_looks() {
    let percentile =
        Some(Bootstrap { interval: BootstrapInterval::Percentile, ..Bootstrap::default() });
    let own =
        &good(PRIMARY, "primary: {name: clicks, bootstrap: {interval: percentile}}").experiments[0];
    assert_eq!((own.primary.bootstrap, own.guardrails[0].bootstrap), (percentile, None));
    let defined = "{type: mean, value: amount, bootstrap: {interval: percentile}}";
    let of_definition = &good("{type: mean, value: amount}", defined).experiments[0];
    assert_eq!(of_definition.guardrails[0].bootstrap, percentile);
    let text = PROJECT
        .replace("{type: mean, value: amount}", defined)
        .replace(GUARDRAIL, "{name: revenue, bootstrap: none}");
    let without = load_files(&[("p.yaml", &text)]).expect("a project");
    assert_eq!(without.experiments[0].guardrails[0].bootstrap, None);
    let refused = |text: &str| load_files(&[("p.yaml", text)]).expect_err("refused").to_string();
    let adjusted = PROJECT
        .replace(PRIMARY, "primary: {name: clicks, cuped: {lookback_days: 7}, bootstrap: {}}");
    assert_eq!(
        refused(&adjusted),
        "p.yaml:21: experiment.metrics.primary: `cuped` and `bootstrap` are both in effect: an estimate that is adjusted by \
         its past is not resampled; write `cuped: none` or `bootstrap: none` here"
    );
    let watched = PROJECT
        .replace(PRIMARY, "primary: {name: clicks, bootstrap: {}}")
        .replace(NAME, &format!("{NAME}  statistical_settings: {{sequential: true}}\n"));
    let watched = load_files(&[("p.yaml", &watched)]).expect("a project");
    let experiment = &watched.experiments[0];
    assert!(experiment.is_sequential());
    assert_eq!(experiment.primary.bootstrap, Some(Bootstrap::default()));
}

#[test]
fn post_stratification_is_by_one_of_the_experiments_segments() {
    let with = |lines: &str, primary: &str| {
        let text = PROJECT
            .replace(NAME, &format!("{NAME}{lines}"))
            .replace(PRIMARY, &format!("primary: {{name: clicks{primary}}}"));
        load_files(&[("p.yaml", &text)])
    };
    let lines = "  segments: [country]\n  post_stratify: country\n";
    let by = |project: crate::Project| {
        let experiment = &project.experiments[0];
        experiment.metrics().map(|m| m.post_stratify.clone()).collect::<Vec<_>>()
    };
    let country = || Some("country".to_owned());
    assert_eq!(by(with(lines, "").expect("a project")), [country(), country(), country()]);
    let own = with("  segments: [country]\n", ", post_stratify: country").expect("a project");
    assert_eq!(by(own), [country(), None, None]);
    // The default passes over what it does not fit; what is asked for by name is refused.
    let without = with(lines, ", post_stratify: none").expect("a project");
    assert_eq!(by(without), [None, country(), country()]);
    let resampled = with(lines, ", bootstrap: {}").expect("a project");
    assert_eq!(by(resampled)[0], None);
    let refused =
        |lines: &str, primary: &str| with(lines, primary).expect_err("refused").to_string();
    let said = refused(lines, ", cuped: {lookback_days: 7}, post_stratify: country");
    assert!(said.contains("`cuped` is in effect, and one adjustment at a time is made"), "{said}");
    let said = refused("  post_stratify: country\n", "");
    assert!(said.contains("`country` is none of the experiment's `segments`"), "{said}");
    let watched = format!("{lines}  statistical_settings: {{sequential: true}}\n");
    assert_eq!(by(with(&watched, "").expect("a project")), [country(), country(), country()]);
}
