use std::sync::Arc;

use datafusion::common::Result;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF};

use crate::function::{Aggregate, Kind};
use crate::scalars::{OfMoments, Statistic};
use crate::sketch_quantile::SketchQuantile;

/// Every aggregate function of this crate.
#[must_use]
pub fn all() -> Vec<Arc<AggregateUDF>> {
    Kind::ALL
        .into_iter()
        .map(|kind| Arc::new(AggregateUDF::new_from_impl(Aggregate::new(kind))))
        .collect()
}

/// Every scalar function of this crate.
#[must_use]
pub fn all_scalars() -> Vec<Arc<ScalarUDF>> {
    Statistic::ALL
        .into_iter()
        .map(|s| Arc::new(ScalarUDF::new_from_impl(OfMoments::new(s))))
        .chain([Arc::new(ScalarUDF::new_from_impl(SketchQuantile::new()))])
        .collect()
}

/// Makes every function of this crate known to a session.
///
/// # Errors
///
/// None today; a registry may refuse a function.
pub fn register_all(ctx: &SessionContext) -> Result<()> {
    all().into_iter().for_each(|f| ctx.register_udaf(AggregateUDF::clone(&f)));
    all_scalars().into_iter().for_each(|f| ctx.register_udf(ScalarUDF::clone(&f)));
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_are_distinct() {
        let names: Vec<String> = all()
            .iter()
            .map(|f| f.name().into())
            .chain(all_scalars().iter().map(|f| f.name().into()))
            .collect();
        assert_eq!(names.iter().collect::<HashSet<_>>().len(), names.len(), "{names:?}");
    }
}
