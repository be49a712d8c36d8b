//! A plan cut into steps that other processes can make, in any order, twice or not at all.
//!
//! A step ends in partitions of its own, each of which is one PUT; what a process wrote before it was lost is what any other
//! would have written. So nobody is asked what was made: the next plan finds what is there and true, and what is not is made.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};
use verdict_model::NaiveDate;
use verdict_model::tables::{EXPOSURE_DAY, GROUP_STATS, UNIT_DAY, UNIT_TOTAL};

use crate::day::DayTask;
use crate::fingerprint::Fingerprint;
use crate::job::{Job, Silent, Tally};
use crate::plan::{Action, Item, Plan};
use crate::shares::own_buckets;
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
    /// Shares of totals: of some buckets of experiments, for the as-of dates of a range; all days are made. They have the reading
    /// of `unit_day` in common.
    Shares {
        experiments: Vec<String>,
        from: NaiveDate,
        to: NaiveDate,
        own: Range<u32>,
        buckets: u32,
    },
    /// Totals and group statistics of experiments, likewise; of so many shares, where there are any.
    Totals { experiments: Vec<String>, from: NaiveDate, to: NaiveDate, shares: usize },
}

/// Experiments in a few words.
fn named(experiments: &[String]) -> String {
    match experiments {
        [one] => one.clone(),
        [first, others @ ..] => format!("{first} and {} more", others.len()),
        [] => "nothing".to_owned(),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Part::Day { unit_type, ds, .. } => write!(f, "day {ds} of {unit_type}"),
            Part::Shares { experiments, own, buckets, .. } => {
                let (last, of) = (own.end.saturating_sub(1), named(experiments));
                write!(f, "totals of {of}, buckets {} to {last} of {buckets}", own.start)
            }
            Part::Totals { experiments, .. } => write!(f, "totals of {}", named(experiments)),
        }
    }
}

/// What a step does, in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stage {
    /// `scan`, `sweep`, `share`, `join`, or the table that is written.
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

    /// The buckets of one of `of` slices, the `index`-th from 1: as many for each, or one more.
    pub fn slice_of_buckets(&self, index: u32, of: u32) -> Range<u32> {
        own_buckets(self.project.buckets, index.saturating_sub(1), of)
    }

    /// The shares of some buckets of what `plan` makes of totals and group statistics, in steps of up to fifty experiments.
    pub fn share_steps(
        &self,
        plan: &Plan,
        (from, to): (NaiveDate, NaiveDate),
        own: &Range<u32>,
    ) -> Vec<Step> {
        let names = self.makes_totals_of(plan);
        let together = names.chunks(MOST_TOGETHER).filter(|_| !own.is_empty());
        let step = |experiments: &[String]| {
            let (experiments, own) = (experiments.to_vec(), own.clone());
            Step(Part::Shares { experiments, from, to, own, buckets: self.project.buckets })
        };
        together.map(step).collect()
    }

    /// What `plan`, that of the as-of dates from `from` to `to`, makes of totals and group statistics, in two rounds of steps for so
    /// many workers.
    ///
    /// Where there are as many experiments as workers each gets as many, or fewer where a step would have over fifty, and
    /// there is nothing in the first round. Where there are fewer each worker gets a share of the buckets of all of them, and
    /// then the shares of an experiment are joined.
    pub fn totals_steps(
        &self,
        plan: &Plan,
        dates: (NaiveDate, NaiveDate),
        workers: usize,
    ) -> [Vec<Step>; 2] {
        let (from, to) = dates;
        let names = self.makes_totals_of(plan);
        let buckets = self.project.buckets;
        let cut = u32::try_from(workers).unwrap_or(u32::MAX).min(buckets);
        if names.is_empty() || names.len() >= workers || cut < 2 {
            let parts = workers.max(names.len().div_ceil(MOST_TOGETHER)).max(1);
            let step = |own: &[String]| {
                Step(Part::Totals { experiments: own.to_vec(), from, to, shares: 0 })
            };
            return [Vec::new(), evenly(&names, parts).map(step).collect()];
        }
        let shares = (0..cut)
            .flat_map(|index| self.share_steps(plan, dates, &own_buckets(buckets, index, cut)));
        let join = |name: &String| {
            let experiments = vec![name.clone()];
            Step(Part::Totals { experiments, from, to, shares: cut as usize })
        };
        [shares.collect(), names.iter().map(join).collect()]
    }

    /// The experiments of which a plan makes totals or group statistics.
    fn makes_totals_of(&self, plan: &Plan) -> Vec<String> {
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
        names.filter(|name| makes(name)).cloned().collect()
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
            Part::Shares { own, .. } => {
                let what = format!("{} and {} of their days", EXPOSURE_DAY.name, UNIT_DAY.name);
                let share =
                    format!("an object of its own for each experiment, of {} buckets", own.len());
                vec![Stage::reads("sweep", what, 0), Stage::reads("share", share, 0)]
            }
            Part::Totals { experiments, shares, .. } => {
                let own = |item: &Item| {
                    experiments
                        .iter()
                        .any(|name| item.partition.starts_with(&format!("experiment={name}/")))
                };
                let read = match shares {
                    0 => {
                        let days = [EXPOSURE_DAY.name, UNIT_DAY.name].join(" and ");
                        Stage::reads("sweep", format!("{days} of their days"), 0)
                    }
                    shares => Stage::reads("join", format!("{shares} shares"), 0),
                };
                let mut stages = vec![read];
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
            Part::Shares { experiments, from, to, .. }
            | Part::Totals { experiments, from, to, .. } => {
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
        let failed = match &step.0 {
            Part::Shares { own, .. } => {
                self.make_shares(&plan, own, &Silent, &mut tally).await?.failed
            }
            _ => self.make(&plan, &Silent, &mut tally).await?.failed,
        };
        match failed.into_iter().next() {
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
