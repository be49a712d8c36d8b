//! How far each kind of a run's work has come: counted where it is done, read by whoever shows it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// How much of one kind of work is done, of how much.
#[derive(Debug, Default)]
pub struct Meter {
    done: AtomicU64,
    of: AtomicU64,
}

impl Meter {
    /// Adds to what there is to do.
    pub fn expect(&self, more: u64) {
        self.of.fetch_add(more, Ordering::Relaxed);
    }

    /// Says how much is still to do.
    pub fn expect_still(&self, left: u64) {
        let done = self.done.load(Ordering::Relaxed);
        self.of.store(done.saturating_add(left), Ordering::Relaxed);
    }

    /// Adds to what is done.
    pub fn add(&self, done: u64) {
        self.done.fetch_add(done, Ordering::Relaxed);
    }

    /// What is done, and of how much: at least of that.
    pub fn read(&self) -> (u64, u64) {
        let done = self.done.load(Ordering::Relaxed);
        (done, self.of.load(Ordering::Relaxed).max(done))
    }
}

/// A piece of the work that was expected, as far as it is done; all of it is when this is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    meters: Arc<Meters>,
    of: fn(&Meters) -> &Meter,
    whole: u64,
    told: AtomicU64,
}

impl Share {
    /// `done` of `of` are done: others may have told more already.
    pub(crate) fn reach(&self, done: u64, of: u64) {
        let part = u128::from(self.whole) * u128::from(done.min(of)) / u128::from(of.max(1));
        // A part of what fits does.
        let now = u64::try_from(part).unwrap_or(self.whole);
        let before = self.told.fetch_max(now, Ordering::Relaxed);
        (self.of)(&self.meters).add(now.saturating_sub(before));
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.reach(1, 1);
    }
}

/// The kinds of work of a run.
#[derive(Debug, Default)]
pub struct Meters {
    /// Days of a type of unit.
    pub days: Meter,
    /// Bytes of log objects, as they are stored: those whose rows have left the scan.
    pub scan: Meter,
    /// Rows of log objects that were opened: those that are added up by unit, or were left out by a filter.
    pub aggregate: Meter,
    /// Bytes of these objects.
    pub(crate) opened: AtomicU64,
    /// Thousandths of the sweeps that bring days together to totals and group statistics.
    pub totals: Meter,
    /// Draws of bootstraps: the weight of a distinct total in a replicate is one.
    pub bootstrap: Meter,
    /// Partitions that were committed.
    pub write: Meter,
    /// Bytes that were sent to the store for them.
    pub written: AtomicU64,
}

impl Meters {
    /// Rows of logs that are added up, and of about how many: those of objects that are not opened yet are taken to be as long as
    /// the others.
    pub fn rows(&self) -> (u64, u64) {
        let (done, known) = self.aggregate.read();
        let (_, bytes) = self.scan.read();
        let opened = self.opened.load(Ordering::Relaxed).max(1);
        let about = known as f64 * (bytes as f64 / opened as f64).max(1.0);
        (done, (about as u64).max(known))
    }

    /// A piece of one of them, of which it will be told what part is done.
    pub(crate) fn share(self: &Arc<Self>, of: fn(&Meters) -> &Meter, whole: u64) -> Share {
        Share { meters: Arc::clone(self), of, whole, told: AtomicU64::new(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_what_is_not_opened_are_estimated_by_its_bytes() {
        let meters = Meters::default();
        assert_eq!(meters.rows(), (0, 0));
        meters.scan.expect(1_000);
        meters.opened.fetch_add(250, Ordering::Relaxed);
        meters.aggregate.expect(50);
        meters.aggregate.add(10);
        assert_eq!(meters.rows(), (10, 200));
        // A log that two experiments' days read is opened twice.
        meters.opened.fetch_add(1_750, Ordering::Relaxed);
        meters.aggregate.expect(350);
        assert_eq!(meters.rows(), (10, 400));
    }

    #[test]
    fn parts_of_shares_add_up_whoever_tells_them() {
        let meters = Arc::new(Meters::default());
        let of: fn(&Meters) -> &Meter = |meters| &meters.scan;
        let meter = &meters.scan;
        meter.expect(100);
        let share = meters.share(of, 30);
        share.reach(1, 3);
        assert_eq!(meter.read(), (10, 100));
        // Told late by another thread.
        share.reach(1, 10);
        assert_eq!(meter.read(), (10, 100));
        share.reach(7, 5);
        assert_eq!(meter.read(), (30, 100));
        drop(share);
        assert_eq!(meter.read(), (30, 100));
        // What a filter or statistics left out was never reached.
        drop(meters.share(of, u64::from(u32::MAX)));
        let done = 30 + u64::from(u32::MAX);
        assert_eq!(meter.read(), (done, done));
        let huge = Arc::new(Meters::default());
        huge.share(|meters| &meters.scan, u64::MAX).reach(u64::MAX, u64::MAX);
        assert_eq!(huge.scan.read().0, u64::MAX);
    }
}
