//! When an experiment is looked at, and by which method.

use super::{check, good};
use crate::{Experiment, NaiveDate, Practical, SequentialMethod};

const NAME: &str = "  name: ranking\n";

/// The experiment with these statistical settings and further lines.
fn with(settings: &str) -> Experiment {
    let lines = format!("{NAME}  statistical_settings: {{{settings}}}\n");
    good(NAME, &lines).experiment("ranking").expect("it is defined").clone()
}

#[track_caller]
fn refused(settings: &str, expect: &str) {
    check(
        NAME,
        &format!("{NAME}  statistical_settings: {{{settings}}}\n"),
        &format!("p.yaml:19: experiment.statistical_settings.{expect}"),
    );
}

#[test]
fn one_look_is_the_default_and_sequential_means_msprt() {
    let method = |settings: &str| with(settings).settings.sequential;
    assert_eq!(method("alpha: 0.05"), SequentialMethod::None);
    assert_eq!(method("sequential: false"), SequentialMethod::None);
    assert_eq!(method("sequential: false, sequential_method: none"), SequentialMethod::None);
    assert_eq!(method("sequential: true"), SequentialMethod::Msprt);
    for (word, meant) in SequentialMethod::WORDS {
        // Naming a method asks for it.
        let settings = format!("sequential_method: {word}, max_duration_days: 28");
        assert_eq!(method(&settings), meant);
        assert_eq!(meant.word(), word);
        if meant != SequentialMethod::None {
            assert_eq!(method(&format!("sequential: true, {settings}")), meant);
        }
    }
}

#[test]
fn contradictions_are_refused() {
    refused(
        "sequential: true, sequential_method: none",
        "sequential_method: `sequential` is true; name a method, or write `sequential: false`",
    );
    refused(
        "sequential: false, sequential_method: msprt",
        "sequential_method: `sequential` is false; write `sequential: true`, or remove the method",
    );
    refused(
        "sequential_method: obf",
        "sequential_method: `obf` is not allowed here (allowed: msprt, confidence_sequence, obrien_fleming, \
         pocock, none)",
    );
    refused(
        "sequential_method: pococ, max_duration_days: 5",
        "sequential_method: `pococ` is not allowed here; did you mean `pocock`? (allowed: msprt, \
         confidence_sequence, obrien_fleming, pocock, none)",
    );
    refused(
        "sequential_method: pocock",
        "sequential_method: `pocock` spends alpha over a planned duration: give `max_duration_days`",
    );
    refused(
        "sequential_method: obrien_fleming, max_duration_days: 61",
        "sequential_method: `obrien_fleming` has at most 60 looks, and 61 days have 61: give a larger \
         `look_every_days`",
    );
    refused("tau: 0.1", "tau: has no meaning without `sequential_method: msprt`");
    refused(
        "sequential: true, tau: 0.1, msprt_tau: 0.1",
        "tau: `msprt_tau` is given as well; keep one of the two",
    );
    refused(
        "sequential: true, confidence_sequence_tuning: 1000",
        "confidence_sequence_tuning: has no meaning without `sequential_method: confidence_sequence`",
    );
    refused("sequential: true, tau: 0", "tau: expected a number above 0, found `0`");
    refused("practical: both", "practical: `both` is not allowed here (allowed: point, interval)");
    refused("show_interim: 1", "show_interim: expected true or false, found `1`");
}

#[test]
fn parameters_and_durations_are_read() {
    let settings =
        with("sequential: true, tau: 0.1, practical: interval, show_interim: true, power: 0.9")
            .settings;
    assert_eq!((settings.tau, settings.power), (Some(0.1), 0.9));
    assert_eq!((settings.practical, settings.show_interim), (Practical::Interval, true));
    assert_eq!(with("sequential: true, msprt_tau: 2").settings.tau, Some(2.0));
    let settings =
        with("sequential_method: confidence_sequence, confidence_sequence_tuning: 5e3").settings;
    assert_eq!(settings.confidence_sequence_tuning, Some(5_000.0));
    let settings =
        with("min_duration_days: 7, max_duration_days: 122, look_every_days: 2").settings;
    let days = (settings.min_duration_days, settings.max_duration_days, settings.look_every_days);
    assert_eq!(days, (Some(7), Some(122), 2));
    // 61 looks would be one too many.
    let most = with("sequential_method: pocock, max_duration_days: 120, look_every_days: 2");
    assert_eq!(most.settings.sequential, SequentialMethod::Pocock);
}

#[test]
fn looks_go_from_the_start_to_the_end_or_the_longest_duration() {
    let day = |day| NaiveDate::from_ymd_opt(2024, 2, day).expect("a date");
    let dates = "  start: 2024-02-01\n  end: 2024-02-20\n";
    let settings = "  statistical_settings: {sequential_method: pocock, look_every_days: 7}\n";
    let project = good(NAME, &format!("{NAME}{dates}{settings}"));
    let mut experiment = project.experiment("ranking").expect("it is defined").clone();
    assert_eq!(experiment.looks(day(6)), []);
    assert_eq!(experiment.looks(day(28)), [day(7), day(14), day(20)]);
    experiment.settings.max_duration_days = Some(8);
    assert_eq!(experiment.looks(day(28)), [day(7), day(8)]);
    experiment.start = None;
    assert_eq!(experiment.looks(day(28)), []);
}
