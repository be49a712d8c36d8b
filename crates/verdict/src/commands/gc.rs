//! `verdict gc`.

use std::io::Write as _;

use chrono::Utc;
use serde_json::json;

use super::job;
use crate::args::{self, Format};
use crate::exit::{Exit, Failure};

pub(crate) async fn gc(args: args::Gc) -> Result<Exit, Failure> {
    let job = job(&args.project)?;
    let garbage = job.garbage(Utc::now(), args.older_than).await?;
    let bytes: u64 = garbage.iter().map(|one| one.bytes).sum();
    let gone = if args.dry_run { 0 } else { job.remove(&garbage).await? };
    let mut out = std::io::stdout().lock();
    if args.project.format == Format::Json {
        let rows: Vec<_> = garbage
            .iter()
            .map(|one| json!({"object": one.object, "bytes": one.bytes, "why": one.why}))
            .collect();
        let value =
            json!({"dry_run": args.dry_run, "objects": rows, "bytes": bytes, "removed": gone});
        writeln!(out, "{value:#}")?;
    } else {
        let verb = if args.dry_run { "would go" } else { "gone" };
        for one in &garbage {
            writeln!(out, "{verb}  {}  {} bytes  ({})", one.object, one.bytes, one.why)?;
        }
        let mb = bytes as f64 / 1e6;
        match args.dry_run {
            true => writeln!(
                out,
                "{} objects, {mb:.2} MB would go; nothing was removed",
                garbage.len()
            )?,
            false => writeln!(out, "{gone} objects, {mb:.2} MB are gone")?,
        }
    }
    out.flush()?;
    Ok(Exit::Done)
}
