//! `--mount=type=cache`: directories that outlive the build.
//!
//! ```text
//! <root>/cache/mounts/<id, seed, owner, mode: hashed>[-N]/
//!   fs/     what steps see; with a seed, what they changed of it
//!   work/   overlay's own, with a seed
//! ```
//!
//! Who uses one holds a lock on its directory: shared, or alone where the mount asks for it. `private` takes the first that
//! nobody uses.

use std::{
    any::Any,
    fs::{self, DirBuilder, File},
    io,
    os::{
        fd::OwnedFd,
        unix::fs::{DirBuilderExt as _, MetadataExt as _},
    },
    path::Path,
    sync::Arc,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, Gid, Mode, Uid, fchmod, fchown, flock},
    io::Errno,
};
use strata_dockerfile::mount::Sharing;
use strata_runtime::process::MountSource;

use super::{Scope, mounts::CacheDirectory};
use crate::{
    cache::{MOUNTS, note_use},
    cause::Cause,
    key::KeyWriter,
    tree::open_root,
};

/// How often a directory that somebody has alone is looked at again.
const PATIENCE: Duration = Duration::from_millis(50);

/// Opens the directory of a cache mount, made where it is missing; it is ours as long as what is given with it lives.
pub(super) fn open(cache: &CacheDirectory, scope: &Scope<'_>) -> Result<(MountSource, Box<dyn Any>), Cause> {
    let failed = |source| Cause::Host { operation: "open a cache mount", source };
    let mounts = scope.engine.cache.join(MOUNTS);
    let mut name = KeyWriter::new("cache mount");
    name.field(cache.id.as_bytes());
    name.optional(cache.seed_identity().as_ref().map(|identity| identity.as_bytes().as_slice()));
    for part in [cache.access.mode, cache.access.uid, cache.access.gid] {
        name.optional(part.map(u32::to_le_bytes).as_ref().map(<[u8; 4]>::as_slice));
    }
    let name = name.finish().to_string();
    // two mounts that write into one upper directory would spoil it
    let sharing =
        if cache.seed.is_some() && cache.sharing == Sharing::Shared { Sharing::Locked } else { cache.sharing };
    let (directory, lock) = take(&mounts, &name, sharing, scope).map_err(failed)?.ok_or(Cause::Stopped)?;
    note_use(&lock);
    let upper = make(&directory.join("fs"), cache).map_err(failed)?;
    let (root, held): (OwnedFd, Box<dyn Any>) = match &cache.seed {
        None => (upper, Box::new(lock)),
        Some(seed) => {
            let work = make(&directory.join("work"), cache).map_err(failed)?;
            let lower = seed.snapshot(&scope.engine.snapshots)?;
            let merged = scope.engine.snapshots.above(&lower, &upper, &work)?;
            (merged, Box::new((lock, lower)))
        }
    };
    Ok((MountSource::Tree { root: Arc::new(root), path: cache.source.clone().into() }, held))
}

/// Locks a directory as the sharing mode says; `None` when the build was stopped meanwhile.
fn take(
    mounts: &Path,
    name: &str,
    sharing: Sharing,
    scope: &Scope<'_>,
) -> io::Result<Option<(std::path::PathBuf, File)>> {
    for number in 0_u32.. {
        let name = if number == 0 { name.to_owned() } else { format!("{name}-{number}") };
        let path = mounts.join(name);
        let mut lock = open_or_make(&path)?;
        let operation = match sharing {
            Sharing::Shared => FlockOperation::NonBlockingLockShared,
            Sharing::Private | Sharing::Locked => FlockOperation::NonBlockingLockExclusive,
        };
        loop {
            match flock(&lock, operation) {
                Ok(()) if leads_to(&path, &lock) => return Ok(Some((path, lock))),
                // a prune took it away between its making and its lock, and another build may have made it again
                Ok(()) => lock = open_or_make(&path)?,
                Err(Errno::WOULDBLOCK) if sharing == Sharing::Private => break,
                Err(Errno::WOULDBLOCK) => {}
                Err(errno) => return Err(errno.into()),
            }
            if scope.stop.iter().any(|cancel| cancel.is_cancelled()) {
                return Ok(None);
            }
            std::thread::sleep(PATIENCE);
        }
    }
    Ok(None)
}

/// Opens a directory to be locked, which is made where it is not.
fn open_or_make(path: &Path) -> io::Result<File> {
    loop {
        DirBuilder::new().recursive(true).mode(0o700).create(path)?;
        match File::open(path) {
            // a prune took it away
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
    }
}

/// Whether a path still leads to what was opened by it.
fn leads_to(path: &Path, opened: &File) -> bool {
    let identity = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    let there = fs::symlink_metadata(path).map(identity);
    there.is_ok_and(|there| opened.metadata().map(identity).is_ok_and(|opened| opened == there))
}

/// Opens one of its directories; one that is made gets the mode and the owner that the mount says.
fn make(path: &Path, cache: &CacheDirectory) -> io::Result<OwnedFd> {
    let made = match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => true,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(error),
    };
    let directory = open_root(path)?;
    if made && cache.seed.is_none() {
        let id = |id: Option<u32>| id.unwrap_or(0);
        fchown(&directory, Some(Uid::from_raw(id(cache.access.uid))), Some(Gid::from_raw(id(cache.access.gid))))?;
        fchmod(&directory, Mode::from_raw_mode(cache.access.mode.unwrap_or(0o755)))?;
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_directory_that_was_made_again_is_not_the_one_that_was_locked() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mounts/id");
        let first = open_or_make(&path).unwrap();
        assert!(leads_to(&path, &first));
        fs::remove_dir(&path).unwrap();
        assert!(!leads_to(&path, &first));
        let second = open_or_make(&path).unwrap();
        assert!(!leads_to(&path, &first));
        assert!(leads_to(&path, &second));
    }
}
