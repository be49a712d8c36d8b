//! The documents for users: every key of the configuration is in the reference and no other, commands run, links lead somewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::support::{Project, root, verdict};

fn page(path: &str) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A project with a key in every section that no section has; the loader's messages say which ones each has.
const WRONG: [(&str, &str); 2] = [
    (
        "project.yaml",
        "\
project: {name: p, time_zone: UTC, tables: tables, no_such_key: 1}
storage: {no_such_key: 1}
sources:
  events: {path: events, timestamp: ts, units: {user_id: user_id}, no_such_key: 1}
  views: {path: events, timestamp: ts, units: {user_id: user_id}, complete: {latest: 23:00, no_such_key: 1}}
exposures:
  assignments: {source: events, experiment: e, variant: v, segments: {country: country}, no_such_key: 1}
metrics:
  m: {type: mean, source: events, value: x, aggregate: sum, no_such_key: 1}
  p: {type: proportion, source: events, bootstrap: {no_such_key: 1}, no_such_key: 1}
  q: {type: quantile, source: events, value: x, quantile: 0.5, no_such_key: 1}
  t: {type: retention, source: events, days: [1, 2], no_such_key: 1}
  r:
    type: ratio
    numerator: {source: events, aggregate: count, no_such_key: 1}
    denominator: {source: events, aggregate: count}
    no_such_key: 1
",
    ),
    (
        "experiments/e.yaml",
        "\
experiment:
  name: e
  no_such_key: 1
  start: 2026-01-01
  design: {unit: user_id, variants: [control, b], no_such_key: 1}
  exposures: {from: assignments, no_such_key: 1}
  metrics:
    no_such_key: 1
    primary: {name: m, direction: increase, no_such_key: 1}
    guardrails: [{name: p, direction: increase, no_such_key: 1}]
    secondary: [{name: r, no_such_key: 1}]
  statistical_settings: {no_such_key: 1}
  guardrail_settings: {no_such_key: 1}
",
    ),
];

/// The keys that each section takes, by the reference's heading for it.
fn allowed() -> BTreeMap<String, BTreeSet<String>> {
    let project = Project::new();
    for (file, text) in WRONG {
        project.file(file, text);
    }
    let told = project.verdict(&["validate"]).exits(2).stderr;
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // error: FILE:LINE: PLACE.no_such_key: unknown key (allowed: a, b)
    for line in told.lines().filter(|line| line.contains("no_such_key")) {
        let (place, list) = line.split_once("(allowed: ").unwrap_or_else(|| panic!("{line}"));
        let place = place.split(": ").nth(2).unwrap_or_default().trim_end_matches(".no_such_key");
        let keys = list.trim_end_matches(')').split(", ").map(str::to_owned);
        found.entry(heading_of(place).to_owned()).or_default().extend(keys);
    }
    found
}

/// The keys of the reference: the first column of each table, by its heading.
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut heading = String::new();
    for line in page("docs/configuration.md").lines() {
        if let Some(next) = line.strip_prefix("## ") {
            heading = next.trim_matches('`').to_owned();
        } else if line.starts_with("| `") {
            let first = line.split(" | ").next().unwrap_or_default();
            let keys = first.split('`').skip(1).step_by(2).map(str::to_owned);
            found.entry(heading.clone()).or_default().extend(keys);
        }
    }
    found
}

#[test]
fn the_reference_has_every_key_and_no_other() {
    let (allowed, documented) = (allowed(), documented());
    assert!(allowed.len() >= 11, "{allowed:?}");
    for (heading, keys) in &allowed {
        let known =
            documented.get(heading).unwrap_or_else(|| panic!("no section `{heading}`: {keys:?}"));
        let lacking: Vec<_> = keys.difference(known).collect();
        let none: Vec<_> = known.difference(keys).collect();
        assert!(
            lacking.is_empty() && none.is_empty(),
            "{heading}: lacks {lacking:?}, nothing takes {none:?}"
        );
    }
}

/// The heading of the reference that a place belongs to.
fn heading_of(section: &str) -> &str {
    match section {
        "sources.views.complete" => "sources.NAME.complete",
        "sources.events" => "sources.NAME",
        "exposures.assignments" => "exposures.NAME",
        "metrics.m" | "metrics.p" | "metrics.q" | "metrics.r" | "metrics.t" => "metrics.NAME",
        "metrics.p.bootstrap" => "metrics.NAME.bootstrap",
        "metrics.r.numerator" | "metrics.r.denominator" => "metrics.NAME.numerator",
        "experiment.metrics.primary"
        | "experiment.metrics.guardrails[0]"
        | "experiment.metrics.secondary[0]" => "experiment.metrics.ROLE",
        section => section,
    }
}

/// The commands of the guide: of its first part as they stand there, and the others on the project that it makes.
#[test]
fn the_guide_runs() {
    let guide = page("docs/guide.md");
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, rest) = guide.split_once("## 2.").expect("two parts");
    let rest = rest.replace("project shop", "project demo").replace("2026-03-29", "2026-03-15");
    let mut ran = Vec::new();
    for line in first.lines().chain(rest.lines()).filter_map(|line| line.strip_prefix("verdict ")) {
        let args = words(line);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let told = verdict(folder.path(), &args);
        assert!([0, 3].contains(&told.code), "{line}: {}", told.stderr);
        if args[0] == "run" {
            for said in ["treatment against control: SHIP", "same against control: INCONCLUSIVE"] {
                assert!(told.stdout.contains(said), "{said} is not in\n{}", told.stdout);
            }
        }
        ran.push(args[0].to_owned());
    }
    let commands = [
        "generate", "run", "init", "validate", "validate", "plan", "run", "backfill", "report",
        "query",
    ];
    assert_eq!(ran, commands);
    assert!(folder.path().join("site/index.html").is_file());
}

/// The commands of the other pages, on a project that is there: all but those that need other machines, or the rights of root.
#[test]
fn the_other_pages_run() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    let args = ["generate", "shop", "--from", "2026-03-02", "--days", "14", "--users", "2000"];
    verdict(at, &args).exits(0);
    let mut ran: BTreeMap<String, usize> = BTreeMap::new();
    let guide = |name: &String| name != "docs/guide.md" && name != "docs/reading-results.md";
    for name in pages().into_iter().filter(guide) {
        let page = page(&name);
        let lines = page.lines().filter_map(|line| line.strip_prefix("verdict "));
        for line in lines.filter(|line| {
            !["--workers", "cluster", "/usr/", "s3://"].iter().any(|w| line.contains(w))
        }) {
            let line =
                line.replace("2026-03-29", "2026-03-15").replace("/etc/verdict/shop", "shop");
            // Chance is not what is tried here.
            let line = line.replace("--splits 500", "--splits 20");
            let mut args = words(&line);
            args.truncate(args.iter().position(|word| word == ">").unwrap_or(args.len()));
            if args[0] == "run" && !args.iter().any(|word| word == "--date") {
                args.extend(["--date", "2026-03-15"].map(str::to_owned));
            }
            // The sample's own examples are run by its own tests.
            if args.iter().any(|word| word.starts_with("jobs/sample")) {
                continue;
            }
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let told = verdict(at, &args);
            assert!([0, 3].contains(&told.code), "{name}: {line}: {}", told.stderr);
            *ran.entry(name.clone()).or_default() += 1;
        }
    }
    for name in [
        "README.md",
        "jobs/README.md",
        "docs/scaling.md",
        "docs/how-to/aa.md",
        "docs/how-to/late-data.md",
    ] {
        assert!(ran.get(name) >= Some(&2), "{name}: {ran:?}");
    }
}

/// What pages show of a project's files is what the loader takes.
#[test]
fn definitions_that_pages_show_load() {
    let blocks = |name: &str| -> Vec<String> {
        let text = page(name);
        let blocks = text.split("```yaml\n").skip(1);
        blocks.map(|block| block.split("\n```").next().unwrap_or_default().to_owned()).collect()
    };
    let source = |name: &str| {
        format!("  {name}: {{path: {name}, timestamp: ts, units: {{user_id: user_id}}}}\n")
    };
    let sources = |names: &[&str]| names.iter().map(|name| source(name)).collect::<String>();
    let header = "project: {name: p, time_zone: UTC, tables: tables}\n";
    let loads = |name: &str, files: &[(&str, String)]| {
        let project = Project::new();
        for (file, text) in files {
            project.file(file, text);
        }
        let loaded = verdict_model::load(project.path());
        loaded.unwrap_or_else(|error| panic!("{name}: {error}"))
    };

    // The README's second and third are a project; its first is a population.
    let readme = blocks("README.md");
    let [_, project, experiment] = readme.as_slice() else { panic!("{} blocks", readme.len()) };
    let project = [("project.yaml", project.clone()), ("experiments/e.yaml", experiment.clone())];
    assert_eq!(loads("README.md", &project).experiments.len(), 1);

    let storage = blocks("docs/storage.md");
    let [how, complete] = storage.as_slice() else { panic!("{} blocks", storage.len()) };
    let text = format!("{header}sources:\n{}{how}\n", source("events"));
    loads("docs/storage.md", &[("project.yaml", text)]);
    let complete = format!("{complete}\n    timestamp: ts\n    units: {{user_id: user_id}}\n");
    let loaded = loads("docs/storage.md", &[("project.yaml", format!("{header}{complete}"))]);
    assert!(loaded.sources.values().all(|source| source.complete.latest.is_some()));

    let cluster = blocks("docs/how-to/cluster.md");
    let [exposures, experiment] = cluster.as_slice() else { panic!("{} blocks", cluster.len()) };
    let metric = "metrics: {bought: {type: mean, source: assignments, aggregate: count}}";
    let text = format!("{header}sources:\n{}{exposures}\n{metric}\n", source("assignments"));
    let experiment = format!(
        "{experiment}\n  start: 2026-03-02\n  metrics: {{primary: {{name: bought, direction: increase}}}}\n"
    );
    loads("docs/how-to/cluster.md", &[("project.yaml", text), ("experiments/e.yaml", experiment)]);

    let metrics = blocks("docs/how-to/new-metric.md");
    let [metrics] = metrics.as_slice() else { panic!("{} blocks", metrics.len()) };
    let text = format!("{header}sources:\n{}{metrics}\n", sources(&["orders", "ratings"]));
    assert_eq!(loads("docs/how-to/new-metric.md", &[("project.yaml", text)]).metrics.len(), 3);
}

/// A line of a shell: words, quoted ones whole, up to a comment.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut quoted) = (Vec::new(), false);
    for (nth, part) in line.split('"').enumerate() {
        quoted = nth % 2 == 1;
        match quoted {
            true => words.push(part.to_owned()),
            false => {
                let part = part.split(" #").next().unwrap_or_default();
                words.extend(part.split_whitespace().map(str::to_owned));
            }
        }
    }
    assert!(!quoted, "{line}");
    words
}

/// Every command that a document shows is one that there is, with flags that it takes.
#[test]
fn commands_that_documents_show_are_there() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut help: BTreeMap<String, String> = BTreeMap::new();
    let mut flags = 0;
    for name in pages() {
        for line in page(&name).lines().filter_map(|line| line.strip_prefix("verdict ")) {
            let told = words(line);
            let mut told = told.iter().map(String::as_str).take_while(|w| !"|><&;".contains(w));
            let Some(command) = told.next() else { continue };
            // Methods have flags of their own, which `verdict stat` reads by itself.
            if ["stat", "power"].contains(&command) {
                continue;
            }
            let mut path = vec![command];
            if command == "cluster" {
                path.extend(told.next());
            }
            let help = help.entry(path.join(" ")).or_insert_with(|| {
                let args: Vec<&str> = path.iter().copied().chain(["--help"]).collect();
                verdict(folder.path(), &args).exits(0).stdout
            });
            for flag in told.filter(|word| word.starts_with('-') && word.len() > 1) {
                let flag = flag.split('=').next().unwrap_or_default();
                let known = help
                    .split(|c: char| c.is_whitespace() || ",[]=".contains(c))
                    .any(|word| word == flag);
                assert!(known, "{name}: verdict {line}: there is no {flag}");
                flags += 1;
            }
        }
    }
    assert!(flags > 30, "{flags} flags found");
}

/// The documents for users.
fn pages() -> Vec<String> {
    let mut pages =
        vec!["README.md".to_owned(), "ARCHITECTURE.md".to_owned(), "jobs/README.md".to_owned()];
    let mut folders = vec!["docs".to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(root().join(&folder)).expect("a folder") {
            let name = format!("{folder}/{}", entry.expect("an entry").file_name().display());
            if root().join(&name).is_dir() {
                folders.push(name);
            } else if name.ends_with(".md") {
                pages.push(name);
            }
        }
    }
    pages
}

/// Links of the documents lead to files that are there.
#[test]
fn links_lead_somewhere() {
    let mut links = 0;
    for name in &pages() {
        let text = page(name);
        let base = Path::new(name).parent().expect("a folder").to_owned();
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.contains("://") || link.starts_with('#') {
                continue;
            }
            let to = root().join(&base).join(link.split('#').next().unwrap_or_default());
            assert!(to.exists(), "{name}: {link} leads nowhere");
            links += 1;
        }
    }
    assert!(links > 20, "{links} links");
}
