//! The sample project: a real log, three experiments, published counts.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use serde_json::Value;

use crate::support::{root, verdict};

/// Clicks and impressions of both policies, z and p: the figures that data/README.md gives.
const PUBLISHED: [(&str, f64, f64, f64, f64); 3] = [
    ("all", 38.0, 42.0, 0.448111, 0.654073),
    ("men", 46.0, 69.0, 2.150954, 0.0314798),
    ("women", 46.0, 46.0, 0.0, 1.0),
];

/// Clicks and impressions of random, then of bts.
type Counts = (i64, i64, i64, i64);

/// By position: left, centre, right.
const BY_POSITION: [(&str, [Counts; 3]); 3] = [
    ("all", [(13, 3322, 11, 3362), (14, 3412, 15, 3317), (11, 3266, 16, 3321)]),
    ("men", [(10, 3284, 30, 3339), (22, 3388, 21, 3262), (14, 3328, 18, 3399)]),
    ("women", [(15, 3329, 17, 3288), (15, 3374, 17, 3360), (16, 3297, 12, 3352)]),
];

#[test]
fn the_first_command_of_the_readme_prints_the_published_results() {
    let tables = tempfile::tempdir().unwrap();
    let at = tables.path().to_str().unwrap();
    let run = ["run", "--project", "jobs/sample", "--date", "2019-11-30", "--tables", at];
    let json = verdict(&root(), &[&run[..], &["--format", "json"]].concat()).exits(0).json();
    for (name, random, bts, z, p) in PUBLISHED {
        let experiment = find(&json["experiments"], "experiment", name);
        let row = find(&experiment["results"], "metric", "click_rate");
        assert_eq!(
            (row["n_control"].as_i64(), row["n_variant"].as_i64()),
            (Some(10_000), Some(10_000))
        );
        close(&row["mean_control"], random / 10_000.0, 1e-15);
        close(&row["mean_variant"], bts / 10_000.0, 1e-15);
        close(&row["statistic"], z, 5e-7);
        close(&row["p_value"], p, 5e-7);
        assert!(experiment["checks"].as_array().unwrap().iter().all(|c| c["status"] == "pass"));
    }
    let decision =
        |name| find(&json["experiments"], "experiment", name)["decisions"][0]["decision"].clone();
    assert_eq!(
        [decision("all"), decision("men"), decision("women")],
        ["inconclusive", "ship", "inconclusive"]
    );

    // A second run finds everything fresh, and prints the same for people.
    let text = verdict(&root(), &run).exits(0);
    assert!(text.stderr.contains("0 partitions made, 43 fresh; 0 log rows"), "{}", text.stderr);
    for words in ["bts against random: SHIP (ship)", "INCONCLUSIVE", "10,000", "0.690%", "0.0315"] {
        assert!(text.stdout.contains(words), "no {words} in\n{}", text.stdout);
    }

    by_position_from_the_tables(at);
}

fn by_position_from_the_tables(tables: &str) {
    let sql = "SELECT experiment, metric, variant, CAST(sum_x AS BIGINT) AS clicks, CAST(sum_y AS BIGINT) AS n \
               FROM group_stats WHERE segment = 'all' AND metric LIKE 'clicks_%'";
    let args = ["query", "--project", "jobs/sample", "--tables", tables, "--format", "json", sql];
    let rows = verdict(&root(), &args).exits(0).json();
    for (experiment, positions) in BY_POSITION {
        for (metric, counts) in
            ["clicks_left", "clicks_centre", "clicks_right"].into_iter().zip(positions)
        {
            let of = |variant: &str| {
                let row = rows.as_array().unwrap().iter().find(|r| {
                    r["experiment"] == experiment
                        && r["metric"] == metric
                        && r["variant"] == variant
                });
                let row =
                    row.unwrap_or_else(|| panic!("no row for {experiment} {metric} {variant}"));
                (row["clicks"].as_i64().unwrap(), row["n"].as_i64().unwrap())
            };
            let (random, bts) = (of("random"), of("bts"));
            assert_eq!((random.0, random.1, bts.0, bts.1), counts, "{experiment} {metric}");
        }
    }
}

fn find<'a>(rows: &'a Value, key: &str, value: &str) -> &'a Value {
    rows.as_array()
        .and_then(|rows| rows.iter().find(|row| row[key] == value))
        .unwrap_or(&Value::Null)
}

#[track_caller]
fn close(found: &Value, wanted: f64, tolerance: f64) {
    let found = found.as_f64().unwrap_or(f64::NAN);
    assert!((found - wanted).abs() <= tolerance, "{found} is not {wanted}");
}
