//! The metrics by role: levels, lift, interval, and what was found, with the intervals side by side on one scale.

use maud::{Markup, html};
use verdict_analysis::words;
use verdict_model::rows::ResultRow;
use verdict_model::{Correction, Experiment, Metric, Role};

use super::layout::absent;
use crate::finding::{finding, relative};
use crate::format::{lift, with_signs};
use crate::plot::interval::{self, Interval};
use crate::plot::scale::{Scale, comparable};
use crate::{Judged, Page};

/// One role's metrics.
pub(crate) fn role(page: &Page, role: Role) -> Markup {
    let rows: Vec<&ResultRow> = page.judged.whole(role).collect();
    if rows.is_empty() {
        return absent(match role {
            Role::Primary => "The primary metric has no result yet.",
            Role::Guardrail => "The guardrails have no results yet.",
            Role::Secondary => "The secondary metrics have no results yet.",
        });
    }
    let caption = match role {
        Role::Primary => "Primary metric: it decides",
        Role::Guardrail => "Guardrails: they must not get worse",
        Role::Secondary => "Secondary metrics: they inform, and never decide",
    };
    html! {
        (forest(&page.judged, &rows, caption, &Named::Metrics(page)))
        (legend(&page.judged.experiment, role))
    }
}

/// What the first column of a table says of a row.
pub(crate) enum Named<'a> {
    Metrics(&'a Page),
    Segments,
}

/// A table of rows, each with its interval drawn on the scale of all.
pub(crate) fn forest(
    judged: &Judged,
    rows: &[&ResultRow],
    caption: &str,
    named: &Named<'_>,
) -> Markup {
    let experiment = &judged.experiment;
    let intervals: Vec<Interval> = rows.iter().map(|row| relative(experiment, row)).collect();
    let spans: Vec<_> = intervals.iter().map(Interval::span).collect();
    let marks: Vec<f64> = intervals.iter().filter_map(|interval| interval.mark).collect();
    let has_effects = intervals.iter().any(|interval| interval.estimate.is_some());
    let domain = comparable(&spans, &marks).filter(|_| has_effects);
    let scale = interval::scale_of(domain.unwrap_or((-1.0, 1.0)));
    let several = experiment.design.arms.len() > 2;
    html! {
        table class="forest" role="table" {
            caption { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { (named.head()) }
                    @if several { th scope="col" role="columnheader" { "Variant" } }
                    th scope="col" role="columnheader" class="number" { "Control" span class="fine name clamp" title=(experiment.design.control.value) { (experiment.design.control.value) } }
                    th scope="col" role="columnheader" class="number" {
                        "Variant"
                        @if !several { span class="fine name clamp" title=(rows[0].variant) { (rows[0].variant) } }
                    }
                    th scope="col" role="columnheader" class="number lift" { "Change" span class="fine" { "interval" } }
                    th scope="col" role="columnheader" class="drawn" {
                        span class="hidden" { "Interval, drawn" }
                        @if domain.is_some() { (interval::axis(&scale)) }
                    }
                    th scope="col" role="columnheader" class="finding" { "Finding" span class="fine" { "adjusted p" } }
                }
            }
            tbody role="rowgroup" {
                @for (row, interval) in rows.iter().zip(&intervals) {
                    (line(experiment, row, interval, domain.map(|_| &scale), named, several))
                }
            }
        }
    }
}

fn line(
    experiment: &Experiment,
    row: &ResultRow,
    interval: &Interval,
    scale: Option<&Scale>,
    named: &Named<'_>,
    several: bool,
) -> Markup {
    let (control, variant) = words::levels(row);
    let (change, ends) = lift(row);
    let found = finding(experiment, row);
    let p = words::adjusted_p(row);
    let said = format!("{} of {}: {change}, {ends}", row.metric, row.variant);
    let confidence = words::percent(row.confidence_level);
    html! {
        tr role="row" {
            th scope="row" role="rowheader" class="what" { (named.of(row)) }
            @if several { td role="cell" class="variant" { span class="name clamp" title=(row.variant) { (row.variant) } } }
            td role="cell" class="number" data-label="control" { (control) span class="fine" { (words::count(row.n_control)) " units" } }
            td role="cell" class="number" data-label="variant" { (variant) span class="fine" { (words::count(row.n_variant)) " units" } }
            td role="cell" class="number lift" { strong { (change) } span class="fine" title={ (confidence) " interval" } { (ends) } }
            td role="cell" class="drawn" {
                @if let (Some(scale), true) = (scale, interval.estimate.is_some()) {
                    (interval::row(scale, interval, &said))
                } @else if let Some(reason) = &row.rel_effect_reason {
                    span class="fine" { "no relative effect: " (verdict_analysis::judge::reason_in_words(reason)) }
                }
            }
            td role="cell" class={ "finding " (found.tone) } {
                span class="glyph" aria-hidden="true" { (found.mark()) } " " (found.words)
                @if !p.is_empty() { span class="fine" { "p " (p) } }
                @for note in notes(row) { span class="fine" { (note) } }
            }
        }
    }
}

/// What a row has besides: margin, limit, boundary.
fn notes(row: &ResultRow) -> Vec<String> {
    let mut notes = Vec::new();
    notes.extend(words::not_mature(row));
    notes.extend(words::margin(row).map(|margin| format!("margin {margin}")));
    notes.extend(words::limit(row));
    notes.extend(words::resampled(row));
    notes.extend(words::chi_squared(row));
    if let (Some(z), Some(boundary)) = (row.z, row.boundary) {
        notes.push(format!("z {z:.2}, boundary {boundary:.2}"));
    }
    notes.extend(row.crossed_ds.map(|ds| format!("crossed {ds}")));
    notes.extend(words::stopped(row).map(|effect| format!("unbiased {effect}")));
    notes.extend(words::adjustment(row).map(|adjustment| {
        let clipped =
            adjustment.clipped.map_or(String::new(), |share| format!(" ({share} of units)"));
        let variance = adjustment.variance.map_or(String::new(), |v| format!(": variance {v}"));
        format!("{}{clipped}{variance}", adjustment.what)
    }));
    notes.iter().map(|note| with_signs(note)).collect()
}

impl Named<'_> {
    fn head(&self) -> &'static str {
        match self {
            Named::Metrics(_) => "Metric",
            Named::Segments => "Segment",
        }
    }

    fn of(&self, row: &ResultRow) -> Markup {
        match self {
            Named::Metrics(page) => {
                let description =
                    page.metrics.get(&row.metric).and_then(|m: &Metric| m.description.as_deref());
                let better = match (row.metric_type.as_str(), row.direction.as_str()) {
                    ("categorical", _) => "shares of several categories",
                    (_, "decrease") => "lower is better",
                    _ => "higher is better",
                };
                html! {
                    span class="name" { (row.metric) }
                    span class="fine" { (description.unwrap_or(better)) }
                }
            }
            Named::Segments => {
                html! { span class="name clamp" title=(row.segment_value) { (row.segment_value) } }
            }
        }
    }
}

fn legend(experiment: &Experiment, role: Role) -> Markup {
    let (level, correction) = match role {
        Role::Guardrail => {
            (experiment.guardrail_settings.alpha, experiment.guardrail_settings.correction)
        }
        _ => (experiment.settings.alpha, experiment.settings.correction),
    };
    html! {
        p class="fine legend" {
            @if role == Role::Primary {
                "Change: variant over control. The bar is its interval, the dot the estimate: full where the test has found \
                 something. The solid line is no change, the dashed one the smallest effect of interest, or a guardrail's \
                 margin. "
            }
            "Tested at " (words::percent(level)) "; p adjusted within the family (" (spelled(correction)) ")."
        }
    }
}

fn spelled(correction: Correction) -> &'static str {
    match correction.word() {
        "none" => "not corrected",
        "bonferroni" => "Bonferroni",
        "holm" => "Holm",
        "hochberg" => "Hochberg",
        "benjamini_hochberg" => "Benjamini–Hochberg",
        "benjamini_yekutieli" => "Benjamini–Yekutieli",
        other => other,
    }
}
