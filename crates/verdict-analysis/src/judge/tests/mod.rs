//! Claims about whole judgements, by theme. Expected numbers come from published references or by hand.

mod adjusted;
mod branches;
mod categories;
mod checks;
mod contradictions;
mod decisions;
mod levels;
mod looks;
mod pitfalls;
mod properties;
mod registered;
mod resampled;
mod results;
mod stopping;
mod strata;
mod trust;
mod world;

use std::collections::BTreeMap;

use verdict_model::rows::{CheckRow, DecisionRow, GroupStat, ResultRow, SEVERAL_VARIANTS, WHOLE};
use verdict_model::{
    Arm, Correction, DataCounts, DayRows, Design, Direction, Experiment, ExperimentMetric,
    GuardrailSettings, GuardrailTest, Later, Located, Margin, Mde, NaiveDate, Phase, Place,
    Practical, Role, RowCounts, SequentialMethod, SeveralVariants, StatisticalSettings, Threshold,
};

use super::{Judgement, judge};

/// An experiment with its statistics, to be judged.
struct Case {
    experiment: Experiment,
    types: BTreeMap<String, String>,
    stats: Vec<GroupStat>,
    counts: Option<DataCounts>,
    later: Vec<Later>,
}

impl Case {
    /// Arms of equal weight, the first the control; primary metric `primary` of this type.
    fn new(arms: &[&str], primary: &str, metric_type: &str) -> Case {
        let weight = 1.0 / arms.len() as f64;
        let experiment = Experiment {
            name: located("ranking"),
            hypothesis: None,
            owner: None,
            start: None,
            end: None,
            design: Design {
                unit: located("user_id"),
                control: located(arms[0]),
                arms: arms.iter().map(|name| Arm { name: (*name).to_owned(), weight }).collect(),
                several_variants: SeveralVariants::Exclude,
                cluster: None,
                phases: Vec::new(),
            },
            exposures: Some(located("exposures")),
            key: "ranking".to_owned(),
            segments: Vec::new(),
            window: None,
            segment_values: Experiment::SEGMENT_VALUES,
            pre_period_check: None,
            primary: metric(primary, Role::Primary),
            guardrails: Vec::new(),
            secondary: Vec::new(),
            settings: StatisticalSettings::default(),
            guardrail_settings: GuardrailSettings {
                alpha: 0.05,
                correction: Correction::Bonferroni,
                auto_stop_on_violation: false,
            },
        };
        let types = BTreeMap::from([(primary.to_owned(), metric_type.to_owned())]);
        Case {
            experiment,
            types,
            stats: Vec::new(),
            counts: Some(clean_counts()),
            later: Vec::new(),
        }
    }

    fn two_arms(primary: &str, metric_type: &str) -> Case {
        Case::new(&["control", "treatment"], primary, metric_type)
    }

    fn direction(mut self, direction: Direction) -> Case {
        self.experiment.primary.direction = direction;
        self
    }

    fn mde(mut self, mde: Mde) -> Case {
        self.experiment.primary.mde = Some(mde);
        self
    }

    fn guardrail(mut self, name: &str, metric_type: &str, direction: Direction) -> Case {
        self.experiment
            .guardrails
            .push(ExperimentMetric { direction, ..metric(name, Role::Guardrail) });
        self.types.insert(name.to_owned(), metric_type.to_owned());
        self
    }

    fn secondary(mut self, name: &str, metric_type: &str) -> Case {
        self.experiment.secondary.push(metric(name, Role::Secondary));
        self.types.insert(name.to_owned(), metric_type.to_owned());
        self
    }

    fn segment(mut self, name: &str) -> Case {
        self.experiment.segments.push(located(name));
        self
    }

    fn with(mut self, stats: impl IntoIterator<Item = GroupStat>) -> Case {
        self.stats.extend(stats);
        self
    }

    /// Statistics of the built-in metric: these units exposed in each arm, none in several variants.
    fn exposed(self, units: &[i64]) -> Case {
        let arms: Vec<String> =
            self.experiment.design.arms.iter().map(|arm| arm.name.clone()).collect();
        self.with(arms.iter().zip(units).map(|(arm, n)| exposed(arm, *n, 0)))
    }

    fn judge(&self) -> Judgement {
        self.judge_on(ds())
    }

    fn judge_on(&self, ds: NaiveDate) -> Judgement {
        judge(&self.experiment, &self.types, ds, &self.stats, self.counts.as_ref(), &self.later)
    }

    /// Watched by a method, daily, over this many days from the first of March.
    fn watched(mut self, method: SequentialMethod, days: u32) -> Case {
        self.experiment.start = Some(world::after(0));
        self.experiment.settings.sequential = method;
        self.experiment.settings.max_duration_days = Some(days);
        self
    }

    /// The row of the whole of a metric, for the only or the first treatment arm.
    fn row(&self, metric: &str) -> ResultRow {
        self.judge()
            .results
            .into_iter()
            .find(|row| row.metric == metric && row.segment == WHOLE)
            .expect("a row")
    }

    fn check(&self, code: &str) -> CheckRow {
        self.judge().checks.into_iter().find(|row| row.check == code).expect("a check")
    }

    fn decision(&self) -> DecisionRow {
        self.judge().decisions.into_iter().next().expect("a decision")
    }
}

fn ds() -> NaiveDate {
    NaiveDate::from_ymd_opt(2024, 3, 14).expect("a date")
}

fn located(text: &str) -> Located<String> {
    Located {
        value: text.to_owned(),
        place: Place { file: "experiment.yaml".into(), line: 1, key: String::new() },
    }
}

fn metric(name: &str, role: Role) -> ExperimentMetric {
    ExperimentMetric {
        name: located(name),
        role,
        window: None,
        declared: None,
        baseline: None,
        mde: None,
        direction: Direction::Increase,
        test: GuardrailTest::Deterioration,
        threshold: None,
        cuped: None,
        winsorize: None,
        bootstrap: None,
        post_stratify: None,
        pre_period_days: None,
    }
}

/// Counts of logs in which every row is in order.
fn clean_counts() -> DataCounts {
    let rows = RowCounts { in_files: 1000, read: 1000, ..RowCounts::default() };
    let variants = [("control".to_owned(), 500), ("treatment".to_owned(), 500)];
    DataCounts {
        days: 7,
        exposures: rows,
        variants: variants.into(),
        events: rows,
        by_day: [(ds(), DayRows { exposures: 1000, events: 1000, ..DayRows::default() })].into(),
        ..DataCounts::default()
    }
}

fn empty(metric: &str, metric_type: &str, variant: &str) -> GroupStat {
    GroupStat {
        experiment: "ranking".to_owned(),
        ds: ds(),
        metric: metric.to_owned(),
        metric_type: metric_type.to_owned(),
        variant: variant.to_owned(),
        segment: WHOLE.to_owned(),
        segment_value: WHOLE.to_owned(),
        ..GroupStat::default()
    }
}

fn proportion(metric: &str, variant: &str, successes: i64, n: i64) -> GroupStat {
    GroupStat { n, sum_x: Some(successes as f64), ..empty(metric, "proportion", variant) }
}

fn mean(metric: &str, variant: &str, n: i64, mean: f64, variance: f64) -> GroupStat {
    GroupStat {
        n,
        sum_x: Some(mean * n as f64),
        mean_x: Some(mean),
        m2_x: Some(variance * (n - 1) as f64),
        ..empty(metric, "mean", variant)
    }
}

fn exposed(variant: &str, n: i64, several: i64) -> GroupStat {
    proportion(SEVERAL_VARIANTS, variant, several, n)
}

fn in_segment(segment: &str, value: &str, stat: GroupStat) -> GroupStat {
    GroupStat { segment: segment.to_owned(), segment_value: value.to_owned(), ..stat }
}

#[track_caller]
fn close(got: Option<f64>, want: f64, tolerance: f64) {
    let got = got.expect("a number");
    assert!((got - want).abs() <= tolerance * want.abs().max(1e-12), "{got} is not {want}");
}
