//! The events of a day, added up: for each unit and each interval of its day, each component.
//!
//! A unit's exposure times of the day, over all experiments, are its cuts: interval i of its day lies between cuts i
//! and i + 1, interval 0 before the first. What a row counts for depends on its unit and its interval alone, so one
//! pass serves every metric and every experiment. The cuts are looked up with the unit itself, so that there is no
//! join; and what a place holds is exact, so that parts of a day may be added up apart and joined, in any order.

mod index;
mod values;

use std::ops::Range;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::buffer::BooleanBuffer;
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use verdict_model::RowCounts;

pub(crate) use index::{Index, NOBODY, Names};
use values::Component;

use crate::bind::BoundComponent;

/// Places that lie next to each other: intervals of one unit. Empty: nothing was done.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Span {
    from: u32,
    to: u32,
}

impl Span {
    fn range(self) -> Range<usize> {
        self.from as usize..self.to as usize
    }
}

/// The instants that cut the days of units.
#[derive(Clone, Debug, Default)]
pub(crate) struct Cuts {
    /// By unit, of those that were exposed (which have the first numbers): where its instants lie.
    pub(crate) of_unit: Vec<(u32, u32)>,
    /// Those of a unit in order.
    pub(crate) instants: Vec<i64>,
}

impl Cuts {
    fn of(&self, unit: usize) -> &[i64] {
        let (from, to) = self.of_unit.get(unit).copied().unwrap_or_default();
        &self.instants[from as usize..to as usize]
    }
}

/// A day's events so far.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    index: Index,
    /// By unit: the place of its interval 0; the others follow.
    places: Vec<u32>,
    next: u32,
    cuts: Cuts,
    /// By unit: whether it has a row in any log of events.
    acted: Vec<bool>,
    components: Vec<Component>,
    /// The rows of the source at hand; read, but not all of them used.
    rows: RowCounts,
    /// For a batch: its units, and its places.
    units: Vec<u32>,
    of_rows: Vec<u32>,
}

/// The rows of one source that are used: those in the day, and those outside unless they are to be rejected.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Day {
    /// Microseconds since 1970 at which the day begins, and at which it ends.
    pub(crate) bounds: (i64, i64),
    pub(crate) reject_outside: bool,
}

impl Events {
    /// No events, of units that `index` knows already, with the cuts of each.
    pub(crate) fn new(index: Index, cuts: &Cuts) -> Events {
        let mut events = Events {
            index,
            places: Vec::new(),
            next: 0,
            cuts: cuts.clone(),
            acted: Vec::new(),
            components: Vec::new(),
            rows: RowCounts::default(),
            units: Vec::new(),
            of_rows: Vec::new(),
        };
        for (from, to) in &cuts.of_unit {
            events.places.push(events.next);
            events.next += 1 + to - from;
        }
        events.number_all();
        events
    }

    /// Adds components that have no rows yet.
    pub(crate) fn begin(&mut self, components: &[BoundComponent]) {
        self.components.extend(components.iter().map(Component::new));
        self.rows = RowCounts::default();
        self.number_all();
    }

    /// The same units and components, without a row.
    pub(crate) fn without_rows(&self) -> Events {
        let mut events = self.clone();
        events.components.iter_mut().for_each(Component::clear);
        events.acted.fill(false);
        events.rows = RowCounts::default();
        events
    }

    /// Gives every unit of the index a place, and every component room for it.
    fn number_all(&mut self) {
        while self.places.len() < self.index.len() {
            self.places.push(self.next);
            self.next += 1;
        }
        self.acted.resize(self.index.len(), false);
        let places = self.next as usize;
        self.components.iter_mut().for_each(|component| component.grow(places));
    }

    /// The bytes that units and what they did hold.
    pub(crate) fn bytes(&self) -> usize {
        let own = self.places.capacity() * size_of::<u32>() + self.acted.capacity();
        let components: usize = self.components.iter().map(Component::bytes).sum();
        own + self.index.bytes() + components
    }

    /// What became of the rows since the last [`Events::begin`].
    pub(crate) fn rows(&self) -> &RowCounts {
        &self.rows
    }

    /// Adds a batch of a source's scan: `unit`, `ts`, and the columns of the source's components.
    ///
    /// # Errors
    /// A value is NaN or infinite; the batch is not what the scan's query says.
    pub(crate) fn add(&mut self, batch: &RecordBatch, source: &str, day: Day) -> Result<()> {
        let column = |name: &str| {
            batch.column_by_name(name).ok_or_else(|| exec_datafusion_err!("no column {name}"))
        };
        self.units.clear();
        self.index.number(column("unit")?, &mut self.units)?;
        self.number_all();
        let usable = self.place(column("ts")?, day)?;
        let own = self.components.iter_mut().filter(|component| component.source() == source);
        for component in own {
            component.add(batch, &usable, &self.of_rows)?;
        }
        Ok(())
    }

    /// Finds the place of each row, and which rows are used.
    fn place(&mut self, ts: &ArrayRef, day: Day) -> Result<BooleanBuffer> {
        let ts = ts
            .as_primitive_opt::<TimestampMicrosecondType>()
            .ok_or_else(|| exec_datafusion_err!("ts is {}", ts.data_type()))?;
        let (from, to) = day.bounds;
        let (values, all_valid) = (ts.values(), ts.null_count() == 0);
        let mut outside = 0;
        let mut latest = i64::MIN;
        self.of_rows.clear();
        for (row, unit) in self.units.iter().map(|unit| *unit as usize).enumerate() {
            let (at, valid) = (values[row], all_valid || ts.is_valid(row));
            let cuts = if valid { self.cuts.of(unit) } else { &[] };
            let interval = cuts.iter().filter(|cut| **cut <= at).count() as u32;
            self.of_rows.push(self.places[unit] + interval);
            self.acted[unit] = true;
            let within = (from..to).contains(&at);
            outside += u64::from(valid && !within);
            if valid && within {
                latest = latest.max(at);
            }
        }
        self.rows.latest_us = self.rows.latest_us.max((latest > i64::MIN).then_some(latest));
        let nobody = self.units.iter().filter(|unit| **unit == NOBODY).count() as u64;
        self.rows.read += self.units.len() as u64;
        self.rows.without_unit += nobody;
        self.rows.outside_day += outside;
        if !all_valid {
            let timeless = self
                .units
                .iter()
                .enumerate()
                .filter(|(row, unit)| **unit != NOBODY && ts.is_null(*row));
            self.rows.without_time += timeless.count() as u64;
        }
        let usable = match ts.nulls() {
            Some(valid) => valid.inner().clone(),
            None => BooleanBuffer::new_set(values.len()),
        };
        if day.reject_outside && outside > 0 {
            let within =
                BooleanBuffer::collect_bool(values.len(), |row| (from..to).contains(&values[row]));
            return Ok(&usable & &within);
        }
        Ok(usable)
    }

    /// Adds another part of the day, with the same components; both began as copies of one.
    pub(crate) fn join(&mut self, other: &Events) {
        let units = self.index.join(&other.index);
        self.number_all();
        let mut places = vec![0; other.next as usize];
        for (theirs, own) in units.into_iter().enumerate() {
            let own = own as usize;
            self.acted[own] |= other.acted[theirs];
            for interval in 0..=self.cuts.of(own).len() {
                places[other.places[theirs] as usize + interval] =
                    self.places[own] + interval as u32;
            }
        }
        for (own, theirs) in self.components.iter_mut().zip(&other.components) {
            own.join(theirs, &places);
        }
        self.rows.add(&other.rows);
    }

    /// Whether every sum of integers fits the tables' type.
    ///
    /// # Errors
    /// One does not.
    pub(crate) fn fits(&self) -> Result<()> {
        self.components.iter().try_for_each(Component::fits)
    }

    pub(crate) fn names(&self) -> &Names {
        self.index.names()
    }

    pub(crate) fn is_odd(&self) -> bool {
        self.index.is_odd()
    }

    /// The units that have a row.
    pub(crate) fn acted(&self) -> impl Iterator<Item = u32> {
        let units = self.acted.iter().enumerate().skip(1);
        units.filter(|(_, acted)| **acted).map(|(unit, _)| unit as u32)
    }

    /// The unit's whole day.
    pub(crate) fn whole(&self, unit: u32) -> Span {
        let from = self.places[unit as usize];
        Span { from, to: from + 1 + self.cuts.of(unit as usize).len() as u32 }
    }

    /// The part of the unit's day at and after `cut`, which is one of its cuts.
    pub(crate) fn after(&self, unit: u32, cut: i64) -> Span {
        let whole = self.whole(unit);
        let cuts = self.cuts.of(unit as usize);
        Span { from: whole.from + 1 + cuts.partition_point(|at| *at < cut) as u32, ..whole }
    }

    /// Says that all rows are added, before the first [`Events::over`]: that is faster then.
    pub(crate) fn seal(&mut self) {
        self.components.iter_mut().for_each(Component::seal);
    }

    /// Each component over each span: its name, and its column.
    ///
    /// # Errors
    /// A sum does not fit the table's type.
    pub(crate) fn over(&self, spans: &[Span]) -> Result<Vec<(String, ArrayRef)>> {
        self.components.iter().map(|c| Ok((c.name().to_owned(), c.over(spans)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use datafusion::arrow::array::{
        BooleanArray, Float64Array, Int64Array, StringArray, TimestampMicrosecondArray,
    };
    use datafusion::arrow::datatypes::{Float64Type, Int64Type};
    use verdict_model::Aggregate;

    use super::*;
    use crate::bind::Number;
    use crate::component::ComponentDef;

    const DAY: Day = Day { bounds: (0, 100), reject_outside: true };

    fn component(name: &str, aggregate: Aggregate, number: Number) -> BoundComponent {
        let def = ComponentDef {
            column: name.to_owned(),
            source: "log".to_owned(),
            aggregate,
            value: None,
            filter: None,
        };
        let value = (aggregate != Aggregate::Any).then(|| "x".to_owned());
        BoundComponent { def, value, filter: Some("f".to_owned()), number }
    }

    fn components() -> Vec<BoundComponent> {
        vec![
            component("any", Aggregate::Any, Number::Boolean),
            component("count", Aggregate::Count, Number::Integer),
            component("least", Aggregate::Min, Number::Integer),
            component("most", Aggregate::Max, Number::Float),
            component("sum", Aggregate::Sum, Number::Float),
            component("whole", Aggregate::Sum, Number::Integer),
        ]
    }

    #[derive(Clone, Copy, Debug)]
    struct Row {
        unit: Option<u8>,
        ts: Option<i64>,
        x: Option<i64>,
        passes: Option<bool>,
    }

    /// splitmix64.
    fn rows(seed: u64, n: usize) -> Vec<Row> {
        let mut state = seed;
        let mut next = move |below: u64| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let z = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            ((z ^ (z >> 27)) >> 11) % below
        };
        let mut row = || Row {
            unit: (next(9) > 0).then(|| next(7) as u8),
            ts: (next(9) > 0).then(|| next(130) as i64 - 15),
            x: (next(5) > 0).then(|| next(2000) as i64 - 1000),
            passes: (next(9) > 0).then(|| next(4) > 0),
        };
        (0..n).map(|_| row()).collect()
    }

    /// Unit 3 has a long name, unit 4 one that ends in a zero byte.
    fn name(unit: u8) -> String {
        match unit {
            3 => "unit three, whose name is long".to_owned(),
            4 => "u\u{0}".to_owned(),
            5 => "u".to_owned(),
            _ => format!("u{unit}"),
        }
    }

    fn batch(rows: &[Row]) -> RecordBatch {
        let names: Vec<Option<String>> = rows.iter().map(|r| r.unit.map(name)).collect();
        let ts: TimestampMicrosecondArray = rows.iter().map(|r| r.ts).collect();
        let integers: Int64Array = rows.iter().map(|r| r.x).collect();
        let doubles: Float64Array = rows.iter().map(|r| r.x.map(|x| x as f64 / 10.0)).collect();
        let there: BooleanArray = rows.iter().map(|r| Some(r.x.is_some())).collect();
        let passes: BooleanArray = rows.iter().map(|r| r.passes).collect();
        let mut columns: Vec<(String, ArrayRef)> = vec![
            ("unit".into(), Arc::new(StringArray::from(names))),
            ("ts".into(), Arc::new(ts.with_timezone("UTC"))),
        ];
        for component in components() {
            let value: ArrayRef = match (component.def.aggregate, component.number) {
                (Aggregate::Count, _) => Arc::new(there.clone()),
                (_, Number::Float) => Arc::new(doubles.clone()),
                _ => Arc::new(integers.clone()),
            };
            columns.push((component.value_column(), value));
            columns.push((component.filter_column(), Arc::new(passes.clone())));
        }
        RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, c)| (n, c, true)))
            .unwrap()
    }

    /// Units 1 and 3 are exposed, at 30, and at 10 and 50; unit 6 is, and has no row of its own perhaps.
    fn begun() -> Events {
        let mut index = Index::new(false);
        let exposed: ArrayRef = Arc::new(StringArray::from(vec![name(1), name(3), name(6)]));
        index.number(&exposed, &mut Vec::new()).unwrap();
        let cuts =
            Cuts { of_unit: vec![(0, 0), (0, 1), (1, 3), (3, 4)], instants: vec![30, 10, 50, 70] };
        let mut events = Events::new(index, &cuts);
        events.begin(&components());
        events
    }

    /// By the unit's name: each component over the whole day and from the last cut on.
    fn told(events: &Events) -> BTreeMap<Vec<u8>, Vec<String>> {
        let mut all = BTreeMap::new();
        for unit in events.acted() {
            let mut spans = vec![events.whole(unit)];
            spans.extend(events.cuts.of(unit as usize).last().map(|cut| events.after(unit, *cut)));
            let columns = events.over(&spans).unwrap();
            let texts = columns.iter().map(|(name, column)| format!("{name} {column:?}"));
            all.insert(events.names().text(unit).to_vec(), texts.collect());
        }
        all
    }

    #[test]
    fn parts_of_a_day_joined_are_the_day() {
        for seed in 0..40 {
            let rows = rows(seed, 300);
            let mut whole = begun();
            whole.add(&batch(&rows), "log", DAY).unwrap();
            let mut sealed = whole.clone();
            sealed.seal();
            assert_eq!(told(&sealed), told(&whole), "seed {seed}");
            for (parts, size) in [(1, 7), (2, 50), (3, 1)] {
                let mut of_parts: Vec<Events> =
                    (0..parts).map(|_| begun().without_rows()).collect();
                for (at, rows) in rows.chunks(size).enumerate() {
                    // Backwards in the second part: units are met in another order.
                    let mut rows = rows.to_vec();
                    if at % parts == 1 {
                        rows.reverse();
                    }
                    of_parts[at % parts].add(&batch(&rows), "log", DAY).unwrap();
                }
                let mut all = of_parts.remove(0);
                of_parts.iter().for_each(|part| all.join(part));
                assert_eq!(told(&all), told(&whole), "seed {seed}, {parts} parts");
                assert_eq!(all.rows(), whole.rows());
            }
        }
    }

    /// What a unit did, by looking at every row.
    #[test]
    fn a_day_is_what_its_rows_say() {
        let rows = rows(7, 2000);
        let mut events = begun();
        events.add(&batch(&rows), "log", DAY).unwrap();
        let used = |from: i64, unit: u8| {
            rows.iter().filter(move |r| {
                r.unit == Some(unit)
                    && r.ts.is_some_and(|ts| (from.max(0)..100).contains(&ts))
                    && r.passes == Some(true)
            })
        };
        for (number, unit, from) in [(1, 1, 30), (2, 3, 50), (3, 6, 70), (2, 3, 10)] {
            let spans = [events.whole(number), events.after(number, from)];
            let columns: BTreeMap<String, ArrayRef> =
                events.over(&spans).unwrap().into_iter().collect();
            for (at, from) in [i64::MIN, from].into_iter().enumerate() {
                let x = || used(from, unit).filter_map(|r| r.x);
                let integer =
                    |name: &str| columns[name].as_primitive::<Int64Type>().iter().nth(at).unwrap();
                let double = |name: &str| {
                    columns[name].as_primitive::<Float64Type>().iter().nth(at).unwrap()
                };
                let any = columns["any"].as_boolean().value(at);
                assert_eq!(any, used(from, unit).count() > 0);
                assert_eq!(integer("count"), Some(x().count() as i64));
                assert_eq!(integer("least"), x().min());
                assert_eq!(integer("whole"), Some(x().sum()));
                assert_eq!(double("most"), x().max().map(|x| x as f64 / 10.0));
                // Each tenth is rounded on its own: their exact sum is within an ulp or so of the rounded tenth of it.
                let sum = x().sum::<i64>() as f64 / 10.0;
                assert!((double("sum").unwrap() - sum).abs() < 1e-9, "{sum}");
            }
        }
        let outside = |r: &&Row| r.ts.is_some_and(|ts| !(0..100).contains(&ts));
        let counts = events.rows();
        assert_eq!(counts.read, 2000);
        assert_eq!(counts.outside_day, rows.iter().filter(outside).count() as u64);
        assert_eq!(counts.without_unit, rows.iter().filter(|r| r.unit.is_none()).count() as u64);
        let timeless = rows.iter().filter(|r| r.unit.is_some() && r.ts.is_none());
        assert_eq!(counts.without_time, timeless.count() as u64);
    }
}
