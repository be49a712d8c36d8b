//! An object in the making: in one request when it is small, in parts when it is not, and nothing left when it fails.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use object_store::path::Path;
use object_store::{Error, MultipartUpload, ObjectStore, ObjectStoreExt, Result};
use tokio::runtime::Handle;
use tokio::task::{JoinHandle, JoinSet};

/// The size of a part: all parts but the last have it, as some stores want, and none may be smaller than 5 MiB.
const PART: usize = 8 << 20;

/// How many parts are under way at once.
const PARTS_AT_ONCE: usize = 4;

/// An object that nobody sees before [`Upload::finish`]. Dropped before that, its parts are taken back in the background;
/// [`settle`] waits for it.
pub(crate) struct Upload {
    store: Arc<dyn ObjectStore>,
    path: Path,
    rest: BytesMut,
    parts: Parts,
}

/// How the object goes out.
enum Parts {
    /// It is small so far.
    None,
    /// The store takes no parts: all of it goes in one request.
    NotSupported,
    Begun(Begun),
}

struct Begun {
    upload: Box<dyn MultipartUpload>,
    under_way: JoinSet<Result<()>>,
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Upload {
    pub(crate) fn new(store: Arc<dyn ObjectStore>, path: Path) -> Upload {
        Upload { store, path, rest: BytesMut::new(), parts: Parts::None }
    }

    /// Adds `bytes` to the object.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn put(&mut self, bytes: Bytes) -> Result<()> {
        self.rest.extend_from_slice(&bytes);
        while self.rest.len() > PART && !matches!(self.parts, Parts::NotSupported) {
            if matches!(self.parts, Parts::None) {
                self.parts = match self.store.put_multipart(&self.path).await {
                    Ok(upload) => Parts::Begun(Begun { upload, under_way: JoinSet::new() }),
                    Err(Error::NotImplemented { .. } | Error::NotSupported { .. }) => {
                        Parts::NotSupported
                    }
                    Err(error) => return Err(error),
                };
            }
            if let Parts::Begun(begun) = &mut self.parts {
                let part = self.rest.split_to(PART).freeze();
                begun.part(part).await?;
            }
        }
        Ok(())
    }

    /// Puts the object: from here on it is seen, whole.
    ///
    /// # Errors
    /// The store fails; then nothing is seen, and nothing is left.
    pub(crate) async fn finish(mut self) -> Result<()> {
        let rest = self.rest.split().freeze();
        if let Parts::Begun(begun) = &mut self.parts {
            if !rest.is_empty() {
                begun.part(rest).await?;
            }
            while let Some(part) = begun.under_way.join_next().await {
                part.map_err(Error::from)??;
            }
            begun.upload.complete().await?;
            self.parts = Parts::None;
            return Ok(());
        }
        self.store.put(&self.path, rest.into()).await?;
        Ok(())
    }
}

impl Begun {
    async fn part(&mut self, bytes: Bytes) -> Result<()> {
        while self.under_way.len() >= PARTS_AT_ONCE {
            if let Some(part) = self.under_way.join_next().await {
                part.map_err(Error::from)??;
            }
        }
        self.under_way.spawn(self.upload.put_part(bytes.into()));
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Parts::Begun(mut begun) = std::mem::replace(&mut self.parts, Parts::None) else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else { return };
        let task = runtime.spawn(async move {
            begun.under_way.shutdown().await;
            // What cannot be taken back now is left to the bucket's own rule for unfinished uploads.
            let _ = begun.upload.abort().await;
        });
        let mut pending = PENDING.lock().unwrap_or_else(PoisonError::into_inner);
        pending.retain(|task| !task.is_finished());
        pending.push(task);
    }
}

/// The uploads that are being taken back.
static PENDING: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// Waits until what was begun and not finished is taken back, but no longer than `patience`.
pub async fn settle(patience: Duration) {
    let pending = std::mem::take(&mut *PENDING.lock().unwrap_or_else(PoisonError::into_inner));
    let all = async {
        for task in pending {
            // It fails where the runtime ends, and then there is nobody left to tell.
            let _ = task.await;
        }
    };
    let _ = tokio::time::timeout(patience, all).await;
}

#[cfg(test)]
mod tests {
    use object_store::local::LocalFileSystem;
    use object_store::memory::InMemory;

    use super::*;

    #[tokio::test]
    async fn parts_make_the_same_object() {
        let store: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        let bytes: Bytes = (0..3 * PART + 5).map(|i| (i % 251) as u8).collect();
        for step in [1 << 20, PART, 2 * PART + 1, bytes.len()] {
            let mut upload = Upload::new(Arc::clone(&store), Path::from("x"));
            for from in (0..bytes.len()).step_by(step) {
                upload.put(bytes.slice(from..bytes.len().min(from + step))).await.unwrap();
            }
            upload.finish().await.unwrap();
            let found = store.get(&Path::from("x")).await.unwrap().bytes().await.unwrap();
            assert!(found == bytes, "in steps of {step}");
        }
    }

    #[tokio::test]
    async fn what_is_not_finished_is_not_seen_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn ObjectStore> =
            Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
        let mut upload = Upload::new(store, Path::from("x"));
        upload.put(Bytes::from(vec![7; 2 * PART])).await.unwrap();
        while let Parts::Begun(begun) = &mut upload.parts
            && let Some(part) = begun.under_way.join_next().await
        {
            part.unwrap().unwrap();
        }
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(files(), 1, "a part is staged beside the object");
        drop(upload);
        settle(Duration::from_secs(10)).await;
        assert_eq!(files(), 0);
    }
}
