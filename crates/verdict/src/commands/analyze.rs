//! `verdict analyze`: from group statistics alone.

use std::io::Write as _;

use verdict_job::{ReadStats, Tally};

use super::bootstraps::Bootstraps;
use super::{attention, date, job, judge_one, show};
use crate::alerts::before::Before;
use crate::args;
use crate::exit::{Exit, Failure};

pub(crate) async fn analyze(args: args::Analyze) -> Result<Exit, Failure> {
    let job = job(&args.project)?;
    let date = date(&args.scope, &job);
    let mut tally = Tally::default();
    let mut read = ReadStats::default();
    // Only a run tells of changes.
    let mut nobody = Before::default();
    let mut judged = Vec::new();
    let mut failed = Vec::new();
    let experiments = job.experiments(&args.scope.experiment)?;
    let mut bootstraps = Bootstraps::new(job.meters(), experiments.iter().copied());
    for experiment in experiments {
        let as_of = experiment.end.map_or(date, |end| end.min(date));
        // Only a run registers: statistics alone may be another's.
        let registered = match job.registered_plan(experiment).await {
            Ok(registered) => registered,
            // The others' are not the worse for it.
            Err(error) => {
                failed.push(error);
                continue;
            }
        };
        let registered = registered.as_ref();
        let of_all = (&mut read, &mut bootstraps, &mut tally);
        judged.push(
            judge_one(&job, experiment, registered, (as_of, Vec::new()), of_all, &mut nobody)
                .await?,
        );
    }
    let mut out = std::io::stdout().lock();
    show(&mut out, args.project.format, date, &judged)?;
    out.flush()?;
    if !failed.is_empty() {
        return Err(Failure::of_job(failed));
    }
    Ok(attention(&args.attention, &judged.iter().collect::<Vec<_>>(), false))
}
