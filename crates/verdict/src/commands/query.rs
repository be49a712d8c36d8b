//! `verdict query`.

use std::io::{IsTerminal as _, Write as _};

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::csv::Writer as CsvWriter;
use datafusion::arrow::json::ArrayWriter;
use datafusion::arrow::util::pretty::pretty_format_batches_with_schema;

use datafusion::parquet::arrow::ArrowWriter;

use super::job;
use crate::args::{self, Format, Output};
use crate::exit::{Exit, Failure};

pub(crate) async fn query(args: args::Query) -> Result<Exit, Failure> {
    let job = job(&args.project)?;
    let (schema, rows) = verdict_job::query(&job, &args.sql).await?;
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
