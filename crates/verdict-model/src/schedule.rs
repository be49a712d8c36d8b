//! When an experiment is looked at.

use chrono::Days;

use crate::NaiveDate;

/// The looks of an experiment: every so many whole days, and at the planned end.
///
/// A look at day k is the as-of date that closes its k-th day, so that weekly looks see whole weeks: days 7, 14, …
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Schedule {
    first: NaiveDate,
    every: u32,
    last: Option<NaiveDate>,
}

impl Schedule {
    /// From the first day on, every `every` days (0 counts as 1), up to `max_days` and `end`, whichever is earlier.
    pub fn new(
        first: NaiveDate,
        every: u32,
        max_days: Option<u32>,
        end: Option<NaiveDate>,
    ) -> Schedule {
        let longest = max_days
            .and_then(|days| first.checked_add_days(Days::new(u64::from(days.saturating_sub(1)))));
        let last = match (longest, end) {
            (Some(longest), Some(end)) => Some(longest.min(end)),
            (longest, end) => longest.or(end),
        };
        // An end before the first day leaves that one day.
        Schedule { first, every: every.max(1), last: last.map(|last| last.max(first)) }
    }

    /// Its first day.
    pub fn first(&self) -> NaiveDate {
        self.first
    }

    /// The planned end, which is a look.
    pub fn last(&self) -> Option<NaiveDate> {
        self.last
    }

    /// How many days an as-of date closes: 1 on the first day, 0 or less before it.
    pub fn days(&self, as_of: NaiveDate) -> i64 {
        (as_of - self.first).num_days() + 1
    }

    /// The as-of dates of the looks, up to and with `up_to`.
    pub fn looks(&self, up_to: NaiveDate) -> Vec<NaiveDate> {
        let until = self.last.map_or(up_to, |last| last.min(up_to));
        let step = Days::new(u64::from(self.every));
        let to_first = Days::new(u64::from(self.every - 1));
        let dates = std::iter::successors(self.first.checked_add_days(to_first), |date| {
            date.checked_add_days(step)
        });
        let mut looks: Vec<NaiveDate> = dates.take_while(|date| *date <= until).collect();
        if self.last.is_some_and(|last| last <= up_to && looks.last() != Some(&last)) {
            looks.extend(self.last);
        }
        looks
    }

    /// How many looks are planned; `None` without an end.
    pub fn planned(&self) -> Option<usize> {
        let last = self.last?;
        // Between the first day and the last, both included.
        let days = usize::try_from(self.days(last)).ok()?;
        Some(days.div_ceil(self.every as usize))
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use crate::NaiveDate;

    fn day(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2024, 3, day).expect("a date")
    }

    fn check(every: u32, max: Option<u32>, end: Option<u32>, up_to: u32, expect: &[u32]) {
        let schedule = Schedule::new(day(1), every, max, end.map(day));
        let looks: Vec<u32> = schedule
            .looks(day(up_to))
            .into_iter()
            .map(|date| chrono::Datelike::day(&date))
            .collect();
        assert_eq!(looks, expect, "every {every}, at most {max:?}, end {end:?}, up to {up_to}");
        if let Some(last) = schedule.last() {
            assert_eq!(schedule.planned(), Some(schedule.looks(last).len()));
        }
    }

    #[test]
    fn looks_close_whole_periods_and_the_planned_end_is_one() {
        check(1, None, None, 3, &[1, 2, 3]);
        check(1, Some(2), None, 3, &[1, 2]);
        check(7, None, None, 6, &[]);
        check(7, None, None, 15, &[7, 14]);
        check(7, Some(14), None, 31, &[7, 14]);
        check(7, Some(16), None, 15, &[7, 14]);
        check(7, Some(16), None, 31, &[7, 14, 16]);
        check(7, Some(16), Some(9), 31, &[7, 9]);
        check(1, Some(28), Some(2), 31, &[1, 2]);
        check(7, Some(3), None, 31, &[3]);
    }

    #[test]
    fn nothing_is_looked_at_before_the_first_day() {
        let schedule = Schedule::new(day(10), 1, Some(5), None);
        assert_eq!(schedule.looks(day(9)), []);
        assert_eq!((schedule.days(day(9)), schedule.days(day(10))), (0, 1));
        assert_eq!((schedule.last(), schedule.planned()), (Some(day(14)), Some(5)));
        assert_eq!(Schedule::new(day(10), 1, None, Some(day(2))).looks(day(12)), [day(10)]);
    }
}
