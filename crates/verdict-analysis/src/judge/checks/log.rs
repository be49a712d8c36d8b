//! Rows that the logs hold and that no unit or no day could take.

use verdict_model::RowCounts;

use super::{Finding, Subject};
use crate::words::{count, counted};

/// Rows without a unit: who did it is not known.
pub(super) fn rows_without_unit(subject: &Subject<'_>) -> Finding {
    rows_that(
        subject,
        |rows| rows.without_unit,
        "have no unit",
        "They were left out. Correct the source's `units` expression, or the logging.",
    )
}

/// Rows with a unit and without a time: whether they came after the exposure is not known.
pub(super) fn rows_without_time(subject: &Subject<'_>) -> Finding {
    rows_that(
        subject,
        |rows| rows.without_time,
        "have a unit and no time",
        "They were left out. Correct the source's `timestamp` expression, or the logging.",
    )
}

/// Rows whose time lies outside the day of their folder.
pub(super) fn rows_outside_day(subject: &Subject<'_>) -> Finding {
    rows_that(
        subject,
        |rows| rows.outside_day,
        "have a time outside the day of their folder",
        "They were kept on the day of their folder or left out, as the source's `outside_day` says. \
         Check the project's time zone and the source's `timestamp` expression; late rows belong in the folder of \
         their own day.",
    )
}

fn rows_that(
    subject: &Subject<'_>,
    pick: fn(&RowCounts) -> u64,
    what: &str,
    remedy: &str,
) -> Finding {
    let Some(counts) = subject.counts else {
        return not_known();
    };
    let (exposures, events) = (pick(&counts.exposures), pick(&counts.events));
    let rows = exposures.saturating_add(events);
    let found = format!(
        "{} of {} of the exposure log and {} of {} of the event logs {what}.",
        count(exposures),
        counted(counts.exposures.read, "row"),
        count(events),
        counted(counts.events.read, "row"),
    );
    if rows == 0 { Finding::pass(found) } else { Finding::warn(format!("{found} {remedy}")) }
        .counting(rows)
}

/// The finding of every check on row counts when there are none.
pub(super) fn not_known() -> Finding {
    Finding::warn(
        "Not known: these statistics came without row counts, as those made elsewhere do. \
         Run the experiment from its logs to have this checked.",
    )
}
