//! How far a sweep has come, told while it goes on.

use std::time::{Duration, Instant};

use crate::job::Progress;

/// Who is told, and how the sweep is called.
pub(super) struct Telling<'a> {
    pub(super) progress: &'a dyn Progress,
    pub(super) what: String,
}

impl Telling<'_> {
    /// How often.
    const EVERY: Duration = Duration::from_millis(250);

    /// Tells how much of `work` is done (`part`, from 0 to 1), until it is.
    pub(super) async fn meanwhile<T>(
        &self,
        work: impl Future<Output = T>,
        part: impl Fn() -> f64,
    ) -> T {
        let mut work = std::pin::pin!(work);
        let began = Instant::now();
        loop {
            match tokio::time::timeout(Self::EVERY, &mut work).await {
                Ok(done) => return done,
                Err(_) => self.progress.within(&self.so_far(part(), began.elapsed())),
            }
        }
    }

    /// Tells what it is.
    pub(super) fn within(&self) {
        self.progress.within(&self.what);
    }

    /// How much is done and, once there is something to tell it from, how long the rest takes.
    fn so_far(&self, part: f64, elapsed: Duration) -> String {
        let left = elapsed.as_secs_f64() * (1.0 - part) / part;
        let told = match part >= 0.05 && left >= 1.0 {
            true => format!(", {left:.0} s left"),
            false => String::new(),
        };
        format!("{}, {:.0}%{told}", self.what, 100.0 * part)
    }

    /// Tells that the statistics of an experiment are made, after those of `done` others `of` so many.
    pub(super) fn statistics(&self, done: usize, of: usize, experiment: &str) {
        let of = if of > 1 { format!(" ({} of {of})", done + 1) } else { String::new() };
        self.progress.within(&format!("group statistics of {experiment}{of}"));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Progress for Heard {
        fn step(&self, _: usize, _: usize, _: &str) {}

        fn within(&self, what: &str) {
            self.0.lock().unwrap().push(what.to_owned());
        }
    }

    #[tokio::test]
    async fn work_that_takes_long_is_told_of() {
        let heard = Heard::default();
        let told = Telling { progress: &heard, what: "totals by user".to_owned() };
        assert_eq!(told.meanwhile(async { 7 }, || 0.0).await, 7);
        let long = tokio::time::sleep(3 * Telling::EVERY / 2);
        told.meanwhile(long, || 0.375).await;
        assert_eq!(told.so_far(0.25, Duration::from_secs(10)), "totals by user, 25%, 30 s left");
        assert_eq!(told.so_far(0.0, Duration::from_secs(10)), "totals by user, 0%");
        told.statistics(1, 3, "prices");
        told.statistics(0, 1, "prices");
        let expected = [
            "totals by user, 38%",
            "group statistics of prices (2 of 3)",
            "group statistics of prices",
        ];
        assert_eq!(*heard.0.lock().unwrap(), expected);
    }
}
