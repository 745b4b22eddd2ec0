//! Locks between processes: `flock` on files below `<root>/locks`, which the kernel releases when their holder dies.

use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use rustix::fs::{FlockOperation, flock};
use tempfile::NamedTempFile;

use super::Store;
use crate::error::{Error, Result};

/// Holds off garbage collection; made by [`Store::shared_lock`].
#[derive(Debug)]
pub struct StoreLock {
    _shared: File,
    /// Goes with this value; stays when the process is killed, and so tells of it.
    _session: NamedTempFile,
}

impl Store {
    /// Holds off garbage collection while a build or an import is under way.
    ///
    /// Any number of these may be held at a time. Waits while a collection runs, and sweeps up after killed writers.
    pub fn shared_lock(&self) -> Result<StoreLock> {
        self.sweep()?;
        let shared = open(&self.locks_dir().join("images.lock"))?;
        let path = self.locks_dir().join("images.lock");
        flock(&shared, FlockOperation::LockShared).map_err(|e| Error::io("lock", path)(e.into()))?;
        let sessions = self.locks_dir().join("images.sessions");
        let session = NamedTempFile::new_in(&sessions).map_err(Error::io("create a file in", sessions))?;
        let path = session.path().to_owned();
        flock(session.as_file(), FlockOperation::LockExclusive).map_err(|e| Error::io("lock", path)(e.into()))?;
        Ok(StoreLock { _shared: shared, _session: session })
    }

    /// Whether a writer was killed since the last garbage collection, so that blobs may be there that nothing names.
    ///
    /// Who writes next, and knows all roots, should call [`gc`](Self::gc).
    pub fn was_interrupted(&self) -> Result<bool> {
        let sessions = self.locks_dir().join("images.sessions");
        for entry in fs::read_dir(&sessions).map_err(Error::io("list", &sessions))? {
            let path = entry.map_err(Error::io("list", &sessions))?.path();
            if take_abandoned(&path)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Locks out all writers and removes the traces of those that were killed; an error when there are writers.
    pub(super) fn exclusive_lock(&self) -> Result<File> {
        let path = self.locks_dir().join("images.lock");
        let lock = open(&path)?;
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                return Err(Error::Busy { store: self.root.clone() });
            }
            Err(error) => return Err(Error::io("lock", path)(error.into())),
        }
        Ok(lock)
    }

    /// Forgets killed writers; under the exclusive lock no other session can be.
    pub(super) fn end_sessions(&self) -> Result<()> {
        let sessions = self.locks_dir().join("images.sessions");
        for entry in fs::read_dir(&sessions).map_err(Error::io("list", &sessions))? {
            remove(&entry.map_err(Error::io("list", &sessions))?.path())?;
        }
        Ok(())
    }
}

/// Opens a lock file, making it where it is missing.
fn open(path: &Path) -> Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    file.map_err(Error::io("open", path))
}

/// Waits for a lock that one process can hold.
pub(super) fn exclusive(path: &Path) -> Result<File> {
    let file = open(path)?;
    flock(&file, FlockOperation::LockExclusive).map_err(|e| Error::io("lock", path)(e.into()))?;
    Ok(file)
}

/// Takes over the lock of a file whose owner, who keeps it locked, is gone. `None` while there is one.
pub(super) fn take_abandoned(path: &Path) -> Result<Option<File>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("open", path)(error)),
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
        Err(error) => Err(Error::io("lock", path)(error.into())),
    }
}

/// Removes a file that may be gone already.
pub(super) fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", path)(error)),
        _ => Ok(()),
    }
}
