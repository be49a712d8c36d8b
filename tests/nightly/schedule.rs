//! The files below `jobs/`: what can be read of them without their schedulers.

use crate::support::{root, verdict};

fn text(path: &str) -> String {
    let path = root().join("jobs").join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Every flag that a schedule gives to the command is one that it takes.
#[test]
fn schedules_call_the_command_with_flags_that_it_has() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let help = |command: &str| verdict(folder.path(), &[command, "--help"]).exits(0).stdout;
    let (run, backfill) = (help("run"), help("backfill"));
    let worker = verdict(folder.path(), &["cluster", "worker", "--help"]).exits(0).stdout;
    let mut seen = 0;
    for file in [
        "cron/verdict.crontab",
        "systemd/verdict.service",
        "systemd/verdict-backfill@.service",
        "kubernetes/nightly.yaml",
        "kubernetes/backfill.yaml",
        "kubernetes/workers.yaml",
        "airflow/verdict_nightly.py",
        "docker/compose.yaml",
    ] {
        let text = text(file);
        // Comments talk of other programs as well.
        let lines =
            text.lines().filter(|line| !line.trim_start().starts_with('#') && *line != "---");
        let words =
            lines.flat_map(|line| line.split(|c: char| c.is_whitespace() || "[],\"'".contains(c)));
        for flag in words.filter(|word| word.starts_with("--") && *word != "--nonblock") {
            seen += 1;
            let known = match file {
                "kubernetes/workers.yaml" => worker.contains(flag),
                "docker/compose.yaml" => worker.contains(flag) || run.contains(flag),
                _ => run.contains(flag) || backfill.contains(flag),
            };
            assert!(known, "{file}: {flag}");
        }
    }
    assert!(seen > 20, "{seen} flags found");
}

/// Kubernetes reads JSON's types out of YAML; what must be there for a run to be safe is.
#[test]
fn manifests_run_without_rights_and_with_limits() {
    for file in ["kubernetes/nightly.yaml", "kubernetes/backfill.yaml", "kubernetes/workers.yaml"] {
        let text = text(file);
        let containers = text.matches("image: registry.example.org/verdict").count();
        assert!(containers > 0, "{file}");
        for needed in [
            "runAsNonRoot: true",
            "readOnlyRootFilesystem: true",
            "drop: [ALL]",
            "limits: {memory:",
        ] {
            assert_eq!(text.matches(needed).count(), containers, "{file}: {needed}");
        }
    }
}

/// A unit that has one setting that does not go with another is never started, and nobody is told. Where there is no
/// `systemd-analyze`, the test says so and is skipped.
#[test]
fn systemd_takes_the_units_as_they_are() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut paths = Vec::new();
    for (unit, name) in [
        ("verdict.service", "verdict.service"),
        ("verdict.timer", "verdict.timer"),
        ("verdict-backfill@.service", "verdict-backfill@2026-03-02_2026-03-29.service"),
    ] {
        // The program is installed nowhere, and systemd asks whether it is.
        let text = text(&format!("systemd/{unit}")).replace("/usr/local/bin/verdict", "/bin/sh");
        let path = folder.path().join(name);
        std::fs::write(&path, text).expect("a file");
        paths.push(path);
    }
    let run = std::process::Command::new("systemd-analyze").arg("verify").args(&paths).output();
    let Ok(output) = run else {
        eprintln!("skipped: there is no systemd-analyze to read the units with");
        return;
    };
    let told = String::from_utf8_lossy(&output.stderr);
    let ours: Vec<&str> = told.lines().filter(|line| line.contains("verdict")).collect();
    assert_eq!(ours, Vec::<&str>::new());
}
