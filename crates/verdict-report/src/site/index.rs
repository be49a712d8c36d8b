//! The index: what asks for attention first, then what is decided, then what runs.

use maud::{Markup, html};
use verdict_analysis::words;
use verdict_model::NaiveDate;

use super::decision::decision_badge;
use super::layout::{absent, badge, document};
use super::{FOLDER, Site};
use crate::Page;
use crate::finding::relative;
use crate::format::lift;
use crate::plot::dates::long;
use crate::plot::interval::{self, Interval};
use crate::plot::scale::{Scale, comparable};
use crate::state::{Progress, rank};

/// What the index shows of an experiment.
#[derive(Clone, Debug)]
pub struct Entry {
    name: String,
    file: String,
    hypothesis: Option<String>,
    as_of: Option<NaiveDate>,
    /// Distinct decisions, the one to be seen first, each with its variants.
    decisions: Vec<(String, Vec<String>)>,
    progress: Progress,
    primary: String,
    /// The change of the variant that is told, its words and its drawing.
    change: Option<Told>,
    failed: usize,
    warned: usize,
    group: Group,
}

/// A variant's change of the primary metric.
#[derive(Clone, Debug)]
struct Told {
    variant: String,
    change: String,
    ends: String,
    interval: Interval,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Group {
    Attention,
    Decided,
    Running,
    Nothing,
}

impl Group {
    const ALL: [Group; 4] = [Group::Attention, Group::Decided, Group::Running, Group::Nothing];

    fn id(self) -> &'static str {
        match self {
            Group::Attention => "attention",
            Group::Decided => "decided",
            Group::Running => "running",
            Group::Nothing => "nothing",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Group::Attention => "Need attention",
            Group::Decided => "Decided",
            Group::Running => "Still running",
            Group::Nothing => "No results yet",
        }
    }
}

impl Entry {
    /// Of an experiment's page, which is in the file of that name (without an ending).
    #[must_use]
    pub fn of(page: &Page, file: &str) -> Entry {
        let judged = &page.judged;
        let mut sorted: Vec<_> = judged.decisions.iter().collect();
        sorted.sort_by_key(|decision| rank(&decision.decision));
        let mut decisions: Vec<(String, Vec<String>)> = Vec::new();
        for decision in &sorted {
            match decisions.last_mut().filter(|(same, _)| *same == decision.decision) {
                Some((_, variants)) => variants.push(decision.variant.clone()),
                None => decisions.push((decision.decision.clone(), vec![decision.variant.clone()])),
            }
        }
        let told = sorted.first().and_then(|decision| judged.primary_of(&decision.variant));
        let count =
            |status: &str| judged.checks.iter().filter(|check| check.status == status).count();
        let group = match sorted.first().map(|decision| decision.decision.as_str()) {
            None => Group::Nothing,
            Some("invalid" | "stop_guardrail") => Group::Attention,
            Some("continue") => Group::Running,
            Some(_) => Group::Decided,
        };
        Entry {
            name: judged.experiment.name.value.clone(),
            file: file.to_owned(),
            hypothesis: judged.experiment.hypothesis.clone(),
            as_of: (!judged.decisions.is_empty()).then_some(judged.as_of),
            decisions,
            progress: Progress::of(judged),
            primary: judged.experiment.primary.name.value.clone(),
            change: told.map(|row| {
                let (change, ends) = lift(row);
                let interval = match sorted.first() {
                    // A number that is not to be trusted has found nothing.
                    Some(decision) if decision.decision == "invalid" => Interval {
                        found: false,
                        tone: "neutral",
                        ..relative(&judged.experiment, row)
                    },
                    _ => relative(&judged.experiment, row),
                };
                Told { variant: row.variant.clone(), change, ends, interval }
            }),
            failed: count("fail"),
            warned: count("warn"),
            group,
        }
    }
}

/// So many experiments are found by eye.
const MANY: usize = 12;

/// Hides the rows whose name lacks what is typed. Without scripts the field is not there and the list is whole.
const SCRIPT: &str = "
const box = document.getElementById('filter'), field = document.getElementById('filter-text');
if (box) {
  box.hidden = false;
  const rows = [...document.querySelectorAll('tbody tr[data-name]')], said = document.getElementById('filter-said');
  field.addEventListener('input', () => {
    const wanted = field.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      row.hidden = !row.dataset.name.toLowerCase().includes(wanted);
      if (!row.hidden) shown += 1;
    }
    said.textContent = wanted ? shown + ' of ' + rows.length + ' experiments' : '';
  });
}
";

pub(crate) fn html(site: &Site, entries: &[Entry], unread: &[String]) -> String {
    let of = |group: Group| -> Vec<&Entry> {
        let mut entries: Vec<&Entry> =
            entries.iter().filter(|entry| entry.group == group).collect();
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        entries
    };
    let groups: Vec<(Group, Vec<&Entry>)> =
        Group::ALL.into_iter().map(|group| (group, of(group))).collect();
    let many = entries.len() > MANY;
    // One scale for all, so that the groups may be compared.
    let drawn = entries.iter().filter_map(|entry| entry.change.as_ref());
    let spans: Vec<_> = drawn.map(|told| told.interval.span()).collect();
    let scale = comparable(&spans, &[]).map(interval::scale_of);
    let body = html! {
        header {
            h1 { "Experiments of " span class="name" { (site.project) } }
            p class="hypothesis" { "As of " (long(site.as_of)) "." }
            ul class="counts" {
                @for (group, entries) in &groups {
                    @if !entries.is_empty() {
                        li { a href={ "#" (group.id()) } { strong { (words::count(entries.len() as u64)) } " " (group.title().to_lowercase()) } }
                    }
                }
            }
            @if many {
                p id="filter" hidden {
                    label for="filter-text" { "Only names with " }
                    input id="filter-text" type="search" autocomplete="off";
                    " " span id="filter-said" role="status" {}
                }
            }
            @if scale.is_some() {
                p class="fine" {
                    "Bars are intervals of the change of the primary metric, dots the estimates: full where the test has found \
                     something. The solid line is no change, the dashed one the smallest effect of interest."
                }
            }
        }
        main id="main" {
            @if entries.is_empty() && unread.is_empty() { (absent("The project defines no experiments.")) }
            @if !unread.is_empty() {
                p class="note" {
                    strong { "Not shown: " } span class="name" { (words::list(unread)) }
                    ". The tables could not be read; a page that is there is of an earlier day."
                }
            }
            @for (group, entries) in &groups {
                @if !entries.is_empty() {
                    section id=(group.id()) aria-labelledby={ (group.id()) "-h" } {
                        h2 id={ (group.id()) "-h" } { (group.title()) }
                        (list(entries, *group, scale.as_ref()))
                    }
                }
            }
        }
        footer { p { "Verdict " (site.version) } }
    };
    document(&format!("Experiments of {}", site.project), &body, many.then_some(SCRIPT))
}

fn list(entries: &[&Entry], group: Group, scale: Option<&Scale>) -> Markup {
    html! {
        table class="forest index" role="table" {
            caption class="hidden" { (group.title()) }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { "Experiment" }
                    th scope="col" role="columnheader" class="finding" { "Decision" }
                    th scope="col" role="columnheader" { "Progress" }
                    th scope="col" role="columnheader" class="number" { "Primary metric" }
                    th scope="col" role="columnheader" class="drawn" {
                        span class="hidden" { "Interval, drawn" }
                        @if let Some(scale) = scale { (interval::axis(scale)) }
                    }
                    th scope="col" role="columnheader" { "Checks" }
                }
            }
            tbody role="rowgroup" {
                @for entry in entries { (line(entry, scale)) }
            }
        }
    }
}

fn line(entry: &Entry, scale: Option<&Scale>) -> Markup {
    let (change, ends) = entry.change.as_ref().map_or(("", ""), |told| (&told.change, &told.ends));
    let several = entry.decisions.iter().map(|(_, variants)| variants.len()).sum::<usize>() > 1;
    html! {
        tr role="row" data-name=(entry.name) {
            th scope="row" role="rowheader" class="what" {
                a class="name clamp" href={ (FOLDER) "/" (entry.file) ".html" } { (entry.name) }
                @if let Some(hypothesis) = &entry.hypothesis { span class="fine words clamp" title=(hypothesis) { (hypothesis) } }
            }
            td role="cell" class="finding" {
                @if entry.decisions.is_empty() { (badge("neutral", "·", "no results")) }
                @for (decision, variants) in &entry.decisions {
                    (decision_badge(decision))
                    @if several { span class="fine name" { (few(variants)) } }
                }
            }
            td role="cell" class="variant" {
                (entry.progress.words())
                @if let Some(as_of) = entry.as_of { span class="fine" { "as of " (long(as_of)) } }
            }
            td role="cell" class="number lift" {
                strong { (change) }
                span class="fine" { (ends) }
                span class="fine name" {
                    (entry.primary)
                    @if let (Some(told), true) = (&entry.change, several) { " of " (told.variant) }
                }
            }
            td role="cell" class="drawn" {
                @if let (Some(scale), Some(told)) = (scale, &entry.change) {
                    @if told.interval.estimate.is_some() {
                        (interval::row(scale, &told.interval, &format!("{} of {}: {change}, {ends}", entry.primary, told.variant)))
                    }
                }
            }
            td role="cell" class="checks-cell" {
                @if entry.failed > 0 { (badge("alarm", "✕", &format!("{} failed", entry.failed))) }
                @if entry.warned > 0 { (badge("warn", "!", &words::counted(entry.warned as u64, "warning"))) }
                @if entry.failed + entry.warned == 0 && entry.as_of.is_some() { (badge("good", "✓", "passed")) }
            }
        }
    }
}

/// The first few of many names.
fn few(names: &[String]) -> String {
    match names {
        [first, second, third, rest @ ..] if rest.len() > 1 => {
            format!("{first}, {second}, {third} and {} more", rest.len())
        }
        names => words::list(names),
    }
}
