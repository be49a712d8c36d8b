//! How an experiment's metrics are judged: the settings, and what a guardrail has of its own.

use super::design::share;
use crate::yaml::{Item, Map};
use crate::{
    Correction, GuardrailSettings, GuardrailTest, Margin, NaiveDate, Practical, SequentialMethod,
    StatisticalSettings, Threshold,
};

/// The most looks that a plan may spend alpha over.
const MOST_LOOKS: u32 = 60;

/// How a guardrail is tested, and the limit on its level.
pub(super) fn guardrail(map: &mut Map<'_>) -> (GuardrailTest, Option<Threshold>) {
    let thresholds: Vec<Item<'_>> = map
        .get("threshold")
        .into_iter()
        .chain(map.prefixed("threshold_", "threshold_<unit>"))
        .collect();
    for item in thresholds.iter().skip(1) {
        item.refuse("another threshold is given as well; keep one of them");
    }
    let threshold = thresholds.first().and_then(|item| {
        let key = item.place.key.rsplit('.').next().unwrap_or_default();
        let unit = key.strip_prefix("threshold_").map(str::to_owned);
        Some(Threshold { level: item.number("a number", |_| true)?, unit })
    });
    let mut margin: Option<(Item<'_>, Option<Margin>)> = None;
    for key in ["margin_relative", "margin_absolute", "margin"] {
        let Some(item) = map.get(key) else { continue };
        if margin.is_some() {
            item.refuse("another margin is given as well; keep one of them");
        }
        let kind = if key == "margin_relative" { Margin::Relative } else { Margin::Absolute };
        let value = item.number("a number above 0", |x| x > 0.0).map(kind);
        margin.get_or_insert((item, value));
    }
    let words = [("deterioration", false), ("non_inferiority", true)];
    let asked = map.get("test").and_then(|item| Some((item.word(&words)?, item)));
    match (asked, margin) {
        (Some((true, item)), None) => {
            item.refuse(
                "needs `margin_relative` or `margin_absolute`: how much worse is acceptable",
            );
            (GuardrailTest::Deterioration, threshold)
        }
        (Some((false, _)), Some((margin, _))) => {
            margin.refuse("has no meaning for `test: deterioration`; remove one of the two");
            (GuardrailTest::Deterioration, threshold)
        }
        // A margin says which test is meant.
        (_, Some((_, Some(margin)))) => (GuardrailTest::NonInferiority(margin), threshold),
        (_, None | Some((_, None))) => (GuardrailTest::Deterioration, threshold),
    }
}

/// `experiment.statistical_settings`; `dates` are the experiment's first and last day.
pub(super) fn settings(
    item: Option<Item<'_>>,
    dates: (Option<NaiveDate>, Option<NaiveDate>),
) -> StatisticalSettings {
    let mut settings = StatisticalSettings::default();
    let Some(mut map) = item.and_then(|item| item.map()) else { return settings };
    if let Some(alpha) = map.get("alpha").and_then(|item| share(&item)) {
        settings.alpha = alpha;
    }
    if let Some(power) = map.get("power").and_then(|item| share(&item)) {
        settings.power = power;
    }
    if let Some(correction) = map.get("correction").and_then(|item| item.word(&Correction::WORDS)) {
        settings.correction = correction;
    }
    let sequential = map.get("sequential").and_then(|item| item.boolean());
    let method = map
        .get("sequential_method")
        .and_then(|item| Some((item.word(&SequentialMethod::WORDS)?, item)));
    settings.sequential = match (sequential, &method) {
        (Some(true), None) => SequentialMethod::Msprt,
        (Some(true), Some((SequentialMethod::None, item))) => {
            item.refuse("`sequential` is true; name a method, or write `sequential: false`");
            SequentialMethod::None
        }
        (Some(false), Some((method, item))) if *method != SequentialMethod::None => {
            item.refuse("`sequential` is false; write `sequential: true`, or remove the method");
            SequentialMethod::None
        }
        (_, Some((method, _))) => *method,
        (Some(false) | None, None) => SequentialMethod::None,
    };
    parameters(&mut map, &mut settings);
    let mut days = |key| map.get(key).and_then(|item| Some((item.days()?, item)));
    let every = days("look_every_days");
    let (max, min) = (days("max_duration_days"), days("min_duration_days"));
    if let (Some((max, _)), Some((min, item))) = (&max, &min)
        && min > max
    {
        item.refuse(format!("{min} is more than `max_duration_days`, {max}"));
    }
    settings.look_every_days = every.as_ref().map_or(1, |(days, _)| *days);
    settings.max_duration_days = max.map(|(days, _)| days);
    settings.min_duration_days = min.map(|(days, _)| days);
    if let Some((_, item)) = &method {
        check_plan(&settings, dates, item);
    }
    if let Some(practical) = map.get("practical").and_then(|item| {
        item.word(
            &[Practical::Point, Practical::Interval].map(|practical| (practical.word(), practical)),
        )
    }) {
        settings.practical = practical;
    }
    if let Some(show) = map.get("show_interim").and_then(|item| item.boolean()) {
        settings.show_interim = show;
    }
    if let Some(alpha) = map.get("sample_ratio_alpha").and_then(|item| share(&item)) {
        settings.sample_ratio_alpha = alpha;
    }
    map.finish();
    settings
}

/// What mSPRT and confidence sequences are tuned by.
fn parameters(map: &mut Map<'_>, settings: &mut StatisticalSettings) {
    let mut positive = |key, method: SequentialMethod| {
        let item = map.get(key)?;
        let number = item.number("a number above 0", |x| x > 0.0)?;
        if settings.sequential != method {
            item.refuse(format!("has no meaning without `sequential_method: {}`", method.word()));
        }
        Some((number, item))
    };
    let tau = positive("msprt_tau", SequentialMethod::Msprt);
    let short = positive("tau", SequentialMethod::Msprt);
    if let (Some(_), Some((_, item))) = (&tau, &short) {
        item.refuse("`msprt_tau` is given as well; keep one of the two");
    }
    let tuning = positive("confidence_sequence_tuning", SequentialMethod::ConfidenceSequence);
    settings.tau = tau.or(short).map(|(tau, _)| tau);
    settings.confidence_sequence_tuning = tuning.map(|(units, _)| units);
}

/// Refuses a spending method without a duration to spend over, or with more looks than it can have.
fn check_plan(
    settings: &StatisticalSettings,
    (start, end): (Option<NaiveDate>, Option<NaiveDate>),
    method: &Item<'_>,
) {
    if !settings.sequential.is_group_sequential() {
        return;
    }
    let word = settings.sequential.word();
    let dated =
        start.zip(end).and_then(|(start, end)| u32::try_from((end - start).num_days() + 1).ok());
    let days = match (settings.max_duration_days, dated) {
        (Some(days), Some(dated)) => days.min(dated),
        (Some(days), None) | (None, Some(days)) => days,
        (None, None) => {
            method.refuse(format!(
                "`{word}` spends alpha over a planned duration: give `max_duration_days`"
            ));
            return;
        }
    };
    let looks = days.div_ceil(settings.look_every_days.max(1));
    if looks > MOST_LOOKS {
        method.refuse(format!(
            "`{word}` has at most {MOST_LOOKS} looks, and {days} days have {looks}: give a larger `look_every_days`"
        ));
    }
}

/// `experiment.guardrail_settings`; `alpha` is the experiment's.
pub(super) fn guardrail_settings(item: Option<Item<'_>>, alpha: f64) -> GuardrailSettings {
    let mut settings = GuardrailSettings {
        alpha,
        correction: Correction::Bonferroni,
        auto_stop_on_violation: false,
    };
    let Some(mut map) = item.and_then(|item| item.map()) else { return settings };
    if let Some(alpha) = map.get("alpha").and_then(|item| share(&item)) {
        settings.alpha = alpha;
    }
    if let Some(correction) = map.get("correction").and_then(|item| item.word(&Correction::WORDS)) {
        settings.correction = correction;
    }
    if let Some(stop) = map.get("auto_stop_on_violation").and_then(|item| item.boolean()) {
        settings.auto_stop_on_violation = stop;
    }
    map.finish();
    settings
}
