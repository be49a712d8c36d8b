//! What an aggregate function is, apart from how the engine calls it.

use std::fmt::{self, Debug};
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, BooleanBufferBuilder};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::compute::FilterBuilder;
use datafusion::arrow::datatypes::Float64Type;
use datafusion::common::{DataFusionError, Result, exec_datafusion_err};
use verdict_accum::AccumError;

/// One aggregate function over arguments of known types. A `Value` is what one group keeps; the two adapters
/// differ in how many values they hold and in nothing else, so grouped and ungrouped answers cannot differ.
///
/// Rows with a NULL, and those that a filter excludes, are taken out before ([`Rows`]); `places` has the place of
/// each row's value.
pub(crate) trait Kernel: Debug + Send + Sync + 'static {
    type Value: Debug + Default + Send + Sync;

    /// Whether the result says how many rows were ignored for a NULL. The adapters count them, and add a column to
    /// the state.
    const COUNTS_NULLS: bool = false;

    /// Adds rows.
    fn update(&self, args: &[ArrayRef], places: &[usize], values: &mut [Self::Value])
    -> Result<()>;

    /// Adds all rows to one value, where that is faster than one by one.
    fn update_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()> {
        self.update(args, &vec![0; len(args)], std::slice::from_mut(value))
    }

    /// Removes all rows from one value.
    fn retract_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()>;

    /// Adds rows of the arrays that [`state`](Self::state) made.
    fn merge(
        &self,
        states: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()>;

    /// The columns that go from a partial to a final aggregation, as the function declares them.
    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>>;

    /// The state of each row as a group of its own: [`update`](Self::update) of new values, and their
    /// [`state`](Self::state), unless there is a faster way. `None` takes all rows.
    fn convert(&self, args: &[ArrayRef], taken: Option<&NullBuffer>) -> Result<Vec<ArrayRef>> {
        self.convert_each(args, taken)
    }

    /// The slower way of [`convert`](Self::convert).
    fn convert_each(&self, args: &[ArrayRef], taken: Option<&NullBuffer>) -> Result<Vec<ArrayRef>> {
        let rows = len(args);
        let mut values = Vec::new();
        values.resize_with(rows, Self::Value::default);
        match taken {
            None => self.update(args, &(0..rows).collect::<Vec<_>>(), &mut values)?,
            Some(mask) => {
                let places: Vec<usize> = mask.valid_indices().collect();
                self.update(&taken_rows(args, mask)?, &places, &mut values)?;
            }
        }
        self.state(&values)
    }

    /// The result, for values and as many counts of ignored rows.
    fn evaluate(&self, values: &[Self::Value], nulls: &[i64]) -> Result<ArrayRef>;

    /// Memory of a value beyond its own size.
    fn heap_size(value: &Self::Value) -> usize;
}

/// Which rows of a batch an aggregate takes.
#[derive(Debug)]
pub(crate) struct Rows {
    /// Those without a NULL in any argument for which the filter is true; `None` is every row.
    pub(crate) taken: Option<NullBuffer>,
    /// Those with a NULL for which the filter is true; `None` is no row.
    pub(crate) ignored: Option<NullBuffer>,
}

impl Rows {
    pub(crate) fn of(args: &[ArrayRef], filter: Option<&BooleanArray>) -> Self {
        let nulls = args
            .iter()
            .fold(None, |all, arg| NullBuffer::union(all.as_ref(), arg.logical_nulls().as_ref()))
            .filter(|nulls| nulls.null_count() > 0);
        let passes = filter.map(|filter| match filter.nulls() {
            Some(valid) => filter.values() & valid.inner(),
            None => filter.values().clone(),
        });
        let ignored = nulls.as_ref().map(|nulls| match &passes {
            Some(passes) => NullBuffer::new(&!nulls.inner() & passes),
            None => NullBuffer::new(!nulls.inner()),
        });
        let passes = passes.map(NullBuffer::new);
        Self { taken: NullBuffer::union(nulls.as_ref(), passes.as_ref()), ignored }
    }
}

/// The rows of a mask, as arrays of their own: kernels have one loop each, over all rows of arrays.
pub(crate) fn taken_rows(args: &[ArrayRef], mask: &NullBuffer) -> Result<Vec<ArrayRef>> {
    let mask =
        FilterBuilder::new(&BooleanArray::new(mask.inner().clone(), None)).optimize().build();
    args.iter().map(|arg| Ok(mask.filter(arg)?)).collect()
}

/// A row of a column of stored states, of either width of offsets; of another type, which no function declares, no bytes.
pub(crate) fn bytes(column: &ArrayRef, row: usize) -> &[u8] {
    match (column.as_binary_opt::<i64>(), column.as_binary_opt::<i32>()) {
        (Some(column), _) => column.value(row),
        (_, Some(column)) => column.value(row),
        _ => &[],
    }
}

pub(crate) fn len(arrays: &[ArrayRef]) -> usize {
    arrays.first().map_or(0, Array::len)
}

/// How many rows are looked up ahead of their sums.
const AHEAD: usize = 128;

/// Goes through rows with the values that they belong to, `each(row, value)`.
///
/// Where groups are many, a row waits for the memory of its value, and the processor looks ahead no further than the
/// few rows that fit it. Reading something of the values of the next rows first fetches all of them at
/// once. `touch` reads of each cache line of a value; what it gives means nothing.
#[inline(always)]
pub(crate) fn each_value<V>(
    places: &[usize],
    values: &mut [V],
    touch: impl Fn(&V) -> u64,
    mut each: impl FnMut(usize, &mut V) -> Result<()>,
) -> Result<()> {
    // What the first cache holds, and most of the second, needs no fetching.
    let far = size_of_val(values) > 1 << 20;
    let mut row = 0;
    for places in places.chunks(AHEAD) {
        if far {
            let touched = places.iter().fold(0, |sum: u64, &place| sum ^ touch(&values[place]));
            std::hint::black_box(touched);
        }
        for &place in places {
            each(row, &mut values[place])?;
            row += 1;
        }
    }
    Ok(())
}

/// A call of a function as its errors name it, and the text of each argument.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) text: Arc<str>,
    pub(crate) arguments: Arc<[String]>,
}

impl Call {
    /// An accumulator's complaint as the engine's error.
    pub(crate) fn refusal(&self, error: AccumError) -> DataFusionError {
        exec_datafusion_err!("`{self}`: {error}")
    }

    /// An accumulator's complaint about a row of the arguments.
    #[cold]
    pub(crate) fn refusal_of(
        &self,
        error: AccumError,
        args: &[ArrayRef],
        row: usize,
    ) -> DataFusionError {
        let not_finite = |arg: &ArrayRef| {
            arg.as_primitive_opt::<Float64Type>().is_some_and(|x| !x.value(row).is_finite())
        };
        let culprit = args.iter().position(not_finite).and_then(|i| self.arguments.get(i));
        match (error, culprit) {
            (AccumError::NonFinite, Some(argument)) => exec_datafusion_err!(
                "NaN or infinite value in `{argument}` of `{self}`: it has no exact sum; exclude such rows with a FILTER or a metric filter"
            ),
            _ => self.refusal(error),
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A validity mask from flags, or none when all are set.
pub(crate) fn validity(flags: impl ExactSizeIterator<Item = bool>) -> Option<NullBuffer> {
    let mut builder = BooleanBufferBuilder::new(flags.len());
    flags.for_each(|flag| builder.append(flag));
    Some(NullBuffer::new(builder.finish())).filter(|nulls| nulls.null_count() > 0)
}
