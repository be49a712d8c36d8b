//! `verdict plan`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write as _;

use serde_json::{Value, json};
use verdict_cluster::Workers;
use verdict_job::{Action, Job, Plan, Stage, Step};
use verdict_model::NaiveDate;

use super::sending::credentials;
use super::{bounds, date, job};
use crate::args::{self, Format};
use crate::exit::{Exit, Failure};

pub(crate) async fn plan(args: args::Plan) -> Result<Exit, Failure> {
    let job = job(&args.project)?;
    let date = date(&args.scope, &job);
    let plan = job.plan(args.from.unwrap_or(date), date, &args.scope.experiment).await?;
    let gate = if args.require_complete { bounds::complete(&plan) } else { Ok(()) };
    let gate = match (gate, &args.at.workers) {
        // What a worker makes is held there.
        (Ok(()), Some(_)) => Ok(Exit::Done),
        (Ok(()), None) => job.fits(&plan).await.map(|()| Exit::Done).map_err(Failure::from),
        (Err(incomplete), _) => Err(incomplete),
    };
    let spread = match &args.at.workers {
        Some(workers) => {
            let dates = (args.from.unwrap_or(date), date);
            Some(Spread::of(workers, &args.at, &job, &plan, dates).await?)
        }
        None => None,
    };
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
        if let Some(spread) = &spread {
            value["workers"] = spread.workers_as_json();
            value["sent"] = spread.sent_as_json();
            value["here"] = spread.here.clone().into();
        }
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
    if let Some(spread) = &spread {
        spread.write(&mut out)?;
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

/// What would be sent to workers, and who they are.
struct Spread {
    /// By address, or by the host that has none: how many steps at once, or why it cannot be used.
    workers: Vec<(String, Result<usize, String>)>,
    /// Each with what it does.
    steps: Vec<(Step, Vec<Stage>)>,
    /// The partitions that no step makes.
    here: Vec<String>,
}

impl Spread {
    async fn of(
        workers: &Workers,
        at: &args::At,
        job: &Job,
        plan: &Plan,
        dates: (NaiveDate, NaiveDate),
    ) -> Result<Spread, Failure> {
        let greeted = workers.greet(&credentials(at)?).await;
        let greeted = greeted.into_iter().map(|(at, slots)| (at, slots.map_err(|e| e.to_string())));
        let mut steps = job.day_steps(plan);
        steps.extend(job.totals_steps(plan, dates, workers.count().await).into_iter().flatten());
        let steps: Vec<_> = steps
            .into_iter()
            .map(|step| {
                let stages = job.stages(&step, plan);
                (step, stages)
            })
            .collect();
        let sent: BTreeSet<(&str, &str)> = steps
            .iter()
            .flat_map(|(_, stages)| stages)
            .flat_map(|stage| stage.partitions.iter().map(|p| (stage.stage, p.as_str())))
            .collect();
        let made = plan.items.iter().filter(|item| item.action != Action::Fresh);
        let here = made.filter(|item| !sent.contains(&(item.table, item.partition.as_str())));
        let here = here.map(ToString::to_string).collect();
        Ok(Spread { workers: greeted.collect(), steps, here })
    }

    fn sent_as_json(&self) -> Value {
        let each = self
            .steps
            .iter()
            .map(|(step, stages)| json!({"step": step.to_string(), "stages": stages}));
        each.collect()
    }

    /// Whether anybody takes steps.
    fn is_sent(&self) -> bool {
        self.workers.iter().any(|(_, slots)| slots.is_ok())
    }

    fn workers_as_json(&self) -> Value {
        let each = self.workers.iter().map(|(at, slots)| match slots {
            Ok(slots) => json!({"worker": at, "steps_at_once": slots}),
            Err(why) => json!({"worker": at, "not_used": why}),
        });
        each.collect()
    }

    fn write(&self, out: &mut impl std::io::Write) -> std::io::Result<()> {
        for (step, stages) in &self.steps {
            writeln!(out, "{}   {step}", if self.is_sent() { "send" } else { "here" })?;
            for Stage { stage, what, bytes, .. } in stages {
                let read = match bytes {
                    0 => String::new(),
                    bytes => format!(", {:.2} MB", *bytes as f64 / 1e6),
                };
                writeln!(out, "         {stage:<13} {what}{read}")?;
            }
        }
        // Of each table how many: which they are was told above.
        let mut tables: BTreeMap<&str, usize> = BTreeMap::new();
        for partition in &self.here {
            *tables.entry(partition.split('/').next().unwrap_or_default()).or_default() += 1;
        }
        for (table, partitions) in tables {
            writeln!(out, "here   {table}  ({partitions} of them)")?;
        }
        if !self.is_sent() {
            writeln!(
                out,
                "note   no worker can be used: a run makes all of it here, or fails with `--workers-lost fail`"
            )?;
        }
        for (at, slots) in &self.workers {
            match slots {
                Ok(1) => writeln!(out, "worker {at}  (1 step at once)")?,
                Ok(slots) => writeln!(out, "worker {at}  ({slots} steps at once)")?,
                Err(why) => writeln!(out, "worker {at}  (not used: {why})")?,
            }
        }
        Ok(())
    }
}
