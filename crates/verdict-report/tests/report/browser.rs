//! The site in a real browser: nothing is reported, requested or wider than the window, and the audit finds nothing serious.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::site::written;

/// Needs node, a Chromium and `npm ci` in tests/browser, which `.ci/run` sees to; where they are not there, it says so and is
/// skipped. Screenshots of every page go to the folder that `VERDICT_SCREENSHOTS` names, where it does.
#[test]
fn browsers_have_nothing_to_complain_about() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser");
    let site = written();
    if !folder.join("node_modules").is_dir() {
        eprintln!(
            "skipped: no browser test, `npm ci` in tests/browser installs what it needs; the site is in {}",
            site.display()
        );
        return;
    }
    let run = Command::new("node")
        .arg(folder.join("check.mjs"))
        .arg(&site)
        .args(std::env::var_os("VERDICT_SCREENSHOTS"))
        .stderr(Stdio::inherit())
        .output();
    let output = match run {
        Err(error) => {
            eprintln!("skipped: no browser test, node cannot be started: {error}");
            return;
        }
        Ok(output) => output,
    };
    let told = String::from_utf8(output.stdout).unwrap();
    if output.status.code() == Some(77) {
        eprintln!("skipped: no browser test: {told}");
        return;
    }
    let found: serde_json::Value =
        serde_json::from_str(&told).unwrap_or_else(|e| panic!("{e}: {told}"));
    assert_eq!(found["problems"], serde_json::json!([]), "{found:#}");
    // Every page was seen in every way: a check that looks at nothing finds nothing.
    let pages = crate::site::PAGES.len() as u64 + 2;
    assert_eq!(found["pages"].as_u64(), Some(pages));
    assert_eq!(found["views"].as_u64(), Some(pages * 4));
    assert!(found["audited"].as_u64() >= Some(pages * 2));
}
