//! States of a task's groups, as bytes: packed by each share, merged by who joins them.

use std::collections::BTreeMap;

use super::Work;
use crate::group_totals::{Cells, merged};
use crate::packed::{NotPacked, Packer, Unpacker};
use crate::render::{self, Held, MomentsSql, PairSql};
use crate::{Error, Result};

/// The moments that a sweep keeps of groups.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) distinct: Vec<MomentsSql>,
    /// What days share, of what is watched.
    pub(super) pairs: Vec<PairSql>,
}

impl Kept {
    /// Those of all of these works.
    pub(super) fn of(works: &[&Work<'_>]) -> Kept {
        let distinct = render::distinct_moments(works.iter().flat_map(|work| &work.metrics));
        let watched = works.iter().filter(|work| work.experiment.is_sequential());
        let pairs = render::pairs(&distinct, watched.flat_map(|work| &work.metrics));
        Kept { distinct, pairs }
    }

    /// What the states of a cell are, in their order: first those of units in several variants.
    fn held(&self) -> Vec<Held> {
        let several = std::iter::once(Held::Moments(1));
        let distinct = self.distinct.iter().map(MomentsSql::held);
        several.chain(distinct).chain(self.pairs.iter().map(|pair| pair.moments.held())).collect()
    }

    /// Where the states of `own` are among these.
    fn places(&self, own: &Kept) -> Result<Vec<usize>> {
        let lacks = || Error::Internal("a sweep lacks moments of one of its experiments".into());
        let mut places = vec![0];
        for moments in &own.distinct {
            let place = self.distinct.iter().position(|of_all| of_all == moments);
            places.push(1 + place.ok_or_else(lacks)?);
        }
        for pair in &own.pairs {
            let place = self.pairs.iter().position(|of_all| of_all.moments == pair.moments);
            places.push(1 + self.distinct.len() + place.ok_or_else(lacks)?);
        }
        Ok(places)
    }
}

/// Packs the states of a task's groups that are its `own`, of a sweep that has those of `all`.
pub(super) fn write(packer: &mut Packer, cells: &Cells, all: &Kept, own: &Kept) -> Result<()> {
    let places = all.places(own)?;
    packer.count(cells.len());
    for ((variant, segments), looks) in cells {
        packer.text(variant);
        packer.count(segments.len());
        segments.iter().for_each(|segment| packer.perhaps(segment.as_deref()));
        packer.count(looks.len());
        for (cell, states) in looks {
            packer.count(*cell);
            packer.count(places.len());
            for place in &places {
                let state = states.get(*place);
                packer.bytes(state.ok_or_else(|| Error::Internal("a cell lacks a state".into()))?);
            }
        }
    }
    Ok(())
}

/// Adds what was packed to `cells`.
///
/// # Errors
/// It is not what [`write`] packs of these moments.
pub(super) fn read(
    packed: &mut Unpacker<'_>,
    own: &Kept,
    cells: &mut Cells,
) -> std::result::Result<(), NotPacked> {
    let held = own.held();
    let groups = packed.each(|group| {
        let variant = group.text()?.to_owned();
        let segments = group.each(|segment| Ok(segment.perhaps()?.map(str::to_owned)))?;
        let looks = group.each(|look| {
            let cell = look.count()?;
            let states = look.each(|state| Ok(state.bytes()?.to_vec()))?;
            if states.len() == held.len() { Ok((cell, states)) } else { Err(NotPacked) }
        })?;
        Ok(((variant, segments), looks))
    })?;
    for (group, looks) in groups {
        let of_group: &mut BTreeMap<usize, Vec<Vec<u8>>> = cells.entry(group).or_default();
        for (cell, states) in looks {
            match of_group.get_mut(&cell) {
                None => {
                    of_group.insert(cell, states);
                }
                Some(all) => {
                    for ((all, state), held) in all.iter_mut().zip(states).zip(&held) {
                        *all = merged(*held, all, &state).map_err(|_| NotPacked)?;
                    }
                }
            }
        }
    }
    Ok(())
}
