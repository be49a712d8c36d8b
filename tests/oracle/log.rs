//! Random logs: small, and full of what logs are full of.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use chrono::{Days, NaiveDate};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float32Array, Float64Array, Int32Array, Int64Array, LargeStringArray,
    RecordBatch, StringArray, TimestampMicrosecondArray, TimestampNanosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;

/// A generator of random numbers that gives the same ones for ever (splitmix64).
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below `n`.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }

    /// In [0, 1).
    pub(crate) fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(crate) fn chance(&mut self, p: f64) -> bool {
        self.unit() < p
    }

    fn pick<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    /// One of `of`, now and then nothing.
    fn word(&mut self, of: &[&'static str]) -> Option<String> {
        (!self.chance(0.04)).then(|| (*self.pick(of)).to_owned())
    }

    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

/// A unit, as the log names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Unit {
    Number(i64),
    Name(String),
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unit::Number(n) => write!(f, "{n}"),
            Unit::Name(name) => f.write_str(name),
        }
    }
}

/// A row of any of the logs; each log has some of the columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Row {
    /// The day of its folder.
    pub(crate) folder: usize,
    /// Microseconds since 1970.
    pub(crate) at: Option<i64>,
    pub(crate) user: Option<Unit>,
    pub(crate) session: Option<Unit>,
    pub(crate) event: Option<String>,
    pub(crate) amount: Option<f64>,
    pub(crate) items: Option<i64>,
    pub(crate) balance: Option<f64>,
    pub(crate) ok: Option<bool>,
    pub(crate) experiment: Option<String>,
    pub(crate) variant: Option<String>,
    pub(crate) place: Option<String>,
    pub(crate) tier: Option<i64>,
}

impl Row {
    pub(crate) fn unit(&self, unit_type: &str) -> Option<&Unit> {
        if unit_type == "user" { self.user.as_ref() } else { self.session.as_ref() }
    }
}

/// A time zone, with its midnights by hand.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Zone {
    Utc,
    Kolkata,
    NewYork,
}

impl Zone {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Zone::Utc => "UTC",
            Zone::Kolkata => "Asia/Kolkata",
            Zone::NewYork => "America/New_York",
        }
    }

    /// The first day: the month, or New York's clock (on 10 March 2024), changes a few days after it.
    fn first_day(self) -> NaiveDate {
        let (month, day) = match self {
            Zone::Utc => (2, 27),
            Zone::Kolkata => (1, 30),
            Zone::NewYork => (3, 8),
        };
        NaiveDate::from_ymd_opt(2024, month, day).unwrap()
    }

    /// When a day begins, in microseconds since 1970.
    fn midnight(self, day: NaiveDate) -> i64 {
        let minutes_behind_utc = match self {
            Zone::Utc => 0,
            Zone::Kolkata => -330,
            Zone::NewYork if day <= NaiveDate::from_ymd_opt(2024, 3, 10).unwrap() => 300,
            Zone::NewYork => 240,
        };
        (day - NaiveDate::default()).num_days() * 86_400_000_000 + minutes_behind_utc * 60_000_000
    }
}

/// Where a day's files lie.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Layout {
    /// `ds=2024-01-30/`
    Hive,
    /// `ds=2024-01-30/hour=05/`
    Hours,
    /// `2024/01/30/`
    Template,
}

/// What makes one random case differ from another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) zone: Zone,
    pub(crate) users: usize,
    /// Whether users are numbers; text otherwise.
    pub(crate) numbers: bool,
    pub(crate) layout: Layout,
    /// Whether rows outside their day are rejected, by log: events, pages, assignments.
    pub(crate) reject: [bool; 3],
    /// How likely an exposure is to another variant than the unit's own.
    pub(crate) astray: f64,
    /// Whether one experiment excludes units in several variants and the others count them, or the reverse.
    pub(crate) exclude: bool,
    /// How much more treated users do.
    pub(crate) effect: f64,
}

pub(crate) const DAYS: usize = 5;

/// The logs of one case.
#[derive(Debug)]
pub(crate) struct Logs {
    pub(crate) setting: Setting,
    /// The days, and the instant after each of them.
    pub(crate) days: Vec<NaiveDate>,
    pub(crate) midnights: Vec<i64>,
    pub(crate) events: Vec<Row>,
    pub(crate) pages: Vec<Row>,
    pub(crate) assignments: Vec<Row>,
}

impl Logs {
    pub(crate) fn random(setting: Setting) -> Logs {
        let first = setting.zone.first_day();
        let days: Vec<NaiveDate> = (0..DAYS as u64).map(|n| first + Days::new(n)).collect();
        let midnights = (0..=DAYS as u64).map(|n| setting.zone.midnight(first + Days::new(n)));
        let mut logs = Logs {
            setting,
            days,
            midnights: midnights.collect(),
            events: Vec::new(),
            pages: Vec::new(),
            assignments: Vec::new(),
        };
        let mut random = Random(setting.seed);
        for user in 0..setting.users {
            logs.add_user(user, &mut random);
        }
        random.shuffle(&mut logs.events);
        random.shuffle(&mut logs.pages);
        random.shuffle(&mut logs.assignments);
        logs
    }

    fn add_user(&mut self, user: usize, random: &mut Random) {
        let treated = random.chance(0.5);
        let arm = random.unit();
        let more = if treated { self.setting.effect } else { 0.0 };
        // Most come on the first days; some act and are never exposed.
        let (first, exposed) = (random.below(DAYS).min(random.below(DAYS)), random.chance(0.9));
        for folder in first..DAYS {
            if folder > first && random.chance(0.3) {
                continue;
            }
            let exposures = if folder == first { 1 } else { random.below(3) };
            for _ in 0..if exposed { exposures } else { 0 } {
                self.add_exposure(user, folder, treated, arm, random);
            }
            for _ in 0..random.below(4) + usize::from(random.chance(more)) {
                let mut row = self.row(user, folder, random);
                row.event = random.word(&["view", "click", "click", "buy"]);
                let cents = random.below(20_000) as f64 - 4_000.0 + 3_000.0 * more;
                row.amount = (!random.chance(0.15)).then_some(cents / 100.0 * random.unit());
                row.items = (!random.chance(0.1)).then(|| random.below(9) as i64 - 2);
                row.balance = random.chance(0.5).then(|| {
                    let sign = if random.chance(0.5) { 1.0 } else { -1.0 };
                    sign * [1e15, 1e-3, 7.5][random.below(3)] * (1.0 + random.unit())
                });
                row.place = random.word(&["IN", "DE", "US"]);
                self.events.push(row);
            }
            for _ in 0..random.below(3) {
                let mut row = self.row(user, folder, random);
                row.event = random.word(&["page", "page", "bot"]);
                // The column has 32 bits.
                row.amount = (!random.chance(0.1)).then(|| f64::from(random.unit() as f32 * 30.0));
                row.ok = (!random.chance(0.1)).then(|| random.chance(0.6));
                row.session = None;
                // The column has milliseconds.
                row.at = row.at.map(|at| at.div_euclid(1_000) * 1_000);
                // Nobody saw a page on the third day: that log has no files for it.
                if folder != 2 {
                    self.pages.push(row);
                }
            }
        }
    }

    fn add_exposure(
        &mut self,
        user: usize,
        folder: usize,
        treated: bool,
        arm: f64,
        random: &mut Random,
    ) {
        let astray = random.chance(self.setting.astray);
        let variant = if treated != astray { "treatment" } else { "control" };
        let experiment = *random.pick(&["alpha-key", "alpha-key", "gamma", "gamma", "unknown"]);
        let mut row = self.row(user, folder, random);
        row.experiment = (!random.chance(0.01)).then(|| experiment.to_owned());
        row.variant = match random.below(60) {
            0 => None,
            1 => Some("Treatment".to_owned()),
            _ => Some(variant.to_owned()),
        };
        row.place = random.word(&["phone", "desktop", "all", "(none)"]);
        row.tier = (!random.chance(0.1)).then(|| random.below(3) as i64);
        let (at, again) = (row.at, random.chance(0.2));
        self.assignments.push(row.clone());
        if again {
            // The same moment once more, seen otherwise.
            row.place = random.word(&["phone", "desktop"]);
            row.tier = Some(random.below(3) as i64);
            self.assignments.push(row);
        }

        let arm = if random.chance(self.setting.astray) { random.unit() } else { arm };
        let mut row = self.row(user, folder, random);
        row.event = Some("expose".to_owned());
        row.experiment = Some("beta".to_owned());
        row.variant = random.word(&[if arm < 0.5 {
            "a"
        } else if arm < 0.8 {
            "b"
        } else {
            "c"
        }]);
        row.place = random.word(&["IN", "DE", "US"]);
        self.events.push(row);

        // Events at the very moment of the exposure, and just before.
        if let Some(at) = at.filter(|_| random.chance(0.4)) {
            for at in [at, at - 1] {
                let mut row = self.row(user, folder, random);
                (row.at, row.event) = (Some(at), Some("click".to_owned()));
                (row.amount, row.items) = (Some(0.1), Some(1));
                self.events.push(row);
            }
        }
    }

    /// A row with a unit and a time, mostly.
    fn row(&self, user: usize, folder: usize, random: &mut Random) -> Row {
        let (begin, end) = (self.midnights[folder], self.midnights[folder + 1]);
        // Ten minutes apart, so that moments meet.
        let slots = ((end - begin) / 600_000_000) as usize;
        let mut at = begin + random.below(slots) as i64 * 600_000_000;
        match random.below(40) {
            0 => at -= 86_400_000_000,
            1 => at = end + random.below(9) as i64 * 3_600_000_000,
            2 => at = end - 1,
            _ => {}
        }
        let named = if self.setting.numbers {
            Unit::Number(user as i64 * 7_919 - 40_000)
        } else {
            Unit::Name(format!("u{}", user * 37 % 1_009))
        };
        let session = Unit::Name(format!("{user}-{}", folder / 2));
        Row {
            folder,
            at: (!random.chance(0.02)).then_some(at),
            user: (!random.chance(0.02)).then_some(named),
            session: (!random.chance(0.03)).then_some(session),
            ..Row::default()
        }
    }

    pub(crate) fn log(&self, source: &str) -> &[Row] {
        match source {
            "events" => &self.events,
            "pages" => &self.pages,
            _ => &self.assignments,
        }
    }

    /// Writes the logs below `root`: each day in up to `files` files, in an order that `seed` gives. Of pages there is
    /// nothing where nothing happened, of the other logs a file without rows.
    pub(crate) fn write(&self, root: &Path, files: usize, seed: u64) {
        let mut random = Random(seed);
        for source in ["events", "pages", "assignments"] {
            for folder in 0..DAYS {
                let mut rows: Vec<&Row> =
                    self.log(source).iter().filter(|row| row.folder == folder).collect();
                if rows.is_empty() && source == "pages" {
                    continue;
                }
                random.shuffle(&mut rows);
                let files = 1 + random.below(files);
                for file in 0..files {
                    let part: Vec<&Row> = rows.iter().skip(file).step_by(files).copied().collect();
                    let below = self.folder(source, folder, random.below(24));
                    let folder = root.join(source).join(below);
                    std::fs::create_dir_all(&folder).unwrap();
                    self.write_file(source, &part, &folder.join(format!("part-{file}.parquet")));
                }
            }
        }
    }

    fn folder(&self, source: &str, folder: usize, hour: usize) -> String {
        let day = self.days[folder];
        match self.setting.layout {
            Layout::Hours => format!("ds={day}/hour={hour:02}"),
            Layout::Template if source == "events" => day.format("%Y/%m/%d").to_string(),
            Layout::Hive | Layout::Template => format!("ds={day}"),
        }
    }

    fn write_file(&self, source: &str, rows: &[&Row], to: &Path) {
        let of = |text: fn(&Row) -> &Option<String>| -> ArrayRef {
            Arc::new(rows.iter().map(|row| text(row).as_deref()).collect::<StringArray>())
        };
        let at = || rows.iter().map(|row| row.at);
        let numbers = || {
            rows.iter().map(|row| match row.user {
                Some(Unit::Number(n)) => Some(n),
                _ => None,
            })
        };
        let users: ArrayRef = if !self.setting.numbers {
            Arc::new(
                rows.iter().map(|r| r.user.as_ref().map(Unit::to_string)).collect::<StringArray>(),
            )
        } else if source == "pages" {
            Arc::new(numbers().map(|n| n.map(|n| n as i32)).collect::<Int32Array>())
        } else {
            Arc::new(numbers().collect::<Int64Array>())
        };
        let sessions = rows.iter().map(|r| r.session.as_ref().map(Unit::to_string));
        let sessions: ArrayRef = Arc::new(sessions.collect::<LargeStringArray>());
        let columns: Vec<(&str, ArrayRef)> = match source {
            "events" => vec![
                ("user", users),
                ("session", sessions),
                ("at", Arc::new(at().collect::<TimestampMicrosecondArray>().with_timezone("UTC"))),
                ("event", of(|row| &row.event)),
                ("amount", Arc::new(rows.iter().map(|r| r.amount).collect::<Float64Array>())),
                (
                    "items",
                    Arc::new(
                        rows.iter().map(|r| r.items.map(|n| n as i32)).collect::<Int32Array>(),
                    ),
                ),
                ("balance", Arc::new(rows.iter().map(|r| r.balance).collect::<Float64Array>())),
                ("experiment", of(|row| &row.experiment)),
                ("variant", of(|row| &row.variant)),
                ("country", of(|row| &row.place)),
            ],
            "pages" => vec![
                ("visitor", users),
                ("ms", Arc::new(at().map(|us| us.map(|us| us / 1_000)).collect::<Int64Array>())),
                ("kind", of(|row| &row.event)),
                (
                    "seconds",
                    Arc::new(
                        rows.iter().map(|r| r.amount.map(|x| x as f32)).collect::<Float32Array>(),
                    ),
                ),
                ("ok", Arc::new(rows.iter().map(|r| r.ok).collect::<BooleanArray>())),
            ],
            _ => vec![
                ("user", users),
                ("session", sessions),
                (
                    "at",
                    Arc::new(
                        at().map(|us| us.map(|us| us * 1_000))
                            .collect::<TimestampNanosecondArray>(),
                    ),
                ),
                ("experiment", of(|row| &row.experiment)),
                ("variant", of(|row| &row.variant)),
                ("device", of(|row| &row.place)),
                ("tier", Arc::new(rows.iter().map(|r| r.tier).collect::<Int64Array>())),
            ],
        };
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.into_iter().map(|(n, c)| (n, c, true)),
        );
        let batch = batch.unwrap();
        let file = std::fs::File::create(to).unwrap();
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }
}
