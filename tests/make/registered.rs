//! The plan of an experiment is registered at its first run; what changes later is said, key by key, with what the
//! decision would have been.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::keys::EDITS;
use super::{Shop, keys};

const OBJECT: &str = "tables/registrations/experiment=prices/part-0.parquet";

fn night(shop: &Shop) -> Value {
    let args = [
        "run",
        "--fail-on",
        "never",
        "--date",
        "2024-01-04",
        "--format",
        "json",
        "--experiment",
        "prices",
    ];
    shop.project.verdict(&args).exits(0).json()["experiments"][0].clone()
}

fn registered_check(judged: &Value) -> &Value {
    let checks = judged["checks"].as_array().unwrap();
    checks.iter().find(|check| check["check"] == "registered_plan").unwrap()
}

fn changes(judged: &Value) -> Vec<String> {
    let changes = judged["decisions"][0]["plan_changes"].as_array().unwrap();
    changes.iter().map(|change| change.as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_plan_is_registered_by_the_first_run_and_by_nothing_else() {
    let shop = Shop::new();
    for args in [
        &["plan", "--date", "2024-01-04"][..],
        &["run", "--dry-run", "--date", "2024-01-04"],
        &["backfill", "--dry-run", "--from", "2024-01-01", "--to", "2024-01-04"],
        &["validate"],
    ] {
        shop.project.verdict(args).exits(0);
        assert!(!shop.path().join(OBJECT).exists(), "{args:?}");
    }
    shop.night(2);
    let first = fs::read(shop.path().join(OBJECT)).unwrap();
    shop.backfill();
    let args = ["analyze", "--fail-on", "never", "--date", "2024-01-04"];
    shop.project.verdict(&args).exits(0);
    shop.edit("experiments/prices.yaml", "mde_relative: 0.2", "mde_relative: 0.1");
    shop.night(4);
    assert!(fs::read(shop.path().join(OBJECT)).unwrap() == first, "it is never written again");
    let sql = "SELECT CAST(registered_ds AS VARCHAR) AS ds, value FROM registrations WHERE experiment = 'prices' AND \
               key = 'experiment.metrics.primary.mde_relative'";
    let rows = shop.project.verdict(&["query", sql, "--format", "json"]).exits(0).json();
    assert_eq!((&rows[0]["ds"], &rows[0]["value"]), (&"2024-01-02".into(), &"0.2".into()));
    let sql = "SELECT value FROM registrations WHERE experiment = 'prices' AND key = 'file'";
    let rows = shop.project.verdict(&["query", sql, "--format", "json"]).exits(0).json();
    assert_eq!(rows[0]["value"], super::PRICES);
    let sql = "SELECT count(*) AS n FROM registered_plans WHERE key IN ('plan', 'file') OR key LIKE '%purchases_per%'";
    let rows = shop.project.verdict(&["query", sql, "--format", "json"]).exits(0).json();
    assert_eq!(
        rows[0]["n"],
        1 + 4 * 2 + 4,
        "banner's ratio and how it is adjusted, clipped, resampled and weighted, and no metric that prices does not have: {rows}"
    );
}

#[test]
fn statistics_without_a_run_have_no_registered_plan() {
    let shop = Shop::new();
    shop.night(4);
    fs::remove_dir_all(shop.path().join("tables/registrations")).unwrap();
    let args = ["analyze", "--fail-on", "never", "--date", "2024-01-04", "--format", "json"];
    let judged = &shop.project.verdict(&args).exits(0).json()["experiments"][1];
    assert!(!shop.path().join(OBJECT).exists());
    assert_eq!(judged["registered_ds"], Value::Null);
    assert_eq!(judged["decisions"][0]["decision_as_registered"], Value::Null);
    assert_eq!(judged["decisions"][0]["as_registered_reason"], "No plan is registered.");
    assert_eq!(registered_check(judged)["status"], "pass");
    // A run registers it, and says so in what it writes.
    let judged = night(&shop);
    assert_eq!(judged["registered_ds"], "2024-01-04");
    assert_eq!(registered_check(&judged)["message"], "The plan is the one that was registered.");
    let again = shop.without_tables();
    again.backfill();
    assert!(
        shop.answers()
            .iter()
            .all(|(name, bytes)| name.contains("banner") || again.answers()[name] == *bytes)
    );
}

#[test]
fn an_unchanged_plan_is_the_registered_one() {
    let shop = Shop::new();
    night(&shop);
    shop.edit("experiments/prices.yaml", "  start:", "  owner: ada # who asks\n  start:");
    shop.edit("project.yaml", "name: shop", "name: shop, buckets: 3");
    let judged = night(&shop);
    assert_eq!(registered_check(&judged)["status"], "pass");
    assert_eq!(changes(&judged), [""; 0]);
    let decision = &judged["decisions"][0];
    assert_eq!(decision["decision_as_registered"], decision["decision"]);
    assert_eq!(decision["as_registered_reason"], Value::Null);
}

/// Every key of the configuration that is an experiment's own, or of what it refers to.
#[test]
fn each_changed_key_is_said() {
    let shop = keys::shop();
    night(&shop);
    let mut said = 0;
    for (key, file, from, to) in EDITS {
        let other = ["banner.yaml", "numerator", "denominator"]
            .iter()
            .any(|of| file.contains(of) || key.contains(of))
            // Of banner's ratio.
            || to.contains("type: ratio");
        if ["project.buckets", "sources.*.path", "experiment.design.unit"].contains(&key) || other {
            continue;
        }
        let before = fs::read_to_string(shop.path().join(file)).unwrap();
        shop.edit(file, from, to);
        let judged = night(&shop);
        let check = registered_check(&judged);
        assert_eq!(check["status"], "warn", "{key}");
        let part = key.rsplit(".*").next().unwrap_or(key);
        let changes = changes(&judged);
        assert!(
            !changes.is_empty() && check["statistic"].as_f64() == Some(changes.len() as f64),
            "{key}"
        );
        let named = changes.iter().any(|change| {
            change.contains(part) && change.contains(": was ") && change.contains(", is ")
        });
        assert!(named || part == key || part.is_empty(), "{key}: {changes:?}");
        let decision = &judged["decisions"][0];
        let one = decision["decision_as_registered"].is_null()
            != decision["as_registered_reason"].is_null();
        assert!(one, "{key}: {decision}");
        shop.project.file(file, &before);
        said += 1;
    }
    assert!(said > 20, "{said}");
    let judged = night(&shop);
    assert_eq!(changes(&judged), [""; 0], "what was undone leaves no trace");
    // One experiment, at another time than the other one or with it: the same bytes.
    let scratch = shop.without_tables();
    scratch.backfill();
    let whole = scratch.answers();
    let other: Vec<_> = shop
        .answers()
        .into_iter()
        .filter(|(name, bytes)| whole[name] != *bytes)
        .map(|(name, _)| name)
        .collect();
    assert_eq!(other, [""; 0]);
}

#[test]
fn a_changed_alpha_that_turns_the_decision_is_told() {
    let shop = Shop::new();
    shop.edit(
        "experiments/prices.yaml",
        "  segments: [country]\n",
        "  statistical_settings: {alpha: 0.0001, sample_ratio_alpha: 0.0000001}\n",
    );
    // Nobody is in two variants, and who is treated spends three times as much.
    shop.plainly_better();
    let first = night(&shop);
    assert_eq!(first["decisions"][0]["decision"], "inconclusive", "{first:#}");
    shop.edit("experiments/prices.yaml", "alpha: 0.0001", "alpha: 0.2");
    let judged = night(&shop);
    let decision = &judged["decisions"][0];
    assert_eq!(decision["decision"], "ship", "{decision:#}");
    assert_eq!(decision["decision_as_registered"], "inconclusive");
    let changed = "experiment.statistical_settings.alpha: was 0.0001, is 0.2";
    assert!(changes(&judged).iter().any(|change| change == changed), "{decision:#}");
    let args = ["run", "--fail-on", "never", "--date", "2024-01-04", "--experiment", "prices"];
    let told = shop.project.verdict(&args).exits(0).stdout;
    for text in [
        "the plan is not the one registered as of 2024-01-04:",
        changed,
        "as registered, treatment: INCONCLUSIVE (inconclusive)",
        "warning  registered_plan: ",
    ] {
        assert!(told.contains(text), "no `{text}` in:\n{told}");
    }
    let sql = "SELECT decision, decision_as_registered, change FROM changed_plans WHERE change LIKE '%alpha%'";
    let rows = shop.project.verdict(&["query", sql, "--format", "json"]).exits(0).json();
    assert_eq!(rows.as_array().unwrap().len(), 2, "the guardrails' alpha follows: {rows}");
    // The fingerprint knows what was registered: the same plan without that history is another answer.
    fs::remove_file(shop.path().join(OBJECT)).unwrap();
    let judged = night(&shop);
    assert_eq!(judged["decisions"][0]["decision_as_registered"], "ship");
}

#[test]
fn what_cannot_be_told_says_why() {
    for (file, from, to, reason) in [
        (
            "experiments/prices.yaml",
            "    secondary: [{name: buyers}]\n",
            "",
            "The registered plan has metrics whose statistics are not kept any more: `buyers`.",
        ),
        (
            "metrics.yaml",
            "value: amount\n",
            "value: amount * 2\n",
            "The statistics are not those of the registered plan, since `metrics.spend.value` changed.",
        ),
        (
            "experiments/prices.yaml",
            "start: 2024-01-01",
            "start: 2024-01-02",
            "The statistics are not those of the registered plan, since `experiment.start` changed.",
        ),
    ] {
        let shop = Shop::new();
        night(&shop);
        shop.edit(file, from, to);
        let judged = night(&shop);
        let decision = &judged["decisions"][0];
        assert_eq!(decision["decision_as_registered"], Value::Null, "{from}");
        assert_eq!(decision["as_registered_reason"], reason, "{from}");
        let args = ["run", "--fail-on", "never", "--date", "2024-01-04", "--experiment", "prices"];
        let told = shop.project.verdict(&args).exits(0).stdout;
        assert!(
            told.contains(&format!("as registered, treatment: it cannot be told. {reason}")),
            "{told}"
        );
    }
}

#[test]
fn a_damaged_registration_ends_its_experiment_and_no_other() {
    let shop = Shop::new();
    shop.project.verdict(&["run", "--fail-on", "never", "--date", "2024-01-04"]).exits(0);
    let whole = fs::read(shop.path().join(OBJECT)).unwrap();
    let other =
        fs::read(shop.path().join("tables/checks/experiment=prices/ds=2024-01-04/part-0.parquet"))
            .unwrap();
    for (bytes, what) in [
        (&whole[..whole.len() / 2], "this registration is damaged"),
        (&b""[..], "this registration is damaged"),
        (&other[..], "registered_ds"),
    ] {
        fs::write(shop.path().join(OBJECT), bytes).unwrap();
        for args in [&["run", "--date", "2024-01-04"][..], &["analyze", "--date", "2024-01-04"]] {
            let ran = shop.project.verdict(args);
            let told = &ran.stderr;
            assert_eq!(ran.code, 1, "{args:?}: {told}");
            // The other experiment is judged as if nothing were amiss.
            assert!(ran.stdout.contains("banner against control: "), "{args:?}: {}", ran.stdout);
            assert!(!ran.stdout.contains("prices"), "{args:?}: {}", ran.stdout);
            assert!(
                told.contains("registrations/experiment=prices/part-0.parquet")
                    && told.contains(what),
                "{told}"
            );
            assert!(told.contains("a registration is not derived from anything"), "{told}");
        }
        let planned = shop.project.verdict(&["plan", "--date", "2024-01-04"]).exits(0).stdout;
        let why = "results/experiment=prices/ds=2024-01-04  (the registered plan cannot be read)";
        assert!(planned.contains(why), "{planned}");
    }
    fs::write(shop.path().join(OBJECT), "garbage").unwrap();
    let ran = shop.project.verdict(&["query", "SELECT count(*) FROM results"]).exits(1);
    assert!(ran.stderr.contains("a registration is not derived from anything"), "{}", ran.stderr);
    fs::write(shop.path().join(OBJECT), &whole).unwrap();
    night(&shop);
}

#[test]
fn of_two_first_runs_at_once_one_registers_and_both_go_on() {
    for _ in 0..3 {
        let shop = Shop::new();
        let other = shop.without_tables();
        other.edit("experiments/prices.yaml", "mde_relative: 0.2", "mde_relative: 0.3");
        let tables = shop.path().join("tables");
        let start = |shop: &Shop| {
            Command::new(env!("CARGO_BIN_EXE_verdict"))
                .args(["run", "--quiet", "--fail-on", "never", "--date", "2024-01-02", "--tables"])
                .arg(&tables)
                .current_dir(shop.path())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap()
        };
        for child in [start(&shop), start(&other)] {
            let ran = child.wait_with_output().unwrap();
            assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        }
        let left: Vec<_> =
            fs::read_dir(tables.join("registrations/experiment=prices")).unwrap().collect();
        assert_eq!(left.len(), 1, "{left:?}");
        let sql =
            "SELECT value FROM registrations WHERE key = 'experiment.metrics.primary.mde_relative'";
        let rows = shop.project.verdict(&["query", sql, "--format", "json"]).exits(0).json();
        let registered = rows[0]["value"].as_str().unwrap().to_owned();
        assert!(
            rows.as_array().unwrap().len() == 1 && ["0.2", "0.3"].contains(&registered.as_str()),
            "{rows}"
        );
        // Each goes on with the one that was registered.
        let args = [
            "run",
            "--fail-on",
            "never",
            "--date",
            "2024-01-02",
            "--format",
            "json",
            "--experiment",
            "prices",
        ];
        let tables = tables.display().to_string();
        for (shop, own) in [(&shop, "0.2"), (&other, "0.3")] {
            let args = [&args[..], &["--tables", &tables]].concat();
            let judged = &shop.project.verdict(&args).exits(0).json()["experiments"][0];
            assert_eq!(changes(judged).is_empty(), registered == own);
        }
    }
}
