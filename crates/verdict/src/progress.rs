//! How far a run has come, on standard error: a bar on a terminal, now and then a line elsewhere, or JSON lines.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::Utc;
use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use verdict_analysis::words;
use verdict_job::{Progress, Tally};

use crate::args::{LogFormat, Work};

/// How often a line is told where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// Tells of a run's progress.
#[derive(Debug)]
pub(crate) struct Teller {
    bar: Option<ProgressBar>,
    how: How,
    started: Instant,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum How {
    Quiet,
    /// A line now and then.
    Lines,
    /// A line a step.
    EveryStep,
    Json,
}

#[derive(Debug, Default)]
struct State {
    step: (usize, usize),
    what: String,
    bytes: u64,
    rows: u64,
    planned: u64,
    last_line: Option<Instant>,
    /// When the first step began: planning reads nothing, and is no part of a rate.
    began: Option<Instant>,
}

impl State {
    /// Bytes a second, and the seconds that are left of reading, once there is something to tell them from.
    fn rate(&self, elapsed: Duration) -> Option<(f64, f64)> {
        let rate = self.bytes as f64 / elapsed.as_secs_f64();
        let left = self.planned.saturating_sub(self.bytes) as f64 / rate;
        (self.bytes > 0 && rate.is_finite() && left.is_finite()).then_some((rate, left))
    }

    fn message(&self, elapsed: Duration) -> String {
        let mut text = self.what.clone();
        if self.planned > 0 && self.bytes >= self.planned {
            // Everything is read: what is left has no bytes to count.
            return text;
        }
        let rate = self.rate(elapsed);
        // A narrow terminal cuts the line at its end.
        if let Some((_, left)) = rate.filter(|(_, left)| *left >= 1.0) {
            text += &format!(" · {left:.0} s left to read");
        }
        if self.planned > 0 {
            text += &format!(" · {} of {}", megabytes(self.bytes), megabytes(self.planned));
        }
        if let Some((rate, _)) = rate {
            let rows = words::count((self.rows as f64 / elapsed.as_secs_f64()) as u64);
            text += &format!(", {}/s, {rows} rows/s", megabytes(rate as u64));
        }
        text
    }
}

impl Teller {
    pub(crate) fn new(work: &Work) -> Teller {
        let how = match (work.quiet, work.log_format, work.verbose) {
            (true, _, _) => How::Quiet,
            (false, LogFormat::Json, _) => How::Json,
            (false, LogFormat::Text, true) => How::EveryStep,
            (false, LogFormat::Text, false) => How::Lines,
        };
        let terminal = how == How::Lines && std::io::stderr().is_terminal();
        Teller { bar: terminal.then(bar), how, started: Instant::now(), state: Mutex::default() }
    }

    /// Clears the bar.
    pub(crate) fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Whether lines are for people to read.
    pub(crate) fn for_people(&self) -> bool {
        matches!(self.how, How::Lines | How::EveryStep)
    }

    /// One JSON object on a line, where lines are asked for as JSON.
    pub(crate) fn event(&self, event: &str, mut fields: Value) {
        if self.how == How::Json {
            fields["ts"] = Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into();
            fields["event"] = event.into();
            line(&fields.to_string());
        }
    }

    fn told(&self, change: impl FnOnce(&mut State), is_step: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let elapsed = self.started.elapsed();
        let reading = state.began.get_or_insert_with(Instant::now).elapsed();
        if let Some(bar) = &self.bar {
            bar.set_length(state.step.1 as u64);
            bar.set_position(state.step.0 as u64);
            bar.set_message(state.message(reading));
            bar.tick();
            return;
        }
        let due = state.last_line.unwrap_or(self.started).elapsed() >= EVERY;
        match self.how {
            How::Lines if due => {}
            How::EveryStep if is_step => {}
            How::Json if is_step || due => {}
            _ => return,
        }
        state.last_line = Some(Instant::now());
        if self.how == How::Json {
            let fields = json!({
                "step": state.step.0, "of": state.step.1, "what": state.what, "rows": state.rows,
                "bytes": state.bytes, "bytes_planned": state.planned, "seconds": elapsed.as_secs_f64(),
            });
            self.event("progress", fields);
        } else {
            line(&format!(
                "{:>4.0} s  {}/{}  {}",
                elapsed.as_secs_f64(),
                state.step.0,
                state.step.1,
                state.message(reading)
            ));
        }
    }
}

impl Progress for Teller {
    fn step(&self, done: usize, of: usize, what: &str) {
        self.told(|state| (state.step, state.what) = ((done, of), what.to_owned()), true);
    }

    fn within(&self, what: &str) {
        self.told(|state| state.what = what.to_owned(), false);
    }

    fn read(&self, so_far: &Tally, planned: u64) {
        let change = |state: &mut State| {
            (state.bytes, state.rows, state.planned) = (so_far.bytes, so_far.rows, planned);
        };
        self.told(change, false);
    }
}

/// A bar that counts, on a terminal; nothing elsewhere.
#[derive(Debug)]
pub(crate) struct Counter(ProgressBar);

impl Counter {
    pub(crate) fn new(quiet: bool) -> Counter {
        let hidden = || ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Counter(if quiet { hidden() } else { bar() })
    }

    pub(crate) fn told(&self, done: usize, of: usize, what: &str) {
        self.0.set_length(of as u64);
        self.0.set_position(done as u64);
        self.0.set_message(what.to_owned());
        self.0.tick();
    }

    /// Clears the bar.
    pub(crate) fn end(&self) {
        self.0.finish_and_clear();
    }
}

fn bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {elapsed:>4} {wide_msg}")
    {
        bar.set_style(style);
    }
    bar
}

/// A size as people read it.
pub(crate) fn megabytes(bytes: u64) -> String {
    if bytes < 1_000_000_000 {
        format!("{:.1} MB", bytes as f64 / 1e6)
    } else {
        DecimalBytes(bytes).to_string()
    }
}

/// The most memory that the process has held so far, in bytes; known on Linux.
pub(crate) fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// A line on standard error.
pub(crate) fn line(text: &str) {
    // Where standard error is closed there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_told_while_there_are_some_to_read() {
        let at = |bytes| State {
            what: "user 2024-01-02".into(),
            bytes,
            rows: 100,
            planned: 4_000_000,
            ..State::default()
        };
        let message = |bytes| at(bytes).message(Duration::from_secs(1));
        assert_eq!(
            message(1_000_000),
            "user 2024-01-02 · 3 s left to read · 1.0 MB of 4.0 MB, 1.0 MB/s, 100 rows/s"
        );
        assert_eq!(message(4_000_000), "user 2024-01-02");
    }
}
