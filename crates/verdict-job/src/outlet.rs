//! Files for people, put into a store: a site that a bucket serves.

use object_store::{Attribute, Attributes, PutOptions};
use verdict_model::{Located, Place};

use crate::store::Location;
use crate::{Error, Job, Result};

/// A place in a store that files are put to.
#[derive(Clone, Debug)]
pub struct Outlet(Location);

impl Outlet {
    /// Puts a file below the place, in one step. `content_type` is what a browser takes it for.
    ///
    /// # Errors
    /// The store fails.
    pub async fn put(&self, path: &str, text: String, content_type: &'static str) -> Result<()> {
        let at = self.0.join(path);
        let attributes = Attributes::from_iter([(Attribute::ContentType, content_type)]);
        let options = PutOptions { attributes, ..PutOptions::default() };
        let put = at.store.put_opts(&at.prefix, text.into(), options).await;
        put.map(|_| ()).map_err(|source| Error::Store { object: at.display.clone(), source })
    }
}

impl Job {
    /// The place that a URL of the command line names; `flag` gave it.
    ///
    /// # Errors
    /// It is no place.
    pub fn outlet(&self, url: &str, flag: &str) -> Result<Outlet> {
        let place = Place { file: "the command line".into(), line: 1, key: flag.to_owned() };
        let url = Located { value: url.to_owned(), place };
        self.stores.locate(&self.ctx, &url).map(Outlet)
    }
}
