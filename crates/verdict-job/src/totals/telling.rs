//! How far a sweep has come, told while it goes on.

use std::sync::Arc;
use std::time::Duration;

use crate::job::Progress;
use crate::meters::Meters;

/// Who is told.
pub(super) struct Telling<'a> {
    pub(super) progress: &'a dyn Progress,
    pub(super) meters: &'a Arc<Meters>,
}

/// A sweep, in the parts that [`Meters::totals`] counts.
const THOUSAND: u64 = 1000;

impl Telling<'_> {
    /// How often.
    const EVERY: Duration = Duration::from_millis(250);

    /// Tells how much of `work` is done (`part`, from 0 to 1), until it is.
    pub(super) async fn meanwhile<T>(
        &self,
        work: impl Future<Output = T>,
        part: impl Fn() -> f64,
    ) -> T {
        self.meters.totals.expect(THOUSAND);
        let share = self.meters.share(|meters| &meters.totals, THOUSAND);
        let mut work = std::pin::pin!(work);
        loop {
            match tokio::time::timeout(Self::EVERY, &mut work).await {
                Ok(done) => return done,
                Err(_) => share.reach((part() * THOUSAND as f64) as u64, THOUSAND),
            }
        }
    }

    /// Tells that the statistics of some experiments are made, up to the `nth` of so many.
    pub(super) fn statistics(&self, nth: usize, of: usize, experiments: &[&str]) {
        let whose = match experiments {
            [one] => (*one).to_owned(),
            several => format!("{} experiments", several.len()),
        };
        let of = match of > experiments.len() {
            true => format!(" ({nth} of {of})"),
            false => String::new(),
        };
        self.progress.within(&format!("group statistics of {whose}{of}"));
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
        let meters = Arc::<Meters>::default();
        let told = Telling { progress: &heard, meters: &meters };
        assert_eq!(told.meanwhile(async { 7 }, || 0.0).await, 7);
        assert_eq!(meters.totals.read(), (1000, 1000));
        let long = async {
            tokio::time::sleep(3 * Telling::EVERY / 2).await;
            meters.totals.read()
        };
        assert_eq!(told.meanwhile(long, || 0.375).await, (1375, 2000));
        assert_eq!(meters.totals.read(), (2000, 2000));
        told.statistics(3, 4, &["prices", "colours"]);
        told.statistics(4, 4, &["sizes"]);
        told.statistics(1, 1, &["prices"]);
        let expected = [
            "group statistics of 2 experiments (3 of 4)",
            "group statistics of sizes (4 of 4)",
            "group statistics of prices",
        ];
        assert_eq!(*heard.0.lock().unwrap(), expected);
    }
}
