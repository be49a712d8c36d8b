//! No text makes the loader panic, and what it resolves it can read again.

use proptest::prelude::*;

use super::{PROJECT, load_files};
use crate::{Located, Project};

const FULL: &str =
    include_str!("../../../tests/fixtures/seed/experiments/new_search_ranking_model_v3.yaml");
const DEFINITIONS: &str = include_str!("../../../tests/fixtures/seed/project.yaml");

fn facts(project: &Project) -> impl PartialEq + std::fmt::Debug + use<> {
    let Project {
        root,
        name,
        time_zone,
        tables,
        buckets,
        storage,
        sources,
        exposures,
        metrics,
        experiments,
        later: _,
    } = project.clone();
    ((root, name, time_zone, tables, buckets, storage), sources, exposures, metrics, experiments)
}

#[track_caller]
fn check_resolved(files: &[(&str, &str)]) -> String {
    let project = load_files(files).unwrap_or_else(|e| panic!("{e}"));
    let text = project.resolved_text();
    let again = load_files(&[("resolved.yaml", &text)]).unwrap_or_else(|e| panic!("{e}\n{text}"));
    assert_eq!(facts(&again), facts(&project));
    let definitions = |text: &str| {
        text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(definitions(&again.resolved_text()), definitions(&text));
    text
}

#[test]
fn the_resolved_text_defines_the_same_project() {
    check_resolved(&[("p.yaml", PROJECT)]);
    check_resolved(&[("p.yaml", DEFINITIONS), ("x.yaml", FULL)]);
    let odd = r#"
project: {name: "a \"b\" \\ \u2028 \t\n # c: d", time_zone: Asia/Kolkata, tables: "s3://b/t", buckets: 7}
storage: {retries: 0, run_timeout_s: 60, options: {"s3://b": {aws_skip_signature: true, aws_region: "a b"}}}
sources:
  "null": {path: "a b/{ds}", timestamp: "to_timestamp(\"t s\")", units: {"null": '"a\b"', u: 1}, filter: "- x"}
  other: {path: p, timestamp: t, units: {u: u}, outside_day: reject, missing_days: allow, complete: {latest: 09:30}}
  third: {path: q, timestamp: t, units: {u: u}, complete: {marker: "d/{ds}", min_rows_share: 0.25}}
exposures:
  first: {source: other, variant: "case when a then 'x' end", segments: {"null": a, b: "'{'"}}
  second: {source: "null", variant: v, experiment: e, filter: "true"}
metrics:
  m: {type: mean, source: other, description: "é\r\n", value: 0x10, aggregate: max}
  r: {type: ratio, numerator: {source: other}, denominator: {source: "null", value: x, filter: y}}
---
experiment:
  name: one
  owner: "@me"
  start: 2024-01-01
  end: 2024-01-01
  design: {unit: u, control: "", variants: {"a: b": 0.1, "": 3, "- c": 0.7}, several_variants: first}
  exposures: {from: second, key: "k: 1"}
  metrics: {primary: {name: m, type: mean, mde_absolute: 1e-9}}
---
experiment:
  name: two
  design: {unit: u, control: "1.0", variants: {1.0: 1, 2: 2, 3: 4}}
  exposures: first
  segments: [b, "null"]
  metrics: {primary: {name: r, baseline: 1e300}, secondary: [{name: m, direction: decrease}]}
"#;
    let odd = odd.replace("control: \"\"", "control: x").replace("\"\": 3", "x: 3");
    check_resolved(&[("p.yaml", &odd)]);
}

#[test]
fn the_resolved_text_shows_every_default() {
    let shown = check_resolved(&[("p.yaml", PROJECT)]);
    assert_eq!(
        shown,
        "\
project:
  name: \"shop\"
  time_zone: UTC
  tables: \"/shop/tables\"
  buckets: 16
storage:
  retries: 10
  retry_timeout_s: 180
  request_timeout_s: 60
  connect_timeout_s: 10
  max_requests: 64
sources:
  events:
    path: \"/shop/logs/events\"
    timestamp: \"ts\"
    units:
      user_id: \"user_id\"
    outside_day: keep
    missing_days: error
exposures:
  assignments:
    source: \"events\"
    experiment: \"experiment\"
    variant: \"variant\"
    segments:
      country: \"country\"
metrics:
  clicks:
    type: proportion
    source: \"events\"
    filter: \"event = 'click'\"
    aggregate: any
  ctr:
    type: ratio
    numerator:
      source: \"events\"
      filter: \"event = 'click'\"
      aggregate: count
    denominator:
      source: \"events\"
      filter: \"event = 'view'\"
      aggregate: count
  revenue:
    type: mean
    source: \"events\"
    value: \"amount\"
    aggregate: sum
---
experiment:
  name: \"ranking\"
  design:
    type: two_arm_ab
    unit: \"user_id\"
    control: \"control\"
    variants:
      \"control\": 0.5
      \"treatment\": 0.5
    several_variants: exclude
  exposures:
    from: \"assignments\"
    key: \"ranking\"
  metrics:
    primary:
      name: \"clicks\"
      direction: increase
      cuped: none
      winsorize: none
      bootstrap: none
      post_stratify: none
    guardrails:
      -
        name: \"revenue\"
        direction: increase
        cuped: none
        winsorize: none
        bootstrap: none
        post_stratify: none
        test: deterioration
    secondary:
      -
        name: \"ctr\"
        direction: increase
        cuped: none
        winsorize: none
        bootstrap: none
        post_stratify: none
  statistical_settings:
    alpha: 0.05
    power: 0.8
    correction: benjamini_hochberg
    sequential: false
    sequential_method: none
    look_every_days: 1
    practical: point
    show_interim: false
    sample_ratio_alpha: 0.001
  guardrail_settings:
    alpha: 0.05
    correction: bonferroni
    auto_stop_on_violation: false
"
    );
}

#[test]
fn what_is_not_in_effect_follows_as_comments() {
    let shown = check_resolved(&[("p.yaml", DEFINITIONS), ("x.yaml", FULL)]);
    for written in [
        "sequential_method: msprt",
        "min_duration_days: 7",
        "threshold_ms: 500",
        "auto_stop_on_violation: true",
    ] {
        assert!(shown.contains(written), "{written}");
    }
    let comments: Vec<&str> = shown.lines().filter(|line| line.starts_with('#')).collect();
    assert_eq!(comments.len(), 1);
    assert_eq!(
        comments[0],
        "# x.yaml:6: experiment.metrics.primary.baseline: the planned level is not compared with what is observed yet"
    );
}

/// Deep, wide and recursive texts, which a parser that calls itself could overflow on.
#[test]
fn deep_texts_are_refused() {
    for text in [
        "- ".repeat(100_000),
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "? ".repeat(100_000),
        (0..3_000).map(|i| format!("{}a:\n", " ".repeat(i))).collect(),
        (0..3_000).map(|i| format!("{}- !!seq\n", " ".repeat(i))).collect(),
        (0..40)
            .map(|i| {
                format!("a{}: &a{} {}*a{}{}\n", i + 1, i + 1, "[".repeat(200), i, "]".repeat(200))
            })
            .collect(),
        (1..40).fold("a0: &a0 [x]\n".to_owned(), |text, i| {
            format!("{text}a{i}: &a{i} {}*a{}{}\n", "[".repeat(200), i - 1, "]".repeat(200))
        }),
        (1..40).fold("a0: &a0 [x]\n".to_owned(), |text, i| {
            format!("{text}a{i}: &a{i} [*a{0}, *a{0}, *a{0}]\n", i - 1)
        }),
        "&a [*a]".to_owned(),
        "- &a ".repeat(50_000),
        "- !a ".repeat(50_000),
        "a: ".repeat(50_000),
        "\"".to_owned() + &"x".repeat(1_000_000),
    ] {
        assert!(load_files(&[("p.yaml", &text)]).is_err(), "{text:.40}");
    }
}

/// Words that mean something to the loader or to YAML.
const WORDS: [&str; 40] = [
    "",
    "0",
    "-1",
    "1e999",
    ".nan",
    "null",
    "true",
    "~",
    "[]",
    "{}",
    "[",
    "]",
    "{",
    "}",
    ":",
    ": ",
    "- ",
    "? ",
    "&a ",
    "*a",
    "!t ",
    "!!int ",
    "<<: ",
    "|\n",
    ">-\n",
    "'",
    "\"",
    "#",
    "\n",
    "\t",
    "---\n",
    "...\n",
    "%YAML 9\n",
    "\u{feff}",
    "\0",
    "é",
    "{ds",
    "all",
    "several_variants",
    "\u{2028}",
];

#[derive(Clone, Debug)]
enum Edit {
    Insert(usize, usize),
    Delete(usize, usize),
    Copy(usize, usize, usize),
    Type(usize, char),
}

fn edit() -> impl Strategy<Value = Edit> {
    let at = 0..4_000_usize;
    prop_oneof![
        (at.clone(), 0..WORDS.len()).prop_map(|(at, word)| Edit::Insert(at, word)),
        (at.clone(), 1..40_usize).prop_map(|(at, len)| Edit::Delete(at, len)),
        (at.clone(), at.clone(), 1..60_usize).prop_map(|(at, from, len)| Edit::Copy(at, from, len)),
        (at, any::<char>()).prop_map(|(at, c)| Edit::Type(at, c)),
    ]
}

fn apply(text: &mut Vec<char>, edit: &Edit) {
    let len = text.len();
    let clip = |at: usize| at % (len + 1);
    let (at, new): (_, Vec<char>) = match *edit {
        Edit::Insert(at, word) => (clip(at)..clip(at), WORDS[word].chars().collect()),
        Edit::Delete(at, count) => (clip(at)..(clip(at) + count).min(len), Vec::new()),
        Edit::Copy(at, from, count) => {
            (clip(at)..clip(at), text[clip(from)..(clip(from) + count).min(len)].to_vec())
        }
        Edit::Type(at, c) => (clip(at)..clip(at), vec![c]),
    };
    text.splice(at, new);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_change_of_a_project_panics(edits in proptest::collection::vec(edit(), 1..6)) {
        let mut text: Vec<char> = format!("{DEFINITIONS}---\n{FULL}---\n").chars().collect();
        for edit in &edits {
            apply(&mut text, edit);
        }
        let text: String = text.into_iter().collect();
        match load_files(&[("p.yaml", &text)]) {
            Err(e) => prop_assert!(e.to_string().lines().all(|line| line.starts_with("p.yaml:")), "{}", e),
            Ok(project) => {
                let shown = project.resolved_text();
                let again = load_files(&[("p.yaml", &shown)]);
                prop_assert!(again.is_ok(), "{}\n{}", again.err().map(|e| e.to_string()).unwrap_or_default(), shown);
                prop_assert_eq!(again.map(|again| facts(&again)).ok(), Some(facts(&project)));
            }
        }
    }
}

#[test]
fn a_place_does_not_count_for_equality() {
    let Ok(a) = load_files(&[("p.yaml", PROJECT)]) else { panic!("it loads") };
    let Ok(b) = load_files(&[("q.yaml", &format!("\n\n{PROJECT}"))]) else { panic!("it loads") };
    assert_eq!(facts(&a), facts(&b));
    let lines = |tables: Located<String>| tables.place.line;
    assert_eq!((lines(a.tables), lines(b.tables)), (1, 1));
}
