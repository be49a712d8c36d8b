//! Experiment data that nobody here wrote: what is published about it, and what reference programs say, to six
//! digits. The data lie beside the repository, in `../shared/data`; without them these tests say that they are
//! skipped. Figures are those of that folder's README.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, new_null_array};
use datafusion::arrow::compute::concat_batches;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::Value;

use crate::support::{Project, Ran, root};

/// A file of the shared data; `None`, with words on standard error, where it is absent.
fn shared(test: &str, file: &str) -> Option<PathBuf> {
    let path = root().join("../shared/data").join(file);
    if path.exists() {
        return Some(path);
    }
    // Past the capture of the test runner, which shows nothing of tests that pass.
    let said = format!("SKIPPED {test}: ../shared/data/{file} is not there\n");
    let _ = std::io::stderr().write_all(said.as_bytes());
    None
}

/// Puts a file into a day's folder, as it is.
fn copy(project: &Project, from: &PathBuf, to: &str) {
    let to = project.path().join(to);
    std::fs::create_dir_all(to.parent().expect("a parent")).expect("a folder");
    std::fs::copy(from, to).expect("a copy");
}

#[test]
fn cookie_cats_gives_the_reference_numbers_or_is_skipped() {
    let Some(file) = shared("cookie_cats", "cookie_cats.parquet") else { return };
    let project = Project::new();
    copy(&project, &file, "players/ds=2020-01-01/cookie_cats.parquet");
    project.file(
        "project.yaml",
        "sources:
  players:
    path: players
    timestamp: TIMESTAMP '2020-01-01 00:00:00'
    units: {userid: userid}
  most_players:
    path: players
    timestamp: TIMESTAMP '2020-01-01 00:00:00'
    units: {userid: userid}
    filter: sum_gamerounds <> 49854
exposures:
  gates: {source: players, variant: version}
  gates_of_most: {source: most_players, variant: version}
metrics:
  retention_1: {type: proportion, source: players, filter: retention_1}
  retention_7: {type: proportion, source: players, filter: retention_7}
  rounds: {type: mean, source: players, value: sum_gamerounds}
  # A unit without any row has no extreme, and is left out of the metric.
  rounds_without_one: {type: mean, source: players, value: sum_gamerounds, filter: sum_gamerounds < 49854, aggregate: max}
  rounds_within_999: {type: mean, source: players, value: sum_gamerounds, winsorize: {upper_percentile: 99.9}}
  rounds_within_500: {type: mean, source: players, value: sum_gamerounds, winsorize: {upper: 493}}
  rounds_by_rank: {type: superiority, source: players, value: sum_gamerounds}
  never_played_and_retained: {type: mean, source: players, filter: sum_gamerounds = 0 AND retention_1}
",
    );
    for (name, from, metrics) in [
        (
            "cookie_cats",
            "gates",
            "{primary: {name: rounds_without_one},
    secondary: [{name: retention_1}, {name: retention_7}, {name: rounds}]}",
        ),
        (
            "without_one",
            "gates_of_most",
            "{primary: {name: rounds}, secondary: [{name: never_played_and_retained}]}",
        ),
        (
            "capped",
            "gates",
            "{primary: {name: rounds_within_999}, secondary: [{name: rounds_within_500}, {name: rounds_by_rank},
    {name: rounds, bootstrap: {replicates: 2000}}]}",
        ),
    ] {
        project.file(
            &format!("experiments/{name}.yaml"),
            &format!(
                "experiment:
  name: {name}
  start: 2020-01-01
  end: 2020-01-01
  design: {{unit: userid, control: gate_30, variants: [gate_30, gate_40]}}
  exposures: {from}
  metrics: {metrics}
  statistical_settings: {{correction: holm}}
"
            ),
        );
    }
    let ran = project.verdict(&["run", "--date", "2020-01-01", "--format", "json"]).exits(0);
    let of = |metric| row(&ran, "cookie_cats", metric, "gate_40");

    let day_1 = of("retention_1");
    units(&day_1, 44_700, 45_489);
    levels(&day_1, 20_034.0 / 44_700.0, 20_119.0 / 45_489.0);
    six(&day_1, &[("effect", -0.0059052), ("statistic", -1.784086), ("p_value", 0.0744097)]);
    let day_7 = of("retention_7");
    levels(&day_7, 8_502.0 / 44_700.0, 8_279.0 / 45_489.0);
    six(&day_7, &[("effect", -0.0082013), ("statistic", -3.164359), ("p_value", 0.00155425)]);
    let rounds = of("rounds");
    units(&rounds, 44_700, 45_489);
    six(&rounds, &[("mean_control", 52.45626), ("mean_variant", 51.29878), ("effect", -1.157488)]);
    six(&rounds, &[("statistic", -0.885437), ("df", 58595.48), ("p_value", 0.375924)]);
    for (row, holm) in [(&day_1, 0.148819), (&day_7, 0.00466275), (&rounds, 0.375924)] {
        six(row, &[("p_value_adjusted", holm)]);
        assert_eq!(row["family_size"], 3);
    }

    // Without the player of 49,854 rounds, by the metric's filter and by the source's.
    for without in [of("rounds_without_one"), row(&ran, "without_one", "rounds", "gate_40")] {
        units(&without, 44_699, 45_489);
        six(&without, &[("mean_control", 51.34211), ("mean_variant", 51.29878)]);
        six(&without, &[("effect", -0.043335), ("statistic", -0.063374), ("p_value", 0.949469)]);
    }
    let odd = row(&ran, "without_one", "never_played_and_retained", "gate_40");
    let odd = number(&odd, "mean_control") * 44_699.0 + number(&odd, "mean_variant") * 45_489.0;
    close("players retained without a round", odd, 87.0, 1e-6);

    // Clipped instead: at the 99.9th percentile of all 90,189 (type 7), and at a number of rounds. NumPy's percentile and
    // minimum, and Welch's test of what they give.
    for (metric, cap, means, t, kept, beyond) in [
        ("rounds_within_999", 1073.624, (51.03091, 50.93526), -0.1466975, 0.2487463, 91.0),
        ("rounds_within_500", 493.0, (49.13584, 48.85392), -0.5026756, 0.1840573, 898.0),
    ] {
        let row = row(&ran, "capped", metric, "gate_40");
        assert_eq!((&row["method"], &row["adjustment"]), (&"welch_t".into(), &"winsorized".into()));
        six(&row, &[("mean_control", means.0), ("mean_variant", means.1), ("statistic", t)]);
        six(&row, &[("cap_upper", cap), ("variance_ratio", kept)]);
        six(&row, &[("share_clipped", beyond / 90_189.0), ("unadjusted_effect", -1.157488)]);
        assert!(row["cap_lower"].is_null(), "{row}");
    }

    // Resampled: Welch's numbers stand beside, the standard error is theirs but for the chance of 2,000 replicates, and the
    // interval leans where the control's one player of 49,854 rounds pulls.
    let resampled = row(&ran, "capped", "rounds", "gate_40");
    assert_eq!(resampled["method"], "bootstrap_bca");
    assert_eq!(resampled["normal_method"], "welch_t");
    six(&resampled, &[("effect", -1.157488), ("normal_p_value", 0.375924)]);
    let welch = number(&resampled, "normal_std_error");
    close("Welch's standard error", welch, 1.157488 / 0.885437, 1e-5);
    let of_both = number(&resampled, "effect_std_error") / welch;
    close("the standard error, resampled", of_both, 1.0, 0.12);
    let lower = -1.157488 - number(&resampled, "effect_ci_lower");
    let upper = number(&resampled, "effect_ci_upper") + 1.157488;
    assert!(lower > 1.3 * upper && upper > 0.5, "{resampled}");

    // By rank, SciPy's asymptotic p with its correction for continuity.
    let ranks = row(&ran, "capped", "rounds_by_rank", "gate_40");
    assert_eq!(ranks["method"], "mann_whitney");
    assert_eq!(number(&ranks, "statistic"), 1_009_027_049.5);
    units(&ranks, 44_700, 45_489);
    levels(&ranks, 0.5, 1_009_027_049.5 / (44_700.0 * 45_489.0));
    six(&ranks, &[("p_value", 0.0502088)]);

    // The player of 49,854 rounds makes the control's mean anything but normal; the caps at 493 mend it.
    let skewed = check(&ran, "cookie_cats", "skewness");
    assert_eq!(skewed["status"], "warn");
    assert!(
        skewed["message"].as_str().is_some_and(|said| said.contains("rounds in gate_30")),
        "{skewed}"
    );
    assert_eq!(check(&ran, "capped", "skewness")["status"], "pass");

    // The split fails a test at 0.01 that is made once, and passes at the 0.001 that is usual here.
    let split = check(&ran, "cookie_cats", "sample_ratio");
    six(&split, &[("statistic", 6.9024), ("p_value", 0.415013)]);
    assert!(split["message"].as_str().is_some_and(|said| said.contains("p 0.0086 if")), "{split}");
    assert_eq!(split["status"], "pass");
}

const HILLSTROM: [(&str, &str, &str); 2] = [
    ("hillstrom", "history", "{name: visit}, {name: conversion}, {name: spend}"),
    ("hillstrom_ratio", "spend_per_visit", "{name: rows}"),
];

#[test]
fn hillstrom_gives_the_reference_numbers_or_is_skipped() {
    let Some(file) = shared("hillstrom", "hillstrom.parquet") else { return };
    let project = Project::new();
    with_row_numbers(&project, &file, "customers/ds=2020-01-01/hillstrom.parquet");
    project.file(
        "project.yaml",
        "sources:
  customers:
    path: customers
    timestamp: TIMESTAMP '2020-01-01 00:00:00'
    units: {customer: customer}
exposures:
  mails: {source: customers, variant: segment, segments: {zip_code: zip_code}}
metrics:
  visit: {type: proportion, filter: visit = 1}
  conversion: {type: proportion, filter: conversion = 1}
  spend: {type: mean, value: spend}
  history: {type: mean, value: history}
  spend_per_visit: {type: ratio, numerator: {value: spend}, denominator: {value: visit}}
  rows: {type: mean}
",
    );
    for (name, primary, secondary) in HILLSTROM {
        project.file(
            &format!("experiments/{name}.yaml"),
            &format!(
                "experiment:
  name: {name}
  start: 2020-01-01
  end: 2020-01-01
  design: {{type: multi_arm, unit: customer, control: No E-Mail, variants: [No E-Mail, Mens E-Mail, Womens E-Mail]}}
  metrics: {{primary: {{name: {primary}}}, secondary: [{secondary}]}}
  segments: [zip_code]
"
            ),
        );
    }
    let ran = project.verdict(&["run", "--date", "2020-01-01", "--format", "json"]).exits(0);
    let of = |metric, variant: &str| row(&ran, "hillstrom", metric, variant);
    let (mens, womens) = ("Mens E-Mail", "Womens E-Mail");

    for (variant, n, x, effect, z, p) in [
        (mens, 21_307, 3_894.0, 0.0765896, 22.48604, 5.685e-112),
        (womens, 21_387, 3_238.0, 0.0452331, 13.94918, 3.182e-44),
    ] {
        let visit = of("visit", variant);
        units(&visit, 21_306, n);
        levels(&visit, 2_262.0 / 21_306.0, x / n as f64);
        six(&visit, &[("effect", effect), ("statistic", z)]);
        close("p_value", number(&visit, "p_value"), p, p * 2e-4);
    }
    for (variant, n, x, effect, z, p) in [
        (mens, 21_307.0, 267.0, 0.00680501, 7.385114, 1.523e-13),
        (womens, 21_387.0, 189.0, 0.00311106, 3.779561, 0.000157105),
    ] {
        let conversion = of("conversion", variant);
        levels(&conversion, 122.0 / 21_306.0, x / n);
        six(&conversion, &[("effect", effect), ("statistic", z)]);
        close("p_value", number(&conversion, "p_value"), p, p * 5e-4);
    }
    let spend = of("spend", mens);
    six(&spend, &[("mean_control", 0.6527894), ("mean_variant", 1.4226165), ("effect", 0.7698272)]);
    six(&spend, &[("statistic", 5.300140), ("df", 36671.16), ("p_value", 1.1638e-07)]);
    close("lower", number(&spend, "effect_ci_lower"), 0.48514, 5e-6);
    close("upper", number(&spend, "effect_ci_upper"), 1.05451, 5e-6);
    let spend = of("spend", womens);
    six(&spend, &[("mean_variant", 1.0772016), ("effect", 0.4244122), ("statistic", 3.256372)]);
    six(&spend, &[("df", 40064.88), ("p_value", 0.00112940)]);
    for (variant, t, p) in [(mens, 0.785759, 0.432013), (womens, 0.672637, 0.501182)] {
        six(&of("history", variant), &[("statistic", t), ("p_value", p)]);
    }
    for (variant, level, z, p) in
        [(mens, 7.784204, 1.656823, 0.0975553), (womens, 7.114920, 0.967654, 0.333217)]
    {
        let ratio = row(&ran, "hillstrom_ratio", "spend_per_visit", variant);
        six(&ratio, &[("mean_control", 6.148687), ("mean_variant", level)]);
        six(&ratio, &[("statistic", z), ("p_value", p)]);
    }

    // Benjamini–Hochberg over the six tests of the secondary family, adjusted p as published to four or more digits.
    for (metric, variant, p) in [
        ("visit", mens, 3.411e-111),
        ("conversion", mens, 3.0464e-13),
        ("spend", mens, 1.7457e-07),
        ("visit", womens, 9.547e-44),
        ("conversion", womens, 0.000188526),
        ("spend", womens, 0.00112940),
    ] {
        let row = of(metric, variant);
        assert_eq!((&row["family"], &row["family_size"]), (&"secondary".into(), &6.into()));
        close(metric, number(&row, "p_value_adjusted"), p, p * 2e-4);
    }

    // 6,562 rows repeat others exactly; each is a customer, and has one row.
    let rows = [mens, womens].map(|variant| row(&ran, "hillstrom_ratio", "rows", variant));
    let customers = rows[0]["n_control"].as_i64().unwrap()
        + rows.iter().map(|row| row["n_variant"].as_i64().unwrap()).sum::<i64>();
    assert_eq!(customers, 64_000);
    assert!(rows.iter().all(|row| row["mean_control"] == 1.0 && row["mean_variant"] == 1.0));
    assert!(rows.iter().all(|row| row["reason"] == "zero_variance"));

    let split = check(&ran, "hillstrom", "sample_ratio");
    six(&split, &[("statistic", 0.202531), ("p_value", 1.0)]);
    assert_eq!(split["status"], "pass");
    assert_eq!(check(&ran, "hillstrom", "conservation_segments")["status"], "pass");
}

/// What customers spent in the year before is told by the day before; the mails and what followed are of the next.
#[test]
fn hillstrom_adjusted_by_history_gives_the_reference_numbers_or_is_skipped() {
    let Some(file) = shared("hillstrom_cuped", "hillstrom.parquet") else { return };
    let project = Project::new();
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(file).unwrap());
    let batches = reader.unwrap().build().unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let all = concat_batches(&batches[0].schema(), &batches).unwrap();
    let customers: ArrayRef = Arc::new(Int64Array::from_iter_values(1..=all.num_rows() as i64));
    for (day, dollars, mail) in [("2019-12-31", "history", false), ("2020-01-01", "spend", true)] {
        let column = |name: &str| Arc::clone(all.column_by_name(name).unwrap());
        let mails = column("segment");
        let mails = if mail { mails } else { new_null_array(mails.data_type(), mails.len()) };
        let at: ArrayRef =
            Arc::new(StringArray::from(vec![format!("{day} 12:00:00"); all.num_rows()]));
        let rows = RecordBatch::try_from_iter([
            ("customer", Arc::clone(&customers)),
            ("at", at),
            ("dollars", column(dollars)),
            ("mail", mails),
        ]);
        write(&project, &[rows.unwrap()], &format!("customers/ds={day}/rows.parquet"));
    }
    project.file(
        "project.yaml",
        "sources:
  customers:
    path: customers
    timestamp: CAST(at AS TIMESTAMP)
    units: {customer: customer}
exposures:
  mails: {source: customers, variant: mail, filter: mail IS NOT NULL}
metrics:
  spend: {type: mean, value: dollars}
experiment:
  name: mails
  start: 2020-01-01
  end: 2020-01-01
  design: {type: multi_arm, unit: customer, control: No E-Mail, variants: [No E-Mail, Mens E-Mail, Womens E-Mail]}
  metrics: {primary: {name: spend, cuped: {lookback_days: 1}}}
",
    );
    let ran = project.verdict(&["run", "--date", "2020-01-01", "--format", "json"]).exits(0);
    for (variant, theta, effect, t, p, kept, unadjusted) in [
        ("Mens E-Mail", 0.00122290, 0.7674385, 5.284842, 1.2653e-07, 0.999566, 0.7698272),
        ("Womens E-Mail", 0.00103465, 0.4227009, 3.243855, 0.00118020, 0.999622, 0.4244122),
    ] {
        let spend = row(&ran, "mails", "spend", variant);
        assert_eq!(spend["method"], "cuped_welch_t");
        six(&spend, &[("theta", theta), ("effect", effect), ("statistic", t)]);
        close("p_value", number(&spend, "p_value"), p, p * 2e-4);
        six(&spend, &[("variance_ratio", kept), ("unadjusted_effect", unadjusted)]);
        six(&spend, &[("unadjusted_mean_control", 0.6527894)]);
    }
}

/// The same rows with a column `customer`, numbered from 1: the log has no unit of its own.
fn with_row_numbers(project: &Project, from: &PathBuf, to: &str) {
    let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(from).unwrap());
    let (mut rows, mut done) = (Vec::new(), 0);
    for batch in reader.unwrap().build().unwrap() {
        let batch = batch.unwrap();
        let numbers: Int64Array =
            (done + 1..=done + batch.num_rows() as i64).collect::<Vec<_>>().into();
        done += batch.num_rows() as i64;
        let schema = batch.schema();
        let own = schema.fields().iter().map(|f| f.name().clone()).zip(batch.columns().to_vec());
        let columns = own.chain([("customer".to_owned(), Arc::new(numbers) as ArrayRef)]);
        rows.push(RecordBatch::try_from_iter(columns).unwrap());
    }
    write(project, &rows, to);
}

fn write(project: &Project, rows: &[RecordBatch], to: &str) {
    let to = project.path().join(to);
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    let schema = rows[0].schema();
    let mut writer =
        ArrowWriter::try_new(std::fs::File::create(to).unwrap(), schema, None).unwrap();
    for batch in rows {
        writer.write(batch).unwrap();
    }
    writer.close().unwrap();
}

/// A platform's export as it is: Spark's files, nested lists of structs, exposures in a log of their own and
/// exposures in the event log.
#[test]
fn optimizely_gives_the_published_counts_or_is_skipped() {
    let Some(folder) = shared("optimizely_retail", "optimizely_retail") else { return };
    let project = optimizely(&folder);
    for (name, unit, from, key, control, variant, metrics) in [
        (
            "carts",
            "visitor_id",
            "decisions",
            "18156943409",
            "18112613000",
            "18174970251",
            "{primary: {name: any_add_to_cart}, secondary: [{name: revenue_per_visitor}]}",
        ),
        (
            "pairs",
            "visitor_in_variation",
            "attributed",
            "18142600572",
            "18130191769",
            "18159011346",
            "{primary: {name: revenue_per_visitor}, \
             secondary: [{name: revenue_per_event}, {name: events_per_visitor}]}",
        ),
        (
            "visitors",
            "visitor_id",
            "attributed",
            "18142600572",
            "18130191769",
            "18159011346",
            "{primary: {name: revenue_per_visitor}}",
        ),
    ] {
        project.file(
            &format!("experiments/{name}.yaml"),
            &format!(
                "experiment:
  name: {name}
  start: 2020-05-25
  end: 2020-05-25
  design: {{unit: {unit}, control: '{control}', variants: ['{control}', '{variant}']}}
  exposures: {{from: {from}, key: '{key}'}}
  metrics: {metrics}
"
            ),
        );
    }
    let ran = project.verdict(&["run", "--date", "2020-05-25", "--format", "json"]).exits(3);

    let carts = row(&ran, "carts", "any_add_to_cart", "18174970251");
    units(&carts, 4_487, 4_514);
    levels(&carts, 2_577.0 / 4_487.0, 2_655.0 / 4_514.0);
    six(&carts, &[("mean_control", 0.5743258), ("mean_variant", 0.5881701)]);
    six(&carts, &[("statistic", 1.331155), ("p_value", 0.183138)]);
    let revenue = row(&ran, "carts", "revenue_per_visitor", "18174970251");
    levels(&revenue, 0.0, 0.0);
    assert_eq!(
        (&revenue["status"], &revenue["reason"]),
        (&"insufficient".into(), &"zero_variance".into())
    );

    // The published rows count a visitor once in each variation: 937 of 998 have events in both.
    let revenue = row(&ran, "pairs", "revenue_per_visitor", "18159011346");
    units(&revenue, 972, 963);
    six(&revenue, &[("mean_control", 1236.6255), ("mean_variant", 1156.8017)]);
    six(&revenue, &[("statistic", -1.936579), ("df", 1932.95), ("p_value", 0.0529424)]);
    let revenue = row(&ran, "pairs", "revenue_per_event", "18159011346");
    six(&revenue, &[("mean_control", 406.35565), ("mean_variant", 381.63755)]);
    six(&revenue, &[("statistic", -2.245615), ("p_value", 0.0247287)]);
    let events = row(&ran, "pairs", "events_per_visitor", "18159011346");
    levels(&events, 2_958.0 / 972.0, 2_919.0 / 963.0);
    six(&events, &[("statistic", -0.190460), ("p_value", 0.848969)]);
    assert_eq!(check(&ran, "pairs", "several_variants")["status"], "pass");

    // By visitor, the assignment does not hold: no decision can be made of it.
    let several = check(&ran, "visitors", "several_variants");
    assert_eq!((&several["status"], &several["statistic"]), (&"fail".into(), &937.0.into()));
    let decision = &experiment(&ran, "visitors")["decisions"][0];
    assert_eq!(decision["decision"], "invalid");
    assert!(
        decision["reason_codes"].as_array().unwrap().contains(&"several_variants".into()),
        "{decision}"
    );
}

fn optimizely(folder: &std::path::Path) -> Project {
    let project = Project::new();
    for kind in ["decisions", "events"] {
        for entry in std::fs::read_dir(folder.join(format!("type={kind}"))).unwrap() {
            let file = entry.unwrap();
            let name = file.file_name().into_string().unwrap();
            copy(&project, &file.path(), &format!("{kind}/ds=2020-05-25/{name}"));
        }
    }
    project.file(
        "project.yaml",
        "sources:
  decisions:
    path: decisions
    timestamp: timestamp
    units: {visitor_id: visitor_id}
  events:
    path: events
    timestamp: timestamp
    units:
      visitor_id: visitor_id
      visitor_in_variation: concat(visitor_id, '/', experiments[1]['variation_id'])
exposures:
  decisions: {source: decisions, experiment: experiment_id, variant: variation_id}
  attributed:
    source: events
    experiment: experiments[1]['experiment_id']
    variant: experiments[1]['variation_id']
metrics:
  any_add_to_cart: {type: proportion, source: events, filter: event_name = 'add_to_cart'}
  revenue_per_visitor: {type: mean, source: events, value: revenue}
  events_per_visitor: {type: mean, source: events}
  revenue_per_event: {type: ratio, numerator: {source: events, value: revenue}, denominator: {source: events}}
",
    );
    project
}

fn experiment(ran: &Ran, name: &str) -> Value {
    find(&ran.json()["experiments"], &[("experiment", name)])
}

fn row(ran: &Ran, of: &str, metric: &str, variant: &str) -> Value {
    let keys = [("metric", metric), ("variant", variant), ("segment", "all")];
    find(&experiment(ran, of)["results"], &keys)
}

fn check(ran: &Ran, of: &str, name: &str) -> Value {
    find(&experiment(ran, of)["checks"], &[("check", name)])
}

fn find(rows: &Value, keys: &[(&str, &str)]) -> Value {
    let fits = |row: &&Value| keys.iter().all(|(key, value)| row[*key] == *value);
    let found = rows.as_array().and_then(|rows| rows.iter().find(fits));
    found.unwrap_or_else(|| panic!("nothing has {keys:?} in\n{rows:#}")).clone()
}

#[track_caller]
fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or_else(|| panic!("no {key} in\n{row:#}"))
}

#[track_caller]
fn units(row: &Value, control: i64, variant: i64) {
    assert_eq!(
        (row["n_control"].as_i64(), row["n_variant"].as_i64()),
        (Some(control), Some(variant))
    );
}

/// Levels that are counts over counts: to the last digits.
#[track_caller]
fn levels(row: &Value, control: f64, variant: f64) {
    close("mean_control", number(row, "mean_control"), control, 1e-15 * control);
    close("mean_variant", number(row, "mean_variant"), variant, 1e-15 * variant);
}

/// To the digits that are published, and at least to the sixth.
#[track_caller]
fn six(row: &Value, wanted: &[(&str, f64)]) {
    for (key, wanted) in wanted {
        let digits = format!("{wanted:e}");
        let published =
            digits.split('e').next().unwrap().chars().filter(char::is_ascii_digit).count();
        // Rust prints no trailing zeros: a figure of fewer digits was published with zeros, or with five.
        let digits = i32::try_from(published.max(5)).unwrap() - 1;
        let unit = 10f64.powf(wanted.abs().log10().floor()) * 10f64.powi(-digits);
        close(key, number(row, key), *wanted, 0.5001 * unit);
    }
}

#[track_caller]
fn close(what: &str, found: f64, wanted: f64, tolerance: f64) {
    assert!((found - wanted).abs() <= tolerance, "{what}: {found} is not {wanted}");
}
