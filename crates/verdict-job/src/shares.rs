//! Shares of totals: what a sweep of some buckets of an experiment came to, for whoever joins them.
//!
//! A share is one object in a folder beside the tables, whose name no table has: readers of tables, `verify` and the views do not
//! see it. It lies by what it follows from (a digest of the fingerprints of all that is made of it) and is named by its buckets,
//! so that what is stale or of other inputs is never found by one that looks for its own; and nothing is believed of it
//! but what its digests confirm.

mod object;

use std::collections::BTreeMap;
use std::ops::Range;

use futures::TryStreamExt;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

pub(crate) use object::{Header, Opened, Unusable, open, write};

use crate::fingerprint::Fingerprint;
use crate::partition::Key;
use crate::store::Location;
use crate::{Error, Result};

/// Engines that read folders skip what begins so.
pub(crate) const FOLDER: &str = "_shares";

/// What a share is of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Of {
    pub(crate) experiment: String,
    /// A digest of the fingerprints that the share follows from.
    pub(crate) made_from: String,
}

impl Of {
    pub(crate) fn new(experiment: &str, made_from: &Fingerprint) -> Of {
        Of { experiment: experiment.to_owned(), made_from: made_from.name() }
    }

    /// Where the share of some of the buckets is.
    pub(crate) fn key(&self, own: &Range<u32>, buckets: u32) -> Key {
        let folders = format!("experiment={}/{}", self.experiment, self.made_from);
        let object = format!("buckets-{}-{}-of-{buckets}", own.start, own.end);
        Key::beside_tables(FOLDER, folders, object)
    }
}

/// A share that is there, by its name.
#[derive(Clone, Debug)]
pub(crate) struct Share {
    pub(crate) own: Range<u32>,
    pub(crate) buckets: u32,
    pub(crate) object: ObjectMeta,
}

/// What is in the folder of shares.
#[derive(Debug, Default)]
pub(crate) struct Shares {
    pub(crate) shares: BTreeMap<Of, Vec<Share>>,
    /// What has no share's name.
    pub(crate) others: Vec<ObjectMeta>,
}

impl Shares {
    /// Lists the shares of all experiments, or of one.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn list(root: &Location, experiment: Option<&str>) -> Result<Shares> {
        let folder = root.join(FOLDER);
        let below = experiment.map(|name| folder.join(&format!("experiment={name}")));
        let folder = below.unwrap_or(folder);
        let failed = |source| Error::Store { object: folder.display.clone(), source };
        let listed: Vec<ObjectMeta> =
            folder.store.list(Some(&folder.prefix)).try_collect().await.map_err(failed)?;
        let mut found = Shares::default();
        for object in listed {
            match named(object.location.as_ref()) {
                Some((of, own, buckets)) => {
                    found.shares.entry(of).or_default().push(Share { own, buckets, object });
                }
                None => found.others.push(object),
            }
        }
        Ok(found)
    }

    /// Whether there is any share of an experiment.
    pub(crate) fn has_any_of(&self, experiment: &str) -> bool {
        self.shares.keys().any(|of| of.experiment == experiment)
    }

    /// The shares of what is asked for, of so many buckets.
    pub(crate) fn of(&self, of: &Of, buckets: u32) -> Vec<&Share> {
        let own = self.shares.get(of).into_iter().flatten();
        own.filter(|share| share.buckets == buckets).collect()
    }
}

/// What a share's path tells.
fn named(path: &str) -> Option<(Of, Range<u32>, u32)> {
    let mut parts = path.rsplit('/');
    let (name, made_from) = (parts.next()?, parts.next()?.to_owned());
    let experiment = parts.next()?.strip_prefix("experiment=")?.to_owned();
    let (own, buckets) = name.strip_prefix("buckets-")?.split_once("-of-")?;
    let (start, end) = own.split_once('-')?;
    let own = start.parse().ok()?..end.parse().ok()?;
    let buckets = buckets.parse().ok()?;
    let is_one = own.start < own.end && own.end <= buckets;
    is_one.then_some((Of { experiment, made_from }, own, buckets))
}

/// Of the shares those that have every bucket once, in the order of buckets; `None`: there are none such.
pub(crate) fn covering<'a>(shares: &[&'a Share], buckets: u32) -> Option<Vec<&'a Share>> {
    // By where it begins: the share after which the rest is there, too; found from the end.
    let mut next: BTreeMap<u32, &Share> = BTreeMap::new();
    let mut by_start = shares.to_vec();
    by_start.sort_by_key(|share| std::cmp::Reverse((share.own.start, share.own.end)));
    for share in by_start {
        if share.own.end == buckets || next.contains_key(&share.own.end) {
            next.insert(share.own.start, share);
        }
    }
    let mut chosen = Vec::new();
    let mut from = 0;
    while from < buckets {
        let share = *next.get(&from)?;
        from = share.own.end;
        chosen.push(share);
    }
    Some(chosen)
}

/// The buckets of the `index`-th share of `of`, from 0: as many for each, or one more.
pub(crate) fn own_buckets(buckets: u32, index: u32, of: u32) -> Range<u32> {
    let cut = |index: u32| {
        let at = u64::from(buckets) * u64::from(index) / u64::from(of.max(1));
        u32::try_from(at).unwrap_or(buckets).min(buckets)
    };
    cut(index)..cut(index.saturating_add(1))
}

/// Removes shares, which somebody else may have done already.
///
/// # Errors
/// The store fails.
pub(crate) async fn remove<'a>(
    root: &Location,
    shares: impl IntoIterator<Item = &'a Share>,
) -> Result<()> {
    for share in shares {
        match root.store.delete(&share.object.location).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            Err(source) => {
                return Err(Error::Store { object: root.name(&share.object.location), source });
            }
        }
    }
    Ok(())
}

/// Removes all shares that there are of something: it is there now, and nobody needs them.
///
/// # Errors
/// The store fails.
pub(crate) async fn remove_of(root: &Location, of: &Of) -> Result<()> {
    let there = Shares::list(root, Some(&of.experiment)).await?;
    remove(root, there.shares.get(of).into_iter().flatten()).await
}

#[cfg(test)]
mod tests {
    use object_store::path::Path;

    use super::*;

    fn share(own: Range<u32>) -> Share {
        let object = ObjectMeta {
            location: Path::from("x"),
            last_modified: Default::default(),
            size: 0,
            e_tag: None,
            version: None,
        };
        Share { own, buckets: 16, object }
    }

    #[test]
    fn every_bucket_is_taken_once_or_none_is() {
        let chosen = |cuts: &[(u32, u32)]| -> Option<Vec<(u32, u32)>> {
            let shares: Vec<Share> = cuts.iter().map(|(start, end)| share(*start..*end)).collect();
            let shares: Vec<&Share> = shares.iter().collect();
            let covering = covering(&shares, 16)?.into_iter();
            Some(covering.map(|share| (share.own.start, share.own.end)).collect())
        };
        assert_eq!(chosen(&[(8, 16), (0, 8)]), Some(vec![(0, 8), (8, 16)]));
        assert_eq!(chosen(&[(0, 16)]), Some(vec![(0, 16)]));
        // Shares of two cuts fit together or they do not.
        let thirds = [(0, 5), (5, 10), (10, 16)];
        assert_eq!(chosen(&[&[(0, 8)], &thirds[..]].concat()), Some(thirds.to_vec()));
        let both = [(0, 8), (8, 10), (10, 16)];
        assert_eq!(chosen(&[&both[..], &[(5, 10)]].concat()), Some(both.to_vec()));
        for lacking in [
            &[][..],
            &[(0, 8)],
            &[(8, 16)],
            &[(0, 8), (9, 16)],
            &[(0, 9), (8, 16)],
            &[(0, 5), (8, 16)],
        ] {
            assert_eq!(chosen(lacking), None, "{lacking:?}");
        }
    }

    #[test]
    fn shares_are_all_buckets_however_many_there_are() {
        for buckets in [1, 5, 16, 4096] {
            for of in [1, 2, 3, 7, 20, 5000] {
                let own = (0..of).map(|index| own_buckets(buckets, index, of));
                assert_eq!(own.flatten().collect::<Vec<_>>(), (0..buckets).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_share_is_known_by_its_path() {
        let of = Of::new("prices", &Fingerprint::new());
        let key = of.key(&(5..10), 16);
        let path = format!("bucket/tables/{key}/buckets-5-10-of-16");
        assert_eq!(named(&path), Some((of, 5..10, 16)));
        for other in ["buckets-5-5-of-16", "buckets-5-17-of-16", "buckets-5-10", "part-0.parquet"] {
            assert_eq!(named(&format!("_shares/experiment=prices/abc/{other}")), None, "{other}");
        }
    }
}
