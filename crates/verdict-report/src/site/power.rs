//! What the gathered units can find: the achievable effect, and power by the size of the true one.

use maud::{Markup, html};
use verdict_analysis::methods::special::norm_sf;
use verdict_analysis::words;
use verdict_model::rows::ResultRow;

use super::layout::absent;
use super::table;
use crate::finding::target_absolute;
use crate::format::{change, exact};
use crate::outlook::{achievable, bound};
use crate::plot::lines::{caption, level, path, x_axis, y_axis};
use crate::plot::scale::Scale;
use crate::plot::ticks::ticks;
use crate::plot::{Frame, both, px};
use crate::{Judged, Page};

pub(crate) fn power(page: &Page) -> Markup {
    let judged = &page.judged;
    let reach: Vec<Reach<'_>> = judged
        .decisions
        .iter()
        .filter_map(|d| Reach::of(judged, judged.primary_of(&d.variant)?))
        .collect();
    let Some(first) = reach.first() else {
        return absent("The primary metric has no standard error yet, from which power follows.");
    };
    let power = words::percent(judged.experiment.settings.power);
    html! {
        p {
            "With the units so far, a true change of the size below is found with a power of " (power)
            ". Power is of effects that might be, never of the one that was seen: that would only repeat the p-value."
        }
        (table::plain("Achievable effects of the primary metric", &["variant", "found with that power", "smallest of interest", "its power"], &rows(&reach)))
        figure {
            figcaption { "Power by the size of the true change, " span class="name" { (first.row.variant) } " against the control" }
            (both("p", 220.0, "Power by the size of the true change", &first.said(), |frame| curve(frame, first, judged.experiment.settings.power)))
            p class="fine" {
                "By the standard error and the boundary of this date's test: "
                @if first.row.boundary.is_some() { "the chance to cross at this look alone, a lower bound for a test with several." }
                @else { "two-sided, uncorrected for other variants." }
            }
        }
    }
}

/// What the test of a row reaches.
struct Reach<'a> {
    row: &'a ResultRow,
    std_error: f64,
    bound: f64,
    achievable: f64,
    target: Option<f64>,
    /// By which a difference is shown as a share.
    level: Option<f64>,
}

impl<'a> Reach<'a> {
    fn of(judged: &Judged, row: &'a ResultRow) -> Option<Reach<'a>> {
        let std_error = row.effect_std_error.filter(|se| se.is_finite() && *se > 0.0)?;
        Some(Reach {
            row,
            std_error,
            bound: bound(judged, row)?,
            achievable: achievable(judged, row)?,
            target: target_absolute(&judged.experiment, row).map(f64::abs).filter(|x| *x > 0.0),
            level: row.mean_control.filter(|level| *level > 0.0 && row.rel_effect.is_some()),
        })
    }

    /// The chance that a true difference is found: in its own direction, and in the other.
    fn power(&self, difference: f64) -> f64 {
        let shift = difference / self.std_error;
        norm_sf(self.bound - shift) + norm_sf(self.bound + shift)
    }

    fn shown(&self, difference: f64) -> String {
        match self.level {
            Some(level) => format!("±{}", change(difference / level).trim_start_matches('+')),
            None => format!("±{}", exact(difference)),
        }
    }

    fn said(&self) -> String {
        let target = self.target.map_or(String::new(), |target| {
            format!(
                " The smallest effect of interest, {}, is found with a power of {}.",
                self.shown(target),
                whole_percent(self.power(target))
            )
        });
        format!(
            "A change of {} is found with the planned power.{target}",
            self.shown(self.achievable)
        )
    }
}

fn rows(reach: &[Reach<'_>]) -> Vec<Vec<String>> {
    let row = |reach: &Reach<'_>| {
        let target = reach.target.map_or(String::new(), |target| reach.shown(target));
        let power = reach.target.map_or(String::new(), |target| whole_percent(reach.power(target)));
        vec![reach.row.variant.clone(), reach.shown(reach.achievable), target, power]
    };
    reach.iter().map(row).collect()
}

fn whole_percent(share: f64) -> String {
    match share {
        x if x > 0.99 && x < 1.0 => "over 99%".to_owned(),
        x => words::percent(words::significant_digits(x, 2)),
    }
}

fn curve(frame: &Frame, reach: &Reach<'_>, wanted: f64) -> Markup {
    const STEPS: u32 = 80;
    let far = 1.6 * reach.achievable.max(reach.target.unwrap_or(0.0));
    let factor = 1.0 / reach.level.unwrap_or(1.0);
    let x = Scale::new((0.0, far * factor), frame.x_range());
    let y = Scale::new((0.0, 1.0), frame.y_range());
    let points: Vec<_> = (0..=STEPS)
        .map(|i| far * f64::from(i) / f64::from(STEPS))
        .map(|d| Some((x.at(d * factor), y.at(reach.power(d).min(1.0)))))
        .collect();
    let (x_ticks, y_ticks) =
        (ticks(0.0, far * factor, if frame.has_margin() { 6 } else { 4 }), ticks(0.0, 1.0, 5));
    let label = |v: f64| if reach.level.is_some() { x_ticks.percent(v) } else { x_ticks.plain(v) };
    let labels: Vec<(f64, String)> = x_ticks.at.iter().map(|v| (*v, label(*v))).collect();
    let shows = if reach.level.is_some() {
        "size of the true change"
    } else {
        "size of the true difference"
    };
    html! {
        (y_axis(frame, &y, &y_ticks, |v| y_ticks.percent(v)))
        (level(frame, &y, wanted, "mark", "planned power"))
        @if let Some(target) = reach.target {
            line class="zero" x1=(px(x.at(target * factor))) x2=(px(x.at(target * factor))) y1=(px(frame.y_range().0)) y2=(px(frame.y_range().1)) {}
            // Where the curve is not.
            @let label_at = if reach.power(target) < 0.5 { frame.y_range().1 + 12.0 } else { frame.y_range().0 - 6.0 };
            text class="label" x=(px(x.at(target * factor) + 5.0)) y=(px(label_at)) { "smallest of interest" }
        }
        path class="line" d=(path(&points)) {}
        circle class="dot found" cx=(px(x.at(reach.achievable * factor))) cy=(px(y.at(reach.power(reach.achievable).min(1.0)))) r="4.5" {}
        (x_axis(frame, &x, &labels, &caption(frame, shows, Some("planned power"))))
    }
}
