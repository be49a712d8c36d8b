//! How far a run has come, on standard error: bars on a terminal, now and then a line elsewhere, or JSON lines.

mod bars;
mod kinds;

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::Ordering;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chrono::Utc;
use indicatif::{DecimalBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use verdict_job::{Meters, Progress};

use crate::args::{LogFormat, Work};
use bars::Bars;
use kinds::Kind;

/// How often a line is told where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// How often bars are drawn.
const DRAWN_EVERY: Duration = Duration::from_millis(200);

/// Tells of a run's progress until [`Teller::end`].
#[derive(Debug)]
pub(crate) struct Teller {
    telling: Arc<Telling>,
    /// Tells while the run has no time to.
    clock: Mutex<Option<(Sender<()>, JoinHandle<()>)>>,
}

#[derive(Debug)]
struct Telling {
    bars: Option<Bars>,
    how: How,
    started: Instant,
    state: Mutex<State>,
    meters: Arc<Meters>,
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
    last_line: Option<Instant>,
    /// When there was first something of each kind of work to do: what comes before is no part of its rate.
    began: [Option<Instant>; Kind::ALL.len()],
}

impl State {
    /// Notes what there is something to do of now.
    fn look(&mut self, meters: &Meters) {
        for (kind, began) in Kind::ALL.into_iter().zip(&mut self.began) {
            if began.is_none() && kind.read(meters).is_some() {
                *began = Some(Instant::now());
            }
        }
    }

    /// What is at hand, and how far that kind of work has come of which there is something left.
    fn message(&self, meters: &Meters) -> String {
        let mut text = self.what.clone();
        for (kind, began) in Kind::ALL.into_iter().zip(&self.began) {
            let (Some((done, of)), Some(began)) = (kind.read(meters), began) else { continue };
            if done < of && (kind != Kind::Days || of > 1) {
                let rate = done as f64 / began.elapsed().as_secs_f64();
                text += &format!(" · {} {}", kind.word(), kind.told((done, of), rate, meters));
            }
        }
        text
    }
}

impl Telling {
    fn told(&self, change: impl FnOnce(&mut State), is_step: bool) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        state.look(&self.meters);
        if state.what.is_empty() {
            // It is planning still, and nothing is under way.
            return;
        }
        if let Some(bars) = &self.bars {
            bars.show(state.step, &state.what, &self.meters);
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
        let seconds = self.started.elapsed().as_secs_f64();
        if self.how == How::Json {
            let meters = &self.meters;
            let (scan, rows) = (meters.scan.read(), meters.rows());
            let (days, totals) = (meters.days.read(), meters.totals.read());
            let (draws, partitions) = (meters.bootstrap.read(), meters.write.read());
            let fields = json!({
                "step": state.step.0, "of": state.step.1, "what": state.what, "seconds": seconds,
                "days": days.0, "days_planned": days.1,
                "bytes": scan.0, "bytes_planned": scan.1, "rows": rows.0, "rows_planned": rows.1,
                "totals": totals.0 as f64 / 1000.0, "totals_planned": totals.1 as f64 / 1000.0,
                "draws": draws.0, "draws_planned": draws.1,
                "partitions": partitions.0, "partitions_planned": partitions.1,
                "bytes_written": meters.written.load(Ordering::Relaxed),
            });
            self.event("progress", fields);
        } else {
            let (done, of) = state.step;
            let message = state.message(&self.meters);
            line(&format!("{seconds:>4.0} s  {done}/{of}  {message}"));
        }
    }

    fn event(&self, event: &str, mut fields: Value) {
        if self.how == How::Json {
            fields["ts"] = Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true).into();
            fields["event"] = event.into();
            line(&fields.to_string());
        }
    }
}

impl Teller {
    /// Of work that `meters` count.
    pub(crate) fn new(work: &Work, meters: &Arc<Meters>) -> Teller {
        let how = match (work.quiet, work.log_format, work.verbose) {
            (true, _, _) => How::Quiet,
            (false, LogFormat::Json, _) => How::Json,
            (false, LogFormat::Text, true) => How::EveryStep,
            (false, LogFormat::Text, false) => How::Lines,
        };
        let terminal = how == How::Lines && std::io::stderr().is_terminal();
        let telling = Arc::new(Telling {
            bars: terminal.then(Bars::new),
            how,
            started: Instant::now(),
            state: Mutex::default(),
            meters: Arc::clone(meters),
        });
        let clock = (how != How::Quiet).then(|| clock(&telling)).flatten();
        Teller { telling, clock: Mutex::new(clock) }
    }

    /// Tells nothing more of progress, and takes the bars away.
    pub(crate) fn end(&self) {
        let clock = self.clock.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some((stop, thread)) = clock {
            drop(stop);
            // It only draws; a run does not fail by it.
            let _ = thread.join();
        }
        if let Some(bars) = &self.telling.bars {
            bars.end();
        }
    }

    /// A line on standard error, above the bars where there are some.
    pub(crate) fn note(&self, text: &str) {
        match &self.telling.bars {
            Some(bars) => bars.line(text),
            None => line(text),
        }
    }

    /// Whether lines are for people to read.
    pub(crate) fn for_people(&self) -> bool {
        matches!(self.telling.how, How::Lines | How::EveryStep)
    }

    /// One JSON object on a line, where lines are asked for as JSON.
    pub(crate) fn event(&self, event: &str, fields: Value) {
        self.telling.event(event, fields);
    }
}

/// A thread that tells now and then, until its sender is dropped. Where there can be none, what happens is told when it does.
fn clock(telling: &Arc<Telling>) -> Option<(Sender<()>, JoinHandle<()>)> {
    let (stop, stopped) = channel();
    let telling = Arc::clone(telling);
    let tell = move || {
        while stopped.recv_timeout(DRAWN_EVERY) == Err(RecvTimeoutError::Timeout) {
            telling.told(|_| {}, false);
        }
    };
    let thread = std::thread::Builder::new().name("progress".into()).spawn(tell);
    thread.ok().map(|thread| (stop, thread))
}

impl Drop for Teller {
    fn drop(&mut self) {
        self.end();
    }
}

impl Progress for Teller {
    fn step(&self, done: usize, of: usize, what: &str) {
        self.telling.told(|state| (state.step, state.what) = ((done, of), what.to_owned()), true);
    }

    fn within(&self, what: &str) {
        self.telling.told(|state| state.what = what.to_owned(), false);
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
    fn a_line_tells_of_what_is_not_done() {
        let meters = Meters::default();
        let mut state = State { what: "user 2024-01-02".into(), ..State::default() };
        assert_eq!(state.message(&meters), "user 2024-01-02");
        meters.days.expect(1);
        meters.scan.expect(4_000_000);
        meters.write.expect(3);
        assert_eq!(state.message(&meters), "user 2024-01-02");
        state.look(&meters);
        let message = state.message(&meters);
        let [what, scan, write] = message.split(" · ").collect::<Vec<_>>()[..] else {
            panic!("{message}");
        };
        let waits = "write 0 of 3 partitions, 0.0 partitions/s, 0.0 MB";
        assert_eq!((what, write), ("user 2024-01-02", waits));
        assert_eq!(scan, "scan 0.0 MB of 4.0 MB, 0.0 MB/s");
        meters.scan.add(4_000_000);
        assert_eq!(state.message(&meters), format!("user 2024-01-02 · {waits}"));
    }
}
