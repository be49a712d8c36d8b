//! A progress line on a terminal, nothing elsewhere.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use verdict_job::Progress;

/// The line, on standard error; it draws only on a terminal.
#[derive(Debug)]
pub(crate) struct Line(ProgressBar);

impl Line {
    pub(crate) fn new(quiet: bool) -> Line {
        let target =
            if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) =
            ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed:>4} {wide_msg}")
        {
            bar.set_style(style);
        }
        Line(bar)
    }

    /// Clears the line.
    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

impl Progress for Line {
    fn step(&self, done: usize, of: usize, what: &str) {
        self.0.set_length(of as u64);
        self.0.set_position(done as u64);
        self.0.set_message(what.to_owned());
        self.0.tick();
    }
}
