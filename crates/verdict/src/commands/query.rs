//! `verdict query`.

use std::io::{IsTerminal as _, Write as _};

use chrono::Utc;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::Writer as CsvWriter;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::json::ArrayWriter;
use datafusion::arrow::util::pretty::pretty_format_batches_with_schema;
use datafusion::parquet::arrow::ArrowWriter;
use verdict_analysis::words;
use verdict_cluster::{Event, Left, Workers};
use verdict_job::{Job, QueryStep, SpreadQuery};

use super::job;
use super::rows_sent::received;
use super::sending::{Unmade, Wanted, credentials, policy, tasks};
use crate::args::{self, Format, Output, WorkersLost};
use crate::exit::{Exit, Failure};
use crate::progress::line as note;

pub(crate) async fn query(args: args::Query) -> Result<Exit, Failure> {
    let job = job(&args.project)?;
    let (schema, rows) = match &args.sending.at.workers {
        Some(workers) => spread(&job, &args, workers).await?,
        None => verdict_job::query(&job, &args.sql).await?,
    };
    let mut out = std::io::stdout().lock();
    let output = args.output.unwrap_or(match args.project.format {
        Format::Text => Output::Table,
        Format::Json => Output::Json,
    });
    match output {
        Output::Table => {
            let table = pretty_format_batches_with_schema(schema, &rows).map_err(Failure::world)?;
            writeln!(out, "{table}")?;
        }
        Output::Csv => {
            let mut writer = CsvWriter::new(&mut out);
            if rows.is_empty() {
                // The names are there all the same.
                writer.write(&RecordBatch::new_empty(schema)).map_err(Failure::world)?;
            }
            for batch in &rows {
                writer.write(batch).map_err(Failure::world)?;
            }
        }
        Output::Parquet if out.is_terminal() => {
            return Err(Failure::usage(verdict_job::Error::Usage(
                "--output parquet writes a file on standard output: redirect it (> rows.parquet)"
                    .into(),
            )));
        }
        Output::Parquet => {
            // A footer says where columns lie: the file is whole before any of it is printed.
            let mut file = Vec::new();
            let mut writer =
                ArrowWriter::try_new(&mut file, schema, None).map_err(Failure::world)?;
            for batch in &rows {
                writer.write(batch).map_err(Failure::world)?;
            }
            writer.close().map_err(Failure::world)?;
            out.write_all(&file)?;
        }
        Output::Json => {
            let mut writer = ArrayWriter::new(&mut out);
            for batch in &rows {
                writer.write(batch).map_err(Failure::world)?;
            }
            writer.finish().map_err(Failure::world)?;
            drop(writer);
            writeln!(out)?;
        }
    }
    Ok(Exit::Done)
}

/// The query with what can be cut off of it made by workers. What none of them made is made here, or is an error, as told.
async fn spread(
    job: &Job,
    args: &args::Query,
    workers: &Workers,
) -> Result<(SchemaRef, Vec<RecordBatch>), Failure> {
    let how = &args.sending;
    let credentials = credentials(&how.at)?;
    let greeted = workers.greet(&credentials).await;
    let slots: usize = greeted.iter().filter_map(|(_, slots)| slots.as_ref().ok()).sum();
    let query = SpreadQuery::new(job, &args.sql, Utc::now(), slots).await?;
    let query = query.packed(args.compression.into());
    let steps = query.steps(slots);
    let tasks = tasks(job, &args.project, steps.iter().cloned().map(Wanted::Rows))?;
    let tell = |event: &Event<'_>| {
        if let Event::Lost(worker, why) = event {
            note(&format!("warning: worker {worker} is not used: {why}"));
        }
    };
    let came = workers.spread(&tasks, &credentials, policy(how), &tell).await;
    let parts: usize = steps.iter().map(QueryStep::parts).sum();
    let (mut made, mut by_workers, mut bytes, mut first) = (Vec::new(), 0, 0, None);
    for (step, came) in steps.into_iter().zip(came.steps) {
        let why = match came.map(received) {
            Ok(Some(rows)) => {
                let whole = rows.iter().flatten().count();
                by_workers += whole;
                bytes += rows.iter().flatten().map(Vec::len).sum::<usize>();
                let why = (whole < step.parts()).then(|| "its rows are too many to be sent".into());
                made.push((step, rows));
                why
            }
            Ok(None) => Some("what a worker sent is no rows".into()),
            Err(Left::Failed(why)) => Some(why),
            Err(Left::Lost) => Some("no worker was left to make it".to_owned()),
        };
        first = first.or(why);
    }
    note(&format!(
        "{by_workers} of {parts} parts of the query were made by {}, who sent {} bytes",
        words::counted(came.workers.len() as u64, "worker"),
        words::count(bytes as u64)
    ));
    if let Some(first) = first {
        let left = parts - by_workers;
        if how.workers_lost == WorkersLost::Fail {
            return Err(Failure::world(Unmade { left, of: parts, what: "parts", first }));
        }
        note(&format!("warning: {left} of {parts} parts are made here ({first})"));
    }
    Ok(query.finish(job, made).await?)
}
