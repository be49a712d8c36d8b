//! A plan for people.

use super::{Answer, Chars, Correction, Formula, Metric, Objective, Plan, Question, curve_text};
use crate::methods::guardrail::{Better, Margin};
use crate::methods::power::Sides;
use crate::words::{count, counted, number, percent, short};

impl Plan {
    /// The plan in words, its figures by formula, and the power curve that fits the question.
    #[must_use]
    pub fn text(&self, chars: Chars) -> String {
        let mut text = format!("{}\n\n{}", self.question(), self.figures());
        for (i, note) in self.notes().into_iter().enumerate() {
            let gap = if i == 0 { "\n" } else { "" };
            text.push_str(&format!("{gap}{note}\n"));
        }
        let asks_effect = matches!(self.request.question, Question::Mde { .. });
        let (points, label) = if asks_effect {
            let scale = self.scale();
            (
                self.power_by_effect.iter().map(|(x, y)| (x * scale, *y)).collect(),
                self.effect_label(),
            )
        } else {
            (self.power_by_units.clone(), "units in all")
        };
        let points: Vec<(f64, f64)> = points;
        let curve = curve_text(&points, self.power_per_comparison, label, chars);
        if !curve.is_empty() {
            text.push_str(&format!("\nPower\n{curve}"));
        }
        text
    }

    /// What is planned, in one sentence.
    fn question(&self) -> String {
        let request = &self.request;
        let metric = match request.metric {
            Metric::Proportion { baseline } => format!("A proportion of {}", percent(baseline)),
            Metric::Mean { mean: Some(mean), sd } => {
                format!("A mean of {} with standard deviation {}", short(mean), short(sd))
            }
            Metric::Mean { mean: None, sd } => {
                format!("A mean with standard deviation {}", short(sd))
            }
            Metric::Ratio { mean_num, mean_den, .. } => {
                format!("A ratio of {} to {}", short(mean_num), short(mean_den))
            }
        };
        let effect = self.answers.first().map_or_else(String::new, |answer| self.effect(answer));
        let alpha = percent(request.alpha);
        let sides = match (request.sides, request.objective) {
            (Sides::Two, Objective::Difference) => "two-sided",
            _ => "one-sided",
        };
        let power = percent(request.power);
        let aim = match request.objective {
            Objective::Difference => format!("an effect of {effect}"),
            Objective::NonInferiority { margin, better, .. } => {
                let worse = match better {
                    Better::Higher => "lower",
                    Better::Lower => "higher",
                };
                let margin = match margin {
                    Some(Margin::Absolute(margin)) => self.difference(margin),
                    Some(Margin::Relative(share)) => percent(share),
                    None => effect.clone(),
                };
                format!(
                    "that it is not {worse} by more than {margin} (the true effect being {effect})"
                )
            }
        };
        let aim = match (request.question, request.objective) {
            (Question::Mde { .. }, Objective::NonInferiority { .. }) => {
                format!("a margin of {effect} is the smallest that can be shown")
            }
            (Question::Mde { .. }, Objective::Difference) => {
                format!("{effect} is the smallest effect that is detected")
            }
            (_, Objective::Difference) => format!("to detect {aim}"),
            (_, Objective::NonInferiority { .. }) => format!("to show {aim}"),
        };
        let level = format!("alpha {alpha}, {sides}");
        match request.question {
            Question::Power { units } => {
                let units = counted(units, "unit");
                format!("{metric}, {aim}: the power of {units} ({level})")
            }
            Question::Mde { units } => {
                let units = counted(units, "unit");
                format!("{metric}: with {units} {aim} with power {power} ({level})")
            }
            Question::SampleSize | Question::Duration => {
                format!("{metric}, {aim} with power {power} ({level})")
            }
        }
    }

    /// The figures, a row for each formula.
    fn figures(&self) -> String {
        let mut header = vec!["formula".to_owned(), "control".to_owned()];
        let treatments = self.request.split.len() - 1;
        let name = |i: usize| {
            if treatments == 1 { "treatment".to_owned() } else { format!("treatment {i}") }
        };
        header.extend((1..=treatments).map(name));
        header.extend(["total".to_owned(), "power".to_owned()]);
        let label = self.effect_label();
        header.push(label.strip_suffix(" in points").unwrap_or(label).to_owned());
        let with_days = self.answers.iter().any(|answer| answer.days.is_some());
        if with_days {
            header.push("days".to_owned());
        }
        let mut rows = vec![header];
        for answer in &self.answers {
            let mut row = vec![said(answer.formula).to_owned()];
            row.extend(answer.units.iter().map(|n| count(*n)));
            row.push(count(answer.total));
            row.push(format!("{}%", number(100.0 * answer.power, 1)));
            row.push(self.effect(answer));
            if with_days {
                row.push(answer.days.map_or_else(String::new, |days| number(days, 0)));
            }
            rows.push(row);
        }
        aligned(&rows)
    }

    /// `+10% (+0.32 points)`; the way down beside it where it differs.
    fn effect(&self, answer: &Answer) -> String {
        let signed = |text: String, value: f64| if value > 0.0 { format!("+{text}") } else { text };
        let absolute = |value: f64| signed(self.difference(value), value);
        let shown = match answer.effect_rel {
            Some(share) => {
                let relative = signed(format!("{}%", brief(100.0 * share)), share);
                format!("{relative} ({})", absolute(answer.effect))
            }
            None => absolute(answer.effect),
        };
        match answer.effect_down {
            Some(down) if down != answer.effect => format!("{shown} or {}", absolute(down)),
            _ => shown,
        }
    }

    /// A difference in the metric's unit; of proportions in points.
    fn difference(&self, value: f64) -> String {
        let shown = brief(self.scale() * value);
        match self.request.metric {
            Metric::Proportion { .. } if shown == "1" => format!("{shown} point"),
            Metric::Proportion { .. } => format!("{shown} points"),
            _ => shown,
        }
    }

    /// What differences are multiplied with to be shown.
    fn scale(&self) -> f64 {
        match self.request.metric {
            Metric::Proportion { .. } => 100.0,
            _ => 1.0,
        }
    }

    /// What the effect is called in the figures and below the curve.
    fn effect_label(&self) -> &'static str {
        let is_rate = matches!(self.request.metric, Metric::Proportion { .. });
        match (self.request.objective, self.request.question) {
            (Objective::Difference, _) if is_rate => "effect in points",
            (Objective::Difference, _) => "effect",
            (Objective::NonInferiority { .. }, Question::Mde { .. }) if is_rate => {
                "margin in points"
            }
            (Objective::NonInferiority { .. }, Question::Mde { .. }) => "margin",
            (Objective::NonInferiority { .. }, _) => "true effect",
        }
    }

    /// What the figures rest on, where that is not plain.
    fn notes(&self) -> Vec<String> {
        let request = &self.request;
        let mut notes = Vec::new();
        if self.comparisons > 1 && request.correction != Correction::None {
            let how = match request.correction {
                Correction::Sidak => "Šidák",
                Correction::None | Correction::Bonferroni => "Bonferroni",
            };
            notes.push(format!(
                "{} comparisons share alpha: {} each ({how}).",
                self.comparisons,
                percent(self.alpha_per_comparison)
            ));
        }
        if request.split.len() > 2 || request.split.windows(2).any(|pair| pair[0] != pair[1]) {
            notes.push(
                "The power is that of the smallest treatment against the control.".to_owned(),
            );
        }
        if let Objective::NonInferiority { guardrails, .. } = request.objective
            && guardrails > 1
        {
            notes.push(format!(
                "{guardrails} guardrails must all pass: each is planned with power {}, none with a smaller alpha.",
                percent(self.power_per_comparison)
            ));
        }
        if request.correlation != 0.0 {
            notes.push(format!(
                "A covariate of correlation {} leaves {} of the variance.",
                short(request.correlation),
                percent((1.0 - request.correlation) * (1.0 + request.correlation))
            ));
        }
        if self.answers.iter().any(|answer| answer.days.is_some()) {
            notes.push("Round days up to whole weeks: weekdays differ.".to_owned());
        }
        if self.answers.iter().any(|answer| answer.formula == Formula::ExactBinomial) {
            let what = "the power of the same plan, counted without approximation".to_owned();
            notes.push(format!("The exact binomial row is {what}."));
        }
        notes
    }
}

fn said(formula: Formula) -> &'static str {
    match formula {
        Formula::NormalApproximation => "normal approximation",
        Formula::NoncentralT => "noncentral t (exact)",
        Formula::ExactBinomial => "binomial (exact)",
    }
}

/// Three digits, or as many as stand before the point.
fn brief(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return number(value, 0);
    }
    let decimals = (2.0 - value.abs().log10().floor()).clamp(0.0, 9.0) as usize;
    let text = number(value, decimals);
    text.replace(',', "").parse().map_or(text, short)
}

/// Rows in columns: the first to the left, numbers to the right.
fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |i: usize| rows.iter().filter_map(|r| r.get(i)).map(|c| c.chars().count()).max();
    let widths: Vec<usize> = (0..columns).map(|i| width(i).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(i, cell)| {
            let space = " ".repeat(widths[i] - cell.chars().count());
            if i == 0 { format!("{cell}{space}") } else { format!("{space}{cell}") }
        });
        format!("{}\n", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}
