//! What a run tells of how far it has come: bars on a terminal, and numbers as JSON.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::generated;
use crate::support::verdict;

/// The generated project in `folder`, one of whose metrics is resampled.
fn resampling(folder: &Path) {
    generated(folder, &[]);
    let experiment = folder.join("demo/experiments/new_checkout.yaml");
    let text = std::fs::read_to_string(&experiment).expect("the experiment");
    let changed = text.replace("{name: revenue}", "{name: revenue, bootstrap: {replicates: 1000}}");
    assert_ne!(text, changed);
    std::fs::write(experiment, changed).expect("a file");
}

const BACKFILL: [&str; 9] = [
    "backfill",
    "--project",
    "demo",
    "--from",
    "2026-03-02",
    "--to",
    "2026-03-07",
    "--fail-on",
    "never",
];

/// Every kind of work has its bar, on lines that fit the terminal; at the end there is none.
#[test]
fn each_kind_of_work_has_a_bar_on_a_terminal() {
    // It makes a terminal, and belongs to every Linux.
    if Command::new("script").arg("--version").output().is_err() {
        return left_out();
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    resampling(folder.path());
    let run =
        format!("stty rows 30 cols 70; {} {}", env!("CARGO_BIN_EXE_verdict"), BACKFILL.join(" "));
    let made = Command::new("script")
        .args(["--quiet", "--return", "--flush", "--command", &run, "/dev/null"])
        .current_dir(folder.path())
        .env("TERM", "xterm")
        .output()
        .expect("script starts");
    let shown = String::from_utf8(made.stdout).expect("text");
    assert!(made.status.success(), "{shown}");
    let shown = without_controls(&shown);
    // Lines that are drawn together are filled up to the terminal's width, and one begins where the one before ends.
    let drawn = shown.split(['\r', '\n']).flat_map(|lines| {
        let lines: Vec<char> = lines.chars().collect();
        lines.chunks(70).map(String::from_iter).collect::<Vec<String>>()
    });
    let (bars, words): (Vec<String>, Vec<String>) =
        drawn.partition(|line| line.contains('█') || line.contains('░'));
    for (kind, numbers) in [
        ("days ", "6 of 6 days, "),
        ("scan ", " MB/s"),
        ("aggregate ", " rows/s"),
        ("totals ", "100%"),
        ("bootstrap ", " draws/s"),
        ("write ", " partitions/s, "),
    ] {
        let own: Vec<&String> = bars.iter().filter(|line| line.starts_with(kind)).collect();
        assert!(own.iter().any(|line| line.contains(numbers)), "{kind}: {own:?}");
    }
    assert!(words.iter().any(|line| line.contains("· step ")), "{words:?}");
    let kinds = ["days ", "scan ", "aggregate ", "totals ", "bootstrap ", "write "];
    assert!(bars.iter().all(|line| kinds.iter().any(|kind| line.starts_with(kind))), "{bars:?}");
    let last_bar = shown.rfind(['█', '░']).expect("a bar");
    assert!(shown[last_bar..].contains("partitions made, 0 fresh"), "{}", &shown[last_bar..]);
}

#[expect(clippy::print_stderr, reason = "a test that is left out says so")]
fn left_out() {
    eprintln!("there is no `script` to make a terminal: bars were not looked at");
}

/// A terminal's text without what moves its cursor and clears its lines.
fn without_controls(text: &str) -> String {
    let mut parts = text.split("\x1b[");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.trim_start_matches(|c: char| !c.is_ascii_alphabetic()));
    rest.fold(first, |all, part| all + "\n" + part.get(1..).unwrap_or_default())
}

/// The numbers of the last line of progress are those of the run.
#[test]
fn json_lines_count_what_is_done() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    resampling(folder.path());
    let ran = verdict(folder.path(), &[&BACKFILL[..], &["--log-format", "json"]].concat()).exits(0);
    let lines: Vec<Value> = ran
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    let progress: Vec<&Value> = lines.iter().filter(|line| line["event"] == "progress").collect();
    let end = lines.last().expect("an end");
    let number =
        |line: &Value, key: &str| line[key].as_f64().unwrap_or_else(|| panic!("no {key}: {line}"));
    // The step after the days begins when all logs are read.
    let totals = progress.iter().rev().find(|line| line["step"] == 6).expect("the last step");
    for (done, planned, of_run) in
        [("bytes", "bytes_planned", "bytes"), ("rows", "rows_planned", "rows")]
    {
        assert_eq!(number(totals, done), number(end, of_run), "{totals} {end}");
        assert_eq!(number(totals, planned), number(end, of_run), "{totals} {end}");
    }
    assert_eq!((number(totals, "days"), number(totals, "days_planned")), (6.0, 6.0));
    for (before, after) in progress.iter().zip(&progress[1..]) {
        for key in ["bytes", "rows", "days", "partitions", "bytes_written", "draws", "totals"] {
            assert!(number(before, key) <= number(after, key), "{key}: {before} {after}");
        }
    }
    // A day's tables are written before it is done.
    let of_days = |table| partitions(&folder.path().join("demo/tables").join(table));
    let written = of_days("unit_day") + of_days("exposure_day");
    assert!(written > 6 + 6, "{written}");
    assert_eq!(number(totals, "partitions"), written as f64);
    assert_eq!(number(totals, "partitions_planned"), number(end, "partitions_made"));
}

/// A second run reads what the first one resampled, and says the same to the letter; one with another seed draws again.
#[test]
fn what_was_resampled_is_not_drawn_again() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    resampling(folder.path());
    let ran = |format: &str| {
        let more = ["--log-format", "json", "--format", format];
        let ran = verdict(folder.path(), &[&BACKFILL[..], &more].concat()).exits(0);
        let end = ran.stderr.lines().last().expect("an end");
        let end: Value = serde_json::from_str(end).expect("JSON");
        let count = |key: &str| end[key].as_u64().expect("a count");
        (ran.stdout, count("draws"), count("partitions_made"))
    };
    let drawn = |of: (String, u64, u64)| (of.1 > 0, of.2 > 0);
    let (first, draws, made) = ran("json");
    assert!(draws > 0 && made > 0, "{draws} draws, {made} partitions");
    assert_eq!(ran("json"), (first.clone(), 0, 0));
    let texts = [ran("text").0, ran("markdown").0];
    let experiment = folder.path().join("demo/experiments/new_checkout.yaml");
    let text = std::fs::read_to_string(&experiment).expect("the experiment");
    let reseeded = text.replace("{replicates: 1000}", "{replicates: 1000, seed: 7}");
    std::fs::write(&experiment, reseeded).expect("a file");
    let other = ran("json");
    assert_ne!(other.0, first);
    assert_eq!(drawn(other), (true, true));
    std::fs::write(&experiment, text).expect("a file");
    // Judged anew, with nothing to read back, it is what was read back before.
    for (format, expected) in ["text", "markdown"].into_iter().zip(&texts) {
        std::fs::remove_dir_all(folder.path().join("demo/tables/decisions")).expect("decisions");
        assert_eq!(&ran(format).0, expected);
    }
    assert_eq!(ran("json").0, first);
}

/// How many files a folder and those below it have.
fn partitions(folder: &Path) -> usize {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries.map(|path| if path.is_dir() { partitions(&path) } else { 1 }).sum()
}
