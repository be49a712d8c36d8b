//! A promised row over the looks of an experiment: by the law of the metric, by its replicates, and against a limit on levels.

use verdict_model::rows::{GroupStat, ResultRow, WHOLE};
use verdict_model::{Bootstrap, Direction, Margin};

use super::compare::{NO_LIFT, by_past_word, relative_effect};
use super::history::History;
use super::levels::Levels;
use super::promise::{Promise, closed, without, without_test};
use super::resampled::{AtLook, OverLooks, Replicates, at_look};
use super::samples::{CLUSTERED, Gap, Kind};
use super::strata::by_strata_word;
use super::tuning;
use super::watch::{Contrast, Question, Watched, watch};
use crate::methods::{Alternative, Interval};

impl Promise<'_> {
    /// The comparison over all looks, by the replicates of a bootstrap where one is given.
    pub(super) fn watch(
        &self,
        history: &History<'_>,
        bootstrap: Option<Bootstrap>,
    ) -> Result<Watched, Gap> {
        let question = Question {
            metric: &self.metric.name.value,
            metric_type: self.metric_type,
            adjusted: self.metric.cuped.is_some(),
            // Of all units; a segment's own rows are plain.
            strata: self.metric.post_stratify.as_deref().filter(|_| self.segment.0 == WHOLE),
            bootstrap,
            control: &self.experiment.design.control.value,
            variant: &self.arm.name,
            segment: self.segment,
            contrast: self.contrast().ok_or(Gap::Failed("margin_too_large"))?,
            alternative: self.alternative(),
            alpha: self.alpha(),
        };
        self.ask(history, &question)
    }

    fn ask(&self, history: &History<'_>, question: &Question<'_>) -> Result<Watched, Gap> {
        let settings = &self.experiment.settings;
        let watched = watch(history, question, |first| {
            tuning::method(settings, self.metric, first, question.alpha)
        })?;
        if watched.p.is_none() { Err(Gap::NotMature("no_test_yet")) } else { Ok(watched) }
    }

    pub(super) fn with_looks(&self, row: ResultRow, watched: &Watched) -> ResultRow {
        let alternative = self.alternative();
        let Watched { levels, critical, interval, .. } = watched;
        let Levels { control, variant, .. } = levels;
        let std_error = levels.variance(1.0).sqrt();
        let effect = variant.mean - control.mean;
        let shifted =
            Interval { lower: effect - critical * std_error, upper: effect + critical * std_error };
        let interval = match self.margin() {
            None => *interval,
            Some(Margin::Absolute(_)) => {
                let shift = self.contrast().map_or(0.0, |contrast| contrast.shift);
                Interval { lower: interval.lower - shift, upper: interval.upper - shift }
            }
            Some(Margin::Relative(_)) => alternative.open(shifted),
        };
        let relative = match self.metric_type {
            "superiority" => Err(NO_LIFT),
            _ => relative_effect(levels, alternative, *critical),
        };
        let kept = |interval: Interval| self.as_far_as_excluded(interval, watched);
        let (rel_effect, rel_interval, rel_effect_reason) = match relative {
            Ok(relative) => (Some(relative.effect), Some(kept(relative.interval)), None),
            Err(reason) => (None, None, Some(reason.to_owned())),
        };
        let by_past = Kind::of(self.metric_type).ok().filter(|_| self.metric.cuped.is_some());
        let method = match self.metric_type {
            _ if by_past.is_some() => by_past.map_or("", by_past_word),
            _ if levels.strata.is_some() => Kind::of(self.metric_type).map_or("", by_strata_word),
            "proportion" | "retention" => "two_proportion_z_unpooled",
            "quantile" => "quantile_woodruff_z",
            "superiority" => "brunner_munzel_z",
            "mean" => "welch_t",
            of_clusters if of_clusters.starts_with(CLUSTERED) => "cluster_delta_t",
            _ => "ratio_delta_z",
        };
        let p = watched.p;
        // Against a share of the control's level the contrast is not the effect, and what is known of it is no interval
        // of the effect.
        let shift = self.contrast().filter(|contrast| contrast.factor == 1.0);
        let stopped = watched.stopped.zip(shift.map(|contrast| contrast.shift));
        ResultRow {
            effect: Some(effect),
            effect_std_error: Some(std_error),
            effect_ci_lower: closed(interval.lower),
            effect_ci_upper: closed(interval.upper),
            rel_effect,
            rel_effect_ci_lower: rel_interval.and_then(|interval| closed(interval.lower)),
            rel_effect_ci_upper: rel_interval.and_then(|interval| closed(interval.upper)),
            rel_effect_reason,
            method: Some(method.to_owned()),
            statistic: Some(watched.estimate / watched.std_error),
            df: watched.df,
            p_value: p.map(|p| p.p),
            log_p_value: p.filter(|p| p.p < 1e-300).map(|p| p.ln_p),
            looks_used: Some(i32::try_from(watched.looks_used).unwrap_or(i32::MAX)),
            increments: (watched.looks_used > 1)
                .then(|| if watched.from_units { "units" } else { "independent" }.to_owned()),
            z: Some(watched.z),
            boundary: watched.boundary,
            alpha_spent: watched.alpha_spent,
            crossed: Some(watched.crossed.is_some()),
            crossed_ds: watched.crossed,
            stopped_ds: stopped.map(|(stopped, _)| stopped.ds),
            stopped_effect: stopped.map(|(stopped, shift)| stopped.estimate - shift),
            stopped_ci_lower: stopped
                .and_then(|(stopped, shift)| closed(stopped.interval.lower - shift)),
            stopped_ci_upper: stopped
                .and_then(|(stopped, shift)| closed(stopped.interval.upper - shift)),
            stopped_p_value: stopped.map(|(stopped, _)| stopped.p),
            ..row
        }
    }

    /// A row that was watched, by the bootstrap where that is in effect: the looks once more with the statistics of their
    /// replicates.
    pub(super) fn resampled_over_looks(
        &self,
        row: ResultRow,
        groups: (&GroupStat, &GroupStat),
        history: &History<'_>,
    ) -> ResultRow {
        let (Some(bootstrap), Some(_)) = (self.metric.bootstrap, row.p_value) else { return row };
        match self.by_replicates(&row, bootstrap, groups, history) {
            Ok(row) => row,
            Err(gap) => without(without_test(row), gap),
        }
    }

    fn by_replicates(
        &self,
        row: &ResultRow,
        bootstrap: Bootstrap,
        (control, variant): (&GroupStat, &GroupStat),
        history: &History<'_>,
    ) -> Result<ResultRow, Gap> {
        let watched = self.watch(history, Some(bootstrap))?;
        let kind = Kind::of(self.metric_type)?;
        let drawn = (bootstrap, history.resamples);
        let replicates = &Replicates::of_groups(drawn, kind, control, variant)?;
        let (critical, alternative) = (watched.critical, self.alternative());
        let asked = OverLooks { bootstrap, replicates, critical, alternative };
        let AtLook { method, std_error, difference, lift, normal } = at_look(row, &asked)?;
        let of_looks = self.with_looks(row.clone(), &watched);
        let (lower, upper) = match self.margin() {
            // What was watched is the difference, or its distance from the margin.
            None | Some(Margin::Absolute(_)) => {
                (of_looks.effect_ci_lower, of_looks.effect_ci_upper)
            }
            Some(Margin::Relative(_)) => (closed(difference.lower), closed(difference.upper)),
        };
        let lift = lift.map(|interval| self.as_far_as_excluded(interval, &watched));
        Ok(ResultRow {
            method: Some(method),
            effect_std_error: Some(std_error),
            effect_ci_lower: lower,
            effect_ci_upper: upper,
            rel_effect: row.rel_effect,
            rel_effect_reason: row.rel_effect_reason.clone(),
            rel_effect_ci_lower: lift.and_then(|interval| closed(interval.lower)),
            rel_effect_ci_upper: lift.and_then(|interval| closed(interval.upper)),
            // Those of the normal law; of replicates `z` is all there is.
            statistic: None,
            df: None,
            normal,
            ..of_looks
        })
    }

    /// The relative interval, cut where the absolute one was: at no effect, or at the relative margin.
    fn as_far_as_excluded(&self, interval: Interval, watched: &Watched) -> Interval {
        let edge = match self.contrast() {
            Some(Contrast { factor, shift: 0.0 }) => factor - 1.0,
            // A margin in the metric's unit is no fixed share of the control's level.
            _ => return interval,
        };
        if watched.interval.lower == 0.0 {
            Interval { lower: interval.lower.max(edge), upper: interval.upper.max(edge) }
        } else if watched.interval.upper == 0.0 {
            Interval { lower: interval.lower.min(edge), upper: interval.upper.min(edge) }
        } else {
            interval
        }
    }

    /// The variant's own level against the limit that a guardrail sets.
    pub(super) fn with_limit(&self, row: ResultRow, history: &History<'_>) -> ResultRow {
        let Some(limit) = self.metric.threshold.as_ref().filter(|_| self.segment.0 == WHOLE) else {
            return row;
        };
        let alternative = match self.metric.direction {
            Direction::Decrease => Alternative::Greater,
            Direction::Increase => Alternative::Less,
        };
        let question = Question {
            metric: &self.metric.name.value,
            metric_type: self.metric_type,
            adjusted: self.metric.cuped.is_some(),
            strata: None,
            bootstrap: None,
            control: &self.experiment.design.control.value,
            variant: &self.arm.name,
            segment: self.segment,
            contrast: Contrast { factor: 0.0, shift: -limit.level },
            alternative,
            alpha: self.alpha() / self.limits.max(1) as f64,
        };
        let watched = self.ask(history, &question).ok();
        let bound = watched.as_ref().map(|watched| match alternative {
            Alternative::Less => watched.interval.upper + limit.level,
            _ => watched.interval.lower + limit.level,
        });
        ResultRow {
            threshold: Some(limit.level),
            threshold_bound: bound.and_then(closed),
            threshold_breached: watched.map(|watched| watched.crossed.is_some()),
            ..row
        }
    }
}
