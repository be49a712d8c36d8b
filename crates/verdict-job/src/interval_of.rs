//! `interval_of(ts, cuts)`: in which interval of a unit's day a row lies.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Int64Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The function: the number of `cuts` (ascending timestamps) at or before `ts`; 0 without cuts or time.
pub(crate) fn interval_of() -> ScalarUDF {
    ScalarUDF::new_from_impl(IntervalOf { signature: Signature::any(2, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct IntervalOf {
    signature: Signature,
}

impl ScalarUDFImpl for IntervalOf {
    fn name(&self) -> &'static str {
        "interval_of"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        let [ts, DataType::List(cut)] = types else {
            return plan_err!("interval_of takes a timestamp and a list of timestamps");
        };
        if ts != cut.data_type() || !matches!(ts, DataType::Timestamp(_, _)) {
            return plan_err!(
                "interval_of takes a timestamp and a list of the same, not {ts} and {}",
                cut.data_type()
            );
        }
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [ts, cuts] = arrays.as_slice() else {
            return exec_err!("interval_of takes two arguments");
        };
        let ts = cast(ts, &DataType::Int64)?;
        let ts = ts.as_primitive::<Int64Type>();
        let cuts = cuts.as_list::<i32>();
        let instants = cast(cuts.values(), &DataType::Int64)?;
        let instants = instants.as_primitive::<Int64Type>().values();
        let offsets = cuts.value_offsets();
        let intervals: Int64Array = (0..ts.len())
            .map(|row| {
                if ts.is_null(row) || cuts.is_null(row) {
                    return 0;
                }
                let (from, to) = (offsets[row] as usize, offsets[row + 1] as usize);
                instants[from..to].partition_point(|cut| *cut <= ts.value(row)) as i64
            })
            .collect::<Vec<i64>>()
            .into();
        Ok(ColumnarValue::Array(Arc::new(intervals)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::SessionContext;

    use super::*;

    async fn check(ts: &str, cuts: &str, expect: i64) {
        let ctx = SessionContext::new();
        ctx.register_udf(interval_of());
        let list = |items: &str| -> String {
            let items: Vec<String> =
                items.split_whitespace().map(|i| format!("to_timestamp_micros({i})")).collect();
            format!("make_array({})", items.join(", "))
        };
        let sql = format!("SELECT interval_of(to_timestamp_micros({ts}), {}) AS i", list(cuts));
        let batches = ctx.sql(&sql).await.unwrap().collect().await.unwrap();
        assert_eq!(
            batches[0].column(0).as_primitive::<Int64Type>().value(0),
            expect,
            "{ts} in {cuts}"
        );
    }

    #[tokio::test]
    async fn a_row_at_a_cut_lies_after_it() {
        check("5", "5 9", 1).await;
        check("4", "5 9", 0).await;
        check("8", "5 9", 1).await;
        check("9", "5 9", 2).await;
        check("99", "5 9", 2).await;
    }
}
