//! A component over the rows of a day, by the places that rows fall into.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Float64Array, Int64Array, RecordBatch,
};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimestampMicrosecondType};
use datafusion::common::{exec_datafusion_err, exec_err};
use datafusion::error::Result;
use verdict_accum::{ExactSum, UnitEdge, UnitSet, UnitTally, UnitValues};
use verdict_model::Aggregate;

use super::Span;
use crate::bind::{BoundComponent, Number};
use crate::sweep::edge_of;

/// What a component has come to in each place.
#[derive(Clone, Debug)]
enum Places {
    /// Whether there was a row.
    Any(Vec<bool>),
    Count(Vec<i64>),
    /// Sums of integers: too wide to overflow.
    Integers(Vec<i128>),
    Doubles(Vec<ExactSum>),
    IntegerExtremes(Vec<Option<i64>>, Ordering),
    DoubleExtremes(Vec<Option<f64>>, Ordering),
    Values(Vec<UnitValues>),
    Sets(Vec<UnitSet>),
    /// The first value, or the last.
    Numbers(Vec<Option<UnitEdge>>, Ordering),
    Texts(Vec<Option<UnitEdge>>, Ordering),
    Tallies(Vec<UnitTally>),
}

/// A component with what it has come to.
#[derive(Clone, Debug)]
pub(super) struct Component {
    name: String,
    source: String,
    value: Option<String>,
    filter: Option<String>,
    places: Places,
    /// Which places have come to something, once all rows are added ([`Component::seal`]).
    filled: Option<BooleanBuffer>,
}

impl Component {
    pub(super) fn new(component: &BoundComponent) -> Component {
        let float = component.number == Number::Float;
        let places = match component.def.aggregate {
            // Over one day, days with a row are whether there was one.
            Aggregate::Any | Aggregate::DistinctDays => Places::Any(Vec::new()),
            Aggregate::Values => Places::Values(Vec::new()),
            Aggregate::Distinct => Places::Sets(Vec::new()),
            Aggregate::MostFrequent => Places::Tallies(Vec::new()),
            which @ (Aggregate::First | Aggregate::Last) => {
                Places::Numbers(Vec::new(), edge_of(which))
            }
            which @ (Aggregate::FirstCategory | Aggregate::LastCategory) => {
                Places::Texts(Vec::new(), edge_of(which))
            }
            Aggregate::Count => Places::Count(Vec::new()),
            Aggregate::Sum if float => Places::Doubles(Vec::new()),
            Aggregate::Sum => Places::Integers(Vec::new()),
            Aggregate::Min if float => Places::DoubleExtremes(Vec::new(), Ordering::Less),
            Aggregate::Max if float => Places::DoubleExtremes(Vec::new(), Ordering::Greater),
            Aggregate::Min => Places::IntegerExtremes(Vec::new(), Ordering::Less),
            Aggregate::Max => Places::IntegerExtremes(Vec::new(), Ordering::Greater),
        };
        Component {
            name: component.def.column.clone(),
            source: component.def.source.clone(),
            value: component.value.as_ref().map(|_| component.value_column()),
            filter: component.filter.as_ref().map(|_| component.filter_column()),
            places,
            filled: None,
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Empties every place.
    pub(super) fn clear(&mut self) {
        match &mut self.places {
            Places::Any(v) => v.fill(false),
            Places::Count(v) => v.fill(0),
            Places::Integers(v) => v.fill(0),
            Places::Doubles(v) => v.fill(ExactSum::default()),
            Places::IntegerExtremes(v, _) => v.fill(None),
            Places::DoubleExtremes(v, _) => v.fill(None),
            Places::Values(v) => v.fill(UnitValues::default()),
            Places::Sets(v) => v.fill(UnitSet::default()),
            Places::Numbers(v, _) | Places::Texts(v, _) => v.fill(None),
            Places::Tallies(v) => v.fill(UnitTally::default()),
        }
    }

    /// Makes room for `places`.
    pub(super) fn grow(&mut self, places: usize) {
        match &mut self.places {
            Places::Any(v) => v.resize(places, false),
            Places::Count(v) => v.resize(places, 0),
            Places::Integers(v) => v.resize(places, 0),
            Places::Doubles(v) => v.resize_with(places, ExactSum::default),
            Places::IntegerExtremes(v, _) => v.resize(places, None),
            Places::DoubleExtremes(v, _) => v.resize(places, None),
            Places::Values(v) => v.resize_with(places, UnitValues::default),
            Places::Sets(v) => v.resize_with(places, UnitSet::default),
            Places::Numbers(v, _) | Places::Texts(v, _) => v.resize(places, None),
            Places::Tallies(v) => v.resize_with(places, UnitTally::default),
        }
    }

    /// The bytes that its places hold, but for what single places keep elsewhere.
    pub(super) fn bytes(&self) -> usize {
        fn of<T>(places: &Vec<T>) -> usize {
            places.capacity() * size_of::<T>()
        }
        match &self.places {
            Places::Any(v) => of(v),
            Places::Count(v) => of(v),
            Places::Integers(v) => of(v),
            Places::Doubles(v) => of(v),
            Places::IntegerExtremes(v, _) => of(v),
            Places::DoubleExtremes(v, _) => of(v),
            Places::Values(v) => of(v),
            Places::Sets(v) => of(v),
            Places::Numbers(v, _) | Places::Texts(v, _) => of(v),
            Places::Tallies(v) => of(v),
        }
    }

    /// Adds the `usable` rows of a batch, each to its place.
    ///
    /// # Errors
    /// A value is NaN or infinite; the batch is not what the scan's query says.
    pub(super) fn add(
        &mut self,
        batch: &RecordBatch,
        usable: &BooleanBuffer,
        places: &[u32],
    ) -> Result<()> {
        let column = |name: &String| {
            batch.column_by_name(name).ok_or_else(|| exec_datafusion_err!("no column {name}"))
        };
        let mut rows = usable.clone();
        if let Some(filter) = &self.filter {
            rows = &rows & &holds(column(filter)?.as_boolean());
        }
        let value = self.value.as_ref().map(column).transpose()?;
        let name = &self.name;
        let value = || value.ok_or_else(|| exec_datafusion_err!("{name} has no value"));
        let with_value = |rows: &BooleanBuffer, value: &dyn Array| match value.nulls() {
            Some(valid) => rows & valid.inner(),
            None => rows.clone(),
        };
        match &mut self.places {
            Places::Any(any) => {
                if self.value.is_some() {
                    rows = &rows & &holds(value()?.as_boolean());
                }
                rows.set_indices().for_each(|row| any[places[row] as usize] = true);
            }
            Places::Count(count) => {
                if self.value.is_some() {
                    rows = &rows & &holds(value()?.as_boolean());
                }
                rows.set_indices().for_each(|row| count[places[row] as usize] += 1);
            }
            Places::Integers(sums) => {
                let values = value()?.as_primitive::<Int64Type>();
                for row in with_value(&rows, values).set_indices() {
                    sums[places[row] as usize] += i128::from(values.values()[row]);
                }
            }
            Places::Doubles(sums) => {
                let values = value()?.as_primitive::<Float64Type>();
                for row in with_value(&rows, values).set_indices() {
                    let pushed = sums[places[row] as usize].push(values.values()[row]);
                    pushed.map_err(|e| exec_datafusion_err!("{name}: {e}"))?;
                }
            }
            Places::Values(all) => {
                let values = value()?.as_primitive::<Float64Type>();
                for row in with_value(&rows, values).set_indices() {
                    let pushed = all[places[row] as usize].push(values.values()[row]);
                    pushed.map_err(|e| exec_datafusion_err!("{name}: {e}"))?;
                }
            }
            Places::Sets(sets) => {
                let texts = cast(value()?, &DataType::Utf8)?;
                let texts = texts.as_string::<i32>();
                for row in with_value(&rows, texts).set_indices() {
                    sets[places[row] as usize].insert(texts.value(row).as_bytes());
                }
            }
            Places::Tallies(tallies) => {
                let texts = cast(value()?, &DataType::Utf8)?;
                let texts = texts.as_string::<i32>();
                for row in with_value(&rows, texts).set_indices() {
                    tallies[places[row] as usize].push(texts.value(row));
                }
            }
            Places::Numbers(edges, which) => {
                let times = column(&"ts".to_owned())?.as_primitive::<TimestampMicrosecondType>();
                let values = value()?.as_primitive::<Float64Type>();
                for row in with_value(&rows, values).set_indices() {
                    let edge = UnitEdge::of_number(times.value(row), values.values()[row]);
                    let edge = edge.map_err(|e| exec_datafusion_err!("{name}: {e}"))?;
                    keep(&mut edges[places[row] as usize], *which, edge);
                }
            }
            Places::Texts(edges, which) => {
                let times = column(&"ts".to_owned())?.as_primitive::<TimestampMicrosecondType>();
                let texts = cast(value()?, &DataType::Utf8)?;
                let texts = texts.as_string::<i32>();
                for row in with_value(&rows, texts).set_indices() {
                    let edge = UnitEdge::of_text(times.value(row), texts.value(row));
                    keep(&mut edges[places[row] as usize], *which, edge);
                }
            }
            Places::IntegerExtremes(extremes, wins) => {
                let values = value()?.as_primitive::<Int64Type>();
                for row in with_value(&rows, values).set_indices() {
                    let (extreme, x) = (&mut extremes[places[row] as usize], values.values()[row]);
                    if extreme.is_none_or(|e| x.cmp(&e) == *wins) {
                        *extreme = Some(x);
                    }
                }
            }
            Places::DoubleExtremes(extremes, wins) => {
                let values = value()?.as_primitive::<Float64Type>();
                for row in with_value(&rows, values).set_indices() {
                    let (extreme, x) = (&mut extremes[places[row] as usize], values.values()[row]);
                    if !x.is_finite() {
                        return exec_err!("{name}: {x} is not a finite number");
                    }
                    if extreme.is_none_or(|e| x.total_cmp(&e) == *wins) {
                        *extreme = Some(x);
                    }
                }
            }
        }
        Ok(())
    }

    /// Adds the places of another part of the day; `places` says where each belongs here.
    pub(super) fn join(&mut self, other: &Component, places: &[u32]) {
        let each = || places.iter().map(|place| *place as usize).enumerate();
        match (&mut self.places, &other.places) {
            (Places::Any(own), Places::Any(v)) => each().for_each(|(from, to)| own[to] |= v[from]),
            (Places::Count(own), Places::Count(v)) => {
                each().for_each(|(from, to)| own[to] += v[from]);
            }
            (Places::Integers(own), Places::Integers(v)) => {
                each().for_each(|(from, to)| own[to] += v[from]);
            }
            (Places::Doubles(own), Places::Doubles(v)) => {
                each().for_each(|(from, to)| own[to].merge(&v[from]));
            }
            (Places::IntegerExtremes(own, wins), Places::IntegerExtremes(v, _)) => {
                each().for_each(|(from, to)| {
                    own[to] = extreme([own[to], v[from]], |a, b| a.cmp(b) == *wins);
                });
            }
            (Places::DoubleExtremes(own, wins), Places::DoubleExtremes(v, _)) => {
                each().for_each(|(from, to)| {
                    own[to] = extreme([own[to], v[from]], |a, b| a.total_cmp(b) == *wins);
                });
            }
            (Places::Values(own), Places::Values(v)) => {
                each().for_each(|(from, to)| own[to].merge(&v[from]));
            }
            (Places::Sets(own), Places::Sets(v)) => {
                each().for_each(|(from, to)| own[to].merge(&v[from]));
            }
            (Places::Tallies(own), Places::Tallies(v)) => {
                each().for_each(|(from, to)| own[to].merge(&v[from]));
            }
            (Places::Numbers(own, which), Places::Numbers(v, _))
            | (Places::Texts(own, which), Places::Texts(v, _)) => {
                for (from, to) in each() {
                    if let Some(edge) = &v[from] {
                        keep(&mut own[to], *which, edge.clone());
                    }
                }
            }
            // Parts of a day have the same components.
            _ => {}
        }
    }

    /// Notes which places have come to something: all rows are added. Units of an experiment lie anywhere among the places, and a look at
    /// one of them is a wait for memory; most have nothing of most components, which a bit tells.
    pub(super) fn seal(&mut self) {
        fn filled<T>(places: &[T], is_filled: impl Fn(&T) -> bool) -> Option<BooleanBuffer> {
            Some(BooleanBuffer::collect_bool(places.len(), |place| is_filled(&places[place])))
        }
        self.filled = match &self.places {
            // Which is such bits itself, if as bytes.
            Places::Any(_) => None,
            Places::Count(v) => filled(v, |count| *count != 0),
            Places::Integers(v) => filled(v, |sum| *sum != 0),
            Places::Doubles(v) => filled(v, |sum| !sum.is_zero()),
            Places::IntegerExtremes(v, _) => filled(v, Option::is_some),
            Places::DoubleExtremes(v, _) => filled(v, Option::is_some),
            Places::Values(v) => filled(v, |values| !values.is_empty()),
            Places::Sets(v) => filled(v, |set| !set.is_empty()),
            Places::Numbers(v, _) | Places::Texts(v, _) => filled(v, Option::is_some),
            Places::Tallies(v) => filled(v, |tally| !tally.is_empty()),
        };
    }

    /// The component over each span of places, as a table has it.
    ///
    /// # Errors
    /// A sum does not fit the table's type.
    pub(super) fn over(&self, spans: &[Span]) -> Result<ArrayRef> {
        let (name, filled) = (&self.name, self.filled.as_ref());
        Ok(match &self.places {
            Places::Any(v) => Arc::new(BooleanArray::from(each((v, filled), spans, |any| {
                Ok(any.iter().any(|any| *any))
            })?)),
            Places::Count(v) => Arc::new(Int64Array::from(each((v, filled), spans, |counts| {
                Ok(counts.iter().sum::<i64>())
            })?)),
            Places::Integers(v) => Arc::new(Int64Array::from(each((v, filled), spans, |sums| {
                i64::try_from(sums.iter().sum::<i128>())
                    .map_err(|_| exec_datafusion_err!("the sum of {name} does not fit in BIGINT"))
            })?)),
            Places::Doubles(v) => Arc::new(Float64Array::from(each((v, filled), spans, |sums| {
                let sum = match sums {
                    [] => Some(0.0),
                    [one] => one.to_f64(),
                    [first, rest @ ..] => {
                        let mut sum = first.clone();
                        rest.iter().for_each(|one| sum.merge(one));
                        sum.to_f64()
                    }
                };
                sum.ok_or_else(|| {
                    exec_datafusion_err!("the sum of {name} lies beyond the largest DOUBLE")
                })
            })?)),
            Places::Values(v) => {
                let all = each((v, filled), spans, |parts| {
                    let mut values = UnitValues::default();
                    parts.iter().for_each(|part| values.merge(part));
                    Ok((!values.is_empty()).then(|| values.to_bytes()))
                })?;
                states(name, &all)?
            }
            Places::Sets(v) => {
                let all = each((v, filled), spans, |parts| {
                    let mut set = UnitSet::default();
                    parts.iter().for_each(|part| set.merge(part));
                    Ok((!set.is_empty()).then(|| set.to_bytes()))
                })?;
                states(name, &all)?
            }
            Places::Tallies(v) => {
                let all = each((v, filled), spans, |parts| {
                    let mut tally = UnitTally::default();
                    parts.iter().for_each(|part| tally.merge(part));
                    Ok((!tally.is_empty()).then(|| tally.to_bytes()))
                })?;
                states(name, &all)?
            }
            Places::Numbers(v, which) | Places::Texts(v, which) => {
                let all = each((v, filled), spans, |parts| {
                    let wins = |a: &&UnitEdge, b: &&UnitEdge| a.cmp(b) == *which;
                    let kept = extreme(parts.iter().map(Option::as_ref), wins);
                    Ok(kept.map(UnitEdge::to_bytes))
                })?;
                states(name, &all)?
            }
            Places::IntegerExtremes(v, wins) => {
                let of =
                    |v: &[Option<i64>]| Ok(extreme(v.iter().copied(), |a, b| a.cmp(b) == *wins));
                Arc::new(Int64Array::from(each((v, filled), spans, of)?))
            }
            Places::DoubleExtremes(v, wins) => {
                let of = |v: &[Option<f64>]| {
                    Ok(extreme(v.iter().copied(), |a, b| a.total_cmp(b) == *wins))
                };
                Arc::new(Float64Array::from(each((v, filled), spans, of)?))
            }
        })
    }

    /// Whether every sum of integers fits the table's type.
    ///
    /// # Errors
    /// One does not.
    pub(super) fn fits(&self) -> Result<()> {
        match &self.places {
            Places::Integers(v) if v.iter().any(|sum| i64::try_from(*sum).is_err()) => {
                exec_err!("the sum of {} does not fit in BIGINT", self.name)
            }
            _ => Ok(()),
        }
    }
}

/// States as a table has them.
fn states(name: &str, all: &[Option<Vec<u8>>]) -> Result<ArrayRef> {
    let bytes: usize = all.iter().flatten().map(Vec::len).sum();
    if i32::try_from(bytes).is_err() {
        return exec_err!(
            "{name}: the values of one bucket's units take more than 2 GiB; set `buckets` to more"
        );
    }
    Ok(Arc::new(all.iter().map(Option::as_deref).collect::<BinaryArray>()))
}

/// Keeps the first or the last of what was so far and another.
fn keep(kept: &mut Option<UnitEdge>, which: Ordering, other: UnitEdge) {
    match kept {
        Some(kept) => kept.keep(which, other),
        None => *kept = Some(other),
    }
}

/// What `of` says of the places of each span; of a span whose places have come to nothing it is asked with none.
fn each<T, V>(
    (places, filled): (&[T], Option<&BooleanBuffer>),
    spans: &[Span],
    of: impl Fn(&[T]) -> Result<V>,
) -> Result<Vec<V>> {
    let mut all = Vec::with_capacity(spans.len());
    for span in spans {
        let mut range = span.range();
        let anything = filled.is_none_or(|filled| range.clone().any(|at| filled.value(at)));
        if !anything {
            range.end = range.start;
        }
        all.push(of(&places[range])?);
    }
    Ok(all)
}

/// The rows where a condition holds; where it is null it does not.
fn holds(condition: &BooleanArray) -> BooleanBuffer {
    match condition.nulls() {
        Some(valid) => condition.values() & valid.inner(),
        None => condition.values().clone(),
    }
}

/// The one that wins over all others.
fn extreme<T>(
    values: impl IntoIterator<Item = Option<T>>,
    wins: impl Fn(&T, &T) -> bool,
) -> Option<T> {
    values.into_iter().flatten().reduce(|best, x| if wins(&x, &best) { x } else { best })
}
