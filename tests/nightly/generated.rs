//! `verdict generate`, and a run over what it wrote; what a run tells on the way; what a query prints.

use serde_json::Value;

use super::generated;
use crate::support::verdict;

#[test]
fn a_generated_log_is_run_and_its_truth_is_found() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let told = generated(
        folder.path(),
        &["--effect", "new_checkout:treatment:orders=+150%", "--format", "json"],
    );
    let truth = told.json();
    assert_eq!(truth["experiments"].as_array().map(Vec::len), Some(3));
    let run = verdict(
        folder.path(),
        &[
            "run",
            "--project",
            "demo",
            "--date",
            "2026-03-07",
            "--format",
            "json",
            "--log-format",
            "json",
        ],
    );
    assert!([0, 3].contains(&run.code), "{}", run.stderr);
    let found = run.json();
    let of = |name: &str| {
        let all = found["experiments"].as_array().expect("experiments");
        all.iter().find(|e| e["experiment"] == name).expect("the experiment").clone()
    };
    let primary = |experiment: &Value| {
        let rows = experiment["results"].as_array().expect("results");
        rows.iter()
            .find(|r| r["metric"] == "ordered" && r["segment"] == "all")
            .expect("the row")
            .clone()
    };
    let checkout = primary(&of("new_checkout"));
    assert!(checkout["rel_effect"].as_f64().expect("an effect") > 0.3, "{checkout}");
    assert_eq!(of("new_checkout")["decisions"][0]["decision"], "ship", "{}", of("new_checkout"));
    // The truth's units are those that the run counted.
    for planned in truth["experiments"].as_array().expect("experiments") {
        let name = planned["experiment"].as_str().expect("a name");
        let row = primary(&of(name));
        let exposed = &planned["variants"];
        assert_eq!(row["n_control"], exposed[0]["units_exposed"], "{name}");
        assert_eq!(row["n_variant"], exposed[1]["units_exposed"], "{name}");
    }

    // Every line on standard error is an object; the last one sums up.
    let lines: Vec<Value> = run
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}")))
        .collect();
    let end = lines.last().expect("an end");
    assert_eq!((&end["event"], &end["command"]), (&Value::from("end"), &Value::from("run")));
    assert_eq!(
        end["rows"].as_u64(),
        Some(truth["events"].as_u64().unwrap() + truth["exposures"].as_u64().unwrap())
    );
    // All that lies in the log's files was either read or skipped; their footers at least are read before.
    let bytes = |key: &str| end[key].as_u64().unwrap_or_else(|| panic!("no {key}: {end}"));
    let demo = folder.path().join("demo");
    assert_eq!(bytes("bytes"), size_of(&demo.join("events")) + size_of(&demo.join("exposures")));
    assert_eq!(bytes("bytes_scanned") + bytes("bytes_pruned"), bytes("bytes"));
    assert!(bytes("bytes_scanned") > bytes("bytes") / 4 && bytes("bytes_pruned") > 0, "{end}");
    assert!(end["peak_memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{end}");
    assert!(
        lines.iter().any(|line| line["event"] == "progress" && line["step"].is_u64()),
        "{lines:?}"
    );

    // A second run reads nothing, and says how much that was.
    let again = verdict(
        folder.path(),
        &[
            "run",
            "--project",
            "demo",
            "--date",
            "2026-03-07",
            "--fail-on",
            "never",
            "--price-per-tb",
            "5",
        ],
    )
    .exits(0);
    assert!(
        again.stderr.contains("0 log rows") && again.stderr.contains("MB not read again"),
        "{}",
        again.stderr
    );
    assert!(again.stderr.contains("reading cost about 0.0000"), "{}", again.stderr);

    query_prints(folder.path());
}

/// The size of all files in a folder and those below it.
fn size_of(folder: &std::path::Path) -> u64 {
    let entries =
        std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries
        .map(|entry| match entry.file_type().expect("a type").is_dir() {
            true => size_of(&entry.path()),
            false => entry.metadata().expect("a size").len(),
        })
        .sum()
}

/// The rows of one query, however they are printed.
fn query_prints(folder: &std::path::Path) {
    let sql =
        "SELECT experiment, variant, decision FROM latest_decisions ORDER BY experiment, variant";
    let args = |output| ["query", "--project", "demo", "--output", output, sql];
    let csv = verdict(folder, &args("csv")).exits(0).stdout;
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("experiment,variant,decision"));
    assert_eq!(
        lines.next().map(|line| line.starts_with("free_shipping,always,")),
        Some(true),
        "{csv}"
    );
    let json = verdict(folder, &args("json")).exits(0).json();
    assert_eq!(json.as_array().map(Vec::len), Some(csv.lines().count() - 1));

    let none = [
        "query",
        "--project",
        "demo",
        "--output",
        "csv",
        "SELECT variant FROM decisions WHERE false",
    ];
    assert_eq!(verdict(folder, &none).exits(0).stdout, "variant\n");

    let out = std::fs::File::create(folder.join("rows.parquet")).expect("a file");
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_verdict"))
        .args(args("parquet"))
        .current_dir(folder)
        .stdout(out)
        .status()
        .expect("the command starts");
    assert!(done.success());
    let file = std::fs::File::open(folder.join("rows.parquet")).expect("a file");
    let reader =
        datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file);
    let rows = reader
        .expect("a Parquet file")
        .build()
        .expect("a reader")
        .map(|b| b.expect("rows").num_rows());
    assert_eq!(rows.sum::<usize>(), csv.lines().count() - 1);
}
