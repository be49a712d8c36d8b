//! Lines over days, and curves: axes, bands, steps, marks.

use maud::{Markup, html};
use verdict_model::NaiveDate;

use super::scale::Scale;
use super::ticks::Ticks;
use super::{Frame, dates, px};

/// Grid and labels of the vertical axis; `label` gives a tick's words.
pub(crate) fn y_axis(
    frame: &Frame,
    scale: &Scale,
    ticks: &Ticks,
    label: impl Fn(f64) -> String,
) -> Markup {
    let (x1, x2) = frame.x_range();
    html! {
        @for y in &ticks.at {
            line class="grid" x1=(px(x1)) x2=(px(x2)) y1=(px(scale.at(*y))) y2=(px(scale.at(*y))) {}
            text class="label" x=(px(x1 - 8.0)) y=(px(scale.at(*y) + 4.0)) text-anchor="end" { (label(*y)) }
        }
    }
}

/// Labels of the horizontal axis, with a caption below them.
pub(crate) fn x_axis(
    frame: &Frame,
    scale: &Scale,
    labels: &[(f64, String)],
    caption: &str,
) -> Markup {
    let (x1, x2) = frame.x_range();
    let y = frame.y_range().0;
    html! {
        line class="axis" x1=(px(x1)) x2=(px(x2)) y1=(px(y)) y2=(px(y)) {}
        @for (x, label) in labels {
            line class="tick" x1=(px(scale.at(*x))) x2=(px(scale.at(*x))) y1=(px(y)) y2=(px(y + 5.0)) {}
            text class="label" x=(px(scale.at(*x))) y=(px(y + 18.0)) text-anchor="middle" { (label) }
        }
        text class="label caption" x=(px((x1 + x2) / 2.0)) y=(px(y + 35.0)) text-anchor="middle" { (caption) }
    }
}

/// Days as numbers, from the first.
pub(crate) fn day(first: NaiveDate, ds: NaiveDate) -> f64 {
    (ds - first).num_days() as f64
}

/// The labels of an axis of days.
pub(crate) fn day_labels(frame: &Frame, first: NaiveDate, last: NaiveDate) -> Vec<(f64, String)> {
    let most = ((frame.width - frame.left - frame.right) / 62.0) as usize;
    let days = dates::ticks(first, last, most.max(2));
    days.into_iter().map(|ds| (day(first, ds), dates::short(ds))).collect()
}

/// A line that says what it is: zero, the smallest effect, a wanted power. Where there is no room beside it, the words would
/// lie upon the marks: the axis says where zero is, and [`caption`] what is dashed.
pub(crate) fn level(frame: &Frame, scale: &Scale, y: f64, class: &str, label: &str) -> Markup {
    let (x1, x2) = frame.x_range();
    html! {
        @if scale.contains(y) {
            line class=(class) x1=(px(x1)) x2=(px(x2)) y1=(px(scale.at(y))) y2=(px(scale.at(y))) {}
            @if frame.has_margin() {
                text class="label" x=(px(x2 + 8.0)) y=(px(scale.at(y) + 4.0)) { (label) }
            }
        }
    }
}

/// What the horizontal axis shows and, where the line has no room for its words, what is dashed.
pub(crate) fn caption(frame: &Frame, shows: &str, dashed: Option<&str>) -> String {
    match dashed {
        Some(dashed) if !frame.has_margin() => format!("{shows} · dashed: {dashed}"),
        _ => shows.to_owned(),
    }
}

/// A line through points; where there is none it is broken.
pub(crate) fn path(points: &[Option<(f64, f64)>]) -> String {
    let mut d = String::new();
    let mut down = false;
    for point in points {
        match point {
            Some((x, y)) => {
                d.push_str(&format!("{}{} {}", if down { "L" } else { "M" }, px(*x), px(*y)));
                down = true;
            }
            None => down = false,
        }
    }
    d
}

/// The area between two lines, piece by piece where both are known.
pub(crate) fn band(points: &[Option<(f64, f64, f64)>]) -> String {
    let mut d = String::new();
    for piece in points.split(Option::is_none) {
        let piece: Vec<(f64, f64, f64)> = piece.iter().flatten().copied().collect();
        if piece.len() < 2 {
            continue;
        }
        let upper = piece.iter().map(|(x, _, upper)| (*x, *upper));
        let lower = piece.iter().rev().map(|(x, lower, _)| (*x, *lower));
        for (i, (x, y)) in upper.chain(lower).enumerate() {
            d.push_str(&format!("{}{} {}", if i == 0 { "M" } else { "L" }, px(x), px(y)));
        }
        d.push('Z');
    }
    d
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_broken_where_nothing_is_known() {
        let points = [Some((0.0, 1.0)), Some((1.0, 2.26)), None, Some((3.0, 0.0))];
        assert_eq!(path(&points), "M0 1L1 2.3M3 0");
        assert_eq!(path(&[]), "");
    }

    #[test]
    fn a_band_goes_there_and_back() {
        let points = [Some((0.0, 1.0, 3.0)), Some((1.0, 2.0, 4.0)), None, Some((3.0, 0.0, 1.0))];
        assert_eq!(band(&points), "M0 3L1 4L1 2L0 1Z");
    }
}
