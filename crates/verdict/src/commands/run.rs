//! `verdict run`, and `verdict backfill`, which is a run of several dates.

use std::io::{IsTerminal as _, Write as _};
use std::time::Instant;

use chrono::{DateTime, Utc};
use verdict_analysis::words;
use verdict_job::{Job, Plan, Progress, ReadStats, RunRow, Silent, Tally};
use verdict_model::{NaiveDate, RegisteredPlan};
use verdict_report::Judged;

use super::bootstraps::Bootstraps;
use super::sending::Sending;
use super::{attention, bounds, date, job, judge_one, last_of_each, named, show};
use crate::alerts::before::Before;
use crate::alerts::{Alerts, Webhook};
use crate::args::{self, FailOn, Shown};
use crate::exit::{Exit, Failure};
use crate::progress::{Teller, line as note, megabytes, peak_memory};

/// What is asked of a run: the as-of dates, and how to tell of them.
struct Asked<'a> {
    command: &'static str,
    project: &'a args::Project<Shown>,
    /// The first as-of date; without one only the last.
    from: Option<NaiveDate>,
    scope: &'a args::Scope,
    bounds: &'a args::Bounds,
    attention: &'a args::Attention,
    work: &'a args::Work,
    /// Who is told of what changed.
    webhook: Option<Webhook>,
}

impl Asked<'_> {
    /// The way to the workers, if there are any.
    fn sending<'b>(&'b self, job: &'b Job, teller: &'b Teller) -> Option<Sending<'b>> {
        let how = &self.work.sending;
        let (project, quiet) = (self.project, self.work.quiet);
        how.at.workers.as_ref().map(|workers| Sending { job, teller, project, workers, how, quiet })
    }

    /// Whether anybody wants to know what changed.
    fn wants_changes(&self) -> bool {
        self.work.alerts.is_some()
            || self.webhook.is_some()
            || self.attention.fail_on.contains(&FailOn::Changes)
    }
}

/// The webhook to tell, from the arguments or the environment.
///
/// # Errors
/// It is no address: that is told now, not in the first night in which something changes.
fn webhook(work: &args::Work) -> Result<Option<Webhook>, Failure> {
    let given = work.webhook.clone().or_else(|| std::env::var("VERDICT_WEBHOOK").ok());
    given.filter(|url| !url.is_empty()).map(|url| Webhook::at(&url)).transpose()
}

/// What a run has come to.
struct Made {
    judged: Vec<Judged>,
    alerts: Alerts,
    /// What the alerts are measured from.
    before: Before,
    /// What failed on the way.
    failure: Option<Failure>,
    /// Bytes of the logs that need not be read.
    fresh_bytes: u64,
}

impl Made {
    fn nothing(alerts: Alerts) -> Made {
        let before = Before::default();
        Made { judged: Vec::new(), alerts, before, failure: None, fresh_bytes: 0 }
    }
}

pub(crate) async fn run(args: args::Run) -> Result<Exit, Failure> {
    if args.dry_run {
        let args::Run { project, scope, bounds, work, .. } = args;
        let at = work.sending.at;
        let (project, require_complete) = (project.plain(), bounds.require_complete);
        let plan = args::Plan { project, scope, from: None, sql: false, require_complete, at };
        return super::plan::plan(plan).await;
    }
    let args::Run { project, scope, bounds, attention, work, .. } = &args;
    let webhook = webhook(work)?;
    let asked =
        Asked { command: "run", project, from: None, scope, bounds, attention, work, webhook };
    Box::pin(ask(asked)).await
}

pub(crate) async fn backfill(args: args::Backfill) -> Result<Exit, Failure> {
    let args::Backfill { project, from, to, experiment, bounds, attention, dry_run, work } = args;
    let (scope, from) = (args::Scope { date: to, experiment }, Some(from));
    if dry_run {
        let (project, require_complete) = (project.plain(), bounds.require_complete);
        let at = work.sending.at;
        let plan = args::Plan { project, scope, from, sql: false, require_complete, at };
        return super::plan::plan(plan).await;
    }
    let (project, scope, bounds) = (&project, &scope, &bounds);
    let (attention, work) = (&attention, &work);
    let webhook = webhook(work)?;
    let asked =
        Asked { command: "backfill", project, from, scope, bounds, attention, work, webhook };
    Box::pin(ask(asked)).await
}

async fn ask(asked: Asked<'_>) -> Result<Exit, Failure> {
    let clock = (Utc::now(), Instant::now());
    let job = job(asked.project)?;
    let date = date(asked.scope, &job);
    let mut tally = Tally::default();
    let teller = Teller::new(asked.work, job.meters());
    let work = Box::pin(make(&job, date, &asked, &teller, &mut tally));
    let made = bounds::in_time(&job, asked.bounds, work).await;
    teller.end();
    let error = match &made {
        Ok(Made { failure: None, .. }) => None,
        Ok(Made { failure: Some(failure), .. }) | Err(failure) => Some(failure.summary()),
    };
    log(&job, asked.command, date, clock, error, &tally).await;
    let Made { judged, alerts, before, failure, fresh_bytes } = made?;
    let printed = print(&asked, date, &judged);
    let closed = closing(&job, &asked, &teller, (&tally, fresh_bytes), clock.1);
    // The tables are written, and the next run will find no change: whoever wants to know is told now, even where output has
    // lost its reader, or the file cannot be written.
    let written = asked.work.alerts.as_ref().map_or(Ok(()), |file| alerts.write(file));
    let heard = match &asked.webhook {
        Some(webhook) => alerts.tell(webhook).await,
        None => written.is_ok(),
    };
    if heard {
        let names = judged.iter().map(|judged| judged.experiment.name.value.as_str());
        before.told(&job, names).await?;
    }
    written?;
    printed?;
    closed?;
    match failure {
        Some(failure) => Err(failure),
        None => Ok(attention(asked.attention, &last_of_each(&judged), alerts.any())),
    }
}

fn print(asked: &Asked<'_>, date: NaiveDate, judged: &[Judged]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    show(&mut out, asked.project.format, date, judged)?;
    out.flush()
}

/// Makes the tables and judges them: what came of it, and what failed on the way.
async fn make(
    job: &Job,
    date: NaiveDate,
    asked: &Asked<'_>,
    teller: &Teller,
    tally: &mut Tally,
) -> Result<Made, Failure> {
    let alerts = Alerts::new(date);
    let mut made = Made::nothing(alerts);
    let mut plan = job.plan(asked.from.unwrap_or(date), date, &asked.scope.experiment).await?;
    if asked.bounds.require_complete {
        bounds::complete(&plan)?;
    }
    bounds::small_enough(&plan, asked.bounds)?;
    let sending = asked.sending(job, teller);
    let range = (asked.from.unwrap_or(date), date);
    let planned = || job.plan(range.0, range.1, &asked.scope.experiment);
    if let Some(slice) = asked.work.slice {
        match Box::pin(make_slice(job, slice, plan, range, (asked, teller, tally))).await? {
            Sliced::Whole(whole) => plan = whole,
            Sliced::Share(failure) => return Ok(Made { failure, ..made }),
        }
    }
    if let Some(sending) = &sending {
        if sending.days(&plan, tally).await? {
            plan = planned().await?;
        }
        // Days that no worker made are made here, before what follows from them is sent.
        if plan.makes_days() {
            let mut days = plan.clone();
            days.slice(1, 1);
            job.make(&days, teller, tally).await?;
            plan = planned().await?;
        }
        if sending.totals(&plan, range, tally).await? {
            plan = planned().await?;
        }
    }
    for (experiment, why) in &plan.skipped {
        teller.note(&format!("{experiment} is left out of {date}: {why}"));
    }
    made.fresh_bytes = plan.fresh_bytes;
    if asked.wants_changes() {
        made.before = Before::of(job, date, &asked.scope.experiment).await?;
    }
    judge_all(job, &plan, teller, tally, &mut made).await?;
    if asked.wants_changes() {
        for last in last_of_each(&made.judged) {
            made.alerts.add(made.before.said(&last.experiment.name.value), last);
        }
    }
    Ok(made)
}

/// What a slice leaves.
enum Sliced {
    /// What follows from totals that are all there, or all of it where the slice is the only one.
    Whole(Plan),
    /// Others have something to make yet; what of its own share failed.
    Share(Option<Failure>),
}

/// Makes a slice of the days; where all days are there, of the buckets of totals. The slice that finds that nothing of them
/// lacks goes on.
async fn make_slice(
    job: &Job,
    slice: args::Slice,
    mut plan: Plan,
    range: (NaiveDate, NaiveDate),
    (asked, teller, tally): (&Asked<'_>, &Teller, &mut Tally),
) -> Result<Sliced, Failure> {
    let sending = asked.sending(job, teller);
    let planned = || job.plan(range.0, range.1, &asked.scope.experiment);
    let tell = |what: &str| {
        if !asked.work.quiet {
            teller.note(&format!("slice {}/{} {what}", slice.index, slice.of));
        }
    };
    plan.slice(slice.index, slice.of);
    let days = if plan.makes_days() { "is made" } else { "is there" };
    if let Some(sending) = &sending
        && sending.days(&plan, tally).await?
    {
        plan = planned().await?;
        plan.slice(slice.index, slice.of);
    }
    job.make(&plan, teller, tally).await?;
    // What follows from the days is for slices that find all of them made.
    plan = planned().await?;
    if plan.makes_days() {
        tell(&format!("{days}; days of other slices are still to be made"));
        return Ok(Sliced::Share(None));
    }
    if slice.of == 1 || !plan.makes_totals() {
        return Ok(Sliced::Whole(plan));
    }
    let own = job.slice_of_buckets(slice.index, slice.of);
    if let Some(sending) = &sending {
        sending.shares(&job.share_steps(&plan, range, &own), tally).await?;
    }
    let outcome = job.share_and_join(&plan, &own, teller, tally).await?;
    plan = planned().await?;
    if !plan.makes_totals() {
        return Ok(Sliced::Whole(plan));
    }
    let failed: Vec<_> = outcome.failed.into_iter().map(|(_, error)| error).collect();
    if failed.is_empty() {
        let buckets = if own.is_empty() { "has no buckets of totals" } else { "of totals is made" };
        tell(&format!("{buckets}; shares of other slices are still to be made"));
        return Ok(Sliced::Share(None));
    }
    Ok(Sliced::Share(Some(Failure::of_job(failed))))
}

/// Makes the tables of a date in `job`, whatever other tables there are.
pub(super) async fn make_again(
    job: &Job,
    date: NaiveDate,
    experiments: &[String],
) -> Result<(), Failure> {
    let plan = job.plan(date, date, experiments).await?;
    let alerts = Alerts::new(date);
    let mut made = Made::nothing(alerts);
    judge_all(job, &plan, &Silent, &mut Tally::default(), &mut made).await?;
    made.failure.map_or(Ok(()), Err)
}

/// Makes what is planned, and judges every date that was asked for.
async fn judge_all(
    job: &Job,
    plan: &Plan,
    progress: &dyn Progress,
    tally: &mut Tally,
    made: &mut Made,
) -> Result<(), Failure> {
    let mut outcome = job.make(plan, progress, tally).await?;
    outcome.done.sort();
    let mut read = ReadStats::default();
    let all = outcome.done.iter().filter_map(|(name, _)| job.project().experiment(name));
    let mut bootstraps = Bootstraps::new(job.meters(), all);
    let mut registered: Option<(&str, Option<RegisteredPlan>)> = None;
    let mut failed: Vec<verdict_job::Error> = Vec::new();
    for (nth, (name, as_of)) in outcome.done.iter().enumerate() {
        let of = outcome.done.len();
        progress.within(&format!("decisions of {name} as of {as_of} ({} of {of})", nth + 1));
        let experiment = named(job, name)?;
        // The statistics are made, and nobody has seen a number that follows from them.
        let of_experiment = match registered.take().filter(|(of, _)| of == name) {
            Some((_, plan)) => plan,
            // A registration that cannot be read is the end of its experiment, not of the others.
            None => match job.register_plan(experiment, *as_of).await {
                Ok(plan) => Some(plan),
                Err(error) => {
                    failed.push(error);
                    None
                }
            },
        };
        if let Some(registered) = &of_experiment {
            let incomplete = job.incomplete_of(plan, experiment, *as_of);
            let judged = judge_one(
                job,
                experiment,
                Some(registered),
                (*as_of, incomplete),
                (&mut read, &mut bootstraps, tally),
                &mut made.before,
            )
            .await?;
            made.judged.push(judged);
        }
        registered = Some((name, of_experiment));
    }
    failed.extend(outcome.failed.into_iter().map(|(_, error)| error));
    made.failure = (!failed.is_empty()).then(|| Failure::of_job(failed));
    Ok(())
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

/// The closing line: what was done, what could be left undone, and what it took.
fn closing(
    job: &Job,
    asked: &Asked<'_>,
    teller: &Teller,
    (tally, fresh_bytes): (&Tally, u64),
    clock: Instant,
) -> std::io::Result<()> {
    let seconds = clock.elapsed().as_secs_f64();
    let cost = asked.work.price_per_tb.map(|price| tally.bytes_scanned as f64 / 1e12 * price);
    teller.event(
        "end",
        serde_json::json!({
            "command": asked.command, "partitions_made": tally.made, "partitions_fresh": tally.fresh,
            "rows": tally.rows, "objects": tally.objects, "bytes": tally.bytes,
            "bytes_scanned": tally.bytes_scanned, "bytes_pruned": tally.bytes_pruned(), "bytes_fresh": fresh_bytes,
            "draws": job.meters().bootstrap.read().0,
            "seconds": seconds, "peak_memory_bytes": peak_memory(), "cost": cost, "tables": job.tables(),
        }),
    );
    if asked.work.quiet || asked.work.log_format != args::LogFormat::Text {
        return Ok(());
    }
    let mut err = std::io::stderr().lock();
    write!(
        err,
        "{} partitions made, {} fresh; {} log rows and {} read from {} objects in {seconds:.1} s",
        words::count(tally.made),
        words::count(tally.fresh),
        words::count(tally.rows),
        megabytes(tally.bytes_scanned),
        words::count(tally.objects),
    )?;
    if tally.bytes_pruned() > 0 {
        write!(err, ", {} skipped by pruning", megabytes(tally.bytes_pruned()))?;
    }
    if fresh_bytes > 0 {
        write!(err, ", {} not read again", megabytes(fresh_bytes))?;
    }
    if let Some(peak) = peak_memory() {
        write!(err, "; {} of memory at most", megabytes(peak))?;
    }
    if let Some(cost) = cost {
        write!(err, "; reading cost about {cost:.4}")?;
    }
    writeln!(err, "; tables are in {}", job.tables())?;
    if err.is_terminal() {
        writeln!(err, "look further: verdict query \"SELECT * FROM latest_decisions\"")?;
    }
    Ok(())
}
