//! Reasons to trust, from logs: planted faults, segments and their crosses, A/A splits, and plans from stored days.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};
use serde_json::Value;

use crate::support::{Project, doubles, hours, integers};

const PROJECT: &str = "\
project: {name: shop, tables: tables}
sources:
  events: {path: events, timestamp: ts, units: {customer: customer}}
  exposures: {path: exposures, timestamp: ts, units: {customer: customer}}
exposures:
  assignments:
    source: exposures
    variant: variant
    segments: {country: country, platform: platform}
metrics:
  spend: {type: mean, source: events, value: amount}
  bought: {type: proportion, source: events, filter: amount > 100}
  a_visit: {type: ratio, numerator: {source: events, value: amount, aggregate: sum}, denominator: {source: events, aggregate: count}}
";

/// A unit exposed on a day, with what it spends on that day and the days after.
struct Unit {
    variant: &'static str,
    country: &'static str,
    platform: &'static str,
    day: i64,
    spends: Vec<f64>,
}

fn texts<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

/// The variant of every unit in another experiment, which is spread evenly over those of this one.
fn banner(id: i64) -> &'static str {
    ["off", "on"][(id / 2 % 2) as usize]
}

/// The logs of the first days of January 2024: a unit is exposed at one o'clock and spends at two.
fn log(project: &Project, units: &[Unit], days: i64) {
    let named: Vec<(i64, &Unit)> = (0..).zip(units).collect();
    for day in 1..=days {
        let exposed: Vec<&(i64, &Unit)> = named.iter().filter(|(_, u)| u.day == day).collect();
        let ids: Vec<i64> = exposed.iter().map(|(id, _)| *id).collect();
        project.log(
            &format!("exposures/ds=2024-01-{day:02}/part.parquet"),
            &[
                ("customer", integers(&ids)),
                ("ts", hours(day, &vec![1.0; ids.len()])),
                ("variant", texts(exposed.iter().map(|(_, u)| u.variant))),
                ("country", texts(exposed.iter().map(|(_, u)| u.country))),
                ("platform", texts(exposed.iter().map(|(_, u)| u.platform))),
                ("banner", texts(exposed.iter().map(|(id, _)| banner(*id)))),
            ],
        );
        let spent = named.iter().filter_map(|(id, u)| {
            let on = usize::try_from(day - u.day).ok()?;
            Some((*id, *u.spends.get(on)?))
        });
        let (ids, amounts): (Vec<i64>, Vec<f64>) = spent.unzip();
        project.log(
            &format!("events/ds=2024-01-{day:02}/part.parquet"),
            &[
                ("customer", integers(&ids)),
                ("ts", hours(day, &vec![23.5; ids.len()])),
                ("amount", doubles(&amounts)),
            ],
        );
    }
}

fn project(experiment: &str) -> Project {
    let project = Project::new();
    let experiment = format!(
        "experiment:\n  name: basket\n  start: 2024-01-01\n  design: {{unit: customer, variants: [control, treatment]}}\n\
         {experiment}"
    );
    project.file("project.yaml", PROJECT).file("experiments/basket.yaml", &experiment);
    project
}

const SEGMENTED: &str = "  segments: [country, platform, [country, platform]]
  segment_values: 2
  metrics:
    primary: {name: spend}
    secondary: [{name: bought}]
";

fn run(project: &Project, day: i64) -> Value {
    let date = format!("2024-01-{day:02}");
    let args = ["run", "--quiet", "--date", &date, "--fail-on", "never", "--format", "json"];
    project.verdict(&args).exits(0).json()["experiments"][0].clone()
}

fn check<'a>(experiment: &'a Value, name: &str) -> &'a Value {
    let checks = experiment["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == name).unwrap()
}

/// Whole numbers in no order: the same on every machine.
fn shuffled(i: usize) -> usize {
    i.wrapping_mul(2_654_435_761) >> 7
}

/// Three countries on two platforms; `loses` says which units never arrive.
fn units(n: usize, loses: impl Fn(&Unit, usize) -> bool) -> Vec<Unit> {
    let unit = |i: usize| Unit {
        variant: ["control", "treatment"][i % 2],
        country: ["IN", "IN", "IN", "BR", "BR", "NG"][i / 2 % 6],
        platform: ["web", "ios"][i / 12 % 2],
        day: 1 + (i / 24 % 6) as i64,
        spends: vec![(shuffled(i) % 200) as f64],
    };
    (0..n).map(|i| (i, unit(i))).filter(|(i, u)| !loses(u, *i)).map(|(_, u)| u).collect()
}

#[test]
fn crosses_and_the_largest_values_are_segments() {
    let project = project(SEGMENTED);
    log(&project, &units(1440, |_, _| false), 6);
    let experiment = run(&project, 6);
    let rows = experiment["results"].as_array().unwrap();
    let segments: Vec<(String, String, i64)> = rows
        .iter()
        .filter(|row| row["metric"] == "spend")
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap().to_owned();
            (text("segment"), text("segment_value"), row["n_control"].as_i64().unwrap())
        })
        .collect();
    let wanted = [
        ("all", "all", 720),
        ("country", "(other)", 120),
        ("country", "BR", 240),
        ("country", "IN", 360),
        ("country*platform", "(other)", 360),
        ("country*platform", "IN*ios", 180),
        ("country*platform", "IN*web", 180),
        ("platform", "ios", 360),
        ("platform", "web", 360),
    ];
    let wanted = wanted.map(|(segment, value, n)| (segment.to_owned(), value.to_owned(), n));
    assert_eq!(segments, wanted);
    // The secondary metric's segments are corrected together: eight of them.
    let family = rows.iter().filter(|row| row["family"] == "segment:secondary");
    assert_eq!(family.count(), 8);
    for name in
        ["sample_ratio_segments", "conservation_segments", "simpsons_reversal", "days_complete"]
    {
        assert_eq!(check(&experiment, name)["status"], "pass", "{}", check(&experiment, name));
    }
    let watermark = check(&experiment, "days_complete")["message"].as_str().unwrap();
    assert!(watermark.contains("The latest event is of 2024-01-06 23:30:00 UTC"), "{watermark}");
}

/// From the third day on a third of the treatment's iOS users is lost: the platform is named, and nothing is decided.
#[test]
fn users_that_are_lost_on_one_platform_are_found() {
    let lost = |u: &Unit, i: usize| {
        u.variant == "treatment" && u.platform == "ios" && u.day >= 3 && (i / 144).is_multiple_of(3)
    };
    let project = project(SEGMENTED);
    log(&project, &units(7200, lost), 6);
    let experiment = run(&project, 6);
    let found = check(&experiment, "sample_ratio_segments");
    assert_eq!(found["status"], "fail", "{found}");
    assert!(found["message"].as_str().unwrap().contains("platform = ios"), "{found}");
    assert!(!found["message"].as_str().unwrap().contains("platform = web"), "{found}");
    assert!(
        found["message"].as_str().unwrap().contains("farthest off from 2024-01-03 on"),
        "{found}"
    );
    assert_eq!(experiment["decisions"][0]["decision"], "invalid");
}

/// A day's exposures of one arm are cut off in the middle: the day is named.
#[test]
fn a_day_that_lost_units_of_an_arm_is_found() {
    let lost =
        |u: &Unit, i: usize| u.variant == "treatment" && u.day == 4 && (i / 144).is_multiple_of(2);
    let project = project(SEGMENTED);
    log(&project, &units(7200, lost), 6);
    let found = check(&run(&project, 6), "sample_ratio_days").clone();
    assert_eq!(found["status"], "fail", "{found}");
    assert!(
        found["message"].as_str().unwrap().contains("on 1 of 6 days: 2024-01-04 has"),
        "{found}"
    );
}

const PRIMARY: &str = "  metrics:\n    primary: {name: spend}\n";

/// The treatment spends half more on its first day and no more afterwards; every unit spends every day.
#[test]
fn a_novelty_that_decays_is_found() {
    let unit = |i: usize| {
        let day = 1 + (i / 2 % 6) as i64;
        let factor = |on: i64| if i % 2 == 1 && on == 0 { 1.5 } else { 1.0 };
        let spend = |on: i64| factor(on) * (80.0 + (shuffled(i + 7919 * on as usize) % 41) as f64);
        Unit {
            variant: ["control", "treatment"][i % 2],
            country: "IN",
            platform: "web",
            day,
            spends: (0..=6 - day).map(spend).collect(),
        }
    };
    let project = project(PRIMARY);
    log(&project, &(0..2400).map(unit).collect::<Vec<_>>(), 6);
    let found = check(&run(&project, 6), "novelty").clone();
    assert_eq!(found["status"], "warn", "{found}");
    let message = found["message"].as_str().unwrap();
    assert!(
        message.contains("fades with time since exposure: over 6 days of exposure"),
        "{message}"
    );
}

/// One unit of two thousand spends ten million.
#[test]
fn a_bot_is_found() {
    let mut of_all = units(2000, |_, _| false);
    of_all[1].spends = vec![1e7];
    let project = project(PRIMARY);
    log(&project, &of_all, 6);
    let found = check(&run(&project, 6), "outlier_influence").clone();
    assert_eq!(found["status"], "warn", "{found}");
    assert!(found["message"].as_str().unwrap().contains("spend of treatment is +10"), "{found}");
    of_all[1].spends = vec![100.0];
    log(&project, &of_all, 6);
    assert_eq!(check(&run(&project, 6), "outlier_influence")["status"], "pass");
}

/// Everybody is exposed on the third day. Of the two days before, the treatment's units spent a tenth more: no variant did
/// that. Means, variances and t are those of the values written here.
#[test]
fn arms_that_differed_before_the_exposure_are_found() {
    let project = project(&format!("  pre_period_check: {{days: 2}}\n{PRIMARY}"));
    // The log begins with the days before the experiment.
    let file = project.path().join("experiments/basket.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("start: 2024-01-01", "start: 2024-01-03")).unwrap();
    let mut of_all = units(2000, |_, _| false);
    of_all.iter_mut().for_each(|unit| unit.day = 3);
    log(&project, &of_all, 3);
    let ids: Vec<i64> = (0..2000).collect();
    let before = |day: usize, i: usize| {
        let spent = 40.0 + (shuffled(i + 7919 * day) % 41) as f64;
        if i % 2 == 1 { spent * 1.1 } else { spent }
    };
    let write = |spent: &dyn Fn(usize, usize) -> f64| {
        for day in [1, 2] {
            let amounts: Vec<f64> = (0..2000).map(|i| spent(day, i)).collect();
            project.log(
                &format!("events/ds=2024-01-{day:02}/part.parquet"),
                &[
                    ("customer", integers(&ids)),
                    ("ts", hours(day as i64, &vec![12.0; ids.len()])),
                    ("amount", doubles(&amounts)),
                ],
            );
        }
    };
    write(&before);
    let experiment = run(&project, 3);
    let found = check(&experiment, "pre_exposure_imbalance").clone();
    assert_eq!(found["status"], "fail", "{found}");
    let of = |arm: usize| {
        let spent: Vec<f64> = (arm..2000).step_by(2).map(|i| before(1, i) + before(2, i)).collect();
        let mean = spent.iter().sum::<f64>() / 1000.0;
        (mean, spent.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 999.0 / 1000.0)
    };
    let ((control, of_control), (treated, of_treated)) = (of(0), of(1));
    let t = (treated - control) / (of_control + of_treated).sqrt();
    assert!((found["statistic"].as_f64().unwrap() - t).abs() < 1e-9 * t, "{found}, not {t}");
    let message = found["message"].as_str().unwrap();
    assert!(message.contains("spend over the 2 days before: "), "{message}");
    assert_eq!(experiment["decisions"][0]["decision"], "invalid");
    // The metric itself is not adjusted: it is compared with the past, no more.
    assert!(experiment["results"][0]["adjustment"].is_null());
    assert_eq!(check(&experiment, "outlier_influence")["status"], "pass");
    write(&|day, i| before(day, i / 2 * 2));
    assert_eq!(check(&run(&project, 3), "pre_exposure_imbalance")["status"], "pass");
}

/// 9 to 1 on the first three days, even from the fourth on: as planned by phases, and not by the first weights alone.
#[test]
fn shares_that_change_as_planned_are_no_mismatch() {
    let unit = |i: usize| {
        let day = 1 + (i / 200 % 6) as i64;
        let treated = if day <= 3 { i.is_multiple_of(10) } else { i.is_multiple_of(2) };
        Unit {
            variant: if treated { "treatment" } else { "control" },
            country: ["IN", "BR"][i / 10 % 2],
            platform: "web",
            day,
            spends: vec![(shuffled(i) % 200) as f64],
        }
    };
    let of_all: Vec<Unit> = (0..7200).map(unit).collect();
    let project = project(&format!("  segments: [country]\n{PRIMARY}"));
    log(&project, &of_all, 6);
    let file = project.path().join("experiments/basket.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let phases = "variants: {control: 0.9, treatment: 0.1}, phases: {2024-01-04: {control: 1, treatment: 1}}";
    let with = |weights: &str| {
        std::fs::write(&file, text.replace("variants: [control, treatment]", weights)).unwrap();
        run(&project, 6)
    };
    let experiment = with(phases);
    for name in ["sample_ratio", "sample_ratio_segments", "sample_ratio_days"] {
        let found = check(&experiment, name);
        assert_eq!(found["status"], "pass", "{found}");
        assert!(found["statistic"].as_f64().unwrap() < 1e-9, "{found}");
    }
    let message = check(&experiment, "sample_ratio")["message"].as_str().unwrap();
    assert!(message.contains("control 5,040 (expected 5,040.0) and treatment 2,160"), "{message}");
    for name in ["sample_ratio", "sample_ratio_segments", "sample_ratio_days"] {
        assert_eq!(
            check(&with("variants: {control: 0.9, treatment: 0.1}"), name)["status"],
            "fail"
        );
    }
}

/// The treatment spends more without the banner of another experiment, and less with it.
#[test]
fn two_experiments_that_meet_are_found() {
    let mut of_all = units(2400, |_, _| false);
    for (i, unit) in of_all.iter_mut().enumerate().filter(|(i, _)| i % 2 == 1) {
        unit.spends[0] += if banner(i as i64) == "off" { 60.0 } else { -60.0 };
    }
    let project = project(&format!("  exposures: assignments\n{PRIMARY}"));
    let two = "exposures:\n  banners: {source: exposures, variant: banner}\n";
    project.file(
        "project.yaml",
        &PROJECT.replace("exposures:\n  assignments", &format!("{two}  assignments")),
    );
    project.file(
        "experiments/banner.yaml",
        &format!(
            "experiment:\n  name: banner\n  start: 2024-01-02\n  design: {{unit: customer, control: \"off\", variants: [\"off\", \"on\"]}}\n\
             \x20 exposures: banners\n{PRIMARY}"
        ),
    );
    log(&project, &of_all, 6);
    let args = ["run", "--quiet", "--date", "2024-01-06", "--fail-on", "never", "--format", "json"];
    let json = project.verdict(&args).exits(0).json();
    let of = |name: &str| {
        let all = json["experiments"].as_array().unwrap();
        all.iter().find(|e| e["experiment"] == name).unwrap().clone()
    };
    let found = check(&of("basket"), "interaction").clone();
    assert_eq!(found["status"], "warn", "{found}");
    let message = found["message"].as_str().unwrap();
    assert!(message.contains("spend of treatment by the variant of `banner`: +"), "{message}");
    assert_eq!(check(&of("banner"), "interaction")["status"], "warn");
    // The other experiment alone makes nothing new of this one: what it is held against is there.
    let again = project.verdict(&[
        "run",
        "--date",
        "2024-01-06",
        "--experiment",
        "basket",
        "--fail-on",
        "never",
    ]);
    assert!(again.exits(0).stderr.contains("0 partitions made"), "it was made again");
}

/// Half of the control is on the web and a fifth of the treatment, and the web spends more: the treatment is better on both
/// and worse over all.
#[test]
fn a_reversal_is_found() {
    let unit = |i: usize| {
        let treated = i % 2 == 1;
        let web = if treated { i / 2 % 10 < 2 } else { i / 2 % 10 < 5 };
        let spend = if web { 150.0 } else { 20.0 } + if treated { 5.0 } else { 0.0 };
        Unit {
            variant: if treated { "treatment" } else { "control" },
            country: "IN",
            platform: if web { "web" } else { "ios" },
            day: 1,
            spends: vec![spend + (shuffled(i) % 10) as f64],
        }
    };
    let project = project(SEGMENTED);
    log(&project, &(0..2000).map(unit).collect::<Vec<_>>(), 1);
    let experiment = run(&project, 1);
    let found = check(&experiment, "simpsons_reversal");
    assert_eq!(found["status"], "fail", "{found}");
    assert!(
        found["message"].as_str().unwrap().contains("goes the other way in every platform"),
        "{found}"
    );
}

/// Halves of stored units: the same whatever the threads, at the promised rates, and a metric that one unit carries is
/// told apart.
#[test]
fn splits_of_stored_units_say_which_metric_to_trust() {
    let project = project(
        "  metrics:\n    primary: {name: spend}\n    secondary: [{name: bought}, {name: a_visit}]\n",
    );
    let mut of_all = units(600, |_, _| false);
    log(&project, &of_all, 6);
    run(&project, 6);
    let aa = |more: &[&str]| {
        project.verdict(&[&["aa", "--date", "2024-01-06", "--splits", "300"], more].concat())
    };
    let json = aa(&["--format", "json"]).exits(0).stdout;
    for threads in ["1", "5"] {
        let set = format!("datafusion.execution.target_partitions={threads}");
        assert_eq!(aa(&["--format", "json", "--set", &set]).exits(0).stdout, json, "{threads}");
    }
    let json: Value = serde_json::from_str(&json).unwrap();
    let told = &json["experiments"][0];
    assert_eq!((&told["units"], &told["splits"]), (&600.into(), &300.into()));
    assert_eq!(told["metrics"].as_array().unwrap().len(), 3);
    for metric in told["metrics"].as_array().unwrap() {
        assert_eq!(metric["reason"], "ok", "{metric}");
        let rate = |key: &str| metric[key]["rate"].as_f64().unwrap();
        assert!(rate("false_positives") < 0.1 && rate("covered") > 0.9, "{metric}");
    }
    assert!(told["sample_ratio"]["rate"].as_f64().unwrap() < 0.02, "{told}");
    let text = aa(&[]).exits(0).stdout;
    assert!(text.contains("600 units, divided into halves at random 300 times"), "{text}");

    // One unit spends more than all others together: no split finds anything.
    of_all[0].spends = vec![1e6];
    log(&project, &of_all, 6);
    run(&project, 6);
    let text = aa(&[]).exits(3).stdout;
    assert!(text.contains("spend: Effects are found more seldom than they should be"), "{text}");
}

/// Two days by hand: four units on the first with 10, 20, 30 and 40, two of them again and two new ones on the second.
#[test]
fn plans_take_level_spread_and_traffic_from_stored_days() {
    let unit = |day, spends: &[f64]| Unit {
        variant: "control",
        country: "IN",
        platform: "web",
        day,
        spends: spends.to_vec(),
    };
    let units = [
        unit(1, &[10.0, 5.0]),
        unit(1, &[20.0]),
        unit(1, &[30.0, 5.0]),
        unit(1, &[40.0]),
        unit(2, &[25.0]),
        unit(2, &[15.0]),
    ];
    let project = project("  metrics:\n    primary: {name: spend}\n");
    log(&project, &units, 2);
    run(&project, 2);
    let power = |more: &[&str]| {
        let args = ["power", "--from-logs", "--metric", "spend", "--project", "."];
        project.verdict(&[&args, more].concat())
    };
    let json = power(&["--format", "json"]).exits(0).json();
    let days = json["durations"].as_array().unwrap();
    let figures = |day: &Value| {
        let number = |key: &str| day[key].as_f64().unwrap();
        (day["units"].as_u64().unwrap(), number("level"), number("sd").powi(2))
    };
    assert_eq!(days.len(), 2);
    let (n, level, variance) = figures(&days[0]);
    assert_eq!((n, level), (4, 25.0));
    assert!((variance - 500.0 / 3.0).abs() < 1e-9, "{variance}");
    // 15, 20, 35, 40, 25 and 15: mean 25, squares of 100 + 25 + 100 + 225 + 0 + 100 over 5.
    let (n, level, variance) = figures(&days[1]);
    assert_eq!((n, level), (6, 25.0));
    assert!((variance - 110.0).abs() < 1e-9, "{variance}");
    let plan = power(&["--lift", "50%"]).exits(0).stdout;
    assert!(
        plan.contains("spend by customer, 2024-01-01 to 2024-01-02: 6 units in 2 days"),
        "{plan}"
    );
    assert!(plan.contains("The effect is not detectable within this range"), "{plan}");
    // With the first day as the lookback the second has its covariate.
    let json = power(&["--lookback", "1", "--format", "json"]).exits(0).json();
    assert_eq!(json["durations"].as_array().unwrap().len(), 1);
    let r = json["durations"][0]["correlation"].as_f64().unwrap();
    // 5, 5, 25 and 15 on the day; 10, 30, 0 and 0 before it.
    let wanted = (5.0_f64 * 10.0 + 5.0 * 30.0 - 50.0 * 40.0 / 4.0) / (275.0_f64 * 600.0).sqrt();
    assert!((r - wanted).abs() < 1e-12, "{r} {wanted}");
    power(&["--from", "2023-01-01"]).exits(2);
    let unknown = project.verdict(&["power", "--from-logs", "--metric", "spent"]).exits(2);
    assert!(unknown.stderr.contains("did you mean `spend`"), "{}", unknown.stderr);
}

/// Cities were randomised: units of one spend alike, so that the truth is in the cities, of which there are twelve. The
/// figures follow from the totals of each.
#[test]
fn clusters_are_what_is_compared_where_they_were_randomised() {
    const CITIES: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];
    let unit = |i: usize| {
        let city = i % 12;
        Unit {
            variant: ["control", "treatment"][city % 2],
            country: CITIES[city],
            platform: ["web", "ios"][i / 12 % 2],
            day: 1,
            spends: vec![(10 + 5 * (city / 2)) as f64 + (shuffled(i) % 7) as f64],
        }
    };
    let of_all: Vec<Unit> = (0..1000).map(unit).collect();
    let project = project(&format!("  segments: [platform]\n{PRIMARY}"));
    let file = project.path().join("experiments/basket.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, text.replace("unit: customer,", "unit: customer, cluster: country,"))
        .unwrap();
    log(&project, &of_all, 1);
    let experiment = run(&project, 1);
    let row = &experiment["results"][0];
    assert_eq!(
        (&row["metric_type"], &row["method"]),
        (&"clustered_mean".into(), &"cluster_delta_t".into())
    );
    assert_eq!((&row["n_control"], &row["n_variant"]), (&6.into(), &6.into()));
    // By city: units and their sum; then the ratio, and the delta method's variance of it, plainly.
    let of = |arm: usize| {
        let of_city = |city: usize| {
            let spends = of_all.iter().filter(|u| u.country == CITIES[city]).map(|u| u.spends[0]);
            (spends.clone().count() as f64, spends.sum::<f64>())
        };
        let cities: Vec<(f64, f64)> = (0..12).filter(|c| c % 2 == arm).map(of_city).collect();
        let (n, sum) = cities.iter().fold((0.0, 0.0), |(n, s), (m, t)| (n + m, s + t));
        let level = sum / n;
        let squares: f64 = cities.iter().map(|(m, t)| (t - level * m).powi(2)).sum();
        (level, squares * 6.0 / 5.0 / (n * n))
    };
    let ((control, of_control), (variant, of_variant)) = (of(0), of(1));
    let near = |key: &str, wanted: f64| {
        let got = row[key].as_f64().unwrap();
        assert!((got - wanted).abs() < 1e-9 * wanted.abs().max(1.0), "{key}: {got}, not {wanted}");
    };
    near("mean_control", control);
    near("mean_variant", variant);
    near("effect_std_error", (of_control + of_variant).sqrt());
    assert!(row["p_value"].as_f64().unwrap() > 0.2, "cities that differ by chance: {row}");
    assert_eq!(check(&experiment, "clusters")["status"], "warn");
    assert_eq!(experiment["results"].as_array().unwrap().len(), 3);
}
