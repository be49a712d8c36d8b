//! The project of the random logs as its files.

use std::fmt::Write as _;

use super::log::{Layout, Logs};
use super::metrics::{METRICS, Metric, aggregate_word, components};
use super::naive::{Cap, Caps, Experiment};
use super::project::{Mde, Plan, experiments};
use super::resampled::REPLICATES;
use crate::support::Project;

/// The key of a metric's caps in an experiment's file.
fn caps_of(experiment: &Experiment, metric: &str) -> String {
    let Some((_, [x, y])) = experiment.caps.iter().find(|(name, _)| *name == metric) else {
        return String::new();
    };
    let side = |key: &str, cap: Option<Cap>| match cap {
        None => None,
        Some(Cap::At(at)) => Some(format!("{key}: {at}")),
        Some(Cap::Percentile(p)) => Some(format!("{key}_percentile: {p}")),
    };
    let both = |caps: &Caps| {
        let sides = [side("lower", caps.lower), side("upper", caps.upper)];
        sides.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let ratio = METRICS.iter().any(|m| m.name == metric && m.kind == "ratio");
    match ratio {
        true => {
            format!(", winsorize: {{numerator: {{{}}}, denominator: {{{}}}}}", both(x), both(y))
        }
        false => format!(", winsorize: {{{}}}", both(x)),
    }
}

/// The key of a metric's bootstrap in an experiment's file.
fn bootstrap_of(experiment: &Experiment, metric: &str) -> String {
    match experiment.resampled.iter().find(|(name, _)| *name == metric) {
        None => String::new(),
        Some((_, interval)) => {
            format!(", bootstrap: {{interval: {interval}, replicates: {REPLICATES}, seed: 3}}")
        }
    }
}

/// Writes the project's files.
pub(crate) fn written(project: &Project, logs: &Logs) {
    let setting = logs.setting;
    let outside = |reject| if reject { "reject" } else { "keep" };
    let events = match setting.layout {
        Layout::Template => "events/{yyyy}/{mm}/{dd}",
        Layout::Hive | Layout::Hours => "events",
    };
    let [of_events, of_pages, of_assignments] = setting.reject.map(outside);
    project.file(
        "project.yaml",
        &format!(
            "project: {{time_zone: {}}}
sources:
  events:
    path: '{events}'
    timestamp: at
    units: {{user: '\"user\"', session: session}}
    outside_day: {of_events}
  pages:
    path: pages
    timestamp: to_timestamp_millis(ms)
    units: {{user: visitor}}
    filter: kind <> 'bot'
    outside_day: {of_pages}
    missing_days: allow
  assignments:
    path: assignments
    timestamp: at
    units: {{user: '\"user\"', session: session}}
    outside_day: {of_assignments}
exposures:
  assignments:
    source: assignments
    experiment: experiment
    variant: variant
    segments: {{device: device, tier: tier}}
  shown:
    source: events
    filter: event = 'expose'
    experiment: experiment
    variant: variant
    segments: {{country: country}}
  everyone: {{source: assignments, filter: tier >= 1, variant: variant}}
",
            setting.zone.name()
        ),
    );
    project.file("metrics.yaml", &metrics());
    for (experiment, plan) in experiments(logs) {
        let file = format!("experiments/{}.yaml", experiment.name);
        project.file(&file, &experiment_file(logs, &experiment, &plan));
    }
}

fn metrics() -> String {
    let components = components();
    let part = |i: usize| {
        let component = components[i];
        let mut text = format!(
            "source: {}, aggregate: {}",
            component.source,
            aggregate_word(component.aggregate)
        );
        if let Some((value, _)) = component.value {
            write!(text, ", value: \"{value}\"").unwrap();
        }
        if let Some((filter, _)) = component.filter {
            write!(text, ", filter: \"{filter}\"").unwrap();
        }
        text
    };
    let mut text = "metrics:\n".to_owned();
    for Metric { name, kind, components, window, at_least, quantile, own } in METRICS {
        let days = |(from, to)| match kind {
            "retention" => format!(", days: [{from}, {to}]"),
            _ => format!(", {}", window_text((from, to))),
        };
        let window = [
            window.map(days),
            at_least.map(|least| format!(", at_least: {least}")),
            quantile.map(|q| format!(", quantile: {q}")),
        ];
        let window: String = window.into_iter().flatten().collect();
        match *components {
            [one] => writeln!(text, "  {name}: {{type: {kind}, {}{window}}}", part(one)),
            [x, y] => {
                let (x, y) = (part(x), part(y));
                writeln!(
                    text,
                    "  {name}: {{type: {kind}, numerator: {{{x}}}, denominator: {{{y}}}{window}}}"
                )
            }
            _ => {
                let keys = own.map_or("value: amount", |(keys, _)| keys);
                writeln!(text, "  {name}: {{type: {kind}, source: events, {keys}{window}}}")
            }
        }
        .unwrap();
    }
    text
}

fn window_text((start, end): (usize, usize)) -> String {
    format!("window: {{start: {start}, end: {end}}}")
}

fn experiment_file(logs: &Logs, experiment: &Experiment, plan: &Plan) -> String {
    let from = if experiment.exposures.source == "events" {
        "shown"
    } else if experiment.exposures.keyed {
        "assignments"
    } else {
        "everyone"
    };
    let key = if experiment.exposures.keyed {
        format!(", key: {}", experiment.key)
    } else {
        String::new()
    };
    let weights: Vec<String> =
        experiment.arms.iter().map(|(arm, w)| format!("{arm}: {w}")).collect();
    let metrics = |of: &[(&str, bool)]| -> String {
        let of = of.iter().map(|(name, more)| {
            let caps = caps_of(experiment, name);
            let direction = if *more { "increase" } else { "decrease" };
            let bootstrap = bootstrap_of(experiment, name);
            let by = experiment.stratified.iter().find(|(metric, _)| metric == name);
            let by = by.map_or(String::new(), |(_, by)| format!(", post_stratify: {by}"));
            format!("{{name: {name}, direction: {direction}{caps}{bootstrap}{by}}}")
        });
        of.collect::<Vec<_>>().join(", ")
    };
    let (name, more) = plan.primary;
    let mde = match plan.mde {
        Mde::None => String::new(),
        Mde::Relative(x) => format!(", mde_relative: {x}"),
        Mde::Absolute(x) => format!(", mde_absolute: {x}"),
    };
    let window = plan.window.map_or(String::new(), |window| format!("  {}\n", window_text(window)));
    let watched = match plan.every {
        Some(days) => format!(", sequential_method: msprt, look_every_days: {days}"),
        None => String::new(),
    };
    format!(
        "experiment:
  name: {}
  start: {}
  end: {}
  design:
    unit: {}
    control: {}
    variants: {{{}}}
    several_variants: {}
  exposures: {{from: {from}{key}}}
  segments: [{}]{}
  segment_values: {}
{window}  metrics:
    primary: {{name: {name}, direction: {}{mde}}}
    guardrails: [{}]
    secondary: [{}]
  statistical_settings: {{alpha: {}, correction: {}{watched}}}
  guardrail_settings: {{alpha: {}, correction: {}}}
",
        experiment.name,
        logs.days[experiment.days.0],
        logs.days[experiment.days.1],
        experiment.unit_type,
        experiment.arms[0].0,
        weights.join(", "),
        if experiment.exclude { "exclude" } else { "first" },
        experiment.segments.iter().map(|s| segment(s)).collect::<Vec<_>>().join(", "),
        match experiment.lookback {
            0 => String::new(),
            days => format!("\n  cuped: {{lookback_days: {days}}}"),
        } + &match experiment.compared {
            0 => String::new(),
            days => format!("\n  pre_period_check: {{days: {days}}}"),
        },
        experiment.values,
        if more { "increase" } else { "decrease" },
        metrics(plan.guardrails),
        metrics(plan.secondary),
        plan.alpha,
        plan.correction,
        plan.guardrail_alpha,
        plan.guardrail_correction,
    )
}

/// A segment as a file names it: a cross is a list.
fn segment(name: &str) -> String {
    if name.contains('*') { format!("[{}]", name.replace('*', ", ")) } else { name.to_owned() }
}
