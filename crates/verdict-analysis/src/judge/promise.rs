//! One promised row: how its comparison is to be tested, and what comes of it.

use verdict_model::rows::{Adjusted, ComparedCategories, GroupStat, NormalLaw, ResultRow, WHOLE};
use verdict_model::{
    Arm, Direction, Experiment, ExperimentMetric, GuardrailTest, Margin, NaiveDate, Role,
    SequentialMethod,
};

use super::adjustment::{adjustment, unadjusted, with_caps, without_caps};
use super::categories::{CATEGORICAL, with_categories};
use super::compare::{Comparison, Evidence, compare};
use super::families;
use super::groups::Groups;
use super::history::History;
use super::resampled::{self, resampled};
use super::results::alpha;
use super::samples::{Gap, Kind};
use super::strata::{self, compare_by_strata};
use super::watch::Contrast;
use crate::methods::Alternative;

/// A comparison that the configuration promises a row for.
pub(super) struct Promise<'a> {
    pub(super) experiment: &'a Experiment,
    pub(super) ds: NaiveDate,
    pub(super) metric: &'a ExperimentMetric,
    pub(super) metric_type: &'a str,
    pub(super) arm: &'a Arm,
    /// Dimension and value.
    pub(super) segment: (&'a str, &'a str),
    /// How many limits on levels the experiment has, over guardrails and arms.
    pub(super) limits: usize,
}

/// How a comparison is tested.
pub(super) enum Mode {
    /// By the method of the metric's type, once.
    Once,
    /// Not yet.
    Withheld(Gap),
    /// Over all looks, or once against a margin.
    Watched,
}

impl Promise<'_> {
    pub(super) fn keep(&self, history: &History<'_>) -> ResultRow {
        if self.metric_type == CATEGORICAL {
            return with_categories(self, history, self.of_categories(history));
        }
        let groups = history.shown();
        let group = |variant: &str| {
            groups.get(&self.metric.name.value, variant, self.segment.0, self.segment.1)
        };
        let (control, variant) =
            (group(&self.experiment.design.control.value), group(&self.arm.name));
        let alternative = self.alternative();
        let compared = |adjusted, control, variant| {
            compare(self.metric_type, adjusted, control, variant, self.alpha(), alternative)
        };
        let by_strata = self.by_strata(groups);
        let stratified_by = self.metric.post_stratify.clone().filter(|_| by_strata.is_some());
        let comparison =
            by_strata.unwrap_or_else(|| compared(self.metric.cuped.is_some(), control, variant));
        let row = self.without_number(control, variant, &comparison, history);
        let row = match (&comparison.outcome, adjustment(self.metric, stratified_by.is_some())) {
            (Ok(evidence), Some(word)) => {
                let as_they_are = [control, variant].map(|group| group.map(without_caps));
                let [of_control, of_variant] = &as_they_are;
                let plain = compared(false, of_control.as_ref(), of_variant.as_ref());
                let adjusted = unadjusted(word, &plain, evidence);
                let adjusted = with_caps(adjusted, control, variant);
                ResultRow { adjusted: Adjusted { stratified_by, ..adjusted }, ..row }
            }
            _ => row,
        };
        let mode = self.mode(history);
        let over_looks = matches!(mode, Mode::Watched)
            && self.experiment.settings.sequential != SequentialMethod::None;
        let row = match (comparison.outcome, mode) {
            (Err(gap), _) => without(row, gap),
            (Ok(evidence), Mode::Once) => with_number(row, &evidence),
            (Ok(evidence), Mode::Withheld(gap)) => withheld(row, &evidence, gap),
            (Ok(evidence), Mode::Watched) => match self.watch(history, None) {
                Ok(watched) => self.with_looks(row, &watched),
                Err(gap) => withheld(row, &evidence, gap),
            },
        };
        let row = match control.zip(variant) {
            Some(groups) if over_looks => self.resampled_over_looks(row, groups, history),
            Some(groups) => self.resampled(row, groups, history),
            None => row,
        };
        self.with_limit(row, history)
    }

    /// A row with a test, by the bootstrap where that is in effect.
    fn resampled(
        &self,
        row: ResultRow,
        (control, variant): (&GroupStat, &GroupStat),
        history: &History<'_>,
    ) -> ResultRow {
        let kind = Kind::of(self.metric_type).ok();
        let (Some(bootstrap), Some(kind), Some(contrast), Some(_)) =
            (self.metric.bootstrap, kind, self.contrast(), row.p_value)
        else {
            return row;
        };
        let (alternative, alpha) = (self.alternative(), self.alpha());
        let question =
            resampled::Question { bootstrap, kind, control, variant, contrast, alternative, alpha };
        match resampled(row.clone(), &question, history.resamples) {
            Ok(row) => row,
            Err(gap) => without(without_test(row), gap),
        }
    }

    /// The comparison of post-stratified levels, where that is in effect: over the whole, whose strata are a segment's values.
    fn by_strata(&self, groups: &Groups<'_>) -> Option<Comparison> {
        let segment = self.metric.post_stratify.as_deref().filter(|_| self.segment.0 == WHOLE)?;
        let Some(contrast) = self.contrast() else {
            let outcome = Err(Gap::Failed("margin_too_large"));
            return Some(Comparison { levels: (None, None), outcome });
        };
        let question = strata::Question {
            of: strata::Stratified {
                metric: &self.metric.name.value,
                metric_type: self.metric_type,
                segment,
                control: &self.experiment.design.control.value,
                variant: &self.arm.name,
            },
            contrast,
            alternative: self.alternative(),
            alpha: self.alpha(),
        };
        Some(compare_by_strata(groups, &question))
    }

    /// The row of a categorical metric without its numbers.
    fn of_categories(&self, history: &History<'_>) -> ResultRow {
        let group = |variant: &str| {
            let (segment, value) = self.segment;
            history.shown().get(&self.metric.name.value, variant, segment, value)
        };
        let (control, variant) =
            (group(&self.experiment.design.control.value), group(&self.arm.name));
        // Its shares are no level, and their differences no effect.
        let comparison =
            Comparison { levels: (None, None), outcome: Err(Gap::Failed("method_not_in_effect")) };
        self.without_number(control, variant, &comparison, history)
    }

    pub(super) fn mode(&self, history: &History<'_>) -> Mode {
        let settings = &self.experiment.settings;
        let whole = self.segment.0 == WHOLE;
        let plain = self.contrast() == Some(Contrast::DIFFERENCE);
        match settings.sequential {
            SequentialMethod::None if history.looks().is_empty() => {
                Mode::Withheld(Gap::NotMature("before_planned_end"))
            }
            // Of strata the margin is a part of the comparison.
            SequentialMethod::None if plain || (whole && self.metric.post_stratify.is_some()) => {
                Mode::Once
            }
            // The boundaries of a spending plan are dear, and segments inform only: they are tested once, at its end.
            method if method.is_group_sequential() && !whole && !history.ended() => {
                Mode::Withheld(Gap::NotMature("before_planned_end"))
            }
            method if method.is_group_sequential() && !whole && plain => Mode::Once,
            _ => Mode::Watched,
        }
    }

    pub(super) fn alpha(&self) -> f64 {
        alpha(self.experiment, self.metric.role)
    }

    /// The margin of a guardrail that is tested for non-inferiority.
    pub(super) fn margin(&self) -> Option<Margin> {
        match (self.metric.role, self.metric.test) {
            (Role::Guardrail, GuardrailTest::NonInferiority(margin)) => Some(margin),
            _ => None,
        }
    }

    /// Two-sided; guardrails one-sided for harm, or for its absence.
    pub(super) fn alternative(&self) -> Alternative {
        let upwards = match (self.metric.role, self.margin()) {
            (Role::Primary | Role::Secondary, _) => return Alternative::TwoSided,
            (Role::Guardrail, Some(_)) => self.metric.direction == Direction::Increase,
            (Role::Guardrail, None) => self.metric.direction == Direction::Decrease,
        };
        if upwards { Alternative::Greater } else { Alternative::Less }
    }

    /// What is tested against zero; `None` for a relative margin that leaves nothing of the control's level.
    pub(super) fn contrast(&self) -> Option<Contrast> {
        // Where higher is better a loss is downwards.
        let sign = if self.metric.direction == Direction::Increase { 1.0 } else { -1.0 };
        match self.margin() {
            None => Some(Contrast::DIFFERENCE),
            Some(Margin::Absolute(margin)) => {
                Some(Contrast { shift: sign * margin, ..Contrast::DIFFERENCE })
            }
            Some(Margin::Relative(margin)) => {
                let factor = 1.0 - sign * margin;
                (factor > 0.0).then_some(Contrast { factor, shift: 0.0 })
            }
        }
    }

    fn without_number(
        &self,
        control: Option<&GroupStat>,
        variant: Option<&GroupStat>,
        comparison: &Comparison,
        history: &History<'_>,
    ) -> ResultRow {
        let (mean_control, mean_variant) = comparison.levels;
        let (margin_absolute, margin_relative) = match self.margin() {
            None => (None, None),
            Some(Margin::Absolute(margin)) => (Some(margin), None),
            Some(Margin::Relative(margin)) => (None, Some(margin)),
        };
        let look = history.look();
        let window = self.metric.window;
        let day = |day: u32| i32::try_from(day).unwrap_or(i32::MAX);
        let number = |n: usize| i32::try_from(n).unwrap_or(i32::MAX);
        ResultRow {
            experiment: self.experiment.name.value.clone(),
            ds: self.ds,
            metric: self.metric.name.value.clone(),
            role: self.metric.role,
            metric_type: self.metric_type.to_owned(),
            direction: self.metric.direction.word().to_owned(),
            control: self.experiment.design.control.value.clone(),
            variant: self.arm.name.clone(),
            segment: self.segment.0.to_owned(),
            segment_value: self.segment.1.to_owned(),
            window_start: window.map_or(0, |window| day(window.start)),
            window_end: window.map(|window| day(window.end)),
            n_control: control.map_or(0, |group| group.n),
            n_variant: variant.map_or(0, |group| group.n),
            n_not_mature_control: window.and_then(|_| control?.n_not_mature),
            n_not_mature_variant: window.and_then(|_| variant?.n_not_mature),
            mean_control,
            mean_variant,
            effect: comparison.effect(),
            effect_std_error: None,
            effect_ci_lower: None,
            effect_ci_upper: None,
            rel_effect: None,
            rel_effect_ci_lower: None,
            rel_effect_ci_upper: None,
            rel_effect_reason: None,
            confidence_level: 1.0 - self.alpha(),
            method: None,
            alternative: word(self.alternative()).to_owned(),
            statistic: None,
            df: None,
            p_value: None,
            log_p_value: None,
            p_value_adjusted: None,
            family: families::name(self.metric, self.segment.0),
            family_size: 0,
            correction: families::correction(self.experiment, self.metric, self.segment.0)
                .word()
                .to_owned(),
            status: "ok".to_owned(),
            reason: None,
            test: match (self.metric.role, self.margin()) {
                (Role::Primary | Role::Secondary, _) => "difference",
                (Role::Guardrail, None) => "deterioration",
                (Role::Guardrail, Some(_)) => "non_inferiority",
            }
            .to_owned(),
            margin_absolute,
            margin_relative,
            sequential_method: self.experiment.settings.sequential.word().to_owned(),
            look_ds: look.map(|look| look.ds),
            look: look.and_then(|look| look.number).map(number),
            looks_planned: history.planned().map(number),
            looks_used: None,
            information_fraction: look.and_then(|look| look.fraction),
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
            adjusted: Adjusted::default(),
            normal: NormalLaw::default(),
            categories: ComparedCategories::default(),
        }
    }
}

/// A row that has no number.
pub(super) fn without(row: ResultRow, gap: Gap) -> ResultRow {
    ResultRow {
        status: gap.status().to_owned(),
        reason: Some(gap.reason().to_owned()),
        rel_effect_reason: Some(gap.reason().to_owned()),
        ..row
    }
}

/// A row without what a test says.
pub(super) fn without_test(row: ResultRow) -> ResultRow {
    ResultRow {
        effect_std_error: None,
        effect_ci_lower: None,
        effect_ci_upper: None,
        rel_effect_ci_lower: None,
        rel_effect_ci_upper: None,
        method: None,
        statistic: None,
        df: None,
        p_value: None,
        log_p_value: None,
        z: None,
        boundary: None,
        crossed: None,
        crossed_ds: None,
        ..row
    }
}

/// A row whose effect is shown, and neither its p-value nor its interval: they would be tests.
fn withheld(row: ResultRow, evidence: &Evidence, gap: Gap) -> ResultRow {
    let rel_effect = evidence.relative.ok().map(|relative| relative.effect);
    let rel_effect_reason = evidence.relative.err().map(str::to_owned);
    ResultRow {
        rel_effect,
        rel_effect_reason,
        effect: Some(evidence.test.effect),
        ..without(row, gap)
    }
}

fn with_number(row: ResultRow, evidence: &Evidence) -> ResultRow {
    let (relative, rel_effect_reason) = match evidence.relative {
        Ok(relative) => (Some(relative), None),
        Err(reason) => (None, Some(reason.to_owned())),
    };
    ResultRow {
        effect: Some(evidence.test.effect),
        effect_std_error: Some(evidence.interval_std_error),
        effect_ci_lower: closed(evidence.test.ci_lower),
        effect_ci_upper: closed(evidence.test.ci_upper),
        rel_effect: relative.map(|relative| relative.effect),
        rel_effect_ci_lower: relative.and_then(|relative| closed(relative.interval.lower)),
        rel_effect_ci_upper: relative.and_then(|relative| closed(relative.interval.upper)),
        rel_effect_reason,
        method: Some(evidence.method.to_owned()),
        statistic: Some(evidence.test.statistic),
        df: evidence.test.df,
        p_value: Some(evidence.test.p_value),
        log_p_value: (evidence.test.p_value < 1e-300).then_some(evidence.test.log_p_value),
        ..row
    }
}

/// An end of an interval; open ends are no number.
pub(super) fn closed(end: f64) -> Option<f64> {
    end.is_finite().then_some(end)
}

/// The column's word for an alternative.
fn word(alternative: Alternative) -> &'static str {
    match alternative {
        Alternative::TwoSided => "two-sided",
        Alternative::Greater => "greater",
        Alternative::Less => "less",
    }
}
