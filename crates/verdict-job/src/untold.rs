//! Changes that nobody may have been told of: what was said of an experiment before them.
//!
//! A run writes its tables and then tells of what changed, and the tables of a run that dies in between show the next one no
//! change. So before the first decision is written that differs from what was said, that is put down here, and it is
//! taken away when the change has been told: an alert comes at least once. It is an object for each such experiment, in a
//! folder that is no table.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use object_store::{ObjectStore, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use verdict_model::{Experiment, NaiveDate};

use crate::job::Job;
use crate::store::Location;
use crate::told::Told;
use crate::{Error, Result};

/// Engines that read folders skip what begins so.
const FOLDER: &str = "_untold";

/// What was said of an experiment before a change that nobody may have been told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Untold {
    /// The first as-of date whose decision differs.
    pub ds: NaiveDate,
    /// What was said before; `None`: nothing.
    pub before: Option<Told>,
}

impl Job {
    /// What was said before changes that nobody may have been told of, by experiment. What cannot be read counts as told:
    /// changes are then measured from the tables.
    ///
    /// # Errors
    /// The store fails.
    pub async fn untold(&self) -> Result<BTreeMap<String, Untold>> {
        let folder = self.tables.join(FOLDER);
        let failed = |source| Error::Store { object: folder.display.clone(), source };
        let listed: Vec<_> =
            folder.store.list(Some(&folder.prefix)).try_collect().await.map_err(failed)?;
        let mut untold = BTreeMap::new();
        for object in listed {
            let name = object.location.filename().and_then(|name| name.strip_suffix(".json"));
            let Some(name) = name.filter(|name| self.project.experiment(name).is_some()) else {
                continue;
            };
            let bytes = match folder.store.get(&object.location).await {
                Ok(found) => found.bytes().await.map_err(failed)?,
                // Another run has told meanwhile.
                Err(object_store::Error::NotFound { .. }) => continue,
                Err(source) => return Err(failed(source)),
            };
            if let Ok(of) = serde_json::from_slice(&bytes) {
                untold.insert(name.to_owned(), of);
            }
        }
        Ok(untold)
    }

    /// Puts down what was said of an experiment before a change.
    ///
    /// # Errors
    /// The store fails.
    pub async fn keep_untold(&self, experiment: &Experiment, untold: &Untold) -> Result<()> {
        let at = self.untold_at(&experiment.name.value);
        let bytes = serde_json::to_vec(untold).map_err(|e| Error::Internal(e.to_string()))?;
        let put = at.store.put(&at.prefix, bytes.into()).await;
        put.map(|_| ()).map_err(|source| Error::Store { object: at.display, source })
    }

    /// Takes away what was put down of an experiment: the change has been told.
    ///
    /// # Errors
    /// The store fails.
    pub async fn forget_untold(&self, experiment: &str) -> Result<()> {
        let at = self.untold_at(experiment);
        match at.store.delete(&at.prefix).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(source) => Err(Error::Store { object: at.display, source }),
        }
    }

    fn untold_at(&self, experiment: &str) -> Location {
        self.tables.join(FOLDER).join(&format!("{experiment}.json"))
    }
}
