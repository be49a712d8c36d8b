//! The metrics of a terminal's report: a line a variant, with the interval drawn where there is room.

use std::io::{self, Write};

use verdict_analysis::words;
use verdict_model::Role;
use verdict_model::rows::ResultRow;

use super::draw;
use super::layout::{Paint, clean, left, right, width, wrapped};
use super::{Judged, Laid};
use crate::finding::{Finding, finding, relative};
use crate::plot::interval::Interval;
use crate::plot::scale::comparable;

/// A drawing narrower than this tells nothing; one wider than this tells no more.
const DRAWN: std::ops::RangeInclusive<usize> = 21..=48;
/// A name longer than this has a line of its own.
const LONGEST_NAME: usize = 20;
/// More categories than this are not read one by one.
const MOST_SHARES: usize = 12;
/// The width of a share, `100.00%`.
const SHARE: usize = 7;
/// The width of a difference of shares, `+100.00 points`.
const DIFFERENCE: usize = 14;

/// A line: a control, or a variant with its comparison.
struct Line<'a> {
    row: &'a ResultRow,
    name: String,
    units: String,
    value: String,
    lift: String,
    p: String,
    found: Option<(Finding, Interval)>,
}

/// Widths of the columns, but for the drawing.
struct Widths {
    name: usize,
    units: usize,
    value: usize,
    lift: usize,
    p: usize,
    finding: usize,
    /// Whether the lift stands below its line, since it does not fit beside it.
    lift_below: bool,
    drawn: Option<usize>,
}

pub(super) fn metrics(out: &mut impl Write, judged: &Judged, style: Laid) -> io::Result<()> {
    for (role, title) in [
        (Role::Primary, "primary metric"),
        (Role::Guardrail, "guardrails"),
        (Role::Secondary, "secondary metrics"),
    ] {
        let rows: Vec<&ResultRow> = judged.whole(role).collect();
        if rows.is_empty() {
            continue;
        }
        if role != Role::Primary {
            writeln!(out)?;
        }
        let lines = lines(judged, &rows);
        let widths = Widths::of(&lines, style.tables);
        let intervals: Vec<&Interval> =
            lines.iter().filter_map(|line| Some(&line.found.as_ref()?.1)).collect();
        let spans: Vec<_> = intervals.iter().map(|interval| interval.span()).collect();
        let marks: Vec<f64> = intervals.iter().filter_map(|interval| interval.mark).collect();
        let known = intervals.iter().any(|interval| interval.estimate.is_some());
        let domain = comparable(&spans, &marks).filter(|_| known);
        let scale = domain
            .zip(widths.drawn)
            .map(|(domain, columns)| (draw::scale(domain, columns), columns));
        let axis =
            scale.as_ref().map_or(String::new(), |(scale, columns)| draw::axis(scale, *columns));
        writeln!(out, "{}", widths.head(title, &axis).trim_end())?;
        let mut last = None;
        for line in &lines {
            if last != Some(line.row.metric.as_str()) {
                let name = clean(&line.row.metric);
                wrapped(&name, style.tables, "  ", "  ")
                    .iter()
                    .try_for_each(|name| writeln!(out, "{name}"))?;
                last = Some(line.row.metric.as_str());
            }
            let drawn =
                line.found.as_ref().zip(scale.as_ref()).map(|((_, interval), (scale, columns))| {
                    draw::interval(scale, interval, *columns)
                });
            widths.write(out, line, drawn.as_deref(), style)?;
        }
        rows.iter().try_for_each(|row| shares(out, row, style))?;
    }
    Ok(())
}

/// The largest shares of a categorical metric, a line each.
fn shares(out: &mut impl Write, row: &ResultRow, style: Laid) -> io::Result<()> {
    let shares = words::shares(row);
    let shown = &shares[..shares.len().min(MOST_SHARES)];
    if shown.is_empty() {
        return Ok(());
    }
    let heading = format!(
        "shares of {}: {} of {}, {} of {}",
        row.metric,
        words::counted(row.n_control, "unit"),
        row.control,
        words::counted(row.n_variant, "unit"),
        row.variant
    );
    writeln!(out)?;
    wrapped(&clean(&heading), style.tables, "  ", "  ")
        .iter()
        .try_for_each(|line| writeln!(out, "{line}"))?;
    let indent = " ".repeat(INDENT);
    for share in shown {
        let numbers = format!(
            "{indent}{} → {}  {}  ",
            right(&share.control, SHARE),
            right(&share.variant, SHARE),
            right(&share.difference, DIFFERENCE)
        );
        let rest = " ".repeat(INDENT + 2);
        wrapped(&clean(&share.category), style.tables, &numbers, &rest)
            .iter()
            .try_for_each(|line| writeln!(out, "{line}"))?;
    }
    let left = shares.len() - shown.len();
    if left > 0 {
        writeln!(out, "{indent}and {left} more in the table `results`")?;
    }
    Ok(())
}

/// For each metric its control and then its variants.
fn lines<'a>(judged: &Judged, rows: &[&'a ResultRow]) -> Vec<Line<'a>> {
    let mut lines = Vec::new();
    let mut last = None;
    for row in rows.iter().copied() {
        let (control, variant) = words::levels(row);
        if last != Some(row.metric.as_str()) {
            last = Some(row.metric.as_str());
            lines.push(Line {
                row,
                name: clean(&row.control),
                units: words::count(row.n_control),
                value: control,
                lift: String::new(),
                p: String::new(),
                found: None,
            });
        }
        lines.push(Line {
            row,
            name: clean(&row.variant),
            units: words::count(row.n_variant),
            value: variant,
            lift: words::lift(row),
            p: words::adjusted_p(row),
            found: Some((finding(&judged.experiment, row), relative(&judged.experiment, row))),
        });
    }
    lines
}

const GAP: usize = 2;
const INDENT: usize = 4;

impl Widths {
    fn of(lines: &[Line<'_>], available: usize) -> Widths {
        let most = |of: &dyn Fn(&Line<'_>) -> usize, least: usize| {
            lines.iter().map(of).fold(least, usize::max)
        };
        let short =
            |line: &Line<'_>| Some(width(&line.name)).filter(|w| *w <= LONGEST_NAME).unwrap_or(0);
        let brief = |line: &Line<'_>| {
            line.found.as_ref().map_or(0, |(finding, _)| width(&finding.words)).min(LONGEST_NAME)
        };
        let mut widths = Widths {
            name: most(&short, 12),
            units: most(&|line| width(&line.units), 5),
            value: most(&|line| width(&line.value), 5),
            lift: most(&|line| width(&line.lift), 17),
            p: most(&|line| width(&line.p), 10),
            finding: most(&brief, 0) + 2,
            lift_below: false,
            drawn: None,
        };
        if widths.total() > available {
            widths.finding = 1;
        }
        if widths.total() > available {
            widths.lift_below = true;
        }
        let left = available.saturating_sub(widths.total() + GAP);
        if widths.finding > 1 && !widths.lift_below && DRAWN.contains(&left.min(*DRAWN.end())) {
            widths.drawn = Some(left.min(*DRAWN.end()));
        }
        widths
    }

    fn total(&self) -> usize {
        let lift = if self.lift_below { 0 } else { self.lift + GAP };
        INDENT
            + self.name
            + GAP
            + self.units
            + GAP
            + self.value
            + GAP
            + lift
            + self.p
            + GAP
            + self.finding
    }

    fn head(&self, title: &str, axis: &str) -> String {
        let lift = if self.lift_below {
            String::new()
        } else {
            format!("{}{}", " ".repeat(GAP), left("change (interval)", self.lift))
        };
        format!(
            "{}  {}  {}{lift}  {}  {}  {axis}",
            left(title, INDENT + self.name),
            right("units", self.units),
            right("value", self.value),
            right("adjusted p", self.p),
            " ".repeat(self.finding),
        )
    }

    fn write(
        &self,
        out: &mut impl Write,
        line: &Line<'_>,
        drawn: Option<&str>,
        style: Laid,
    ) -> io::Result<()> {
        let indent = " ".repeat(INDENT);
        let name = if width(&line.name) > self.name {
            wrapped(&line.name, style.tables, &indent, &indent)
                .iter()
                .try_for_each(|name| writeln!(out, "{name}"))?;
            ""
        } else {
            &line.name
        };
        let mut text = format!(
            "{indent}{}  {}  {}",
            left(name, self.name),
            right(&line.units, self.units),
            right(&line.value, self.value)
        );
        let Some((finding, _)) = &line.found else { return writeln!(out, "{}", text.trim_end()) };
        if !self.lift_below {
            text.push_str(&format!("  {}", left(&line.lift, self.lift)));
        }
        text.push_str(&format!("  {}  ", right(&line.p, self.p)));
        let fits = self.finding > 1 && width(&finding.words) + 2 <= self.finding;
        let said = if fits {
            format!("{} {}", finding.mark(), finding.words)
        } else {
            finding.mark().to_owned()
        };
        text.push_str(&Paint(style.color).found(finding.tone, &left(&said, self.finding)));
        if let Some(drawn) = drawn {
            text.push_str(&format!("  {drawn}"));
        }
        writeln!(out, "{}", text.trim_end())?;
        let below = [
            (self.lift_below && !line.lift.is_empty()).then(|| line.lift.clone()),
            (!fits).then(|| finding.words.clone()),
            note(line.row),
        ];
        let below: Vec<String> = below.into_iter().flatten().collect();
        if below.is_empty() {
            return Ok(());
        }
        let indent = " ".repeat(INDENT + 2);
        let below = below.join("; ");
        wrapped(&clean(&below), style.tables, &indent, &indent)
            .iter()
            .try_for_each(|line| writeln!(out, "{line}"))
    }
}

/// What a row has besides its numbers: why there is no relative effect, the margin, the limit, the boundary.
fn note(row: &ResultRow) -> Option<String> {
    let mut notes = Vec::new();
    let reason = row.rel_effect_reason.as_deref().filter(|_| row.status == "ok");
    notes.extend(reason.map(|reason| {
        format!("no relative effect: {}", verdict_analysis::judge::reason_in_words(reason))
    }));
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
    notes.extend(words::adjustment(row).map(|adjustment| adjustment.in_short()));
    (!notes.is_empty()).then(|| notes.join("; "))
}
