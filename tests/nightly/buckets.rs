//! Partitions of many rows have row groups for each bucket, those of few rows one for all: neither shows in what is made.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::Path;

use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};

use super::slices::tables;
use crate::support::verdict;

/// Rows and row groups of each partition of units.
fn row_groups(folder: &Path) -> BTreeMap<String, (i64, usize)> {
    let of_units = |name: &&String| {
        ["unit_day/", "exposure_day/", "unit_total/"].iter().any(|table| name.starts_with(table))
    };
    let open = |name: &String| {
        let file = File::open(folder.join(name)).expect("a partition");
        let reader = SerializedFileReader::new(file).expect("a Parquet file");
        let footer = reader.metadata();
        (footer.file_metadata().num_rows(), footer.num_row_groups())
    };
    tables(folder).keys().filter(of_units).map(|name| (name.clone(), open(name))).collect()
}

#[test]
fn row_groups_of_buckets_show_nowhere() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    // Some 12,000 users act on a day, and fewer enter an experiment.
    let log = ["generate", "demo", "--from", "2026-03-02", "--days", "3", "--users", "60000"];
    verdict(at, &[&log[..], &["--events-per-visit", "2", "--quiet"]].concat()).exits(0);
    let file = at.join("demo/project.yaml");
    let text = std::fs::read_to_string(&file).expect("a project");
    let run = |tables: &str, command: &[&str]| {
        let all = ["--project", "demo", "--tables", tables, "--fail-on", "never", "--quiet"];
        verdict(at, &[command, &all[..]].concat()).exits(0);
    };
    let mut wanted: Option<BTreeMap<String, Vec<u8>>> = None;
    for buckets in [16_usize, 1, 5] {
        let with = text.replacen("project:\n", &format!("project:\n  buckets: {buckets}\n"), 1);
        assert_ne!(with, text);
        std::fs::write(&file, with).expect("it can be written");
        let name = format!("tables-{buckets}");
        match buckets {
            // Nights begin from the totals of the night before.
            5 => ["2026-03-02", "2026-03-03", "2026-03-04"]
                .iter()
                .for_each(|date| run(&name, &["run", "--date", date])),
            _ => run(&name, &["backfill", "--from", "2026-03-02", "--to", "2026-03-04"]),
        }
        let mut sizes = BTreeSet::new();
        for (partition, (rows, groups)) in row_groups(&at.join(&name)) {
            let own = if rows <= 8192 { 1 } else { buckets };
            assert_eq!(groups, own, "{partition} of {rows} rows, {buckets} buckets");
            sizes.insert(rows <= 8192);
        }
        assert_eq!(sizes.len(), 2, "partitions of few and of many rows are read side by side");
        let mut made = tables(&at.join(&name));
        let answers = ["results/", "checks/", "decisions/", "group_stats/"];
        made.retain(|name, _| answers.iter().any(|table| name.starts_with(table)));
        let wanted = wanted.get_or_insert_with(|| made.clone());
        assert_eq!(made.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>());
        for (name, bytes) in &made {
            assert!(*bytes == wanted[name], "{name} differs with {buckets} buckets");
        }
    }
}
