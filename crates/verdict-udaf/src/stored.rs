//! Values whose state is what they give, and is added and taken away as they are.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, LargeBinaryBuilder};
use datafusion::common::Result;
use verdict_accum::{AccumError, Distribution, Exact};

use crate::kernel::Call;
use crate::moments::binary;

pub(crate) trait Stored: Sized {
    fn of_bytes(bytes: &[u8]) -> std::result::Result<Self, AccumError>;
    fn bytes(&self) -> Vec<u8>;
    fn add(&mut self, other: &Self);
    fn take_away(&mut self, other: &Self);
}

impl Stored for Distribution {
    fn of_bytes(bytes: &[u8]) -> std::result::Result<Self, AccumError> {
        Self::from_bytes(bytes)
    }

    fn bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }

    fn add(&mut self, other: &Self) {
        self.merge(other);
    }

    fn take_away(&mut self, other: &Self) {
        self.retract(other);
    }
}

impl<const K: usize> Stored for Exact<K> {
    fn of_bytes(bytes: &[u8]) -> std::result::Result<Self, AccumError> {
        Self::from_bytes(bytes)
    }

    fn bytes(&self) -> Vec<u8> {
        self.to_bytes()
    }

    fn add(&mut self, other: &Self) {
        self.merge(other);
    }

    fn take_away(&mut self, other: &Self) {
        self.retract(other);
    }
}

/// Adds stored states, or takes them away; what is NULL is nothing.
pub(crate) fn each_state<V: Stored>(
    call: &Call,
    states: &ArrayRef,
    places: &[usize],
    values: &mut [V],
    add: bool,
) -> Result<()> {
    for (row, &place) in places.iter().enumerate().filter(|(row, _)| states.is_valid(*row)) {
        let state = V::of_bytes(bytes(states, row)).map_err(|e| call.refusal(e))?;
        if add { values[place].add(&state) } else { values[place].take_away(&state) }
    }
    Ok(())
}

/// The bytes of a row of a BINARY column of either width.
pub(crate) fn bytes(column: &ArrayRef, row: usize) -> &[u8] {
    match (column.as_binary_opt::<i64>(), column.as_binary_opt::<i32>()) {
        (Some(column), _) => column.value(row),
        (_, Some(column)) => column.value(row),
        _ => &[],
    }
}

/// The states between the phases of an aggregate.
pub(crate) fn states<V: Stored>(values: &[V]) -> Vec<ArrayRef> {
    let mut column = LargeBinaryBuilder::new();
    values.iter().for_each(|value| column.append_value(value.bytes()));
    vec![Arc::new(column.finish())]
}

/// The states as a result.
pub(crate) fn results<V: Stored>(call: &Call, values: &[V]) -> Result<ArrayRef> {
    binary(call, values.iter().map(|value| Some(value.bytes())))
}
