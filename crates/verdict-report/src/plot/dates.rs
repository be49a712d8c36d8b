//! Ticks of days.

use chrono::{Datelike, Days};
use verdict_model::NaiveDate;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A day as an axis names it: `2 Mar`.
pub(crate) fn short(day: NaiveDate) -> String {
    format!("{} {}", day.day(), MONTHS[day.month0() as usize])
}

/// A day as a sentence names it: `2 Mar 2026`.
pub(crate) fn long(day: NaiveDate) -> String {
    format!("{} {}", short(day), day.year())
}

/// Every so many days from the first, at most `most` of them.
pub(crate) fn ticks(first: NaiveDate, last: NaiveDate, most: usize) -> Vec<NaiveDate> {
    let days = (last - first).num_days().max(0) as usize + 1;
    let steps = [1, 2, 7, 14, 28, 56, 91, 182, 364];
    let step = steps.into_iter().find(|step| days.div_ceil(*step) <= most.max(1));
    let step = step.unwrap_or_else(|| days.div_ceil(most.max(1)));
    (0..days as u64).step_by(step).filter_map(|n| first.checked_add_days(Days::new(n))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(month: u32, day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, month, day).unwrap()
    }

    #[test]
    fn days_are_named_as_people_do() {
        assert_eq!((short(day(3, 2)), long(day(12, 31))), ("2 Mar".into(), "31 Dec 2026".into()));
    }

    #[test]
    fn ticks_are_every_so_many_days() {
        assert_eq!(ticks(day(3, 1), day(3, 3), 7).len(), 3);
        assert_eq!(
            ticks(day(3, 1), day(3, 12), 7),
            (0..6).map(|i| day(3, 1 + 2 * i)).collect::<Vec<_>>()
        );
        assert_eq!(ticks(day(3, 1), day(3, 28), 5), [1, 8, 15, 22].map(|d| day(3, d)));
        assert_eq!(ticks(day(3, 5), day(3, 1), 5), [day(3, 5)]);
        assert!(ticks(NaiveDate::MIN, day(3, 1), 5).len() <= 5);
    }
}
