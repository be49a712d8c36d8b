//! An estimate with its interval, on a line of its own: what the rows of a forest plot are made of.

use maud::{Markup, html};

use super::px;
use super::scale::Scale;
use super::ticks::{Ticks, ticks};

/// Width and height of a row's drawing.
pub(crate) const WIDTH: f64 = 260.0;
const HEIGHT: f64 = 26.0;
/// Room for arrows and half a tick's label on both sides.
const MARGIN: f64 = 16.0;
/// What a character of a tick takes on average in wide fonts, whose signs are wider than their digits.
const WIDEST_CHARACTER: f64 = 9.2;

/// What is drawn of a row.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Interval {
    pub(crate) estimate: Option<f64>,
    /// `None`: open to that side.
    pub(crate) lower: Option<f64>,
    pub(crate) upper: Option<f64>,
    /// The smallest effect of interest, or a margin, with its sign.
    pub(crate) mark: Option<f64>,
    /// Whether the test has found a difference: a full mark instead of a hollow one.
    pub(crate) found: bool,
    /// `good`, `bad` or `neutral`.
    pub(crate) tone: &'static str,
}

impl Interval {
    fn is_empty(&self) -> bool {
        self.estimate.is_none() && self.lower.is_none() && self.upper.is_none()
    }

    /// The ends that a common scale should reach; the estimate, where there is no interval.
    pub(crate) fn span(&self) -> (Option<f64>, Option<f64>) {
        match (self.lower, self.upper) {
            (None, None) => (self.estimate, self.estimate),
            ends => ends,
        }
    }
}

/// The scale of rows that are to be compared.
pub(crate) fn scale_of(domain: (f64, f64)) -> Scale {
    Scale::new(domain, (MARGIN, WIDTH - MARGIN))
}

/// A row's drawing; `words` say the same to those who do not see it.
pub(crate) fn row(scale: &Scale, interval: &Interval, words: &str) -> Markup {
    let middle = HEIGHT / 2.0;
    let view = format!("0 0 {WIDTH} {HEIGHT}");
    html! {
        svg class={ "interval " (interval.tone) } viewBox=(view) role="img" aria-label=(words) {
            @if scale.contains(0.0) {
                line class="zero" x1=(px(scale.at(0.0))) x2=(px(scale.at(0.0))) y1="0" y2=(HEIGHT) {}
            }
            @if let Some(mark) = interval.mark.filter(|mark| scale.contains(*mark)) {
                line class="mark" x1=(px(scale.at(mark))) x2=(px(scale.at(mark))) y1="0" y2=(HEIGHT) {}
            }
            @if !interval.is_empty() { (bar(scale, interval, middle)) }
        }
    }
}

/// The interval as a bar with ends, or with arrows where it is open or goes on; the estimate as a dot.
pub(crate) fn bar(scale: &Scale, interval: &Interval, y: f64) -> Markup {
    let Interval { estimate, lower, upper, .. } = *interval;
    let bounded = lower.is_some() || upper.is_some();
    let from = lower.map_or(scale.low, |x| x.clamp(scale.low, scale.high));
    let to = upper.map_or(scale.high, |x| x.clamp(scale.low, scale.high));
    let (x1, x2) = (scale.at(from), scale.at(to));
    let left_goes_on = lower.is_none_or(|x| x < scale.low);
    let right_goes_on = upper.is_none_or(|x| x > scale.high);
    let dot = if interval.found { "dot found" } else { "dot" };
    html! {
        @if bounded {
            line class="ci" x1=(px(x1)) x2=(px(x2)) y1=(px(y)) y2=(px(y)) {}
            (end(x1, y, left_goes_on.then_some(-1.0)))
            (end(x2, y, right_goes_on.then_some(1.0)))
        }
        @if let Some(x) = estimate {
            @if scale.contains(x) {
                circle class=(dot) cx=(px(scale.at(x))) cy=(px(y)) r="4.5" {}
            } @else {
                // An estimate beyond the edge: the arrow alone stands for it.
                (end(scale.clamped(x), y, Some(x.signum())))
            }
        }
    }
}

fn end(x: f64, y: f64, arrow: Option<f64>) -> Markup {
    let d = match arrow {
        Some(way) => format!(
            "M{} {}L{} {}L{} {}Z",
            px(x),
            px(y - 4.5),
            px(x + way * 8.0),
            px(y),
            px(x),
            px(y + 4.5)
        ),
        None => format!("M{} {}V{}", px(x), px(y - 5.0), px(y + 5.0)),
    };
    html! { path class=(if arrow.is_some() { "arrow" } else { "end" }) d=(d) {} }
}

/// The axis of such rows, in percent.
pub(crate) fn axis(scale: &Scale) -> Markup {
    // As many as have room beside each other.
    let fits = |ticks: &Ticks| {
        let widest = ticks.at.iter().map(|x| ticks.change(*x).chars().count()).max().unwrap_or(0);
        ticks.at.windows(2).all(|pair| {
            scale.at(pair[1]) - scale.at(pair[0]) > WIDEST_CHARACTER * widest as f64 + 6.0
        })
    };
    let mut few = (1..=5).rev().map(|wanted| ticks(scale.low, scale.high, wanted));
    let ticks = few.find(|ticks| fits(ticks)).unwrap_or_else(|| ticks(scale.low, scale.high, 1));
    let view = format!("0 0 {WIDTH} 22");
    html! {
        svg class="interval scale" viewBox=(view) aria-hidden="true" {
            @for x in &ticks.at {
                line class="tick" x1=(px(scale.at(*x))) x2=(px(scale.at(*x))) y1="17" y2="22" {}
                text x=(px(scale.at(*x))) y="12" text-anchor="middle" { (ticks.change(*x)) }
            }
        }
    }
}
