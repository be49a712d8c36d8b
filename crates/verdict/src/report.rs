//! What was found, for people at a terminal: checks that did not pass, a table, the decision and its reasons.

use std::collections::BTreeMap;
use std::io::{self, Write};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use verdict_analysis::words;
use verdict_model::rows::{DecisionRow, ResultRow, WHOLE};
use verdict_model::{NaiveDate, Role};

use crate::commands::Judged;

/// The experiments, one after another.
pub(crate) fn text(out: &mut impl Write, judged: &[&Judged]) -> io::Result<()> {
    for (nth, one) in judged.iter().enumerate() {
        if nth > 0 {
            writeln!(out)?;
        }
        experiment(out, one)?;
    }
    Ok(())
}

fn experiment(out: &mut impl Write, judged: &Judged) -> io::Result<()> {
    let Judged { experiment, as_of, judgement, missing_days, .. } = judged;
    let title = format!("{}, as of {as_of}", experiment.name.value);
    writeln!(out, "{title}\n{}", "─".repeat(title.chars().count()))?;
    if let Some(hypothesis) = &experiment.hypothesis {
        writeln!(out, "{hypothesis}")?;
    }
    if let Some(look) = judgement.results.first().and_then(look) {
        writeln!(out, "{look}")?;
    }
    let attention = judgement.checks.iter().filter(|check| check.status != "pass");
    let mut passed = judgement.checks.len();
    for check in attention {
        passed -= 1;
        let mark = if check.status == "fail" { "CHECK FAILED" } else { "warning" };
        writeln!(out, "{mark}  {}: {}", check.check, check.message)?;
    }
    writeln!(out, "{passed} of {} checks passed\n", judgement.checks.len())?;
    if let [first, rest @ ..] = &missing_days[..] {
        let more = match rest.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        writeln!(
            out,
            "warning  days without statistics, which `verdict run` makes: {first}{more}\n"
        )?;
    }
    writeln!(out, "{}", table(&judgement.results))?;
    let segments: BTreeMap<&str, usize> = judgement
        .results
        .iter()
        .filter(|row| row.segment != WHOLE)
        .fold(BTreeMap::new(), |mut seen, row| {
            *seen.entry(row.segment.as_str()).or_default() += 1;
            seen
        });
    for (segment, rows) in segments {
        writeln!(out, "by {segment}: {} rows in the table `results`", words::count(rows as u64))?;
    }
    for decision in &judgement.decisions {
        writeln!(
            out,
            "\n{} against {}: {}",
            decision.variant,
            decision.control,
            headline(&decision.decision)
        )?;
        for reason in &decision.reasons {
            writeln!(out, "  • {reason}")?;
        }
    }
    if let Some(registered) = judged.registered {
        as_registered(out, registered, &judgement.decisions)?;
    }
    let later = judgement.decisions.first().map_or(&[][..], |decision| &decision.not_in_effect);
    for sentence in later {
        writeln!(out, "not yet in effect: {sentence}")?;
    }
    Ok(())
}

/// What of the plan is not as it was registered, and what it makes of the decision.
fn as_registered(
    out: &mut impl Write,
    registered: NaiveDate,
    decisions: &[DecisionRow],
) -> io::Result<()> {
    let Some(first) = decisions.first().filter(|d| !d.plan_changes.is_empty()) else {
        return Ok(());
    };
    writeln!(out, "\nthe plan is not the one registered as of {registered}:")?;
    for change in &first.plan_changes {
        writeln!(out, "  • {change}")?;
    }
    for decision in decisions {
        let variant = &decision.variant;
        let again = decision.decision_as_registered.as_deref();
        match (again, &decision.as_registered_reason) {
            (Some(same), _) if same == decision.decision => {
                writeln!(out, "as registered, {variant}: the same decision")?;
            }
            (Some(other), _) => writeln!(out, "as registered, {variant}: {}", headline(other))?,
            (None, Some(reason)) => {
                writeln!(out, "as registered, {variant}: it cannot be told. {reason}")?;
            }
            (None, None) => {}
        }
    }
    Ok(())
}

fn headline(decision: &str) -> String {
    let words = match decision {
        "ship" => "SHIP",
        "dont_ship" => "DON'T SHIP",
        "inconclusive" => "INCONCLUSIVE",
        "stat_sig_not_practical" => "SIGNIFICANT, BUT NOT WORTH IT",
        "continue" => "CONTINUE",
        "stop_guardrail" => "STOP: a guardrail is violated",
        "invalid" => "INVALID: the checks must pass before any number can be trusted",
        other => return other.to_owned(),
    };
    format!("{words} ({decision})")
}

/// Which look this is, where experiments are looked at on a schedule.
fn look(row: &ResultRow) -> Option<String> {
    let method = match row.sequential_method.as_str() {
        "none" => "tested once, at the planned end",
        "msprt" | "confidence_sequence" => "p-values and intervals hold at every look",
        _ => "p-values and intervals hold at the looks of the plan",
    };
    let planned = row.looks_planned.map_or(String::new(), |planned| format!(" of {planned}"));
    match (row.look, row.look_ds) {
        (Some(look), Some(ds)) => {
            Some(format!("look {look}{planned}, {ds} · {}: {method}", row.sequential_method))
        }
        _ if row.looks_planned.is_some() || row.sequential_method != "none" => {
            Some(format!("before the first look{planned} · {}: {method}", row.sequential_method))
        }
        _ => None,
    }
}

/// What a row has besides its numbers: why there is none, the margin, the limit, the boundary.
fn note(row: &ResultRow) -> String {
    let mut notes = Vec::new();
    match row.status.as_str() {
        "ok" => notes.extend(row.rel_effect_reason.clone()),
        status => notes.push(format!("{status}: {}", row.reason.as_deref().unwrap_or("?"))),
    }
    notes.extend(words::not_mature(row));
    notes.extend(words::margin(row).map(|margin| format!("margin {margin}")));
    notes.extend(words::limit(row));
    if let (Some(z), Some(boundary)) = (row.z, row.boundary) {
        notes.push(format!("z {z:.2}, boundary {boundary:.2}"));
    }
    notes.extend(row.crossed_ds.map(|ds| format!("crossed {ds}")));
    notes.extend(words::stopped(row).map(|effect| format!("unbiased {effect}")));
    notes.join("; ")
}

/// A row for the control of each metric, and one for each variant below it.
fn table(results: &[ResultRow]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header([
        "metric",
        "role",
        "variant",
        "units",
        "value",
        "lift (interval)",
        "adjusted p",
        "",
    ]);
    for column in [3, 4, 6] {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let mut last: Option<(&str, Role)> = None;
    for row in results.iter().filter(|row| row.segment == WHOLE) {
        let (control, variant) = words::levels(row);
        if last != Some((row.metric.as_str(), row.role)) {
            let units = words::count(row.n_control);
            table.add_row([
                &row.metric,
                row.role.word(),
                &row.control,
                &units,
                &control,
                "",
                "",
                "",
            ]);
            last = Some((row.metric.as_str(), row.role));
        }
        let note = note(row);
        let (units, p) = (words::count(row.n_variant), words::adjusted_p(row));
        table.add_row(["", "", &row.variant, &units, &variant, &words::lift(row), &p, &note]);
    }
    table
}
