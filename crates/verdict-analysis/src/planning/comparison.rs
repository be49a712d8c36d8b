//! One treatment against the control, as the formulas see it.

use super::shares::{Shares, whole};
use super::{Answer, Correction, Effect, Formula, Metric, Objective, Question, Request};
use crate::methods::MethodError;
use crate::methods::error::{check_alpha, check_finite, check_not_negative, check_positive};
use crate::methods::guardrail::{Better, Margin};
use crate::methods::power::{
    Design, Sides, adjusted_sd, alpha_per_comparison, binomial, duration_days, means,
    power_per_guardrail, proportions,
};
use crate::methods::ratio::RatioSample;

/// The comparison that a plan is made for.
pub(super) struct Comparison<'a> {
    pub(super) request: &'a Request,
    /// Alpha and sides of this comparison, and the smallest treatment's units for one of the control.
    pub(super) design: Design,
    /// The power it needs.
    pub(super) wanted: f64,
    /// The planned effect in the metric's unit; zero where the effect or the margin is what is asked for.
    pub(super) effect: f64,
    /// The control's level, where it is known.
    pub(super) baseline: Option<f64>,
    /// The standard deviation between units of a mean or a ratio, after adjustment; of a proportion it follows from the rate.
    sd: f64,
}

impl<'a> Comparison<'a> {
    pub(super) fn of(
        request: &'a Request,
        comparisons: u32,
        ratio: f64,
    ) -> Result<Self, MethodError> {
        check_alpha(request.alpha)?;
        let rho = request.correlation;
        if !(-1.0 < rho && rho < 1.0) {
            let what = "the correlation with the covariate";
            return Err(MethodError::BadProbability { what, value: rho });
        }
        let (baseline, sd) = level_and_spread(&request.metric)?;
        let (alpha, wanted) = levels(request, comparisons);
        let sides = match request.objective {
            Objective::Difference => request.sides,
            Objective::NonInferiority { .. } => Sides::One,
        };
        let mut comparison = Self {
            request,
            design: Design { alpha, sides, ratio },
            wanted,
            effect: 0.0,
            baseline,
            sd: adjusted_sd(sd, rho),
        };
        let margin_is_asked = matches!(request.question, Question::Mde { .. });
        comparison.effect = match (request.effect, request.objective) {
            (None, Objective::Difference) if !margin_is_asked => {
                let (what, why) = ("a plan", "no effect to detect is given");
                return Err(MethodError::Unreachable { what, why });
            }
            (Some(effect), Objective::Difference) if !margin_is_asked => {
                comparison.absolute(effect)?
            }
            (Some(effect), Objective::NonInferiority { .. }) => comparison.absolute(effect)?,
            _ => 0.0,
        };
        if let Objective::NonInferiority { margin: None, .. } = request.objective
            && !margin_is_asked
        {
            return Err(MethodError::Unreachable { what: "a plan", why: "no margin is given" });
        }
        if let Metric::Proportion { baseline } = request.metric {
            let treatment = baseline + comparison.effect;
            if !(treatment > 0.0 && treatment < 1.0) {
                let what = "the treatment rate";
                return Err(MethodError::BadProbability { what, value: treatment });
            }
        }
        Ok(comparison)
    }

    /// The formulas that fit.
    pub(super) fn formulas(&self) -> &'static [Formula] {
        match (self.request.metric, self.request.objective) {
            // The adjusted outcome is no count any more.
            (Metric::Proportion { .. }, Objective::Difference)
                if self.request.correlation == 0.0 =>
            {
                &[Formula::NormalApproximation, Formula::ExactBinomial]
            }
            (Metric::Proportion { .. }, _) => &[Formula::NormalApproximation],
            _ => &[Formula::NormalApproximation, Formula::NoncentralT],
        }
    }

    /// The formula of the curves: the exact law where it is smooth.
    pub(super) fn smooth_formula(&self) -> Formula {
        match self.request.metric {
            Metric::Proportion { .. } => Formula::NormalApproximation,
            _ => Formula::NoncentralT,
        }
    }

    /// The units in the control by each formula, before rounding up.
    pub(super) fn sample_sizes(&self) -> Result<Vec<(Formula, f64)>, MethodError> {
        if let Some([p_c, p_t]) = self.rates(self.effect) {
            let size = proportions::sample_size(p_c, p_t, self.wanted, &self.design)?;
            let n = size.control * self.unexplained();
            // The exact power goes up and down from unit to unit; the formula's size is what it is given for.
            return Ok(self.formulas().iter().map(|formula| (*formula, n)).collect());
        }
        let size = means::sample_size(
            self.distance(self.effect)?,
            self.contrast_sd(self.effect)?,
            self.wanted,
            &self.design,
        )?;
        let all = [(Formula::NormalApproximation, size.normal), (Formula::NoncentralT, size.exact)];
        Ok(all.into_iter().filter(|(formula, _)| self.formulas().contains(formula)).collect())
    }

    /// The detectable effect upwards by each formula (or margin), and downwards where that differs.
    pub(super) fn detectable(
        &self,
        n_control: f64,
    ) -> Result<Vec<(Formula, f64, Option<f64>)>, MethodError> {
        if let (Metric::Proportion { baseline }, Objective::Difference) =
            (self.request.metric, self.request.objective)
        {
            let n = n_control / self.unexplained();
            let reach = |up| {
                proportions::detectable_rate(baseline, n, self.wanted, up, &self.design)
                    .map(|rate| rate - baseline)
            };
            // One way may end at 0 or 1 before anything is detectable.
            let (up, down) = (reach(true), reach(false).ok());
            let effect = up.or_else(|error| down.ok_or(error))?;
            return Ok(self.formulas().iter().map(|f| (*f, effect, down)).collect());
        }
        let sd = self.contrast_sd(self.effect)?;
        let mde = means::detectable_difference(sd, n_control, self.wanted, &self.design)?;
        // A margin has to make room for the true effect besides.
        let room = match self.request.objective {
            Objective::NonInferiority { better, .. } => self.gain(better),
            Objective::Difference => 0.0,
        };
        let mut all = vec![(Formula::NormalApproximation, mde.normal - room, None)];
        if self.formulas().contains(&Formula::NoncentralT)
            && let Some(exact) = mde.exact
        {
            all.push((Formula::NoncentralT, exact - room, None));
        }
        Ok(all)
    }

    /// The power of units and an effect; `None` where the law is too long to count.
    pub(super) fn power(
        &self,
        formula: Formula,
        effect: f64,
        shares: &Shares,
        units: &[u64],
    ) -> Result<Option<f64>, MethodError> {
        let (n_control, n_treatment) = (units[0], units[shares.smallest()]);
        if formula != Formula::ExactBinomial {
            return self.smooth_power(formula, effect, n_control as f64);
        }
        let Some(rates) = self.rates(effect) else { return Ok(None) };
        match binomial::exact_power(rates, [n_control, n_treatment], &self.design) {
            Ok(power) => Ok(Some(power)),
            Err(MethodError::TooLarge { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The power by one of the laws that take any number of units.
    pub(super) fn smooth_power(
        &self,
        formula: Formula,
        effect: f64,
        n_control: f64,
    ) -> Result<Option<f64>, MethodError> {
        if let Some([p_c, p_t]) = self.rates(effect) {
            let n = n_control / self.unexplained();
            return proportions::power(p_c, p_t, n, &self.design).map(|power| Some(power.total));
        }
        // Where the margin is asked for, the effect is the margin.
        let distance = match (self.request.question, self.request.objective) {
            (Question::Mde { .. }, Objective::NonInferiority { better, .. }) => {
                effect + self.gain(better)
            }
            _ => self.distance(effect)?,
        };
        let sd = self.contrast_sd(effect)?;
        let power = means::power(distance, sd, n_control, &self.design)?;
        // A true effect on the wrong side of the margin: the formulas take the distance without its sign.
        if distance < 0.0 {
            return Ok(Some(0.0));
        }
        Ok(match formula {
            Formula::NoncentralT => power.exact,
            Formula::NormalApproximation | Formula::ExactBinomial => Some(power.normal),
        })
    }

    /// The answer of one formula, unless the law was too long to count.
    pub(super) fn answer(
        &self,
        formula: Formula,
        units: Vec<u64>,
        power: Option<f64>,
        effect: f64,
        effect_down: Option<f64>,
    ) -> Result<Option<Answer>, MethodError> {
        let Some(power) = power else { return Ok(None) };
        let total = whole(units.iter().map(|n| *n as f64).sum())?;
        let days = self.request.units_per_day.map(|per_day| duration_days(total as f64, per_day));
        Ok(Some(Answer {
            formula,
            total,
            units,
            power,
            effect,
            effect_rel: self.relative(effect),
            effect_down,
            days: days.transpose()?,
        }))
    }

    /// The effect in the metric's unit.
    fn absolute(&self, effect: Effect) -> Result<f64, MethodError> {
        let value = match effect {
            Effect::Absolute(value) => value,
            Effect::Relative(share) => share * self.known_baseline()?,
        };
        check_finite("the effect", value)?;
        Ok(value)
    }

    fn relative(&self, effect: f64) -> Option<f64> {
        self.baseline.filter(|baseline| *baseline > 0.0).map(|baseline| effect / baseline)
    }

    fn known_baseline(&self) -> Result<f64, MethodError> {
        let baseline = self.baseline.ok_or(MethodError::Unreachable {
            what: "a relative effect",
            why: "the control's mean is not given",
        })?;
        check_positive("the control's level", baseline)?;
        Ok(baseline)
    }

    /// Both rates, for the pooled test of a difference of proportions.
    fn rates(&self, effect: f64) -> Option<[f64; 2]> {
        match (self.request.metric, self.request.objective) {
            (Metric::Proportion { baseline }, Objective::Difference) => {
                Some([baseline, baseline + effect])
            }
            _ => None,
        }
    }

    /// The share of the variance that the covariate leaves.
    fn unexplained(&self) -> f64 {
        let rho = self.request.correlation;
        (1.0 - rho) * (1.0 + rho)
    }

    /// The true effect, positive where it is good.
    fn gain(&self, better: Better) -> f64 {
        match better {
            Better::Higher => self.effect,
            Better::Lower => -self.effect,
        }
    }

    /// How far the truth lies from the hypothesis that is to be rejected.
    fn distance(&self, effect: f64) -> Result<f64, MethodError> {
        let Objective::NonInferiority { margin, better, .. } = self.request.objective else {
            return Ok(effect.abs());
        };
        let gain = match better {
            Better::Higher => effect,
            Better::Lower => -effect,
        };
        let room = match margin {
            Some(Margin::Absolute(margin)) => margin,
            Some(Margin::Relative(share)) => share * self.known_baseline()?,
            None => 0.0,
        };
        check_not_negative("the margin", room)?;
        let distance = room + gain;
        if distance > 0.0 {
            Ok(distance)
        } else {
            let (what, why) = ("non-inferiority", "the true effect is not within the margin");
            Err(MethodError::Unreachable { what, why })
        }
    }

    /// The spread for which the formulas of one standard deviation give the variance of the contrast that is tested.
    fn contrast_sd(&self, effect: f64) -> Result<f64, MethodError> {
        let k = self.design.ratio;
        let (own, of_control) = match self.request.metric {
            Metric::Proportion { baseline } => {
                let sd = |rate: f64| (rate * (1.0 - rate) * self.unexplained()).sqrt();
                let asks_margin = matches!(self.request.question, Question::Mde { .. });
                let treatment = baseline + if asks_margin { self.effect } else { effect };
                (sd(treatment), sd(baseline))
            }
            _ => (self.sd, self.sd),
        };
        // A relative margin e tests m_t - (1 ∓ e) m_c: the control's part of the variance is scaled with it.
        let scale = match self.request.objective {
            Objective::NonInferiority { margin: Some(Margin::Relative(e)), better, .. } => {
                match better {
                    Better::Higher => 1.0 - e,
                    Better::Lower => 1.0 + e,
                }
            }
            _ => 1.0,
        };
        let of_control = of_control * scale;
        let sd = ((of_control * of_control + own * own / k) / (1.0 + 1.0 / k)).sqrt();
        check_positive("the standard deviation", sd)?;
        Ok(sd)
    }
}

/// The control's level, where it is known, and the spread of a mean or a ratio.
fn level_and_spread(metric: &Metric) -> Result<(Option<f64>, f64), MethodError> {
    match *metric {
        Metric::Proportion { baseline } => {
            if baseline > 0.0 && baseline < 1.0 {
                Ok((Some(baseline), (baseline * (1.0 - baseline)).sqrt()))
            } else {
                Err(MethodError::BadProbability { what: "the baseline rate", value: baseline })
            }
        }
        Metric::Mean { mean, sd } => {
            mean.map_or(Ok(()), |mean| check_finite("the control's mean", mean))?;
            check_positive("the standard deviation", sd)?;
            Ok((mean, sd))
        }
        Metric::Ratio { mean_num, mean_den, var_num, var_den, cov } => {
            // Any number of units linearises alike.
            let sample = RatioSample { n: 2, mean_num, mean_den, var_num, var_den, cov };
            let sample = sample.linearised()?;
            check_positive("the variance of the ratio", sample.variance)?;
            Ok((Some(sample.mean), sample.variance.sqrt()))
        }
    }
}

/// The alpha of each comparison and the power that each needs.
fn levels(request: &Request, comparisons: u32) -> (f64, f64) {
    let m = comparisons.max(1);
    let alpha = match request.correction {
        Correction::None => request.alpha,
        Correction::Bonferroni => alpha_per_comparison(request.alpha, m),
        Correction::Sidak => -((-request.alpha).ln_1p() / f64::from(m)).exp_m1(),
    };
    let power = match request.objective {
        Objective::Difference => request.power,
        Objective::NonInferiority { guardrails, .. } => {
            power_per_guardrail(request.power, guardrails)
        }
    };
    (alpha, power)
}
