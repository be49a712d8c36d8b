//! Alerts: what changed since the tables last told of an experiment. A night that changes nothing says nothing.
//!
//! What is compared is what the tables say of the same date before the run, or of the last date before it: there is no state of
//! alerts that a missed night could break, and a run that is repeated finds no change. What a run changed and did not come to
//! tell, since it died or the webhook did not answer, the next one tells ([`before`]).

pub(crate) mod before;
mod webhook;

use std::fs;
use std::io::Write as _;
use std::path::Path;

pub(crate) use self::webhook::Webhook;
use serde::Serialize;
use verdict_job::Told;
use verdict_model::NaiveDate;
use verdict_report::Judged;

use crate::exit::Failure;

/// The version of the document: it changes when a key goes or changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// What an experiment is said of before anything is: changes are measured from it where the tables tell nothing.
const BEFORE_ANYTHING: &str = "continue";

/// What changed, of all experiments of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Alerts {
    schema_version: u32,
    date: String,
    changes: Vec<Change>,
}

/// A change of state of one experiment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    experiment: String,
    ds: String,
    /// As of which date it was last told; none: never.
    since_ds: Option<String>,
    /// `decision`, `guardrail` or `check`.
    kind: &'static str,
    /// The variant of a decision or a guardrail, or the check.
    subject: String,
    before: Option<String>,
    now: String,
    /// Why, in words.
    reasons: Vec<String>,
}

impl Alerts {
    pub(crate) fn new(date: NaiveDate) -> Alerts {
        Alerts { schema_version: SCHEMA_VERSION, date: date.to_string(), changes: Vec::new() }
    }

    /// Adds what changed of an experiment.
    pub(crate) fn add(&mut self, before: Option<&Told>, now: &Judged) {
        self.changes.extend(changes(before, now));
    }

    /// Whether anything changed.
    pub(crate) fn any(&self) -> bool {
        !self.changes.is_empty()
    }

    /// Writes the document to a file.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(self).map_err(Failure::world)?;
        let wrong = |source| AlertError::Write { path: path.display().to_string(), source };
        fs::write(path, text + "\n").map_err(|e| Failure::world(wrong(e)))
    }

    /// Tells a webhook, where anything changed: whether there is nothing left to tell. A run whose alert could not be delivered
    /// has still been run.
    pub(crate) async fn tell(&self, webhook: &Webhook) -> bool {
        if !self.any() {
            return true;
        }
        let posted = webhook::post(webhook, &self.slack()).await;
        if let Err(error) = &posted {
            // Where standard error is closed there is nobody left to tell.
            let _ = writeln!(
                std::io::stderr(),
                "warning: the webhook could not be told: {error}; the next run with one tells of it again"
            );
        }
        posted.is_ok()
    }

    /// The body that Slack and what is compatible with it take: `text` alone.
    fn slack(&self) -> String {
        let lines: Vec<String> = self.changes.iter().map(Change::line).collect();
        let text = format!("Verdict, as of {}\n{}", self.date, lines.join("\n"));
        serde_json::json!({"text": text}).to_string()
    }
}

impl Change {
    fn line(&self) -> String {
        let mark = match (self.kind, self.now.as_str()) {
            ("decision", "ship") => ":white_check_mark:",
            ("decision", "continue" | "inconclusive" | "stat_sig_not_practical") => {
                ":information_source:"
            }
            (_, "pass") => ":ok:",
            _ => ":warning:",
        };
        let before =
            self.before.as_deref().map_or(String::new(), |before| format!(" (before: {before})"));
        let reason =
            self.reasons.first().map_or(String::new(), |reason| format!("\n> {}", escaped(reason)));
        let (experiment, subject) = (escaped(&self.experiment), escaped(&self.subject));
        format!("{mark} *{experiment}* {} {subject}: *{}*{before}{reason}", self.kind, self.now)
    }
}

/// What Slack would take for markup.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// What changed of an experiment: a decision, a guardrail that is violated now, a check that fails now or no longer.
fn changes(before: Option<&Told>, now: &Judged) -> Vec<Change> {
    let change =
        |kind, subject: &str, before: Option<&str>, state: &str, reasons: Vec<String>| Change {
            experiment: now.experiment.name.value.clone(),
            ds: now.as_of.to_string(),
            since_ds: None,
            kind,
            subject: subject.to_owned(),
            before: before.map(str::to_owned),
            now: state.to_owned(),
            reasons,
        };
    let mut found = Vec::new();
    for decision in &now.decisions {
        let told =
            before.and_then(|told| told.decisions.iter().find(|d| d.variant == decision.variant));
        let was = told.map_or(BEFORE_ANYTHING, |told| told.decision.as_str());
        if decision.decision != was {
            let was = told.map(|told| told.decision.as_str());
            let reasons = decision.reasons.clone();
            found.push(change("decision", &decision.variant, was, &decision.decision, reasons));
        }
        const VIOLATED: &str = "guardrail_violated";
        let violated = |codes: &[String]| codes.iter().any(|code| code == VIOLATED);
        if violated(&decision.reason_codes)
            && !told.is_some_and(|told| violated(&told.reason_codes))
        {
            let codes = decision.reason_codes.iter().zip(&decision.reasons);
            let reasons = codes
                .filter(|(code, _)| *code == VIOLATED)
                .map(|(_, reason)| reason.clone())
                .collect();
            found.push(change(
                "guardrail",
                &decision.variant,
                told.map(|_| "kept"),
                "violated",
                reasons,
            ));
        }
    }
    let failed_before =
        |check: &str| before.is_some_and(|told| told.failed_checks.iter().any(|c| c == check));
    let mut checks: Vec<&str> = now.checks.iter().map(|check| check.check.as_str()).collect();
    checks.sort_unstable();
    checks.dedup();
    for check in checks {
        let failing = now.checks.iter().filter(|row| row.check == check && row.status == "fail");
        let reasons: Vec<String> = failing.map(|row| row.message.clone()).collect();
        match (failed_before(check), reasons.is_empty()) {
            (false, false) => {
                found.push(change("check", check, before.map(|_| "pass"), "fail", reasons))
            }
            (true, true) => found.push(change("check", check, Some("fail"), "pass", reasons)),
            _ => {}
        }
    }
    let since = before.map(|told| told.ds.to_string());
    found.iter_mut().for_each(|change| change.since_ds.clone_from(&since));
    found
}

#[derive(Debug, thiserror::Error)]
enum AlertError {
    #[error("{path} could not be written")]
    Write {
        path: String,
        #[source]
        source: std::io::Error,
    },
}
