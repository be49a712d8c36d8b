//! Bars on a terminal: what a run is at, and below it one bar for each kind of its work.

use std::sync::{Mutex, PoisonError};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use verdict_job::Meters;

use super::kinds::Kind;

/// The bars of a run.
#[derive(Debug)]
pub(super) struct Bars {
    all: MultiProgress,
    head: ProgressBar,
    /// Those that there was something to tell of, in the order of [`Kind::ALL`].
    kinds: Mutex<[Option<ProgressBar>; Kind::ALL.len()]>,
}

impl Bars {
    pub(super) fn new() -> Bars {
        let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        let head = all.add(ProgressBar::no_length());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {elapsed} · {wide_msg}") {
            head.set_style(style);
        }
        Bars { all, head, kinds: Mutex::default() }
    }

    /// Shows step `done` of `of`, and how far each kind of work has come.
    pub(super) fn show(&self, (done, of): (usize, usize), what: &str, meters: &Meters) {
        // Where all is there already no step begins.
        let step = if of > 0 { format!("step {done} of {of} · ") } else { String::new() };
        self.head.set_message(step + what);
        self.head.tick();
        let mut bars = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        for (at, kind) in Kind::ALL.into_iter().enumerate() {
            let Some((done, of)) = kind.read(meters) else { continue };
            if kind == Kind::Days && of == 1 {
                continue;
            }
            if bars[at].is_none() {
                let before = bars[..at].iter().flatten().count();
                let bar = self.all.insert(1 + before, ProgressBar::new(of));
                // A narrow terminal cuts the numbers at its end.
                if let Ok(style) = ProgressStyle::with_template("{prefix:9} {bar:16} {wide_msg}") {
                    bar.set_style(style);
                }
                bar.set_prefix(kind.word());
                bars[at] = Some(bar);
            }
            let Some(bar) = &bars[at] else { continue };
            if bar.is_finished() && done < of {
                // There was nothing left to do, and now there is.
                bar.reset();
            }
            bar.set_length(of);
            bar.set_position(done);
            if done < of {
                bar.set_message(kind.told((done, of), bar.per_sec(), meters));
                bar.tick();
            } else if !bar.is_finished() {
                // Its rate is that of the whole, and does not fall with the time that others take.
                let rate = of as f64 / bar.elapsed().as_secs_f64();
                bar.abandon_with_message(kind.told((done, of), rate, meters));
            }
        }
    }

    /// Writes a line above them.
    pub(super) fn line(&self, text: &str) {
        self.all.suspend(|| super::line(text));
    }

    /// Takes them away.
    pub(super) fn end(&self) {
        self.head.finish_and_clear();
        let bars = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        bars.iter().flatten().for_each(ProgressBar::finish_and_clear);
    }
}
