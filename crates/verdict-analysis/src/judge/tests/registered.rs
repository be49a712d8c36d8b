//! Claims about the registered plan: what changed, and what the decision would be without that.

use verdict_model::rows::{DecisionRow, GroupStat};
use verdict_model::{Experiment, ExperimentPlan, NaiveDate, RegisteredPlan};

use super::super::Resamples;
use super::super::registered::{Judged, hold_to_registered};
use super::super::{Judgement, judge};
use super::{ds, exposed, proportion};

const TEXT: &str = "\
sources:
  events: {path: events, timestamp: ts, units: {user: id}}
exposures:
  shown: {source: events, variant: arm}
metrics:
  clicked: {type: proportion, source: events, filter: kind = 'click'}
---
experiment:
  name: ranking
  start: 2024-03-01
  design: {unit: user, control: a, variants: {a: 0.4, b: 0.4, c: 0.2}}
  metrics:
    primary: {name: clicked}
  statistical_settings: {alpha: 0.05}
";

fn load(text: &str) -> (Experiment, ExperimentPlan) {
    let project = ExperimentPlan::load(text).expect("a plan");
    let experiment = project.experiments[0].clone();
    let plan = ExperimentPlan::of(&project, &experiment);
    (experiment, plan)
}

fn registered(text: &str) -> RegisteredPlan {
    let as_of = NaiveDate::from_ymd_opt(2024, 3, 2).expect("a date");
    RegisteredPlan { as_of, file: text.to_owned(), plan: load(text).1 }
}

/// 10% clicked in a, 12% in b and c: p = 0.00052 for b, and its units are twice those of c.
fn stats() -> Vec<GroupStat> {
    let arms = [("a", 400, 4000), ("b", 480, 4000), ("c", 240, 2000)];
    let clicked = arms.iter().map(|(arm, x, n)| proportion("clicked", arm, *x, *n));
    clicked.chain(arms.iter().map(|(arm, _, n)| exposed(arm, *n, 0))).collect()
}

/// What is said of the experiment of `text` when `was` is registered.
fn held(text: &str, was: Option<&RegisteredPlan>) -> Judgement {
    let ((experiment, plan), stats) = (load(text), stats());
    let types = [("clicked".to_owned(), "proportion".to_owned())].into();
    let mut judgement = judge(&experiment, &types, ds(), &stats, None, &[]);
    let (experiment, plan, resamples) = (&experiment, &plan, &Resamples::default());
    let (ds, stats) = (ds(), &stats[..]);
    let judged = Judged { experiment, plan, ds, stats, counts: None, resamples };
    hold_to_registered(&mut judgement, &judged, was);
    judgement
}

fn decisions(from: &str, to: &str) -> Vec<DecisionRow> {
    assert!(TEXT.contains(from), "{from}");
    held(TEXT, Some(&registered(&TEXT.replacen(from, to, 1)))).decisions
}

/// The first decision as registered, or the reason why not.
#[track_caller]
fn check(from: &str, to: &str, expect: Result<&str, &str>) {
    let decision = decisions(from, to).remove(0);
    let (again, reason) = (decision.decision_as_registered, decision.as_registered_reason);
    assert!(!decision.plan_changes.is_empty(), "{to}");
    match expect {
        Ok(expect) => assert_eq!((again.as_deref(), reason), (Some(expect), None), "{to}"),
        Err(expect) => assert_eq!((again, reason.as_deref()), (None, Some(expect)), "{to}"),
    }
}

#[test]
fn without_a_change_the_decision_is_the_registered_one() {
    let judgement = held(TEXT, Some(&registered(TEXT)));
    assert_eq!(judgement.decisions[0].decision, "ship");
    for decision in &judgement.decisions {
        assert_eq!(decision.plan_changes, [""; 0]);
        assert_eq!(decision.decision_as_registered.as_ref(), Some(&decision.decision));
        assert_eq!(decision.as_registered_reason, None);
    }
    let check = judgement.checks.last().expect("a check");
    assert_eq!((&*check.status, check.statistic), ("pass", Some(0.0)));
}

#[test]
fn without_a_registration_nothing_is_told() {
    let judgement = held(TEXT, None);
    let decision = &judgement.decisions[0];
    assert_eq!(decision.decision_as_registered, None);
    assert_eq!(decision.as_registered_reason.as_deref(), Some("No plan is registered."));
    let check = judgement.checks.last().expect("a check");
    assert_eq!((&*check.status, check.statistic), ("pass", None));
}

#[test]
fn a_change_of_how_it_is_judged_is_judged_again() {
    check("alpha: 0.05", "alpha: 0.0001", Ok("inconclusive"));
    check("{name: clicked}", "{name: clicked, direction: decrease}", Ok("dont_ship"));
    check("  start: 2024-03-01\n", "  hypothesis: h\n  start: 2024-03-01\n", Ok("ship"));
    // Arms of other weights are another sample ratio.
    check("a: 0.4, b: 0.4, c: 0.2", "a: 0.2, b: 0.4, c: 0.4", Ok("invalid"));
    check("  start: 2024-03-01\n", "  start: 2024-03-01\n  end: 2024-03-14\n", Ok("ship"));
    let change = decisions("alpha: 0.05", "alpha: 0.0001").remove(0).plan_changes;
    let alpha = "experiment.statistical_settings.alpha: was 0.0001, is 0.05";
    assert!(change.iter().any(|c| c == alpha), "{change:?}");
}

#[test]
fn what_was_the_control_has_no_decision_as_registered() {
    let decisions = decisions("control: a", "control: b");
    let [b, c] = &decisions[..] else { panic!("{decisions:?}") };
    let reason = b.as_registered_reason.as_deref();
    assert_eq!(reason, Some("In the registered plan b is the control."));
    assert_eq!(c.decision_as_registered.as_deref(), Some("inconclusive"));
}

#[test]
fn statistics_of_another_plan_tell_nothing() {
    let changed = |keys: &str| {
        format!("The statistics are not those of the registered plan, since {keys} changed.")
    };
    for (from, to, keys) in [
        ("start: 2024-03-01", "start: 2024-03-02", "`experiment.start`"),
        ("kind = 'click'", "kind = 'tap'", "`metrics.clicked.filter`"),
        ("variant: arm}", "variant: upper(arm)}", "`exposures.shown.variant`"),
        ("units: {user: id}}", "units: {user: id}, filter: ok}", "`sources.events.filter`"),
        (
            "b: 0.4, c: 0.2",
            "b: 0.4, d: 0.2",
            "`experiment.design.variants.c` and `experiment.design.variants.d`",
        ),
        (
            "control: a,",
            "control: a, several_variants: first,",
            "`experiment.design.several_variants`",
        ),
        ("sources:", "project: {time_zone: Asia/Kolkata}\nsources:", "`project.time_zone`"),
    ] {
        check(from, to, Err(&changed(keys)));
    }
    check(
        "  start: 2024-03-01\n",
        "  start: 2024-03-01\n  end: 2024-03-13\n",
        Err("The registered plan ended on 2024-03-13."),
    );
    check(
        "alpha: 0.05",
        "alpha: 0.05, sequential_method: msprt",
        Err(
            "The registered plan is judged by days whose statistics the current one does without, such as 2024-03-01.",
        ),
    );
    let other = TEXT.replace("clicked", "tapped");
    let decision = held(TEXT, Some(&registered(&other))).decisions.remove(0);
    let reason =
        "The registered plan has metrics whose statistics are not kept any more: `tapped`.";
    assert_eq!(decision.as_registered_reason.as_deref(), Some(reason));
}

#[test]
fn a_text_that_is_not_understood_is_said_to_be_so() {
    let mut was = registered(TEXT);
    was.plan.text = TEXT.replace("alpha: 0.05", "alpha: 0.05, of_the_future: 1");
    was.plan.keys.insert("experiment.statistical_settings.of_the_future".into(), "1".into());
    let decision = held(TEXT, Some(&was)).decisions.remove(0);
    assert_eq!(decision.decision_as_registered, None);
    let reason = decision.as_registered_reason.expect("a reason");
    assert!(reason.starts_with("The registered plan is none that this version"), "{reason}");
    let change = "experiment.statistical_settings.of_the_future: was 1, is not given";
    assert_eq!(decision.plan_changes, [change]);
}
