//! The reasons for a decision: a code and words for each.

use verdict_model::rows::ResultRow;
use verdict_model::{Direction, Mde, SequentialMethod};

use super::checks;
use super::decide::Case;
use super::reason_words::reason_in_words;
use super::significance::{deteriorated, is_non_inferiority, passed as has_passed};
use super::stage::Stage;
use crate::methods::special::norm_isf;
use crate::words::{
    Scale, change, counted, list, margin, p_value, percent, short, significant_digits, stopped,
};

/// A reason, as data and in words.
#[derive(Debug)]
pub(super) struct Reason {
    pub(super) code: String,
    pub(super) words: String,
}

impl Reason {
    pub(super) fn new(code: impl Into<String>, words: impl Into<String>) -> Reason {
        Reason { code: code.into(), words: words.into() }
    }
}

/// The failed checks.
pub(super) fn failed_checks(case: &Case<'_>) -> Vec<Reason> {
    let failed = case.checks.iter().filter(|check| checks::failed(check));
    failed.map(|check| Reason::new(&*check.check, &*check.message)).collect()
}

/// The guardrails that are violated: significantly worse than the control, or beyond their own limit.
pub(super) fn violations(case: &Case<'_>) -> Vec<Reason> {
    let alpha = case.experiment.guardrail_settings.alpha;
    let mut reasons = Vec::new();
    for row in &case.guardrails {
        if deteriorated(row, alpha) {
            let words = format!(
                "Guardrail {}: unlikely under no difference at alpha {alpha}, and {} is better.",
                change(row, alpha),
                wanted(row)
            );
            reasons.push(Reason::new("guardrail_violated", words));
        }
        if row.threshold_breached == Some(true) {
            reasons.push(Reason::new("guardrail_violated", beyond_limit(row)));
        }
    }
    reasons
}

fn beyond_limit(row: &ResultRow) -> String {
    let scale = Scale::of(row);
    let shown = |level: Option<f64>| level.map_or(String::new(), |x| scale.absolute(x));
    let least = match (row.threshold_bound, row.direction == Direction::Decrease.word()) {
        (None, _) => String::new(),
        (bound, true) => format!(" (at least {} by its interval)", shown(bound)),
        (bound, false) => format!(" (at most {} by its interval)", shown(bound)),
    };
    format!(
        "Guardrail {} of {} is {}{least}, beyond its limit of {}.",
        row.metric,
        row.variant,
        shown(row.mean_variant),
        shown(row.threshold)
    )
}

/// The guardrails that were tested for harm without any being found.
pub(super) fn guardrails_not_violated(case: &Case<'_>) -> Option<Reason> {
    let alpha = case.experiment.guardrail_settings.alpha;
    let rows = case.guardrails.iter().filter(|row| !is_non_inferiority(row));
    let tested: Vec<String> = rows
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

/// The guardrails that could not be tested for harm, or against their limit.
pub(super) fn guardrails_not_tested(case: &Case<'_>) -> Option<Reason> {
    let untested: Vec<String> = case
        .guardrails
        .iter()
        .filter(|row| row.p_value_adjusted.is_none() && !is_non_inferiority(row))
        .map(|row| format!("{} ({})", row.metric, why(row)))
        .collect();
    (!untested.is_empty()).then(|| {
        Reason::new("guardrail_not_tested", format!("Not tested for harm: {}.", list(&untested)))
    })
}

/// The non-inferiority guardrails that have not passed.
pub(super) fn not_passed(case: &Case<'_>) -> Option<Reason> {
    let alpha = case.experiment.guardrail_settings.alpha;
    let missing: Vec<String> = case
        .guardrails
        .iter()
        .filter(|row| is_non_inferiority(row) && !has_passed(row, alpha))
        .map(|row| match row.p_value {
            Some(p) => {
                let now = if p <= alpha { ", which the interval of this look reaches" } else { "" };
                let margin = margin(row).unwrap_or_default();
                format!("{} (margin {margin}{now})", change(row, alpha))
            }
            None => format!("{} ({})", row.metric, why(row)),
        })
        .collect();
    (!missing.is_empty()).then(|| {
        let words = format!(
            "Not shown to be no worse than the margin allows: {}. The control stays until it is.",
            list(&missing)
        );
        Reason::new("non_inferiority_not_shown", words)
    })
}

/// The non-inferiority guardrails, all of which have passed.
pub(super) fn passed(case: &Case<'_>) -> Option<Reason> {
    let rows = case.guardrails.iter().filter(|row| is_non_inferiority(row));
    let passed: Vec<String> = rows
        .map(|row| format!("{} (margin {})", row.metric, margin(row).unwrap_or_default()))
        .collect();
    (!passed.is_empty()).then(|| {
        let words = format!("A loss beyond the margin is excluded for {}.", list(&passed));
        Reason::new("non_inferiority_shown", words)
    })
}

/// Why it is too early for a decision, whatever the effect.
pub(super) fn too_early(case: &Case<'_>) -> Reason {
    match case.stage {
        Stage::BeforeMinimum { days, min } => {
            let words =
                format!("{} of at least {min}: nothing is decided before.", counted(days, "day"));
            Reason::new("before_min_duration", words)
        }
        Stage::BeforePlannedEnd { days, planned } | Stage::Interim { days, planned } => {
            Reason::new(
                "before_planned_end",
                format!(
                    "{}{}: it is tested once, at the planned end; a look before it decides nothing.",
                    counted(days, "day"),
                    planned.map_or(String::new(), |planned| format!(" of {planned}"))
                ),
            )
        }
        Stage::Ended { days } => {
            Reason::new("ended", format!("{} have passed.", counted(days, "day")))
        }
        Stage::Anytime => Reason::new("anytime", "It may be decided at any time."),
    }
}

/// A primary metric without a number.
pub(super) fn no_primary(row: Option<&ResultRow>) -> Reason {
    let Some(row) = row else {
        return Reason::new("primary_method_failed", "The primary metric has no result.");
    };
    let code = row.reason.as_deref().unwrap_or("method_failed");
    let words = format!("The primary metric {} has no test: {}.", row.metric, why(row));
    Reason::new(format!("primary_{code}"), words)
}

fn why(row: &ResultRow) -> &str {
    reason_in_words(row.reason.as_deref().unwrap_or("method_failed"))
}

/// A primary metric that has crossed no boundary yet, or does not lie beyond one any more.
pub(super) fn not_crossed(case: &Case<'_>, row: &ResultRow) -> Reason {
    let alpha = case.experiment.settings.alpha;
    if row.p_value_adjusted.is_some_and(|p| p <= alpha) {
        let words = format!(
            "{}: a boundary was crossed {}, but the interval at this look includes no difference.",
            change(row, alpha),
            row.crossed_ds.map_or_else(|| "before".to_owned(), |ds| format!("on {ds}"))
        );
        return Reason::new("boundary_crossed_before", words);
    }
    let against = match (row.z, row.boundary) {
        (Some(z), Some(boundary)) => {
            format!(" (z {z:.2}, and it takes {boundary:.2} in either direction)")
        }
        _ => String::new(),
    };
    let words = format!(
        "{}: no boundary crossed at {}{against}{}.",
        change(row, alpha),
        look(row),
        independent(row)
    );
    Reason::new("boundary_not_crossed", words)
}

/// A smallest effect of interest that is stated for a total that has grown since.
pub(super) fn mde_of_growing_total(case: &Case<'_>, row: &ResultRow) -> Option<Reason> {
    let settings = &case.experiment.settings;
    let Some(Mde::Absolute(mde)) = case.experiment.primary.mde else { return None };
    let growth = case.growth.filter(|growth| *growth >= GROWN)?;
    if settings.sequential != SequentialMethod::Msprt || settings.tau.is_some() {
        return None;
    }
    let words = format!(
        "{} is a total that has grown to {} times what it was at the first look, and the mixture is tuned to a \
         difference of {} at that look, which the effect may have outgrown: it is found late, if at all. State the \
         smallest effect as a share of the control's level (`mde_relative`), or `tau` as the effect at the first look.",
        row.metric,
        short(significant_digits(growth, 2)),
        Scale::of(row).difference(mde)
    );
    Some(Reason::new("mde_of_growing_total", words))
}

/// A total that has grown this much is not what it was.
const GROWN: f64 = 1.5;

/// Which look a row is of.
fn look(row: &ResultRow) -> String {
    let number = match (row.look, row.looks_planned) {
        (Some(look), Some(planned)) => format!("look {look} of {planned}"),
        (Some(look), None) => format!("look {look}"),
        (None, _) => "this look".to_owned(),
    };
    match row.look_ds {
        Some(ds) => format!("{number}, {ds}"),
        None => number,
    }
}

/// What a boundary rests on where the correlations between looks are not known.
fn independent(row: &ResultRow) -> &'static str {
    if row.increments.as_deref() == Some("independent") {
        "; the statistics do not say what looks share, so that increments are taken to be independent, which does not \
         hold for totals that keep growing"
    } else {
        ""
    }
}

/// The boundary that a significant primary metric has crossed.
pub(super) fn crossing(row: &ResultRow) -> Option<Reason> {
    if row.sequential_method == SequentialMethod::None.word() {
        return None;
    }
    let ds = row.crossed_ds?;
    let words = format!(
        "The {} boundary was first crossed on {ds}; {} looks count, and the level holds over all of them{}.{}",
        row.sequential_method,
        row.looks_used.unwrap_or(1),
        independent(row),
        stopped(row).map_or(String::new(), |effect| {
            format!(
                " An effect that is seen where it crosses is too large on average; the median-unbiased estimate is {effect}."
            )
        })
    );
    Some(Reason::new("boundary_crossed", words))
}

/// No difference was found.
pub(super) fn not_significant(case: &Case<'_>, row: &ResultRow) -> Reason {
    let alpha = case.experiment.settings.alpha;
    let words = format!(
        "{}: not unusual under no difference at alpha {alpha}{}.",
        change(row, alpha),
        caveat(row, alpha)
    );
    Reason::new("not_significant", words)
}

/// The primary metric is worse.
pub(super) fn worse(row: &ResultRow) -> Reason {
    let words = format!(
        "{}: unlikely under no difference, and {} is better.",
        change(row, 1.0 - row.confidence_level),
        wanted(row)
    );
    Reason::new("primary_worse", words)
}

/// The primary metric is better.
pub(super) fn better(row: &ResultRow) -> Reason {
    let falling = row.direction == Direction::Decrease.word();
    let also = if falling { ", and lower is better" } else { "" };
    let changed = change(row, 1.0 - row.confidence_level);
    Reason::new("primary_better", format!("{changed}: unlikely under no difference{also}."))
}

/// The wanted direction: `higher` or `lower`.
fn wanted(row: &ResultRow) -> &'static str {
    if row.direction == Direction::Decrease.word() { "lower" } else { "higher" }
}

/// Says so where the interval seems to contradict the test. It is not corrected for the number of tests, and for
/// proportions it does not pool the arms. The relative interval includes zero exactly when the absolute one does.
fn caveat(row: &ResultRow, alpha: f64) -> &'static str {
    let Some((lower, upper)) = row.effect_ci_lower.zip(row.effect_ci_upper) else { return "" };
    let significant = row.p_value_adjusted.is_some_and(|p| p <= alpha);
    let several_looks = row.sequential_method != SequentialMethod::None.word();
    match (significant, lower <= 0.0 && upper >= 0.0) {
        (true, true) if several_looks => {
            " by its interval now (an earlier look crossed the boundary, and the effect has come back)"
        }
        (true, true) => {
            " by its interval, which includes zero although p does not exceed alpha: the test pools the arms, the \
             interval does not"
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

/// What would have been found with the planned power, at the planned end.
pub(super) fn achievable_mde(case: &Case<'_>, row: &ResultRow) -> Option<Reason> {
    if !matches!(case.stage, Stage::Ended { .. }) {
        return None;
    }
    let power = case.experiment.settings.power;
    let bound = row.boundary.unwrap_or_else(|| norm_isf(0.5 * case.experiment.settings.alpha));
    let effect = (bound + norm_isf(1.0 - power)) * row.effect_std_error?;
    if !(effect.is_finite() && effect > 0.0) {
        return None;
    }
    let relative =
        row.mean_control.filter(|_| row.rel_effect.is_some()).map(|level| effect / level);
    let size = match relative {
        Some(relative) => percent(significant_digits(relative, 2)),
        None => Scale::of(row).difference(significant_digits(effect, 2)),
    };
    let words = format!(
        "With what was gathered, a difference of {size} is found with a power of {}; a smaller one may be there.",
        short(power)
    );
    Some(Reason::new("achievable_mde", words))
}
