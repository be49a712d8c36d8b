//! Whatever the statistics and the plan, no decision contradicts its own numbers.

use super::world::after;
use super::*;
use crate::methods::resample::Draws;

/// Uniform numbers of one experiment, one after another.
struct Dice {
    draws: Draws,
    number: u64,
    thrown: u64,
}

impl Dice {
    fn unit(&mut self) -> f64 {
        self.thrown += 1;
        self.draws.unit(self.number, self.thrown)
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[((self.unit() * from.len() as f64) as usize).min(from.len() - 1)]
    }

    fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.unit()
    }
}

/// An experiment of up to six looks with anything in it.
fn any_case(dice: &mut Dice) -> Case {
    let arms = if dice.unit() < 0.3 { &["a", "b", "c"][..] } else { &["a", "b"] };
    let kinds = ["mean", "proportion", "ratio"];
    let directions = [Direction::Increase, Direction::Decrease];
    let mut case = Case::new(arms, "value", dice.pick(&kinds)).direction(dice.pick(&directions));
    if dice.unit() < 0.7 {
        let size = dice.between(0.001, 0.2);
        case = case.mde(dice.pick(&[Mde::Relative(size), Mde::Absolute(size)]));
    }
    for name in ["latency", "crashes"] {
        if dice.unit() < 0.5 {
            case = case.guardrail(name, dice.pick(&kinds), dice.pick(&directions));
        }
    }
    let share = dice.between(0.005, 0.1);
    for metric in &mut case.experiment.guardrails {
        metric.test = dice.pick(&[
            GuardrailTest::Deterioration,
            GuardrailTest::NonInferiority(Margin::Relative(share)),
            GuardrailTest::NonInferiority(Margin::Absolute(share)),
        ]);
        if dice.unit() < 0.3 {
            metric.threshold = Some(Threshold { level: dice.between(0.3, 0.7), unit: None });
        }
    }
    let settings = &mut case.experiment.settings;
    // Spending plans take a hundred times as long as the others.
    settings.sequential = if dice.unit() < 0.15 {
        dice.pick(&[SequentialMethod::Pocock, SequentialMethod::ObrienFleming])
    } else {
        dice.pick(&[
            SequentialMethod::Msprt,
            SequentialMethod::ConfidenceSequence,
            SequentialMethod::None,
        ])
    };
    settings.practical = dice.pick(&[Practical::Point, Practical::Interval]);
    settings.show_interim = dice.unit() < 0.3;
    settings.alpha = dice.pick(&[0.01, 0.05, 0.2]);
    settings.look_every_days = dice.pick(&[1, 1, 1, 2]);
    let planned = settings.sequential.is_group_sequential() || dice.unit() < 0.6;
    settings.max_duration_days = planned.then_some(dice.pick(&[1, 3, 4, 6]));
    settings.min_duration_days = dice.pick(&[None, None, Some(1), Some(3)]);
    case.experiment.guardrail_settings.auto_stop_on_violation = dice.unit() < 0.5;
    if dice.unit() < 0.8 {
        case.experiment.start = Some(after(0));
    }
    let days = 1 + (6.0 * dice.unit()) as u32;
    let per_day = dice.pick(&[40, 150, 1_000, 10_000]);
    let known = dice.unit() < 0.8;
    let metrics: Vec<(String, String)> =
        case.types.iter().map(|(name, kind)| (name.clone(), kind.clone())).collect();
    for (name, kind) in &metrics {
        let drift = dice.pick(&[0.0, 0.0, 1.0, -1.0]) * dice.between(0.0, 0.1);
        for (arm, variant) in arms.iter().enumerate() {
            for day in 0..days {
                let n = per_day * i64::from(day + 1);
                let noise = dice.between(-2.0, 2.0) * 0.5 / (n as f64).sqrt();
                let level = 0.5 + if arm > 0 { drift } else { 0.0 } + noise;
                let before = if known { Some(n - per_day) } else { None };
                case = case.with([any_stat(name, kind, variant, after(day), n, before, level)]);
            }
        }
    }
    for variant in arms {
        case = case.with((0..days).map(|day| GroupStat {
            ds: after(day),
            ..exposed(variant, per_day * i64::from(day + 1), 0)
        }));
    }
    case
}

/// A metric of standard deviation one half.
fn any_stat(
    name: &str,
    kind: &str,
    variant: &str,
    ds: NaiveDate,
    n: i64,
    before: Option<i64>,
    level: f64,
) -> GroupStat {
    let co = before.map(|before| 0.25 * (before - 1).max(0) as f64);
    let stat = match kind {
        "proportion" => proportion(name, variant, (level.clamp(0.0, 1.0) * n as f64) as i64, n),
        _ => mean(name, variant, n, level, 0.25),
    };
    let y = (kind == "ratio").then_some(());
    GroupStat {
        ds,
        metric_type: kind.to_owned(),
        n_before: before,
        co_x_before: co,
        sum_y: y.map(|()| n as f64),
        mean_y: y.map(|()| 1.0),
        m2_y: y.map(|()| 0.25 * (n - 1) as f64),
        co_xy: y.map(|()| 0.1 * (n - 1) as f64),
        co_y_before: co.filter(|_| y.is_some()),
        co_xy_before: co.map(|co| 0.4 * co).filter(|_| y.is_some()),
        ..stat
    }
}

/// What is wrong with a decision, by the rows of its variant.
fn contradiction(
    case: &Case,
    ds: NaiveDate,
    judged: &Judgement,
    decision: &DecisionRow,
) -> Option<&'static str> {
    let rows = |role: Role| {
        judged.results.iter().filter(move |row| {
            row.role == role && row.variant == decision.variant && row.segment == WHOLE
        })
    };
    let primary = rows(Role::Primary).next()?;
    let settings = &case.experiment.settings;
    let violated = rows(Role::Guardrail).any(|row| {
        let p = row.p_value_adjusted.is_some_and(|p| p <= case.experiment.guardrail_settings.alpha);
        (row.test == "deterioration" && p) || row.threshold_breached == Some(true)
    });
    // By p and by the interval, as far as there is one on the margin's scale.
    let not_shown = rows(Role::Guardrail).filter(|row| row.test == "non_inferiority").any(|row| {
        let alpha = case.experiment.guardrail_settings.alpha;
        let falls = row.direction == "increase";
        let loss =
            |lower: Option<f64>, upper: Option<f64>| if falls { lower.map(|x| -x) } else { upper };
        let (absolute, relative) = (
            loss(row.effect_ci_lower, row.effect_ci_upper),
            loss(row.rel_effect_ci_lower, row.rel_effect_ci_upper),
        );
        let beyond = |loss: Option<f64>, margin: Option<f64>| {
            loss.zip(margin).is_some_and(|(loss, margin)| loss >= margin)
        };
        !row.p_value.is_some_and(|p| p <= alpha)
            || beyond(absolute, row.margin_absolute)
            || beyond(relative, row.margin_relative)
    });
    let (lower, upper) = match case.experiment.primary.direction {
        Direction::Increase => (primary.effect_ci_lower, primary.effect_ci_upper),
        Direction::Decrease => {
            (primary.effect_ci_upper.map(|x| -x), primary.effect_ci_lower.map(|x| -x))
        }
    };
    let (better, worse) = (lower.is_some_and(|x| x > 0.0), upper.is_some_and(|x| x < 0.0));
    let significant = primary.p_value_adjusted.is_some_and(|p| p <= settings.alpha);
    let first = case.experiment.start.unwrap_or_else(|| after(0));
    let schedule = case.experiment.schedule(first);
    let ended = schedule.last().is_some_and(|last| ds >= last);
    let below_mde = match (case.experiment.primary.mde, primary.rel_effect, primary.effect) {
        (Some(Mde::Relative(mde)), Some(x), _) | (Some(Mde::Absolute(mde)), _, Some(x)) => {
            case.experiment.primary.direction.gain(x) < mde
        }
        _ => false,
    };
    let failed = judged.checks.iter().any(|check| check.status == "fail");
    match decision.decision.as_str() {
        "invalid" => (!failed).then_some("invalid without a failed check"),
        _ if failed => Some("a failed check, and not invalid"),
        "stop_guardrail" | "dont_ship" if violated => None,
        _ if violated => Some("a violated guardrail, and neither stopped nor refused"),
        "stop_guardrail" => Some("stopped without a violated guardrail"),
        "continue" if ended => Some("continues after the end"),
        "ship" if !better || !significant => Some("ships what is not shown to be better"),
        "ship" if not_shown => Some("ships without non-inferiority"),
        "ship" if below_mde => Some("ships less than the smallest effect of interest"),
        "dont_ship" if worse && significant => None,
        "dont_ship" if better && significant && not_shown => None,
        "dont_ship" => Some("refuses what is neither worse nor short of a guardrail"),
        "stat_sig_not_practical" if !(better && significant) => Some("significant, and not shown"),
        "inconclusive" if significant && (better || worse) => Some("found, and inconclusive"),
        "continue" | "inconclusive" | "ship" | "stat_sig_not_practical" => None,
        _ => Some("no decision that there is"),
    }
}

#[test]
fn no_decision_contradicts_its_own_numbers() {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    for number in 0..20_000 {
        let mut dice = Dice { draws: Draws::named("contradictions"), number, thrown: 0 };
        let case = any_case(&mut dice);
        let ds = case.stats.iter().map(|stat| stat.ds).max().expect("statistics");
        let judged = case.judge_on(ds);
        for row in &judged.results {
            let inside = |p: f64| (0.0..=1.0).contains(&p);
            assert!(row.p_value.is_none_or(inside), "{number}: {row:?}");
            // Two-sided p and interval are of one test, but for the pooling of rates that are tested once.
            let pooled = row.method.as_deref() == Some("two_proportion_z");
            if let (Some(p), Some(lower), Some(upper), false) =
                (row.p_value, row.effect_ci_lower, row.effect_ci_upper, pooled)
            {
                let inside = lower < 0.0 && upper > 0.0;
                assert_eq!(p > 1.0 - row.confidence_level, inside, "{number}: {row:?}");
            }
        }
        for decision in &judged.decisions {
            let wrong = contradiction(&case, ds, &judged, decision);
            assert_eq!(wrong, None, "{number}: {decision:?} {:?}", judged.results);
            *seen.entry(decision.decision.clone()).or_default() += 1;
        }
    }
    // The search reaches every decision but the one that failed checks bring, often.
    for decision in [
        "ship",
        "dont_ship",
        "continue",
        "inconclusive",
        "stat_sig_not_practical",
        "stop_guardrail",
    ] {
        assert!(seen.get(decision).is_some_and(|count| *count > 200), "{decision}: {seen:?}");
    }
}
