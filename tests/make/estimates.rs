//! Resampled and post-stratified estimates and quantiles of an experiment that is watched: nights and a backfill agree, and each
//! has its test over the looks.

use serde_json::Value;

use super::{DAYS, Shop, chance, texts};
use crate::support::{doubles, hours};

const METRICS: &str = "\
metrics:
  spend: {type: mean, source: events, value: amount}
  spend_by_country: {type: mean, source: events, value: amount}
  large_spend: {type: quantile, source: events, value: amount, of: units, quantile: 0.75}
  large_amount: {type: quantile, source: events, value: amount, quantile: 0.75}
";

const EXPERIMENT: &str = "\
experiment:
  name: prices
  start: 2024-01-01
  design:
    unit: customer
    variants: [control, treatment]
  segments: [country]
  statistical_settings: {sequential_method: METHOD, max_duration_days: 4}
  metrics:
    primary: {name: spend, mde_relative: 0.5, bootstrap: {interval: bca, replicates: 1000}}
    secondary:
      - {name: spend_by_country, post_stratify: country}
      - {name: large_spend}
      - {name: large_amount}
";

/// Four hundred customers in whole amounts, most of them small; countries differ in what they spend, and who is treated spends
/// twice as much.
fn shop(method: &str) -> Shop {
    let shop = Shop::new();
    shop.project
        .file("metrics.yaml", METRICS)
        .file("experiments/prices.yaml", &EXPERIMENT.replace("METHOD", method));
    std::fs::remove_file(shop.path().join("experiments/banner.yaml")).unwrap();
    for day in 1..=DAYS {
        let came: Vec<i64> = (0..400).filter(|who| chance(day, *who, 1) < 0.7).collect();
        let treated = |who: &i64| chance(0, *who, 2) < 0.5;
        let amount = |who: &i64| {
            let own = (1.0 / chance(day, *who, 3).max(0.05)).floor() + (who % 3) as f64 * 5.0;
            if treated(who) { 2.0 * own } else { own }
        };
        let all = |text: &str| texts(vec![text.to_owned(); came.len()]);
        let who = || texts(came.iter().map(|who| format!("c{who}")).collect());
        let variant = |who: &i64| if treated(who) { "treatment" } else { "control" }.to_owned();
        let country = |who: &i64| ["IN", "BR", "NG"][(who % 3) as usize].to_owned();
        let exposures = [
            ("ts", hours(day, &vec![1.0; came.len()])),
            ("customer", who()),
            ("experiment", all("prices")),
            ("variant", texts(came.iter().map(variant).collect())),
            ("country", texts(came.iter().map(country).collect())),
        ];
        let events = [
            ("ts", hours(day, &vec![20.0; came.len()])),
            ("customer", who()),
            ("kind", all("purchase")),
            ("amount", doubles(&came.iter().map(amount).collect::<Vec<_>>())),
        ];
        shop.project
            .log(&format!("exposures/ds=2024-01-0{day}/part-0.parquet"), &exposures)
            .log(&format!("events/ds=2024-01-0{day}/part-0.parquet"), &events);
    }
    shop
}

#[test]
fn what_is_resampled_stratified_or_a_quantile_is_watched_on_the_incremental_path() {
    for method in ["msprt", "obrien_fleming"] {
        let wanted = shop(method);
        wanted.backfill();
        assert_eq!(wanted.plan().len(), 0, "{method}");
        let nightly = shop(method);
        for day in 1..=DAYS {
            nightly.night(day);
        }
        let (found, all) = (nightly.answers(), wanted.answers());
        assert_eq!(found.keys().collect::<Vec<_>>(), all.keys().collect::<Vec<_>>());
        for (name, bytes) in &all {
            assert!(found[name] == *bytes, "{name} has other bytes after nights, {method}");
        }
        let sql = "SELECT metric, method, status, looks_used, increments, effect, effect_ci_lower, effect_ci_upper, \
                   p_value, z, boundary, crossed, bootstrap_replicates, normal_p_value, stratified_by \
                   FROM results WHERE segment = 'all' AND ds = '2024-01-04'";
        let rows = wanted.project.verdict(&["query", sql, "--format", "json"]).exits(0).json();
        for (metric, word, increments) in [
            ("spend", "bootstrap_bca", "units"),
            ("spend_by_country", "post_stratified_t", "units"),
            ("large_spend", "quantile_woodruff_z", "independent"),
            ("large_amount", "quantile_woodruff_z", "independent"),
        ] {
            let rows = rows.as_array().unwrap();
            let row = rows.iter().find(|row| row["metric"] == metric).unwrap();
            assert_eq!((&row["method"], &row["status"]), (&word.into(), &"ok".into()), "{row}");
            assert_eq!(row["increments"], increments, "{row}");
            assert!(row["looks_used"].as_i64().is_some_and(|looks| looks >= 3), "{row}");
            let of =
                |column: &str| row[column].as_f64().unwrap_or_else(|| panic!("{column}: {row}"));
            // Twice as much: found, at this look or before, and interval and p-value say so alike. Of a quantile of few distinct
            // values the variance jumps, so that the last look may bring no time: it is no test of a spending plan then.
            assert!(of("effect_ci_lower") >= 0.0 && of("effect_ci_lower") < of("effect"), "{row}");
            let is_test = row["boundary"].is_number();
            assert!(is_test || row["method"] == "quantile_woodruff_z", "{row}");
            if is_test {
                assert!(of("effect_ci_upper") > of("effect"), "{row}");
                let outside = of("effect_ci_lower") > 0.0;
                assert_eq!(of("z") >= of("boundary"), outside, "{row}");
            }
            assert!(row["crossed"] == true && of("p_value") <= 0.05, "{row}");
            let resampled = metric == "spend";
            assert_eq!(row["bootstrap_replicates"].as_i64(), resampled.then_some(1_000), "{row}");
            assert_eq!(row["normal_p_value"].is_number(), resampled, "{row}");
            let by =
                if metric == "spend_by_country" { Value::from("country") } else { Value::Null };
            assert_eq!(row["stratified_by"], by, "{row}");
        }
    }
}
