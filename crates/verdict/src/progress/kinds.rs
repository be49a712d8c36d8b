//! The kinds of work of a run, as they are told: what is done, of how much, how fast, and how long the rest takes.

use std::sync::atomic::Ordering;

use verdict_job::Meters;

use super::megabytes;

/// A kind of work that has a bar of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Days,
    Scan,
    Aggregate,
    Totals,
    Bootstrap,
    Write,
}

impl Kind {
    /// In the order in which a run comes to them.
    pub(super) const ALL: [Kind; 6] =
        [Kind::Days, Kind::Scan, Kind::Aggregate, Kind::Totals, Kind::Bootstrap, Kind::Write];

    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Days => "days",
            Kind::Scan => "scan",
            Kind::Aggregate => "aggregate",
            Kind::Totals => "totals",
            Kind::Bootstrap => "bootstrap",
            Kind::Write => "write",
        }
    }

    /// What is done, and of how much; nothing where there is none of it to do.
    pub(super) fn read(self, meters: &Meters) -> Option<(u64, u64)> {
        let (done, of) = match self {
            Kind::Days => meters.days.read(),
            Kind::Scan => meters.scan.read(),
            Kind::Aggregate => meters.rows(),
            Kind::Totals => meters.totals.read(),
            Kind::Bootstrap => meters.bootstrap.read(),
            Kind::Write => meters.write.read(),
        };
        (of > 0).then_some((done, of))
    }

    /// How far it has come, in words; `rate` is how much of it is done in a second.
    pub(super) fn told(self, (done, of): (u64, u64), rate: f64, meters: &Meters) -> String {
        let numbers = match self {
            Kind::Days => format!("{done} of {of} days, {rate:.1} days/s"),
            Kind::Scan => {
                let [done, of, rate] = [done, of, rate as u64].map(megabytes);
                format!("{done} of {of}, {rate}/s")
            }
            Kind::Aggregate => {
                let [done, of, rate] = [done as f64, of as f64, rate].map(rounded);
                format!("{done} of {of} rows, {rate} rows/s")
            }
            Kind::Totals => format!("{}%", percent(done, of)),
            Kind::Bootstrap => format!("{}%, {} draws/s", percent(done, of), rounded(rate)),
            Kind::Write => {
                let bytes = megabytes(meters.written.load(Ordering::Relaxed));
                format!("{done} of {of} partitions, {rate:.1} partitions/s, {bytes}")
            }
        };
        let left = of.saturating_sub(done) as f64 / rate;
        if left.is_finite() && left >= 1.0 && self.goes_on_alone(meters) {
            format!("{numbers}, {left:.0} s left")
        } else {
            numbers
        }
    }

    /// Whether it goes on at a rate of its own: before all is read, partitions wait for what is in them.
    fn goes_on_alone(self, meters: &Meters) -> bool {
        let is_done = |(done, of): (u64, u64)| done >= of;
        self != Kind::Write || (is_done(meters.days.read()) && is_done(meters.totals.read()))
    }
}

fn percent(done: u64, of: u64) -> u64 {
    (100.0 * done as f64 / of.max(1) as f64) as u64
}

/// A number to about three digits: `1.23 M`.
fn rounded(number: f64) -> String {
    match number {
        n if n >= 1e9 => format!("{:.2} G", n / 1e9),
        n if n >= 1e6 => format!("{:.2} M", n / 1e6),
        n if n >= 1e4 => format!("{:.0} k", n / 1e3),
        n => format!("{n:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_what_is_done_how_fast_and_how_long_the_rest_takes() {
        let meters = Meters::default();
        meters.written.fetch_add(12_300_000, Ordering::Relaxed);
        let told = |kind: Kind, done, of, rate| kind.told((done, of), rate, &meters);
        let (mb, million) = (1_000_000, 1_000_000);
        assert_eq!(told(Kind::Days, 3, 28, 0.5), "3 of 28 days, 0.5 days/s, 50 s left");
        assert_eq!(
            told(Kind::Scan, 10 * mb, 40 * mb, 5e6),
            "10.0 MB of 40.0 MB, 5.0 MB/s, 6 s left"
        );
        assert_eq!(
            told(Kind::Aggregate, million / 2, 20 * million, 2.5e6),
            "500 k of 20.00 M rows, 2.50 M rows/s, 8 s left"
        );
        assert_eq!(told(Kind::Totals, 999, 1000, 10.0), "99%");
        assert_eq!(told(Kind::Bootstrap, 1, 4, 0.1), "25%, 0 draws/s, 30 s left");
        let write = |rate| told(Kind::Write, 3, 9, rate);
        assert_eq!(write(0.5), "3 of 9 partitions, 0.5 partitions/s, 12.3 MB, 12 s left");
        assert_eq!(write(0.0), "3 of 9 partitions, 0.0 partitions/s, 12.3 MB");
        // How long partitions take that wait for a day is not told by those that did not.
        meters.days.expect(1);
        assert_eq!(write(0.5), "3 of 9 partitions, 0.5 partitions/s, 12.3 MB");
        assert_eq!(rounded(1.234e9), "1.23 G");
    }

    #[test]
    fn what_there_is_nothing_of_to_do_is_not_told() {
        let meters = Meters::default();
        assert!(Kind::ALL.iter().all(|kind| kind.read(&meters).is_none()));
        meters.bootstrap.expect(4);
        assert_eq!(Kind::Bootstrap.read(&meters), Some((0, 4)));
    }
}
