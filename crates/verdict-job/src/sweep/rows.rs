//! What a sweep of one bucket gives: changes of the groups, totals to keep, and a few units to name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{
    ArrayBuilder, ArrayRef, BinaryBuilder, BooleanBuilder, Date32Builder, Int64Builder,
    RecordBatch, StringBuilder, TimestampMicrosecondBuilder,
};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::error::Result;
use verdict_model::DataCounts;

use super::total::{Total, Value};
use super::totals_builder::TotalsBuilder;
use super::{Column, Sweep};
use crate::day::component_field;
use crate::render::before_column;

/// A group of units of an experiment: its variant, and the values of its segment dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The task's place in [`Sweep::tasks`].
    pub(crate) task: usize,
    pub(crate) variant: String,
    pub(crate) segments: Vec<Option<String>>,
}

/// A unit, as it is sorted and as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    Number(i64),
    Text(String),
}

/// What a sweep finds beside its changes, over all buckets.
#[derive(Debug)]
pub(crate) struct Found {
    groups: Mutex<Groups>,
    /// By task and look: the smallest of the units that were found in several variants since the look before.
    several: Mutex<Vec<Vec<Vec<Named>>>>,
}

#[derive(Debug, Default)]
struct Groups {
    by_name: HashMap<Vec<u8>, i64>,
    all: Vec<Arc<Group>>,
}

impl Found {
    pub(crate) fn new(sweep: &Sweep) -> Found {
        let several = sweep.tasks.iter().map(|task| vec![Vec::new(); task.looks.len()]).collect();
        Found { groups: Mutex::default(), several: Mutex::new(several) }
    }

    /// The group of a cell, and which of the group's cells it is: a look, or a look after all looks for what leaves.
    pub(crate) fn cell(&self, cell: i64, stride: i64) -> Option<(Arc<Group>, usize)> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.all.get(usize::try_from(cell / stride).ok()?)?;
        Some((Arc::clone(group), usize::try_from(cell % stride).ok()?))
    }

    /// The smallest units in several variants as of a look.
    pub(crate) fn several_variants(&self, task: usize, look: usize) -> Vec<String> {
        let several = self.several.lock().unwrap_or_else(PoisonError::into_inner);
        let mut units: Vec<&Named> = several[task][..=look].iter().flatten().collect();
        units.sort_unstable();
        units.truncate(DataCounts::EXAMPLES);
        units
            .into_iter()
            .map(|unit| match unit {
                Named::Number(number) => number.to_string(),
                Named::Text(text) => text.clone(),
            })
            .collect()
    }

    /// Takes in what a bucket found.
    pub(super) fn add_several(&self, of_bucket: Vec<Vec<Vec<Named>>>) {
        let mut several = self.several.lock().unwrap_or_else(PoisonError::into_inner);
        for (all, own) in several.iter_mut().flatten().zip(of_bucket.into_iter().flatten()) {
            all.extend(own);
            all.sort_unstable();
            all.truncate(DataCounts::EXAMPLES);
        }
    }

    fn number(&self, name: &[u8], group: impl FnOnce() -> Group) -> (i64, Arc<Group>) {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = groups.by_name.get(name) {
            let number = *number;
            return (number, Arc::clone(&groups.all[number as usize]));
        }
        let number = groups.all.len() as i64;
        let group = Arc::new(group());
        groups.all.push(Arc::clone(&group));
        groups.by_name.insert(name.to_owned(), number);
        (number, group)
    }
}

/// The groups that a bucket has met: a lookup without a lock.
#[derive(Debug, Default)]
pub(super) struct Known {
    name: Vec<u8>,
    groups: HashMap<Vec<u8>, (i64, Arc<Group>)>,
}

impl Known {
    pub(super) fn group<'a>(
        &mut self,
        found: &Found,
        task: usize,
        variant: &'a str,
        segments: impl Iterator<Item = Option<&'a str>> + Clone,
    ) -> (i64, Arc<Group>) {
        self.name.clear();
        self.name.extend((task as u64).to_le_bytes());
        for part in std::iter::once(Some(variant)).chain(segments.clone()) {
            // The length keeps (ab, c) and (a, bc) apart, and no length is a null's.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            self.name.extend(length.to_le_bytes());
            self.name.extend(part.unwrap_or_default().as_bytes());
        }
        if let Some((number, group)) = self.groups.get(&self.name) {
            return (*number, Arc::clone(group));
        }
        let of_all = found.number(&self.name, || Group {
            task,
            variant: variant.to_owned(),
            segments: segments.map(|s| s.map(str::to_owned)).collect(),
        });
        self.groups.insert(self.name.clone(), of_all.clone());
        of_all
    }
}

/// The schema of `unit_changes`.
pub(super) fn changes_schema(sweep: &Sweep) -> SchemaRef {
    let mut fields = vec![
        Field::new("cell", DataType::Int64, false),
        Field::new("weight", DataType::Int64, false),
        Field::new("several_variants", DataType::Boolean, false),
        Field::new("counted", DataType::Boolean, false),
    ];
    fields.extend(sweep.columns.iter().map(|c| component_field(&c.name, c.total())));
    fields.extend(sweep.compared().into_iter().map(|c| {
        let column = &sweep.columns[c];
        component_field(&before_column(&column.name), column.total())
    }));
    Arc::new(Schema::new(fields))
}

/// Rows of `unit_changes`: a total that leaves its group (weight −1) or joins it (+1).
#[derive(Debug)]
pub(super) struct Changes {
    schema: SchemaRef,
    cell: Int64Builder,
    weight: Int64Builder,
    several_variants: BooleanBuilder,
    counted: BooleanBuilder,
    totals: Vec<TotalsBuilder>,
    /// Components the day before, with their places among all.
    before: Vec<(usize, TotalsBuilder)>,
}

/// A unit's standing in its group.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Standing {
    pub(super) several_variants: bool,
    pub(super) counted: bool,
    /// By the place in the task's columns.
    pub(super) values: Vec<Value>,
}

impl Changes {
    pub(super) fn new(schema: SchemaRef, sweep: &Sweep) -> Changes {
        let builder = |c: usize| TotalsBuilder::new(sweep.columns[c].total());
        Changes {
            schema,
            cell: Int64Builder::new(),
            weight: Int64Builder::new(),
            several_variants: BooleanBuilder::new(),
            counted: BooleanBuilder::new(),
            totals: (0..sweep.columns.len()).map(builder).collect(),
            before: sweep.compared().into_iter().map(|c| (c, builder(c))).collect(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.cell.len()
    }

    /// Adds a row; `columns` are those of the task. With `before`, what the components were, of a unit that counts at
    /// both looks.
    pub(super) fn push(
        &mut self,
        cell: i64,
        weight: i64,
        standing: &Standing,
        before: Option<&Standing>,
        columns: &[usize],
    ) -> Result<()> {
        self.cell.append_value(cell);
        self.weight.append_value(weight);
        self.several_variants.append_value(standing.several_variants);
        self.counted.append_value(standing.counted);
        let mut own = columns.iter().zip(&standing.values).peekable();
        for (index, totals) in self.totals.iter_mut().enumerate() {
            let value = own.next_if(|(column, _)| **column == index).map(|(_, value)| *value);
            totals.push(value.unwrap_or(Value::Null))?;
        }
        let values = before.map_or(&[][..], |before| &before.values);
        let mut own = columns.iter().zip(values).peekable();
        for (index, totals) in &mut self.before {
            while own.next_if(|(column, _)| **column < *index).is_some() {}
            let value = own.next_if(|(column, _)| **column == *index).map(|(_, value)| *value);
            totals.push(value.unwrap_or(Value::Null))?;
        }
        Ok(())
    }

    pub(super) fn finish(&mut self) -> Result<RecordBatch> {
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(self.cell.finish()),
            Arc::new(self.weight.finish()),
            Arc::new(self.several_variants.finish()),
            Arc::new(self.counted.finish()),
        ];
        columns.extend(self.totals.iter_mut().map(TotalsBuilder::finish));
        columns.extend(self.before.iter_mut().map(|(_, totals)| totals.finish()));
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// Rows of a task's `unit_total`.
#[derive(Debug)]
pub(super) struct Kept {
    schema: SchemaRef,
    texts: StringBuilder,
    numbers: Int64Builder,
    first_exposed: TimestampMicrosecondBuilder,
    exposure_ds: Date32Builder,
    variant: StringBuilder,
    several_variants: BooleanBuilder,
    counted: BooleanBuilder,
    segments: Vec<StringBuilder>,
    totals: Vec<(TotalsBuilder, Option<BinaryBuilder>)>,
}

/// What does not change about a unit after its first exposure.
#[derive(Clone, Debug)]
pub(super) struct Exposed {
    pub(super) first_exposed: i64,
    /// Days since 1970.
    pub(super) exposure_ds: i32,
    pub(super) group_number: i64,
    pub(super) group: Arc<Group>,
}

impl Kept {
    pub(super) fn new(sweep: &Sweep, task: usize) -> Kept {
        let task = &sweep.tasks[task];
        let column = |c: &usize| {
            let column = &sweep.columns[*c];
            (TotalsBuilder::new(column.total()), column.rest().map(|_| BinaryBuilder::new()))
        };
        Kept {
            schema: task.totals_schema(sweep),
            texts: StringBuilder::new(),
            numbers: Int64Builder::new(),
            first_exposed: TimestampMicrosecondBuilder::new().with_timezone("UTC"),
            exposure_ds: Date32Builder::new(),
            variant: StringBuilder::new(),
            several_variants: BooleanBuilder::new(),
            counted: BooleanBuilder::new(),
            segments: task.segments.iter().map(|_| StringBuilder::new()).collect(),
            totals: task.columns.iter().map(column).collect(),
        }
    }

    pub(super) fn push(
        &mut self,
        unit: &Named,
        exposed: &Exposed,
        standing: &Standing,
        totals: &[Total],
        columns: &[&Column],
    ) -> Result<()> {
        match unit {
            Named::Text(text) => self.texts.append_value(text),
            Named::Number(number) => self.numbers.append_value(*number),
        }
        self.first_exposed.append_value(exposed.first_exposed);
        self.exposure_ds.append_value(exposed.exposure_ds);
        self.variant.append_value(&exposed.group.variant);
        self.several_variants.append_value(standing.several_variants);
        self.counted.append_value(standing.counted);
        for (builder, value) in self.segments.iter_mut().zip(&exposed.group.segments) {
            builder.append_option(value.as_deref());
        }
        let values = standing.values.iter().zip(totals).zip(columns);
        for ((builder, rest), ((value, total), column)) in self.totals.iter_mut().zip(values) {
            builder.push(*value)?;
            if let Some(builder) = rest {
                let rest = total.rest(column)?;
                builder.append_option((!rest.is_empty()).then_some(rest));
            }
        }
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<RecordBatch> {
        let units: ArrayRef = match self.schema.field(0).data_type() {
            DataType::Int64 => Arc::new(self.numbers.finish()),
            _ => Arc::new(self.texts.finish()),
        };
        let mut columns: Vec<ArrayRef> = vec![
            units,
            Arc::new(self.first_exposed.finish()),
            Arc::new(self.exposure_ds.finish()),
            Arc::new(self.variant.finish()),
            Arc::new(self.several_variants.finish()),
            Arc::new(self.counted.finish()),
        ];
        columns.extend(self.segments.iter_mut().map(|b| Arc::new(b.finish()) as ArrayRef));
        for (totals, rest) in &mut self.totals {
            columns.push(totals.finish());
            columns.extend(rest.as_mut().map(|b| Arc::new(b.finish()) as ArrayRef));
        }
        Ok(RecordBatch::try_new(self.schema, columns)?)
    }
}
