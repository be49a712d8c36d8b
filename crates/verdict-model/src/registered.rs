//! What an experiment is planned to be: registered when it is first run, held against what it is at every later one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use crate::load::resolve;
use crate::yaml::{Data, Node, parse};
use crate::{Experiment, LoadError, Located, NaiveDate, Project};

/// Keys that say nothing about what is tested or how: where a log lies, who answers, what follows from other keys.
const NOT_PLANNED: [&str; 6] = [
    "project.name",
    "project.tables",
    "project.buckets",
    "experiment.name",
    "experiment.owner",
    "experiment.design.type",
];

/// An experiment with everything that its numbers and decisions follow from, every default filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentPlan {
    /// YAML that defines the experiment, and the metrics, exposures and sources that it refers to.
    pub text: String,
    /// What it says, key by key: `experiment.statistical_settings.alpha` is `0.05`. Of lists of metrics the key has the
    /// metric's name: `experiment.metrics.guardrails.crash_rate.direction`.
    pub keys: BTreeMap<String, String>,
}

impl ExperimentPlan {
    /// The plan of one of the project's experiments.
    pub fn of(project: &Project, experiment: &Experiment) -> ExperimentPlan {
        let text = only(project, experiment).definitions_text();
        // What is resolved is YAML; were it none, the text itself would be the one key.
        let documents = parse(&text).unwrap_or_default();
        let mut keys = BTreeMap::new();
        for document in &documents {
            flatten(document, String::new(), &mut keys);
        }
        keys.retain(|key, _| is_planned(key));
        ExperimentPlan { text, keys }
    }

    /// The experiment that a plan's text defines, alone in its project, by the loader of project files.
    ///
    /// # Errors
    /// [`LoadError`], as for files: the text is another version's, or none that [`ExperimentPlan::of`] wrote.
    pub fn load(text: &str) -> Result<Project, LoadError> {
        let files = [(Arc::from("the registered plan"), text.to_owned())];
        let project = resolve(Path::new(""), "registered", &files)?;
        project.some_experiments()?;
        Ok(project)
    }
}

/// A plan as it was registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegisteredPlan {
    /// The as-of date of the run that registered it.
    pub as_of: NaiveDate,
    /// The experiment's file, as it was written then.
    pub file: String,
    /// The plan.
    pub plan: ExperimentPlan,
}

impl RegisteredPlan {
    /// The keys in which `current` is not what was registered, in order.
    ///
    /// The registered text is understood as this version of Verdict understands it, so that a key which did not exist
    /// then is no change; where it cannot be, the keys are compared as they were written.
    pub fn changes(&self, current: &ExperimentPlan) -> Vec<PlanChange> {
        let again = ExperimentPlan::load(&self.plan.text).ok();
        let again = again.as_ref().and_then(|project| {
            Some(ExperimentPlan::of(project, project.experiments.first()?).keys)
        });
        let (was, is) = (again.as_ref().unwrap_or(&self.plan.keys), &current.keys);
        let keys: BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        keys.into_iter()
            .filter(|key| was.get(*key) != is.get(*key))
            .map(|key| PlanChange {
                key: key.clone(),
                was: was.get(key).cloned(),
                is: is.get(key).cloned(),
            })
            .collect()
    }
}

/// A key of a plan that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlanChange {
    /// The key.
    pub key: String,
    /// What was registered; `None`: the key was not given.
    pub was: Option<String>,
    /// What it is now.
    pub is: Option<String>,
}

impl fmt::Display for PlanChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = |value: &Option<String>| match value {
            Some(value) => crate::load::one_line(value),
            None => "not given".to_owned(),
        };
        write!(f, "{}: was {}, is {}", self.key, word(&self.was), word(&self.is))
    }
}

/// The project with this experiment and what it refers to, and nothing else; logs as if they lay in its folder.
fn only(project: &Project, experiment: &Experiment) -> Project {
    let mut only = project.clone();
    only.experiments = vec![experiment.clone()];
    only.later.clear();
    only.metrics.retain(|name, _| experiment.metrics().any(|metric| metric.name.value == *name));
    only.metrics.values_mut().for_each(|metric| metric.description = None);
    let exposures = experiment.exposures.as_ref();
    only.exposures.retain(|name, _| exposures.is_some_and(|own| own.value == *name));
    let mut sources: BTreeSet<String> =
        only.exposures.values().map(|exposures| exposures.source.value.clone()).collect();
    let components = only.metrics.values().flat_map(|metric| metric.kind.components());
    sources.extend(components.map(|component| component.source.value.clone()));
    only.sources.retain(|name, _| sources.contains(name));
    for source in only.sources.values_mut() {
        // When a log is whole is no part of a plan.
        source.complete = crate::Complete::default();
        let below = Path::new(&source.path.value).strip_prefix(&project.root).ok();
        if let Some(below) = below.map(|below| below.to_string_lossy().into_owned()) {
            source.path = Located { value: below, place: source.path.place.clone() };
        }
    }
    only.name = "registered".to_owned();
    only.tables.value = "tables".to_owned();
    only.buckets = Project::BUCKETS;
    only
}

fn is_planned(key: &str) -> bool {
    let place = key.starts_with("sources.")
        && [".path", ".missing_days"].iter().any(|end| key.ends_with(end));
    !place && !NOT_PLANNED.contains(&key)
}

fn flatten(node: &Node, key: String, into: &mut BTreeMap<String, String>) {
    let below = |part: &str| if key.is_empty() { part.to_owned() } else { format!("{key}.{part}") };
    match &node.data {
        Data::Null => {}
        Data::Scalar { text, .. } => {
            into.insert(key, text.clone());
        }
        Data::Mapping(entries) => {
            for entry in entries {
                flatten(&entry.value, below(&entry.key), into);
            }
        }
        Data::Sequence(items) => {
            let mut texts = Vec::new();
            for item in items {
                match (&item.data, name_of(item)) {
                    (_, Some(name)) => flatten(item, below(name), into),
                    (Data::Scalar { text, .. }, None) => texts.push(text.clone()),
                    (Data::Sequence(parts), None) => texts.push(cross_of(parts)),
                    _ => {}
                }
            }
            if !texts.is_empty() {
                into.insert(key, format!("[{}]", texts.join(", ")));
            }
        }
    }
}

/// A list in a list: a cross of segments.
fn cross_of(parts: &[Node]) -> String {
    let texts = parts.iter().filter_map(|part| match &part.data {
        Data::Scalar { text, .. } => Some(text.as_str()),
        _ => None,
    });
    format!("[{}]", texts.collect::<Vec<_>>().join(", "))
}

/// The `name` of an item of a list.
fn name_of(item: &Node) -> Option<&str> {
    let Data::Mapping(entries) = &item.data else { return None };
    let name = &entries.iter().find(|entry| entry.key == "name")?.value;
    match &name.data {
        Data::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ExperimentPlan, RegisteredPlan};
    use crate::load::resolve;
    use crate::{NaiveDate, Project};

    const TEXT: &str = "\
sources:
  events: {path: logs/events, timestamp: ts, units: {user: id}}
  other: {path: logs/other, timestamp: ts, units: {user: id}}
exposures:
  shown: {source: events, variant: arm, segments: {country: c}}
metrics:
  clicks: {type: mean, source: events, aggregate: count, description: all of them}
  spend: {type: mean, source: events, value: amount}
  idle: {type: mean, source: other, aggregate: count}
---
experiment:
  name: e
  hypothesis: more clicks
  owner: ada
  start: 2024-01-01
  design: {unit: user, control: a, variants: {a: 0.5, b: 0.5}}
  segments: [country]
  metrics:
    primary: {name: clicks}
    guardrails: [{name: spend, direction: increase}]
";

    fn project(text: &str) -> Project {
        resolve("/some/folder".as_ref(), "p", &[("p.yaml".into(), text.to_owned())]).unwrap()
    }

    fn plan(text: &str) -> ExperimentPlan {
        let project = project(text);
        ExperimentPlan::of(&project, &project.experiments[0])
    }

    fn changes(from: &str, to: &str) -> Vec<String> {
        let date = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
        assert!(TEXT.contains(from), "{from}");
        let registered = RegisteredPlan { as_of: date, file: String::new(), plan: plan(TEXT) };
        let changes = registered.changes(&plan(&TEXT.replace(from, to)));
        changes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_plan_has_what_the_experiment_refers_to_and_is_loaded_again() {
        let plan = plan(TEXT);
        let get = |key: &str| plan.keys.get(key).map(String::as_str);
        assert_eq!(get("experiment.metrics.guardrails.spend.direction"), Some("increase"));
        assert_eq!(get("experiment.statistical_settings.alpha"), Some("0.05"));
        assert_eq!(get("experiment.segments"), Some("[country]"));
        assert_eq!(get("metrics.spend.value"), Some("amount"));
        assert!(
            !plan.text.contains("idle") && !plan.text.contains("/some/folder"),
            "{}",
            plan.text
        );
        let again = ExperimentPlan::load(&plan.text).unwrap();
        assert_eq!(ExperimentPlan::of(&again, &again.experiments[0]), plan);
        assert_eq!(again.experiments[0], project(TEXT).experiments[0]);
    }

    #[test]
    fn what_is_not_planned_is_no_change() {
        for (from, to) in [
            ("owner: ada", "owner: grace"),
            ("all of them", "each of them"),
            ("logs/events", "elsewhere"),
            ("  idle: {type: mean, source: other, aggregate: count}\n", ""),
            (
                "metrics:\n  clicks",
                "project: {name: other, tables: there, buckets: 3}\nmetrics:\n  clicks",
            ),
            ("  name: e\n", "  name: e # a remark\n"),
        ] {
            assert_eq!(changes(from, to), [""; 0], "{from}");
        }
    }

    #[test]
    fn changes_are_told_key_by_key() {
        for (from, to, expect) in [
            ("more clicks", "fewer", "experiment.hypothesis: was more clicks, is fewer"),
            ("  segments: [country]\n", "", "experiment.segment_values: was 20, is not given"),
            (
                "  metrics:\n    primary",
                "  statistical_settings: {alpha: 0.1}\n  metrics:\n    primary",
                "experiment.guardrail_settings.alpha: was 0.05, is 0.1",
            ),
            (
                "value: amount}",
                "value: amount, filter: x > 1}",
                "metrics.spend.filter: was not given, is x > 1",
            ),
            (
                "units: {user: id}}\n  other",
                "units: {user: id}, filter: ok}\n  other",
                "sources.events.filter: was not given, is ok",
            ),
            ("a: 0.5, b: 0.5", "a: 0.4, b: 0.6", "experiment.design.variants.a: was 0.5, is 0.4"),
            (
                "start: 2024-01-01",
                "start: 2024-01-02",
                "experiment.start: was 2024-01-01, is 2024-01-02",
            ),
        ] {
            assert_eq!(changes(from, to).first().map(String::as_str), Some(expect), "{from}");
        }
        let removed = changes("    guardrails: [{name: spend, direction: increase}]\n", "");
        assert!(
            removed.iter().any(|c| c.starts_with("metrics.spend.type: was mean")),
            "{removed:?}"
        );
    }

    #[test]
    fn a_text_of_another_version_is_compared_as_it_was_written() {
        let date = NaiveDate::from_ymd_opt(2024, 1, 1).unwrap();
        let mut old = plan(TEXT);
        old.text = "experiment: {name: e, gone: 1}".to_owned();
        assert!(ExperimentPlan::load(&old.text).is_err());
        assert!(ExperimentPlan::load("project: {name: p}").is_err());
        let registered = RegisteredPlan { as_of: date, file: String::new(), plan: old };
        assert_eq!(registered.changes(&plan(TEXT)), []);
        let nothing = ExperimentPlan { text: String::new(), keys: BTreeMap::new() };
        assert_eq!(registered.changes(&nothing).len(), registered.plan.keys.len());
    }
}
