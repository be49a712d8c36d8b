//! Object stores by URL or path: one place where a location becomes a store and a prefix in it.

use std::collections::HashMap;
use std::fmt;
use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::execution::object_store::ObjectStoreUrl;
use datafusion::prelude::SessionContext;
use object_store::ObjectStore;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use url::Url;
use verdict_model::{Located, Place};

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
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.display)
    }
}

impl Location {
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

/// The stores of a process, made once for each bucket and shared.
///
/// `s3://` is configured by the environment as the object-store library has it (`AWS_ENDPOINT`,
/// `AWS_REGION`, `AWS_ACCESS_KEY_ID`, …); credentials are never read from a project's files.
#[derive(Debug, Default)]
pub struct Stores {
    made: Mutex<HashMap<String, Arc<dyn ObjectStore>>>,
}

impl Stores {
    /// No stores yet.
    pub fn new() -> Stores {
        Stores::default()
    }

    /// The location that `url` (a path, `file://` or `s3://`) names, registered with the engine.
    pub(crate) fn locate(&self, ctx: &SessionContext, url: &Located<String>) -> Result<Location> {
        self.locate_text(ctx, &url.value, &url.place)
    }

    fn locate_text(&self, ctx: &SessionContext, text: &str, place: &Place) -> Result<Location> {
        let fail = |reason: String| Error::Location {
            place: Box::new(place.clone()),
            url: redact(text),
            reason,
        };
        if !text.contains("://") {
            let path = absolute(FilePath::new(text)).map_err(|e| fail(e.to_string()))?;
            return self.local(&path, text).map_err(fail);
        }
        let url = Url::parse(text).map_err(|e| fail(e.to_string()))?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(fail("credentials belong in the environment, not in a URL".into()));
        }
        match url.scheme() {
            "file" => {
                let path = url.to_file_path().map_err(|()| fail("not an absolute path".into()))?;
                self.local(&path, text).map_err(fail)
            }
            "s3" | "s3a" => {
                let bucket = url.host_str().ok_or_else(|| fail("no bucket".into()))?;
                let root = format!("s3://{bucket}");
                let store = self.made_once(&root, || {
                    let built = AmazonS3Builder::from_env().with_bucket_name(bucket).build();
                    Ok(Arc::new(built.map_err(|e| fail(e.to_string()))?) as Arc<dyn ObjectStore>)
                })?;
                let parsed = Url::parse(&root).map_err(|e| fail(e.to_string()))?;
                ctx.register_object_store(&parsed, Arc::clone(&store));
                let prefix = Path::from_url_path(url.path()).map_err(|e| fail(e.to_string()))?;
                let url = ObjectStoreUrl::parse(&root).map_err(|e| fail(e.to_string()))?;
                Ok(Location { store, url, prefix, display: text.trim_end_matches('/').to_owned() })
            }
            other => Err(fail(format!(
                "scheme `{other}` is not supported; use a path, file:// or s3://"
            ))),
        }
    }

    fn local(&self, path: &FilePath, text: &str) -> std::result::Result<Location, String> {
        let store = self.made_once("file://", || {
            Ok::<_, String>(Arc::new(LocalFileSystem::new()) as Arc<dyn ObjectStore>)
        })?;
        // The folder may not exist yet (tables), so only the lexical path is used.
        let prefix = Path::from_absolute_path(path).map_err(|e| e.to_string())?;
        let display = text.trim_end_matches('/').to_owned();
        Ok(Location { store, url: ObjectStoreUrl::local_filesystem(), prefix, display })
    }

    fn made_once<E>(
        &self,
        root: &str,
        make: impl FnOnce() -> std::result::Result<Arc<dyn ObjectStore>, E>,
    ) -> std::result::Result<Arc<dyn ObjectStore>, E> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = made.get(root) {
            return Ok(Arc::clone(store));
        }
        let store = make()?;
        made.insert(root.to_owned(), Arc::clone(&store));
        Ok(store)
    }
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

/// `text` without what may be a secret: the user information and the query of a URL.
fn redact(text: &str) -> String {
    let Ok(mut url) = Url::parse(text) else { return text.to_owned() };
    if !url.username().is_empty() || url.password().is_some() {
        let _ = url.set_username("…");
        let _ = url.set_password(None);
    }
    if url.query().is_some() {
        url.set_query(Some("…"));
    }
    url.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locate(text: &str) -> Result<Location> {
        let place = Place { file: "p.yaml".into(), line: 3, key: "sources.events.path".into() };
        Stores::new().locate(&SessionContext::new(), &Located { value: text.into(), place })
    }

    #[test]
    fn a_path_is_resolved_by_name() {
        assert_eq!(locate("/a/b/../c/./d").unwrap().prefix.as_ref(), "a/c/d");
        assert_eq!(locate("file:///a/b").unwrap().prefix.as_ref(), "a/b");
    }

    #[test]
    fn a_url_with_credentials_is_refused_and_not_repeated() {
        let message = locate("s3://key:secret@bucket/x").unwrap_err().to_string();
        assert!(message.contains("credentials belong in the environment"), "{message}");
        assert!(!message.contains("secret"), "{message}");
    }

    #[test]
    fn an_unknown_scheme_says_which_are_known() {
        let message = locate("ftp://host/x").unwrap_err().to_string();
        assert_eq!(
            message,
            "p.yaml:3: sources.events.path: `ftp://host/x` is not a path or URL that Verdict can read: \
             scheme `ftp` is not supported; use a path, file:// or s3://"
        );
    }
}
