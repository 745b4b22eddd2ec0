//! Blobs on their way in: written and hashed in `.ingest`, then renamed to their digest.

use std::{
    fs::{self, File, Permissions},
    io::{self, BufWriter, Write},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use tempfile::{Builder, NamedTempFile, TempDir, TempPath};

use super::lock;
use crate::{
    digest::{Digest, HashingWriter},
    error::{Error, Result},
};

/// Bytes collected before a system call: tars come in blocks of 512.
const BUFFER: usize = 256 << 10;

/// A blob that is being written; dropped without [`commit`](Self::commit), it is gone.
#[derive(Debug)]
pub struct BlobWriter {
    out: HashingWriter<BufWriter<File>>,
    temporary: TempPath,
    blobs: PathBuf,
}

impl BlobWriter {
    pub(super) fn new(ingest: &Path, blobs: PathBuf) -> Result<Self> {
        let (file, temporary) = owned_file(ingest)?.into_parts();
        Ok(Self { out: HashingWriter::new(BufWriter::with_capacity(BUFFER, file)), temporary, blobs })
    }

    /// Makes the blob visible under its digest; gives that and its size. One that is there already stays.
    pub fn commit(self) -> Result<(Digest, u64)> {
        let (mut out, digest, size) = self.out.finish();
        out.flush().map_err(Error::io("write", &*self.temporary))?;
        settle(&self.blobs.join(digest.hex()), size, |target| self.temporary.persist(target).map_err(|e| e.error))?;
        Ok((digest, size))
    }
}

impl Write for BlobWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Moves a blob to its place, unless it is there; one of another size was cut by a power loss.
pub(super) fn settle(target: &Path, size: u64, rename: impl FnOnce(&Path) -> io::Result<()>) -> Result<()> {
    if fs::symlink_metadata(target).is_ok_and(|there| there.is_file() && there.len() == size) {
        return Ok(());
    }
    rename(target).map_err(Error::io("create", target))
}

/// A folder for blobs of one writer, which is locked and goes with this value.
#[derive(Debug)]
pub(super) struct Folder {
    folder: TempDir,
    _lock: File,
}

impl Folder {
    pub(super) fn new(ingest: &Path) -> Result<Self> {
        loop {
            let folder = Builder::new().prefix("new-").tempdir_in(ingest);
            let folder = folder.map_err(Error::io("create a folder in", ingest))?;
            let failed = |source| Error::io("lock", folder.path())(source);
            let lock = match File::open(folder.path()) {
                // a sweep took it for an abandoned one
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                lock => lock.map_err(failed)?,
            };
            flock(&lock, FlockOperation::LockExclusive).map_err(|e| failed(e.into()))?;
            if lock.metadata().map_err(failed)?.nlink() > 0 {
                return Ok(Self { folder, _lock: lock });
            }
        }
    }

    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Makes a temporary file and locks it, which says that its owner lives.
pub(super) fn owned_file(ingest: &Path) -> Result<NamedTempFile> {
    loop {
        // readable by all, as blobs are elsewhere; the store's own folder is not
        let file = Builder::new().prefix("new-").permissions(Permissions::from_mode(0o644)).tempfile_in(ingest);
        let file = file.map_err(Error::io("create a file in", ingest))?;
        let failed = |source| Error::io("lock", file.path())(source);
        flock(file.as_file(), FlockOperation::LockExclusive).map_err(|e| failed(e.into()))?;
        // a sweep between the two calls above took the file for an abandoned one
        if file.as_file().metadata().map_err(failed)?.nlink() > 0 {
            return Ok(file);
        }
    }
}

/// Removes temporary files, and folders of them, that lost their owner.
pub(super) fn sweep(ingest: &Path) -> Result<()> {
    for entry in fs::read_dir(ingest).map_err(Error::io("list", ingest))? {
        let path = entry.map_err(Error::io("list", ingest))?.path();
        // locked until it is gone: its owner may be about to lock it, and must find out
        if let Some(locked) = lock::take_abandoned(&path)? {
            if locked.metadata().is_ok_and(|metadata| metadata.is_dir()) {
                fs::remove_dir_all(&path).map_err(Error::io("remove", &path))?;
            } else {
                lock::remove(&path)?;
            }
        }
    }
    Ok(())
}
