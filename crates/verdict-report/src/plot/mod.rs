//! Plots as SVG, set by hand: scales with nice ticks, axes, marks. Colours and type sizes are the style sheet's, so that
//! light and dark are one drawing.
//!
//! A plot that fills the page's width is drawn twice, wide and narrow, and the style sheet shows the one that fits: text
//! that is scaled with a drawing would be unreadable on a phone. Every plot has a title and a description for those who do
//! not see it, and stands beside a table of its numbers.

pub(crate) mod dates;
pub(crate) mod interval;
pub(crate) mod lines;
pub(crate) mod scale;
pub(crate) mod ticks;

use maud::{Markup, html};

/// The size of a drawing, in its own units, which are CSS pixels at full size.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame {
    pub(crate) width: f64,
    pub(crate) height: f64,
    pub(crate) left: f64,
    pub(crate) right: f64,
    pub(crate) top: f64,
    pub(crate) bottom: f64,
}

impl Frame {
    /// For a page as wide as a screen.
    pub(crate) fn wide(height: f64) -> Frame {
        Frame { width: 860.0, height, left: 64.0, right: 140.0, top: 14.0, bottom: 40.0 }
    }

    /// For a phone.
    pub(crate) fn narrow(height: f64) -> Frame {
        Frame { width: 350.0, height, left: 50.0, right: 24.0, top: 14.0, bottom: 40.0 }
    }

    /// Whether labels find room to the right of the marks.
    pub(crate) fn has_margin(&self) -> bool {
        self.right >= 100.0
    }

    pub(crate) fn x_range(&self) -> (f64, f64) {
        (self.left, self.width - self.right)
    }

    /// Upwards: the larger value is above.
    pub(crate) fn y_range(&self) -> (f64, f64) {
        (self.height - self.bottom, self.top)
    }
}

/// Both sizes of a plot; `draw` gives what is inside.
pub(crate) fn both(
    id: &str,
    height: f64,
    title: &str,
    description: &str,
    draw: impl Fn(&Frame) -> Markup,
) -> Markup {
    html! {
        (svg(&format!("{id}-w"), "plot wide", &Frame::wide(height), title, description, &draw))
        (svg(&format!("{id}-n"), "plot narrow", &Frame::narrow(height), title, description, &draw))
    }
}

fn svg(
    id: &str,
    class: &str,
    frame: &Frame,
    title: &str,
    description: &str,
    draw: impl Fn(&Frame) -> Markup,
) -> Markup {
    let view = format!("0 0 {} {}", frame.width, frame.height);
    html! {
        svg class=(class) viewBox=(view) role="img" aria-labelledby={ (id) "-t " (id) "-d" } {
            title id={ (id) "-t" } { (title) }
            desc id={ (id) "-d" } { (description) }
            (draw(frame))
        }
    }
}

/// A number of a drawing: a tenth of a pixel is enough.
pub(crate) fn px(x: f64) -> String {
    let text = format!("{x:.1}");
    match text.strip_suffix(".0") {
        Some("-0") => "0".to_owned(),
        Some(whole) => whole.to_owned(),
        None => text,
    }
}
