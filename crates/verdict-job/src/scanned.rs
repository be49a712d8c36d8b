//! What a scan has read of its objects, by the engine's own count.

use datafusion::physical_plan::ExecutionPlan;

/// The rows that the scans of a plan have given so far, before any filter.
pub(crate) fn rows(plan: &dyn ExecutionPlan) -> u64 {
    let children = plan.children();
    if children.is_empty() {
        let own = plan.metrics().and_then(|metrics| metrics.output_rows());
        return own.unwrap_or(0) as u64;
    }
    children.into_iter().map(|child| rows(child.as_ref())).sum()
}

/// The bytes that the scans of an executed plan have read: the chunks of the columns in use, in row groups that statistics
/// did not exclude. Footers are read before, and are not among them.
pub(crate) fn bytes(plan: &dyn ExecutionPlan) -> u64 {
    let own = plan.metrics().and_then(|metrics| metrics.sum_by_name("bytes_scanned"));
    let own = own.map_or(0, |metric| metric.as_usize() as u64);
    own + plan.children().into_iter().map(|child| bytes(child.as_ref())).sum::<u64>()
}
