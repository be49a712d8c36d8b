//! Components: what the metrics need of each unit and day, each computed once whoever asks for it.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::prelude::SessionContext;
use sha2::{Digest, Sha256};
use verdict_model::{Aggregate, Experiment, Located, MetricKind, Project};

use crate::expression::printed;
use crate::{Error, Result};

/// A component of the project, identified by its resolved text, never by a metric's name.
#[derive(Clone, Debug)]
pub(crate) struct ComponentDef {
    /// Its column in the tables: `<source>_<aggregate>_<hash of its resolved text>`.
    pub(crate) column: String,
    pub(crate) source: String,
    pub(crate) aggregate: Aggregate,
    pub(crate) value: Option<Located<String>>,
    pub(crate) filter: Option<Located<String>>,
}

/// The metrics of a project in terms of components.
#[derive(Clone, Debug)]
pub(crate) struct Components {
    by_column: BTreeMap<String, ComponentDef>,
    /// The columns of each metric, numerator first; absent for metrics that no method computes yet.
    of_metric: BTreeMap<String, Vec<String>>,
}

impl Components {
    /// Resolves every metric of the project; those that do not are left out, and what is wrong with them told:
    /// an expression does not parse, or a metric reads a source that is not defined.
    pub(crate) fn resolve(ctx: &SessionContext, project: &Project) -> (Components, Vec<Error>) {
        let mut problems = Vec::new();
        let mut resolved = Components { by_column: BTreeMap::new(), of_metric: BTreeMap::new() };
        for (name, metric) in &project.metrics {
            if matches!(metric.kind, MetricKind::Later(_)) {
                continue;
            }
            let defs: Vec<_> =
                metric.kind.components().into_iter().map(|c| define(ctx, project, c)).collect();
            let whole = defs.iter().all(Result::is_ok);
            let mut columns = Vec::new();
            for def in defs {
                match def {
                    Ok(def) => {
                        columns.push(def.column.clone());
                        resolved.by_column.entry(def.column.clone()).or_insert(def);
                    }
                    Err(problem) => problems.push(problem),
                }
            }
            if whole {
                resolved.of_metric.insert(name.clone(), columns);
            }
        }
        (resolved, problems)
    }

    /// Every component that the sources which know `unit_type` can give, sorted by column.
    pub(crate) fn of_unit_type<'a>(
        &'a self,
        project: &'a Project,
        unit_type: &'a str,
    ) -> Vec<&'a ComponentDef> {
        self.by_column
            .values()
            .filter(|c| project.sources[&c.source].units.contains_key(unit_type))
            .collect()
    }

    /// The components that the metrics of `experiment` need, sorted by column.
    pub(crate) fn of_experiment(&self, experiment: &Experiment) -> Vec<&ComponentDef> {
        let columns: BTreeSet<&String> = experiment
            .metrics()
            .filter_map(|metric| self.of_metric.get(&metric.name.value))
            .flatten()
            .collect();
        columns.into_iter().map(|column| &self.by_column[column]).collect()
    }

    /// The columns of a metric, numerator first; `None` when no method computes it yet.
    pub(crate) fn of_metric(&self, metric: &str) -> Option<&[String]> {
        self.of_metric.get(metric).map(Vec::as_slice)
    }
}

fn define(
    ctx: &SessionContext,
    project: &Project,
    component: &verdict_model::Component,
) -> Result<ComponentDef> {
    if !project.sources.contains_key(&component.source.value) {
        return Err(Error::Definition {
            place: Box::new(component.source.place.clone()),
            reason: format!("source `{}` is not defined", component.source.value),
        });
    }
    let print = |expression: &Option<Located<String>>| -> Result<Option<Located<String>>> {
        let Some(expression) = expression else { return Ok(None) };
        Ok(Some(Located { value: printed(ctx, expression)?, place: expression.place.clone() }))
    };
    let (value, filter) = (print(&component.value)?, print(&component.filter)?);
    let mut hash = Sha256::new();
    for part in [&value, &filter] {
        // The length keeps (ab, c) and (a, bc) apart.
        let text = part.as_ref().map_or("", |p| p.value.as_str());
        hash.update(format!("{}:{text};", text.len()));
    }
    let digest = hash.finalize();
    let short: String = digest.iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    let (source, aggregate) = (component.source.value.clone(), component.aggregate);
    Ok(ComponentDef {
        column: format!("{source}_{}_{short}", aggregate.word()),
        source,
        aggregate,
        value,
        filter,
    })
}
