//! `verdict run`, and `verdict backfill`, which is a run of several dates.

use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use chrono::{DateTime, Utc};
use verdict_job::{Job, ReadStats, RunRow, Tally};
use verdict_model::{NaiveDate, RegisteredPlan};

use super::{Judged, attention, date, job, judge_one, named};
use crate::args::{self, Format};
use crate::exit::{Exit, Failure};
use crate::progress::Line;
use crate::{json, report};

/// What is asked of a run: the as-of dates, and how to tell of them.
struct Asked<'a> {
    command: &'static str,
    project: &'a args::Project,
    /// The first as-of date; without one only the last.
    from: Option<NaiveDate>,
    scope: &'a args::Scope,
    attention: &'a args::Attention,
    quiet: bool,
}

pub(crate) async fn run(args: args::Run) -> Result<Exit, Failure> {
    if args.dry_run {
        let args::Run { project, scope, .. } = args;
        return super::plan::plan(args::Plan { project, scope, from: None, sql: false }).await;
    }
    let args::Run { project, scope, attention, quiet, .. } = &args;
    let (from, quiet) = (None, *quiet);
    asked(Asked { command: "run", project, from, scope, attention, quiet }).await
}

pub(crate) async fn backfill(args: args::Backfill) -> Result<Exit, Failure> {
    let args::Backfill { project, from, to, experiment, attention, dry_run, quiet } = args;
    let (scope, from) = (args::Scope { date: to, experiment }, Some(from));
    if dry_run {
        return super::plan::plan(args::Plan { project, scope, from, sql: false }).await;
    }
    let (project, scope, attention) = (&project, &scope, &attention);
    asked(Asked { command: "backfill", project, from, scope, attention, quiet }).await
}

async fn asked(asked: Asked<'_>) -> Result<Exit, Failure> {
    let clock = (Utc::now(), Instant::now());
    let job = job(asked.project)?;
    let date = date(asked.scope, &job);
    let mut tally = Tally::default();
    let line = Line::new(asked.quiet);
    let made = make(&job, date, &asked, &line, &mut tally).await;
    line.end();
    let error = match &made {
        Ok((_, None)) => None,
        Ok((_, Some(failure))) | Err(failure) => Some(failure.summary()),
    };
    log(&job, asked.command, date, clock, error, &tally).await;
    let (judged, failure) = made?;
    let mut out = std::io::stdout().lock();
    match asked.project.format {
        // Of a range people see how it ended; the tables have the rest.
        Format::Text => report::text(&mut out, &last_of_each(&judged))?,
        Format::Json => json::judged(&mut out, date, &judged)?,
    }
    out.flush()?;
    if !asked.quiet && asked.project.format == Format::Text {
        closing(&job, &tally, clock.1)?;
    }
    match failure {
        Some(failure) => Err(failure),
        None => Ok(attention(asked.attention, &last_of_each(&judged))),
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

/// Makes the tables and judges them: what came of it, and what failed on the way.
async fn make(
    job: &Job,
    date: NaiveDate,
    asked: &Asked<'_>,
    line: &Line,
    tally: &mut Tally,
) -> Result<(Vec<Judged>, Option<Failure>), Failure> {
    let plan = job.plan(asked.from.unwrap_or(date), date, &asked.scope.experiment).await?;
    for (experiment, why) in &plan.skipped {
        note(&format!("{experiment} is left out of {date}: {why}"));
    }
    let mut outcome = job.make(&plan, line, tally).await?;
    outcome.done.sort();
    let (mut judged, mut read) = (Vec::new(), ReadStats::default());
    let mut registered: Option<(&str, RegisteredPlan)> = None;
    for (name, as_of) in &outcome.done {
        let experiment = named(job, name)?;
        // The statistics are made, and nobody has seen a number that follows from them.
        let plan = match registered.take().filter(|(of, _)| of == name) {
            Some((_, plan)) => plan,
            None => job.register_plan(experiment, *as_of).await?,
        };
        judged.push(judge_one(job, experiment, Some(&plan), *as_of, (&mut read, tally)).await?);
        registered = Some((name, plan));
    }
    let errors: Vec<verdict_job::Error> =
        outcome.failed.into_iter().map(|(_, error)| error).collect();
    Ok((judged, (!errors.is_empty()).then(|| Failure::of_job(errors))))
}

/// Adds the run to `runs`. A run whose log cannot be written has still been run.
async fn log(
    job: &Job,
    command: &str,
    date: NaiveDate,
    clock: (DateTime<Utc>, Instant),
    error: Option<String>,
    tally: &Tally,
) {
    let (started, instant) = clock;
    let run = RunRow {
        run_id: format!("{}-{}", started.format("%Y%m%dT%H%M%S%.6fZ"), std::process::id()),
        command: command.into(),
        version: env!("CARGO_PKG_VERSION").into(),
        started,
        seconds: instant.elapsed().as_secs_f64(),
        error,
    };
    if let Err(error) = job.write_run(date, &run, tally).await {
        note(&format!("warning: the run could not be added to `runs`: {error}"));
    }
}

fn closing(job: &Job, tally: &Tally, clock: Instant) -> std::io::Result<()> {
    let mut err = std::io::stderr().lock();
    writeln!(
        err,
        "{} partitions made, {} fresh; {} log rows and {:.1} MB read from {} objects in {:.1} s; tables are in {}",
        tally.made,
        tally.fresh,
        tally.rows,
        tally.bytes as f64 / 1e6,
        tally.objects,
        clock.elapsed().as_secs_f64(),
        job.tables(),
    )?;
    if err.is_terminal() {
        writeln!(err, "look further: verdict query \"SELECT * FROM latest_decisions\"")?;
    }
    Ok(())
}

/// A line on standard error.
fn note(text: &str) {
    // Where standard error is closed there is nobody left to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}
