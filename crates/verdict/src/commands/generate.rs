//! `verdict generate`: a log whose truth is known, with a project over it.

use std::io::Write as _;
use std::num::NonZero;
use std::thread::available_parallelism;
use std::time::Instant;

use chrono::{Days, Utc};
use verdict_generate::{GenerateError, Spec, generate as write_logs};
use verdict_model::NaiveDate;

use crate::args::{self, Format};
use crate::exit::{Exit, Failure};
use crate::progress::{Counter, line as note};

pub(crate) fn generate(args: args::Generate) -> Result<Exit, Failure> {
    let args::Generate {
        folder,
        from,
        days,
        users,
        events_per_visit,
        seed,
        effect,
        plant,
        threads,
        format,
        quiet,
    } = args;
    let mut spec = Spec::shop(from.unwrap_or_else(|| some_weeks_ago(days)));
    (spec.days, spec.users, spec.events_per_visit, spec.seed) =
        (days, users, events_per_visit, seed);
    spec.plants = plant;
    // An experiment that would begin after the last day is none of this log.
    spec.experiments.retain(|planned| planned.start < days);
    for effect in &effect {
        spec.plant_effect(effect).map_err(failure)?;
    }
    let threads = threads.or_else(|| available_parallelism().ok()).map_or(1, NonZero::get);
    let clock = Instant::now();
    let line = Counter::new(quiet);
    let truth = write_logs(&spec, &folder, threads, &|done| {
        line.told(done as usize, days as usize, "days")
    })
    .map_err(failure)?;
    line.end();

    let last = spec.from.checked_add_days(Days::new((days - 1).into())).unwrap_or(spec.from);
    let mut out = std::io::stdout().lock();
    match format {
        Format::Text => {
            writeln!(
                out,
                "{} events and {} exposures of {} days, {:.1} MB, in {}",
                truth.events,
                truth.exposures,
                days,
                truth.bytes as f64 / 1e6,
                folder.display()
            )?;
            for (planned, exposed) in spec.experiments.iter().zip(&truth.exposed) {
                for (arm, exposed) in planned.arms.iter().zip(exposed) {
                    let effects: Vec<String> = arm
                        .effects
                        .iter()
                        .map(|(quantity, share)| {
                            format!("{quantity} {:+}%", (share * 1e4).round() / 1e2)
                        })
                        .collect();
                    let effects = if effects.is_empty() {
                        "no effect".to_owned()
                    } else {
                        effects.join(", ")
                    };
                    writeln!(out, "  {}: {} {exposed} units, {effects}", planned.name, arm.name)?;
                }
            }
            for plant in &spec.plants {
                writeln!(out, "  planted: {plant}")?;
            }
        }
        Format::Json => writeln!(out, "{:#}", truth.json())?,
    }
    out.flush()?;
    if !quiet {
        let seconds = clock.elapsed().as_secs_f64();
        note(&format!(
            "{:.1} s, {:.2} million events a second; next: verdict run --project {} --date {last}",
            seconds,
            truth.events as f64 / seconds / 1e6,
            folder.display()
        ));
    }
    Ok(Exit::Done)
}

/// The first of `days` days that ended yesterday.
fn some_weeks_ago(days: u32) -> NaiveDate {
    let today = Utc::now().date_naive();
    today.checked_sub_days(Days::new(days.into())).unwrap_or(today)
}

fn failure(error: GenerateError) -> Failure {
    match error {
        GenerateError::Spec(_) | GenerateError::Exists { .. } => Failure::usage(error),
        error => Failure::world(error),
    }
}
