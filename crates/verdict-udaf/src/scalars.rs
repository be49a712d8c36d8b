//! Scalar functions over the struct that `moments` returns.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, StructArray};
use datafusion::arrow::compute::{cast, is_null, nullif};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Statistic {
    Mean,
    VarSamp,
    CovarSamp,
}

impl Statistic {
    pub(crate) const ALL: [Self; 3] = [Self::Mean, Self::VarSamp, Self::CovarSamp];

    fn name(self) -> &'static str {
        match self {
            Self::Mean => "moments_mean",
            Self::VarSamp => "moments_var_samp",
            Self::CovarSamp => "moments_covar_samp",
        }
    }
}

/// A statistic of variables that are numbered from 1 by literals.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct OfMoments {
    statistic: Statistic,
    signature: Signature,
}

impl OfMoments {
    pub(crate) fn new(statistic: Statistic) -> Self {
        Self { statistic, signature: Signature::user_defined(Volatility::Immutable) }
    }

    /// The field that the statistic is made from.
    fn field(&self, indices: &[Option<&ScalarValue>]) -> Result<String> {
        let mut numbers = Vec::with_capacity(2);
        for index in indices {
            match index {
                Some(ScalarValue::Int64(Some(i @ 1..=4))) => numbers.push(*i),
                _ => {
                    return plan_err!(
                        "`{}` takes the numbers of variables as literals from 1 on",
                        self.name()
                    );
                }
            }
        }
        Ok(match (self.statistic, numbers.first().copied().unwrap_or(1), numbers.get(1).copied()) {
            (Statistic::Mean, i, _) => format!("mean_{i}"),
            (Statistic::CovarSamp, i, Some(j)) if i != j => {
                format!("co_{}{}", i.min(j), i.max(j))
            }
            (_, i, _) => format!("m2_{i}"),
        })
    }
}

impl ScalarUDFImpl for OfMoments {
    fn name(&self) -> &str {
        self.statistic.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let (at_least, at_most) =
            if self.statistic == Statistic::CovarSamp { (2, 2) } else { (0, 1) };
        match types {
            [m @ DataType::Struct(_), indices @ ..]
                if (at_least..=at_most).contains(&indices.len()) =>
            {
                Ok([vec![m.clone()], vec![DataType::Int64; indices.len()]].concat())
            }
            _ if at_least == 2 => plan_err!("`{0}` is called as {0}(moments, i, j)", self.name()),
            _ => plan_err!("`{0}` is called as {0}(moments[, i])", self.name()),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let literals: Vec<Option<ScalarValue>> = args.scalar_arguments[1..]
            .iter()
            .map(|value| value.and_then(|value| value.cast_to(&DataType::Int64).ok()))
            .collect();
        let field = self.field(&literals.iter().map(Option::as_ref).collect::<Vec<_>>())?;
        let known = match args.arg_fields[0].data_type() {
            DataType::Struct(fields) => fields.find("n").is_some() && fields.find(&field).is_some(),
            _ => false,
        };
        if !known {
            return plan_err!(
                "`{}`: the argument is no struct of `moments` with a field {field}",
                self.name()
            );
        }
        Ok(Arc::new(Field::new(self.name(), DataType::Float64, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let indices: Vec<Option<&ScalarValue>> = args.args[1..]
            .iter()
            .map(|value| match value {
                ColumnarValue::Scalar(value) => Some(value),
                ColumnarValue::Array(_) => None,
            })
            .collect();
        let field = self.field(&indices)?;
        let moments = args.args[0].to_array(args.number_rows)?;
        let moments = moments.as_struct();
        let value = part(moments, &field)?;
        let value = value.as_primitive::<Float64Type>();
        let result: Float64Array = match self.statistic {
            Statistic::Mean => value.clone(),
            Statistic::VarSamp | Statistic::CovarSamp => {
                let n = part(moments, "n")?;
                let n = n.as_primitive::<Int64Type>();
                let pairs = value.iter().zip(n.iter());
                pairs
                    .map(|(v, n)| {
                        v.zip(n).filter(|&(_, n)| n >= 2).map(|(v, n)| v / (n - 1) as f64)
                    })
                    .collect()
            }
        };
        Ok(ColumnarValue::Array(Arc::new(result)))
    }
}

/// A field of the struct, NULL where the struct is.
fn part(moments: &StructArray, name: &str) -> Result<ArrayRef> {
    let Some(column) = moments.column_by_name(name) else {
        return plan_err!("the struct has no field {name}");
    };
    let wanted = if name == "n" { DataType::Int64 } else { DataType::Float64 };
    let column = cast(column, &wanted)?;
    Ok(match moments.nulls() {
        None => column,
        Some(_) => {
            let missing = is_null(moments)?;
            nullif(&column, &missing)?
        }
    })
}
