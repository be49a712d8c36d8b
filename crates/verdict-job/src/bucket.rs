//! Buckets: units spread by a hash of their name, so that work on units can be cut into parts that know nothing of
//! each other. `unit_bucket(unit, buckets)` is the function by which the stage queries order their rows.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Int32Array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{ScalarValue, exec_err, plan_err};
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use verdict_accum::unit_hash;

/// The column by which rows of unit tables are ordered before they are written; it is not stored.
pub(crate) const BUCKET: &str = "bucket";

/// The bucket of each unit (text or 64-bit integers); null stays null.
///
/// # Errors
/// Units of another type.
fn buckets_of(units: &ArrayRef, buckets: u64) -> Result<Int32Array> {
    let of = |hash: u64| (hash % buckets) as i32;
    Ok(match units.data_type() {
        DataType::Int64 => units
            .as_primitive::<Int64Type>()
            .iter()
            .map(|unit| unit.map(|unit| of(unit_hash(&unit.to_le_bytes()))))
            .collect(),
        DataType::Utf8View => units
            .as_string_view()
            .iter()
            .map(|unit| unit.map(|unit| of(unit_hash(unit.as_bytes()))))
            .collect(),
        ty if ty.is_string() => cast(units, &DataType::Utf8)?
            .as_string::<i32>()
            .iter()
            .map(|unit| unit.map(|unit| of(unit_hash(unit.as_bytes()))))
            .collect(),
        other => return exec_err!("a unit is text or a 64-bit integer, not {other}"),
    })
}

/// `unit_bucket(unit, buckets)`: the unit's bucket, from 0; `buckets` is a literal, at least 1.
pub(crate) fn unit_bucket() -> ScalarUDF {
    ScalarUDF::new_from_impl(UnitBucket { signature: Signature::any(2, Volatility::Immutable) })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct UnitBucket {
    signature: Signature,
}

impl ScalarUDFImpl for UnitBucket {
    fn name(&self) -> &'static str {
        "unit_bucket"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types {
            [unit, n] if (unit.is_string() || *unit == DataType::Int64) && n.is_integer() => {
                Ok(DataType::Int32)
            }
            _ => plan_err!("unit_bucket takes a unit (text or BIGINT) and a number of buckets"),
        }
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [units, ColumnarValue::Scalar(n)] = args.args.as_slice() else {
            return exec_err!("the number of buckets must be a literal");
        };
        let ScalarValue::Int64(Some(n @ 1..)) = n.cast_to(&DataType::Int64)? else {
            return exec_err!("there is at least one bucket, not {n}");
        };
        let units = units.to_array(args.number_rows)?;
        Ok(ColumnarValue::Array(Arc::new(buckets_of(&units, n.unsigned_abs())?)))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int64Array, StringArray, StringViewArray};

    use super::*;

    #[test]
    fn every_text_type_gives_the_same_bucket_and_all_are_used() {
        let names: Vec<String> = (0..1000).map(|i| format!("u{i}")).collect();
        let plain: ArrayRef = Arc::new(StringArray::from(names.clone()));
        let views: ArrayRef = Arc::new(StringViewArray::from_iter_values(&names));
        let of_plain = buckets_of(&plain, 7).unwrap();
        assert_eq!(of_plain, buckets_of(&views, 7).unwrap());
        for bucket in 0..7 {
            // A thousand units over seven buckets: 143 each, with a standard deviation of 11.
            let n = of_plain.iter().filter(|b| *b == Some(bucket)).count();
            assert!((88..198).contains(&n), "{n} units in bucket {bucket}");
        }
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(5), None]));
        let one = buckets_of(&numbers, 1).unwrap();
        assert_eq!(one, Int32Array::from(vec![Some(0), None]));
    }
}
