//! What was done to a metric before it was compared, and what it would be without.

use verdict_model::rows::{Adjusted as Columns, ResultRow};

use super::{Scale, decimals, percent, short, signed, significant_digits};

/// A row's adjustment in words; differences are in the metric's unit, `points` for a share of units.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adjustment {
    /// `capped`, `CUPED`, `post-stratified by country (5 strata)`, or `capped, then` one of these.
    pub what: String,
    /// What totals beyond the caps count as, of a ratio both parts: `at most 250`.
    pub caps: Option<String>,
    /// The share of units whose total was beyond a cap.
    pub clipped: Option<String>,
    /// The effect as it was tested.
    pub effect: String,
    /// Its standard error.
    pub std_error: String,
    /// The effect without any of it: no caps, no covariate, no strata.
    pub plain_effect: String,
    /// Its standard error.
    pub plain_std_error: String,
    /// What became of the effect's variance: `40% less`.
    pub variance: Option<String>,
}

/// The words for what was done to a row's metric; `None`: nothing was done, or the row has no number.
#[must_use]
pub fn adjustment(row: &ResultRow) -> Option<Adjustment> {
    let columns = &row.adjusted;
    let what = match columns.adjustment.as_deref()? {
        "cuped" => "CUPED".to_owned(),
        "winsorized" => "capped".to_owned(),
        "winsorized_cuped" => "capped, then CUPED".to_owned(),
        "post_stratified" => post_stratified(columns),
        "winsorized_post_stratified" => format!("capped, then {}", post_stratified(columns)),
        _ => "adjusted".to_owned(),
    };
    let (effect, std_error) = estimate(row, row.effect?, row.effect_std_error?, row.mean_control);
    let (plain, plain_error) = (columns.unadjusted_effect?, columns.unadjusted_std_error?);
    let (plain_effect, plain_std_error) =
        estimate(row, plain, plain_error, columns.unadjusted_mean_control);
    Some(Adjustment {
        what,
        caps: caps(row),
        clipped: clipped(columns),
        effect,
        std_error,
        plain_effect,
        plain_std_error,
        variance: columns.variance_ratio.map(variance),
    })
}

impl Adjustment {
    /// The same on one line: `capped at most 250 (0.5% of units): variance 40% less, without +0.12 (+3.1%)`.
    #[must_use]
    pub fn in_short(&self) -> String {
        let caps = self.caps.as_ref().map_or(String::new(), |caps| format!(", {caps}"));
        let clipped = self.clipped.as_ref().map_or(String::new(), |c| format!(" ({c} of units)"));
        let variance = self.variance.as_ref().map_or(String::new(), |v| format!(": variance {v}"));
        format!("{}{caps}{clipped}{variance}, without {}", self.what, self.plain_effect)
    }
}

/// By which segment, and how many strata its values made.
fn post_stratified(columns: &Columns) -> String {
    let by = columns.stratified_by.as_ref().map_or(String::new(), |by| format!(" by {by}"));
    let strata = columns.strata.map_or(String::new(), |n| {
        let noun = if n == 1 { "stratum" } else { "strata" };
        format!(" ({n} {noun})")
    });
    format!("post-stratified{by}{strata}")
}

/// An effect, with the share of the control's level that it is where the row has such shares, and its standard error.
fn estimate(
    row: &ResultRow,
    effect: f64,
    std_error: f64,
    control: Option<f64>,
) -> (String, String) {
    let scale = Scale::of(row);
    let (effect_shown, error_shown) = (effect * scale.factor(), std_error * scale.factor());
    let digits = decimals(error_shown, 2);
    let level = control.filter(|level| *level > 0.0 && row.rel_effect.is_some());
    let share = level.map_or(String::new(), |level| {
        let digits = decimals(100.0 * std_error / level, 2).max(1);
        format!(" ({}%)", signed(100.0 * effect / level, digits))
    });
    (
        format!("{}{}{share}", signed(effect_shown, digits), scale.unit()),
        format!("{}{}", short(significant_digits(error_shown, 2)), scale.unit()),
    )
}

fn caps(row: &ResultRow) -> Option<String> {
    let columns = &row.adjusted;
    let one = |lower: Option<f64>, upper: Option<f64>| {
        let shown = |x: f64| short(significant_digits(x, 4));
        match (lower, upper) {
            (None, None) => None,
            (None, Some(upper)) => Some(format!("at most {}", shown(upper))),
            (Some(lower), None) => Some(format!("at least {}", shown(lower))),
            (Some(lower), Some(upper)) => Some(format!("{} to {}", shown(lower), shown(upper))),
        }
    };
    let first = one(columns.cap_lower, columns.cap_upper);
    match (first, one(columns.cap_lower_denominator, columns.cap_upper_denominator)) {
        (first, None) => first,
        (None, Some(second)) => Some(format!("denominator {second}")),
        (Some(first), Some(second)) => Some(format!("{first}, denominator {second}")),
    }
}

fn clipped(columns: &Columns) -> Option<String> {
    let shown = |share: f64| percent(significant_digits(share, 2));
    match (columns.share_clipped, columns.share_clipped_denominator) {
        (Some(first), Some(second)) => Some(format!("{} and {}", shown(first), shown(second))),
        (first, second) => first.or(second).map(shown),
    }
}

fn variance(ratio: f64) -> String {
    let change = percent(significant_digits((1.0 - ratio).abs(), 2));
    if ratio <= 1.0 { format!("{change} less") } else { format!("{change} more") }
}

#[cfg(test)]
mod tests {
    use super::super::tests::row;
    use super::*;

    #[test]
    fn an_adjusted_row_tells_both_estimates() {
        let adjusted = Columns {
            adjustment: Some("winsorized_cuped".to_owned()),
            unadjusted_mean_control: Some(20.0),
            unadjusted_effect: Some(0.5),
            unadjusted_std_error: Some(0.25),
            variance_ratio: Some(0.36),
            cap_upper: Some(250.0),
            share_clipped: Some(0.005_04),
            ..Columns::default()
        };
        let capped = ResultRow {
            metric_type: "mean".to_owned(),
            mean_control: Some(16.0),
            effect: Some(0.64),
            effect_std_error: Some(0.15),
            adjusted,
            ..row()
        };
        let told = adjustment(&capped).expect("it was adjusted");
        // 0.64 of 16 is 4% with an error of 0.94%, 0.5 of 20 is 2.5% with one of 1.25%, and 0.15² is 36% of 0.25².
        assert_eq!(told.effect, "+0.64 (+4.00%)");
        assert_eq!(
            (told.plain_effect.as_str(), told.plain_std_error.as_str()),
            ("+0.50 (+2.5%)", "0.25")
        );
        assert_eq!(
            told.in_short(),
            "capped, then CUPED, at most 250 (0.5% of units): variance 64% less, without +0.50 (+2.5%)"
        );
        let points = ResultRow { metric_type: "proportion".to_owned(), rel_effect: None, ..capped };
        let told = adjustment(&points).expect("it was adjusted");
        assert_eq!((told.effect.as_str(), told.std_error.as_str()), ("+64 points", "15 points"));
    }

    #[test]
    fn strata_are_named_beside_the_estimate_without_them() {
        let adjusted = Columns {
            adjustment: Some("post_stratified".to_owned()),
            unadjusted_mean_control: Some(20.0),
            unadjusted_effect: Some(0.5),
            unadjusted_std_error: Some(0.25),
            variance_ratio: Some(0.64),
            stratified_by: Some("country".to_owned()),
            strata: Some(5),
            ..Columns::default()
        };
        let stratified = ResultRow {
            metric_type: "mean".to_owned(),
            effect: Some(0.4),
            effect_std_error: Some(0.2),
            adjusted,
            ..row()
        };
        let told = adjustment(&stratified).expect("it was adjusted");
        assert_eq!(
            told.in_short(),
            "post-stratified by country (5 strata): variance 36% less, without +0.50 (+2.5%)"
        );
        let capped = Columns {
            adjustment: Some("winsorized_post_stratified".to_owned()),
            strata: Some(1),
            ..stratified.adjusted.clone()
        };
        let told = adjustment(&ResultRow { adjusted: capped, ..stratified });
        assert_eq!(
            told.map(|told| told.what).as_deref(),
            Some("capped, then post-stratified by country (1 stratum)")
        );
    }

    #[test]
    fn caps_name_their_sides_and_a_larger_variance_is_said() {
        let of = |columns: Columns| caps(&ResultRow { adjusted: columns, ..row() });
        let both = Columns { cap_lower: Some(0.0), cap_upper: Some(9.5), ..Columns::default() };
        assert_eq!(of(both.clone()).as_deref(), Some("0 to 9.5"));
        let ratio = Columns { cap_upper_denominator: Some(40.0), ..both };
        assert_eq!(of(ratio).as_deref(), Some("0 to 9.5, denominator at most 40"));
        assert_eq!(variance(1.02), "2% more");
        assert_eq!(adjustment(&row()), None);
    }
}
