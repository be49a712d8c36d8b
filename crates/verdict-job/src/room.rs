//! What is held in memory beside the engine's own operators, counted in the engine's pool: so that a plan which cannot fit
//! ends with a message, and not with the process.

use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::{MemoryConsumer, MemoryLimit, MemoryReservation};
use datafusion::prelude::SessionContext;

use crate::store_words::disk_is_full;

/// The bytes that may be held at once.
pub(crate) fn allowed(ctx: &SessionContext) -> u64 {
    match ctx.runtime_env().memory_pool.memory_limit() {
        MemoryLimit::Finite(bytes) => bytes as u64,
        MemoryLimit::Infinite | MemoryLimit::Unknown => u64::MAX,
    }
}

/// A share of the memory, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    held: MemoryReservation,
    allowed: u64,
}

impl Room {
    /// No memory yet, for `what`.
    pub(crate) fn of(ctx: &SessionContext, what: &str) -> Room {
        let held = MemoryConsumer::new(what).register(&ctx.runtime_env().memory_pool);
        Room { held, allowed: allowed(ctx) }
    }

    /// Room for something else, beside it.
    pub(crate) fn beside(&self) -> Room {
        Room { held: self.held.new_empty(), allowed: self.allowed }
    }

    /// Holds so many bytes, instead of those before.
    ///
    /// # Errors
    /// There is not so much.
    pub(crate) fn hold(&self, bytes: usize) -> Result<(), DataFusionError> {
        self.held.try_resize(bytes).map_err(|_| {
            DataFusionError::ResourcesExhausted(format!(
                "{} take {} by now, and with what else is held that is more than --memory allows ({}): allow more, or \
                 make fewer of them at once (--threads 1)",
                self.held.consumer().name(),
                mib(bytes as u64),
                mib(self.allowed)
            ))
        })
    }
}

/// Whether it is memory or disk that lacks, so that looking for a culprit in the data would find none.
pub(crate) fn exhausted(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
        || disk_is_full(&error.to_string())
}

/// What the engine says of memory or disk that it has not got, in words that say which setting helps.
pub(crate) fn told(text: &str) -> String {
    match text.split_once(" with ") {
        Some((what, _)) if text.starts_with("Failed to allocate") => format!(
            "this needs more memory than --memory allows ({what}): allow more, or use fewer threads (--threads)"
        ),
        _ => text.to_owned(),
    }
}

/// Bytes as a person would give them to `--memory`.
pub(crate) fn mib(bytes: u64) -> String {
    format!("{}MiB", bytes.div_ceil(1 << 20))
}
