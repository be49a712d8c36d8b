//! Components: what the metrics need of each unit and day, each computed once whoever asks for it; and totals: what an
//! experiment adds up of them, over all days since a unit's exposure or over a window of those.

use std::collections::{BTreeMap, BTreeSet};

use datafusion::prelude::SessionContext;
use sha2::{Digest, Sha256};
use verdict_model::{Aggregate, Caps, Experiment, ExperimentMetric, Located, Project, Window};

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

/// What an experiment adds up for each unit. Metrics with the same component and window share it.
#[derive(Clone, Debug)]
pub(crate) struct TotalDef {
    /// Its column in `unit_total`: the component's, with the days of a window behind it: `…_d0_6`.
    pub(crate) column: String,
    pub(crate) component: ComponentDef,
    /// The days since exposure that count; `None`: all up to the as-of date.
    pub(crate) window: Option<Window>,
}

/// The column of a component's total over a window.
fn total_column(component: &str, window: Option<Window>) -> String {
    match window {
        None => component.to_owned(),
        Some(Window { start, end }) => format!("{component}_d{start}_{end}"),
    }
}

/// The metrics of a project in terms of components.
#[derive(Clone, Debug)]
pub(crate) struct Components {
    by_column: BTreeMap<String, ComponentDef>,
    /// The columns of each metric, numerator first.
    of_metric: BTreeMap<String, Vec<String>>,
}

impl Components {
    /// Resolves every metric of the project; those that do not are left out, and what is wrong with them told:
    /// an expression does not parse, or a metric reads a source that is not defined.
    pub(crate) fn resolve(ctx: &SessionContext, project: &Project) -> (Components, Vec<Error>) {
        let mut problems = Vec::new();
        let mut resolved = Components { by_column: BTreeMap::new(), of_metric: BTreeMap::new() };
        for (name, metric) in &project.metrics {
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

    /// The totals that the metrics of `experiment` need, sorted by column.
    pub(crate) fn of_experiment(&self, experiment: &Experiment) -> Vec<TotalDef> {
        let mut totals: BTreeMap<String, TotalDef> = BTreeMap::new();
        for metric in experiment.metrics() {
            for column in self.of_metric.get(&metric.name.value).into_iter().flatten() {
                let (window, component) = (metric.window, self.by_column[column].clone());
                let column = total_column(column, window);
                totals.insert(column.clone(), TotalDef { column, component, window });
            }
        }
        totals.into_values().collect()
    }

    /// The component of a column.
    pub(crate) fn of_column(&self, column: &str) -> Option<&ComponentDef> {
        self.by_column.get(column)
    }

    /// The components that the metrics of `experiment` are adjusted or compared by, and how many days each looks back,
    /// sorted.
    pub(crate) fn covariates_of(&self, experiment: &Experiment) -> BTreeSet<(&str, u32)> {
        let of_metric = |metric: &ExperimentMetric| {
            let days = metric.past_days();
            let columns = self.of_metric.get(&metric.name.value).filter(|_| days.is_some());
            let days = days.unwrap_or(0);
            columns.into_iter().flatten().map(move |column| (column.as_str(), days))
        };
        experiment.metrics().flat_map(of_metric).collect()
    }

    /// The totals of `experiment` that are clipped, each with its caps, in the order of the metrics.
    pub(crate) fn capped_of(&self, experiment: &Experiment) -> Vec<(String, Caps)> {
        let mut all: Vec<(String, Caps)> = Vec::new();
        for metric in experiment.metrics() {
            let Some(winsorize) = metric.winsorize else { continue };
            let columns = self.of_metric(metric).into_iter().flatten();
            for capped in columns.zip([winsorize.x, winsorize.y]) {
                if capped.1.any() && !all.contains(&capped) {
                    all.push(capped);
                }
            }
        }
        all
    }

    /// The columns of a metric's covariates in an experiment, numerator first: none, or one for each of its totals.
    pub(crate) fn past_of(&self, metric: &ExperimentMetric) -> Vec<String> {
        let Some(days) = metric.past_days() else { return Vec::new() };
        let components = self.of_metric.get(&metric.name.value).into_iter().flatten();
        components.map(|column| covariate_column(column, days)).collect()
    }

    /// The columns of a metric's components in the day tables, numerator first; `None` when one does not resolve.
    pub(crate) fn of_days(&self, metric: &str) -> Option<&[String]> {
        self.of_metric.get(metric).map(Vec::as_slice)
    }

    /// The columns of a metric's totals in an experiment, numerator first; `None` when one does not resolve.
    pub(crate) fn of_metric(&self, metric: &ExperimentMetric) -> Option<Vec<String>> {
        let components = self.of_metric.get(&metric.name.value)?;
        Some(components.iter().map(|column| total_column(column, metric.window)).collect())
    }
}

/// The column of a component over the days before a unit's first exposure, in `unit_total` and on the way there.
pub(crate) fn covariate_column(column: &str, lookback_days: u32) -> String {
    format!("{column}_pre{lookback_days}")
}

/// The column of a component's clipped totals on the way to group statistics; no component has a blank in its name.
pub(crate) fn capped_column(column: &str, caps: Caps) -> String {
    format!("{column} {}", caps.word())
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
        column: format!("{source}_{}_{short}", aggregate.label()),
        source,
        aggregate,
        value,
        filter,
    })
}
