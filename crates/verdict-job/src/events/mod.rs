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

/// A day's events so far.
#[derive(Clone, Debug)]
pub(crate) struct Events {
    index: Index,
    /// By unit: the place of its interval 0; the others follow.
    places: Vec<u32>,
    next: u32,
    /// By unit, of those that were exposed (which have the first numbers): where its cuts lie.
    cuts_of: Vec<(u32, u32)>,
    cuts: Vec<i64>,
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
    /// No events, of units that `index` knows already, with the cuts of each by its number.
    pub(crate) fn new(index: Index, cuts: &[Vec<i64>]) -> Events {
        let mut events = Events {
            index,
            places: Vec::new(),
            next: 0,
            cuts_of: Vec::new(),
            cuts: Vec::new(),
            acted: Vec::new(),
            components: Vec::new(),
            rows: RowCounts::default(),
            units: Vec::new(),
            of_rows: Vec::new(),
        };
        for cuts in cuts {
            let from = events.cuts.len() as u32;
            events.cuts.extend(cuts);
            events.cuts_of.push((from, events.cuts.len() as u32));
            events.places.push(events.next);
            events.next += 1 + cuts.len() as u32;
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
        self.of_rows.clear();
        for (row, unit) in self.units.iter().map(|unit| *unit as usize).enumerate() {
            let (at, valid) = (values[row], all_valid || ts.is_valid(row));
            let interval = match self.cuts_of.get(unit) {
                Some(&(from, to)) if valid => {
                    let cuts = &self.cuts[from as usize..to as usize];
                    cuts.iter().filter(|cut| **cut <= at).count() as u32
                }
                _ => 0,
            };
            self.of_rows.push(self.places[unit] + interval);
            self.acted[unit] = true;
            outside += u64::from(valid && !(from..to).contains(&at));
        }
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
            let intervals = self.cuts_of.get(own).map_or(1, |(from, to)| (1 + to - from) as usize);
            for interval in 0..intervals {
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
        let cuts = self.cuts_of.get(unit as usize).map_or(0, |(from, to)| to - from);
        Span { from, to: from + 1 + cuts }
    }

    /// The part of the unit's day at and after `cut`, which is one of its cuts.
    pub(crate) fn after(&self, unit: u32, cut: i64) -> Span {
        let whole = self.whole(unit);
        let (from, to) = self.cuts_of[unit as usize];
        let cuts = &self.cuts[from as usize..to as usize];
        Span { from: whole.from + 1 + cuts.partition_point(|at| *at < cut) as u32, ..whole }
    }

    /// Each component over each span: its name, and its column.
    ///
    /// # Errors
    /// A sum does not fit the table's type.
    pub(crate) fn over(&self, spans: &[Span]) -> Result<Vec<(String, ArrayRef)>> {
        self.components.iter().map(|c| Ok((c.name().to_owned(), c.over(spans)?))).collect()
    }
}
