//! `verdict query`.

use std::io::Write as _;

use datafusion::arrow::json::ArrayWriter;
use datafusion::arrow::util::pretty::pretty_format_batches_with_schema;

use super::job;
use crate::args::{self, Format};
use crate::exit::{Exit, Failure};

pub(crate) async fn query(args: args::Query) -> Result<Exit, Failure> {
    let job = job(&args.project)?;
    let (schema, rows) = verdict_job::query(&job, &args.sql).await?;
    let mut out = std::io::stdout().lock();
    match args.project.format {
        Format::Text => {
            let table = pretty_format_batches_with_schema(schema, &rows).map_err(Failure::world)?;
            writeln!(out, "{table}")?;
        }
        Format::Json => {
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
