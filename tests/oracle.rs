//! Everything once more, by plain loops: random logs, a naive recomputation of every table, and the tables that the
//! command makes of them. And one answer, however the same rows lie in files and whatever the engine is set to.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod files;
mod groups;
mod incremental;
mod judged;
mod log;
mod metrics;
mod naive;
mod project;
mod resampled;
mod statistics;
mod stats;
mod strata;
mod tables;
mod trust;

use std::collections::{BTreeMap, BTreeSet};

use crate::support::Project;
use files::written;
use log::{Layout, Logs, Setting, Unit, Zone};
use metrics::{aggregate_word, components};
use naive::{Component, Experiment, Values};
use project::experiments;
use tables::{Cell, Record};

/// Clean logs: nobody in two variants, an effect that can be found, everything plain.
const CLEAN: Setting = Setting {
    seed: 1,
    zone: Zone::Utc,
    users: 320,
    numbers: false,
    layout: Layout::Hive,
    reject: [false; 3],
    astray: 0.0,
    exclude: true,
    effect: 1.0,
};

#[test]
fn clean_logs_agree_with_the_naive_recomputation() {
    agrees(CLEAN, &[4]);
}

#[test]
fn units_in_several_variants_in_kolkata_agree_with_the_naive_recomputation() {
    agrees(
        Setting {
            seed: 2,
            zone: Zone::Kolkata,
            users: 150,
            numbers: true,
            layout: Layout::Hours,
            reject: [true, false, true],
            astray: 0.1,
            ..CLEAN
        },
        &[2, 4],
    );
}

#[test]
fn days_of_23_hours_and_a_path_template_agree_with_the_naive_recomputation() {
    agrees(
        Setting {
            seed: 3,
            zone: Zone::NewYork,
            users: 150,
            layout: Layout::Template,
            reject: [false, true, false],
            astray: 0.1,
            exclude: false,
            effect: 0.3,
            ..CLEAN
        },
        &[4],
    );
}

#[test]
fn groups_of_hardly_anyone_agree_with_the_naive_recomputation() {
    for seed in [4, 5] {
        let numbers = seed == 4;
        let setting =
            Setting { seed, users: 9, numbers, astray: 0.2, zone: Zone::Kolkata, ..CLEAN };
        agrees(Setting { exclude: numbers, ..setting }, &[4]);
    }
}

#[test]
fn an_effect_found_in_units_of_numbers_agrees_with_the_naive_recomputation() {
    agrees(
        Setting { seed: 6, numbers: true, exclude: false, users: 400, effect: 2.0, ..CLEAN },
        &[1, 4],
    );
}

/// Runs the command for each of the days `as_of` and compares every table with the naive one.
fn agrees(setting: Setting, as_of: &[usize]) {
    let logs = Logs::random(setting);
    let project = Project::new();
    written(&project, &logs);
    logs.write(project.path(), 3, setting.seed);
    for day in as_of {
        let date = logs.days[*day].to_string();
        let ran =
            project.verdict(&["run", "--quiet", "--fail-on", "never", "--date", &date]).exits(0);
        assert!(ran.stdout.contains("alpha, as of"), "{}", ran.stdout);
        let columns = day_tables(&project, &logs, *day);
        for (experiment, plan) in experiments(&logs) {
            if experiment.days.0 > *day {
                continue;
            }
            let as_of = experiment.days.1.min(*day);
            let totals = totals(&project, &logs, &experiment, as_of, &columns);
            judged::judged(&project, &logs, &experiment, &plan, as_of, &totals);
        }
    }
}

/// The column of each component of a unit type, in the order of the definitions.
type Columns = BTreeMap<&'static str, Vec<String>>;

/// Compares `unit_day` and `exposure_day` up to a day.
fn day_tables(project: &Project, logs: &Logs, last: usize) -> Columns {
    let experiments: Vec<Experiment> = experiments(logs).into_iter().map(|(e, _)| e).collect();
    let mut columns = Columns::new();
    for unit_type in ["user", "session"] {
        let components: Vec<Component> = components()
            .into_iter()
            .filter(|c| unit_type == "user" || c.source == "events")
            .collect();
        // The tables' rows beside the naive ones: both sorted by unit.
        let mut pairs: Vec<(Record, Values)> = Vec::new();
        let needed: BTreeSet<usize> = experiments
            .iter()
            .filter(|e| e.unit_type == unit_type)
            .flat_map(|e| e.days.0..=e.days.1.min(last))
            .collect();
        for day in needed {
            let date = logs.days[day];
            let found =
                tables::read(project.path(), &format!("unit_day/unit_type={unit_type}/ds={date}"));
            let naive = naive::unit_day(logs, &components, unit_type, day);
            same_units(&found, naive.keys(), &format!("unit_day {unit_type} {date}"));
            pairs.extend(found.into_iter().zip(naive.into_values()));
        }
        for experiment in experiments.iter().filter(|e| e.unit_type == unit_type) {
            for day in experiment.days.0..=experiment.days.1.min(last) {
                let at =
                    format!("exposure_day/experiment={}/ds={}", experiment.name, logs.days[day]);
                let found = tables::read(project.path(), &at);
                let naive = naive::exposure_day(logs, &components, experiment, day);
                same_units(&found, naive.keys(), &at);
                for (record, exposed) in found.into_iter().zip(naive.into_values()) {
                    let unit = &record["unit"];
                    assert_eq!(record["first_exposed"], Cell::Int(exposed.at), "{at} {unit:?}");
                    assert_eq!(record["variant"].text(), exposed.variant, "{at} {unit:?}");
                    let variants: Vec<String> = exposed.variants.into_iter().collect();
                    assert_eq!(record["variants"], Cell::Texts(variants), "{at} {unit:?}");
                    same_segments(&record, experiment, &exposed.segments, &at);
                    pairs.push((record, exposed.values));
                }
            }
        }
        assert!(pairs.len() > 10, "a case of hardly any rows shows nothing");
        columns.insert(unit_type, same_components(&components, &pairs));
    }
    columns
}

fn same_units<'a>(found: &[Record], naive: impl Iterator<Item = &'a Unit>, at: &str) {
    let found: Vec<Unit> = found
        .iter()
        .map(|record| match &record["unit"] {
            Cell::Int(n) => Unit::Number(*n),
            other => Unit::Name(other.text().to_owned()),
        })
        .collect();
    assert_eq!(found, naive.cloned().collect::<Vec<_>>(), "{at}");
}

fn same_segments(record: &Record, experiment: &Experiment, naive: &[Option<String>], at: &str) {
    for ((name, _), value) in experiment.exposures.segments.iter().zip(naive) {
        let cell = value.clone().map_or(Cell::Null, Cell::Text);
        if let Some(found) = record.get(&format!("segment_{name}")) {
            assert_eq!(*found, cell, "{at} {:?} {name}", record["unit"]);
        }
    }
}

/// Finds the column of each component: a name ends in a digest, so of the columns of its source and aggregate the one
/// whose every value is the naive one.
fn same_components(components: &[Component], pairs: &[(Record, Values)]) -> Vec<String> {
    let column_of = |(i, component): (usize, &Component)| {
        let prefix = format!("{}_{}_", component.source, aggregate_word(component.aggregate));
        let candidates = pairs[0].0.keys().filter(|name| name.starts_with(&prefix));
        let differences = |column: &String| -> Vec<String> {
            let differs = pairs.iter().filter(|(r, naive)| r[column].number() != naive[i]);
            differs
                .map(|(r, naive)| format!("{:?}: {:?}, not {:?}", r["unit"], r[column], naive[i]))
                .collect()
        };
        let best =
            candidates.map(|column| (differences(column), column)).min_by_key(|(d, _)| d.len());
        let (differences, column) = best.unwrap_or_else(|| panic!("no column {prefix}"));
        assert_eq!(differences, [""; 0], "{component:?} in {column}, of {} rows", pairs.len());
        let float = pairs.iter().any(|(record, _)| matches!(record[column], Cell::Float(_)));
        assert_eq!(float, component.float, "{component:?} in {column} has another type");
        column.clone()
    };
    let columns: Vec<String> = components.iter().enumerate().map(column_of).collect();
    assert_eq!(columns.iter().collect::<BTreeSet<_>>().len(), columns.len(), "{columns:?}");
    columns
}

/// Compares `unit_total`, and returns the naive one.
fn totals(
    project: &Project,
    logs: &Logs,
    experiment: &Experiment,
    as_of: usize,
    columns: &Columns,
) -> BTreeMap<Unit, naive::Total> {
    let at = format!("unit_total/experiment={}/ds={}", experiment.name, logs.days[as_of]);
    let found = tables::read(project.path(), &at);
    let all = components();
    let naive = naive::unit_total(logs, &all, experiment, as_of);
    let mut windows = 0;
    same_units(&found, naive.keys(), &at);
    for (record, total) in found.iter().zip(naive.values()) {
        let unit = &record["unit"];
        assert_eq!(record["first_exposed"], Cell::Int(total.at), "{at} {unit:?}");
        let day = (logs.days[total.day] - chrono::NaiveDate::default()).num_days();
        assert_eq!(record["exposure_ds"], Cell::Int(day), "{at} {unit:?}");
        assert_eq!(record["variant"].text(), total.variant, "{at} {unit:?}");
        assert_eq!(record["several_variants"], Cell::Bool(total.several), "{at} {unit:?}");
        assert_eq!(record["counted"], Cell::Bool(total.counted), "{at} {unit:?}");
        same_segments(record, experiment, &total.segments, &at);
        for (column, value) in columns[experiment.unit_type].iter().zip(&total.values) {
            // Only what the experiment's metrics need is there.
            let Some(cell) = record.get(column) else { continue };
            assert_eq!(cell.number(), *value, "{at} {unit:?} {column}");
        }
        // What came in each window so far.
        let windowed = metrics::METRICS.iter().filter_map(|m| Some((m, m.window?)));
        for (metric, (from, to)) in windowed {
            for place in metric.components {
                let column = format!("{}_d{from}_{to}", columns[experiment.unit_type][*place]);
                let Some(cell) = record.get(&column) else { continue };
                windows += 1;
                let value = total.over(&all[*place], *place, (from, to));
                assert_eq!(cell.number(), value, "{at} {unit:?} {column}");
            }
        }
    }
    let watched = ["alpha", "beta", "epsilon", "zeta"].contains(&experiment.name);
    assert!(windows > 0 || !watched || found.is_empty(), "{at}: no window was compared");
    naive
}

/// The tables that must not differ by a byte: what is read and decided on.
const ANSWERS: [&str; 4] = ["group_stats", "results", "checks", "decisions"];

fn bytes(project: &Project, tables: &[&str]) -> BTreeMap<String, Vec<u8>> {
    let of = |path: &String| tables.iter().any(|table| path.starts_with(&format!("{table}/")));
    let found: BTreeMap<String, Vec<u8>> = project
        .partitions()
        .into_iter()
        .filter(of)
        .map(|path| {
            (path.clone(), std::fs::read(project.path().join("tables").join(path)).unwrap())
        })
        .collect();
    assert!(found.len() >= tables.len(), "{:?}", found.keys());
    found
}

#[track_caller]
fn same_bytes(found: &BTreeMap<String, Vec<u8>>, wanted: &BTreeMap<String, Vec<u8>>, what: &str) {
    let names = |of: &BTreeMap<String, Vec<u8>>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(found), names(wanted), "{what}");
    for (name, bytes) in wanted {
        assert!(found[name] == *bytes, "{name} has other bytes: {what}");
    }
}

const SEVERAL: Setting =
    Setting { seed: 7, users: 120, astray: 0.05, zone: Zone::Kolkata, numbers: true, ..CLEAN };

#[test]
fn files_their_order_and_the_engine_show_nowhere() {
    let logs = Logs::random(SEVERAL);
    let last = logs.days[4].to_string();
    let of = |files: usize, seed: u64, settings: &[&str]| {
        let project = Project::new();
        written(&project, &logs);
        logs.write(project.path(), files, seed);
        let set = settings.iter().flat_map(|setting| ["--set", setting]);
        let args = ["run", "--quiet", "--fail-on", "never", "--date", &last];
        project.verdict(&args.into_iter().chain(set).collect::<Vec<_>>()).exits(0);
        bytes(&project, &ANSWERS)
    };
    let one = of(1, 1, &[]);
    for (files, seed, settings) in [
        (
            5,
            2,
            &["datafusion.execution.target_partitions=1", "datafusion.execution.batch_size=1"][..],
        ),
        (3, 3, &["datafusion.execution.target_partitions=7", "datafusion.execution.batch_size=3"]),
        (
            1,
            4,
            &["datafusion.execution.target_partitions=7", "datafusion.execution.batch_size=8192"],
        ),
    ] {
        same_bytes(&of(files, seed, settings), &one, &format!("{files} files, {settings:?}"));
    }
}

#[test]
fn night_after_night_is_what_one_run_from_scratch_is() {
    let logs = Logs::random(Setting { seed: 8, ..SEVERAL });
    let (nightly, scratch) = (Project::new(), Project::new());
    let all = tempfile::tempdir().unwrap();
    logs.write(all.path(), 2, 1);
    for project in [&nightly, &scratch] {
        written(project, &logs);
    }
    let run = |project: &Project, day: usize| {
        let date = logs.days[day].to_string();
        project.verdict(&["run", "--quiet", "--fail-on", "never", "--date", &date]).exits(0)
    };
    // Each day's folders arrive before its night; hard links, so that both have the same objects.
    for day in 0..log::DAYS {
        for source in ["events", "pages", "assignments"] {
            let folder = format!("{source}/ds={}", logs.days[day]);
            let Ok(entries) = std::fs::read_dir(all.path().join(&folder)) else { continue };
            for entry in entries {
                let entry = entry.unwrap();
                for project in [&nightly, &scratch] {
                    let to = project.path().join(&folder);
                    std::fs::create_dir_all(&to).unwrap();
                    std::fs::hard_link(entry.path(), to.join(entry.file_name())).unwrap();
                }
            }
        }
        run(&nightly, day);
    }
    run(&scratch, 4);
    let tables =
        ["unit_day", "exposure_day", "unit_total", "group_stats", "results", "checks", "decisions"];
    let (nightly, scratch) = (bytes(&nightly, &tables), bytes(&scratch, &tables));
    let again: BTreeMap<String, Vec<u8>> =
        nightly.into_iter().filter(|(name, _)| scratch.contains_key(name)).collect();
    same_bytes(&again, &scratch, "night after night");
}
