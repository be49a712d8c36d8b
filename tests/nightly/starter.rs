//! `verdict init`, `completions`, `man`.

use crate::support::{Project, verdict};

#[test]
fn a_starter_loads_and_says_what_is_missing_and_never_overwrites() {
    let project = Project::new();
    let made = project.verdict(&["init", "shop"]).exits(0);
    let files = [
        "shop/project.yaml",
        "shop/metrics.yaml",
        "shop/experiments/my_experiment.yaml",
        "shop/.gitignore",
    ];
    assert_eq!(made.stdout.lines().collect::<Vec<_>>(), files);
    // Every file is right but for the logs, which are not there.
    let shown = project.verdict(&["validate", "--project", "shop"]);
    assert_eq!(shown.code, 2, "{}{}", shown.stdout, shown.stderr);
    assert!(
        shown.stderr.contains("data/events") || shown.stderr.contains("data/exposures"),
        "{}",
        shown.stderr
    );
    assert!(!shown.stderr.contains(".yaml:1:"), "{}", shown.stderr);
    let again = project.verdict(&["init", "shop"]).exits(2);
    assert!(again.stderr.contains("shop/project.yaml is there already"), "{}", again.stderr);
}

#[test]
fn shells_and_manuals_know_every_command() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let help = verdict(folder.path(), &["--help"]).exits(0).stdout;
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .collect();
    assert!(commands.len() >= 12, "{commands:?}");
    for shell in ["bash", "zsh", "fish"] {
        let text = verdict(folder.path(), &["completions", shell]).exits(0).stdout;
        for command in &commands {
            assert!(text.contains(command), "{shell} does not know {command}");
        }
    }
    verdict(folder.path(), &["man", "--out", "man"]).exits(0);
    for command in &commands {
        let page = folder.path().join(format!("man/verdict-{command}.1"));
        let text =
            std::fs::read_to_string(&page).unwrap_or_else(|e| panic!("{}: {e}", page.display()));
        assert!(text.contains(".SH SYNOPSIS"), "{text}");
    }
    let page = verdict(folder.path(), &["man"]).exits(0).stdout;
    assert!(page.starts_with(".ie") && page.contains("verdict"), "{page}");
}
