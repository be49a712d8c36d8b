//! A simulation for people.

use std::fmt::Write as _;

use crate::effect::Size;
use crate::rate::Rate;
use crate::simulation::{Simulation, Test};

impl Simulation {
    /// The simulation as text, in lines of up to about 110 characters.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        // Writing to a string does not fail.
        let _ = self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) -> std::fmt::Result {
        let planned = self.looks.last().copied().unwrap_or(0);
        writeln!(
            out,
            "{}: {} experiments (seed {}) of {} units a day; {} over {} days; sequential method {}",
            self.experiment,
            self.runs.experiments,
            self.runs.seed,
            (self.units_per_day * 10.0).round() / 10.0,
            counted(self.looks.len(), "look"),
            planned,
            self.method,
        )?;
        writeln!(
            out,
            "decided after {:.1} days on average, half of them within {}\n",
            self.duration.mean_days, self.duration.median_days
        )?;
        self.decisions(out)?;
        self.tests(out)?;
        self.families(out)?;
        self.days(out)
    }

    fn decisions(&self, out: &mut String) -> std::fmt::Result {
        let mut rows = vec![
            ["variant", "decision", "share", "95% interval", "first reasons"].map(str::to_owned),
        ];
        for variant in &self.variants {
            let mut name = &*variant.variant;
            for decided in &variant.decisions {
                let mut reasons: Vec<_> = decided.reasons.iter().collect();
                reasons.sort_by_key(|(_, rate)| std::cmp::Reverse(rate.count));
                let reasons: Vec<String> = reasons
                    .iter()
                    .take(3)
                    .map(|(code, rate)| format!("{code} {}", percent(rate.rate)))
                    .collect();
                let [share, interval] = shown(&decided.rate);
                rows.push([
                    name.to_owned(),
                    decided.decision.clone(),
                    share,
                    interval,
                    reasons.join(", "),
                ]);
                name = "";
            }
        }
        table(out, &rows)
    }

    fn tests(&self, out: &mut String) -> std::fmt::Result {
        let head = [
            "metric",
            "role",
            "variant",
            "effect",
            "significant at some look",
            "95% interval",
            "mean days",
        ];
        let mut rows = vec![head.map(str::to_owned)];
        for test in &self.tests {
            let [share, interval] = shown(&test.significant);
            let what = if test.effect.is_some() { "power" } else { "false positives" };
            rows.push([
                test.metric.clone(),
                test.role.word().to_owned(),
                test.variant.clone(),
                effect(test),
                format!("{share} {what}"),
                interval,
                format!("{:.1}", test.mean_days),
            ]);
        }
        table(out, &rows)
    }

    fn families(&self, out: &mut String) -> std::fmt::Result {
        for family in self.families.iter().filter(|family| family.without_effect > 1) {
            let Some(rate) = &family.any_false else { continue };
            let [share, interval] = shown(rate);
            writeln!(
                out,
                "any of the {} {} tests without an effect, at {}: {share} ({interval})",
                family.without_effect,
                family.role.word(),
                percent(family.alpha),
            )?;
        }
        Ok(())
    }

    /// Day by day: decided by then, and the primary metric significant by then, in the first variant.
    fn days(&self, out: &mut String) -> std::fmt::Result {
        let Some(primary) = self.tests.first() else { return Ok(()) };
        let title = format!("{} significant by then ({})", primary.metric, primary.variant);
        writeln!(out)?;
        let mut rows = vec![["day".to_owned(), "decided by then".to_owned(), title]];
        let mut ended = 0;
        let looks = self.looks.iter().zip(&self.duration.ended).zip(&primary.by_look);
        for ((day, count), significant) in looks {
            ended += count;
            let ended = percent(ended as f64 / self.runs.experiments as f64);
            rows.push([day.to_string(), ended, percent(*significant)]);
        }
        table(out, &rows)
    }
}

fn effect(test: &Test) -> String {
    match test.effect {
        None => "none".to_owned(),
        Some(Size::Relative(by)) => format!("{:+}%", (by * 1e6).round() / 1e4),
        Some(Size::Absolute(by)) => format!("{by:+}"),
    }
}

fn counted(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

fn percent(share: f64) -> String {
    format!("{:.2}%", 100.0 * share)
}

fn shown(rate: &Rate) -> [String; 2] {
    let interval = format!("{} to {}", percent(rate.lower), percent(rate.upper));
    [percent(rate.rate), interval]
}

/// Columns under their heads, two spaces apart, and an empty line.
fn table<const N: usize>(out: &mut String, rows: &[[String; N]]) -> std::fmt::Result {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    writeln!(out)
}
