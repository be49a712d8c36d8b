//! Numbers and changes in words, for people who decide.

mod adjusted;
mod categories;

use verdict_model::rows::ResultRow;

pub use adjusted::{Adjustment, adjustment};
pub use categories::{Share, chi_squared, shares};

/// A count with thousands separators: `21,306`.
pub fn count(n: impl Into<i128>) -> String {
    let n: i128 = n.into();
    let digits = n.unsigned_abs().to_string();
    let sign = if n < 0 { "-" } else { "" };
    format!("{sign}{}", separated(&digits))
}

/// A count and its noun: `1 unit`, `21,306 units`.
pub fn counted(n: impl Into<i128>, noun: &str) -> String {
    let n: i128 = n.into();
    let s = if n == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(n))
}

/// A number with this many decimals and thousands separators; scientific where that would be unreadable.
pub fn number(value: f64, decimals: usize) -> String {
    if !value.is_finite() || value.abs() >= 1e15 || decimals > MOST_DECIMALS {
        return format!("{value:.2e}");
    }
    let text = format!("{:.decimals$}", value.abs());
    let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
    let zero = text.bytes().all(|b| matches!(b, b'0' | b'.'));
    let sign = if value < 0.0 && !zero { "-" } else { "" };
    let dot = if fraction.is_empty() { "" } else { "." };
    format!("{sign}{}{dot}{fraction}", separated(whole))
}

/// A share in percent, as short as it can be without rounding anything away that matters: `5%`, `0.25%`.
pub fn percent(share: f64) -> String {
    format!("{}%", short(share * 100.0))
}

/// A setting as a person wrote it: without trailing zeros or noise in the last binary digits.
pub fn short(value: f64) -> String {
    let close = |text: &String| {
        text.replace(',', "")
            .parse::<f64>()
            .is_ok_and(|shown| (shown - value).abs() <= 1e-9 * value.abs())
    };
    (0..=MOST_DECIMALS)
        .map(|decimals| number(value, decimals))
        .find(close)
        .unwrap_or_else(|| format!("{value:e}"))
}

/// A number rounded to this many significant digits.
pub fn significant_digits(value: f64, digits: i32) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let decimals = usize::try_from((digits - 1).max(0)).unwrap_or(0);
    format!("{value:.decimals$e}").parse().unwrap_or(value)
}

/// The share of `part` in `total` in percent, with two decimals, more where it would read as zero.
pub fn share(part: i64, total: i64) -> String {
    let percent = 100.0 * part as f64 / total as f64;
    let decimals = if percent > 0.0 && percent < 0.005 { decimals(percent, 2) } else { 2 };
    format!("{}%", number(percent, decimals))
}

/// `p 0.0315` or `p < 0.0001`, with as many decimals as it takes not to read as the other side of `alpha`.
pub(crate) fn p_value(p: f64, alpha: f64) -> String {
    if p < SMALL_P && (alpha >= SMALL_P || p < alpha) {
        return "p < 0.0001".to_owned();
    }
    let shown = (4..=MOST_DECIMALS)
        .map(|decimals| format!("{p:.decimals$}"))
        .find(|text| text.parse::<f64>().is_ok_and(|rounded| (rounded <= alpha) == (p <= alpha)))
        .unwrap_or_else(|| format!("{p:e}"));
    format!("p {shown}")
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// What happened to a metric: levels, lift with interval, adjusted p. Without the closing stop.
///
/// `click_rate rose from 0.460% to 0.690%, +50.0% (95% interval +3.8% to +123.4%), adjusted p 0.0315`
pub(crate) fn change(row: &ResultRow, alpha: f64) -> String {
    let moved = match (row.mean_control, row.mean_variant) {
        (Some(control), Some(variant)) => {
            let scale = Scale::of(row);
            let decimals = scale.decimals(control, variant);
            let (from, to) = (scale.level(control, decimals), scale.level(variant, decimals));
            if variant > control {
                format!("rose from {from} to {to}")
            } else if variant < control {
                format!("fell from {from} to {to}")
            } else {
                format!("stayed at {to}")
            }
        }
        _ => "has no levels".to_owned(),
    };
    let p =
        row.p_value_adjusted.map_or(String::new(), |p| format!(", adjusted {}", p_value(p, alpha)));
    format!("{} {moved}{}{p}", row.metric, effect(row))
}

/// The metric's level in the control and in the variant, with the same decimals; empty where it is not
/// defined.
pub fn levels(row: &ResultRow) -> (String, String) {
    let scale = Scale::of(row);
    let decimals = match (row.mean_control, row.mean_variant) {
        (Some(control), Some(variant)) => scale.decimals(control, variant),
        (Some(one), None) | (None, Some(one)) => scale.decimals(one, one),
        (None, None) => 0,
    };
    let shown = |level: Option<f64>| level.map_or(String::new(), |x| scale.level(x, decimals));
    (shown(row.mean_control), shown(row.mean_variant))
}

/// `+50.0% (+3.8% to +123.4%)`: the relative effect with its interval, the absolute one where there is none; an
/// end that a one-sided test leaves open is `…`. Of categories Cramér's V: `V 0.034`. Empty where there is no effect at all.
pub fn lift(row: &ResultRow) -> String {
    if let Some(v) = row.categories.cramers_v {
        return format!("V {}", number(v, 3));
    }
    let shown = match (row.rel_effect, row.effect) {
        (Some(relative), _) => Shown::relative(relative, row),
        (None, Some(effect)) => Shown::absolute(effect, row),
        (None, None) => return String::new(),
    };
    let open = || "…".to_owned();
    match (shown.lower, shown.upper) {
        (None, None) => shown.value,
        (lower, upper) => {
            format!(
                "{} ({} to {})",
                shown.value,
                lower.unwrap_or_else(open),
                upper.unwrap_or_else(open)
            )
        }
    }
}

/// The adjusted p-value of a row, `0.0315` or `< 0.0001`; empty where there is none.
pub fn adjusted_p(row: &ResultRow) -> String {
    let shown = row.p_value_adjusted.map(|p| p_value(p, 1.0 - row.confidence_level));
    shown.map_or(String::new(), |text| text.trim_start_matches("p ").to_owned())
}

/// The days of a window, and how many units are not past it: `days 0 to 6, 40 and 37 units not mature`.
#[must_use]
pub fn not_mature(row: &ResultRow) -> Option<String> {
    let window = format!("days {} to {}", row.window_start, row.window_end?);
    match (row.n_not_mature_control.unwrap_or(0), row.n_not_mature_variant.unwrap_or(0)) {
        (0, 0) => Some(window),
        (control, variant) => Some(format!(
            "{window}, {} and {} not mature",
            count(control),
            counted(variant, "unit")
        )),
    }
}

/// The margin of a test for non-inferiority: `2%`, or in the metric's unit.
pub fn margin(row: &ResultRow) -> Option<String> {
    match (row.margin_absolute, row.margin_relative) {
        (Some(margin), _) => Some(Scale::of(row).difference(margin)),
        (None, margin) => margin.map(percent),
    }
}

/// That interval and p-value are a bootstrap's, and what the normal law says beside: `BCa bootstrap, 10,000 replicates; by
/// the normal law -0.3% to +9.1%, p 0.07`.
#[must_use]
pub fn resampled(row: &ResultRow) -> Option<String> {
    let replicates = u64::try_from(row.normal.bootstrap_replicates?).ok()?;
    let name = match row.method.as_deref()? {
        "bootstrap_bca" => "BCa",
        _ => "percentile",
    };
    let normal = &row.normal;
    let beside = ResultRow {
        effect_ci_lower: normal.normal_ci_lower,
        effect_ci_upper: normal.normal_ci_upper,
        rel_effect_ci_lower: normal.normal_rel_ci_lower,
        rel_effect_ci_upper: normal.normal_rel_ci_upper,
        p_value: normal.normal_p_value,
        log_p_value: None,
        ..row.clone()
    };
    let alpha = 1.0 - row.confidence_level;
    let p = beside.p_value.map_or(String::new(), |p| format!(", {}", p_value(p, alpha)));
    let replicates = count(replicates);
    Some(format!(
        "{name} bootstrap, {replicates} replicates; by the normal law {}{p}",
        lift(&beside)
    ))
}

/// What is known of the effect after a spending plan has ended: the median-unbiased estimate, its interval where it is
/// bounded, and as of when.
pub fn stopped(row: &ResultRow) -> Option<String> {
    let (ds, effect) = row.stopped_ds.zip(row.stopped_effect)?;
    let scale = Scale::of(row);
    let shown = |value: f64| scale.difference(significant_digits(value, 3));
    let interval = match (row.stopped_ci_lower, row.stopped_ci_upper) {
        (Some(lower), Some(upper)) => format!(" ({} to {})", shown(lower), shown(upper)),
        (Some(lower), None) => format!(" (at least {})", shown(lower)),
        (None, Some(upper)) => format!(" (at most {})", shown(upper)),
        (None, None) => String::new(),
    };
    Some(format!("{}{interval} as of {ds}", shown(effect)))
}

/// The limit on the variant's own level, and whether it is kept: `limit 500 kept`.
pub fn limit(row: &ResultRow) -> Option<String> {
    let limit = Scale::of(row).absolute(row.threshold?);
    Some(match row.threshold_breached {
        Some(true) => format!("limit {limit} breached"),
        Some(false) => format!("limit {limit} not breached"),
        None => format!("limit {limit} not tested"),
    })
}

/// `, +50.0% (95% interval +3.8% to +123.4%)`: the relative effect, or the absolute one where there is none.
fn effect(row: &ResultRow) -> String {
    let ends = match (row.rel_effect, row.effect) {
        (Some(relative), _) => Shown::relative(relative, row),
        (None, Some(effect)) => Shown::absolute(effect, row),
        (None, None) => return String::new(),
    };
    let confidence = percent(row.confidence_level);
    match (ends.lower, ends.upper) {
        (Some(lower), Some(upper)) => {
            format!(", {} ({confidence} interval {lower} to {upper})", ends.value)
        }
        (Some(lower), None) => format!(", {} (at least {lower}, {confidence} bound)", ends.value),
        (None, Some(upper)) => format!(", {} (at most {upper}, {confidence} bound)", ends.value),
        (None, None) => format!(", {}", ends.value),
    }
}

/// An effect and the ends of its interval, with enough decimals for the interval's width.
struct Shown {
    value: String,
    lower: Option<String>,
    upper: Option<String>,
}

impl Shown {
    fn relative(value: f64, row: &ResultRow) -> Shown {
        Shown::new(value, row.rel_effect_ci_lower, row.rel_effect_ci_upper, 100.0, "%")
    }

    fn absolute(value: f64, row: &ResultRow) -> Shown {
        let scale = Scale::of(row);
        Shown::new(value, row.effect_ci_lower, row.effect_ci_upper, scale.factor(), scale.unit())
    }

    fn new(value: f64, lower: Option<f64>, upper: Option<f64>, factor: f64, unit: &str) -> Shown {
        let width = match (lower, upper) {
            (Some(lower), Some(upper)) => upper - lower,
            (Some(end), None) | (None, Some(end)) => value - end,
            (None, None) => value,
        };
        let least = usize::from(unit == "%");
        let decimals = decimals(width * factor, 2).max(least);
        let shown = |x: f64| format!("{}{unit}", signed(x * factor, decimals));
        Shown { value: shown(value), lower: lower.map(shown), upper: upper.map(shown) }
    }
}

/// How the levels of a metric are shown: proportions in percent, everything else in its own unit.
#[derive(Clone, Copy)]
pub(crate) enum Scale {
    Percent,
    Own,
}

impl Scale {
    pub(crate) fn of(row: &ResultRow) -> Scale {
        if matches!(row.metric_type.as_str(), "proportion" | "retention" | "superiority") {
            Scale::Percent
        } else {
            Scale::Own
        }
    }

    fn factor(self) -> f64 {
        match self {
            Scale::Percent => 100.0,
            Scale::Own => 1.0,
        }
    }

    /// The unit of a difference.
    fn unit(self) -> &'static str {
        match self {
            Scale::Percent => " points",
            Scale::Own => "",
        }
    }

    /// An absolute difference, as the experiment's file gives it.
    pub(crate) fn difference(self, value: f64) -> String {
        format!("{}{}", short(value * self.factor()), self.unit())
    }

    /// A level by itself, as the experiment's file gives one, or with four digits.
    pub(crate) fn absolute(self, value: f64) -> String {
        let sign = match self {
            Scale::Percent => "%",
            Scale::Own => "",
        };
        format!("{}{sign}", short(significant_digits(value * self.factor(), 4)))
    }

    /// Enough decimals for the larger level to show three digits, and for the difference to show two.
    fn decimals(self, a: f64, b: f64) -> usize {
        let (largest, difference) = (a.abs().max(b.abs()), (a - b).abs());
        decimals(largest * self.factor(), 3).max(decimals(difference * self.factor(), 2))
    }

    fn level(self, value: f64, decimals: usize) -> String {
        let sign = match self {
            Scale::Percent => "%",
            Scale::Own => "",
        };
        format!("{}{sign}", number(value * self.factor(), decimals))
    }
}

/// Below this a p-value is not spelled out.
const SMALL_P: f64 = 1e-4;

/// More decimals than this are not read by anyone.
const MOST_DECIMALS: usize = 9;

/// How many decimals show `digits` digits of `value`.
fn decimals(value: f64, digits: i32) -> usize {
    let magnitude = value.abs();
    if !magnitude.is_finite() || magnitude == 0.0 {
        return 0;
    }
    let decimals = digits - 1 - magnitude.log10().floor() as i32;
    usize::try_from(decimals).unwrap_or(0)
}

fn signed(value: f64, decimals: usize) -> String {
    let text = number(value, decimals);
    let zero = !text.bytes().any(|b| (b'1'..=b'9').contains(&b));
    if zero || text.starts_with('-') { text } else { format!("+{text}") }
}

fn separated(digits: &str) -> String {
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_separators() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1000), "1,000");
        assert_eq!(count(-1_234_567), "-1,234,567");
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
        assert_eq!(counted(1, "unit"), "1 unit");
        assert_eq!(counted(0, "unit"), "0 units");
    }

    #[test]
    fn small_p_values_are_not_printed_as_zero() {
        assert_eq!(p_value(4.6e-7, 0.05), "p < 0.0001");
        assert_eq!(p_value(0.0, 0.05), "p < 0.0001");
        assert_eq!(p_value(0.0314798, 0.05), "p 0.0315");
        assert_eq!(p_value(1.0, 0.05), "p 1.0000");
    }

    #[test]
    fn a_p_value_never_reads_as_the_other_side_of_alpha() {
        assert_eq!(p_value(0.050_004, 0.05), "p 0.050004");
        assert_eq!(p_value(0.05, 0.05), "p 0.0500");
        assert_eq!(p_value(0.049_999, 0.05), "p 0.0500");
        assert_eq!(p_value(2e-5, 1e-5), "p 0.00002");
    }

    #[test]
    fn settings_read_as_they_were_written() {
        assert_eq!(percent(0.05), "5%");
        assert_eq!(percent(1.0 - 0.05), "95%");
        assert_eq!(percent(0.0025), "0.25%");
        assert_eq!(percent(1.0 - 0.001), "99.9%");
        assert_eq!(short(250.0), "250");
        assert_eq!(short(1e-12), "1e-12");
        assert_eq!(short(0.1 + 0.2), "0.3");
        assert_eq!(short(1250.5), "1,250.5");
    }

    #[test]
    fn shares_do_not_round_to_nothing() {
        assert_eq!(share(94, 100), "94.00%");
        assert_eq!(share(1, 1_000_000), "0.00010%");
        assert_eq!(share(0, 10), "0.00%");
    }

    #[test]
    fn numbers_keep_their_sign_only_while_they_show_a_digit() {
        assert_eq!(signed(-0.04, 1), "0.0");
        assert_eq!(signed(0.05, 1), "+0.1");
        assert_eq!(signed(-1234.5, 1), "-1,234.5");
        assert_eq!(number(f64::NAN, 2), "NaN");
        assert_eq!(number(1e300, 2), "1.00e300");
    }

    #[test]
    fn lists_read_as_sentences() {
        let items = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        assert_eq!(list(&items(&[])), "");
        assert_eq!(list(&items(&["a"])), "a");
        assert_eq!(list(&items(&["a", "b"])), "a and b");
        assert_eq!(list(&items(&["a", "b", "c"])), "a, b and c");
    }

    /// 46 of 10,000 against 69 of 10,000, as `judge` makes it.
    pub(super) fn row() -> ResultRow {
        ResultRow {
            experiment: "ranking".to_owned(),
            ds: verdict_model::NaiveDate::from_ymd_opt(2024, 3, 14).expect("a date"),
            metric: "click_rate".to_owned(),
            role: verdict_model::Role::Primary,
            metric_type: "proportion".to_owned(),
            direction: "increase".to_owned(),
            control: "control".to_owned(),
            variant: "treatment".to_owned(),
            segment: verdict_model::rows::WHOLE.to_owned(),
            segment_value: verdict_model::rows::WHOLE.to_owned(),
            window_start: 0,
            window_end: None,
            n_control: 10_000,
            n_variant: 10_000,
            n_not_mature_control: None,
            n_not_mature_variant: None,
            mean_control: Some(0.0046),
            mean_variant: Some(0.0069),
            effect: Some(0.0023),
            effect_std_error: Some(0.001_069_17),
            effect_ci_lower: Some(0.000_204_467),
            effect_ci_upper: Some(0.004_395_53),
            rel_effect: Some(0.5),
            rel_effect_ci_lower: Some(0.037_525_9),
            rel_effect_ci_upper: Some(1.234_460_7),
            rel_effect_reason: None,
            confidence_level: 0.95,
            method: Some("two_proportion_z".to_owned()),
            alternative: "two-sided".to_owned(),
            statistic: Some(2.150_954),
            df: None,
            p_value: Some(0.031_479_8),
            log_p_value: None,
            p_value_adjusted: Some(0.031_479_8),
            family: "primary".to_owned(),
            family_size: 1,
            correction: "none".to_owned(),
            status: "ok".to_owned(),
            reason: None,
            test: "difference".to_owned(),
            margin_absolute: None,
            margin_relative: None,
            sequential_method: "none".to_owned(),
            look_ds: None,
            look: None,
            looks_planned: None,
            looks_used: None,
            information_fraction: None,
            increments: None,
            z: None,
            boundary: None,
            alpha_spent: None,
            crossed: None,
            crossed_ds: None,
            stopped_ds: None,
            stopped_effect: None,
            stopped_ci_lower: None,
            stopped_ci_upper: None,
            stopped_p_value: None,
            threshold: None,
            threshold_bound: None,
            threshold_breached: None,
            adjusted: Default::default(),
            normal: Default::default(),
            categories: Default::default(),
        }
    }

    /// A row whose statistics allow no comparison.
    fn without_number() -> ResultRow {
        ResultRow {
            effect: None,
            effect_ci_lower: None,
            effect_ci_upper: None,
            p_value_adjusted: None,
            ..without_relative()
        }
    }

    fn without_relative() -> ResultRow {
        ResultRow {
            rel_effect: None,
            rel_effect_ci_lower: None,
            rel_effect_ci_upper: None,
            ..row()
        }
    }

    #[test]
    fn levels_have_the_same_decimals() {
        let levels_of = |metric_type: &str, control, variant| {
            levels(&ResultRow {
                metric_type: metric_type.to_owned(),
                mean_control: control,
                mean_variant: variant,
                ..row()
            })
        };
        let pair = |control: &str, variant: &str| (control.to_owned(), variant.to_owned());
        assert_eq!(levels(&row()), pair("0.460%", "0.690%"));
        assert_eq!(levels_of("mean", Some(1234.5), Some(0.25)), pair("1,234", "0"));
        // As many as it takes to tell them apart.
        assert_eq!(levels_of("mean", Some(100.0), Some(100.04)), pair("100.000", "100.040"));
        assert_eq!(levels_of("mean", Some(-2.0), Some(0.0)), pair("-2.00", "0.00"));
    }

    #[test]
    fn a_level_that_is_not_defined_is_empty() {
        let levels_of = |control, variant| {
            levels(&ResultRow { mean_control: control, mean_variant: variant, ..row() })
        };
        let pair = |control: &str, variant: &str| (control.to_owned(), variant.to_owned());
        assert_eq!(levels_of(Some(0.25), None), pair("25.0%", ""));
        assert_eq!(levels_of(None, Some(0.05)), pair("", "5.00%"));
        assert_eq!(levels_of(None, None), pair("", ""));
    }

    #[test]
    fn a_lift_has_its_interval() {
        assert_eq!(lift(&row()), "+50.0% (+3.8% to +123.4%)");
        assert_eq!(lift(&without_relative()), "+0.23 points (+0.02 points to +0.44 points)");
        let mean = ResultRow { metric_type: "mean".to_owned(), ..without_relative() };
        assert_eq!(lift(&mean), "+0.0023 (+0.0002 to +0.0044)");
    }

    #[test]
    fn a_one_sided_lift_is_open_at_one_end() {
        let at_least = ResultRow { rel_effect_ci_upper: None, ..row() };
        assert_eq!(lift(&at_least), "+50.0% (+3.8% to …)");
        let at_most = ResultRow { rel_effect_ci_lower: None, ..row() };
        assert_eq!(lift(&at_most), "+50.0% (… to +123.4%)");
        let points = ResultRow { effect_ci_upper: None, ..without_relative() };
        assert_eq!(lift(&points), "+0.23 points (+0.02 points to …)");
    }

    #[test]
    fn a_lift_without_an_interval_stands_alone() {
        let untested = ResultRow { effect: Some(0.0023), ..without_number() };
        assert_eq!(lift(&untested), "+0.23 points");
        assert_eq!(lift(&without_number()), "");
    }

    #[test]
    fn an_adjusted_p_stands_without_its_letter() {
        let adjusted = |p| adjusted_p(&ResultRow { p_value_adjusted: p, ..row() });
        assert_eq!(adjusted(Some(0.031_479_8)), "0.0315");
        assert_eq!(adjusted(Some(4.6e-7)), "< 0.0001");
        assert_eq!(adjusted(Some(1.0)), "1.0000");
        // Alpha is 1 minus the level of confidence.
        assert_eq!(adjusted(Some(0.050_004)), "0.050004");
        assert_eq!(adjusted_p(&without_number()), "");
    }
}
