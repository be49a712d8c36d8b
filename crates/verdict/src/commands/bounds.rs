//! What a run may read, and how long it may take.

use std::time::Duration;

use verdict_job::{Job, Plan};

use crate::args::Bounds;
use crate::exit::Failure;

/// Why a run does not go on, though nothing failed.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(
        "not done after {seconds} s (--timeout, or storage.run_timeout_s): what was made is whole, and the next run goes on \
         from there; allow more time, or see `verdict plan` for what there is to do"
    )]
    TooSlow { seconds: u32 },
    #[error(
        "{bytes} bytes of the logs would be read, and --max-bytes allows {allowed}: nothing was read; `verdict plan` says \
         why each partition is made; allow more, or run fewer dates (--to) or experiments (--experiment)"
    )]
    TooMuch { bytes: u64, allowed: u64 },
    #[error(
        "{lacking}\nnothing was made, since --require-complete was given: wait for the logs, or leave it out, and the check \
         `days_complete` warns instead"
    )]
    Incomplete { lacking: String },
}

/// What `work` gives, unless it takes longer than a run may.
pub(super) async fn in_time<T>(
    job: &Job,
    bounds: &Bounds,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    let configured = job.project().storage.run_timeout_s;
    let Some(seconds) = bounds.timeout.or(configured) else { return work.await };
    match tokio::time::timeout(Duration::from_secs(seconds.into()), work).await {
        Ok(made) => made,
        Err(_) => Err(Failure::world(Refused::TooSlow { seconds })),
    }
}

/// Refuses a plan that reads more of the logs than it may.
pub(super) fn small_enough(plan: &Plan, bounds: &Bounds) -> Result<(), Failure> {
    match bounds.max_bytes.filter(|allowed| plan.bytes() > *allowed) {
        Some(allowed) => Err(Failure::world(Refused::TooMuch { bytes: plan.bytes(), allowed })),
        None => Ok(()),
    }
}

/// Refuses a plan that needs days which are not whole.
pub(super) fn complete(plan: &Plan) -> Result<(), Failure> {
    let lacking = plan.incomplete.iter().filter(|one| one.needed);
    let lacking: Vec<String> = lacking.map(ToString::to_string).collect();
    match lacking.is_empty() {
        true => Ok(()),
        false => Err(Failure::world(Refused::Incomplete { lacking: lacking.join("\n") })),
    }
}
