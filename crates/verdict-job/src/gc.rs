//! What of the tables nobody needs any more: what a killed process left, what is no partition, old partials, shares that nobody
//! will join.

use std::collections::BTreeMap;
use std::path::{Path as FilePath, PathBuf};
use std::time::SystemTime;

use chrono::{DateTime, Days, Utc};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use verdict_model::NaiveDate;
use verdict_model::tables::{ALL, EXPOSURE_DAY, RUNS, UNIT_DAY, UNIT_TOTAL};

use crate::job::Job;
use crate::partition::OBJECT;
use crate::{Error, Result};

/// What is being written is not as old as this, in seconds.
const UNFINISHED_S: u64 = 86_400;

/// How many objects are removed at once.
const CONCURRENT: usize = 16;

/// Something that may go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Garbage {
    /// The object, as a person would name it.
    pub object: String,
    /// Its size.
    pub bytes: u64,
    /// Why it may go.
    pub why: String,
    place: At,
}

/// Where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    Store(Path),
    /// What the local store stages, which it does not list.
    File(PathBuf),
}

impl Job {
    /// What of the tables may go, sorted by name: nothing of it changes a result, and what is derived is made again
    /// when it is asked for.
    ///
    /// Group statistics, results, checks, decisions, registrations and runs stay. Of the partials (`unit_day`,
    /// `exposure_day`, `unit_total`) go those of days that ended `days` before `now` and that no run of an experiment
    /// that is still going on would read.
    ///
    /// # Errors
    /// A store fails.
    pub async fn garbage(&self, now: DateTime<Utc>, days: u32) -> Result<Vec<Garbage>> {
        let today = now.with_timezone(&self.project.time_zone).date_naive();
        let cutoff = today.checked_sub_days(Days::new(days.into())).unwrap_or(today);
        let mut found = Vec::new();
        for table in ALL {
            let folder = self.tables.join(table.name);
            let failed = |source| Error::Store { object: folder.display.clone(), source };
            let listed: Vec<ObjectMeta> =
                folder.store.list(Some(&folder.prefix)).try_collect().await.map_err(failed)?;
            let mut latest: BTreeMap<String, NaiveDate> = BTreeMap::new();
            for object in &listed {
                let of = Partition::of(object.location.as_ref());
                if let (Some(experiment), Some(ds)) = (of.experiment, of.ds) {
                    let last = latest.entry(experiment.to_owned()).or_insert(ds);
                    *last = ds.max(*last);
                }
            }
            for object in listed {
                let own = object.location.filename() == Some(OBJECT) || table.name == RUNS.name;
                let of = Partition::of(object.location.as_ref());
                let why = match own {
                    false => Some("no partition has an object of this name, and readers of the folder would take it for one".into()),
                    true => self.old(table.name, &of, cutoff, &latest).await?,
                };
                if let Some(why) = why {
                    let name = self.tables.name(&object.location);
                    found.push(Garbage {
                        object: name,
                        bytes: object.size,
                        why,
                        place: At::Store(object.location),
                    });
                }
            }
        }
        for (object, why) in self.unused_shares(now).await? {
            found.push(Garbage {
                object: self.tables.name(&object.location),
                bytes: object.size,
                why,
                place: At::Store(object.location),
            });
        }
        if self.tables.is_local() {
            let root = PathBuf::from(format!("/{}", self.tables.prefix));
            staged(&root, now, &mut found);
        }
        found.sort_by(|a, b| a.object.cmp(&b.object));
        Ok(found)
    }

    /// Why a partition may go, if it may.
    async fn old(
        &self,
        table: &str,
        of: &Partition<'_>,
        cutoff: NaiveDate,
        latest: &BTreeMap<String, NaiveDate>,
    ) -> Result<Option<String>> {
        let Some(ds) = of.ds.filter(|ds| *ds < cutoff) else { return Ok(None) };
        let partial = [UNIT_DAY.name, EXPOSURE_DAY.name, UNIT_TOTAL.name].contains(&table);
        if !partial {
            return Ok(None);
        }
        let mut needed_by = None;
        for experiment in &self.project.experiments {
            let own = match (of.experiment, of.unit_type) {
                (Some(name), _) => experiment.name.value == name,
                (None, Some(unit)) => experiment.design.unit.value == unit,
                (None, None) => false,
            };
            if !own || experiment.end.is_some_and(|end| end < cutoff) {
                continue;
            }
            if table == UNIT_DAY.name && experiment.start.is_some_and(|start| ds < start) {
                continue;
            }
            needed_by = Some(experiment.name.value.as_str());
        }
        let Some(experiment) = needed_by else {
            return Ok(Some(format!(
                "a partial of {ds}, which no experiment that is going on reads"
            )));
        };
        // Of totals only the last ones are begun from.
        let later = latest.get(experiment).filter(|last| **last > ds);
        Ok(later
            .filter(|_| table == UNIT_TOTAL.name)
            .map(|last| format!("totals of {ds}: later ones, of {last}, are there to begin from")))
    }

    /// Removes `garbage`; gives how many objects are gone.
    ///
    /// # Errors
    /// A store fails; what was removed before stays removed.
    pub async fn remove(&self, garbage: &[Garbage]) -> Result<usize> {
        stream::iter(garbage.to_vec())
            .map(|one| async move {
                match one.place {
                    At::Store(path) => match self.tables.store.delete(&path).await {
                        // Somebody else was faster.
                        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                        Err(source) => Err(Error::Store { object: one.object, source }),
                    },
                    At::File(path) => match std::fs::remove_file(&path) {
                        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                            Err(Error::Io { path, source: e })
                        }
                        _ => Ok(()),
                    },
                }
            })
            .buffer_unordered(CONCURRENT)
            .try_fold(0, |gone, ()| async move { Ok(gone + 1) })
            .await
    }
}

/// The folders that a path names.
#[derive(Debug, Default)]
struct Partition<'a> {
    experiment: Option<&'a str>,
    unit_type: Option<&'a str>,
    ds: Option<NaiveDate>,
}

impl Partition<'_> {
    fn of(path: &str) -> Partition<'_> {
        let mut found = Partition::default();
        for part in path.split('/') {
            match part.split_once('=') {
                Some(("experiment", name)) => found.experiment = Some(name),
                Some(("unit_type", name)) => found.unit_type = Some(name),
                Some(("ds", ds)) => found.ds = ds.parse().ok(),
                _ => {}
            }
        }
        found
    }
}

/// The files that the local store writes beside an object and renames when it is whole, where nobody did for a day.
fn staged(folder: &FilePath, now: DateTime<Utc>, found: &mut Vec<Garbage>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|ty| ty.is_dir()) {
            staged(&path, now, found);
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let unfinished = name.rsplit_once('#').is_some_and(|(_, number)| {
            !number.is_empty() && number.chars().all(|c| c.is_ascii_digit())
        });
        let Ok(about) = entry.metadata() else { continue };
        let age =
            about.modified().ok().and_then(|at| SystemTime::from(now).duration_since(at).ok());
        if unfinished && age.is_some_and(|age| age.as_secs() > UNFINISHED_S) {
            found.push(Garbage {
                object: path.display().to_string(),
                bytes: about.len(),
                why: "a process that was killed left it unfinished".into(),
                place: At::File(path),
            });
        }
    }
}
