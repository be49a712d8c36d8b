//! A store that reads of a log's object what was listed, or says that it is not that any more.
//!
//! A day is listed, its footers are read, and then its columns, in many requests. An object that is replaced in between
//! would be read half as it was and half as it is. So the objects of a log are pinned when they are listed, and a read of
//! one asks for that version (`If-Match`) and looks at the version that it got, for the servers that do not know the
//! condition.

use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload,
    OBJECT_STORE_COALESCE_DEFAULT, ObjectMeta, ObjectStore, ObjectStoreExt, PutMultipartOptions,
    PutOptions, PutPayload, PutResult, RenameOptions, Result, coalesce_ranges,
};

/// The versions of objects that may be read.
#[derive(Debug, Default)]
pub(crate) struct Pins(Mutex<Pinnings>);

#[derive(Debug, Default)]
struct Pinnings {
    objects: HashMap<Path, ObjectMeta>,
    /// How many objects a folder had when it was listed first.
    folders: HashMap<Path, usize>,
}

impl Pins {
    /// Pins the `objects` of a folder; where it was listed before, gives the first object that is not as it was, and
    /// what became of it.
    pub(crate) fn pin(
        &self,
        folder: &Path,
        objects: &[ObjectMeta],
    ) -> Option<(Path, &'static str)> {
        let mut pins = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = pins.folders.get(folder).copied();
        for object in objects {
            match pins.objects.get(&object.location) {
                Some(known) if same(known, object) => {}
                Some(_) => return Some((object.location.clone(), "was replaced")),
                None if listed.is_some() => return Some((object.location.clone(), "was added")),
                None => {
                    pins.objects.insert(object.location.clone(), object.clone());
                }
            }
        }
        if listed.is_some_and(|before| before > objects.len()) {
            return Some((folder.clone(), "has lost an object"));
        }
        pins.folders.insert(folder.clone(), objects.len());
        None
    }

    fn get(&self, location: &Path) -> Option<ObjectMeta> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).objects.get(location).cloned()
    }
}

/// Whether two descriptions are of one version.
fn same(one: &ObjectMeta, other: &ObjectMeta) -> bool {
    one.size == other.size
        && match (&one.e_tag, &other.e_tag) {
            (Some(one), Some(other)) => bare(one) == bare(other),
            // A store may tell the tag in one answer and not in another.
            _ => one.last_modified.timestamp() == other.last_modified.timestamp(),
        }
}

/// A version's tag: some servers write it in quotes in one answer and without in another.
fn bare(tag: &str) -> &str {
    tag.trim_start_matches("W/").trim_matches('"')
}

/// A store with pins.
#[derive(Debug)]
pub(crate) struct Pinned {
    inner: Arc<dyn ObjectStore>,
    pins: Arc<Pins>,
}

impl Pinned {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, pins: Arc<Pins>) -> Pinned {
        Pinned { inner, pins }
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// The object is not what it was.
fn replaced(location: &Path) -> Error {
    let source = "it was replaced after it was listed".into();
    Error::Precondition { path: location.to_string(), source }
}

#[async_trait]
impl ObjectStore for Pinned {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, mut options: GetOptions) -> Result<GetResult> {
        let Some(pin) = self.pins.get(location) else {
            return self.inner.get_opts(location, options).await;
        };
        // A weak tag fulfils no such condition, and one that was listed without its quotes is not what the server compares.
        let strong = pin.e_tag.as_ref().filter(|tag| tag.starts_with('"'));
        if options.if_match.is_none() {
            options.if_match = strong.cloned();
        }
        let got = self.inner.get_opts(location, options).await?;
        if same(&pin, &got.meta) { Ok(got) } else { Err(replaced(location)) }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let Some(pin) = self.pins.get(location) else {
            return self.inner.get_ranges(location, ranges).await;
        };
        // A file's tag is its time and size: it is looked at once, after its ranges were read in one go.
        if pin.e_tag.is_some() && self.inner.to_string().starts_with("LocalFileSystem") {
            let read = self.inner.get_ranges(location, ranges).await?;
            let now = self.inner.head(location).await?;
            return if same(&pin, &now) { Ok(read) } else { Err(replaced(location)) };
        }
        let fetch = |range: Range<u64>| self.get_range(location, range);
        coalesce_ranges(ranges, fetch, OBJECT_STORE_COALESCE_DEFAULT).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests {
    use object_store::memory::InMemory;

    use super::*;

    async fn put(store: &Pinned, text: &'static str) -> ObjectMeta {
        let path = Path::from("log/part-0.parquet");
        store.put(&path, text.into()).await.unwrap();
        store.inner.head(&path).await.unwrap()
    }

    #[tokio::test]
    async fn a_replaced_object_is_not_read() {
        let store = Pinned::new(Arc::new(InMemory::new()), Arc::default());
        let first = put(&store, "as it was").await;
        let folder = Path::from("log");
        assert!(store.pins.pin(&folder, std::slice::from_ref(&first)).is_none());
        assert!(store.pins.pin(&folder, std::slice::from_ref(&first)).is_none());
        let read = store.get_ranges(&first.location, &[0..2, 3..5]).await.unwrap();
        assert_eq!(read, ["as", "it"]);
        // Of the same length: only the version tells.
        let second = put(&store, "as it is.").await;
        for result in [
            store.get_range(&first.location, 0..2).await.err(),
            store.get_ranges(&first.location, &[0..2, 3..4]).await.err(),
            store.head(&first.location).await.err(),
        ] {
            assert!(matches!(result, Some(Error::Precondition { .. })), "{result:?}");
        }
        let pin = |objects: &[ObjectMeta]| store.pins.pin(&folder, objects).map(|(_, what)| what);
        assert_eq!(pin(std::slice::from_ref(&second)), Some("was replaced"));
        assert_eq!(pin(&[]), Some("has lost an object"));
        let other = ObjectMeta { location: Path::from("log/part-1.parquet"), ..first.clone() };
        assert_eq!(pin(&[first, other]), Some("was added"));
    }

    #[tokio::test]
    async fn a_replaced_file_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let local = object_store::local::LocalFileSystem::new_with_prefix(folder.path()).unwrap();
        let store = Pinned::new(Arc::new(local), Arc::default());
        let first = put(&store, "as it was").await;
        store.pins.pin(&Path::from("log"), std::slice::from_ref(&first));
        assert_eq!(store.get_ranges(&first.location, &[0..2, 3..5]).await.unwrap(), ["as", "it"]);
        put(&store, "as it is.").await;
        for result in [
            store.get_range(&first.location, 0..2).await.err(),
            store.get_ranges(&first.location, &[0..2, 3..4]).await.err(),
        ] {
            assert!(matches!(result, Some(Error::Precondition { .. })), "{result:?}");
        }
    }

    #[tokio::test]
    async fn what_is_not_pinned_may_change() {
        let store = Pinned::new(Arc::new(InMemory::new()), Arc::default());
        let first = put(&store, "one").await;
        put(&store, "two").await;
        assert_eq!(store.get_range(&first.location, 0..3).await.unwrap(), "two");
    }
}
