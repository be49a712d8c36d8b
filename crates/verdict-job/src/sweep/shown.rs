//! What a sweep of some buckets showed of a task, as bytes: what a join of all buckets goes on from.
//!
//! Groups have numbers in the order in which they are met, which no two sweeps have in common: here they are told by name. Whoever
//! packs the same buckets packs the same bytes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use verdict_accum::Moments2;

use super::Sweep;
use super::caps::{Limits, TaskLimits};
use super::rows::{Found, Group, Known, Named};
use super::seen::{Changes, Large, Largest, Seen};
use crate::packed::{NotPacked, Packer, Unpacker};
use crate::{Error, Result};

/// Packs what was seen and found of a task, and where its caps lie.
pub(crate) fn write_shown(
    packer: &mut Packer,
    (sweep, number): (&Sweep, usize),
    found: &Found,
    seen: &Seen,
) -> Result<()> {
    let task = &sweep.tasks[number];
    let several = found.several(number);
    packer.count(several.len());
    for units in several {
        packer.count(units.len());
        for unit in units {
            match unit {
                Named::Number(number) => {
                    packer.count(0);
                    packer.number(number);
                }
                Named::Text(text) => {
                    packer.count(1);
                    packer.text(&text);
                }
            }
        }
    }
    let groups = Groups::of(seen, found)?;
    packer.count(groups.named.len());
    for (variant, segments) in groups.named.keys() {
        packer.text(variant);
        packer.count(segments.len());
        segments.iter().for_each(|segment| packer.perhaps(segment.as_deref()));
    }
    let exposed =
        seen.exposed.iter().map(|((day, group), n)| Ok((*day, groups.place(*group)?, *n)));
    let exposed = exposed.collect::<Result<BTreeSet<(i32, usize, i64)>>>()?;
    packer.count(exposed.len());
    for (day, group, n) in exposed {
        packer.number(day.into());
        packer.count(group);
        packer.number(n);
    }
    packer.count(seen.cohorts.len());
    for ((day, variant), changes) in &seen.cohorts {
        packer.number((*day).into());
        packer.text(variant);
        write_changes(packer, changes);
    }
    // Tasks have other numbers in other sweeps.
    let name = |other: usize| sweep.tasks.get(other).map_or("", |task| task.name.as_str());
    let pairs: BTreeMap<(&str, &str, &str), &Changes> = seen
        .pairs
        .iter()
        .map(|((other, own, theirs), changes)| ((name(*other), &**own, &**theirs), changes))
        .collect();
    packer.count(pairs.len());
    for ((other, own, theirs), changes) in pairs {
        [other, own, theirs].into_iter().for_each(|text| packer.text(text));
        write_changes(packer, changes);
    }
    packer.count(seen.large.len());
    for ((metric, look), largest) in &seen.large {
        packer.count(*metric);
        packer.count(*look);
        let values = told_apart(largest, task.trust.most, &groups)?;
        packer.count(values.len());
        for (size, group, x, y) in values {
            packer.double(size);
            packer.count(group);
            packer.double(x);
            packer.double(y);
        }
    }
    let limits: &[Vec<Limits>] = sweep.limits.get(number).map_or(&[], Vec::as_slice);
    packer.count(limits.len());
    for of_looks in limits {
        packer.count(of_looks.len());
        for limits in of_looks {
            packer.double(limits.lower);
            packer.double(limits.upper);
        }
    }
    Ok(())
}

/// Takes in what was packed of a task's buckets, and gives where its caps lie.
///
/// # Errors
/// It is not what [`write_shown`] packs of this task.
pub(crate) fn read_shown(
    packed: &mut Unpacker<'_>,
    (sweep, number): (&Sweep, usize),
    found: &Found,
    seen: &mut Seen,
) -> std::result::Result<TaskLimits, NotPacked> {
    let task = &sweep.tasks[number];
    let several = packed.each(|looks| {
        looks.each(|unit| match unit.count()? {
            0 => unit.number().map(Named::Number),
            1 => Ok(Named::Text(unit.text()?.to_owned())),
            _ => Err(NotPacked),
        })
    })?;
    if several.len() != task.looks.len() {
        return Err(NotPacked);
    }
    let mut of_tasks: Vec<Vec<Vec<Named>>> =
        sweep.tasks.iter().map(|task| vec![Vec::new(); task.looks.len()]).collect();
    of_tasks[number] = several;
    found.add_several(of_tasks);
    let mut known = Known::default();
    let groups = packed.each(|group| {
        let variant = group.text()?;
        let segments = group.each(Unpacker::perhaps)?;
        Ok(known.group(found, number, variant, segments.iter().copied()).0)
    })?;
    let group = |place: usize| groups.get(place).copied().ok_or(NotPacked);
    let day = |day: i64| i32::try_from(day).map_err(|_| NotPacked);
    let exposed =
        packed.each(|one| Ok(((day(one.number()?)?, group(one.count()?)?), one.number()?)))?;
    let cohorts = packed.each(|one| {
        let key = (day(one.number()?)?, Arc::from(one.text()?));
        Ok((key, read_changes(one)?))
    })?;
    let pairs = packed.each(|one| {
        let (other, own, theirs) = (one.text()?, one.text()?, one.text()?);
        let other = sweep.tasks.iter().position(|task| task.name == other).ok_or(NotPacked)?;
        Ok(((other, Arc::from(own), Arc::from(theirs)), read_changes(one)?))
    })?;
    let large = packed.each(|one| {
        let key = (one.count()?, one.count()?);
        let values = one.each(|value| {
            let (size, at) = (value.double()?, value.count()?);
            let (group, x, y) = (group(at)?, value.double()?, value.double()?);
            Ok(Reverse(Large { size, group, x, y }))
        })?;
        Ok((key, Largest(values.into())))
    })?;
    let shown = Seen {
        exposed: exposed.into_iter().collect(),
        cohorts: cohorts.into_iter().collect(),
        pairs: pairs.into_iter().collect(),
        large: large.into_iter().collect(),
    };
    seen.join(shown, task.trust.most);
    packed.each(|looks| looks.each(|one| Ok(Limits { lower: one.double()?, upper: one.double()? })))
}

/// The groups that were seen, by name, each with its place in that order.
struct Groups {
    named: BTreeMap<(String, Vec<Option<String>>), usize>,
    places: BTreeMap<i64, usize>,
}

impl Groups {
    fn of(seen: &Seen, found: &Found) -> Result<Groups> {
        let numbers: BTreeSet<i64> = seen.exposed.keys().map(|(_, group)| *group).collect();
        let mut groups: Vec<(i64, Arc<Group>)> = Vec::new();
        for number in numbers {
            let group = found.group(number);
            let group =
                group.ok_or_else(|| Error::Internal(format!("there is no group {number}")))?;
            groups.push((number, group));
        }
        groups.sort_unstable_by(|(_, a), (_, b)| {
            (&a.variant, &a.segments).cmp(&(&b.variant, &b.segments))
        });
        let name = |group: &Group| (group.variant.clone(), group.segments.clone());
        Ok(Groups {
            named: groups.iter().enumerate().map(|(at, (_, group))| (name(group), at)).collect(),
            places: groups.iter().enumerate().map(|(at, (number, _))| (*number, at)).collect(),
        })
    }

    fn place(&self, group: i64) -> Result<usize> {
        let place = self.places.get(&group).copied();
        place.ok_or_else(|| Error::Internal(format!("nobody was exposed in group {group}")))
    }
}

/// The largest values in order. Where there are more than are kept, of those as large as the least one only the size is told:
/// which of them were kept is chance, and none of them is ever left out.
fn told_apart(
    largest: &Largest,
    most: usize,
    groups: &Groups,
) -> Result<Vec<(f64, usize, f64, f64)>> {
    let mut values: Vec<Large> = largest.0.iter().map(|Reverse(value)| *value).collect();
    values.sort_unstable_by(|a, b| b.cmp(a));
    let least = values.last().filter(|_| values.len() > most).map(|value| value.size);
    let mut told = Vec::new();
    for value in values {
        told.push(match least == Some(value.size) {
            true => (value.size, 0, 0.0, 0.0),
            false => (value.size, groups.place(value.group)?, value.x, value.y),
        });
    }
    // Of values of one size the order is chance, too.
    told.sort_by(|a, b| {
        let by_value = || (a.1.cmp(&b.1)).then(a.2.total_cmp(&b.2)).then(a.3.total_cmp(&b.3));
        b.0.total_cmp(&a.0).then_with(by_value)
    });
    Ok(told)
}

fn write_changes(packer: &mut Packer, changes: &Changes) {
    packer.count(changes.0.len());
    for (look, moments) in &changes.0 {
        packer.count(*look);
        packer.bytes(&moments.to_bytes());
    }
}

fn read_changes(packed: &mut Unpacker<'_>) -> std::result::Result<Changes, NotPacked> {
    let changes = packed.each(|one| {
        let look = one.count()?;
        let moments = Moments2::from_bytes(one.bytes()?).map_err(|_| NotPacked)?;
        Ok((look, Box::new(moments)))
    })?;
    Ok(Changes(changes))
}
