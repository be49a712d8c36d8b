//! `verdict verify`.

use std::collections::BTreeMap;
use std::io::Write as _;

use serde_json::json;
use verdict_job::{Error, Job, Scratch, Verified};

use super::{date, job, run};
use crate::args::{self, Format};
use crate::exit::{Exit, Failure};

/// Makes the dates again from nothing, in a folder of their own, and compares.
pub(crate) async fn verify(args: args::Verify) -> Result<Exit, Failure> {
    let job = job(&args.project)?;
    let to = date(&args.scope, &job);
    let from = args.from.unwrap_or(to);
    let spill = args.project.limits.spill_dir.clone().unwrap_or_else(std::env::temp_dir);
    let folder = Scratch::new(&spill).map_err(|source| Error::Io { path: spill, source })?;
    let tables = folder.path().join("tables").display().to_string();
    let limits = args.project.limits.of_job();
    let (again, _) = Job::new(job.project().clone(), Some(&tables), &args.project.set, &limits)?;
    job.copy_registrations(&again).await?;
    for date in from.iter_days().take_while(|date| *date <= to) {
        // Night after night: each has totals of its own.
        Box::pin(run::make_again(&again, date, &args.scope.experiment)).await?;
        if !args.quiet {
            writeln!(std::io::stderr(), "{date} is made again")?;
        }
    }
    let compared = job.compare(&again).await?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for one in &compared {
        *counts.entry(word(&one.verified)).or_default() += 1;
    }
    let mut out = std::io::stdout().lock();
    if args.project.format == Format::Json {
        let rows: Vec<_> = compared
            .iter()
            .map(|one| json!({"partition": one.partition, "verified": word(&one.verified), "reason": reason(&one.verified)}))
            .collect();
        writeln!(
            out,
            "{:#}",
            json!({"from": from.to_string(), "to": to.to_string(), "partitions": rows})
        )?;
    } else {
        let well = [Verified::Identical, Verified::NotKept];
        for one in compared.iter().filter(|one| !well.contains(&one.verified)) {
            let reason =
                reason(&one.verified).map_or(String::new(), |reason| format!("  ({reason})"));
            writeln!(out, "{:9} {}{reason}", word(&one.verified), one.partition)?;
        }
        let counts: Vec<String> = counts.iter().map(|(word, n)| format!("{n} {word}")).collect();
        writeln!(out, "{} partitions made again: {}", compared.len(), counts.join(", "))?;
    }
    out.flush()?;
    Ok(exit(&compared))
}

/// 1 where a partition is not what its inputs give; 3 where one is stale or missing.
fn exit(compared: &[verdict_job::VerifiedPartition]) -> Exit {
    let any = |what: fn(&Verified) -> bool| compared.iter().any(|one| what(&one.verified));
    if any(|v| matches!(v, Verified::Different(_))) {
        return Exit::Failed;
    }
    match any(|v| matches!(v, Verified::Stale(_) | Verified::Missing)) {
        true => Exit::Attention,
        false => Exit::Done,
    }
}

fn word(verified: &Verified) -> &'static str {
    match verified {
        Verified::Identical => "identical",
        Verified::SameRows(_) => "same_rows",
        Verified::Stale(_) => "stale",
        Verified::Missing => "missing",
        Verified::NotKept => "not_kept",
        Verified::Different(_) => "different",
    }
}

fn reason(verified: &Verified) -> Option<String> {
    match verified {
        Verified::SameRows(reason) | Verified::Different(reason) => Some(reason.clone()),
        Verified::Stale(changed) => {
            Some(format!("changed: {changed}; `verdict run` makes it again"))
        }
        _ => None,
    }
}
