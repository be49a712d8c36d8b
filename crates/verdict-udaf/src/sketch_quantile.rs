//! `sketch_quantile`.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, Float64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use verdict_accum::{AccumError, Sketch};

/// A quantile of a stored sketch.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SketchQuantile {
    signature: Signature,
}

impl SketchQuantile {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::user_defined(Volatility::Immutable) }
    }
}

impl ScalarUDFImpl for SketchQuantile {
    fn name(&self) -> &'static str {
        "sketch_quantile"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        match types {
            [
                DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::Null,
                q,
            ] if q.is_numeric() || *q == DataType::Null => {
                Ok(vec![DataType::Binary, DataType::Float64])
            }
            _ => plan_err!(
                "`sketch_quantile` takes a sketch (BINARY) and a number from 0 to 1: sketch_quantile(state, q)"
            ),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let states = args.args[0].to_array(args.number_rows)?;
        let qs = args.args[1].to_array(args.number_rows)?;
        let (states, qs) = (states.as_binary::<i32>(), qs.as_primitive::<Float64Type>());
        let unreadable = |e: AccumError| exec_datafusion_err!("`sketch_quantile`: {e}");
        // A constant sketch is read once.
        let mut last: Option<(&[u8], Sketch)> = None;
        let quantile = |row: usize| -> Result<Option<f64>> {
            if states.is_null(row) || qs.is_null(row) {
                return Ok(None);
            }
            let (bytes, q) = (states.value(row), qs.value(row));
            if !(0.0..=1.0).contains(&q) {
                return exec_err!("`sketch_quantile`: {q} is not within 0 to 1");
            }
            if last.as_ref().is_none_or(|(known, _)| *known != bytes) {
                last = Some((bytes, Sketch::from_bytes(bytes).map_err(unreadable)?));
            }
            Ok(last.as_ref().and_then(|(_, sketch)| sketch.quantile(q)))
        };
        let quantiles: Result<Float64Array> = (0..states.len()).map(quantile).collect();
        Ok(ColumnarValue::Array(Arc::new(quantiles?)))
    }
}
