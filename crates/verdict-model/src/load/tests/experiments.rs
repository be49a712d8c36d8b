use super::{check, check_files, good, load_files};
use crate::{
    Arm, Correction, Cuped, Direction, Experiment, GuardrailTest, Margin, Mde, NaiveDate,
    SeveralVariants,
};

const NAME: &str = "  name: ranking\n";
const DESIGN: &str = "{unit: user_id}";
const PRIMARY: &str = "primary: {name: clicks}";
const GUARDRAIL: &str = "{name: revenue}";

fn experiment(from: &str, to: &str) -> Experiment {
    good(from, to).experiment("ranking").expect("it is defined").clone()
}

/// The experiment with more keys of its own.
fn with(lines: &str) -> Experiment {
    experiment(NAME, &format!("{NAME}  {lines}\n"))
}

#[track_caller]
fn check_with(lines: &str, expect: &str) {
    check(NAME, &format!("{NAME}  {lines}\n"), &format!("p.yaml:19: experiment.{expect}"));
}

#[track_caller]
fn check_design(design: &str, expect: &str) {
    check(
        DESIGN,
        &format!("{{unit: user_id, {design}}}"),
        &format!("p.yaml:19: experiment.design{expect}"),
    );
}

/// Checks what is remarked on keys that are not in effect yet.
#[track_caller]
fn check_later(from: &str, to: &str, expect: &[&str]) {
    let later = good(from, to).later;
    assert!(later.iter().all(|later| later.experiment.as_deref() == Some("ranking")));
    let said: Vec<_> = later.iter().map(|l| format!("{}: {}", l.place, l.consequence)).collect();
    assert_eq!(said, expect);
}

#[test]
fn defaults_are_filled_in() {
    let e = experiment(NAME, NAME);
    assert_eq!((e.hypothesis, e.owner, e.start, e.end), (None, None, None, None));
    assert_eq!(e.design.control.value, "control");
    let arm = |name: &str| Arm { name: name.to_owned(), weight: 0.5 };
    assert_eq!(e.design.arms, [arm("control"), arm("treatment")]);
    assert_eq!(e.design.several_variants, SeveralVariants::Exclude);
    assert_eq!(e.exposures.map(|name| name.value).as_deref(), Some("assignments"));
    assert_eq!(e.key, "ranking");
    assert_eq!(e.segments, []);
    assert_eq!(
        (e.primary.direction, e.primary.mde, e.primary.declared),
        (Direction::Increase, None, None)
    );
    assert_eq!((e.settings.alpha, e.settings.sample_ratio_alpha), (0.05, 0.001));
    assert_eq!(e.settings.correction, Correction::BenjaminiHochberg);
    assert_eq!(
        (e.guardrail_settings.alpha, e.guardrail_settings.correction),
        (0.05, Correction::Bonferroni)
    );
}

#[test]
fn the_name_can_name_a_folder() {
    check(
        "ranking",
        "'a/b'",
        "p.yaml:18: experiment.name: `a/b` cannot name a folder; use letters, digits, _, - and .",
    );
    check(
        "ranking",
        "'..'",
        "p.yaml:18: experiment.name: `..` cannot name a folder; use letters, digits, _, - and .",
    );
    check(
        "ranking",
        &"n".repeat(10_000),
        "p.yaml:18: experiment.name: names a folder, which cannot be longer than 200 characters; shorten it",
    );
    check(NAME, "", "p.yaml:17: experiment: `name` is missing: write the name of the experiment");
}

#[test]
fn weights_change_from_a_day_on() {
    let design = "{unit: user_id, variants: {a: 3, b: 1}, control: a, phases: {2024-03-15: {b: 3, a: 1}, 2024-03-08: {a: 1, b: 1}}}";
    let e = experiment(DESIGN, design);
    let day = |d| NaiveDate::from_ymd_opt(2024, 3, d).expect("a date");
    let on = |d| e.design.weights_on(day(d));
    assert_eq!((on(7), on(8)), (vec![0.75, 0.25], vec![0.5, 0.5]));
    assert_eq!((on(14), on(15)), (vec![0.5, 0.5], vec![0.25, 0.75]));
    check_design(
        "phases: {tuesday: {control: 1, treatment: 1}}",
        ".phases.tuesday: `tuesday` is no day; write the first day of the weights, such as 2024-03-08: {off: 0.5, on: 0.5}",
    );
    check_design(
        "phases: {2024-03-08: {control: 1, treated: 1}}",
        ".phases.2024-03-08: give a weight to each variant and to no other: control, treatment",
    );
    check_design(
        "phases: {2024-03-08: {control: 1}}",
        ".phases.2024-03-08: give a weight to each variant and to no other: control, treatment",
    );
    check(
        "  design: {unit: user_id}\n",
        "  start: 2024-03-08\n  design: {unit: user_id, phases: {2024-03-08: {control: 1, treatment: 1}}}\n",
        "p.yaml:20: experiment.design.phases.2024-03-08: 2024-03-08 is not after `start`, 2024-03-08; write those weights under \
         `variants`",
    );
    check_design(
        "cluster: country, phases: {2024-03-08: {control: 1, treatment: 1}}",
        ".phases: clusters are assigned once: remove `phases`, or `cluster`",
    );
}

#[test]
fn the_past_is_compared_where_it_does_not_adjust() {
    let e = with("pre_period_check: {days: 7}");
    let days =
        |e: &Experiment| -> Vec<Option<u32>> { e.metrics().map(|m| m.pre_period_days).collect() };
    assert_eq!((e.pre_period_check, days(&e)), (Some(7), vec![Some(7); 3]));
    assert_eq!(e.lookback_days(), 7);
    let e = with("pre_period_check: {days: 7}\n  cuped: {lookback_days: 14}");
    assert_eq!((days(&e), e.lookback_days()), (vec![None; 3], 14));
    assert_eq!(with("pre_period_check: none").pre_period_check, None);
    check_with("pre_period_check: yes", "pre_period_check: write {days: 7}, or none");
    check_with(
        "pre_period_check: {days: 400}",
        "pre_period_check.days: 400 days are too many; look back 366 at most",
    );
}

#[test]
fn dates_are_dates_in_order() {
    let e = with("start: 2024-02-28\n  end: 2024-02-29");
    assert_eq!(
        (e.start, e.end),
        (NaiveDate::from_ymd_opt(2024, 2, 28), NaiveDate::from_ymd_opt(2024, 2, 29))
    );
    check_with("start: 2023-02-29", "start: expected a date as YYYY-MM-DD, found `2023-02-29`");
    check_with("start: 2023-2-9", "start: expected a date as YYYY-MM-DD, found `2023-2-9`");
    check_with(
        "end: 2023-02-09\n  start: 2023-02-10",
        "end: 2023-02-09 is before `start`, 2023-02-10",
    );
}

#[test]
fn an_experiment_needs_a_unit_that_its_sources_know() {
    check(
        DESIGN,
        "{}",
        "p.yaml:19: experiment.design: `unit` is missing: write the unit type that is randomised",
    );
    check(
        "  design: {unit: user_id}\n",
        "",
        "p.yaml:17: experiment: `design` is missing: write at least its unit, such as {unit: user_id}",
    );
    check(
        DESIGN,
        "{unit: usr_id}",
        "p.yaml:19: experiment.design.unit: unit `usr_id` is not defined; did you mean `user_id`? (defined: \
         user_id) in source `events`, read by exposures `assignments`",
    );
    let pays = "sources: {pays: {path: p, timestamp: t, units: {payer: p}}}\nmetrics: {paid: {type: mean, source: pays}}";
    let text = super::changed("{name: ctr}", "{name: paid}")
        .replace("  clicks: {", "  clicks: {source: events, ")
        .replace("revenue: {", "revenue: {source: events, ")
        .replace("{filter", "{source: events, filter");
    check_files(
        &[("p.yaml", &text), ("q.yaml", pays)],
        "p.yaml:19: experiment.design.unit: unit `user_id` is not defined (defined: payer) in source `pays`, read \
         by metric `paid`",
    );
}

#[test]
fn arms_come_from_variants_and_weights() {
    let arms = |design: &str| {
        let arms = experiment(DESIGN, &format!("{{unit: user_id, {design}}}")).design.arms;
        arms.into_iter().map(|arm| (arm.name, arm.weight)).collect::<Vec<_>>()
    };
    let pair = |a: &str, x, b: &str, y| vec![(a.to_owned(), x), (b.to_owned(), y)];
    assert_eq!(arms("control: a, variants: [b, a]"), pair("b", 0.5, "a", 0.5));
    assert_eq!(
        arms("control: a, variants: [b, a], traffic_split: 0.25"),
        pair("b", 0.25, "a", 0.75)
    );
    assert_eq!(arms("traffic_split: 0.25"), pair("control", 0.75, "treatment", 0.25));
    assert_eq!(arms("control: a, variants: {a: 3, b: 1}"), pair("a", 0.75, "b", 0.25));
    assert_eq!(arms("control: 007, variants: [007, true]"), pair("007", 0.5, "true", 0.5));
    let three: Vec<f64> =
        arms("type: multi_arm, variants: [control, b, c]").into_iter().map(|arm| arm.1).collect();
    assert_eq!(three, [1.0 / 3.0; 3]);
}

#[test]
fn arms_that_make_no_sense_are_refused() {
    check_design(
        "type: two_arm_ab, variants: [control, a, b]",
        ".type: `two_arm_ab` has two arms and `variants` names 3; write multi_arm",
    );
    check_design(
        "type: two_arms",
        ".type: `two_arms` is not allowed here; did you mean `two_arm_ab`? (allowed: two_arm_ab, multi_arm)",
    );
    check_design(
        "variants: [random, bts]",
        ": the control `control` is not among the variants (random, bts); set `control` or `variants`",
    );
    check_design(
        "control: rand, variants: [random, bts]",
        ".control: the control `rand` is not among the variants (random, bts); set `control` or `variants`",
    );
    check_design(
        "variants: [control]",
        ".variants: names fewer than two variants; write the control and at least one more",
    );
    check_design(
        "variants: [control, a, a]",
        ".variants[2]: variant `a` is named twice; remove one",
    );
    check_design(
        "variants: {control: 1, a: 0}",
        ".variants.a: expected a weight above 0, found `0`",
    );
    check_design(
        "variants: {control: 1, a: .inf}",
        ".variants.a: expected a weight above 0, found `.inf`",
    );
    check_design(
        "variants: {control: 1e308, a: 1e308}",
        ".variants: has weights too far apart to be shares of one whole",
    );
    check_design("variants: 3", ".variants: expected a list, found `3`");
    check_design(
        "traffic_split: 1",
        ".traffic_split: expected a number between 0 and 1, found `1`",
    );
    check_design(
        "traffic_split: half",
        ".traffic_split: expected a number between 0 and 1, found `half`",
    );
    let weights = ".traffic_split: is for two variants without weights; write the weights under `variants`, such \
                   as {a: 0.5, b: 0.5}";
    check_design("variants: [control, a, b], traffic_split: 0.5", weights);
    check_design("variants: {control: 1, a: 1}, traffic_split: 0.5", weights);
    check_design(
        "several_variants: last",
        ".several_variants: `last` is not allowed here (allowed: exclude, first)",
    );
    check_design(
        "varaints: [a]",
        ".varaints: unknown key; did you mean `variants`? (allowed: type, unit, control, variants, traffic_split, \
         several_variants, cluster, phases)",
    );
}

#[test]
fn exposures_are_the_only_ones_or_named() {
    let e = with("exposures: {key: men}");
    assert_eq!(
        (e.exposures.map(|name| name.value).as_deref(), &*e.key),
        (Some("assignments"), "men")
    );
    let e = with("exposures: {from: assignments}");
    assert_eq!(
        (e.exposures.map(|name| name.value).as_deref(), &*e.key),
        (Some("assignments"), "ranking")
    );
    check_with(
        "exposures: assignment",
        "exposures: exposures `assignment` is not defined; did you mean `assignments`? (defined: assignments)",
    );
    check_with(
        "exposures: {from: logs}",
        "exposures.from: exposures `logs` is not defined (defined: assignments)",
    );
    check_with("exposures: {name: men}", "exposures.name: unknown key (allowed: from, key)");
    check(
        "exposures:\n",
        "exposures:\n  more: {source: events, variant: v}\n",
        "p.yaml:18: experiment: `exposures` is missing: name one of assignments, more",
    );
}

#[test]
fn a_key_needs_something_to_be_compared_with() {
    let text = super::changed("    experiment: experiment\n", "")
        .replace(NAME, &format!("{NAME}  exposures: {{key: men}}\n"));
    check_files(
        &[("p.yaml", &text)],
        "p.yaml:18: experiment.exposures.key: has nothing to be compared with; give exposures `assignments` an \
         `experiment` expression, or remove the key",
    );
}

#[test]
fn a_project_may_have_no_exposures() {
    let text = super::PROJECT.lines().filter(|line| {
        !line.starts_with("    ")
            || line.contains("name")
            || line.contains("path")
            || line.contains("stamp")
            || line.contains("units")
    });
    let text: Vec<_> = text.filter(|line| !line.contains("assignments")).collect();
    let project = load_files(&[("p.yaml", &text.join("\n"))]).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(project.experiments[0].exposures, None);
}

#[test]
fn clusters_are_a_segment_that_is_tested_once() {
    check_design(
        "cluster: county",
        ".cluster: segment `county` is not defined; did you mean `country`? (defined: country) in exposures `assignments`",
    );
    let clustered = good(DESIGN, "{unit: user_id, cluster: country}").experiments.remove(0);
    assert_eq!(clustered.dimensions(), ["country"]);
    assert!(clustered.segments.is_empty());
}

#[test]
fn segments_are_those_of_the_exposures() {
    assert_eq!(with("segments: [country]").segments[0].value, "country");
    assert_eq!(with("segments: [country]").segment_values, 20);
    assert_eq!(with("segments: [country]\n  segment_values: 3").segment_values, 3);
    check_with(
        "segment_values: 0",
        "segment_values: expected a whole number from 1 to 10000, found `0`",
    );
    check_with(
        "segments: [[country]]",
        "segments[0]: a cross has two dimensions or more, such as [country, platform]",
    );
    check_with(
        "segments: [[country, country]]",
        "segments[0][1]: dimension `country` is in this cross twice; remove one",
    );
    check_with(
        "segments: [county]",
        "segments[0]: segment `county` is not defined; did you mean `country`? (defined: country) in exposures \
         `assignments`",
    );
    check_with(
        "segments: [country, country]",
        "segments[1]: segment `country` is named twice; remove one",
    );
    check_with("segments: country", "segments: expected a list, found `country`");
}

#[test]
fn an_experiment_names_defined_metrics_once() {
    check(
        PRIMARY,
        "primary: {name: click}",
        "p.yaml:21: experiment.metrics.primary.name: metric `click` is not defined; did you mean `clicks`? \
         (defined: clicks, ctr, revenue)",
    );
    check(
        PRIMARY,
        "primary: {}",
        "p.yaml:21: experiment.metrics.primary: `name` is missing: name a metric that is defined under `metrics`",
    );
    check(
        &format!("    {PRIMARY}\n"),
        "",
        "p.yaml:20: experiment.metrics: `primary` is missing: write the metric that decides, such as {name: revenue}",
    );
    check(
        GUARDRAIL,
        "{name: clicks}",
        "p.yaml:22: experiment.metrics.guardrails[0].name: metric `clicks` is named on line 21 already; remove one",
    );
    check(
        GUARDRAIL,
        "revenue",
        "p.yaml:22: experiment.metrics.guardrails[0]: expected a mapping, found `revenue`",
    );
    check(
        PRIMARY,
        "primary: {name: clicks, directoin: increase}",
        "p.yaml:21: experiment.metrics.primary.directoin: unknown key; did you mean `direction`? (allowed: name, \
         type, direction, baseline, mde_relative, mde_absolute, cuped, winsorize, bootstrap, post_stratify)",
    );
    check(
        PRIMARY,
        "primary: {name: clicks, direction: up}",
        "p.yaml:21: experiment.metrics.primary.direction: `up` is not allowed here (allowed: increase, decrease)",
    );
    check(
        GUARDRAIL,
        "{name: revenue, treshold: 1}",
        "p.yaml:22: experiment.metrics.guardrails[0].treshold: unknown key; did you mean `threshold`? (allowed: \
         name, type, direction, baseline, mde_relative, mde_absolute, threshold, threshold_<unit>, \
         margin_relative, margin_absolute, margin, test, cuped, winsorize, bootstrap, post_stratify)",
    );
}

#[test]
fn the_declared_type_fits_the_definition() {
    for (kind, fitting) in [
        ("proportion", vec!["proportion"]),
        ("mean", vec!["continuous", "mean"]),
        ("quantile", vec!["continuous", "quantile"]),
        ("retention", vec!["retention"]),
        ("superiority", vec!["continuous", "superiority"]),
    ] {
        for word in [
            "proportion",
            "continuous",
            "mean",
            "ratio",
            "quantile",
            "retention",
            "superiority",
            "categorical",
        ] {
            let more = match kind {
                "quantile" => ", value: amount, quantile: 0.5",
                "retention" => ", days: [1, 7]",
                _ => "",
            };
            let text =
                super::changed("{type: mean, value: amount}", &format!("{{type: {kind}{more}}}"))
                    .replace(GUARDRAIL, &format!("{{name: revenue, type: {word}}}"));
            let loaded = load_files(&[("p.yaml", &text)]).map_err(|e| e.to_string());
            let expect = format!(
                "p.yaml:22: experiment.metrics.guardrails[0].type: `{word}` does not fit metric `revenue`, a \
                 {kind} by p.yaml:15; write {kind}"
            );
            assert_eq!(loaded.err(), (!fitting.contains(&word)).then_some(expect));
        }
    }
    let ctr = |word| experiment("{name: ctr}", &format!("{{name: ctr, type: {word}}}"));
    assert_eq!(ctr("ratio").secondary[0].declared.map(|declared| declared.word()), Some("ratio"));
}

#[test]
fn a_guardrail_by_rank_has_neither_a_relative_margin_nor_a_threshold() {
    for (key, why) in [
        (
            "margin_relative: 0.02",
            "a chance has no share of the control's level: give metric `revenue` a `margin_absolute`, such as 0.02",
        ),
        (
            "threshold: 5",
            "metric `revenue` has no level of its own that a threshold could limit; remove it",
        ),
    ] {
        let text =
            super::changed("{type: mean, value: amount}", "{type: superiority, value: amount}")
                .replace(GUARDRAIL, &format!("{{name: revenue, {key}}}"));
        let error = load_files(&[("p.yaml", &text)]).map_err(|e| e.to_string()).err();
        let expect = format!("p.yaml:22: experiment.metrics.guardrails[0]: {why}");
        assert_eq!(error, Some(expect));
    }
}

#[test]
fn effects_of_interest_are_positive_and_of_one_kind() {
    let mde =
        |keys: &str| experiment(PRIMARY, &format!("primary: {{name: clicks, {keys}}}")).primary.mde;
    assert_eq!(mde("mde_relative: 0.05"), Some(Mde::Relative(0.05)));
    assert_eq!(mde("mde_absolute: 2"), Some(Mde::Absolute(2.0)));
    let check = |keys: &str, expect: &str| {
        check(
            PRIMARY,
            &format!("primary: {{name: clicks, {keys}}}"),
            &format!("p.yaml:21: experiment.metrics.primary.{expect}"),
        );
    };
    check("mde_relative: 0", "mde_relative: expected a number above 0, found `0`");
    check("mde_absolute: .nan", "mde_absolute: expected a number above 0, found `.nan`");
    check(
        "mde_relative: 1, mde_absolute: 1",
        "mde_absolute: `mde_relative` is given as well; keep one of the two",
    );
    check("baseline: .inf", "baseline: expected a number, found `.inf`");
}

#[test]
fn settings_are_read_and_in_range() {
    let e = with("statistical_settings: {alpha: 0.1, correction: holm, sample_ratio_alpha: 0.01}");
    assert_eq!(
        (e.settings.alpha, e.settings.correction, e.settings.sample_ratio_alpha),
        (0.1, Correction::Holm, 0.01)
    );
    assert_eq!(e.guardrail_settings.alpha, 0.1);
    let e = with("guardrail_settings: {alpha: 0.2, correction: none}");
    assert_eq!(
        (e.guardrail_settings.alpha, e.guardrail_settings.correction),
        (0.2, Correction::None)
    );

    let check = |keys: &str, expect: &str| {
        check_with(
            &format!("statistical_settings: {{{keys}}}"),
            &format!("statistical_settings.{expect}"),
        );
    };
    for key in ["alpha", "power", "sample_ratio_alpha"] {
        for value in ["0", "1", "-0.1", ".nan", "x"] {
            check(
                &format!("{key}: {value}"),
                &format!("{key}: expected a number between 0 and 1, found `{value}`"),
            );
        }
    }
    for key in ["min_duration_days", "max_duration_days", "look_every_days"] {
        for value in ["0", "1.5", "99999999999", "x"] {
            check(
                &format!("{key}: {value}"),
                &format!("{key}: expected a whole number of days, at least 1, found `{value}`"),
            );
        }
    }
    check(
        "min_duration_days: 8, max_duration_days: 7",
        "min_duration_days: 8 is more than `max_duration_days`, 7",
    );
    check("sequential: maybe", "sequential: expected true or false, found `maybe`");
    check(
        "correction: holms",
        "correction: `holms` is not allowed here; did you mean `holm`? (allowed: none, bonferroni, holm, hochberg, \
         benjamini_hochberg, benjamini_yekutieli)",
    );
    check(
        "beta: 1",
        "beta: unknown key (allowed: alpha, power, correction, sequential, sequential_method, msprt_tau, tau, \
         confidence_sequence_tuning, look_every_days, max_duration_days, min_duration_days, practical, \
         show_interim, sample_ratio_alpha)",
    );
    check_with(
        "guardrail_settings: {alpha: 2}",
        "guardrail_settings.alpha: expected a number between 0 and 1, found `2`",
    );
    check_with(
        "guardrail_settings: {power: 2}",
        "guardrail_settings.power: unknown key (allowed: alpha, correction, auto_stop_on_violation)",
    );
}

#[test]
fn what_is_not_in_effect_is_said() {
    check_later(
        GUARDRAIL,
        "{name: revenue, baseline: 3}",
        &[
            "p.yaml:22: experiment.metrics.guardrails[0].baseline: the planned level is not compared with what is \
           observed yet",
        ],
    );
}

#[test]
fn a_guardrail_is_tested_for_harm_or_against_a_margin() {
    let guardrail = |keys: &str| {
        let guardrail = format!("{{name: revenue, {keys}}}");
        experiment(GUARDRAIL, &guardrail).guardrails[0].clone()
    };
    let test = |keys: &str| guardrail(keys).test;
    assert_eq!(test("direction: decrease"), GuardrailTest::Deterioration);
    assert_eq!(test("test: deterioration"), GuardrailTest::Deterioration);
    let relative = GuardrailTest::NonInferiority(Margin::Relative(0.02));
    let absolute = GuardrailTest::NonInferiority(Margin::Absolute(3.0));
    assert_eq!(test("test: non_inferiority, margin_relative: 0.02"), relative);
    assert_eq!(test("margin_relative: 0.02"), relative);
    assert_eq!(test("margin_absolute: 3"), absolute);
    assert_eq!(test("margin: 3"), absolute);
    let threshold = |keys: &str| guardrail(keys).threshold.map(|limit| (limit.level, limit.unit));
    assert_eq!(threshold("threshold: 1"), Some((1.0, None)));
    assert_eq!(threshold("threshold_ms: -500"), Some((-500.0, Some("ms".to_owned()))));
    assert_eq!(threshold("test: deterioration"), None);

    let refused = |keys: &str, expect: &str| {
        check(
            GUARDRAIL,
            &format!("{{name: revenue, {keys}}}"),
            &format!("p.yaml:22: experiment.metrics.guardrails[0].{expect}"),
        );
    };
    refused(
        "test: non_inferiority",
        "test: needs `margin_relative` or `margin_absolute`: how much worse is acceptable",
    );
    refused(
        "test: deterioration, margin: 1",
        "margin: has no meaning for `test: deterioration`; remove one of the two",
    );
    refused(
        "margin: 1, margin_relative: 1",
        "margin: another margin is given as well; keep one of them",
    );
    refused(
        "threshold: 1, threshold_ms: 1",
        "threshold_ms: another threshold is given as well; keep one of them",
    );
    refused("margin_relative: -1", "margin_relative: expected a number above 0, found `-1`");
    check(
        GUARDRAIL,
        "{name: revenue, threshold_ms: x, margin: 0, test: y}",
        "p.yaml:22: experiment.metrics.guardrails[0].margin: expected a number above 0, found `0`\n\
         p.yaml:22: experiment.metrics.guardrails[0].test: `y` is not allowed here (allowed: deterioration, \
         non_inferiority)\n\
         p.yaml:22: experiment.metrics.guardrails[0].threshold_ms: expected a number, found `x`",
    );
}

#[test]
fn cuped_is_of_a_metric_of_its_definition_or_of_the_experiment() {
    let days = |days: u32| Some(Cuped { lookback_days: days });
    let all = with("cuped: {lookback_days: 7}");
    assert!(all.metrics().all(|metric| metric.cuped == days(7)));
    assert_eq!(all.lookback_days(), 7);
    let own = experiment(PRIMARY, "primary: {name: clicks, cuped: {lookback_days: 3}}");
    assert_eq!((own.primary.cuped, own.guardrails[0].cuped), (days(3), None));
    // The definition counts unless the experiment's own part says otherwise.
    let defined = "{type: mean, value: amount, cuped: {lookback_days: 5}}";
    let of_definition = experiment("{type: mean, value: amount}", defined);
    assert_eq!((of_definition.primary.cuped, of_definition.guardrails[0].cuped), (None, days(5)));
    let text = super::PROJECT
        .replace("{type: mean, value: amount}", defined)
        .replace(GUARDRAIL, "{name: revenue, cuped: none}");
    let without = load_files(&[("p.yaml", &text)]).expect("a project");
    assert_eq!(without.experiments[0].guardrails[0].cuped, None);
    // What cannot be adjusted is passed over by the default, and refused where it is asked for by name.
    let largest = "{type: mean, value: amount, aggregate: max}";
    let text = super::PROJECT
        .replace("{type: mean, value: amount}", largest)
        .replace(NAME, &format!("{NAME}  cuped: {{lookback_days: 7}}\n"));
    let over = load_files(&[("p.yaml", &text)]).expect("a project");
    assert_eq!(
        (over.experiments[0].primary.cuped, over.experiments[0].guardrails[0].cuped),
        (days(7), None)
    );
    check_with("cuped: 7", "cuped: write {lookback_days: 14}, or none");
    check_with(
        "cuped: {}",
        "cuped: `lookback_days` is missing: write how many days before the exposure count, such as 14",
    );
}
