//! `verdict stat` and `verdict power`, as people and programs call them.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::support::{root, verdict};

/// Every case of every file of reference values, with the folder that has it.
fn cases() -> Vec<(String, Value)> {
    let mut cases = Vec::new();
    for folder in ["crates/verdict-analysis/tests/golden", "crates/verdict-accum/tests/golden"] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|e| e != "json") {
                continue;
            }
            let method = path.file_stem().unwrap().to_str().unwrap().to_owned();
            let file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            let of_file = file["cases"].as_array().unwrap().iter().cloned();
            cases.extend(of_file.map(|case| (method.clone(), case)));
        }
    }
    cases
}

/// Cases that are refused, beside those whose reference value is a refusal: `crates/verdict-analysis/tests/golden.rs`
/// says why of the first two; the third names a generator of another language.
const REFUSED: [&str; 3] = ["zero_var_both_different", "n1_control", "seed2_experiment"];

#[test]
fn every_reference_case_is_answered_line_by_line() {
    let cases = cases();
    assert!(cases.len() > 800, "{} cases", cases.len());
    let mut child = Command::new(env!("CARGO_BIN_EXE_verdict"))
        .args(["stat", "--jsonl", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let lines: String = cases
        .iter()
        .map(|(method, case)| format!("{}\n", json!({"method": method, "input": case["input"]})))
        .collect();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let out = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(out.status.success());
    let answers: Vec<Value> = String::from_utf8(out.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), cases.len());
    for ((method, case), answer) in cases.iter().zip(&answers) {
        let name = case["name"].as_str().unwrap_or_default();
        assert_eq!(answer["method"], *method, "{method} {name}");
        let refusal = REFUSED.contains(&name) || case["expected"].get("error").is_some();
        assert_eq!(answer.get("error").is_some(), refusal, "{method} {name}: {answer}");
        if method == "streaming_moments" && !refusal {
            same(&case["expected"], &answer["output"], name);
        }
    }
}

/// Every number that the answer has is the reference's, to 1e-13 (and 1e-300, below which squares underflow).
fn same(wanted: &Value, found: &Value, at: &str) {
    match found {
        Value::Object(found) => {
            found.iter().for_each(|(k, v)| same(&wanted[k], v, &format!("{at}.{k}")));
        }
        Value::Array(found) => {
            // Long cases give the last of the states only.
            let Some(wanted) = wanted.as_array() else { return };
            assert_eq!(wanted.len(), found.len(), "{at}");
            for (i, (w, f)) in wanted.iter().zip(found).enumerate() {
                same(w, f, &format!("{at}[{i}]"));
            }
        }
        _ => {
            let Some(wanted) = wanted.as_f64() else { return };
            let found = found.as_f64().unwrap_or_else(|| panic!("{at}: {found} for {wanted}"));
            assert!(
                (found - wanted).abs() <= 1e-13 * wanted.abs() + 1e-300,
                "{at}: {found} for {wanted}"
            );
        }
    }
}

#[test]
fn a_person_asks_with_flags() {
    let args = ["stat", "two-proportion-z", "--control", "4820/50000", "--treatment", "5140/50000"];
    let text = verdict(&root(), &args).exits(0).stdout;
    assert!(text.starts_with("treatment − control = +0.64 points, 95% interval"), "{text}");
    let json = verdict(&root(), &[&args[..], &["--format", "json"]].concat()).exits(0).json();
    assert_eq!(json["method"], "two_proportion_z");

    let overview = verdict(&root(), &["stat"]).exits(0).stdout;
    assert!(overview.contains("welch-t") && overview.contains("--jsonl"), "{overview}");
    let help = verdict(&root(), &["stat", "welch-t", "--help"]).exits(0).stdout;
    assert!(help.contains("Example:"), "{help}");
}

#[test]
fn a_wrong_word_is_named_with_the_nearest_right_one() {
    for (args, words) in [
        (&["stat", "welsh-t"][..], "did you mean `welch-t`"),
        (&["stat", "two-proportion-z", "--contrl", "1/2"], "did you mean `--control`"),
        (&["stat", "two-proportion-z", "--control", "half"], "--control"),
        (&["stat", "--jsonl"], "--jsonl needs a value"),
        (&["stat", "srm", "--format", "xml", "--counts", "1,2"], "expected text or json"),
        (&["power", "--basline", "3%"], "did you mean `--baseline`"),
        (&["power", "--baseline", "3%"], "--"),
    ] {
        let ran = verdict(&root(), args).exits(2);
        assert!(ran.stderr.contains(words), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "", "{args:?}");
    }
    let ran = verdict(&root(), &["stat", "--jsonl", "no-such-file"]).exits(1);
    assert!(ran.stderr.contains("`no-such-file` cannot be read"), "{}", ran.stderr);
}

#[test]
fn a_plan_is_told_drawn_and_given_as_json() {
    let args = ["power", "--baseline", "3.2%", "--lift", "10%", "--units-per-day", "10000"];
    let text = verdict(&root(), &args).exits(0).stdout;
    // The seed's formula: 49,777 units in each arm.
    assert!(text.contains("49,777") && text.contains("100% |"), "{text}");
    let json = verdict(&root(), &[&args[..], &["--format", "json"]].concat()).exits(0).json();
    assert!(json.to_string().contains("49777"), "{json}");
    assert!(verdict(&root(), &["power"]).exits(0).stdout.contains("Usage: verdict power"));
}
