//! The aggregate functions as the engine sees them: one struct and an enum.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, plan_err};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::function::{
    AccumulatorArgs, AggregateFunctionSimplification, StateFieldsArgs,
};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, Expr, GroupsAccumulator, Signature, Volatility,
};

use crate::adapters::{Groups, One};
use crate::exact_sum::{DoubleSum, INTEGER_STATE, IntegerSum};
use crate::kernel::Kernel;
use crate::moments::{MomentsKernel, moments_fields};
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
}

impl Kind {
    pub(crate) const ALL: [Self; 9] = [
        Self::Moments,
        Self::MomentsState,
        Self::MomentsMerge(1),
        Self::MomentsMerge(2),
        Self::MomentsMerge(4),
        Self::ExactSum,
        Self::ExactSumState,
        Self::ExactSumMerge,
        Self::Welford,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Moments => "moments",
            Self::MomentsState => "moments_state",
            Self::MomentsMerge(1) => "moments_merge_1",
            Self::MomentsMerge(2) => "moments_merge_2",
            Self::MomentsMerge(_) => "moments_merge_4",
            Self::ExactSum => "exact_sum",
            Self::ExactSumState => "exact_sum_state",
            Self::ExactSumMerge => "exact_sum_merge",
            Self::Welford => "welford",
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
        let function: Arc<str> = args.name.into();
        let types: Vec<DataType> =
            args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        let integers = types.last() == Some(&DataType::Int64);
        let doubles = DoubleSum {
            function: Arc::clone(&function),
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
                of_size(types.len() - 1, function, input, output, adapt)
            }
            Kind::MomentsMerge(k) => {
                of_size(k, function, moments::Input::States, moments::Output::Struct, adapt)
            }
            Kind::ExactSum if integers => adapt.adapt(IntegerSum { function }),
            Kind::ExactSum => adapt.adapt(doubles),
            Kind::ExactSumState => {
                adapt.adapt(DoubleSum { output: exact_sum::Output::State, ..doubles })
            }
            Kind::ExactSumMerge => {
                adapt.adapt(DoubleSum { input: exact_sum::Input::States, ..doubles })
            }
            Kind::Welford => adapt.adapt(WelfordKernel { function }),
        })
    }
}

fn of_size<A: Adapt>(
    k: usize,
    function: Arc<str>,
    input: moments::Input,
    output: moments::Output,
    adapt: A,
) -> A::Adapted {
    match k {
        1 => adapt.adapt(MomentsKernel::<1, 1> { function, input, output }),
        2 => adapt.adapt(MomentsKernel::<2, 3> { function, input, output }),
        _ => adapt.adapt(MomentsKernel::<4, 10> { function, input, output }),
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
        })
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        refuse(self.kind.name(), args.is_distinct, false)?;
        let field = |name: &str, data_type| {
            Arc::new(Field::new(format_state_name(args.name, name), data_type, true))
        };
        Ok(match self.kind {
            Kind::Moments | Kind::MomentsState | Kind::MomentsMerge(_) => {
                vec![field("moments", DataType::LargeBinary)]
            }
            Kind::ExactSum if args.return_type() == &DataType::Int64 => {
                vec![field("sum", INTEGER_STATE)]
            }
            Kind::ExactSum | Kind::ExactSumState | Kind::ExactSumMerge => {
                vec![field("grid", INTEGER_STATE), field("rest", DataType::Binary)]
            }
            Kind::Welford => {
                STATE_NAMES.into_iter().map(|name| field(name, DataType::Float64)).collect()
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
