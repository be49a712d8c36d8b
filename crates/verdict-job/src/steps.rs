//! A plan cut into steps that other processes can make, in any order, twice or not at all.
//!
//! A step ends in partitions of its own, each of which is one PUT; what a process wrote before it was lost is what any other
//! would have written. So nobody is asked what was made: the next plan finds what is there and true, and what is not is made.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use verdict_model::NaiveDate;
use verdict_model::tables::{EXPOSURE_DAY, GROUP_STATS, UNIT_DAY, UNIT_TOTAL};

use crate::day::DayTask;
use crate::fingerprint::Fingerprint;
use crate::job::{Job, Silent, Tally};
use crate::plan::{Action, Item, Plan};
use crate::{Error, Result};

/// A part of a plan that needs nothing of the other parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step(Part);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Part {
    /// The tables of a day of a unit type.
    Day {
        unit_type: String,
        ds: NaiveDate,
        /// The fingerprint of `unit_day`, when it is to be made.
        unit_day: Option<Fingerprint>,
        /// The experiments whose `exposure_day` is to be made.
        exposure_days: Vec<(String, Fingerprint)>,
    },
    /// Totals and group statistics of experiments, of the as-of dates of a range; all days are made. They have the reading of
    /// `unit_day` in common.
    Totals { experiments: Vec<String>, from: NaiveDate, to: NaiveDate },
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Part::Day { unit_type, ds, .. } => write!(f, "day {ds} of {unit_type}"),
            Part::Totals { experiments, .. } => match experiments.as_slice() {
                [one] => write!(f, "totals of {one}"),
                [first, others @ ..] => write!(f, "totals of {first} and {} more", others.len()),
                [] => f.write_str("totals of nothing"),
            },
        }
    }
}

/// What a step does, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// `scan`, `sweep`, or the table that is written.
    pub stage: &'static str,
    /// What is read, or whose partitions are written, in words.
    pub what: String,
    /// The partitions that are written, below their table.
    pub partitions: Vec<String>,
    /// Bytes of the logs that are read.
    pub bytes: u64,
}

impl Stage {
    fn reads(stage: &'static str, what: String, bytes: u64) -> Stage {
        Stage { stage, what, partitions: Vec::new(), bytes }
    }

    /// What writes these partitions of a table; nothing where there are none.
    fn writes(table: &'static str, items: &[&Item]) -> Option<Stage> {
        (!items.is_empty()).then(|| Stage {
            stage: table,
            what: whose(items),
            partitions: items.iter().map(|item| item.partition.clone()).collect(),
            bytes: 0,
        })
    }
}

/// So many experiments share a sweep: it holds a bucket of the totals of each in memory.
const MOST_TOGETHER: usize = 50;

/// As many parts, each of as many or one more; none that is empty.
fn evenly<T>(all: &[T], parts: usize) -> impl Iterator<Item = &[T]> {
    let cut = move |part: usize| part * all.len() / parts;
    (0..parts).map(move |part| &all[cut(part)..cut(part + 1)]).filter(|own| !own.is_empty())
}

/// Whose partitions these are, with their dates: `prices 2026-03-02`, `prices 9 dates to 2026-03-12`.
fn whose(items: &[&Item]) -> String {
    let mut dates: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for item in items {
        let (of, ds) = item.partition.rsplit_once('/').unwrap_or(("", &item.partition));
        let (of, ds) =
            [of, ds].map(|part| part.split_once('=').map_or(part, |(_, value)| value)).into();
        dates.entry(of).or_default().push(ds);
    }
    let told = dates.iter().map(|(of, dates)| match dates.as_slice() {
        [.., last] if dates.len() > 1 => format!("{of} {} dates to {last}", dates.len()),
        dates => format!("{of} {}", dates.join(" ")),
    });
    told.collect::<Vec<_>>().join(", ")
}

impl Job {
    /// The days that `plan` makes, a step each.
    pub fn day_steps(&self, plan: &Plan) -> Vec<Step> {
        let name = |index: usize| self.project.experiments[index].name.value.clone();
        let step = |task: &DayTask| {
            let days = task.exposure_days.iter();
            Step(Part::Day {
                unit_type: task.unit_type.clone(),
                ds: task.ds,
                unit_day: task.unit_day.clone(),
                exposure_days: days.map(|(index, made)| (name(*index), made.clone())).collect(),
            })
        };
        plan.days.iter().map(step).collect()
    }

    /// The experiments of which `plan`, that of the as-of dates from `from` to `to`, makes totals or group statistics, in steps
    /// of about as many: `shares` of them, or more where a step would have over fifty experiments.
    pub fn totals_steps(
        &self,
        plan: &Plan,
        (from, to): (NaiveDate, NaiveDate),
        shares: usize,
    ) -> Vec<Step> {
        let of = |name: &str| format!("experiment={name}/");
        let makes = |name: &str| {
            plan.items.iter().any(|item| {
                [UNIT_TOTAL.name, GROUP_STATS.name].contains(&item.table)
                    && item.partition.starts_with(&of(name))
                    && item.action != Action::Fresh
            })
        };
        let names =
            plan.experiments.iter().map(|task| &self.project.experiments[task.index].name.value);
        let names: Vec<String> = names.filter(|name| makes(name)).cloned().collect();
        let shares = shares.max(names.len().div_ceil(MOST_TOGETHER)).max(1);
        evenly(&names, shares)
            .map(|own| Step(Part::Totals { experiments: own.to_vec(), from, to }))
            .collect()
    }

    /// What `step` of `plan` does wherever it is made: each partition that the plan makes, but results, checks and decisions, is
    /// written by one stage of one step.
    pub fn stages(&self, step: &Step, plan: &Plan) -> Vec<Stage> {
        let written = |table: &'static str, own: &dyn Fn(&Item) -> bool| -> Vec<&Item> {
            let made = |item: &&Item| item.action != Action::Fresh && item.table == table;
            plan.items.iter().filter(made).filter(|item| own(item)).collect()
        };
        match &step.0 {
            Part::Day { unit_type, ds, .. } => {
                let units = written(UNIT_DAY.name, &|item| {
                    item.partition == format!("unit_type={unit_type}/ds={ds}")
                });
                let unit = |index: &usize| {
                    self.project.experiments[*index].design.unit.value == *unit_type
                };
                let of_type = |item: &Item| {
                    let names = 0..self.project.experiments.len();
                    names.filter(unit).any(|index| {
                        let name = &self.project.experiments[index].name.value;
                        item.partition == format!("experiment={name}/ds={ds}")
                    })
                };
                let exposed = written(EXPOSURE_DAY.name, &of_type);
                let bytes = units.iter().chain(&exposed).map(|item| item.bytes).sum();
                let mut stages =
                    vec![Stage::reads("scan", "rows of the logs, added up by unit".into(), bytes)];
                stages.extend(Stage::writes(UNIT_DAY.name, &units));
                stages.extend(Stage::writes(EXPOSURE_DAY.name, &exposed));
                stages
            }
            Part::Totals { experiments, .. } => {
                let own = |item: &Item| {
                    experiments
                        .iter()
                        .any(|name| item.partition.starts_with(&format!("experiment={name}/")))
                };
                let what = format!("{} and {} of their days", EXPOSURE_DAY.name, UNIT_DAY.name);
                let mut stages = vec![Stage::reads("sweep", what, 0)];
                for table in [UNIT_TOTAL.name, GROUP_STATS.name] {
                    stages.extend(Stage::writes(table, &written(table, &own)));
                }
                stages
            }
        }
    }

    /// Makes a step of a plan that another process made over the same project.
    ///
    /// # Errors
    /// The step names what the project does not have; a log or a table fails; totals are asked for before their days are there.
    pub async fn make_step(&self, step: &Step) -> Result<Tally> {
        let mut plan = Plan::default();
        match &step.0 {
            Part::Day { unit_type, ds, unit_day, exposure_days } => {
                let index = |name: &String| {
                    let experiments = &self.project.experiments;
                    let at = experiments.iter().position(|e| e.name.value == *name);
                    at.ok_or_else(|| Error::Usage(format!("there is no experiment `{name}`")))
                };
                let exposure_days =
                    exposure_days.iter().map(|(name, made)| Ok((index(name)?, made.clone())));
                plan.days.push(DayTask {
                    unit_type: unit_type.clone(),
                    ds: *ds,
                    unit_day: unit_day.clone(),
                    exposure_days: exposure_days.collect::<Result<_>>()?,
                });
            }
            Part::Totals { experiments, from, to } => {
                plan = self.plan(*from, *to, experiments).await?;
                if plan.makes_days() {
                    let day = &plan.days[0].ds;
                    return Err(Error::Usage(format!(
                        "the {step} were asked for before the tables of {day} are there, or these have \
                         become stale meanwhile"
                    )));
                }
            }
        }
        let mut tally = Tally::default();
        let outcome = self.make(&plan, &Silent, &mut tally).await?;
        match outcome.failed.into_iter().next() {
            Some((_, error)) => Err(error),
            None => Ok(tally),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_differ_by_one_at_most() {
        for (all, parts, sizes) in [
            (5, 2, vec![2, 3]),
            (3, 3, vec![1, 1, 1]),
            (2, 4, vec![1, 1]),
            (0, 3, vec![]),
            (7, 1, vec![7]),
        ] {
            let numbers: Vec<usize> = (0..all).collect();
            let shares: Vec<&[usize]> = evenly(&numbers, parts).collect();
            assert_eq!(shares.iter().map(|own| own.len()).collect::<Vec<_>>(), sizes);
            assert_eq!(shares.concat(), numbers);
        }
    }
}
