//! The engine's session: settings, functions, limits.

use std::sync::Arc;

use datafusion::catalog::MemoryCatalogProviderList;
use datafusion::execution::SessionStateBuilder;
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::RuntimeEnvBuilder;
use datafusion::prelude::{SessionConfig, SessionContext};
use verdict_model::nearest;

use crate::error::AtStage;
use crate::plain::{meant, root_message};
use crate::scratch::Scratch;
use crate::{Error, Limits, Result};

/// A session with Verdict's functions, its `limits`, and the engine's settings by name
/// (`datafusion.execution.batch_size`).
///
/// The fair pool shares the memory among the operators of a plan, so that each can spill before another has taken it
/// all.
///
/// # Errors
/// A setting that the engine does not know, or a value that it cannot read.
pub(crate) fn context(settings: &[(String, String)], limits: &Limits) -> Result<SessionContext> {
    let mut config = SessionConfig::new().with_information_schema(true);
    // Small days need no statistics of their own, and reading them costs a request for each object.
    config.options_mut().execution.collect_statistics = false;
    if let Some(threads) = limits.threads {
        config = config.with_target_partitions(threads.max(1));
    }
    // A merge of what was spilled wants some memory of its own for each sort, however little there is in all.
    let sorts = 8 * config.target_partitions().max(1);
    let merge = &mut config.options_mut().execution.sort_spill_reservation_bytes;
    *merge = (*merge).min(limits.memory_bytes() / sorts);
    for (key, value) in settings {
        config.options_mut().set(key, value).map_err(|e| {
            let known = config.options().entries();
            let known: Vec<&str> = known.iter().map(|entry| entry.key.as_str()).collect();
            let reason = match known.contains(&key.as_str()) {
                true => root_message(&e),
                false => format!("the engine has no such setting{}", meant(nearest(key, known))),
            };
            Error::Usage(format!("--set {key}={value}: {reason}"))
        })?;
    }
    let mut disk = DiskManagerBuilder::default();
    let place = limits.spill_dir.clone().unwrap_or_else(std::env::temp_dir);
    match Scratch::new(&place) {
        Ok(scratch) => {
            disk = disk.with_mode(DiskManagerMode::Directories(vec![scratch.path().to_path_buf()]));
            // It is there for as long as the session.
            config = config.with_extension(Arc::new(scratch));
        }
        Err(source) if limits.spill_dir.is_some() => {
            return Err(Error::Io { path: place, source });
        }
        // Nobody asked for this folder, and most runs spill nothing: those that do say that they cannot.
        Err(_) => {}
    }
    let runtime = RuntimeEnvBuilder::new()
        .with_memory_pool(Arc::new(FairSpillPool::new(limits.memory_bytes())))
        .with_disk_manager_builder(disk)
        .build_arc()
        .at(|| "starting the engine".into())?;
    let ctx = SessionContext::new_with_config_rt(config, runtime);
    verdict_udaf::register_all(&ctx).at(|| "registering the aggregates".into())?;
    Ok(ctx)
}

/// A session with the same functions, stores and limits, tables of its own, and so many partitions.
pub(crate) fn apart(ctx: &SessionContext, partitions: usize) -> SessionContext {
    let state = ctx.state();
    let config = state.config().clone().with_target_partitions(partitions);
    let state = SessionStateBuilder::new_from_existing(state)
        .with_config(config)
        .with_catalog_list(Arc::new(MemoryCatalogProviderList::new()))
        .build();
    SessionContext::new_with_state(state)
}
