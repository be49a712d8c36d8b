//! How far the reading of a log's day has come.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::physical_plan::ExecutionPlan;

use super::Opened;
use crate::meters::Share;
use crate::scanned;

/// A log's day while it is read: how far that has come.
pub(super) struct Reading {
    in_files: u64,
    scan: Share,
    aggregate: Share,
    /// Rows that were added up.
    added: AtomicU64,
    /// The plan that scans it, where rows are added up while it does.
    plan: Option<Arc<dyn ExecutionPlan>>,
}

impl Reading {
    pub(super) fn of(opened: &Opened<'_>, plan: Option<&Arc<dyn ExecutionPlan>>) -> Reading {
        let (meters, in_files) = (&opened.log.location().meters, opened.rows());
        meters.aggregate.expect(in_files);
        meters.opened.fetch_add(opened.day.bytes(), Ordering::Relaxed);
        Reading {
            in_files,
            scan: meters.share(|meters| &meters.scan, opened.day.bytes()),
            aggregate: meters.share(|meters| &meters.aggregate, in_files),
            added: AtomicU64::new(0),
            plan: plan.cloned(),
        }
    }

    /// Tells that so many more rows are added up.
    pub(super) fn added(&self, rows: usize) {
        let added = self.added.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        self.aggregate.reach(added, self.in_files);
        if let Some(plan) = &self.plan {
            self.scan.reach(scanned::rows(plan.as_ref()), self.in_files);
        }
    }
}
