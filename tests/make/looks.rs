//! The history of a sequential experiment is derived: a date is judged by every day up to it, made where it is missing, and
//! it does not show how they came to be.

use std::fs;

use serde_json::Value;

use super::{DAYS, Shop};

const WATCHED: &str =
    "  statistical_settings: {sequential_method: msprt}\n  metrics:\n    primary: {name: spend";

/// The shop, its first experiment watched; `settings` are more of its settings.
fn shop(settings: &str) -> Shop {
    let shop = Shop::new();
    let watched = WATCHED.replace("msprt", &format!("msprt{settings}"));
    shop.edit("experiments/prices.yaml", "  metrics:\n    primary: {name: spend", &watched);
    shop
}

fn rows(shop: &Shop, sql: &str) -> Vec<Value> {
    let rows = shop.project.verdict(&["query", sql, "--format", "json"]).exits(0).json();
    rows.as_array().unwrap().clone()
}

/// Dates and `n_before` of one metric and arm.
fn shared(shop: &Shop, experiment: &str) -> Vec<(String, Option<i64>)> {
    let sql = format!(
        "SELECT CAST(ds AS VARCHAR) AS ds, n_before FROM group_stats WHERE experiment = '{experiment}' AND \
         metric = 'buyers' AND segment = 'all' AND variant = 'control' ORDER BY ds"
    );
    let of = |row: &Value| (row["ds"].as_str().unwrap().to_owned(), row["n_before"].as_i64());
    rows(shop, &sql).iter().map(of).collect()
}

#[test]
fn a_night_makes_the_days_before_it() {
    let shop = shop("");
    let plan = ["plan", "--date", "2024-01-03", "--experiment", "prices"];
    let told = shop.project.verdict(&plan).exits(0).stdout;
    for day in ["01", "02"] {
        let line = format!(
            "make   group_stats/experiment=prices/ds=2024-01-{day}  (what it is made from is made; 2024-01-03 is judged \
             by it, too)"
        );
        assert!(told.contains(&line), "{told}");
    }
    assert!(!told.contains("results/experiment=prices/ds=2024-01-02"), "{told}");
    shop.night(3);
    let dates = shared(&shop, "prices");
    assert_eq!(dates[0], ("2024-01-01".to_owned(), None), "the first day has none before it");
    assert!(
        dates.len() == 3 && dates[1..].iter().all(|(_, n)| n.is_some_and(|n| n > 10)),
        "{dates:?}"
    );
    // The other experiment is not watched: its night is its night, and it has no day before.
    assert_eq!(shared(&shop, "banner"), [("2024-01-03".to_owned(), None)]);
    let results =
        "SELECT DISTINCT CAST(ds AS VARCHAR) AS ds FROM results WHERE experiment = 'prices'";
    assert_eq!(rows(&shop, results).len(), 1, "days before are not judged again");
    assert_eq!(shop.night(3).partitions, 0);

    // A day that is lost is made again, and what is judged with it is as it was.
    let before = shop.answers();
    fs::remove_dir_all(shop.path().join("tables/group_stats/experiment=prices/ds=2024-01-02"))
        .unwrap();
    let told = shop.project.verdict(&plan).exits(0).stdout;
    let line = "make   group_stats/experiment=prices/ds=2024-01-02  (missing; 2024-01-03 is judged by it, too)";
    assert!(told.contains(line), "{told}");
    assert!(told.contains("make   results/experiment=prices/ds=2024-01-03"), "{told}");
    assert_eq!(shop.night(3).partitions, 1);
    assert!(shop.answers() == before);
}

#[test]
fn nights_in_any_order_and_a_backfill_give_the_same_answers() {
    for settings in ["", ", look_every_days: 2", ", look_every_days: 3, max_duration_days: 4"] {
        let wanted = shop(settings);
        wanted.backfill();
        assert_eq!(wanted.plan().len(), 0, "{settings}");
        for days in [[1, 2, 3, 4], [4, 3, 2, 1], [2, 4, 1, 3]] {
            let shop = shop(settings);
            days.iter().for_each(|day| {
                shop.night(*day);
            });
            let (found, wanted) = (shop.answers(), wanted.answers());
            assert_eq!(found.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
            for (name, bytes) in &wanted {
                assert!(
                    found[name] == *bytes,
                    "{name} has other bytes after the nights {days:?}{settings}"
                );
            }
        }
    }
}

/// Correlations between looks are those from day to day, whatever days are looked at.
#[test]
fn the_schedule_of_the_looks_does_not_show_in_the_statistics() {
    let (daily, other) = (shop(""), shop(", look_every_days: 2"));
    daily.backfill();
    other.night(4);
    let stats = |shop: &Shop| {
        let sql = "SELECT * FROM group_stats WHERE experiment = 'prices' ORDER BY ds, metric, segment, segment_value, variant";
        rows(shop, sql)
    };
    let rows = stats(&other);
    assert!(rows.iter().any(|row| row["co_x_before"].as_f64().is_some_and(|co| co > 0.0)));
    assert_eq!(stats(&daily), rows);
}

/// A plan with one look is judged by the one at its end, also when it is asked for later.
#[test]
fn a_planned_end_is_looked_at_from_later() {
    let planned = |settings: &str| {
        let shop = Shop::new();
        let settings = format!(
            "  statistical_settings: {{{settings}}}\n  metrics:\n    primary: {{name: spend"
        );
        shop.edit("experiments/prices.yaml", "  metrics:\n    primary: {name: spend", &settings);
        shop.edit("experiments/prices.yaml", "  start: 2024-01-01\n", "");
        shop
    };
    let dates = |shop: &Shop| {
        let of = |path: &String| {
            path.strip_prefix("group_stats/experiment=prices/ds=2024-01-0")
                .map(|p| p[..1].to_owned())
        };
        shop.project.partitions().iter().filter_map(of).collect::<Vec<_>>().concat()
    };
    for (settings, expect) in
        [("max_duration_days: 3", "134"), ("min_duration_days: 3", "14"), ("alpha: 0.1", "4")]
    {
        let (shop, nights) = (planned(settings), planned(settings));
        shop.night(4);
        assert_eq!(dates(&shop), expect, "{settings}");
        (1..=DAYS).for_each(|day| {
            nights.night(day);
        });
        let nights = nights.answers();
        for (name, bytes) in shop.answers() {
            assert!(nights[&name] == bytes, "{name} has other bytes by nights: {settings}");
        }
    }
}

#[test]
fn a_restated_day_makes_every_day_from_it_on_and_what_is_judged_by_them() {
    let shop = shop("");
    (1..=DAYS).for_each(|day| {
        shop.night(day);
    });
    shop.events(2, "part-0", 1.5);
    shop.night(4);
    assert_eq!(
        shop.plan().keys().filter(|key| key.contains("group_stats/experiment=prices")).count(),
        0
    );
    // The nights between are made again when they are asked for.
    let plan = shop.plan();
    assert!(plan.contains_key("results/experiment=prices/ds=2024-01-03"), "{plan:?}");
    assert!(!plan.contains_key("results/experiment=prices/ds=2024-01-01"), "{plan:?}");
    shop.backfill();
    shop.is_as_from_scratch();
}

#[test]
fn analyze_reads_the_days_that_are_there_and_names_those_that_are_not() {
    let shop = shop("");
    shop.backfill();
    let analyze = |more: &[&str]| {
        let args =
            ["analyze", "--fail-on", "never", "--date", "2024-01-04", "--experiment", "prices"];
        shop.project.verdict(&[&args, more].concat()).exits(0)
    };
    let whole = analyze(&[]).stdout;
    assert!(!whole.contains("without statistics"), "{whole}");
    let before = shop.answers();
    for day in ["02", "03"] {
        fs::remove_dir_all(
            shop.path().join(format!("tables/group_stats/experiment=prices/ds=2024-01-{day}")),
        )
        .unwrap();
    }
    let told = analyze(&[]).stdout;
    assert!(
        told.contains("days without statistics, which `verdict run` makes: 2024-01-02 and 1 more"),
        "{told}"
    );
    let json = analyze(&["--format", "json"]).json();
    assert_eq!(
        json["experiments"][0]["missing_days"],
        serde_json::json!(["2024-01-02", "2024-01-03"])
    );
    // What was said without them is not what is said with them.
    assert!(shop.plan().contains_key("results/experiment=prices/ds=2024-01-04"));
    shop.backfill();
    assert!(shop.answers() == before);
}

#[test]
fn a_smallest_effect_that_is_stated_for_a_growing_total_is_warned_of() {
    let shop = Shop::new();
    shop.edit(
        "experiments/prices.yaml",
        "  segments: [country]\n",
        "  segments: [country]\n  statistical_settings: {sequential_method: msprt}\n",
    );
    let told = || shop.project.verdict(&["validate"]).exits(0).stdout;
    assert!(!told().contains("warning"), "{}", told());
    shop.edit("experiments/prices.yaml", "mde_relative: 0.2", "mde_absolute: 0.2");
    let words = "`mde_absolute` of spend, a total that grows from day to day: `msprt` takes it for the effect at the \
                 first look";
    let text = told();
    assert!(text.contains("warning: experiments/prices.yaml:") && text.contains(words), "{text}");
    let json = shop.project.verdict(&["validate", "--format", "json"]).exits(0).json();
    assert_eq!(json["warnings"][0]["experiment"], "prices", "{json}");
    // An effect at the first look is what `tau` states, and the other methods are not tuned by it.
    let settings = "{sequential_method: msprt}";
    shop.edit("experiments/prices.yaml", settings, "{sequential_method: msprt, tau: 0.2}");
    assert!(!told().contains("warning"), "{}", told());
}
