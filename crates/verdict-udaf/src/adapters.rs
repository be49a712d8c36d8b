//! The engine's two interfaces over one kernel: one value, and one value a group.

use std::borrow::Cow;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use crate::kernel::{Kernel, Rows, len, taken_rows};

/// One value: aggregates without groups, and windows.
#[derive(Debug)]
pub(crate) struct One<K: Kernel> {
    kernel: K,
    value: [K::Value; 1],
    nulls: [i64; 1],
    /// Rows added and not removed.
    rows: usize,
}

impl<K: Kernel> One<K> {
    pub(crate) fn new(kernel: K) -> Self {
        Self { kernel, value: [K::Value::default()], nulls: [0], rows: 0 }
    }
}

impl<K: Kernel> Accumulator for One<K> {
    fn update_batch(&mut self, args: &[ArrayRef]) -> Result<()> {
        let (args, ignored) = dense(args)?;
        self.nulls[0] += ignored;
        self.rows += len(&args);
        self.kernel.update_all(&args, &mut self.value[0])
    }

    fn retract_batch(&mut self, args: &[ArrayRef]) -> Result<()> {
        let (args, ignored) = dense(args)?;
        self.nulls[0] -= ignored;
        self.rows = self.rows.saturating_sub(len(&args));
        if self.rows == 0 {
            // As new, so that a value need not count its rows.
            self.value[0] = K::Value::default();
            return Ok(());
        }
        self.kernel.retract_all(&args, &mut self.value[0])
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let (states, nulls) = split_nulls::<K>(states);
        self.nulls[0] += nulls.iter().sum::<i64>();
        self.kernel.merge(states, &vec![0; len(states)], &mut self.value)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        with_nulls::<K>(self.kernel.state(&self.value)?, self.nulls.to_vec())
            .iter()
            .map(|column| ScalarValue::try_from_array(column, 0))
            .collect()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.kernel.evaluate(&self.value, &self.nulls)?, 0)
    }

    fn size(&self) -> usize {
        size_of_val(self) + K::heap_size(&self.value[0])
    }
}

/// One value a group.
#[derive(Debug)]
pub(crate) struct Groups<K: Kernel> {
    kernel: K,
    values: Vec<K::Value>,
    /// Ignored rows; what is missing at the end is 0, so that data without NULLs need no memory.
    nulls: Vec<i64>,
    /// Memory of the values beyond their own size, as of the last count.
    heap: usize,
    rows_since_count: usize,
    /// How many times as many rows as groups may come before the next count.
    patience: usize,
}

impl<K: Kernel> Groups<K> {
    pub(crate) fn new(kernel: K) -> Self {
        Self {
            kernel,
            values: Vec::new(),
            nulls: Vec::new(),
            heap: 0,
            rows_since_count: 0,
            patience: 1,
        }
    }

    fn grow(&mut self, groups: usize) {
        self.values.resize_with(groups, K::Value::default);
    }

    /// `size` is asked for after every batch: what lies on the heap is counted again once as many rows have come as
    /// there are groups, so that counting costs a constant a row; eight times as many after a count that found nothing.
    fn count_heap(&mut self, rows: usize) {
        self.rows_since_count += rows;
        if self.rows_since_count / self.patience >= self.values.len() {
            self.heap = self.values.iter().map(K::heap_size).sum();
            self.rows_since_count = 0;
            self.patience = if self.heap == 0 { 8 } else { 1 };
        }
    }

    fn take(&mut self, emit_to: EmitTo) -> (Vec<K::Value>, Vec<i64>) {
        let none = self.nulls.is_empty();
        self.nulls.resize(if none { 0 } else { self.values.len() }, 0);
        let values = emit_to.take_needed(&mut self.values);
        let nulls = if none { vec![0; values.len()] } else { emit_to.take_needed(&mut self.nulls) };
        self.heap = self.values.iter().map(K::heap_size).sum();
        (self.rows_since_count, self.patience) = (0, 1);
        (values, nulls)
    }

    fn count_nulls(&mut self, rows: impl Iterator<Item = (usize, i64)>) {
        for (group, nulls) in rows.filter(|&(_, nulls)| nulls != 0) {
            if self.nulls.len() <= group {
                self.nulls.resize(self.values.len(), 0);
            }
            self.nulls[group] += nulls;
        }
    }
}

impl<K: Kernel> GroupsAccumulator for Groups<K> {
    fn update_batch(
        &mut self,
        args: &[ArrayRef],
        groups: &[usize],
        filter: Option<&BooleanArray>,
        total_groups: usize,
    ) -> Result<()> {
        self.grow(total_groups);
        let rows = Rows::of(args, filter);
        if K::COUNTS_NULLS
            && let Some(ignored) = rows.ignored
        {
            self.count_nulls(ignored.valid_indices().map(|row| (groups[row], 1)));
        }
        match rows.taken {
            None => self.kernel.update(args, groups, &mut self.values)?,
            Some(mask) => {
                let groups: Vec<usize> = mask.valid_indices().map(|row| groups[row]).collect();
                self.kernel.update(&taken_rows(args, &mask)?, &groups, &mut self.values)?;
            }
        }
        self.count_heap(groups.len());
        Ok(())
    }

    fn merge_batch(
        &mut self,
        states: &[ArrayRef],
        groups: &[usize],
        total_groups: usize,
    ) -> Result<()> {
        self.grow(total_groups);
        let (states, nulls) = split_nulls::<K>(states);
        self.count_nulls(groups.iter().copied().zip(nulls.iter().copied()));
        self.kernel.merge(states, groups, &mut self.values)?;
        self.count_heap(groups.len());
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (values, nulls) = self.take(emit_to);
        self.kernel.evaluate(&values, &nulls)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (values, nulls) = self.take(emit_to);
        Ok(with_nulls::<K>(self.kernel.state(&values)?, nulls))
    }

    fn convert_to_state(
        &self,
        args: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let rows = Rows::of(args, filter);
        let mut nulls = vec![0; if K::COUNTS_NULLS { len(args) } else { 0 }];
        if K::COUNTS_NULLS
            && let Some(ignored) = rows.ignored
        {
            ignored.valid_indices().for_each(|row| nulls[row] = 1);
        }
        Ok(with_nulls::<K>(self.kernel.convert(args, rows.taken.as_ref())?, nulls))
    }

    fn size(&self) -> usize {
        size_of_val(self)
            + self.values.capacity() * size_of::<K::Value>()
            + self.nulls.capacity() * size_of::<i64>()
            + self.heap
    }
}

/// The columns of a state, and the counts of ignored rows, which are the last where there are any.
fn split_nulls<K: Kernel>(states: &[ArrayRef]) -> (&[ArrayRef], &[i64]) {
    match states {
        [states @ .., nulls] if K::COUNTS_NULLS => {
            (states, nulls.as_primitive::<Int64Type>().values())
        }
        _ => (states, &[]),
    }
}

fn with_nulls<K: Kernel>(mut states: Vec<ArrayRef>, nulls: Vec<i64>) -> Vec<ArrayRef> {
    if K::COUNTS_NULLS {
        states.push(Arc::new(Int64Array::from(nulls)));
    }
    states
}

/// The rows without a NULL, and how many others there are.
fn dense(args: &[ArrayRef]) -> Result<(Cow<'_, [ArrayRef]>, i64)> {
    let rows = Rows::of(args, None);
    let ignored = rows.ignored.map_or(0, |ignored| ignored.len() - ignored.null_count());
    let args = match rows.taken {
        None => Cow::Borrowed(args),
        Some(mask) => Cow::Owned(taken_rows(args, &mask)?),
    };
    Ok((args, ignored as i64))
}
