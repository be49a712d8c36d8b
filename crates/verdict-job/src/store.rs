//! Object stores by URL or path: one place where a location becomes a store and a prefix in it.

use std::collections::HashMap;
use std::fmt;
use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::prelude::SessionContext;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreScheme};
use url::Url;
use verdict_model::{Located, Place, Storage};

use crate::clients;
use crate::meters::Meters;
use crate::pinned::{Pinned, Pins};
use crate::secrets::redacted_url;
use crate::{Error, Result};

/// A place in an object store.
#[derive(Clone)]
pub(crate) struct Location {
    pub(crate) store: Arc<dyn ObjectStore>,
    /// The store's URL, as the engine knows it.
    pub(crate) url: ObjectStoreUrl,
    /// The prefix in the store.
    pub(crate) prefix: Path,
    /// The prefix as a person wrote it.
    pub(crate) display: String,
    /// The objects of logs that were listed: what is read of them must be what was listed.
    pub(crate) pins: Arc<Pins>,
    /// What is done here is counted there.
    pub(crate) meters: Arc<Meters>,
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

impl Location {
    /// A place of its own in memory.
    #[cfg(test)]
    pub(crate) fn in_memory() -> Location {
        Location {
            store: Arc::new(object_store::memory::InMemory::new()),
            url: ObjectStoreUrl::parse("memory://tables").unwrap(),
            prefix: Path::default(),
            display: "memory://tables".into(),
            pins: Arc::default(),
            meters: Arc::default(),
        }
    }

    /// The location of a path below this one.
    pub(crate) fn join(&self, below: &str) -> Location {
        let mut prefix = self.prefix.clone();
        for part in below.split('/').filter(|part| !part.is_empty()) {
            prefix = prefix.join(part);
        }
        let display =
            format!("{}/{}", self.display.trim_end_matches('/'), below.trim_end_matches('/'));
        Location { prefix, display, ..self.clone() }
    }

    /// What to call an object of this store in a message.
    pub(crate) fn name(&self, object: &Path) -> String {
        match self.is_local() {
            true => format!("/{object}"),
            false => format!("{}{object}", self.url.as_str()),
        }
    }

    /// Whether this is the local file system.
    pub(crate) fn is_local(&self) -> bool {
        self.url.as_str().starts_with("file:")
    }
}

/// A store that was made, and how the engine knows it.
#[derive(Clone, Debug)]
struct Made {
    store: Arc<dyn ObjectStore>,
    url: ObjectStoreUrl,
    pins: Arc<Pins>,
}

/// The stores of a process, made once for each bucket and shared.
///
/// Paths and `file://` are the local file system; `s3://`, `gs://`, `az://` (and `abfss://container@account…`) and
/// `http(s)://` are configured by the environment as the object-store library has it (`AWS_ENDPOINT`, `AWS_REGION`,
/// `AWS_ACCESS_KEY_ID`, `GOOGLE_…`, `AZURE_…`), and by [`Storage`]; credentials are never read from a project's files.
#[derive(Debug, Default)]
pub struct Stores {
    storage: Storage,
    made: Mutex<HashMap<String, Made>>,
    /// Of all work that is done in its locations.
    pub(crate) meters: Arc<Meters>,
}

impl Stores {
    /// No stores yet; those that come are spoken to as `storage` says.
    pub fn new(storage: Storage) -> Stores {
        Stores { storage, ..Stores::default() }
    }

    /// The location that `url` (a path or a URL) names, registered with the engine.
    pub(crate) fn locate(&self, ctx: &SessionContext, url: &Located<String>) -> Result<Location> {
        self.locate_text(ctx, &url.value, &url.place)
    }

    fn locate_text(&self, ctx: &SessionContext, text: &str, place: &Place) -> Result<Location> {
        let fail = |reason: String| Error::Location {
            place: Box::new(place.clone()),
            url: redacted_url(text),
            reason,
        };
        if !text.contains("://") {
            let path = absolute(FilePath::new(text)).map_err(|e| fail(e.to_string()))?;
            return self.local(ctx, &path, text).map_err(fail);
        }
        let url = Url::parse(text).map_err(|e| fail(e.to_string()))?;
        // abfss://container@account.dfs.core.windows.net names the container where others have a user.
        let container = ["abfs", "abfss"].contains(&url.scheme()) && url.password().is_none();
        if (!url.username().is_empty() && !container) || url.password().is_some() {
            return Err(fail("credentials belong in the environment, not in a URL".into()));
        }
        if url.query().is_some() || url.fragment().is_some() {
            let words = "a URL ends with its path: versions are not asked for, and tokens belong in the environment";
            return Err(fail(words.into()));
        }
        if url.scheme() == "file" {
            let path = url.to_file_path().map_err(|()| fail("not an absolute path".into()))?;
            return self.local(ctx, &path, text).map_err(fail);
        }
        let unknown = || {
            let scheme = url.scheme();
            let known = "use a path, file://, s3://, gs://, az://, abfss://, http:// or https://";
            fail(format!("scheme `{scheme}` is not supported; {known}"))
        };
        if url.host_str().is_none_or(str::is_empty) {
            return Err(match url.scheme() {
                "s3" | "s3a" | "gs" | "az" | "abfs" | "abfss" | "http" | "https" => {
                    fail("it names no bucket, container or host".into())
                }
                _ => unknown(),
            });
        }
        let (scheme, prefix) = ObjectStoreScheme::parse(&url).map_err(|_| unknown())?;
        let root = root_of(&url, &prefix);
        let made = self.made_once(&root, || {
            let own = self.storage.options.iter().find(|(store, _)| same_store(store, &root));
            let own = own.map(|(_, options)| options);
            let (store, url) = clients::client(&scheme, &root, &self.storage, own)?;
            Ok((store, url))
        });
        let Made { store, url, pins } =
            made.map_err(|refused: clients::Refused| match refused {
                clients::Refused::Url(reason) => fail(reason),
                clients::Refused::Option(place, reason) => {
                    Error::Definition { place: Box::new(place), reason }
                }
            })?;
        ctx.register_object_store(url.as_ref(), Arc::clone(&store));
        Ok(self.location(Made { store, url, pins }, prefix, text))
    }

    fn local(
        &self,
        ctx: &SessionContext,
        path: &FilePath,
        text: &str,
    ) -> std::result::Result<Location, String> {
        let Made { store, url, pins } = self.made_once("file://", || {
            Ok::<_, String>((
                Arc::new(LocalFileSystem::new()) as _,
                ObjectStoreUrl::local_filesystem(),
            ))
        })?;
        ctx.register_object_store(url.as_ref(), Arc::clone(&store));
        // The folder may not exist yet (tables), so only the lexical path is used.
        let prefix = Path::from_absolute_path(path).map_err(|e| e.to_string())?;
        Ok(self.location(Made { store, url, pins }, prefix, text))
    }

    fn location(&self, made: Made, prefix: Path, text: &str) -> Location {
        let Made { store, url, pins } = made;
        let display = text.trim_end_matches('/').to_owned();
        Location { store, url, prefix, display, pins, meters: Arc::clone(&self.meters) }
    }

    fn made_once<E>(
        &self,
        root: &str,
        make: impl FnOnce() -> std::result::Result<(Arc<dyn ObjectStore>, ObjectStoreUrl), E>,
    ) -> std::result::Result<Made, E> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = made.get(root) {
            return Ok(made.clone());
        }
        let (store, url) = make()?;
        let pins = Arc::new(Pins::default());
        let store = Arc::new(Pinned::new(store, Arc::clone(&pins)));
        let new = Made { store, url, pins };
        made.insert(root.to_owned(), new.clone());
        Ok(new)
    }
}

/// The URL without the path in the store: the bucket, the container or the host.
fn root_of(url: &Url, prefix: &Path) -> String {
    // Of `https://account.blob.core.windows.net/container/path` the container belongs to the root.
    let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
    let of_root = parts.len().saturating_sub(prefix.parts().count());
    let host = std::iter::once(&url[..url::Position::AfterPort]);
    host.chain(parts.into_iter().take(of_root)).collect::<Vec<_>>().join("/")
}

/// Whether two texts name one store: `s3a` is `s3`.
fn same_store(one: &str, other: &str) -> bool {
    let plain = |text: &str| text.trim_end_matches('/').replacen("s3a://", "s3://", 1);
    plain(one) == plain(other)
}

/// `path` from the root, with `.` and `..` resolved by name: the folder need not exist.
fn absolute(path: &FilePath) -> std::io::Result<PathBuf> {
    let mut resolved = PathBuf::new();
    for part in std::path::absolute(path)?.components() {
        match part {
            Component::ParentDir => {
                resolved.pop();
            }
            Component::CurDir => {}
            other => resolved.push(other),
        }
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(text: &str) -> Result<Location> {
        let place = Place { file: "p.yaml".into(), line: 3, key: "sources.events.path".into() };
        Stores::default().locate(&SessionContext::new(), &Located { value: text.into(), place })
    }

    #[test]
    fn a_path_is_resolved_by_name() {
        assert_eq!(locate("/a/b/../c/./d").unwrap().prefix.as_ref(), "a/c/d");
        assert_eq!(locate("file:///a/b").unwrap().prefix.as_ref(), "a/b");
    }

    #[test]
    fn every_store_has_a_url_of_its_own_for_the_engine() {
        for (text, url, prefix) in [
            ("s3://bucket/a/b", "s3://bucket/", "a/b"),
            ("s3a://bucket/a/b/", "s3://bucket/", "a/b"),
            ("gs://bucket/a%20b", "gs://bucket/", "a b"),
            ("http://host:8080/a/b", "http://host:8080/", "a/b"),
            ("https://host", "https://host/", ""),
            (
                "abfss://logs@me.dfs.core.windows.net/a",
                "abfss://logs.me.dfs.core.windows.net/",
                "a",
            ),
            (
                "https://me.blob.core.windows.net/logs/a",
                "https://logs.me.blob.core.windows.net/",
                "a",
            ),
            (
                "https://s3.eu-west-1.amazonaws.com/bucket/a",
                "https://bucket.s3.eu-west-1.amazonaws.com/",
                "a",
            ),
        ] {
            let found = locate(text).unwrap_or_else(|e| panic!("{text}: {e}"));
            assert_eq!((found.url.as_str(), found.prefix.as_ref()), (url, prefix), "{text}");
            assert_eq!(found.display, text.trim_end_matches('/'));
        }
    }

    #[test]
    fn what_is_no_place_says_why_and_repeats_no_secret() {
        for (text, words) in [
            ("s3://key:secret@bucket/x", "credentials belong in the environment"),
            ("https://me.blob.core.windows.net/c/x?sig=secret", "tokens belong in the environment"),
            (
                "abfss://logs:secret@me.dfs.core.windows.net/x",
                "credentials belong in the environment",
            ),
            (
                "ftp://host/x",
                "scheme `ftp` is not supported; use a path, file://, s3://, gs://, az://",
            ),
            ("s3:///x", "it names no bucket, container or host"),
            ("memory:///x", "scheme `memory` is not supported"),
        ] {
            let message = locate(text).unwrap_err().to_string();
            assert!(message.starts_with("p.yaml:3: sources.events.path: `"), "{message}");
            assert!(message.contains(words) && !message.contains("secret"), "{message}");
        }
    }
}
