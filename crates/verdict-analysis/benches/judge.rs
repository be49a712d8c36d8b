//! Whole judgements: from rows of `group_stats` to rows of `results` with p-value, interval, relative interval and
//! corrected p-value, and on to checks and decisions.
//!
//! `cargo bench -p verdict-analysis --bench judge` reports elements per second; one element is one comparison of a mean
//! (Welch's t, Fieller's interval, Benjamini-Hochberg within the experiment). The rows are those that the job reads and
//! writes, with all their texts; `welch` beside this measures the numbers alone.

use std::collections::BTreeMap;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use verdict_analysis::judge::judge;
use verdict_analysis::methods::resample::Draws;
use verdict_model::rows::{GroupStat, SEVERAL_VARIANTS, WHOLE};
use verdict_model::{
    Arm, Correction, Design, Direction, Experiment, ExperimentMetric, GuardrailSettings,
    GuardrailTest, Located, NaiveDate, Place, Role, SeveralVariants, StatisticalSettings,
};

const EXPERIMENTS: u64 = 10_000;
const METRICS: usize = 10;
const VARIANTS: [&str; 3] = ["control", "larger_button", "other_colour"];

fn located(value: String) -> Located<String> {
    Located { value, place: Place { file: "experiment.yaml".into(), line: 1, key: String::new() } }
}

fn metric_name(i: usize) -> String {
    format!("metric_number_{i}")
}

fn experiment(name: &str) -> Experiment {
    let metric = |i: usize, role: Role| ExperimentMetric {
        name: located(metric_name(i)),
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
    };
    Experiment {
        name: located(name.to_owned()),
        hypothesis: None,
        owner: None,
        start: None,
        end: None,
        design: Design {
            unit: located("user_id".to_owned()),
            control: located(VARIANTS[0].to_owned()),
            arms: VARIANTS.map(|name| Arm { name: name.to_owned(), weight: 1.0 / 3.0 }).to_vec(),
            several_variants: SeveralVariants::Exclude,
            cluster: None,
            phases: Vec::new(),
        },
        exposures: None,
        key: name.to_owned(),
        segments: Vec::new(),
        window: None,
        segment_values: Experiment::SEGMENT_VALUES,
        pre_period_check: None,
        primary: metric(0, Role::Primary),
        guardrails: Vec::new(),
        secondary: (1..METRICS).map(|i| metric(i, Role::Secondary)).collect(),
        settings: StatisticalSettings::default(),
        guardrail_settings: GuardrailSettings {
            alpha: 0.05,
            correction: Correction::None,
            auto_stop_on_violation: false,
        },
    }
}

/// The statistics of one experiment: a thousand to a million units a variant, effects of a few standard errors.
fn stats(draws: Draws, number: u64, name: &str, ds: NaiveDate) -> Vec<GroupStat> {
    let n = (1e3 * 10_f64.powf(3.0 * draws.unit(number, 0))) as i64;
    let row = |metric: String, metric_type: &str, variant: &str| GroupStat {
        experiment: name.to_owned(),
        ds,
        metric,
        metric_type: metric_type.to_owned(),
        variant: variant.to_owned(),
        segment: WHOLE.to_owned(),
        segment_value: WHOLE.to_owned(),
        n,
        sum_x: Some(0.0),
        ..GroupStat::default()
    };
    let mut rows = Vec::new();
    for (v, variant) in VARIANTS.into_iter().enumerate() {
        rows.push(row(SEVERAL_VARIANTS.to_owned(), "proportion", variant));
        for metric in 0..METRICS {
            let at = (v * METRICS + metric) as u64;
            let sd = 1.0 + 4.0 * draws.unit(number, 1_000 + metric as u64);
            let shift = sd * (2.0 / n as f64).sqrt() * (8.0 * draws.unit(number, 1 + at) - 4.0);
            let mean = 10.0 + shift;
            rows.push(GroupStat {
                sum_x: Some(mean * n as f64),
                mean_x: Some(mean),
                m2_x: Some(sd * sd * (n - 1) as f64),
                ..row(metric_name(metric), "mean", variant)
            });
        }
    }
    rows
}

fn bench(c: &mut Criterion) {
    let draws = Draws::named("judge");
    let ds = NaiveDate::from_ymd_opt(2024, 3, 14).expect("a date");
    let types: BTreeMap<String, String> =
        (0..METRICS).map(|i| (metric_name(i), "mean".to_owned())).collect();
    let all: Vec<(Experiment, Vec<GroupStat>)> = (0..EXPERIMENTS)
        .map(|i| {
            let name = format!("experiment_{i}");
            (experiment(&name), stats(draws, i, &name, ds))
        })
        .collect();
    let comparisons = EXPERIMENTS * METRICS as u64 * (VARIANTS.len() as u64 - 1);
    let mut group = c.benchmark_group("10,000 experiments x 10 metrics x 3 variants");
    group.throughput(Throughput::Elements(comparisons)).sample_size(10);
    group.bench_function("judged whole", |b| {
        b.iter(|| {
            let mut tests = 0;
            for (experiment, stats) in &all {
                let judgement = judge(experiment, &types, ds, black_box(stats), None, &[]);
                tests +=
                    judgement.results.iter().filter(|r| r.rel_effect_ci_lower.is_some()).count();
            }
            assert_eq!(tests as u64, comparisons, "every comparison has its relative interval");
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
