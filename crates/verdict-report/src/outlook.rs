//! What would change a decision: what it waits for, and how far away that is.

use verdict_analysis::methods::special::norm_isf;
use verdict_analysis::words;
use verdict_model::Direction;
use verdict_model::rows::{DecisionRow, ResultRow};

use crate::Judged;
use crate::finding::target_absolute;
use crate::plot::dates::long;
use crate::state::Progress;

/// Sentences, the nearest change first; empty for a decision that this version does not know.
pub(crate) fn outlook(judged: &Judged, decision: &DecisionRow) -> Vec<String> {
    let case = Case {
        judged,
        decision,
        row: judged.primary_of(&decision.variant),
        progress: Progress::of(judged),
    };
    let mut sentences = case.by_decision();
    if let Some(other) =
        decision.decision_as_registered.as_deref().filter(|d| *d != decision.decision)
    {
        sentences.push(format!("Under the plan as it was registered the decision is `{other}`."));
    }
    sentences
}

struct Case<'a> {
    judged: &'a Judged,
    decision: &'a DecisionRow,
    row: Option<&'a ResultRow>,
    progress: Progress,
}

impl Case<'_> {
    fn has(&self, code: &str) -> bool {
        self.decision.reason_codes.iter().any(|c| c == code)
    }

    fn by_decision(&self) -> Vec<String> {
        match self.decision.decision.as_str() {
            "invalid" => vec![
                "The failed check has to pass: its message says what would mend it. Until then no effect, large or small, \
                 decides anything."
                    .to_owned(),
            ],
            "stop_guardrail" | "dont_ship" => self.against(),
            "continue" => self.waiting(),
            "inconclusive" => self.inconclusive(),
            "stat_sig_not_practical" => vec![
                "A larger gain would; so would a smaller effect of interest, as the plan of a new experiment. Lowering it \
                 now, with the result known, would not be a test."
                    .to_owned(),
            ],
            "ship" => self.shipped(),
            _ => Vec::new(),
        }
    }

    fn against(&self) -> Vec<String> {
        if self.has("guardrail_violated") {
            let stays = if self.is_sequential() {
                "Once violated, a guardrail stays violated in this experiment. "
            } else {
                ""
            };
            return vec![format!(
                "{stays}A variant without that harm would, as an experiment of its own."
            )];
        }
        if self.has("primary_worse") {
            return vec![
                "A variant that is not worse would, as an experiment of its own.".to_owned(),
            ];
        }
        if self.has("non_inferiority_not_shown") {
            return vec![
                "An interval of that guardrail that excludes a loss of its margin would: more units make it narrower."
                    .to_owned(),
            ];
        }
        Vec::new()
    }

    fn waiting(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        let settings = &self.judged.experiment.settings;
        if self.has("before_min_duration")
            && let (Some(min), Some(day)) = (settings.min_duration_days, self.progress.day)
        {
            let days = i64::from(min) - day;
            let on = u64::try_from(days)
                .ok()
                .and_then(|d| self.judged.as_of.checked_add_days(chrono::Days::new(d)));
            let on = on.map_or(String::new(), |on| format!(": {}", long(on)));
            let s = if days == 1 { "" } else { "s" };
            sentences
                .push(format!("The first day on which it may be decided, in {days} day{s}{on}."));
        }
        if self.has("before_planned_end")
            && let Some(last) = self.progress.last
        {
            sentences.push(format!("The test on {}{}.", long(last), self.in_days()));
            return sentences;
        }
        if let Some((z, boundary)) = self.row.and_then(|row| row.z.zip(row.boundary)) {
            sentences.push(format!(
                "A boundary that is crossed at a later look: z is {z:.2} now, and it takes {boundary:.2} at this one."
            ));
        } else if self.has("boundary_not_crossed") || self.has("boundary_crossed_before") {
            sentences.push("An interval at a later look that excludes no difference.".to_owned());
        }
        if self.has("mde_within_interval") {
            sentences.push(
                "An interval whose nearer end reaches the smallest effect of interest: more units make it narrower."
                    .to_owned(),
            );
        }
        if self.has("non_inferiority_not_shown") {
            sentences.push("A guardrail that is shown to be within its margin.".to_owned());
        }
        if let Some(last) =
            self.progress.last.filter(|_| self.progress.left.is_some_and(|left| left > 0))
        {
            sentences.push(format!(
                "The planned end on {}{}: without a finding by then it is inconclusive.",
                long(last),
                self.in_days()
            ));
        }
        if sentences.is_empty() {
            sentences.push("More units and days: it is judged anew at every look.".to_owned());
        }
        sentences
    }

    fn inconclusive(&self) -> Vec<String> {
        let mut sentences = Vec::new();
        if self.has("mde_excluded") {
            sentences.push(
                "Hardly more units: an effect of the smallest size of interest is excluded already.".to_owned(),
            );
        } else if let Some(units) = self.units_needed() {
            sentences.push(units);
        }
        if sentences.is_empty() {
            sentences.push(
                "A new experiment with more units, or with a metric that varies less.".to_owned(),
            );
        }
        sentences
    }

    /// How many units would have found the smallest effect of interest: information grows with them.
    fn units_needed(&self) -> Option<String> {
        let row = self.row?;
        let target = target_absolute(&self.judged.experiment, row)?.abs();
        let achievable = achievable(self.judged, row)?;
        let n = row.n_variant.min(row.n_control) as f64;
        let needed = n * (achievable / target).powi(2);
        if !(needed.is_finite() && needed > n) {
            return None;
        }
        let rounded = words::significant_digits(needed, 2);
        Some(format!(
            "More units: about {} a variant (now {}) would find the smallest effect of interest with a power of {}.",
            words::number(rounded, 0),
            words::count(row.n_variant.min(row.n_control)),
            words::percent(self.judged.experiment.settings.power)
        ))
    }

    fn shipped(&self) -> Vec<String> {
        let open = self.progress.left.is_none_or(|left| left > 0);
        let mut sentences = Vec::new();
        if open && self.is_sequential() {
            sentences.push(
                "A later look at which a guardrail is violated, a check fails, or the interval includes no difference again."
                    .to_owned(),
            );
        }
        let side = self.row.map(|row| match row.direction == Direction::Decrease.word() {
            true => row.rel_effect_ci_upper.map(f64::abs),
            false => row.rel_effect_ci_lower,
        });
        if let Some(least) = side.flatten().filter(|_| self.has("mde_within_interval")) {
            sentences.push(format!(
                "Who needs more than a gain of {} should gather more: it is what the interval promises.",
                words::percent(words::significant_digits(least, 2))
            ));
        }
        if sentences.is_empty() {
            let ended = self.progress.left.is_some_and(|left| left <= 0);
            let why = if ended {
                "the experiment has ended"
            } else {
                "it is tested once, and this was the test"
            };
            sentences.push(format!("Nothing that is planned: {why}."));
        }
        sentences
    }

    fn is_sequential(&self) -> bool {
        self.judged.experiment.is_sequential()
    }

    fn in_days(&self) -> String {
        match self.progress.left {
            Some(1) => ", in 1 day".to_owned(),
            Some(left) if left > 1 => format!(", in {left} days"),
            _ => String::new(),
        }
    }
}

/// The difference that what was gathered finds with the planned power, in the metric's unit: what the test holds an effect
/// against, and the same again for the power.
pub(crate) fn achievable(judged: &Judged, row: &ResultRow) -> Option<f64> {
    let settings = &judged.experiment.settings;
    let bound = bound(judged, row)?;
    let effect = (bound + norm_isf(1.0 - settings.power)) * row.effect_std_error?;
    (effect.is_finite() && effect > 0.0).then_some(effect)
}

/// What |z| has to reach.
pub(crate) fn bound(judged: &Judged, row: &ResultRow) -> Option<f64> {
    let bound = row.boundary.unwrap_or_else(|| norm_isf(0.5 * judged.experiment.settings.alpha));
    (bound.is_finite() && bound > 0.0).then_some(bound)
}
