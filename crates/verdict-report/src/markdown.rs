//! What was found, for chat and pull requests.

use std::io::{self, Write};

use verdict_analysis::words;
use verdict_model::Role;
use verdict_model::rows::ResultRow;

use crate::Judged;
use crate::finding::finding;
use crate::outlook::outlook;
use crate::state::{Progress, Tone, word};

/// The experiments, one after another: headings, a table, lists.
///
/// # Errors
/// Writing fails.
pub fn markdown(out: &mut impl Write, judged: &[&Judged]) -> io::Result<()> {
    for (nth, one) in judged.iter().enumerate() {
        if nth > 0 {
            writeln!(out)?;
        }
        experiment(out, one)?;
    }
    Ok(())
}

fn experiment(out: &mut impl Write, judged: &Judged) -> io::Result<()> {
    let progress = Progress::of(judged).words();
    writeln!(
        out,
        "## {}\n\nAs of {}, {progress}.",
        plain(&judged.experiment.name.value),
        judged.as_of
    )?;
    if let Some(hypothesis) = &judged.experiment.hypothesis {
        writeln!(out, "\n> {}", plain(hypothesis))?;
    }
    for decision in &judged.decisions {
        let known = word(&decision.decision);
        let (mark, words) = known.map_or_else(
            || (Tone::Neutral.mark(), &*decision.decision),
            |w| (w.tone.mark(), w.headline),
        );
        writeln!(
            out,
            "\n**{} against {}: {mark} {words}** (`{}`)\n",
            plain(&decision.variant),
            plain(&decision.control),
            decision.decision
        )?;
        for reason in &decision.reasons {
            writeln!(out, "- {}", prose(reason))?;
        }
        for sentence in outlook(judged, decision) {
            writeln!(out, "- *What would change it:* {}", prose(&sentence))?;
        }
    }
    if judged.decisions.is_empty() {
        writeln!(out, "\nNo results up to this date: `verdict run` makes them.")?;
    }
    checks(out, judged)?;
    table(out, judged)?;
    let changes = judged.decisions.first().map_or(&[][..], |decision| &decision.plan_changes);
    if !changes.is_empty() {
        writeln!(out, "\nThe plan is not as it was registered:\n")?;
        changes.iter().try_for_each(|change| writeln!(out, "- {}", plain(change)))?;
    }
    Ok(())
}

fn checks(out: &mut impl Write, judged: &Judged) -> io::Result<()> {
    if judged.checks.is_empty() {
        return Ok(());
    }
    let passed = judged.checks.iter().filter(|check| check.status == "pass").count();
    writeln!(out, "\n{passed} of {} checks passed.", judged.checks.len())?;
    let attention: Vec<_> = judged.checks.iter().filter(|check| check.status != "pass").collect();
    if !attention.is_empty() {
        writeln!(out)?;
    }
    for check in attention {
        let mark = if check.status == "fail" { "✕ failed" } else { "! warning" };
        writeln!(out, "- **{mark}: {}** {}", plain(&check.check), prose(&check.message))?;
    }
    Ok(())
}

fn table(out: &mut impl Write, judged: &Judged) -> io::Result<()> {
    let rows: Vec<&ResultRow> = [Role::Primary, Role::Guardrail, Role::Secondary]
        .into_iter()
        .flat_map(|role| judged.whole(role))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n| metric | role | variant | units | control | variant's | change (interval) | adjusted p | finding |"
    )?;
    writeln!(out, "| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |")?;
    for row in &rows {
        let (control, variant) = words::levels(row);
        let found = finding(&judged.experiment, row);
        let resampled = words::resampled(row).map_or(String::new(), |how| format!(" ({how})"));
        let cells = [
            plain(&row.metric),
            row.role.word().to_owned(),
            plain(&row.variant),
            format!("{} / {}", words::count(row.n_control), words::count(row.n_variant)),
            control,
            variant,
            words::lift(row),
            words::adjusted_p(row).replace('<', "&lt;"),
            format!("{} {}{}", found.mark(), plain(&found.words), plain(&resampled)),
        ];
        writeln!(out, "| {} |", cells.join(" | "))?;
    }
    let adjusted: Vec<String> = rows
        .iter()
        .filter_map(|row| Some((row, words::adjustment(row)?)))
        .map(|(row, told)| {
            format!(
                "{} of {}: {}",
                plain(&row.metric),
                plain(&row.variant),
                plain(&told.in_short())
            )
        })
        .collect();
    if !adjusted.is_empty() {
        writeln!(out)?;
    }
    adjusted.iter().try_for_each(|line| writeln!(out, "- {line}"))?;
    rows.iter().try_for_each(|row| shares(out, row))
}

/// More categories than this are not read one by one.
const MOST_SHARES: usize = 12;

/// The largest shares of a categorical metric.
fn shares(out: &mut impl Write, row: &ResultRow) -> io::Result<()> {
    let shares = words::shares(row);
    if shares.is_empty() {
        return Ok(());
    }
    let test = words::chi_squared(row).map_or(String::new(), |test| format!(" ({test})"));
    writeln!(
        out,
        "\nShares of {}, {} against {}{test}:\n",
        plain(&row.metric),
        plain(&row.variant),
        plain(&row.control)
    )?;
    writeln!(out, "| category | control | units | variant's | units | difference |")?;
    writeln!(out, "| --- | ---: | ---: | ---: | ---: | ---: |")?;
    for share in shares.iter().take(MOST_SHARES) {
        let cells = [
            &plain(&share.category),
            &share.control,
            &share.control_units,
            &share.variant,
            &share.variant_units,
            &share.difference,
        ];
        writeln!(out, "| {} |", cells.map(String::as_str).join(" | "))?;
    }
    let left = shares.len().saturating_sub(MOST_SHARES);
    if left > 0 {
        writeln!(out, "\nAnd {left} more in the table `results`.")?;
    }
    Ok(())
}

/// A sentence of the tables: what stands between backticks is code, where it is a key or a setting.
fn prose(text: &str) -> String {
    let quoted: Vec<&str> = text.split('`').collect();
    let is_key = |part: &&str| {
        let known = |c: char| c.is_ascii_alphanumeric() || "_.:,-={}[] ".contains(c);
        !part.is_empty() && part.chars().all(known)
    };
    if quoted.len().is_multiple_of(2) || !quoted.iter().skip(1).step_by(2).all(is_key) {
        return plain(text);
    }
    let part = |(nth, part): (usize, &&str)| match nth % 2 {
        0 => plain(part),
        _ => format!("`{part}`"),
    };
    quoted.iter().enumerate().map(part).collect()
}

/// A text that means nothing but itself: what would begin markup, a table's cell or a line is escaped.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '!' => out.extend(['\\', c]),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            // Nobody is called by a name in a log.
            '@' => out.push_str("@\u{200b}"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{plain, prose};

    #[test]
    fn keys_of_a_sentence_are_code_and_names_are_not() {
        let told = prose("`a_b` or cap c_d (`winsorize: {upper: 1}`)");
        assert_eq!(told, "`a_b` or cap c\\_d (`winsorize: {upper: 1}`)");
        assert_eq!(prose("one ` alone"), "one \\` alone");
        assert_eq!(prose("`<img>` x"), "\\`&lt;img&gt;\\` x");
        assert_eq!(prose(""), "");
    }

    #[test]
    fn names_are_no_markup() {
        assert_eq!(plain("a|b_c*<i>`x`\n"), "a\\|b\\_c\\*&lt;i&gt;\\`x\\` ");
        assert_eq!(plain("[x](y)"), "\\[x\\](y)");
    }
}
