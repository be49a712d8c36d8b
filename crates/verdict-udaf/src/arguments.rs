//! What arguments the functions take, and as what.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, plan_err};

use crate::function::Kind;

/// The types that the arguments are cast to.
pub(crate) fn coerce(kind: Kind, types: &[DataType]) -> Result<Vec<DataType>> {
    let name = kind.name();
    match (kind, types) {
        (Kind::Moments | Kind::MomentsState, [weight, xs @ ..])
            if matches!(xs.len(), 1 | 2 | 3 | 4 | 6) =>
        {
            if !integer(weight) {
                return plan_err!(
                    "the weight of `{name}` is a whole number (BIGINT), not {weight}"
                );
            }
            let x = common(name, xs)?;
            Ok([vec![DataType::Int64], vec![x; xs.len()]].concat())
        }
        (Kind::Moments | Kind::MomentsState, _) => {
            plan_err!(
                "`{name}` takes a weight and 1, 2, 3, 4 or 6 variables: {name}(weight, x1[, x2 …])"
            )
        }
        (Kind::ExactSum, [x]) => Ok(vec![common(name, std::slice::from_ref(x))?]),
        (Kind::ExactSumState, [x]) => {
            common(name, std::slice::from_ref(x))?;
            Ok(vec![DataType::Float64])
        }
        (
            Kind::MomentsMerge(_)
            | Kind::ExactSumMerge
            | Kind::SketchMerge
            | Kind::DistributionMerge
            | Kind::ExactValuesMerge
            | Kind::ExactPairsMerge
            | Kind::CategoriesMerge,
            [state],
        ) => match state {
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_)
            | DataType::Null => Ok(vec![DataType::Binary]),
            _ => plan_err!("`{name}` takes a stored state (BINARY), not {state}"),
        },
        (Kind::Welford, [_] | [_, _]) => {
            common(name, types)?;
            Ok(vec![DataType::Float64; types.len()])
        }
        (Kind::Welford, _) => plan_err!("`{name}` takes a value and a weight: {name}(x[, weight])"),
        (Kind::Bootstrap, [unit, replicates, seed, xs @ ..])
            if integer(replicates) && integer(seed) =>
        {
            let unit = match unit {
                _ if integer(unit) => DataType::Int64,
                DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
                _ => return plan_err!("the unit of `{name}` is text or BIGINT, not {unit}"),
            };
            common(name, xs)?;
            let fixed = vec![unit, DataType::Int64, DataType::Int64];
            Ok([fixed, vec![DataType::Float64; xs.len()]].concat())
        }
        (Kind::Bootstrap, _) => plan_err!(
            "`{name}` takes a unit, two whole numbers and variables: {name}(unit, replicates, seed[, x1 …])"
        ),
        (Kind::BootstrapPooled, [replicates, seed, xs @ ..])
            if integer(replicates) && integer(seed) && !xs.is_empty() =>
        {
            common(name, xs)?;
            Ok([vec![DataType::Int64; 2], vec![DataType::Float64; xs.len()]].concat())
        }
        (Kind::BootstrapPooled, _) => plan_err!(
            "`{name}` takes two whole numbers and variables: {name}(replicates, seed, x1 …)"
        ),
        (Kind::Sketch, [weight, xs @ ..]) if matches!(xs.len(), 1 | 2) => {
            if !integer(weight) {
                return plan_err!(
                    "the weight of `{name}` is a whole number (BIGINT), not {weight}"
                );
            }
            common(name, xs)?;
            Ok([vec![DataType::Int64], vec![DataType::Float64; xs.len()]].concat())
        }
        (Kind::DistributionState, [weight, values]) => {
            if !integer(weight) {
                return plan_err!(
                    "the weight of `{name}` is a whole number (BIGINT), not {weight}"
                );
            }
            let stored =
                matches!(values, DataType::Binary | DataType::LargeBinary | DataType::BinaryView);
            if !stored {
                common(name, std::slice::from_ref(values))?;
            }
            let values = if stored { DataType::Binary } else { DataType::Float64 };
            Ok(vec![DataType::Int64, values])
        }
        (Kind::ExactValuesState, [weight, xs @ ..])
        | (Kind::ExactPairsState, [weight, xs @ ..])
            if xs.len() == if kind == Kind::ExactPairsState { 2 } else { 1 } =>
        {
            if !integer(weight) {
                return plan_err!(
                    "the weight of `{name}` is a whole number (BIGINT), not {weight}"
                );
            }
            common(name, xs)?;
            Ok([vec![DataType::Int64], vec![DataType::Float64; xs.len()]].concat())
        }
        (Kind::ExactPairsState, _) => {
            plan_err!("`{name}` takes a weight and two values of a unit: {name}(weight, x, y)")
        }
        (Kind::CategoriesState, [weight, text]) => {
            if !integer(weight) {
                return plan_err!(
                    "the weight of `{name}` is a whole number (BIGINT), not {weight}"
                );
            }
            if !text.is_string() && *text != DataType::Null {
                return plan_err!("`{name}` takes a text, not {text}");
            }
            Ok(vec![DataType::Int64, DataType::Utf8])
        }
        (Kind::CategoriesState, _) => {
            plan_err!("`{name}` takes a weight and a unit's category: {name}(weight, text)")
        }
        (Kind::ExactValuesState, _) => {
            plan_err!("`{name}` takes a weight and a unit's value: {name}(weight, x)")
        }
        (Kind::DistributionState, _) => plan_err!(
            "`{name}` takes a weight and a unit's value or stored values: {name}(weight, x)"
        ),
        (Kind::Sketch, _) => plan_err!(
            "`{name}` takes a weight, a value and a literal: {name}(weight, x[, relative_error])"
        ),
        _ => plan_err!("`{name}` takes one argument, not {}", types.len()),
    }
}

/// BIGINT when all are integers or booleans, else DOUBLE.
fn common(name: &str, types: &[DataType]) -> Result<DataType> {
    for t in types {
        let number = t.is_numeric() || matches!(t, DataType::Boolean | DataType::Null);
        if !number {
            return plan_err!("`{name}` takes numbers, not {t}");
        }
    }
    let whole = types.iter().all(|t| integer(t) || *t == DataType::Boolean);
    Ok(if whole { DataType::Int64 } else { DataType::Float64 })
}

fn integer(t: &DataType) -> bool {
    t.is_integer() || *t == DataType::Null
}
