//! Whether the logs have every day, and each of them to its end. What is said names the watermark: the time of the latest
//! event that the numbers include.

use verdict_model::{DataCounts, DayRows, NaiveDate};

use super::{Finding, Subject, log};
use crate::words::{count, counted, list};

/// Days besides the one looked at that a usual day is judged by.
const FEWEST_DAYS: usize = 3;

/// A day whose log ends this much earlier than is usual (and an hour at least) is taken to be cut off.
const EARLIER_THAN_USUAL: f64 = 10.0;

const HOUR_US: i64 = 3_600_000_000;

/// A day with less than this share of the usual rows is taken to be partial.
const SHARE_OF_USUAL: f64 = 0.2;

/// How many days a message spells out.
const SPELLED_OUT: usize = 5;

/// Missing days, days with few rows, days whose log ends early.
pub(super) fn complete(subject: &Subject<'_>) -> Finding {
    let Some(counts) = subject.counts else { return log::not_known() };
    let days: Vec<(NaiveDate, DayRows)> = counts.by_day.iter().map(|(d, r)| (*d, *r)).collect();
    let Some(((first, _), (last, _))) = days.first().copied().zip(days.last().copied()) else {
        return log::not_known();
    };
    let mut faults = counts.incomplete.clone();
    let empty = first.iter_days().take_while(|day| *day <= last).filter(|day| {
        counts.by_day.get(day).is_none_or(|rows| rows.events == 0 && rows.exposures == 0)
    });
    let empty: Vec<String> = empty.map(|day| day.to_string()).collect();
    if !empty.is_empty() {
        let named: Vec<String> = empty.iter().take(SPELLED_OUT).cloned().collect();
        let more = empty.len() - named.len();
        let more =
            if more > 0 { format!(" and {} more", count(more as u64)) } else { String::new() };
        faults.push(format!("no row at all on {}{more}", list(&named)));
    }
    let with_rows: Vec<(NaiveDate, DayRows)> =
        days.into_iter().filter(|(_, rows)| rows.events > 0).collect();
    for (day, rows) in &with_rows {
        let others = || with_rows.iter().filter(|(other, _)| other != day);
        if let Some(usual) = median(others().map(|(_, rows)| rows.events as f64).collect())
            && (rows.events as f64) < SHARE_OF_USUAL * usual
        {
            let usual = count(usual as u64);
            faults.push(format!(
                "{day} has {}, where {usual} are usual",
                counted(rows.events, "event row")
            ));
            continue;
        }
        let quiet = others().filter_map(|(_, rows)| rows.quiet_us).map(|us| us as f64).collect();
        if let (Some(usual), Some(own)) = (median(quiet), rows.quiet_us)
            && own >= HOUR_US
            && own as f64 > EARLIER_THAN_USUAL * usual
        {
            faults.push(format!(
                "the events of {day} end {:.1} hours before the day does",
                own as f64 / HOUR_US as f64
            ));
        }
    }
    let watermark = watermark(counts);
    if faults.is_empty() {
        return Finding::pass(format!(
            "{} from {first} to {last}, all with rows. {watermark}",
            counted(counts.by_day.len() as u64, "day")
        ))
        .counting(0);
    }
    let more = faults.len().saturating_sub(SPELLED_OUT);
    let more = if more > 0 { format!("; and {} more", count(more as u64)) } else { String::new() };
    let said = faults.iter().take(SPELLED_OUT).cloned().collect::<Vec<_>>().join("; ");
    Finding::warn(format!(
        "Days are missing or partial: {said}{more}. {watermark} When the files are whole, run again: what is late is \
         taken in by itself."
    ))
    .counting(faults.len() as u64)
}

fn watermark(counts: &DataCounts) -> String {
    let latest = counts.by_day.values().filter_map(|rows| rows.latest_us).max();
    match latest.and_then(instant) {
        Some(latest) => format!("The latest event is of {latest} UTC."),
        None => "There is no event.".to_owned(),
    }
}

/// The number, in `NaiveDate`'s count of days, of the first of January 1970.
const DAY_OF_1970: i64 = 719_163;

/// Microseconds since 1970 as a date and a time.
fn instant(us: i64) -> Option<String> {
    let (day, second) = (us.div_euclid(24 * HOUR_US), us.rem_euclid(24 * HOUR_US) / 1_000_000);
    let day = NaiveDate::from_num_days_from_ce_opt(i32::try_from(DAY_OF_1970 + day).ok()?)?;
    Some(format!("{day} {:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60))
}

/// The middle one, the lower of two; `None` of too few.
fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    (values.len() >= FEWEST_DAYS).then(|| values[(values.len() - 1) / 2])
}
