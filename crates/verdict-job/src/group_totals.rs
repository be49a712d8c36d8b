//! From the changes of groups to their totals: states added up over the looks.
//!
//! A sweep gives, for each cell (a look and a group), what joined and what left since the look before, as an exact
//! state of moments. The group as of a look is the sum of its states up to there.
//!
//! Of what is watched it is also told what a day shares with the day before. With x what a unit has now and x′ what
//! it had, the units that count at both are those that stayed as they were, of which x = x′, and those that changed: a
//! cell has the moments of (x, x′) over them. So
//!
//! Σ x x′ = (what there was − what left − what changed, as it was), squared, + Σ x x′ over what changed,
//!
//! and likewise every other sum; all of these are exact, so that neither order nor cancellation shows. (Differences x − x′
//! would do with fewer columns, by polarisation, but a difference of doubles is rounded.)

mod running;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, BinaryBuilder, Date32Builder, Float64Array, RecordBatch, StringBuilder,
    UInt32Array,
};
use datafusion::arrow::compute::{cast, take_record_batch};
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type};
use verdict_accum::AccumError;
use verdict_model::rows::{NONE, OTHER};
use verdict_model::{self as model, Experiment, NaiveDate};

use crate::error::AtStage;
use crate::render::{
    Held, MomentsSql, PairSql, SEVERAL_VARIANTS, lower_cap_column, upper_cap_column,
};
use crate::sweep::{Found, Limits, Sweep};
use crate::{Error, Result};
pub(crate) use running::{Running, merged};

/// A group's states: by variant and segment values, by cell (a look, or past all looks what left at one), one for each
/// of the moments.
pub(crate) type Cells = BTreeMap<(String, Vec<Option<String>>), BTreeMap<usize, Vec<Vec<u8>>>>;

/// The states of the rows of `group_changes`, by task.
pub(crate) fn by_task(
    sweep: &Sweep,
    found: &Found,
    distinct: &[MomentsSql],
    pairs: &[PairSql],
    changes: &[RecordBatch],
) -> Result<BTreeMap<usize, Cells>> {
    let stage = || "group_changes".to_owned();
    let mut tasks: BTreeMap<usize, Cells> = BTreeMap::new();
    for batch in changes {
        let column = |name: &str, ty: &DataType| {
            let column = batch.column_by_name(name);
            let column = column.ok_or_else(|| Error::Internal(format!("no column {name}")))?;
            cast(column, ty).at(stage)
        };
        let cells = column("cell", &DataType::Int64)?;
        let names = std::iter::once(SEVERAL_VARIANTS).chain(distinct.iter().map(|m| &*m.name));
        let names = names.chain(pairs.iter().map(|pair| &*pair.moments.name));
        let states: Vec<ArrayRef> =
            names.map(|name| column(name, &DataType::Binary)).collect::<Result<_>>()?;
        for (row, cell) in cells.as_primitive::<Int64Type>().values().iter().enumerate() {
            let (group, at) = found
                .cell(*cell, sweep.stride())
                .ok_or_else(|| Error::Internal(format!("there is no cell {cell}")))?;
            let states = states.iter().map(|s| s.as_binary::<i32>().value(row).to_vec()).collect();
            tasks
                .entry(group.task)
                .or_default()
                .entry((group.variant.clone(), group.segments.clone()))
                .or_default()
                .insert(at, states);
        }
    }
    Ok(tasks)
}

/// What groups are told apart by: dimensions of the task's groups, crosses of them, and how many values of each.
#[derive(Clone, Debug)]
pub(crate) struct Segments {
    /// The name of each, and its dimensions by their place in [`Task::segments`].
    names: Vec<(String, Vec<usize>)>,
    /// How many values are told apart.
    values: usize,
    /// The dimension whose values are clusters, likewise: all of them are told apart.
    cluster: Option<(String, usize)>,
}

impl Segments {
    pub(crate) fn of(experiment: &Experiment) -> Segments {
        let dimensions = experiment.dimensions();
        let place = |part: &str| dimensions.iter().position(|dimension| *dimension == part);
        let names = experiment.segments.iter().map(|segment| {
            (segment.value.clone(), model::parts(&segment.value).filter_map(place).collect())
        });
        let cluster = experiment.design.cluster.as_ref();
        Segments {
            names: names.collect(),
            values: experiment.segment_values as usize,
            cluster: cluster.and_then(|c| Some((c.value.clone(), place(&c.value)?))),
        }
    }

    /// The name of each.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().map(|(name, _)| name.as_str())
    }

    /// A group's value of one of them: those of a cross are joined by `*`, and have `\\*` for an asterisk of their own.
    fn value(&self, at: usize, values: &[Option<String>]) -> String {
        let of = |place: &usize| values.get(*place).and_then(|v| v.as_deref()).unwrap_or(NONE);
        match &self.names[at].1[..] {
            [one] => of(one).to_owned(),
            several => {
                let parts = several.iter().map(|place| of(place).replace('*', "\\*"));
                parts.collect::<Vec<_>>().join("*")
            }
        }
    }

    /// The values of the groups of one look, by segment: those beyond the ones with the most exposed units (of equals the
    /// first in order) are [`OTHER`]. It is decided by that look's units alone, so that no order of runs shows.
    pub(crate) fn told_apart(&self, groups: &[(&[Option<String>], i128)]) -> Vec<Vec<String>> {
        let of_segment = |at: usize| {
            let mut values: Vec<String> =
                groups.iter().map(|(values, _)| self.value(at, values)).collect();
            let mut units: BTreeMap<&str, i128> = BTreeMap::new();
            for (value, (_, n)) in values.iter().zip(groups) {
                *units.entry(value).or_default() += n;
            }
            if units.len() <= self.values {
                return values;
            }
            let mut by_units: Vec<(&str, i128)> = units.into_iter().collect();
            by_units.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
            let kept = by_units.iter().take(self.values).map(|(value, _)| (*value).to_owned());
            let kept: BTreeSet<String> = kept.collect();
            for value in values.iter_mut().filter(|value| !kept.contains(*value)) {
                OTHER.clone_into(value);
            }
            values
        };
        (0..self.names.len()).map(of_segment).collect()
    }
}

/// A group at a look.
struct Line {
    variant: String,
    values: Vec<Option<String>>,
    exposed: i128,
    states: Vec<Vec<u8>>,
    of_pairs: Vec<Option<Vec<u8>>>,
}

/// The table `group_totals` of a task: each group at each look that is made, from its first one on.
///
/// `distinct` are the moments of the states, followed by the `pairs` of the same where any task is watched.
pub(crate) fn rows(
    sweep: &Sweep,
    number: usize,
    told_apart: &Segments,
    distinct: &[MomentsSql],
    pairs: &[PairSql],
    cells: Cells,
) -> Result<RecordBatch> {
    let task = &sweep.tasks[number];
    let mut by_look: BTreeMap<usize, Vec<Line>> = BTreeMap::new();
    let variables: Vec<Held> =
        std::iter::once(Held::Moments(1)).chain(distinct.iter().map(MomentsSql::held)).collect();
    let pairs = if task.watched { pairs } else { &[] };
    let wrong = |e: AccumError| Error::Internal(format!("a state: {e}"));
    for ((variant, values), mut changes) in cells {
        let mut totals: Option<Vec<Running>> = None;
        for (at, look) in task.looks.iter().enumerate() {
            let change = changes.remove(&at);
            let left = changes.remove(&(task.looks.len() + at));
            let made = task.made.contains(look);
            // The first day has none before it, and what is not made is not compared.
            let mut shared: Vec<Option<Vec<u8>>> = vec![None; pairs.len()];
            if at > 0 && made {
                for (i, (shared, pair)) in shared.iter_mut().zip(pairs).enumerate() {
                    let own = 1 + pair.of;
                    let nothing = Running::new(variables[own]);
                    let before = totals.as_ref().map_or(&nothing, |totals| &totals[own]);
                    let left = left.as_ref().map(|states| states[own].as_slice());
                    let changed = change.as_ref().map(|c| c[1 + distinct.len() + i].as_slice());
                    let own_totals = distinct[pair.of].totals();
                    *shared = Some(before.shared(own_totals, left, changed).map_err(wrong)?);
                }
            }
            for change in change.into_iter().chain(left) {
                let totals = totals
                    .get_or_insert_with(|| variables.iter().map(|k| Running::new(*k)).collect());
                for (total, state) in totals.iter_mut().zip(change) {
                    total.merge(&state).map_err(wrong)?;
                }
            }
            let (Some(totals), true) = (&totals, made) else { continue };
            by_look.entry(at).or_default().push(Line {
                variant: variant.clone(),
                values: values.clone(),
                exposed: totals.first().map_or(0, Running::n),
                states: totals.iter().map(Running::to_bytes).collect(),
                of_pairs: shared,
            });
        }
    }
    let mut ds = Date32Builder::new();
    let mut look_of: Vec<usize> = Vec::new();
    let mut variants = StringBuilder::new();
    let mut clusters = StringBuilder::new();
    let mut segments: Vec<StringBuilder> =
        told_apart.names.iter().map(|_| StringBuilder::new()).collect();
    let mut states: Vec<BinaryBuilder> = variables.iter().map(|_| BinaryBuilder::new()).collect();
    let mut of_pairs: Vec<BinaryBuilder> = pairs.iter().map(|_| BinaryBuilder::new()).collect();
    for (at, lines) in by_look {
        let look = task.looks[at];
        let groups: Vec<(&[Option<String>], i128)> =
            lines.iter().map(|line| (line.values.as_slice(), line.exposed)).collect();
        for (builder, values) in segments.iter_mut().zip(told_apart.told_apart(&groups)) {
            values.iter().for_each(|value| builder.append_value(value));
        }
        for line in &lines {
            if let Some((_, place)) = &told_apart.cluster {
                let value = line.values.get(*place).and_then(Option::as_deref);
                clusters.append_value(value.unwrap_or(NONE));
            }
        }
        for line in lines {
            ds.append_value(Date32Type::from_naive_date(look));
            look_of.push(at);
            variants.append_value(&line.variant);
            for (builder, state) in states.iter_mut().zip(line.states) {
                builder.append_value(state);
            }
            for (builder, state) in of_pairs.iter_mut().zip(line.of_pairs) {
                builder.append_option(state);
            }
        }
    }
    let mut columns: Vec<(String, ArrayRef)> =
        vec![("ds".into(), Arc::new(ds.finish())), ("variant".into(), Arc::new(variants.finish()))];
    if let Some((name, _)) = &told_apart.cluster {
        columns.push((format!("cluster_{name}"), Arc::new(clusters.finish())));
    }
    for ((name, _), mut builder) in told_apart.names.iter().zip(segments) {
        columns.push((format!("segment_{name}"), Arc::new(builder.finish())));
    }
    let names = std::iter::once(SEVERAL_VARIANTS).chain(distinct.iter().map(|m| &*m.name));
    let names = names.chain(pairs.iter().map(|pair| &*pair.moments.name));
    for (name, mut builder) in names.zip(states.into_iter().chain(of_pairs)) {
        columns.push((name.to_owned(), Arc::new(builder.finish())));
    }
    let limits = sweep.limits.get(number).into_iter().flatten();
    for (capped, limits) in task.capped.iter().zip(limits) {
        let name = &sweep.capped[*capped].name;
        let column = |of: &dyn Fn(Limits) -> f64| -> ArrayRef {
            let finite = |at: &usize| Some(of(limits[*at])).filter(|limit| limit.is_finite());
            Arc::new(look_of.iter().map(finite).collect::<Float64Array>())
        };
        columns.push((lower_cap_column(name), column(&|limits| limits.lower)));
        columns.push((upper_cap_column(name), column(&|limits| limits.upper)));
    }
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).at(|| "group_totals".into())
}

/// The states of the moments in a column of `group_totals`, over all groups of each date and variant.
///
/// # Errors
/// There is no such column; a state is damaged.
pub(crate) fn whole(
    totals: &RecordBatch,
    state: &str,
    variables: usize,
) -> Result<BTreeMap<(NaiveDate, String), Running>> {
    let column = |name: &str| {
        let column = totals.column_by_name(name);
        column.ok_or_else(|| Error::Internal(format!("group_totals has no column {name}")))
    };
    let (ds, variants) = (column("ds")?, column("variant")?.as_string::<i32>());
    let (ds, states) = (ds.as_primitive::<Date32Type>(), column(state)?.as_binary::<i32>());
    let mut whole = BTreeMap::new();
    for row in 0..totals.num_rows() {
        let day = Date32Type::to_naive_date_opt(ds.value(row));
        let day = day.ok_or_else(|| Error::Internal("group_totals has no date".into()))?;
        let key = (day, variants.value(row).to_owned());
        let running = whole.entry(key).or_insert_with(|| Running::new(Held::Moments(variables)));
        let merged = running.merge(states.value(row));
        merged.map_err(|e| Error::Internal(format!("a state: {e}")))?;
    }
    Ok(whole)
}

/// The rows of `group_stats`, by experiment and look.
pub(crate) fn by_experiment(
    rows: &RecordBatch,
) -> Result<BTreeMap<String, BTreeMap<NaiveDate, RecordBatch>>> {
    let mut experiments: BTreeMap<String, BTreeMap<NaiveDate, RecordBatch>> = BTreeMap::new();
    let column = |name: &str, ty: &DataType| {
        let column = rows.column_by_name(name);
        let column =
            column.ok_or_else(|| Error::Internal(format!("group_stats has no column `{name}`")))?;
        cast(column, ty).at(|| "group_stats by experiment".to_owned())
    };
    let (names, ds) = (column("experiment", &DataType::Utf8)?, column("ds", &DataType::Date32)?);
    let (names, ds) = (names.as_string::<i32>(), ds.as_primitive::<Date32Type>());
    let mut places: BTreeMap<(&str, i32), Vec<u32>> = BTreeMap::new();
    for (row, look) in (0_u32..).zip(ds.values()) {
        places.entry((names.value(row as usize), *look)).or_default().push(row);
    }
    for ((name, look), own) in places {
        let look = Date32Type::to_naive_date_opt(look)
            .ok_or_else(|| Error::Internal(format!("{look} is no date")))?;
        let own = take_record_batch(rows, &UInt32Array::from(own))
            .at(|| "group_stats by experiment".to_owned())?;
        experiments.entry(name.to_owned()).or_default().insert(look, own);
    }
    Ok(experiments)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of three countries the two with the most units are told apart, and of equals the first; a cross has values of its own.
    #[test]
    fn the_values_with_the_most_units_are_told_apart() {
        let names =
            vec![("country".to_owned(), vec![0]), ("country*platform".to_owned(), vec![0, 1])];
        let segments = Segments { names, values: 2, cluster: None };
        let group = |country: Option<&str>, platform: &str| {
            vec![country.map(str::to_owned), Some(platform.to_owned())]
        };
        let groups = [
            group(Some("IN"), "web"),
            group(Some("IN"), "i*s"),
            group(Some("BR"), "web"),
            group(None, "web"),
        ];
        let units = [5, 6, 3, 3];
        let groups: Vec<(&[Option<String>], i128)> =
            groups.iter().map(Vec::as_slice).zip(units).collect();
        assert_eq!(
            segments.told_apart(&groups),
            [["IN", "IN", "(other)", "(none)"], ["IN*web", "IN*i\\*s", "(other)", "(other)"]]
        );
        let all = Segments { values: 4, ..segments };
        assert_eq!(all.told_apart(&groups)[0], ["IN", "IN", "BR", "(none)"]);
    }
}
