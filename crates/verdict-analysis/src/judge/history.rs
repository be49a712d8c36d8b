//! The looks of an experiment up to an as-of date, and the statistics of every day that is known.

use std::collections::BTreeMap;

use verdict_model::rows::GroupStat;
use verdict_model::{Experiment, NaiveDate, Schedule, SequentialMethod};

use super::groups::Groups;
use super::resamples::Resamples;

/// Statistics by day, and which of the days are looks.
pub(super) struct History<'a> {
    days: BTreeMap<NaiveDate, Groups<'a>>,
    /// `None` for an experiment that has no plan: one look, whenever it is.
    schedule: Option<Schedule>,
    looks: Vec<Look>,
    ended: bool,
    /// The day whose statistics the rows show: the latest look, or the as-of date where there is none.
    shown: NaiveDate,
    nothing: Groups<'a>,
    pub(super) resamples: &'a Resamples<'a>,
}

/// A look that has statistics.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Look {
    pub(super) ds: NaiveDate,
    /// Its number on the schedule, from 1.
    pub(super) number: Option<usize>,
    /// The share of the planned days that has passed.
    pub(super) fraction: Option<f64>,
    /// Whether the plan ends here.
    pub(super) last: bool,
}

impl<'a> History<'a> {
    /// From the statistics of `ds` and of the looks before it, as far as they are given.
    ///
    /// An experiment without a `start` begins with the earliest statistics. Statistics after `ds` are left aside.
    pub(super) fn of(
        experiment: &Experiment,
        ds: NaiveDate,
        stats: &'a [GroupStat],
        resamples: &'a Resamples<'a>,
    ) -> History<'a> {
        let settings = &experiment.settings;
        let sequential = settings.sequential != SequentialMethod::None;
        let planned = settings.max_duration_days.is_some();
        if !sequential && !planned && settings.min_duration_days.is_none() {
            let look = Look { ds, number: None, fraction: None, last: true };
            let days = BTreeMap::from([(ds, Groups::of(experiment, ds, stats))]);
            let nothing = Groups::of(experiment, ds, &[]);
            return History {
                days,
                schedule: None,
                looks: vec![look],
                ended: false,
                shown: ds,
                nothing,
                resamples,
            };
        }
        let mut days = Groups::by_day(experiment, ds, stats);
        let first = days.keys().next().copied();
        days.entry(ds).or_insert_with(|| Groups::of(experiment, ds, &[]));
        let schedule = experiment.schedule(experiment.start.or(first).unwrap_or(ds));
        let mut looks = looks(&schedule, ds, &days);
        let mut ended = looks.last().is_some_and(|look| look.last);
        let now = Look { ds, number: None, fraction: None, last: true };
        match (sequential, planned) {
            (true, _) => {}
            (false, true) => {
                looks.retain(|look| look.last);
                if looks.is_empty() && settings.show_interim {
                    looks.push(now);
                }
            }
            // One test, whenever it is looked at: the schedule only counts days.
            (false, false) => {
                looks = vec![now];
                ended = false;
            }
        }
        let shown = looks.last().map_or(ds, |look| look.ds);
        let nothing = Groups::of(experiment, ds, &[]);
        History { days, schedule: Some(schedule), looks, ended, shown, nothing, resamples }
    }

    /// The looks with statistics, in order; empty before the first, and before the planned end of a test that looks
    /// once.
    pub(super) fn looks(&self) -> &[Look] {
        &self.looks
    }

    /// The statistics of a day; those of nobody where none are given.
    pub(super) fn on(&self, day: NaiveDate) -> &Groups<'a> {
        self.days.get(&day).unwrap_or(&self.nothing)
    }

    /// The days with statistics, in order.
    pub(super) fn days(&self) -> impl Iterator<Item = (NaiveDate, &Groups<'a>)> {
        self.days.iter().map(|(day, groups)| (*day, groups))
    }

    /// The statistics that the rows show.
    pub(super) fn shown(&self) -> &Groups<'a> {
        self.on(self.shown)
    }

    /// How many looks are planned.
    pub(super) fn planned(&self) -> Option<usize> {
        self.schedule.as_ref().and_then(Schedule::planned)
    }

    /// The latest look on the schedule, which the rows show.
    pub(super) fn look(&self) -> Option<Look> {
        self.looks.last().copied().filter(|_| self.schedule.is_some())
    }

    /// Days from the start that an as-of date closes; `None` without a schedule.
    pub(super) fn days_by(&self, ds: NaiveDate) -> Option<i64> {
        self.schedule.as_ref().map(|schedule| schedule.days(ds))
    }

    /// The planned days, where there is an end.
    pub(super) fn planned_days(&self) -> Option<i64> {
        let schedule = self.schedule.as_ref()?;
        schedule.last().map(|last| schedule.days(last))
    }

    /// Whether the planned end is reached; never without one.
    pub(super) fn ended(&self) -> bool {
        self.ended
    }
}

fn looks(schedule: &Schedule, ds: NaiveDate, days: &BTreeMap<NaiveDate, Groups<'_>>) -> Vec<Look> {
    let end = schedule.last();
    let planned_days = end.map(|end| schedule.days(end) as f64);
    let mut looks: Vec<Look> = schedule
        .looks(ds)
        .into_iter()
        .enumerate()
        .filter(|(_, day)| days.get(day).is_some_and(|groups| !groups.is_empty()))
        .map(|(before, day)| Look {
            ds: day,
            number: Some(before + 1),
            fraction: planned_days.map(|planned| schedule.days(day) as f64 / planned),
            last: end == Some(day),
        })
        .collect();
    // A plan whose last look was missed ends with the first statistics after it.
    let missed = end.is_some_and(|end| ds > end) && !looks.last().is_some_and(|look| look.last);
    if missed {
        looks.push(Look { ds, number: schedule.planned(), fraction: Some(1.0), last: true });
    }
    looks
}
