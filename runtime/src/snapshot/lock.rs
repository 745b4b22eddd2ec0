//! Who uses a directory below `snapshots/`: a lock (`flock(2)`) on the directory itself, gone with its holder.
//!
//! Between the opening of a directory and its lock someone may have moved it away to remove it. So what was locked counts
//! only while it still stands under its name.

use std::{
    io,
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, openat, statat},
    io::Errno,
};

/// Opens a directory and shares it with who else reads it, waiting for who has it alone; `None` when it is not there.
pub(super) fn share(parent: BorrowedFd<'_>, name: &str) -> io::Result<Option<OwnedFd>> {
    lock(parent, name, FlockOperation::LockShared)
}

/// Opens a directory and has it alone; `None` when it is not there or somebody uses it.
pub(super) fn seize(parent: BorrowedFd<'_>, name: &str) -> io::Result<Option<OwnedFd>> {
    lock(parent, name, FlockOperation::NonBlockingLockExclusive)
}

/// Lets others share the directory `name`, which we had alone.
///
/// # Errors
/// `ESTALE` when somebody removed it between the one lock and the other, since `flock(2)` does not change it in one step.
pub(super) fn release_to_readers(parent: BorrowedFd<'_>, name: &str, directory: &OwnedFd) -> io::Result<()> {
    flock(directory, FlockOperation::LockShared)?;
    if stands_as(parent, name, directory)? { Ok(()) } else { Err(Errno::STALE.into()) }
}

fn lock(parent: BorrowedFd<'_>, name: &str, operation: FlockOperation) -> io::Result<Option<OwnedFd>> {
    let directory = match openat(
        parent,
        name,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
    ) {
        Ok(directory) => directory,
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    match flock(&directory, operation) {
        Ok(()) => {}
        Err(Errno::WOULDBLOCK) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    }
    Ok(stands_as(parent, name, &directory)?.then_some(directory))
}

fn stands_as(parent: BorrowedFd<'_>, name: &str, directory: &OwnedFd) -> io::Result<bool> {
    let ours = fstat(directory)?;
    match statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(named) => Ok((named.st_dev, named.st_ino) == (ours.st_dev, ours.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno.into()),
    }
}
