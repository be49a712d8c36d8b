//! `verdict plan`.

use std::io::Write as _;

use serde_json::json;
use verdict_job::Action;

use super::{bounds, date, job};
use crate::args::{self, Format};
use crate::exit::{Exit, Failure};

pub(crate) async fn plan(args: args::Plan) -> Result<Exit, Failure> {
    let job = job(&args.project)?;
    let date = date(&args.scope, &job);
    let plan = job.plan(args.from.unwrap_or(date), date, &args.scope.experiment).await?;
    let gate = if args.require_complete { bounds::complete(&plan) } else { Ok(()) };
    let gate = gate.map(|()| Exit::Done);
    let queries = if args.sql { job.queries(&plan).await? } else { Vec::new() };
    let mut out = std::io::stdout().lock();
    if args.project.format == Format::Json {
        let items: Vec<_> = plan
            .items
            .iter()
            .map(|item| {
                let (action, reason) = match &item.action {
                    Action::Make(reason) => ("make", Some(reason)),
                    Action::Fresh => ("fresh", None),
                };
                json!({
                    "table": item.table, "partition": item.partition,
                    "action": action, "reason": reason, "bytes": item.bytes,
                })
            })
            .collect();
        let skipped: Vec<_> =
            plan.skipped.iter().map(|(e, why)| json!({"experiment": e, "reason": why})).collect();
        let queries: Vec<_> =
            queries.iter().map(|(stage, sql)| json!({"stage": stage, "sql": sql})).collect();
        let incomplete = plan.incomplete.iter().map(|one| {
            json!({
                "source": one.source, "day": one.day.to_string(), "expected": one.expected,
                "found": one.seen, "needed": one.needed,
            })
        });
        let incomplete: Vec<_> = incomplete.collect();
        let mut value = json!({
            "date": date.to_string(), "items": items, "skipped": skipped, "bytes": plan.bytes(),
            "incomplete": incomplete,
        });
        if args.sql {
            value["queries"] = queries.into();
        }
        writeln!(out, "{value:#}")?;
        return gate;
    }
    if args.sql {
        for (stage, sql) in queries {
            writeln!(out, "-- {stage}\n{};\n", sql.trim_end())?;
        }
        return gate;
    }
    for item in &plan.items {
        match &item.action {
            Action::Fresh => writeln!(out, "fresh  {item}")?,
            Action::Make(reason) if item.bytes > 0 => {
                writeln!(
                    out,
                    "make   {item}  ({reason}; reads {:.2} MB)",
                    item.bytes as f64 / 1e6
                )?;
            }
            Action::Make(reason) => writeln!(out, "make   {item}  ({reason})")?,
        }
    }
    for (experiment, why) in &plan.skipped {
        writeln!(out, "skip   {experiment}  ({why})")?;
    }
    for one in &plan.incomplete {
        writeln!(out, "late   {one}")?;
    }
    let make = plan.items.iter().filter(|item| item.action != Action::Fresh).count();
    writeln!(
        out,
        "{make} to make, {} fresh; at most {:.2} MB of the logs to read; tables are in {}",
        plan.items.len() - make,
        plan.bytes() as f64 / 1e6,
        job.tables()
    )?;
    gate
}
