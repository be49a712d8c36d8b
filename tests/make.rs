//! Everything that can happen to a project between two runs is the same case: what is missing or stale is made, nothing
//! else, and the tables are those of a run from scratch.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod estimates;
mod keys;
mod looks;
mod registered;
mod upkeep;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use serde_json::Value;

use crate::support::{Project, doubles, hours};

const PROJECT: &str = "\
project: {name: shop, tables: tables}
sources:
  events:
    path: events
    timestamp: ts
    units: {customer: customer}
  exposures:
    path: exposures
    timestamp: ts
    units: {customer: customer}
exposures:
  assignments:
    source: exposures
    experiment: experiment
    variant: variant
    segments: {country: country}
";

const METRICS: &str = "\
metrics:
  spend:
    type: mean
    source: events
    value: amount
    filter: kind = 'purchase'
  buyers:
    type: proportion
    source: events
    filter: kind = 'purchase'
  purchases_per_visit:
    type: ratio
    numerator: {source: events, aggregate: count, filter: kind = 'purchase'}
    denominator: {source: events, aggregate: count, filter: kind = 'visit'}
";

const PRICES: &str = "\
experiment:
  name: prices
  start: 2024-01-01
  design:
    unit: customer
    variants: [control, treatment]
  segments: [country]
  metrics:
    primary: {name: spend, mde_relative: 0.2}
    secondary: [{name: buyers}]
";

const BANNER: &str = "\
experiment:
  name: banner
  start: 2024-01-02
  end: 2024-01-03
  design:
    unit: customer
    variants: [control, banner]
  metrics:
    primary: {name: buyers}
    secondary: [{name: purchases_per_visit}]
";

/// How many days the logs have, from 1 January 2024.
const DAYS: i64 = 4;

/// A shop with two experiments over sixty customers and four days: they come on some days, are exposed on those, and a
/// few of them meet two variants.
struct Shop {
    project: Project,
}

/// A number in [0, 1) that is always the same for the same three (the finaliser of splitmix64).
fn chance(day: i64, customer: i64, salt: i64) -> f64 {
    let mut z = (day * 1_000_003 + customer * 8_191 + salt) as u64;
    z = z.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

fn texts(values: Vec<String>) -> ArrayRef {
    Arc::new(StringArray::from(values))
}

impl Shop {
    fn new() -> Shop {
        let shop = Shop { project: Project::new() };
        shop.project
            .file("project.yaml", PROJECT)
            .file("metrics.yaml", METRICS)
            .file("experiments/prices.yaml", PRICES)
            .file("experiments/banner.yaml", BANNER);
        for day in 1..=DAYS {
            shop.exposures(day);
            shop.events(day, "part-0", 1.0);
        }
        shop
    }

    fn path(&self) -> &Path {
        self.project.path()
    }

    fn visitors(day: i64) -> impl Iterator<Item = i64> {
        (0..60).filter(move |customer| chance(day, *customer, 1) < 0.6)
    }

    fn exposures(&self, day: i64) {
        let (mut at, mut customers) = (Vec::new(), Vec::new());
        let (mut experiments, mut variants, mut countries) = (Vec::new(), Vec::new(), Vec::new());
        for customer in Shop::visitors(day) {
            for (experiment, arms) in
                [("prices", ["control", "treatment"]), ("banner", ["control", "banner"])]
            {
                let salt = experiment.len() as i64;
                let strays = chance(day, customer, 10 + salt) < 0.05;
                let arm = usize::from((chance(0, customer, 20 + salt) < 0.5) != strays);
                at.push(6.0 + 8.0 * chance(day, customer, 30 + salt));
                customers.push(format!("c{customer}"));
                experiments.push(experiment.to_owned());
                variants.push(arms[arm].to_owned());
                countries.push(["IN", "BR", "NG"][(customer % 3) as usize].to_owned());
            }
        }
        let columns = [
            ("ts", hours(day, &at)),
            ("customer", texts(customers)),
            ("experiment", texts(experiments)),
            ("variant", texts(variants)),
            ("country", texts(countries)),
        ];
        self.project.log(&format!("exposures/ds=2024-01-0{day}/part-0.parquet"), &columns);
    }

    /// Writes events of a day; `times` multiplies the amounts.
    fn events(&self, day: i64, file: &str, times: f64) {
        let (mut at, mut customers) = (Vec::new(), Vec::new());
        let (mut kinds, mut amounts) = (Vec::new(), Vec::new());
        for customer in Shop::visitors(day) {
            for nth in 0..3 {
                let purchase = chance(day, customer, 40 + nth) < 0.4;
                at.push(24.0 * chance(day, customer, 50 + nth));
                customers.push(format!("c{customer}"));
                kinds.push(if purchase { "purchase" } else { "visit" }.to_owned());
                amounts.push(times * (0.1 + 99.9 * chance(day, customer, 60 + nth)));
            }
        }
        let columns = [
            ("ts", hours(day, &at)),
            ("customer", texts(customers)),
            ("kind", texts(kinds)),
            ("amount", doubles(&amounts)),
        ];
        self.project.log(&format!("events/ds=2024-01-0{day}/{file}.parquet"), &columns);
    }

    /// Replaces a text in one of the project's files.
    #[track_caller]
    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path().join(file)).unwrap();
        assert!(text.contains(from), "no `{from}` in {file}:\n{text}");
        self.project.file(file, &text.replacen(from, to, 1));
    }

    fn backfill(&self) -> Made {
        let args = ["backfill", "--fail-on", "never", "--from", "2024-01-01", "--to", "2024-01-04"];
        self.project.verdict(&args).exits(0);
        self.last_run()
    }

    fn night(&self, day: i64) -> Made {
        let date = format!("2024-01-0{day}");
        self.project.verdict(&["run", "--fail-on", "never", "--date", &date]).exits(0);
        self.last_run()
    }

    /// What the last run did, as `runs` has it.
    fn last_run(&self) -> Made {
        let sql = "SELECT partitions_made, objects_read, bytes_read FROM runs ORDER BY started DESC LIMIT 1";
        let rows = self.project.verdict(&["query", sql, "--format", "json"]).exits(0).json();
        let number = |column: &str| rows[0][column].as_u64().unwrap();
        Made {
            partitions: number("partitions_made"),
            objects: number("objects_read"),
            bytes: number("bytes_read"),
        }
    }

    /// The plan of a backfill: what is made, with the reason, by table and partition.
    fn plan(&self) -> BTreeMap<String, String> {
        let args = ["plan", "--from", "2024-01-01", "--date", "2024-01-04", "--format", "json"];
        let plan = self.project.verdict(&args).exits(0).json();
        let made = plan["items"].as_array().unwrap().iter().filter(|i| i["action"] == "make");
        made.map(|i| {
            let text = |key: &str| i[key].as_str().unwrap().to_owned();
            (format!("{}/{}", text("table"), text("partition")), text("reason"))
        })
        .collect()
    }

    /// The tables that are read and decided on, byte for byte.
    fn answers(&self) -> BTreeMap<String, Vec<u8>> {
        let answers = ["group_stats/", "results/", "checks/", "decisions/"];
        self.project
            .partitions()
            .into_iter()
            .filter(|path| answers.iter().any(|table| path.starts_with(table)))
            .map(|path| (path.clone(), fs::read(self.path().join("tables").join(path)).unwrap()))
            .collect()
    }

    /// Nobody meets two variants, and who is treated spends three times as much.
    fn plainly_better(&self) {
        for day in 1..=DAYS {
            let mut events = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            let mut shown = (Vec::new(), Vec::new());
            for customer in Shop::visitors(day) {
                let treated = customer % 2 == 1;
                shown.0.push(format!("c{customer}"));
                shown.1.push(if treated { "treatment" } else { "control" }.to_owned());
                events.0.push(20.0);
                events.1.push(format!("c{customer}"));
                events.2.push("purchase".to_owned());
                let amount = 1.0 + 9.0 * chance(day, customer, 70);
                events.3.push(if treated { 1.5 * amount } else { amount });
            }
            let all = |text: &str| texts(vec![text.to_owned(); shown.0.len()]);
            let columns = [
                ("ts", hours(day, &vec![1.0; shown.0.len()])),
                ("customer", texts(shown.0.clone())),
                ("experiment", all("prices")),
                ("variant", texts(shown.1)),
                ("country", all("IN")),
            ];
            let day_of = |log: &str| format!("{log}/ds=2024-01-0{day}/part-0.parquet");
            self.project.log(&day_of("exposures"), &columns);
            let columns = [
                ("ts", hours(day, &events.0)),
                ("customer", texts(events.1)),
                ("kind", texts(events.2)),
                ("amount", doubles(&events.3)),
            ];
            self.project.log(&day_of("events"), &columns);
        }
    }

    /// The same project without its tables, but for what was registered, which no log says.
    fn without_tables(&self) -> Shop {
        let copy = Shop { project: Project::new() };
        copy_folder(self.path(), copy.path());
        let registered = "tables/registrations";
        if self.path().join(registered).exists() {
            fs::create_dir_all(copy.path().join(registered)).unwrap();
            copy_folder(&self.path().join(registered), &copy.path().join(registered));
        }
        copy
    }

    /// Asserts that the tables are those of a backfill from scratch.
    #[track_caller]
    fn is_as_from_scratch(&self) {
        let scratch = self.without_tables();
        scratch.backfill();
        let found = self.answers();
        for name in scratch.answers().keys() {
            assert!(found.contains_key(name), "there is no {name}");
        }
        self.has_nothing_else_than(&scratch);
    }

    /// Asserts that what is there is as a backfill from scratch has it.
    #[track_caller]
    fn has_nothing_else_than(&self, scratch: &Shop) {
        let wanted = scratch.answers();
        for (name, bytes) in self.answers() {
            assert!(wanted.get(&name) == Some(&bytes), "{name} has other bytes than from scratch");
        }
    }
}

/// What a run did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Made {
    partitions: u64,
    objects: u64,
    bytes: u64,
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            if entry.file_name() != "tables" {
                fs::create_dir_all(&to).unwrap();
                copy_folder(&entry.path(), &to);
            }
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// The means of a metric by date, for one arm.
fn series(shop: &Shop, metric: &str) -> Vec<(String, f64)> {
    let sql = format!(
        "SELECT CAST(ds AS VARCHAR) AS ds, mean_x FROM group_stats WHERE metric = '{metric}' AND variant = 'treatment' \
         AND segment = 'all' ORDER BY ds"
    );
    let rows = shop.project.verdict(&["query", &sql, "--format", "json"]).exits(0).json();
    let of =
        |row: &Value| (row["ds"].as_str().unwrap().to_owned(), row["mean_x"].as_f64().unwrap());
    rows.as_array().unwrap().iter().map(of).collect()
}

#[test]
fn nothing_changed_makes_nothing() {
    let shop = Shop::new();
    let first = shop.backfill();
    assert_eq!(first.objects, 8, "each of the eight log objects is read once: {first:?}");
    assert_eq!(shop.plan(), BTreeMap::new());
    let modified = |shop: &Shop| -> Vec<_> {
        let times = |path: String| {
            let file = shop.path().join("tables").join(path);
            fs::metadata(file).unwrap().modified().unwrap()
        };
        shop.project.partitions().into_iter().map(times).collect()
    };
    let before = modified(&shop);
    assert_eq!(shop.backfill(), Made { partitions: 0, objects: 0, bytes: 0 });
    assert_eq!(modified(&shop), before);
}

#[test]
fn a_missed_night_and_nights_out_of_order() {
    let shop = Shop::new();
    shop.night(1);
    shop.night(4);
    let late = shop.night(3);
    assert_eq!(late.objects, 0, "the third day was read for the fourth: {late:?}");
    shop.night(2);
    shop.is_as_from_scratch();
}

#[test]
fn a_night_reads_its_own_day_only() {
    let shop = Shop::new();
    for day in 1..=DAYS {
        let made = shop.night(day);
        assert_eq!(made.objects, 2, "night {day} reads its events and its exposures: {made:?}");
    }
    shop.is_as_from_scratch();
}

#[test]
fn a_day_that_is_restated_or_extended_or_loses_a_file() {
    let shop = Shop::new();
    shop.backfill();
    let before = shop.answers();

    shop.events(2, "part-0", 1.5);
    let plan = shop.plan();
    assert_eq!(plan["unit_day/unit_type=customer/ds=2024-01-02"], "changed: objects of events");
    assert!(!plan.keys().any(|key| key.ends_with("ds=2024-01-01")), "{plan:?}");
    assert_eq!(plan["group_stats/experiment=prices/ds=2024-01-03"], "what it is made from is made");
    let made = shop.backfill();
    assert_eq!(made.objects, 2, "only the restated day is read: {made:?}");
    shop.is_as_from_scratch();
    assert_ne!(shop.answers(), before);

    shop.events(3, "late", 2.0);
    assert_eq!(shop.backfill().objects, 3);
    shop.is_as_from_scratch();

    fs::remove_file(shop.path().join("events/ds=2024-01-03/late.parquet")).unwrap();
    shop.events(2, "part-0", 1.0);
    shop.backfill();
    shop.is_as_from_scratch();
    assert_eq!(shop.answers(), before, "what was undone leaves no trace");
}

#[test]
fn a_restated_day_of_the_same_rows_makes_nothing_else() {
    let shop = Shop::new();
    shop.backfill();
    shop.events(2, "part-0", 1.0);
    let made = shop.backfill();
    // unit_day, and exposure_day of both experiments.
    assert_eq!((made.partitions, made.objects), (3, 2), "{made:?}");
}

#[test]
fn a_metric_over_kept_components_reads_no_event() {
    let shop = Shop::new();
    shop.backfill();
    shop.edit(
        "metrics.yaml",
        "metrics:\n",
        "metrics:\n  spend_per_purchase:\n    type: ratio\n    \
         numerator: {source: events, value: amount, aggregate: sum, filter: kind = 'purchase'}\n    \
         denominator: {source: events, aggregate: count, filter: kind = 'purchase'}\n",
    );
    shop.edit(
        "experiments/prices.yaml",
        "{name: buyers}",
        "{name: buyers}, {name: spend_per_purchase}",
    );
    let made = shop.backfill();
    assert_eq!((made.objects, made.bytes), (0, 0), "{made:?}");
    assert_eq!(series(&shop, "spend_per_purchase").len(), 4, "its whole daily series appears");
    shop.is_as_from_scratch();
}

#[test]
fn a_metric_with_a_new_component_reads_each_day_once() {
    let shop = Shop::new();
    shop.backfill();
    let more = "metrics:\n  visits: {type: mean, source: events, aggregate: count, filter: kind = 'visit' AND amount > 5}\n";
    shop.edit("metrics.yaml", "metrics:\n", more);
    shop.edit("experiments/prices.yaml", "{name: buyers}", "{name: buyers}, {name: visits}");
    assert_eq!(shop.backfill().objects, 8);
    assert_eq!(series(&shop, "visits").len(), 4);
    shop.is_as_from_scratch();
}

#[test]
fn a_filter_that_is_changed() {
    let shop = Shop::new();
    shop.backfill();
    let before = series(&shop, "spend");
    shop.edit(
        "metrics.yaml",
        "filter: kind = 'purchase'",
        "filter: kind = 'purchase' AND amount < 50",
    );
    shop.backfill();
    let after = series(&shop, "spend");
    assert_eq!(before.len(), after.len());
    assert!(
        before.iter().zip(&after).all(|(a, b)| a.0 == b.0 && a.1 > b.1),
        "{before:?} {after:?}"
    );
    shop.is_as_from_scratch();
}

#[test]
fn an_experiment_that_began_before_it_was_added() {
    let shop = Shop::new();
    fs::rename(shop.path().join("experiments/prices.yaml"), shop.path().join("later")).unwrap();
    shop.backfill();
    fs::rename(shop.path().join("later"), shop.path().join("experiments/prices.yaml")).unwrap();
    let plan = shop.plan();
    assert!(!plan.contains_key("unit_day/unit_type=customer/ds=2024-01-02"), "{plan:?}");
    shop.backfill();
    shop.is_as_from_scratch();
}

#[test]
fn derived_tables_that_are_deleted() {
    let shop = Shop::new();
    shop.backfill();
    let wanted = shop.answers();
    for tables in [
        &["group_stats"][..],
        &["unit_total"],
        &["results", "decisions"],
        &["unit_total", "group_stats/experiment=prices/ds=2024-01-03"],
        &["unit_day/unit_type=customer/ds=2024-01-02"],
        &["exposure_day/experiment=banner"],
        &[
            "unit_day",
            "exposure_day",
            "unit_total",
            "group_stats",
            "results",
            "checks",
            "decisions",
        ],
    ] {
        for table in tables {
            fs::remove_dir_all(shop.path().join("tables").join(table)).unwrap();
        }
        let plan = shop.plan();
        assert!(!plan.is_empty(), "{tables:?}");
        shop.backfill();
        assert_eq!(shop.plan(), BTreeMap::new(), "{tables:?}");
        assert!(shop.answers() == wanted, "other bytes after the loss of {tables:?}");
    }
}

/// A unit that counted on a day and was then seen in the other variant is taken back, from that day on and not before.
#[test]
fn a_unit_excluded_later_counts_until_then() {
    let shop = Shop { project: Project::new() };
    shop.project
        .file("project.yaml", PROJECT)
        .file("metrics.yaml", METRICS)
        .file("experiments/prices.yaml", PRICES);
    // Day 1: a and b in the control, c and d in the treatment. Day 2: b meets the treatment, too.
    let days: [(&[&str], &[&str]); 2] = [
        (&["a", "b", "c", "d"], &["control", "control", "treatment", "treatment"]),
        (&["b"], &["treatment"]),
    ];
    for (day, (customers, variants)) in (1..).zip(days) {
        let owned = |of: &[&str]| texts(of.iter().map(|s| (*s).to_owned()).collect());
        let same = |text: &str| texts(vec![text.to_owned(); customers.len()]);
        let exposures = [
            ("ts", hours(day, &vec![1.0; customers.len()])),
            ("customer", owned(customers)),
            ("experiment", same("prices")),
            ("variant", owned(variants)),
            ("country", same("IN")),
        ];
        shop.project.log(&format!("exposures/ds=2024-01-0{day}/p.parquet"), &exposures);
        let events = [
            ("ts", hours(day, &vec![2.0; customers.len()])),
            ("customer", owned(customers)),
            ("kind", same("purchase")),
            ("amount", doubles(&[1.0, 3.0, 5.0, 7.0][..customers.len()])),
        ];
        shop.project.log(&format!("events/ds=2024-01-0{day}/p.parquet"), &events);
    }
    let args = ["backfill", "--fail-on", "never", "--from", "2024-01-01", "--to", "2024-01-02"];
    shop.project.verdict(&args).exits(0);
    let sql = "SELECT CAST(ds AS VARCHAR) AS ds, n, mean_x, m2_x FROM group_stats WHERE metric = 'spend' \
               AND variant = 'control' AND segment = 'all' ORDER BY ds";
    let rows = shop.project.verdict(&["query", sql, "--format", "json"]).exits(0).json();
    // Day 1: 1 and 3. Day 2: b, which bought for 1 again, is gone.
    assert_eq!((rows[0]["n"].as_i64(), rows[0]["mean_x"].as_f64()), (Some(2), Some(2.0)), "{rows}");
    assert_eq!(rows[0]["m2_x"].as_f64(), Some(2.0));
    assert_eq!((rows[1]["n"].as_i64(), rows[1]["mean_x"].as_f64()), (Some(1), Some(1.0)), "{rows}");
    assert_eq!(rows[1]["m2_x"].as_f64(), Some(0.0));
}
