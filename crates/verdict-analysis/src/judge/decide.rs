//! The word on each variant, with its reasons.

use verdict_model::rows::{CheckRow, DecisionRow, ResultRow, WHOLE};
use verdict_model::{Direction, Experiment, Later, Mde, NaiveDate, Role};

use super::checks;
use super::reason_words::reason_in_words;
use crate::words::{Scale, change, list, p_value, percent};

/// One decision for each treatment arm, in the order of the file.
pub(super) fn decisions(
    experiment: &Experiment,
    ds: NaiveDate,
    results: &[ResultRow],
    checks: &[CheckRow],
    later: &[Later],
) -> Vec<DecisionRow> {
    let not_in_effect: Vec<String> =
        later.iter().filter(|key| concerns(experiment, key)).map(not_in_effect).collect();
    experiment
        .treatments()
        .map(|arm| {
            let rows = |role| {
                results.iter().filter(move |row| {
                    row.variant == arm.name && row.segment == WHOLE && row.role == role
                })
            };
            let primary = rows(Role::Primary).next();
            let guardrails: Vec<&ResultRow> = rows(Role::Guardrail).collect();
            let (decision, reasons) = decide(experiment, primary, &guardrails, checks);
            let (reason_codes, reasons) =
                reasons.into_iter().map(|reason| (reason.code, reason.words)).unzip();
            DecisionRow {
                experiment: experiment.name.value.clone(),
                ds,
                variant: arm.name.clone(),
                control: experiment.design.control.value.clone(),
                decision: decision.to_owned(),
                reason_codes,
                reasons,
                primary_metric: experiment.primary.name.value.clone(),
                not_in_effect: not_in_effect.clone(),
            }
        })
        .collect()
}

/// A reason, as data and in words.
struct Reason {
    code: String,
    words: String,
}

impl Reason {
    fn new(code: impl Into<String>, words: impl Into<String>) -> Reason {
        Reason { code: code.into(), words: words.into() }
    }
}

/// What comes first decides: failed checks, then harm, then the primary metric.
fn decide(
    experiment: &Experiment,
    primary: Option<&ResultRow>,
    guardrails: &[&ResultRow],
    checks: &[CheckRow],
) -> (&'static str, Vec<Reason>) {
    let failed: Vec<Reason> = checks
        .iter()
        .filter(|check| checks::failed(check))
        .map(|check| Reason::new(&*check.check, &*check.message))
        .collect();
    if !failed.is_empty() {
        return ("invalid", failed);
    }
    let violated = violations(experiment, guardrails);
    let (decision, mut reasons) =
        if violated.is_empty() { by_primary(experiment, primary) } else { ("dont_ship", violated) };
    let violated = reasons.first().is_some_and(|reason| reason.code == "guardrail_violated");
    if !violated {
        reasons.extend(not_violated(experiment, guardrails));
    }
    reasons.extend(not_tested(guardrails));
    (decision, reasons)
}

fn violations(experiment: &Experiment, guardrails: &[&ResultRow]) -> Vec<Reason> {
    let alpha = experiment.guardrail_settings.alpha;
    guardrails
        .iter()
        .filter(|row| significant(row, alpha))
        .map(|row| {
            let words = format!(
                "Guardrail {}: unlikely under no difference at alpha {alpha}, and {} is better.",
                change(row, alpha),
                better(row)
            );
            Reason::new("guardrail_violated", words)
        })
        .collect()
}

fn not_violated(experiment: &Experiment, guardrails: &[&ResultRow]) -> Option<Reason> {
    let alpha = experiment.guardrail_settings.alpha;
    let tested: Vec<String> = guardrails
        .iter()
        .filter_map(|row| {
            row.p_value_adjusted.map(|p| format!("{} (adjusted {})", row.metric, p_value(p, alpha)))
        })
        .collect();
    (!tested.is_empty()).then(|| {
        let words = format!(
            "No harm was found in {}. That is not a proof that there is none: no non-inferiority test was made.",
            list(&tested)
        );
        Reason::new("guardrails_not_violated", words)
    })
}

fn not_tested(guardrails: &[&ResultRow]) -> Option<Reason> {
    let untested: Vec<String> = guardrails
        .iter()
        .filter(|row| row.p_value_adjusted.is_none())
        .map(|row| {
            format!(
                "{} ({})",
                row.metric,
                reason_in_words(row.reason.as_deref().unwrap_or("method_failed"))
            )
        })
        .collect();
    (!untested.is_empty()).then(|| {
        Reason::new("guardrail_not_tested", format!("Not tested for harm: {}.", list(&untested)))
    })
}

fn by_primary(experiment: &Experiment, primary: Option<&ResultRow>) -> (&'static str, Vec<Reason>) {
    let alpha = experiment.settings.alpha;
    let Some(row) = primary else {
        return (
            "inconclusive",
            vec![Reason::new("primary_method_failed", "The primary metric has no result.")],
        );
    };
    if row.p_value_adjusted.is_none() {
        let reason = row.reason.as_deref().unwrap_or("method_failed");
        let words =
            format!("The primary metric {} has no test: {}.", row.metric, reason_in_words(reason));
        return ("inconclusive", vec![Reason::new(format!("primary_{reason}"), words)]);
    }
    let mde = experiment.primary.mde.map(|mde| Target::new(mde, experiment.primary.direction, row));
    let changed = change(row, alpha);
    if !significant(row, alpha) {
        let words = format!(
            "{changed}: not unusual under no difference at alpha {alpha}{}.",
            caveat(row, false)
        );
        let reasons = std::iter::once(Reason::new("not_significant", words));
        return (
            "inconclusive",
            reasons.chain(mde.map(|target| target.of_no_difference())).collect(),
        );
    }
    let gain = experiment.primary.direction.gain(row.effect.unwrap_or(0.0));
    if gain <= 0.0 {
        let words = format!(
            "{changed}: unlikely under no difference, and {} is better{}.",
            better(row),
            caveat(row, true)
        );
        return ("dont_ship", vec![Reason::new("primary_worse", words)]);
    }
    let also = match experiment.primary.direction {
        Direction::Increase => "",
        Direction::Decrease => ", and lower is better",
    };
    let better = Reason::new(
        "primary_better",
        format!("{changed}: unlikely under no difference{also}{}.", caveat(row, true)),
    );
    match mde.map(|target| target.of_a_gain()) {
        None => ("ship", vec![better]),
        Some(reason) if reason.code == "significant_below_mde" => {
            ("stat_sig_not_practical", vec![reason, better])
        }
        Some(reason) => ("ship", vec![better, reason]),
    }
}

fn significant(row: &ResultRow, alpha: f64) -> bool {
    row.p_value_adjusted.is_some_and(|p| p <= alpha)
}

/// The wanted direction: `higher` or `lower`.
fn better(row: &ResultRow) -> &'static str {
    if row.direction == Direction::Decrease.word() { "lower" } else { "higher" }
}

/// Says so where the interval seems to contradict the test. It is not corrected for the number of tests, and for
/// proportions it does not pool the arms. The relative interval includes zero exactly when the absolute one does.
fn caveat(row: &ResultRow, significant: bool) -> &'static str {
    let Some((lower, upper)) = row.effect_ci_lower.zip(row.effect_ci_upper) else { return "" };
    match (significant, lower <= 0.0 && upper >= 0.0) {
        (true, true) => {
            " (the interval includes zero although p does not exceed alpha: the test pools the arms, the interval \
             does not)"
        }
        (false, false) if row.family_size > 1 => {
            " (the interval excludes zero, but is not corrected for the number of tests)"
        }
        (false, false) => {
            " (the interval excludes zero although p exceeds alpha: the test pools the arms, the interval does not)"
        }
        (true, false) | (false, true) => "",
    }
}

/// The smallest effect of interest against an interval, both in the direction of gain.
struct Target {
    /// The smallest effect of interest, in words.
    words: String,
    at: f64,
    /// Least and largest gain; `None` when there is no interval on the same scale.
    gain: Option<(f64, f64)>,
    /// Why there is none.
    why_not: String,
}

impl Target {
    fn new(mde: Mde, direction: Direction, row: &ResultRow) -> Target {
        let (at, words, ends) = match mde {
            Mde::Relative(at) => {
                (at, percent(at), row.rel_effect_ci_lower.zip(row.rel_effect_ci_upper))
            }
            Mde::Absolute(at) => {
                (at, Scale::of(row).difference(at), row.effect_ci_lower.zip(row.effect_ci_upper))
            }
        };
        let gain = ends.map(|(lower, upper)| match direction {
            Direction::Increase => (lower, upper),
            Direction::Decrease => (-upper, -lower),
        });
        let why_not =
            reason_in_words(row.rel_effect_reason.as_deref().unwrap_or("method_failed")).to_owned();
        Target { words, at, gain, why_not }
    }

    fn of_a_gain(&self) -> Reason {
        let Some((least, most)) = self.gain else { return self.not_comparable() };
        let mde = &self.words;
        if most < self.at {
            let words = format!(
                "The whole interval lies below the smallest effect of interest, a gain of {mde}."
            );
            Reason::new("significant_below_mde", words)
        } else if least >= self.at {
            let words = format!(
                "The whole interval is at or above the smallest effect of interest, a gain of {mde}."
            );
            Reason::new("above_mde", words)
        } else {
            let words = format!(
                "The smallest effect of interest, a gain of {mde}, lies within the interval: the true gain may be \
                 smaller or larger."
            );
            Reason::new("mde_within_interval", words)
        }
    }

    fn of_no_difference(&self) -> Reason {
        let Some((_, most)) = self.gain else { return self.not_comparable() };
        let mde = &self.words;
        if most < self.at {
            let words =
                format!("The interval excludes the smallest effect of interest, a gain of {mde}.");
            Reason::new("mde_excluded", words)
        } else {
            let words = format!(
                "The interval does not exclude the smallest effect of interest, a gain of {mde}: there may be one, \
                 and more units would tell."
            );
            Reason::new("mde_not_excluded", words)
        }
    }

    fn not_comparable(&self) -> Reason {
        let words = format!(
            "The smallest effect of interest is {} of the control's level, and there is no relative effect to hold \
             against it: {}.",
            self.words, self.why_not
        );
        Reason::new("mde_not_comparable", words)
    }
}

/// Whether a key is this experiment's own, a metric's of this experiment, or the project's.
fn concerns(experiment: &Experiment, later: &Later) -> bool {
    let of_metric = |name: &str, path: &str| {
        path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    match (&later.experiment, later.place.key.strip_prefix("metrics.")) {
        (Some(name), _) => *name == experiment.name.value,
        (None, Some(path)) => {
            experiment.metrics().any(|metric| of_metric(&metric.name.value, path))
        }
        (None, None) => true,
    }
}

/// A key that is not in effect yet: the last parts of its path, and what is therefore not done.
fn not_in_effect(later: &Later) -> String {
    let parts: Vec<&str> = later.place.key.split('.').collect();
    let last = parts[parts.len().saturating_sub(2)..].join(".");
    format!("{last}: {}", later.consequence)
}
