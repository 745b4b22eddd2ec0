//! A directory of the caller's that began as a copy of a snapshot: what stands in for an overlay whose upper directory is kept.
//!
//! The copy is `work/tree`. What overlay keeps in the upper directory is no tree, and where both were used each has its own.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use rustix::{
    fs::{Gid, Mode, RenameFlags, Uid, fchmod, fchown, fstat, mkdirat, renameat_with},
    io::Errno,
};

use super::{
    Committed,
    active::random_name,
    remove::{open_directory, remove_tree},
};
use crate::{Error, Result, copy};

/// The copy, once it is whole.
const TREE: &str = "tree";

/// Opens the copy of `snapshot` below `work`, made where it is missing, with the owner and mode of `upper`.
pub(super) fn tree(snapshot: &Committed, upper: &OwnedFd, work: &OwnedFd) -> Result<OwnedFd> {
    let failed = |error: io::Error| Error::kernel("make", "a directory that begins as a snapshot")(error);
    match open_directory(work.as_fd(), TREE) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        opened => return opened.map_err(failed),
    }
    let partial = format!("{TREE}-{}", random_name().map_err(failed)?);
    let made = fill(snapshot, upper, work, &partial);
    let whole = made.and_then(|()| match renameat_with(work, &partial, work, TREE, RenameFlags::NOREPLACE) {
        // somebody else was faster
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(failed(errno.into())),
    });
    remove_tree(work.as_fd(), partial.as_str()).map_err(failed)?;
    whole?;
    open_directory(work.as_fd(), TREE).map_err(failed)
}

fn fill(snapshot: &Committed, upper: &OwnedFd, work: &OwnedFd, partial: &str) -> Result<()> {
    let failed = |error: io::Error| Error::kernel("fill", "a directory that begins as a snapshot")(error);
    mkdirat(work, partial, Mode::RWXU).map_err(|errno| failed(errno.into()))?;
    let tree = open_directory(work.as_fd(), partial).map_err(failed)?;
    if let Some(seed) = snapshot.top()? {
        copy::tree(seed.as_fd(), tree.as_fd())?;
    }
    let describe = || -> Result<(), Errno> {
        let stat = fstat(upper)?;
        fchown(&tree, Some(Uid::from_raw(stat.st_uid)), Some(Gid::from_raw(stat.st_gid)))?;
        fchmod(&tree, Mode::from_raw_mode(stat.st_mode & 0o7777))
    };
    describe().map_err(|errno| failed(errno.into()))
}
