//! `verdict report`: pages and texts from the tables that are there.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::collections::BTreeMap;
use std::path::Path;

use crate::support::{root, verdict};

/// Every file below a folder, with what is in it.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(folder).unwrap().display().to_string();
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

#[test]
fn a_site_is_written_from_the_tables_and_nothing_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let (tables, out) = (at("tables"), at("site"));
    let sample = ["--project", "jobs/sample", "--tables", &tables];
    let dates = ["--from", "2019-11-26", "--to", "2019-11-30"];

    // Before anything was run every experiment has its page, which says so.
    let report = [&["report"][..], &sample, &["--date", "2019-11-30", "--out", &out]].concat();
    let told = verdict(&root(), &report).exits(0);
    assert!(told.stdout.trim().ends_with("index.html"), "{}", told.stdout);
    let empty = files(Path::new(&out));
    let text = |files: &BTreeMap<String, Vec<u8>>, name: &str| {
        String::from_utf8(files[name].clone()).unwrap()
    };
    assert_eq!(empty.len(), 1 + 3 * 3, "{:?}", empty.keys());
    assert!(text(&empty, "experiments/men.html").contains("Nothing has been decided"));
    assert!(text(&empty, "index.html").contains("No results yet"));
    assert!(!Path::new(&tables).exists(), "nothing was made");

    verdict(&root(), &[&["backfill"][..], &sample, &dates, &["--quiet"]].concat()).exits(0);
    let before = files(Path::new(&tables));
    verdict(&root(), &report).exits(0);
    assert!(before == files(Path::new(&tables)), "the tables are as they were");
    let site = files(Path::new(&out));
    let men = text(&site, "experiments/men.html");
    // data/README.md has the published figures: 46 and 69 clicks of 10,000 impressions each, p 0.0315.
    for figure in ["0.460%", "0.690%", "+50.0%", "+3.8% to +123.4%", "0.0315", "10,000"] {
        assert!(men.contains(figure), "no {figure}");
    }
    for id in [
        "decision",
        "checks",
        "metrics",
        "time",
        "exposures",
        "segments",
        "power",
        "plan",
        "definitions",
        "made",
        "data",
    ] {
        assert!(men.contains(&format!("<section id=\"{id}\"")), "no section {id}");
    }
    assert!(
        men.contains("Registered as of") && men.contains("event = &#39;click&#39;")
            || men.contains("event = 'click'")
    );
    assert!(men.contains("class=\"plot wide\""), "five dates are a course");

    // What is written is what is found anew: the same tables, the same bytes.
    verdict(&root(), &report).exits(0);
    assert!(site == files(Path::new(&out)), "the site is a function of the tables");
}

#[test]
fn texts_and_json_tell_what_the_tables_hold() {
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().join("tables").display().to_string();
    let sample = [
        "--project",
        "jobs/sample",
        "--tables",
        &tables,
        "--date",
        "2019-11-30",
        "--experiment",
        "men",
    ];
    let of = |command: &str, format: &str| {
        verdict(&root(), &[&[command][..], &sample, &["--format", format]].concat()).exits(0)
    };
    let run = of("run", "json").json();
    let report = of("report", "json").json();
    for key in ["experiment", "ds", "hypothesis", "registered_ds", "decisions", "checks", "results"]
    {
        assert_eq!(run["experiments"][0][key], report["experiments"][0][key], "{key}");
    }
    // 10,000 impressions of each policy over seven days.
    let units = report["experiments"][0]["exposures"].as_array().unwrap();
    let of_variant = |variant: &str| -> i64 {
        let own = units.iter().filter(|day| day["variant"] == variant);
        own.map(|day| day["units"].as_i64().unwrap()).sum()
    };
    assert_eq!((of_variant("random"), of_variant("bts"), units.len()), (10_000, 10_000, 14));
    for command in ["run", "report", "analyze"] {
        let text = of(command, "text").stdout;
        assert!(text.contains("bts against random: SHIP (ship)"), "{command}:\n{text}");
        let markdown = of(command, "markdown").stdout;
        assert!(markdown.contains("| click\\_rate | primary | bts |"), "{command}:\n{markdown}");
        assert!(markdown.starts_with("## men"), "{command}:\n{markdown}");
    }
    let elsewhere = folder.path().join("verdict-report");
    assert!(!elsewhere.exists(), "a text is printed and no site written");
}

#[test]
fn a_table_of_another_version_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let tables = folder.path().join("tables");
    let at = tables.display().to_string();
    let sample = [
        "--project",
        "jobs/sample",
        "--tables",
        &at,
        "--date",
        "2019-11-30",
        "--experiment",
        "men",
    ];
    verdict(&root(), &[&["run"][..], &sample, &["--quiet"]].concat()).exits(0);
    let partition = "experiment=men/ds=2019-11-30/part-0.parquet";
    std::fs::copy(tables.join("checks").join(partition), tables.join("decisions").join(partition))
        .unwrap();
    let told =
        verdict(&root(), &[&["report"][..], &sample, &["--format", "json"]].concat()).exits(1);
    assert!(told.stderr.contains("decisions/experiment=men/ds=2019-11-30"), "{}", told.stderr);
    assert!(told.stderr.contains("remove it"), "{}", told.stderr);
}
