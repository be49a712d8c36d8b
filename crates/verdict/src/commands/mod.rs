//! The commands, one a file.

pub(crate) mod aa;
pub(crate) mod analyze;
mod bootstraps;
mod bounds;
pub(crate) mod cluster;
mod columns;
pub(crate) mod gc;
pub(crate) mod generate;
pub(crate) mod init;
mod moments;
pub(crate) mod plan;
pub(crate) mod power;
mod power_from_logs;
pub(crate) mod query;
pub(crate) mod report;
mod rows_sent;
pub(crate) mod run;
mod sending;
pub(crate) mod shell;
pub(crate) mod simulate;
pub(crate) mod stat;
pub(crate) mod validate;
pub(crate) mod verify;
mod words;

use std::collections::BTreeMap;
use std::io::Write;

use chrono::{Days, Utc};
use verdict_analysis::judge::{self, judge_with};
use verdict_job::{Job, JudgedRows, ReadStats, Tally};
use verdict_model::{Experiment, NaiveDate, RegisteredPlan};
use verdict_report::Judged;

use crate::alerts::before::Before;
use crate::args::{Attention, FailOn, Printing, Project, Scope, Shown};
use crate::exit::{Exit, Failure};
use crate::terminal;
use bootstraps::Bootstraps;

/// The job of a project.
fn job<F: Printing>(args: &Project<F>) -> Result<Job, Failure> {
    match unchecked_job(args)? {
        (job, problems) if problems.is_empty() => Ok(job),
        (_, problems) => Err(Failure::of_job(problems)),
    }
}

/// The job of a project, and what is wrong with its metrics.
fn unchecked_job<F: Printing>(
    args: &Project<F>,
) -> Result<(Job, Vec<verdict_job::Error>), Failure> {
    let project = verdict_model::load(&args.project)?;
    Ok(Job::new(project, args.tables.as_deref(), &args.set, &args.limits.of_job())?)
}

/// The date asked for: yesterday, in the project's time zone, when none is.
fn date(scope: &Scope, job: &Job) -> NaiveDate {
    let today = Utc::now().with_timezone(&job.project().time_zone).date_naive();
    scope.date.unwrap_or_else(|| today.checked_sub_days(Days::new(1)).unwrap_or(today))
}

/// The experiment of that name.
fn named<'a>(job: &'a Job, name: &str) -> Result<&'a Experiment, Failure> {
    job.project().experiment(name).ok_or_else(|| {
        Failure::usage(verdict_job::Error::Usage(format!("there is no experiment `{name}`")))
    })
}

/// Judges the group statistics of an experiment as of a date, of which the logs lack what is said beside it, holds that to
/// its `registered` plan, and writes what follows.
async fn judge_one(
    job: &Job,
    experiment: &Experiment,
    registered: Option<&RegisteredPlan>,
    (as_of, incomplete): (NaiveDate, Vec<String>),
    (read, bootstraps, tally): (&mut ReadStats, &mut Bootstraps, &mut Tally),
    before: &mut Before,
) -> Result<Judged, Failure> {
    let project = job.project();
    let mut stats = job.group_stats_history(experiment, as_of, read).await?;
    if let Some(counts) = &mut stats.counts {
        counts.incomplete = incomplete;
    }
    let of_rows = |(results, checks, decisions): JudgedRows, missing_days: Vec<NaiveDate>| Judged {
        experiment: experiment.clone(),
        as_of,
        results,
        checks,
        decisions,
        missing_days,
        registered: registered.map(|registered| registered.as_of),
    };
    // Resampling takes longer than reading what came of it; without it judging is as fast as reading.
    if bootstraps::are_of(experiment)
        && let Some(there) =
            job.judgement_there(experiment, &stats, registered, as_of, tally).await?
    {
        bootstraps.without(experiment);
        return Ok(of_rows(there, stats.missing));
    }
    let types: BTreeMap<String, String> = project
        .metrics
        .iter()
        .map(|(name, metric)| (name.clone(), metric.kind.word().to_owned()))
        .collect();
    let later = job.later_of(experiment);
    let (plan, counts) = (job.plan_of(experiment), stats.counts.as_ref());
    let resamples = bootstraps.before(experiment, as_of, &stats.rows);
    let all = (&stats.rows[..], resamples);
    let mut judgement = judge_with(experiment, &types, as_of, all, counts, &later);
    let (ds, stats_of) = (as_of, &stats.rows[..]);
    let judged = judge::Judged { experiment, plan: &plan, ds, stats: stats_of, counts, resamples };
    judge::hold_to_registered(&mut judgement, &judged, registered);
    let judgement = (judgement.results, judgement.checks, judgement.decisions);
    let judged = of_rows(judgement, stats.missing.clone());
    before.put_down(job, &judged).await?;
    let rows = (&judged.results[..], &judged.checks[..], &judged.decisions[..]);
    job.write_judgement(experiment, &stats, registered, as_of, rows, tally).await?;
    Ok(judged)
}

/// Prints what was found.
fn show(
    out: &mut impl Write,
    format: Shown,
    date: NaiveDate,
    judged: &[Judged],
) -> std::io::Result<()> {
    match format {
        // Of a range people see how it ended; the tables have the rest.
        Shown::Text => verdict_report::text(out, &last_of_each(judged), terminal::style()),
        Shown::Markdown => verdict_report::markdown(out, &last_of_each(judged)),
        Shown::Json => verdict_report::json(out, date, &judged.iter().collect::<Vec<_>>()),
    }
}

/// The last look of each experiment.
fn last_of_each(judged: &[Judged]) -> Vec<&Judged> {
    let mut last: Vec<&Judged> = Vec::new();
    for one in judged {
        match last.last_mut() {
            Some(before) if before.experiment.name == one.experiment.name => *before = one,
            _ => last.push(one),
        }
    }
    last
}

/// Whether anything that was found asks for attention; `changed` says whether anything is not what it was.
fn attention(asked: &Attention, judged: &[&Judged], changed: bool) -> Exit {
    let wants = |what| asked.fail_on.contains(&what) && !asked.fail_on.contains(&FailOn::Never);
    let check = |status: &str| judged.iter().any(|j| j.checks.iter().any(|c| c.status == status));
    let guardrail = judged.iter().flat_map(|j| &j.decisions).any(|decision| {
        decision.decision == "stop_guardrail"
            || decision.reason_codes.iter().any(|code| code == "guardrail_violated")
    });
    let asks = (wants(FailOn::Checks) && check("fail"))
        || (wants(FailOn::Warnings) && check("warn"))
        || (wants(FailOn::Guardrails) && guardrail)
        || (wants(FailOn::Changes) && changed);
    if asks { Exit::Attention } else { Exit::Done }
}
