//! Folders for what a process needs on disk while it runs and for nothing after: what operators spill, tables that are made again to
//! be compared.
//!
//! A folder is gone when what it is for ends, well or badly, and when a signal ends the process. A process that is killed outright
//! leaves its own behind; the next one in the same place finds that nobody holds its lock any more, and removes it.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

/// What every such folder's name begins with, once it is locked.
const PREFIX: &str = "verdict-scratch-";

/// The file whose lock its process holds. It says on which start of which machine.
const LOCK: &str = "owner.lock";

/// Where another machine may share the place, or a machine may have been started again, locks tell nothing: age does.
const SURELY_OVER: Duration = Duration::from_secs(7 * 24 * 3600);

/// The folders of this process, for [`leave_no_scratch`].
static OURS: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A folder of this process alone, removed when it is dropped.
#[derive(Debug)]
pub struct Scratch {
    folder: PathBuf,
    /// The lock ends with it, or with the process.
    _lock: File,
}

impl Scratch {
    /// A new folder in `place`, which is made where it is not there; folders of processes that were killed are removed from it.
    ///
    /// # Errors
    /// Nothing can be written there.
    pub fn new(place: &Path) -> io::Result<Self> {
        fs::create_dir_all(place)?;
        remove_left_over(place);
        // Under another name until it is locked: nobody may find it before and take it for one that was left behind.
        let being_made = tempfile::Builder::new().prefix(".verdict-").tempdir_in(place)?;
        let mut lock = File::create(being_made.path().join(LOCK))?;
        // On a file system without locks nobody else can take it either.
        let _ = lock.try_lock();
        lock.write_all(this_start().as_bytes())?;
        let folder = place.join(unique_name(&being_made));
        fs::rename(being_made.path(), &folder)?;
        // It is no longer there under its first name.
        let _ = being_made.keep();
        ours().push(folder.clone());
        Ok(Self { folder, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        ours().retain(|folder| *folder != self.folder);
        remove(&self.folder);
    }
}

/// Removes all folders of this process: for its end, where threads may still be in the middle of something.
pub fn leave_no_scratch() {
    let folders = std::mem::take(&mut *ours());
    folders.iter().for_each(|folder| remove(folder));
}

fn ours() -> std::sync::MutexGuard<'static, Vec<PathBuf>> {
    OURS.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unique_name(being_made: &TempDir) -> String {
    let name = being_made.path().file_name().map(|name| name.to_string_lossy().into_owned());
    let name = name.unwrap_or_default();
    format!("{PREFIX}{}", name.trim_start_matches(".verdict-"))
}

/// Removes a folder, again while a thread still puts files into it.
fn remove(folder: &Path) {
    for _ in 0..5 {
        match fs::remove_dir_all(folder) {
            Err(e) if e.kind() == io::ErrorKind::DirectoryNotEmpty => {}
            // What cannot be removed is left to the next process.
            _ => return,
        }
    }
}

/// Removes the folders of processes that are no more. None of it is needed by anybody, so what cannot be read or removed stays.
fn remove_left_over(place: &Path) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) && is_over(&entry.path()) {
            remove(&entry.path());
        }
    }
}

fn is_over(folder: &Path) -> bool {
    let lock = folder.join(LOCK);
    let Ok(file) = File::options().read(true).write(true).open(&lock) else { return false };
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => false,
        Ok(()) if fs::read_to_string(&lock).is_ok_and(|start| start == this_start()) => true,
        _ => {
            let age =
                file.metadata().and_then(|metadata| metadata.modified()).map(|at| at.elapsed());
            age.is_ok_and(|age| age.is_ok_and(|age| age > SURELY_OVER))
        }
    }
}

/// What tells one start of one machine from every other, as far as the system says; locks hold within it.
fn this_start() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(place: &Path) -> Vec<String> {
        let names = fs::read_dir(place).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_folder_goes_with_its_use() {
        let place = tempfile::tempdir().unwrap();
        let within = place.path().join("made");
        let (one, other) = (Scratch::new(&within).unwrap(), Scratch::new(&within).unwrap());
        fs::create_dir(one.path().join("spilled")).unwrap();
        fs::write(one.path().join("spilled/part"), b"rows").unwrap();
        assert_eq!(names(&within).len(), 2, "a folder that is in use is no leftover");
        drop(one);
        assert_eq!(names(&within), [other.path().file_name().unwrap().to_str().unwrap()]);
        drop(other);
        assert!(names(&within).is_empty());
    }

    #[test]
    fn what_a_killed_process_left_is_removed() {
        let place = tempfile::tempdir().unwrap();
        let left = |name: &str, start: &str| {
            let folder = place.path().join(name);
            fs::create_dir_all(folder.join("datafusion-x")).unwrap();
            fs::write(folder.join("datafusion-x/part"), b"rows").unwrap();
            fs::write(folder.join(LOCK), start).unwrap();
            folder
        };
        let dead = left("verdict-scratch-dead", &this_start());
        let elsewhere = left("verdict-scratch-elsewhere", "another machine");
        let old = left("verdict-scratch-old", "another machine");
        let long_ago = std::time::SystemTime::now() - SURELY_OVER - Duration::from_secs(60);
        File::options().write(true).open(old.join(LOCK)).unwrap().set_modified(long_ago).unwrap();
        let foreign = left("somebody-elses", &this_start());
        let scratch = Scratch::new(place.path()).unwrap();
        assert_eq!(
            [&dead, &elsewhere, &old, &foreign].map(|folder| folder.exists()),
            [false, true, false, true]
        );
        drop(scratch);
    }
}
