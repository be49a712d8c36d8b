//! `verdict validate`.

use std::io::Write as _;

use serde_json::json;
use verdict_model::advice;

use super::unchecked_job;
use crate::args::{self, Format};
use crate::exit::{Exit, Failure};

pub(crate) async fn validate(args: args::Validate) -> Result<Exit, Failure> {
    let (job, mut problems) = unchecked_job(&args.project)?;
    problems.extend(job.validate().await);
    if !problems.is_empty() {
        return Err(Failure::of_job(problems));
    }
    let project = job.project();
    let mut out = std::io::stdout().lock();
    match args.project.format {
        Format::Text => {
            if args.show {
                writeln!(out, "{}", project.resolved_text().trim_end())?;
            }
            writeln!(
                out,
                "{}: {} sources, {} metrics, {} experiments; every expression fits the logs",
                project.name,
                project.sources.len(),
                project.metrics.len(),
                project.experiments.len()
            )?;
            for later in &project.later {
                writeln!(out, "not yet in effect: {}: {}", later.place, later.consequence)?;
            }
            for advice in advice(project) {
                writeln!(out, "warning: {advice}")?;
            }
        }
        Format::Json => {
            let later: Vec<_> = project
                .later
                .iter()
                .map(|l| {
                    json!({
                        "experiment": l.experiment, "file": &*l.place.file, "line": l.place.line,
                        "key": l.place.key, "consequence": l.consequence,
                    })
                })
                .collect();
            let warnings: Vec<_> = advice(project)
                .into_iter()
                .map(|a| {
                    json!({
                        "experiment": a.experiment, "file": &*a.place.file, "line": a.place.line,
                        "key": a.place.key, "warning": a.words,
                    })
                })
                .collect();
            let mut value = json!({
                "project": project.name,
                "sources": project.sources.keys().collect::<Vec<_>>(),
                "metrics": project.metrics.keys().collect::<Vec<_>>(),
                "experiments": project.experiments.iter().map(|e| &e.name.value).collect::<Vec<_>>(),
                "not_in_effect": later,
                "warnings": warnings,
            });
            if args.show {
                value["resolved"] = project.resolved_text().into();
            }
            writeln!(out, "{value:#}")?;
        }
    }
    Ok(Exit::Done)
}
