//! Project folders and YAML files.

use super::{Shop, says};
use crate::support::{Project, verdict};

#[test]
fn a_folder_that_is_not_there() {
    let project = Project::new();
    for command in ["run", "validate", "plan", "analyze"] {
        let ran = verdict(project.path(), &[command, "--project", "nowhere"]).exits(2);
        says(&ran, &["`nowhere` cannot be read as a project", "No such file or directory"]);
    }
}

#[test]
fn a_folder_without_yaml() {
    let project = Project::new();
    project.file("notes.txt", "nothing here");
    says(
        &project.verdict(&["run"]).exits(2),
        &["holds no YAML file: expected at least one `*.yaml`"],
    );
}

#[test]
fn a_project_without_experiments() {
    let project = Project::new();
    project.file("project.yaml", "project: {name: empty}\n");
    for command in ["run", "plan", "analyze"] {
        let ran = project.verdict(&[command]).exits(2);
        says(
            &ran,
            &["project `empty` defines no experiment: add a file `experiments/<name>.yaml`"],
        );
    }
}

#[test]
fn yaml_that_is_none() {
    Shop::refuses(
        |shop| {
            shop.edit("metrics.yaml", "type: mean", "type: [mean");
        },
        &["error: metrics.yaml:", "not valid YAML"],
    );
    Shop::refuses(
        |shop| {
            shop.edit("metrics.yaml", "    type: mean", "\ttype: mean");
        },
        &["error: metrics.yaml:3:", "not valid YAML"],
    );
}

#[test]
fn keys_types_and_names_all_at_once() {
    Shop::refuses(
        |shop| {
            shop.edit("project.yaml", "timestamp: ts", "timestmap: ts");
            shop.edit("metrics.yaml", "type: mean", "type: [mean]");
            shop.edit("metrics.yaml", "filter: amount > 0", "filtre: amount > 0");
            shop.edit("experiments/prices.yaml", "variants: [control, treatment]", "variants: 2");
            shop.edit("experiments/prices.yaml", "{name: buyers}", "{name: byers}");
            shop.project
                .file("more.yaml", "metrics:\n  buyers: {type: proportion, source: events}\n");
        },
        &[
            "project.yaml:5: sources.events.timestmap: unknown key; did you mean `timestamp`?",
            "project.yaml:3: sources.events: `timestamp` is missing",
            "metrics.yaml:3: metrics.spend.type: expected a text, found a list",
            "experiments/prices.yaml:6: experiment.design.variants: expected a list, found `2`",
            "metric `byers` is not defined; did you mean `buyers`?",
            "`buyers` is defined at metrics.yaml:6 already; rename or remove one",
            "filtre: unknown key; did you mean `filter`?",
        ],
    );
}

#[test]
fn names_that_are_there_twice() {
    let shop = Shop::new();
    shop.project.file("more.yaml", super::EXPERIMENT);
    says(
        &shop.project.verdict(&["validate"]).exits(2),
        &["`prices` is defined at experiments/prices.yaml:2 already; rename or remove one"],
    );
    shop.project.file("more.yaml", "metrics: {}\nmetrics: {}\n");
    says(&shop.project.verdict(&["validate"]).exits(2), &["more.yaml:2:", "metrics"]);
}

#[test]
fn values_out_of_range() {
    Shop::refuses(
        |shop| {
            shop.edit("experiments/prices.yaml", "start: 2024-01-01", "start: 2024-02-30");
            let path = shop.project.path().join("experiments/prices.yaml");
            let text = std::fs::read_to_string(&path).unwrap();
            let settings = "  statistical_settings: {alpha: 5, correction: bonferoni}\n";
            std::fs::write(path, text + settings).unwrap();
        },
        &[
            "experiment.start: expected a date as YYYY-MM-DD, found `2024-02-30`",
            "statistical_settings.alpha: expected a number between 0 and 1, found `5`",
            "`bonferoni` is not allowed here; did you mean `bonferroni`?",
        ],
    );
}

#[test]
fn a_log_that_is_not_there() {
    Shop::refuses(
        |shop| {
            shop.edit("project.yaml", "path: events", "path: evnets");
        },
        &[
            "project.yaml:4: sources.events.path: `",
            "/evnets` does not exist; correct the path of source `events`, or copy the log there",
        ],
    );
    Shop::refuses(
        |shop| {
            shop.edit("project.yaml", "path: events", "path: ftp://host/events");
        },
        &[
            "project.yaml:4: sources.events.path: `ftp://host/events`",
            "use a path, file://, s3://, gs://, az://, abfss://, http:// or https://",
        ],
    );
}

#[test]
fn clusters_of_what_is_no_total() {
    Shop::refuses(
        |shop| {
            shop.edit("metrics.yaml", "type: mean", "type: quantile\n    quantile: 0.5");
            shop.edit(
                "experiments/prices.yaml",
                "unit: customer",
                "unit: customer\n    cluster: country",
            );
        },
        &["clusters are compared by totals, and metric", "(quantile) is none"],
    );
}
