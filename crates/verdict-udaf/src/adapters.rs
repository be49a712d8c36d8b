//! The engine's two interfaces over one kernel: one value, and one value a group.

use datafusion::arrow::array::{Array, ArrayRef, BooleanArray};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, EmitTo, GroupsAccumulator};

use crate::kernel::{Kernel, rows_to_take};

/// One value: aggregates without groups, and windows.
#[derive(Debug)]
pub(crate) struct One<K: Kernel> {
    kernel: K,
    value: [K::Value; 1],
}

impl<K: Kernel> One<K> {
    pub(crate) fn new(kernel: K) -> Self {
        Self { kernel, value: [K::Value::default()] }
    }
}

impl<K: Kernel> Accumulator for One<K> {
    fn update_batch(&mut self, args: &[ArrayRef]) -> Result<()> {
        match rows_to_take(args, None) {
            None => self.kernel.update(args, (0..len(args)).map(|row| (row, 0)), &mut self.value),
            Some(mask) => {
                self.kernel.update(args, mask.valid_indices().map(|row| (row, 0)), &mut self.value)
            }
        }
    }

    fn retract_batch(&mut self, args: &[ArrayRef]) -> Result<()> {
        match rows_to_take(args, None) {
            None => self.kernel.retract(args, (0..len(args)).map(|row| (row, 0)), &mut self.value),
            Some(mask) => {
                self.kernel.retract(args, mask.valid_indices().map(|row| (row, 0)), &mut self.value)
            }
        }
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.kernel.merge(states, (0..len(states)).map(|row| (row, 0)), &mut self.value)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.kernel
            .state(&self.value)?
            .iter()
            .map(|column| ScalarValue::try_from_array(column, 0))
            .collect()
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        ScalarValue::try_from_array(&self.kernel.evaluate(&self.value)?, 0)
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
    /// Memory of the values beyond their own size, as of the last count.
    heap: usize,
    rows_since_count: usize,
}

impl<K: Kernel> Groups<K> {
    pub(crate) fn new(kernel: K) -> Self {
        Self { kernel, values: Vec::new(), heap: 0, rows_since_count: 0 }
    }

    fn grow(&mut self, groups: usize) {
        self.values.resize_with(groups, K::Value::default);
    }

    /// `size` is asked for after every batch: what lies on the heap is counted again once as many rows have come as
    /// there are groups, so that counting costs a constant a row.
    fn count_heap(&mut self, rows: usize) {
        self.rows_since_count += rows;
        if self.rows_since_count >= self.values.len() {
            self.heap = self.values.iter().map(K::heap_size).sum();
            self.rows_since_count = 0;
        }
    }

    fn take(&mut self, emit_to: EmitTo) -> Vec<K::Value> {
        let values = emit_to.take_needed(&mut self.values);
        self.rows_since_count = 0;
        self.count_heap(self.values.len());
        values
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
        match rows_to_take(args, filter) {
            None => {
                self.kernel.update(args, groups.iter().copied().enumerate(), &mut self.values)?
            }
            Some(mask) => {
                let rows = mask.valid_indices().map(|row| (row, groups[row]));
                self.kernel.update(args, rows, &mut self.values)?;
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
        self.kernel.merge(states, groups.iter().copied().enumerate(), &mut self.values)?;
        self.count_heap(groups.len());
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let values = self.take(emit_to);
        self.kernel.evaluate(&values)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let values = self.take(emit_to);
        self.kernel.state(&values)
    }

    fn convert_to_state(
        &self,
        args: &[ArrayRef],
        filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut values = Vec::new();
        values.resize_with(len(args), K::Value::default);
        match rows_to_take(args, filter) {
            None => self.kernel.update(args, (0..len(args)).map(|row| (row, row)), &mut values)?,
            Some(mask) => {
                self.kernel.update(args, mask.valid_indices().map(|row| (row, row)), &mut values)?
            }
        }
        self.kernel.state(&values)
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.values.capacity() * size_of::<K::Value>() + self.heap
    }
}

fn len(arrays: &[ArrayRef]) -> usize {
    arrays.first().map_or(0, Array::len)
}
