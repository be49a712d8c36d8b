//! `sorted_set(x)`: the distinct values of a group, ascending, as a list.
//!
//! The engine's own `array_agg(DISTINCT x ORDER BY x)` keeps an accumulator and a sort for each group; there are as
//! many groups as units, nearly all with one value. Here all groups share one list of (group, value), sorted once.

use std::mem::size_of;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, ListArray, UInt32Array, UInt64Array, make_comparator,
    new_empty_array,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::compute::{SortColumn, SortOptions, concat, lexsort_to_indices, take};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{
    Accumulator, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

/// The function; NULL is ignored, and a group without values has an empty list.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct SortedSet {
    signature: Signature,
}

impl SortedSet {
    pub(crate) fn new() -> Self {
        Self { signature: Signature::any(1, Volatility::Immutable) }
    }
}

fn list_of(item: &DataType) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(item.clone(), true)))
}

impl AggregateUDFImpl for SortedSet {
    fn name(&self) -> &'static str {
        "sorted_set"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        Ok(list_of(&types[0]))
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One(pairs(&args)?)))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let name = format_state_name(args.name, "values");
        Ok(vec![Arc::new(Field::new(name, list_of(args.input_fields[0].data_type()), true))])
    }

    fn groups_accumulator_supported(&self, _: AccumulatorArgs<'_>) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs<'_>,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(pairs(&args)?))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }
}

fn pairs(args: &AccumulatorArgs<'_>) -> Result<Pairs> {
    if args.is_distinct || !args.order_bys.is_empty() {
        return plan_err!(
            "`sorted_set` takes neither DISTINCT nor ORDER BY: its values are distinct and ascending"
        );
    }
    Ok(Pairs {
        item: args.expr_fields[0].data_type().clone(),
        groups: Vec::new(),
        values: Vec::new(),
        total: 0,
    })
}

/// The values of all groups, in order of arrival.
#[derive(Debug)]
struct Pairs {
    item: DataType,
    /// The group of each value.
    groups: Vec<u64>,
    /// The values, as they came; together as long as `groups`.
    values: Vec<ArrayRef>,
    /// How many groups there are.
    total: usize,
}

impl Pairs {
    fn push(
        &mut self,
        values: &ArrayRef,
        groups: &[usize],
        filter: Option<&BooleanArray>,
    ) -> Result<()> {
        let counts = |row: usize| {
            values.is_valid(row) && filter.is_none_or(|f| f.is_valid(row) && f.value(row))
        };
        let rows: UInt32Array =
            (0..values.len()).filter(|&row| counts(row)).map(|row| row as u32).collect();
        self.groups.extend(rows.values().iter().map(|&row| groups[row as usize] as u64));
        self.values.push(match rows.len() == values.len() {
            true => Arc::clone(values),
            false => take(values, &rows, None)?,
        });
        Ok(())
    }

    /// The lists of the groups below `n`; those of the others stay, numbered from 0.
    fn emit(&mut self, n: usize) -> Result<ArrayRef> {
        let refs: Vec<&dyn Array> = self.values.iter().map(AsRef::as_ref).collect();
        let values = if refs.is_empty() { new_empty_array(&self.item) } else { concat(&refs)? };
        let groups = UInt64Array::from(std::mem::take(&mut self.groups));
        let ascending = Some(SortOptions { descending: false, nulls_first: true });
        let order = lexsort_to_indices(
            &[
                SortColumn { values: Arc::new(groups.clone()), options: ascending },
                SortColumn { values: Arc::clone(&values), options: ascending },
            ],
            None,
        )?;
        let same = make_comparator(&values, &values, SortOptions::default())?;
        let mut kept: Vec<u32> = Vec::with_capacity(order.len());
        let mut lengths = vec![0_usize; n];
        let mut left: Vec<u32> = Vec::new();
        for &row in order.values() {
            let group = groups.value(row as usize) as usize;
            if group >= n {
                left.push(row);
                continue;
            }
            let repeats = kept.last().is_some_and(|&last| {
                groups.value(last as usize) as usize == group
                    && same(last as usize, row as usize).is_eq()
            });
            if !repeats {
                kept.push(row);
                lengths[group] += 1;
            }
        }
        self.groups = left.iter().map(|&row| groups.value(row as usize) - n as u64).collect();
        self.values = if left.is_empty() {
            Vec::new()
        } else {
            vec![take(&values, &UInt32Array::from(left), None)?]
        };
        self.total = self.total.saturating_sub(n);
        let field = Arc::new(Field::new_list_field(self.item.clone(), true));
        let kept = take(&values, &UInt32Array::from(kept), None)?;
        Ok(Arc::new(ListArray::try_new(field, OffsetBuffer::from_lengths(lengths), kept, None)?))
    }
}

impl GroupsAccumulator for Pairs {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total: usize,
    ) -> Result<()> {
        self.total = self.total.max(total);
        self.push(&values[0], groups, filter)
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let n = match emit_to {
            EmitTo::All => self.total,
            EmitTo::First(n) => n,
        };
        self.emit(n)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.evaluate(emit_to)?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef], groups: &[usize], total: usize) -> Result<()> {
        self.total = self.total.max(total);
        let (values, groups) = flattened(&states[0], groups);
        self.push(&values, &groups, None)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows: Vec<usize> = (0..values[0].len()).collect();
        let mut one = Pairs {
            item: self.item.clone(),
            groups: Vec::new(),
            values: Vec::new(),
            total: rows.len(),
        };
        one.push(&values[0], &rows, filter)?;
        Ok(vec![one.emit(rows.len())?])
    }

    fn size(&self) -> usize {
        let values: usize = self.values.iter().map(|v| v.get_array_memory_size()).sum();
        size_of::<Self>() + self.groups.capacity() * size_of::<u64>() + values
    }
}

/// The values of lists, and the group of each.
fn flattened(lists: &ArrayRef, groups: &[usize]) -> (ArrayRef, Vec<usize>) {
    let lists = lists.as_list::<i32>();
    let offsets = lists.value_offsets();
    let of: Vec<usize> = (0..lists.len())
        .flat_map(|row| {
            let length = if lists.is_valid(row) { offsets[row + 1] - offsets[row] } else { 0 };
            std::iter::repeat_n(groups[row], length as usize)
        })
        .collect();
    let from = offsets.first().map_or(0, |&o| o as usize);
    (lists.values().slice(from, of.len()), of)
}

/// The same without groups.
#[derive(Debug)]
struct One(Pairs);

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.update_batch(values, &vec![0; values[0].len()], None, 1)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        GroupsAccumulator::merge_batch(&mut self.0, states, &vec![0; states[0].len()], 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let list = self.0.emit(1)?;
        // Evaluating may not change the state: what was emitted goes back.
        let (values, groups) = flattened(&list, &[0]);
        self.0.total = 1;
        self.0.push(&values, &groups, None)?;
        ScalarValue::try_from_array(&list, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn size(&self) -> usize {
        GroupsAccumulator::size(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use datafusion::assert_batches_eq;
    use datafusion::prelude::{SessionConfig, SessionContext};

    async fn check((partitions, batch_size): (usize, usize), sql: &str, expect: &[&str]) {
        let config =
            SessionConfig::new().with_target_partitions(partitions).with_batch_size(batch_size);
        let ctx = SessionContext::new_with_config(config);
        crate::register_all(&ctx).unwrap();
        let rows = ctx.sql(sql).await.unwrap().collect().await.unwrap();
        assert_batches_eq!(expect, &rows);
    }

    #[tokio::test]
    async fn values_are_distinct_ascending_and_not_null() {
        for partitions in [1, 4] {
            check(
                (partitions, 2),
                "SELECT k, sorted_set(x) AS s FROM (VALUES ('a', 2), ('b', 1), ('a', 1), ('a', 2), ('c', NULL)) AS t(k, x)
                 GROUP BY k ORDER BY k",
                &["+---+--------+", "| k | s      |", "+---+--------+", "| a | [1, 2] |", "| b | [1]    |", "| c | []     |", "+---+--------+"],
            )
            .await;
        }
    }

    #[tokio::test]
    async fn without_groups_and_with_a_filter() {
        check(
            (4, 2),
            "SELECT sorted_set(x) FILTER (WHERE x <> 'b') AS s FROM (VALUES ('c'), ('b'), ('a'), ('c')) AS t(x)",
            &["+--------+", "| s      |", "+--------+", "| [a, c] |", "+--------+"],
        )
        .await;
    }

    /// More groups than the engine probes before it stops aggregating partially.
    #[tokio::test]
    async fn skipped_partial_aggregation_gives_the_same() {
        check(
            (2, 8192),
            "SELECT count(*) AS n, sum(array_length(s)) AS total FROM (
                 SELECT k, sorted_set(x) AS s FROM (
                     SELECT value / 2 AS k, value % 2 AS x FROM generate_series(0, 299999))
                 GROUP BY k)",
            &[
                "+--------+--------+",
                "| n      | total  |",
                "+--------+--------+",
                "| 150000 | 300000 |",
                "+--------+--------+",
            ],
        )
        .await;
    }
}
