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
