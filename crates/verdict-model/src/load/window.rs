//! `window`: the days after exposure over which a metric is taken.

use crate::Window;
use crate::yaml::Item;

/// Keys that would cut days; each is refused with the reason.
const FINER: [&str; 6] = ["hours", "start_hours", "end_hours", "minutes", "start_hour", "end_hour"];

const WHOLE_DAYS: &str = "windows are whole days, because what a unit does is stored by day and never read from the log \
                          again; write `{start: 0, end: 6}` for the exposure day and the six days after it";

/// `{start: 0, end: 6}`.
pub(super) fn window(item: &Item<'_>) -> Option<Window> {
    if !item.is_mapping() {
        item.refuse(format!("is not a mapping: {WHOLE_DAYS}"));
        return None;
    }
    let mut map = item.map()?;
    for key in FINER {
        if let Some(item) = map.get(key) {
            item.refuse(WHOLE_DAYS);
        }
    }
    let start = map.get("start").map_or(Some(0), |item| day(&item));
    let end_item = map.require("end", "write the last day that counts, such as {start: 0, end: 6}");
    let end = end_item.as_ref().and_then(day);
    map.finish();
    in_order(start?, end?, &end_item?)
}

/// `[7, 13]`: the first and the last day.
pub(super) fn days(item: &Item<'_>) -> Option<Window> {
    let items = item.list()?;
    let [start, end] = &items[..] else {
        item.refuse(
            "is not two days: write the first and the last day after exposure, such as [7, 13]",
        );
        return None;
    };
    in_order(day(start)?, day(end)?, end)
}

fn day(item: &Item<'_>) -> Option<u32> {
    let expected = format!("a whole number of days from 0 to {} ({WHOLE_DAYS})", Window::LAST);
    let fits = |n: f64| n.fract() == 0.0 && (0.0..=f64::from(Window::LAST)).contains(&n);
    item.number(&expected, fits).map(|n| n as u32)
}

fn in_order(start: u32, end: u32, item: &Item<'_>) -> Option<Window> {
    if end < start {
        item.refuse(format!(
            "{end} is before `start`, {start}: a window ends on a later day or the same"
        ));
        return None;
    }
    Some(Window { start, end })
}
