//! The aggregate functions as the engine sees them: one struct and an enum.

use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Schema};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{
    AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs,
};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, ColumnarValue, Expr, GroupsAccumulator, Signature, Volatility,
};

use datafusion::physical_expr_common::physical_expr::fmt_sql;
use datafusion::physical_plan::PhysicalExpr;
use verdict_accum::{
    Bootstrap, BootstrapPooled, Categories, Distribution, ExactPairs, ExactValues, Sketch,
};

use crate::adapters::{Groups, One};
use crate::bootstrap::{BootstrapKernel, By, bootstrap_fields};
use crate::exact_sum::DoubleSum;
use crate::integer_sum::{INTEGER_STATE, IntegerSum};
use crate::kernel::{Call, Kernel};
use crate::moments::{MomentsKernel, moments_fields};
use crate::sketch::SketchKernel;
use crate::tally::TallyKernel;
use crate::welford::{STATE_NAMES, WelfordKernel, welford_fields};
use crate::{arguments, exact_sum, moments};

/// Which function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Moments,
    MomentsState,
    /// Of so many variables: a stored state does not show its shape to the planner.
    MomentsMerge(usize),
    ExactSum,
    ExactSumState,
    ExactSumMerge,
    Welford,
    Bootstrap,
    BootstrapPooled,
    Sketch,
    SketchMerge,
    DistributionState,
    DistributionMerge,
    ExactValuesState,
    ExactValuesMerge,
    ExactPairsState,
    ExactPairsMerge,
    CategoriesState,
    CategoriesMerge,
}

impl Kind {
    pub(crate) const ALL: [Self; 23] = [
        Self::Moments,
        Self::MomentsState,
        Self::MomentsMerge(1),
        Self::MomentsMerge(2),
        Self::MomentsMerge(3),
        Self::MomentsMerge(4),
        Self::MomentsMerge(6),
        Self::ExactSum,
        Self::ExactSumState,
        Self::ExactSumMerge,
        Self::Welford,
        Self::Bootstrap,
        Self::BootstrapPooled,
        Self::Sketch,
        Self::SketchMerge,
        Self::DistributionState,
        Self::DistributionMerge,
        Self::ExactValuesState,
        Self::ExactValuesMerge,
        Self::ExactPairsState,
        Self::ExactPairsMerge,
        Self::CategoriesState,
        Self::CategoriesMerge,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Moments => "moments",
            Self::MomentsState => "moments_state",
            Self::MomentsMerge(1) => "moments_merge_1",
            Self::MomentsMerge(2) => "moments_merge_2",
            Self::MomentsMerge(3) => "moments_merge_3",
            Self::MomentsMerge(6) => "moments_merge_6",
            Self::MomentsMerge(_) => "moments_merge_4",
            Self::ExactSum => "exact_sum",
            Self::ExactSumState => "exact_sum_state",
            Self::ExactSumMerge => "exact_sum_merge",
            Self::Welford => "welford",
            Self::Bootstrap => "bootstrap",
            Self::BootstrapPooled => "bootstrap_pooled",
            Self::Sketch => "sketch",
            Self::SketchMerge => "sketch_merge",
            Self::DistributionState => "distribution_state",
            Self::DistributionMerge => "distribution_merge",
            Self::ExactValuesState => "exact_values_state",
            Self::ExactValuesMerge => "exact_values_merge",
            Self::ExactPairsState => "exact_pairs_state",
            Self::ExactPairsMerge => "exact_pairs_merge",
            Self::CategoriesState => "categories_state",
            Self::CategoriesMerge => "categories_merge",
        }
    }
}

/// An aggregate function of this crate.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Aggregate {
    kind: Kind,
    signature: Signature,
}

/// Something to do with the kernel of a function, whose type depends on the arguments.
trait Adapt {
    type Adapted;
    fn adapt<K: Kernel>(self, kernel: K) -> Self::Adapted;
}

struct AsOne;
struct AsGroups;

impl Adapt for AsOne {
    type Adapted = Box<dyn Accumulator>;
    fn adapt<K: Kernel>(self, kernel: K) -> Self::Adapted {
        Box::new(One::new(kernel))
    }
}

impl Adapt for AsGroups {
    type Adapted = Box<dyn GroupsAccumulator>;
    fn adapt<K: Kernel>(self, kernel: K) -> Self::Adapted {
        Box::new(Groups::new(kernel))
    }
}

impl Aggregate {
    pub(crate) fn new(kind: Kind) -> Self {
        Self { kind, signature: Signature::user_defined(Volatility::Immutable) }
    }

    fn kernel<A: Adapt>(&self, args: &AccumulatorArgs<'_>, adapt: A) -> Result<A::Adapted> {
        refuse(self.kind.name(), args.is_distinct, !args.order_bys.is_empty())?;
        let call = Call {
            text: args.name.into(),
            arguments: args.exprs.iter().map(|e| fmt_sql(e.as_ref()).to_string()).collect(),
        };
        let types: Vec<DataType> =
            args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        let integers = types.last() == Some(&DataType::Int64);
        let doubles = DoubleSum {
            call: call.clone(),
            input: exact_sum::Input::Doubles,
            output: exact_sum::Output::Double,
        };
        Ok(match self.kind {
            Kind::Moments | Kind::MomentsState => {
                let input =
                    if integers { moments::Input::Integers } else { moments::Input::Doubles };
                let output = if self.kind == Kind::Moments {
                    moments::Output::Struct
                } else {
                    moments::Output::State
                };
                of_size(types.len() - 1, call, input, output, adapt)
            }
            Kind::MomentsMerge(k) => {
                of_size(k, call, moments::Input::States, moments::Output::Struct, adapt)
            }
            Kind::ExactSum if integers => adapt.adapt(IntegerSum { call }),
            Kind::ExactSum => adapt.adapt(doubles),
            Kind::ExactSumState => {
                adapt.adapt(DoubleSum { output: exact_sum::Output::State, ..doubles })
            }
            Kind::ExactSumMerge => {
                adapt.adapt(DoubleSum { input: exact_sum::Input::States, ..doubles })
            }
            Kind::Welford => adapt.adapt(WelfordKernel { call }),
            Kind::Bootstrap => adapt.adapt(By::<Bootstrap> {
                kernel: bootstrap_kernel(call, &args.exprs[1..], types.len() - 3)?,
                way: PhantomData,
            }),
            Kind::BootstrapPooled => adapt.adapt(By::<BootstrapPooled> {
                kernel: bootstrap_kernel(call, args.exprs, types.len() - 2)?,
                way: PhantomData,
            }),
            Kind::Sketch => {
                let relative_error = match args.exprs.get(2) {
                    None => Sketch::DEFAULT_RELATIVE_ERROR,
                    Some(expr) => match literal(expr) {
                        Some(ScalarValue::Float64(Some(error))) => error,
                        _ => return plan_err!("the relative error of `{call}` is a literal"),
                    },
                };
                if let Err(e) = Sketch::new(relative_error) {
                    return plan_err!("`{call}`: {e}");
                }
                adapt.adapt(SketchKernel { call, relative_error: Some(relative_error) })
            }
            Kind::SketchMerge => adapt.adapt(SketchKernel { call, relative_error: None }),
            Kind::DistributionState => adapt.adapt(TallyKernel::<Distribution>::of_rows(call)),
            Kind::DistributionMerge => adapt.adapt(TallyKernel::<Distribution>::of_states(call)),
            Kind::ExactValuesState => adapt.adapt(TallyKernel::<ExactValues>::of_rows(call)),
            Kind::ExactValuesMerge => adapt.adapt(TallyKernel::<ExactValues>::of_states(call)),
            Kind::ExactPairsState => adapt.adapt(TallyKernel::<ExactPairs>::of_rows(call)),
            Kind::ExactPairsMerge => adapt.adapt(TallyKernel::<ExactPairs>::of_states(call)),
            Kind::CategoriesState => adapt.adapt(TallyKernel::<Categories>::of_rows(call)),
            Kind::CategoriesMerge => adapt.adapt(TallyKernel::<Categories>::of_states(call)),
        })
    }
}

/// With the number of replicates and the seed from the first two expressions.
fn bootstrap_kernel(
    call: Call,
    exprs: &[Arc<dyn PhysicalExpr>],
    variables: usize,
) -> Result<BootstrapKernel> {
    let (replicates, seed) = match exprs {
        [replicates, seed, ..] => (literal(replicates), literal(seed)),
        _ => (None, None),
    };
    let (Some(ScalarValue::Int64(Some(replicates))), Some(ScalarValue::Int64(Some(seed)))) =
        (replicates, seed)
    else {
        return plan_err!("the number of replicates and the seed of `{call}` are literals");
    };
    let replicates = u32::try_from(replicates).unwrap_or(0);
    if let Err(e) = Bootstrap::new(replicates, 0, variables) {
        return plan_err!("`{call}`: {e}");
    }
    Ok(BootstrapKernel { call, replicates, seed: seed as u64, variables })
}

/// The value of an expression that needs no row.
fn literal(expr: &Arc<dyn PhysicalExpr>) -> Option<ScalarValue> {
    match expr.evaluate(&RecordBatch::new_empty(Arc::new(Schema::empty()))) {
        Ok(ColumnarValue::Scalar(value)) => Some(value),
        _ => None,
    }
}

fn of_size<A: Adapt>(
    k: usize,
    call: Call,
    input: moments::Input,
    output: moments::Output,
    adapt: A,
) -> A::Adapted {
    match k {
        1 => adapt.adapt(MomentsKernel::<1, 1> { call, input, output }),
        2 => adapt.adapt(MomentsKernel::<2, 3> { call, input, output }),
        3 => adapt.adapt(MomentsKernel::<3, 6> { call, input, output }),
        6 => adapt.adapt(MomentsKernel::<6, 21> { call, input, output }),
        _ => adapt.adapt(MomentsKernel::<4, 10> { call, input, output }),
    }
}

/// Order cannot matter here, and DISTINCT would drop units that happen to have equal values.
fn refuse(name: &str, distinct: bool, ordered: bool) -> Result<()> {
    if distinct {
        return plan_err!(
            "`{name}` does not take DISTINCT; aggregate a subquery with SELECT DISTINCT instead"
        );
    }
    if ordered {
        return plan_err!("`{name}` does not take ORDER BY: its result does not depend on order");
    }
    Ok(())
}

impl AggregateUDFImpl for Aggregate {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        arguments::coerce(self.kind, types)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Kind::Moments => DataType::Struct(moments_fields(types.len().saturating_sub(1))),
            Kind::MomentsMerge(k) => DataType::Struct(moments_fields(k)),
            Kind::MomentsState | Kind::ExactSumState => DataType::Binary,
            Kind::ExactSum if types == [DataType::Int64] => DataType::Int64,
            Kind::ExactSum | Kind::ExactSumMerge => DataType::Float64,
            Kind::Welford => DataType::Struct(welford_fields()),
            Kind::Bootstrap => DataType::Struct(bootstrap_fields(types.len().saturating_sub(3))),
            Kind::BootstrapPooled => {
                DataType::Struct(bootstrap_fields(types.len().saturating_sub(2)))
            }
            Kind::Sketch
            | Kind::SketchMerge
            | Kind::DistributionState
            | Kind::DistributionMerge
            | Kind::ExactValuesState
            | Kind::ExactValuesMerge
            | Kind::ExactPairsState
            | Kind::ExactPairsMerge
            | Kind::CategoriesState
            | Kind::CategoriesMerge => DataType::Binary,
        })
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        refuse(self.kind.name(), args.is_distinct, false)?;
        let field = |name: &str, data_type| {
            Arc::new(Field::new(format_state_name(args.name, name), data_type, true))
        };
        Ok(match self.kind {
            Kind::Moments | Kind::MomentsState | Kind::MomentsMerge(_) => {
                vec![field("moments", DataType::LargeBinary), field("nulls", DataType::Int64)]
            }
            Kind::ExactSum if args.return_type() == &DataType::Int64 => {
                vec![field("sum", INTEGER_STATE)]
            }
            Kind::ExactSum | Kind::ExactSumState | Kind::ExactSumMerge => {
                vec![field("sum", DataType::BinaryView)]
            }
            Kind::Welford => STATE_NAMES
                .into_iter()
                .map(|name| field(name, DataType::Float64))
                .chain([field("nulls", DataType::Int64)])
                .collect(),
            Kind::Bootstrap | Kind::BootstrapPooled => {
                vec![field("bootstrap", DataType::LargeBinary), field("nulls", DataType::Int64)]
            }
            Kind::Sketch | Kind::SketchMerge => vec![field("sketch", DataType::LargeBinary)],
            Kind::DistributionState | Kind::DistributionMerge => {
                vec![field("distribution", DataType::LargeBinary)]
            }
            Kind::ExactValuesState
            | Kind::ExactValuesMerge
            | Kind::ExactPairsState
            | Kind::ExactPairsMerge => {
                vec![field("values", DataType::LargeBinary)]
            }
            Kind::CategoriesState | Kind::CategoriesMerge => {
                vec![field("categories", DataType::LargeBinary)]
            }
        })
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        self.kernel(&args, AsOne)
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        self.kernel(&args, AsGroups)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    /// Simplifies nothing, but comes before the rules that rewrite DISTINCT and drop ORDER BY.
    fn simplify(&self) -> Option<AggregateFunctionSimplification> {
        Some(Box::new(|call: AggregateFunction, _| {
            refuse(call.func.name(), call.params.distinct, !call.params.order_by.is_empty())?;
            Ok(Expr::AggregateFunction(call))
        }))
    }
}
