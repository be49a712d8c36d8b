//! Nothing is lost between a sweep's units and its groups. What a sweep counts unit by unit, and what the engine adds up of
//! the weights of changes, are two ways to one number.

use datafusion::arrow::array::RecordBatch;
use verdict_model::NaiveDate;

use crate::group_totals::whole;
use crate::render::SEVERAL_VARIANTS;
use crate::sweep::Seen;
use crate::{Error, Result};

/// Holds the groups of an experiment, as of each date in `totals` (`group_totals`), against its units: the weights of a date's
/// groups add up to the units that were exposed by then, and at the last one to the `kept` rows of `unit_total`.
///
/// # Errors
/// They do not: nothing that follows from them may be written.
pub(super) fn weights(
    experiment: &str,
    totals: &RecordBatch,
    seen: &Seen,
    kept: Option<u64>,
) -> Result<()> {
    let mut last: Option<(NaiveDate, i128)> = None;
    let broken = |day: NaiveDate, weights: i128, units: i128, whose: &str| {
        Error::Internal(format!(
            "{experiment} as of {day}: the weights of its groups add up to {weights}, and {units} units {whose}; nothing was \
             written of it. Run again; if it stays so, please report it"
        ))
    };
    let mut by_day = whole(totals, SEVERAL_VARIANTS, 1)?.into_iter().peekable();
    while let Some(((day, _), of_variant)) = by_day.next() {
        let mut weights = of_variant.n();
        while let Some((_, other)) = by_day.next_if(|((other, _), _)| *other == day) {
            weights += other.n();
        }
        let units = i128::from(seen.exposed_by(day));
        if weights != units {
            return Err(broken(day, weights, units, "were exposed by then"));
        }
        last = Some((day, weights));
    }
    match (last, kept.map(i128::from)) {
        (Some((day, weights)), Some(kept)) if weights != kept => {
            Err(broken(day, weights, kept, "have a row in `unit_total`"))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, BinaryArray, Date32Array, StringArray};
    use verdict_accum::Moments1;

    use super::*;

    /// `group_totals` of two arms as of 1970-01-02 and 1970-01-03, with so many units each.
    fn totals(units: [[i64; 2]; 2]) -> RecordBatch {
        let state = |n: &i64| {
            let mut moments = Moments1::default();
            moments.push(*n, &[0.0]).unwrap();
            moments.to_bytes()
        };
        let states: Vec<Vec<u8>> = units.iter().flatten().map(state).collect();
        let ds: ArrayRef = Arc::new(Date32Array::from(vec![1, 1, 2, 2]));
        let variants: ArrayRef = Arc::new(StringArray::from(vec!["a", "b", "a", "b"]));
        let states: ArrayRef = Arc::new(BinaryArray::from_iter_values(states));
        let columns = [("ds", ds), ("variant", variants), (SEVERAL_VARIANTS, states)];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    #[test]
    fn a_unit_that_is_lost_or_counted_twice_is_noticed_on_any_date() {
        // Five units were exposed on the first day, and two more on the second.
        let seen =
            Seen { exposed: [((1, 0), 2), ((1, 1), 3), ((2, 0), 2)].into(), ..Seen::default() };
        let told =
            |units, kept| weights("e", &totals(units), &seen, kept).map_err(|e| e.to_string());
        assert_eq!(told([[2, 3], [4, 3]], Some(7)), Ok(()));
        assert_eq!(told([[2, 3], [4, 3]], None), Ok(()));
        for (units, kept, day) in [
            ([[2, 2], [4, 3]], Some(7), "1970-01-02"),
            ([[2, 3], [4, 4]], Some(7), "1970-01-03"),
            ([[2, 3], [4, 3]], Some(6), "1970-01-03"),
        ] {
            let error = told(units, kept).unwrap_err();
            assert!(error.contains(&format!("e as of {day}")), "{error}");
        }
    }
}
