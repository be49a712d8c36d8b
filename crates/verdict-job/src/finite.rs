//! `finite(x)`: x, or an error where it is NaN or infinite. Extremes need it: a maximum would carry the
//! NaN into the tables, where sums refuse it by themselves.

use datafusion::arrow::array::AsArray;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::exec_err;
use datafusion::error::Result;
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

/// The function, over doubles; null stays null.
pub(crate) fn finite() -> ScalarUDF {
    let signature = Signature::exact(vec![DataType::Float64], Volatility::Immutable);
    ScalarUDF::new_from_impl(Finite { signature })
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Finite {
    signature: Signature,
}

impl ScalarUDFImpl for Finite {
    fn name(&self) -> &'static str {
        "finite"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let [values] = arrays.as_slice() else { return exec_err!("finite takes one argument") };
        let doubles = values.as_primitive::<Float64Type>();
        if doubles.iter().flatten().any(|x| !x.is_finite()) {
            return exec_err!("NaN or infinite value in `finite`");
        }
        Ok(ColumnarValue::Array(std::sync::Arc::clone(values)))
    }
}
