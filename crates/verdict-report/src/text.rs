//! What was found, for people at a terminal: checks that did not pass, each metric with its interval, the decision and its
//! reasons.

mod draw;
mod layout;
mod table;

use std::collections::BTreeMap;
use std::io::{self, Write};

use verdict_analysis::words;
use verdict_model::NaiveDate;
use verdict_model::rows::{DecisionRow, ResultRow, WHOLE};

use crate::Judged;
use crate::outlook::outlook;
use crate::state::{Progress, Tone, word};
use layout::{Paint, clean, wrapped};

/// How a terminal wants it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// How many columns it has; `None`: a file or a pipe, whose lines are as long as they are, and its tables as for
    /// 100 columns.
    pub width: Option<usize>,
    /// Whether it shows colours. They repeat what marks and words say.
    pub color: bool,
}

/// The width of tables that are written to a file or a pipe.
const ELSEWHERE: usize = 100;

/// The widths that are laid out for.
#[derive(Clone, Copy, Debug)]
struct Laid {
    lines: usize,
    tables: usize,
    color: bool,
}

/// The experiments, one after another.
///
/// # Errors
/// Writing fails.
pub fn text(out: &mut impl Write, judged: &[&Judged], style: Style) -> io::Result<()> {
    let style = Laid {
        lines: style.width.unwrap_or(usize::MAX).max(layout::LEAST),
        tables: style.width.unwrap_or(ELSEWHERE).max(layout::LEAST),
        color: style.color,
    };
    for (nth, one) in judged.iter().enumerate() {
        if nth > 0 {
            writeln!(out)?;
        }
        experiment(out, one, style)?;
    }
    Ok(())
}

fn experiment(out: &mut impl Write, judged: &Judged, style: Laid) -> io::Result<()> {
    let paint = Paint(style.color);
    let progress = Progress::of(judged).words();
    let title =
        format!("{}, as of {} · {progress}", clean(&judged.experiment.name.value), judged.as_of);
    for line in wrapped(&title, style.lines, "", "") {
        writeln!(out, "{}", paint.bold(&line))?;
    }
    writeln!(out, "{}", "─".repeat(layout::width(&title).min(style.lines)))?;
    if let Some(hypothesis) = &judged.experiment.hypothesis {
        paragraph(out, hypothesis, style)?;
    }
    if let Some(look) = judged.results.first().and_then(look) {
        paragraph(out, &look, style)?;
    }
    checks(out, judged, style)?;
    if let [first, rest @ ..] = &judged.missing_days[..] {
        let more = match rest.len() {
            0 => String::new(),
            n => format!(" and {n} more"),
        };
        let text = format!("days without statistics, which `verdict run` makes: {first}{more}");
        for line in wrapped(&text, style.lines, "warning  ", "    ") {
            writeln!(out, "{line}")?;
        }
        writeln!(out)?;
    }
    if judged.decisions.is_empty() {
        return writeln!(out, "no results up to this date: `verdict run` makes them");
    }
    table::metrics(out, judged, style)?;
    segments(out, &judged.results)?;
    for decision in &judged.decisions {
        self::decision(out, judged, decision, style)?;
    }
    if let Some(registered) = judged.registered {
        as_registered(out, registered, &judged.decisions, style)?;
    }
    let later = judged.decisions.first().map_or(&[][..], |decision| &decision.not_in_effect);
    for sentence in later {
        paragraph(out, &format!("not yet in effect: {sentence}"), style)?;
    }
    Ok(())
}

fn paragraph(out: &mut impl Write, text: &str, style: Laid) -> io::Result<()> {
    wrapped(&clean(text), style.lines, "", "").iter().try_for_each(|line| writeln!(out, "{line}"))
}

fn item(out: &mut impl Write, mark: &str, text: &str, style: Laid) -> io::Result<()> {
    let first = format!("  {mark} ");
    let rest = " ".repeat(layout::width(&first));
    wrapped(&clean(text), style.lines, &first, &rest)
        .iter()
        .try_for_each(|line| writeln!(out, "{line}"))
}

fn checks(out: &mut impl Write, judged: &Judged, style: Laid) -> io::Result<()> {
    let paint = Paint(style.color);
    let mut passed = judged.checks.len();
    for check in judged.checks.iter().filter(|check| check.status != "pass") {
        passed -= 1;
        let (mark, tone) = match check.status.as_str() {
            "fail" => ("CHECK FAILED  ", Tone::Alarm),
            _ => ("warning  ", Tone::Neutral),
        };
        let text = clean(&format!("{}: {}", check.check, check.message));
        for (nth, line) in wrapped(&text, style.lines, mark, "    ").iter().enumerate() {
            match line.strip_prefix(mark).filter(|_| nth == 0) {
                Some(rest) => writeln!(out, "{}{rest}", paint.tone(tone, mark))?,
                None => writeln!(out, "{line}")?,
            }
        }
    }
    writeln!(out, "{passed} of {} checks passed\n", judged.checks.len())
}

fn segments(out: &mut impl Write, results: &[ResultRow]) -> io::Result<()> {
    let rows = results.iter().filter(|row| row.segment != WHOLE);
    let segments: BTreeMap<&str, usize> = rows.fold(BTreeMap::new(), |mut seen, row| {
        *seen.entry(row.segment.as_str()).or_default() += 1;
        seen
    });
    for (segment, rows) in segments {
        writeln!(
            out,
            "by {}: {} rows in the table `results`",
            clean(segment),
            words::count(rows as u64)
        )?;
    }
    Ok(())
}

fn decision(
    out: &mut impl Write,
    judged: &Judged,
    decision: &DecisionRow,
    style: Laid,
) -> io::Result<()> {
    let tone = word(&decision.decision).map_or(Tone::Neutral, |word| word.tone);
    let line = clean(&format!(
        "{} against {}: {}",
        decision.variant,
        decision.control,
        headline(&decision.decision)
    ));
    writeln!(out)?;
    for line in wrapped(&line, style.lines, "", "  ") {
        writeln!(out, "{}", Paint(style.color).tone(tone, &line))?;
    }
    decision.reasons.iter().try_for_each(|reason| item(out, "•", reason, style))?;
    let outlook = outlook(judged, decision);
    if !outlook.is_empty() {
        writeln!(out, "  What would change it:")?;
        outlook.iter().try_for_each(|sentence| item(out, "→", sentence, style))?;
    }
    Ok(())
}

/// What of the plan is not as it was registered, and what it makes of the decision.
fn as_registered(
    out: &mut impl Write,
    registered: NaiveDate,
    decisions: &[DecisionRow],
    style: Laid,
) -> io::Result<()> {
    let Some(first) = decisions.first().filter(|d| !d.plan_changes.is_empty()) else {
        return Ok(());
    };
    writeln!(out, "\nthe plan is not the one registered as of {registered}:")?;
    first.plan_changes.iter().try_for_each(|change| item(out, "•", change, style))?;
    for decision in decisions {
        let variant = &decision.variant;
        let again = decision.decision_as_registered.as_deref();
        let line = match (again, &decision.as_registered_reason) {
            (Some(same), _) if same == decision.decision => {
                format!("as registered, {variant}: the same decision")
            }
            (Some(other), _) => format!("as registered, {variant}: {}", headline(other)),
            (None, Some(reason)) => {
                format!("as registered, {variant}: it cannot be told. {reason}")
            }
            (None, None) => continue,
        };
        paragraph(out, &line, style)?;
    }
    Ok(())
}

/// `SHIP (ship)`: the word, and the code by which tables and programs know it.
pub(crate) fn headline(decision: &str) -> String {
    let words = match decision {
        "stop_guardrail" => "STOP: a guardrail is violated".to_owned(),
        "invalid" => "INVALID: the checks must pass before any number can be trusted".to_owned(),
        code => match word(code) {
            Some(word) => word.headline.to_uppercase(),
            None => return code.to_owned(),
        },
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
