//! `verdict report`: pages from the tables that are there. Nothing is made.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use verdict_job::{Job, Outlet};
use verdict_model::rows::{EXPOSURE_DS, GroupStat, SEVERAL_VARIANTS, WHOLE};
use verdict_model::tables::{CHECKS, DECISIONS, GROUP_STATS, RESULTS};
use verdict_model::{Experiment, NaiveDate};
use verdict_report::{DayUnits, Entry, FileNames, Judged, Page, Site, SiteFile};

use super::{date, job};
use crate::args::{self, Reported};
use crate::exit::{Exit, Failure};
use crate::terminal;

pub(crate) async fn report(args: args::Report) -> Result<Exit, Failure> {
    let job = job(&args.project)?;
    let date = date(&args.scope, &job);
    let experiments = job.experiments(&args.scope.experiment)?;
    if args.project.format == Reported::Html {
        return site(&job, &experiments, date, &Out::of(&job, &args.out)?).await;
    }
    let mut pages = Vec::new();
    for experiment in experiments {
        pages.push(page(&job, experiment, date).await?);
    }
    let judged: Vec<&Judged> = pages.iter().map(|page| &page.judged).collect();
    let mut out = std::io::stdout().lock();
    match args.project.format {
        Reported::Html | Reported::Text => {
            verdict_report::text(&mut out, &judged, terminal::style())?
        }
        Reported::Markdown => verdict_report::markdown(&mut out, &judged)?,
        Reported::Json => verdict_report::json_of_pages(&mut out, date, &pages)?,
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// Writes the site, experiment by experiment, and its index last.
async fn site(
    job: &Job,
    experiments: &[&Experiment],
    as_of: NaiveDate,
    out: &Out,
) -> Result<Exit, Failure> {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let site = Site { project: job.project().name.clone(), as_of, version };
    let (mut names, mut entries) = (FileNames::default(), Vec::new());
    let (mut unread, mut failed) = (Vec::new(), None);
    for experiment in experiments {
        let name = names.next(&experiment.name.value);
        // A table that cannot be read is the end of its experiment's page, not of the others'.
        let page = match page(job, experiment, as_of).await {
            Ok(page) => page,
            Err(failure) => {
                unread.push(experiment.name.value.clone());
                failed.get_or_insert(failure);
                continue;
            }
        };
        for file in site.experiment(&page, &name) {
            out.write(&file).await?;
        }
        entries.push(Entry::of(&page, &name));
    }
    // Where nothing could be read, the index of the day before is worth more than an empty one.
    if let Some(failure) = failed.take_if(|_| entries.is_empty()) {
        return Err(failure);
    }
    let index = site.index(&entries, &unread);
    out.write(&index).await?;
    writeln!(std::io::stdout(), "{}", out.name(&index))?;
    failed.map_or(Ok(Exit::Done), Err)
}

/// Where the site goes.
enum Out {
    Folder(PathBuf),
    Store(Outlet, String),
}

impl Out {
    fn of(job: &Job, given: &str) -> Result<Out, Failure> {
        if given.contains("://") {
            let outlet = job.outlet(given, "--out")?;
            return Ok(Out::Store(outlet, given.trim_end_matches('/').to_owned()));
        }
        Ok(Out::Folder(given.into()))
    }

    fn name(&self, file: &SiteFile) -> String {
        match self {
            Out::Folder(folder) => folder.join(&file.path).display().to_string(),
            Out::Store(_, url) => format!("{url}/{}", file.path),
        }
    }

    /// Writes a file of the site whole: somebody may be reading the one before.
    async fn write(&self, file: &SiteFile) -> Result<(), Failure> {
        match self {
            Out::Folder(folder) => write(&folder.join(&file.path), &file.text),
            Out::Store(outlet, _) => {
                Ok(outlet.put(&file.path, file.text.clone(), content_type(&file.path)).await?)
            }
        }
    }
}

/// What a browser that gets a file from a bucket takes it for.
fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("csv") => "text/csv; charset=utf-8",
        Some("json") => "application/json",
        _ => "application/octet-stream",
    }
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        let told = format!("{} cannot be written: {error}", path.display());
        Failure::world(std::io::Error::new(error.kind(), told))
    };
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent).map_err(failed)?;
    }
    let part = path.with_extension("part");
    std::fs::write(&part, text).map_err(failed)?;
    std::fs::rename(&part, path).map_err(failed)
}

/// What the tables say of an experiment, up to a date.
async fn page(job: &Job, experiment: &Experiment, until: NaiveDate) -> Result<Page, Failure> {
    let dates = job.dates_of(&DECISIONS, experiment, until).await?;
    let as_of = dates.last().copied().unwrap_or(until);
    let now = [as_of];
    let registered = job.registered_plan(experiment).await?;
    let plan = job.plan_of(experiment);
    let judged = Judged {
        experiment: experiment.clone(),
        as_of,
        results: job.rows_of(&RESULTS, experiment, &now, None).await?,
        checks: job.rows_of(&CHECKS, experiment, &now, None).await?,
        decisions: job.rows_of(&DECISIONS, experiment, &now, None).await?,
        missing_days: Vec::new(),
        registered: registered.as_ref().map(|registered| registered.as_of),
    };
    let project = job.project();
    let metrics = experiment.metrics().filter_map(|m| project.metrics.get(&m.name.value));
    let metrics: BTreeMap<_, _> = metrics.map(|m| (m.name.value.clone(), m.clone())).collect();
    let components = metrics.values().flat_map(|metric| metric.kind.components());
    let shown = experiment.exposures.as_ref().and_then(|name| project.exposures.get(&name.value));
    let exposure_source = shown.map(|exposures| exposures.source.value.clone());
    let read = components.map(|c| &c.source.value).chain(&exposure_source);
    let sources = read.filter_map(|name| project.sources.get(name));
    let only = Some(("segment", EXPOSURE_DS));
    let by_exposure: Vec<GroupStat> = job.rows_of(&GROUP_STATS, experiment, &now, only).await?;
    Ok(Page {
        series: job.rows_of(&RESULTS, experiment, &dates, Some(("segment", WHOLE))).await?,
        exposures: exposures(job, experiment, as_of).await?,
        cohorts: verdict_analysis::judge::cohorts(experiment, as_of, &by_exposure),
        spreads: job.rows_of(&GROUP_STATS, experiment, &now, Some(("segment", WHOLE))).await?,
        counts: job.counts_of(experiment, as_of).await?,
        changes: registered.as_ref().map_or(Vec::new(), |registered| registered.changes(&plan)),
        registered,
        runs: job.runs_of(as_of).await?,
        sources: sources.map(|source| (source.name.value.clone(), source.clone())).collect(),
        exposure_source,
        metrics,
        plan_text: plan.text,
        judged,
    })
}

/// Units by day: from the totals of units; where these are not kept, from what the group statistics of each day add to those
/// of the day before.
async fn exposures(
    job: &Job,
    experiment: &Experiment,
    as_of: NaiveDate,
) -> Result<Vec<DayUnits>, Failure> {
    let day = |(ds, variant, units)| DayUnits { ds, variant, units };
    if let Some(units) = job.units_by_day(experiment, as_of).await? {
        return Ok(units.into_iter().map(day).collect());
    }
    let dates = job.dates_of(&GROUP_STATS, experiment, as_of).await?;
    let only = Some(("metric", SEVERAL_VARIANTS));
    let rows: Vec<GroupStat> = job.rows_of(&GROUP_STATS, experiment, &dates, only).await?;
    let mut before: BTreeMap<String, (NaiveDate, i64)> = BTreeMap::new();
    let mut days = Vec::new();
    for row in rows.into_iter().filter(|row| row.segment == WHOLE) {
        let first = experiment.start == Some(row.ds);
        match before.insert(row.variant.clone(), (row.ds, row.n)) {
            Some((ds, n)) if ds.succ_opt() == Some(row.ds) => {
                days.push(day((row.ds, row.variant, row.n - n)))
            }
            None if first => days.push(day((row.ds, row.variant, row.n))),
            // Between days that lie further apart nobody knows which had how many.
            _ => return Ok(Vec::new()),
        }
    }
    Ok(days)
}
