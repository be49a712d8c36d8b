//! `distribution_state`, `exact_values_state`, `exact_pairs_state` and `categories_state`, and their stored states: functions
//! of one shape that differ in what they keep of a unit's values.

use std::fmt::Debug;
use std::marker::PhantomData;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, LargeBinaryBuilder};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::Result;
use verdict_accum::{AccumError, Categories, Distribution, Exact, UnitValues};

use crate::kernel::{Call, Kernel, bytes, len};
use crate::moments::binary;

/// How many units have what.
pub(crate) trait Tally: Debug + Default + Send + Sync + 'static {
    /// Adds the values of rows, each with its weight to its place.
    fn push_rows(
        call: &Call,
        args: &[ArrayRef],
        weight: impl Fn(usize) -> i64,
        places: &[usize],
        tallies: &mut [Self],
    ) -> Result<()>;

    fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, AccumError>;
    fn merge(&mut self, other: &Self);
    fn retract(&mut self, other: &Self);
    fn to_bytes(&self) -> Vec<u8>;
    fn heap_size(&self) -> usize;
}

/// A tally has its methods by the same names.
macro_rules! by_its_own {
    () => {
        fn from_bytes(bytes: &[u8]) -> std::result::Result<Self, AccumError> {
            Self::from_bytes(bytes)
        }

        fn merge(&mut self, other: &Self) {
            self.merge(other);
        }

        fn retract(&mut self, other: &Self) {
            self.retract(other);
        }

        fn to_bytes(&self) -> Vec<u8> {
            self.to_bytes()
        }

        fn heap_size(&self) -> usize {
            self.heap_size()
        }
    };
}

/// Of a number, or of all values of a unit as they are stored.
impl Tally for Distribution {
    fn push_rows(
        call: &Call,
        args: &[ArrayRef],
        weight: impl Fn(usize) -> i64,
        places: &[usize],
        tallies: &mut [Self],
    ) -> Result<()> {
        if let Some(xs) = args[1].as_primitive_opt::<Float64Type>() {
            for (row, &place) in places.iter().enumerate() {
                let pushed = tallies[place].push_one(weight(row), xs.value(row));
                pushed.map_err(|e| call.refusal_of(e, args, row))?;
            }
            return Ok(());
        }
        for (row, &place) in places.iter().enumerate() {
            let unit = UnitValues::from_bytes(bytes(&args[1], row)).map_err(|e| call.refusal(e))?;
            tallies[place].push(weight(row), &unit);
        }
        Ok(())
    }

    by_its_own!();
}

impl<const K: usize> Tally for Exact<K> {
    fn push_rows(
        call: &Call,
        args: &[ArrayRef],
        weight: impl Fn(usize) -> i64,
        places: &[usize],
        tallies: &mut [Self],
    ) -> Result<()> {
        let xs: [_; K] = std::array::from_fn(|i| args[1 + i].as_primitive::<Float64Type>());
        for (row, &place) in places.iter().enumerate() {
            let pushed = tallies[place].push(weight(row), xs.map(|x| x.value(row)));
            pushed.map_err(|e| call.refusal_of(e, args, row))?;
        }
        Ok(())
    }

    by_its_own!();
}

impl Tally for Categories {
    fn push_rows(
        _: &Call,
        args: &[ArrayRef],
        weight: impl Fn(usize) -> i64,
        places: &[usize],
        tallies: &mut [Self],
    ) -> Result<()> {
        let texts = args[1].as_string::<i32>();
        for (row, &place) in places.iter().enumerate() {
            tallies[place].push(weight(row), texts.value(row));
        }
        Ok(())
    }

    by_its_own!();
}

#[derive(Debug)]
pub(crate) struct TallyKernel<T> {
    call: Call,
    /// Whether stored states come in, not a weight and a value.
    states: bool,
    of: PhantomData<fn() -> T>,
}

impl<T: Tally> TallyKernel<T> {
    pub(crate) fn of_rows(call: Call) -> Self {
        Self { call, states: false, of: PhantomData }
    }

    pub(crate) fn of_states(call: Call) -> Self {
        Self { call, states: true, of: PhantomData }
    }

    fn each(&self, args: &[ArrayRef], places: &[usize], values: &mut [T], add: bool) -> Result<()> {
        if self.states {
            return self.each_state(&args[0], places, values, add);
        }
        let weights = args[0].as_primitive::<Int64Type>().values();
        if add {
            return T::push_rows(&self.call, args, |row| weights[row], places, values);
        }
        // The one weight without an opposite takes two steps.
        let opposite = |row: usize| weights[row].checked_neg().unwrap_or(i64::MAX);
        T::push_rows(&self.call, args, opposite, places, values)?;
        if weights.contains(&i64::MIN) {
            let rest = |row: usize| i64::from(weights[row] == i64::MIN);
            T::push_rows(&self.call, args, rest, places, values)?;
        }
        Ok(())
    }

    fn each_state(
        &self,
        states: &ArrayRef,
        places: &[usize],
        values: &mut [T],
        add: bool,
    ) -> Result<()> {
        for (row, &place) in places.iter().enumerate().filter(|(row, _)| states.is_valid(*row)) {
            let state = T::from_bytes(bytes(states, row)).map_err(|e| self.call.refusal(e))?;
            if add { values[place].merge(&state) } else { values[place].retract(&state) }
        }
        Ok(())
    }
}

impl<T: Tally> Kernel for TallyKernel<T> {
    type Value = T;

    fn update(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        self.each(args, places, values, true)
    }

    fn retract_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()> {
        self.each(args, &vec![0; len(args)], std::slice::from_mut(value), false)
    }

    fn merge(
        &self,
        states: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        self.each_state(&states[0], places, values, true)
    }

    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>> {
        let mut column = LargeBinaryBuilder::new();
        values.iter().for_each(|value| column.append_value(value.to_bytes()));
        Ok(vec![Arc::new(column.finish())])
    }

    fn evaluate(&self, values: &[Self::Value], _: &[i64]) -> Result<ArrayRef> {
        binary(&self.call, values.iter().map(|value| Some(value.to_bytes())))
    }

    fn heap_size(value: &Self::Value) -> usize {
        value.heap_size()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    #[test]
    fn what_is_removed_undoes_what_was_added_whatever_the_weight() {
        fn undone<T: Tally + PartialEq>(values: ArrayRef) {
            let call = Call { text: "f".into(), arguments: Arc::new([]) };
            let kernel = TallyKernel::<T>::of_rows(call);
            let weights: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, i64::MAX, -3]));
            let (args, mut tally) = ([weights, values], T::default());
            kernel.update(&args, &[0; 3], std::slice::from_mut(&mut tally)).unwrap();
            assert_ne!(tally, T::default());
            kernel.retract_all(&args, &mut tally).unwrap();
            assert_eq!(tally, T::default());
        }
        undone::<Exact<1>>(Arc::new(Float64Array::from(vec![0.5, 2.0, 7.0])));
        undone::<Categories>(Arc::new(StringArray::from(vec!["a", "b", "c"])));
    }
}
