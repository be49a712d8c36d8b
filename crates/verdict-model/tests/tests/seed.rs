//! The experiment file that the format was designed for loads as it is.

use std::path::Path;

use verdict_model::{
    Aggregate, Arm, Correction, DeclaredType, Direction, ExperimentMetric, GuardrailTest, Mde,
    MetricKind, NaiveDate, Practical, Project, Role, SequentialMethod, SeveralVariants, Threshold,
    load,
};

const EXPERIMENT: &str = "new_search_ranking_model_v3";
const FILE: &str = "experiments/new_search_ranking_model_v3.yaml";

fn seed() -> Project {
    load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/seed"))
        .expect("the fixture loads")
}

/// Name, role, declared type, baseline, smallest effect, direction.
type Facts<'a> = (&'a str, Role, Option<DeclaredType>, Option<f64>, Option<Mde>, Direction);

fn facts(metric: &ExperimentMetric) -> Facts<'_> {
    let ExperimentMetric { name, role, declared, baseline, mde, direction, .. } = metric;
    (&name.value, *role, *declared, *baseline, *mde, *direction)
}

/// What is remarked on the seed's metrics and its experiment: the place, and the consequence.
fn later(project: &Project, of: Option<&str>) -> Vec<(String, String)> {
    let later = project.later.iter().filter(|later| later.experiment.as_deref() == of);
    let mut later: Vec<_> =
        later.map(|later| (later.place.clone(), later.consequence.clone())).collect();
    later.sort();
    later.into_iter().map(|(place, consequence)| (place.to_string(), consequence)).collect()
}

#[test]
fn every_field_of_the_seed_arrives() {
    let project = seed();
    let experiment = project.experiment(EXPERIMENT).expect("it is defined");
    assert_eq!(experiment.name.value, EXPERIMENT);
    assert_eq!(experiment.name.place.to_string(), format!("{FILE}:2: experiment.name"));
    let hypothesis = "New embedding model improves search click-through rate";
    assert_eq!(experiment.hypothesis.as_deref(), Some(hypothesis));

    assert_eq!(experiment.design.unit.value, "user_id");
    assert_eq!(experiment.design.control.value, "control");
    assert_eq!(experiment.design.several_variants, SeveralVariants::Exclude);
    let arm = |name: &str| Arm { name: name.to_owned(), weight: 0.5 };
    assert_eq!(experiment.design.arms, [arm("control"), arm("treatment")]);
    assert_eq!(experiment.exposures.as_ref().map(|name| name.value.as_str()), Some("assignments"));
    assert_eq!(experiment.key, EXPERIMENT);

    use DeclaredType::{Continuous, Proportion};
    use Direction::{Decrease, Increase};
    let metrics: Vec<Facts<'_>> = experiment.metrics().map(facts).collect();
    let mde = Some(Mde::Relative(0.05));
    assert_eq!(
        metrics,
        [
            ("search_ctr", Role::Primary, Some(Proportion), Some(0.142), mde, Increase),
            ("p99_latency_ms", Role::Guardrail, Some(Continuous), None, None, Decrease),
            ("crash_rate", Role::Guardrail, Some(Proportion), None, None, Decrease),
            ("revenue_per_search", Role::Secondary, Some(Continuous), None, None, Increase),
            ("searches_per_session", Role::Secondary, Some(Continuous), None, None, Increase),
        ]
    );
    assert_eq!(experiment.settings.alpha, 0.05);
    assert_eq!(experiment.settings.correction, Correction::BenjaminiHochberg);
    assert_eq!(experiment.guardrail_settings.alpha, 0.01);
    assert_eq!(experiment.guardrail_settings.correction, Correction::Bonferroni);
}

#[test]
fn the_seed_is_watched_for_four_weeks_and_its_guardrails_stop_it() {
    let project = seed();
    let experiment = project.experiment(EXPERIMENT).expect("it is defined");
    let settings = &experiment.settings;
    assert_eq!((settings.sequential, settings.tau), (SequentialMethod::Msprt, None));
    assert_eq!((settings.min_duration_days, settings.max_duration_days), (Some(7), Some(28)));
    assert_eq!((settings.power, settings.look_every_days), (0.8, 1));
    assert_eq!((settings.practical, settings.show_interim), (Practical::Point, false));
    assert!(experiment.guardrail_settings.auto_stop_on_violation);
    let guardrails: Vec<_> = experiment
        .guardrails
        .iter()
        .map(|metric| (metric.test, metric.threshold.clone()))
        .collect();
    let limit = Threshold { level: 500.0, unit: Some("ms".to_owned()) };
    assert_eq!(
        guardrails,
        [(GuardrailTest::Deterioration, Some(limit)), (GuardrailTest::Deterioration, None)]
    );
    let first = NaiveDate::from_ymd_opt(2024, 3, 1).expect("a date");
    assert_eq!(experiment.looks(first), []);
    assert_eq!(experiment.schedule(first).planned(), Some(28));
}

#[test]
fn what_the_seed_asks_for_and_is_not_in_effect_is_said() {
    let expect = [(
        6,
        "metrics.primary.baseline",
        "the planned level is not compared with what is observed yet",
    )];
    let expect = expect
        .map(|(line, key, words)| (format!("{FILE}:{line}: experiment.{key}"), words.to_owned()));
    assert_eq!(later(&seed(), Some(EXPERIMENT)), expect);
}

#[test]
fn latency_is_a_quantile_of_events() {
    let project = seed();
    let MetricKind::Quantile { component, quantile } = &project.metrics["p99_latency_ms"].kind
    else {
        panic!("p99_latency_ms is a quantile");
    };
    assert_eq!((component.aggregate, *quantile), (Aggregate::Values, 0.99));
    assert!(later(&project, None).is_empty());
}

#[test]
fn latency_may_be_a_mean() {
    let folder = tempfile::tempdir().expect("a folder");
    let seed = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/seed");
    let project = std::fs::read_to_string(seed.join("project.yaml")).expect("the project file");
    let quantile = "{type: quantile, value: latency_ms, quantile: 0.99, of: events}";
    assert!(project.contains(quantile));
    let project = project.replace(quantile, "{type: mean, value: latency_ms}");
    std::fs::write(folder.path().join("project.yaml"), project).expect("written");
    std::fs::copy(seed.join(FILE), folder.path().join("ranking.yml")).expect("copied");
    let project = load(folder.path()).expect("it loads");
    assert_eq!(project.metrics["p99_latency_ms"].kind.word(), "mean");
    assert!(later(&project, None).is_empty());
    let guardrail = &project.experiment(EXPERIMENT).expect("it is defined").guardrails[0];
    assert_eq!(guardrail.declared, Some(DeclaredType::Continuous));
}
