//! Checking definitions against the logs, and showing the queries that they become.

use std::collections::{BTreeMap, BTreeSet};

use verdict_model::{Located, NaiveDate};

use crate::bind::{self, BoundComponent, BoundLog, Number};
use crate::component::ComponentDef;
use crate::day::exposures_of;
use crate::expression::check_condition;
use crate::footers::Footer;
use crate::job::{Job, Tally};
use crate::log::Log;
use crate::plan::Plan;
use crate::render::{self, ComponentSql, GroupsSql};
use crate::totals::total_number;
use crate::{Error, Result};

impl Job {
    /// Checks every expression of the project against the last day of the log that it reads: all that is
    /// wrong, not only the first.
    pub async fn validate(&self) -> Vec<Error> {
        let mut problems = Vec::new();
        for source in self.project.sources.values() {
            match self.last_day(&source.name.value).await {
                Ok((footer, object)) => {
                    self.validate_source(&source.name.value, &footer, &object, &mut problems)
                }
                Err(error) => problems.push(error),
            }
        }
        problems
    }

    /// The footer of the last object that a source has.
    async fn last_day(&self, source: &str) -> Result<(Footer, String)> {
        let log = Log::locate(&self.stores, &self.ctx, &self.project.sources[source])?;
        let footer = self.last_footer(&log).await?;
        let object = log.location().name(&footer.object.location);
        Ok((footer, object))
    }

    fn validate_source(
        &self,
        name: &str,
        footer: &Footer,
        object: &str,
        problems: &mut Vec<Error>,
    ) {
        let (ctx, schema) = (&self.ctx, &footer.schema);
        let source = &self.project.sources[name];
        let mut components: BTreeMap<&str, &ComponentDef> = BTreeMap::new();
        for (unit_type, expression) in &source.units {
            problems.extend(bind::unit(ctx, schema, expression, object).err());
            let of_type = self.components.of_unit_type(&self.project, unit_type);
            components.extend(
                of_type.into_iter().filter(|c| c.source == name).map(|c| (c.column.as_str(), c)),
            );
        }
        problems.extend(bind::timestamp(ctx, schema, &source.timestamp, object).err());
        let condition = |filter: &Option<Located<String>>, problems: &mut Vec<Error>| {
            let checked = filter.as_ref().map(|f| check_condition(ctx, schema, f, object));
            problems.extend(checked.and_then(Result::err));
        };
        condition(&source.filter, problems);
        for exposures in self.project.exposures.values().filter(|e| e.source.value == name) {
            let names = exposures.experiment.iter().chain([&exposures.variant]);
            for expression in names.chain(exposures.segments.values()) {
                problems.extend(bind::name(ctx, schema, expression, object).err());
            }
            condition(&exposures.filter, problems);
        }
        for component in components.values() {
            condition(&component.filter, problems);
            let value = ComponentDef { filter: None, ..(*component).clone() };
            problems
                .extend(bind::component(ctx, schema, &value, object, &mut BTreeSet::new()).err());
        }
    }

    /// The stage queries that `plan` renders, each under the name of its stage: those of one day for each
    /// unit type (the others differ in their parameters), and those of every experiment.
    ///
    /// # Errors
    /// A log cannot be opened; an expression does not fit it.
    pub async fn queries(&self, plan: &Plan) -> Result<Vec<(String, String)>> {
        let mut queries = Vec::new();
        let mut by_unit_type: BTreeMap<&str, (NaiveDate, Vec<usize>)> = BTreeMap::new();
        for task in &plan.experiments {
            let unit_type = self.project.experiments[task.index].design.unit.value.as_str();
            let Some(last) = task.looks.last() else { continue };
            let entry = by_unit_type.entry(unit_type).or_insert((*last, Vec::new()));
            entry.0 = entry.0.max(*last);
            entry.1.push(task.index);
        }
        for (unit_type, (ds, experiments)) in by_unit_type {
            self.queries_of_unit_type(unit_type, ds, &experiments, &mut queries).await?;
        }
        Ok(queries)
    }

    async fn queries_of_unit_type(
        &self,
        unit_type: &str,
        ds: NaiveDate,
        experiments: &[usize],
        queries: &mut Vec<(String, String)>,
    ) -> Result<()> {
        let experiments: Vec<_> =
            experiments.iter().map(|index| &self.project.experiments[*index]).collect();
        let mut tally = Tally::default();
        let names: BTreeSet<&str> = experiments.iter().filter_map(|e| exposures_of(e)).collect();
        for name in names {
            let exposures = &self.project.exposures[name];
            let source = &self.project.sources[&exposures.source.value];
            let opened = self.open(source, ds, &mut tally).await?;
            let bound = bind::exposures(
                &self.ctx,
                opened.schema(),
                source,
                exposures,
                unit_type,
                opened.example(),
            )?;
            queries.push((format!("exposures_logged ({name})"), render::exposures_logged(&bound)?));
        }
        let (logs, components) = self.bound_events(unit_type, ds).await?;
        for (name, log) in &logs {
            let own: Vec<ComponentSql> = components
                .iter()
                .filter(|c| c.def.source == *name)
                .map(ComponentSql::new)
                .collect();
            queries.push((format!("events_logged ({name})"), render::events_logged(log, &own)?));
        }
        let numbers: BTreeMap<&str, Number> =
            components.iter().map(|c| (c.def.column.as_str(), c.number)).collect();
        let mut metrics = Vec::new();
        for experiment in &experiments {
            let of = |column: &str| {
                let def = self.components.of_experiment(experiment);
                let def = def.into_iter().find(|def| def.column == column);
                let number = def.and_then(|def| {
                    let number = numbers.get(def.component.column.as_str())?;
                    Some(total_number(def.component.aggregate, *number))
                });
                number.ok_or_else(|| Error::Internal(format!("{column} is no total")))
            };
            metrics.push(self.metrics_of(experiment, &of)?);
        }
        let distinct = render::distinct_moments(metrics.iter().flatten());
        let watched = experiments.iter().zip(&metrics).filter(|(e, _)| e.is_sequential());
        let pairs = render::pairs(&distinct, watched.flat_map(|(_, metrics)| metrics));
        let sql = render::group_changes(&distinct, &pairs)?;
        queries.push((format!("group_changes ({unit_type})"), sql));
        for (experiment, metrics) in experiments.iter().zip(&metrics) {
            let stage = format!("group_stats ({})", experiment.name.value);
            let sql = render::group_stats(metrics, true, &GroupsSql::of(experiment))?;
            queries.push((stage, sql.text));
        }
        Ok(())
    }

    /// The event logs and components of a unit type, bound to one day.
    async fn bound_events(
        &self,
        unit_type: &str,
        ds: NaiveDate,
    ) -> Result<(Vec<(String, BoundLog)>, Vec<BoundComponent>)> {
        let defs = self.components.of_unit_type(&self.project, unit_type);
        let names: BTreeSet<&str> = defs.iter().map(|def| def.source.as_str()).collect();
        let (mut logs, mut components) = (Vec::new(), Vec::new());
        for name in names {
            let source = &self.project.sources[name];
            let opened = self.open(source, ds, &mut Tally::default()).await?;
            let mut log =
                bind::log(&self.ctx, opened.schema(), source, unit_type, opened.example())?;
            for def in defs.iter().filter(|def| def.source == name) {
                components.push(bind::component(
                    &self.ctx,
                    opened.schema(),
                    def,
                    opened.example(),
                    &mut log.columns,
                )?);
            }
            logs.push((name.to_owned(), log));
        }
        components.sort_by(|a, b| a.def.column.cmp(&b.def.column));
        Ok((logs, components))
    }
}
