//! The page of one experiment.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, html};
use verdict_analysis::words;
use verdict_model::rows::ResultRow;
use verdict_model::tables::RESULTS;
use verdict_model::{Arm, Role, SequentialMethod, SeveralVariants};

use super::adjusted::adjusted;
use super::categories::categories;
use super::checks::checks;
use super::cohorts::by_age;
use super::decision::decisions;
use super::definitions::definitions;
use super::distributions::distributions;
use super::exposures::exposures;
use super::files::DataFile;
use super::layout::{absent, document, section};
use super::looks::over_time;
use super::made::made;
use super::metrics::role;
use super::plan::plan;
use super::power::power;
use super::segments::segments;
use super::{FOLDER, Site, table};
use crate::Page;
use crate::plot::dates::long;
use crate::state::Progress;

/// Larger data than this is only linked, not carried inside the page.
const MOST_INSIDE_BYTES: usize = 1 << 20;

/// The page; the files beside it are its data.
pub(crate) fn html(site: &Site, page: &Page, files: &[DataFile]) -> String {
    let judged = &page.judged;
    let attention = judged.checks.iter().any(|check| check.status == "fail");
    let mut sections: Vec<(&str, &str, Markup)> = vec![
        ("decision", "Decision", decision(page)),
        ("checks", "Checks", checks(&judged.checks)),
        ("metrics", "Metrics", html! { (untrusted(attention)) (metrics(page)) }),
        ("time", "Over time", over_time(page)),
        ("exposures", "Exposures", exposures(page)),
        ("segments", "Segments", html! { (untrusted(attention)) (segments(judged)) }),
        ("power", "Power", power(page)),
        ("plan", "Plan", plan(page)),
        ("definitions", "Definitions", definitions(page)),
        ("made", "How it was made", made(page)),
        ("data", "Data", data(files)),
    ];
    let optional = [
        ("exposures", "age", "By days since exposure", by_age(page)),
        ("segments", "distributions", "Distributions", distributions(page)),
    ];
    for (before, id, title, drawn) in optional {
        let after = sections.iter().position(|(id, ..)| *id == before).map_or(0, |at| at + 1);
        if let Some(drawn) = drawn {
            sections.insert(after, (id, title, drawn));
        }
    }
    let body = html! {
        header {
            p class="crumbs" { a href="../index.html" { "All experiments" } " · " (site.project) }
            h1 class="name" { (judged.experiment.name.value) }
            @if let Some(hypothesis) = &judged.experiment.hypothesis { p class="hypothesis" { (hypothesis) } }
            (facts(page))
            nav aria-label="On this page" {
                ul { @for (id, title, _) in &sections { li { a href={ "#" (id) } { (title) } } } }
            }
        }
        main id="main" {
            @if attention {
                p class="alert" role="note" { strong { "A check failed. " } "No number on this page can be trusted until it passes." }
            }
            @for (id, title, body) in &sections { (section(id, title, body)) }
        }
        footer { p { "Verdict " (site.version) } }
    };
    document(&format!("{} · {}", judged.experiment.name.value, site.project), &body, None)
}

/// What is said again above findings, which may be seen without the head of the page: by a link, or in a picture of it.
fn untrusted(attention: bool) -> Markup {
    html! {
        @if attention { p class="note" { strong { "A check failed: " } "what is found here decides nothing." } }
    }
}

/// Equal shares of so many variants are told one by one.
const MANY_ARMS: usize = 6;

/// What the experiment is, in a line or two.
fn facts(page: &Page) -> Markup {
    let judged = &page.judged;
    let experiment = &judged.experiment;
    let progress = Progress::of(judged);
    let day = match (progress.day, progress.of) {
        (Some(day), Some(of)) if day > of => format!("ended after {of} days"),
        (Some(day), Some(of)) if day >= 1 => format!("day {day} of {of}, {}", progress.words()),
        _ => progress.words(),
    };
    let arms: Vec<String> = experiment
        .design
        .arms
        .iter()
        .map(|arm| {
            format!("{} {}", arm.name, words::percent(words::significant_digits(arm.weight, 3)))
        })
        .collect();
    let first = experiment.design.arms.first().map_or(0.0, |arm| arm.weight);
    let alike = experiment.design.arms.iter().all(|arm| arm.weight.total_cmp(&first).is_eq());
    let shares = match alike && arms.len() > MANY_ARMS {
        true => {
            let each = words::percent(words::significant_digits(first, 3));
            format!("{each} each of {} variants", arms.len())
        }
        false => words::list(&arms),
    };
    let phases = experiment.design.phases.iter().map(|phase| {
        let of = |(arm, weight): (&Arm, &f64)| {
            format!("{} {}", arm.name, words::percent(words::significant_digits(*weight, 3)))
        };
        let shares: Vec<String> =
            experiment.design.arms.iter().zip(&phase.weights).map(of).collect();
        format!("; from {} {}", long(phase.from), words::list(&shares))
    });
    let phases: String = phases.collect();
    let several = match experiment.design.several_variants {
        SeveralVariants::Exclude => "left out",
        SeveralVariants::First => "counted by the first",
    };
    html! {
        dl class="facts" {
            div { dt { "As of" } dd { (long(judged.as_of)) } }
            div { dt { "Progress" } dd { (day) } }
            div { dt { "Unit" } dd class="name" { (experiment.design.unit.value) } }
            div { dt { "Planned shares" } dd class="name" { (shares) (phases) } }
            @if experiment.is_sequential() {
                div { dt { "Watched by" } dd { (watched_by(experiment.settings.sequential)) } }
            }
            div { dt { "Units in several variants" } dd { (several) } }
            @if let Some(owner) = &experiment.owner { div { dt { "Owner" } dd class="name" { (owner) } } }
        }
    }
}

/// A method by the name that people know it by.
fn watched_by(method: SequentialMethod) -> &'static str {
    match method {
        SequentialMethod::None => "nothing",
        SequentialMethod::Msprt => "mSPRT",
        SequentialMethod::ConfidenceSequence => "confidence sequence",
        SequentialMethod::ObrienFleming => "O'Brien–Fleming",
        SequentialMethod::Pocock => "Pocock",
    }
}

fn decision(page: &Page) -> Markup {
    if page.judged.decisions.is_empty() {
        return absent(
            "Nothing has been decided: there are no results up to this date. `verdict run` makes them.",
        );
    }
    decisions(&page.judged)
}

fn metrics(page: &Page) -> Markup {
    let rows: Vec<&ResultRow> = [Role::Primary, Role::Guardrail, Role::Secondary]
        .into_iter()
        .flat_map(|role| page.judged.whole(role))
        .collect();
    html! {
        (role(page, Role::Primary))
        @if !page.judged.experiment.guardrails.is_empty() { (role(page, Role::Guardrail)) }
        @if !page.judged.experiment.secondary.is_empty() { (role(page, Role::Secondary)) }
        (categories(&rows))
        (adjusted(&rows))
        @if !rows.is_empty() && rows.len() <= MOST_EXACT { (every_number(&rows)) }
    }
}

/// More rows than this side by side are read by nobody; the files have them.
const MOST_EXACT: usize = 16;

/// Every column that has a value, with its meaning: what later versions add is shown as well.
fn every_number(rows: &[&ResultRow]) -> Markup {
    let values: Vec<serde_json::Value> =
        rows.iter().map(|row| serde_json::to_value(row).unwrap_or_default()).collect();
    let names: Vec<String> =
        rows.iter().map(|row| format!("{} · {}", row.metric, row.variant)).collect();
    let heads: Vec<&str> =
        ["column", "meaning"].into_iter().chain(names.iter().map(String::as_str)).collect();
    let told = ["metric", "variant", "segment", "segment_value", "control"];
    let table_rows: Vec<Vec<String>> = RESULTS
        .columns
        .iter()
        .filter(|column| !told.contains(&column.name))
        .filter(|column| values.iter().any(|row| !row[column.name].is_null()))
        .map(|column| {
            let cells = values.iter().map(|row| match &row[column.name] {
                serde_json::Value::Null => String::new(),
                serde_json::Value::String(text) => text.clone(),
                other => other.to_string(),
            });
            [column.name.to_owned(), column.doc.to_owned()].into_iter().chain(cells).collect()
        })
        .collect();
    table::folded(
        "Every number, exactly",
        "Every column of the results, with its meaning",
        &heads,
        &table_rows,
    )
}

fn data(files: &[DataFile]) -> Markup {
    html! {
        p { "The exact numbers. Columns of results are those of the table " code { "results" } ", described in " code { "sql/TABLES.md" } "." }
        ul class="downloads" {
            @for file in files {
                li {
                    (download(file))
                    @if let Some(rows) = file.rows { " " span class="fine" { (words::counted(rows as u64, "row")) } }
                }
            }
        }
        p class="fine" { "The same files lie beside this page in the folder " code { (FOLDER) } "." }
    }
}

/// A link to data that the page carries itself, so that it may be sent by mail.
fn download(file: &DataFile) -> Markup {
    let href = if file.text.len() <= MOST_INSIDE_BYTES {
        format!("data:{};charset=utf-8;base64,{}", file.media, BASE64_STANDARD.encode(&file.text))
    } else {
        file.name.clone()
    };
    html! { a href=(href) download=(file.name) { (file.words) } }
}
