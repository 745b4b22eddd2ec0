//! Detached mounts of stacks of directories, made by descriptors: `fsopen(2)`, one `lowerdir+` a layer (no limit but the
//! kernel's 500 layers), `fsmount(2)`. Nothing is attached anywhere: a mount lives as long as its descriptor.

use std::{
    fs::File,
    io::Read,
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use rustix::{
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, OpenTreeFlags, fsconfig_create, fsconfig_set_fd, fsconfig_set_flag,
        fsconfig_set_string, fsmount, fsopen, open_tree,
    },
};

use super::remove::remove_tree;
use crate::{Error, Result, sys, userns::Ids};

/// The writable half of an overlay.
pub(super) struct Upper<'a> {
    pub(super) fs: BorrowedFd<'a>,
    pub(super) work: BorrowedFd<'a>,
}

/// Mounts what the directories `lowers`, bottom first, show together, with what is written going to `upper`.
pub(super) fn writable(lowers: &[OwnedFd], upper: &Upper<'_>, ids: Ids) -> Result<OwnedFd> {
    if lowers.is_empty() {
        return clone_of(upper.fs);
    }
    overlay(lowers, Some(upper), ids)
}

/// Lets directories be mounted again that were the writable half of an overlay before: a mount that syncs nothing leaves a
/// mark, so that nobody trusts them after a crash (overlayfs.rst, "volatile mount"). Who keeps them does.
pub(super) fn allow_again(work: BorrowedFd<'_>) -> Result<()> {
    remove_tree(work, c"work/incompat").map_err(Error::kernel("use again", "the work directory of an overlay"))
}

/// Mounts what the directories `lowers`, bottom first, show together, read-only.
pub(super) fn read_only(lowers: &[OwnedFd], ids: Ids) -> Result<OwnedFd> {
    match lowers {
        [] => nothing(),
        // an overlay without an upper directory wants two layers
        [only] => {
            let mount = clone_of(only.as_fd())?;
            sys::mount::set_read_only(mount.as_fd())
                .map_err(Error::kernel("make read-only", "the mount of a layer"))?;
            Ok(mount)
        }
        several => overlay(several, None, ids),
    }
}

fn nothing() -> Result<OwnedFd> {
    let failed = |errno: Errno| Error::kernel("mount", "an empty tmpfs")(errno);
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).map_err(failed)?;
    fsconfig_set_string(&context, c"mode", c"0755").map_err(failed)?;
    fsconfig_create(&context).map_err(failed)?;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, MountAttrFlags::MOUNT_ATTR_RDONLY).map_err(failed)
}

fn clone_of(directory: BorrowedFd<'_>) -> Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(directory, c"", flags).map_err(Error::kernel("mount", "the directory of a layer"))
}

fn overlay(lowers: &[OwnedFd], upper: Option<&Upper<'_>>, ids: Ids) -> Result<OwnedFd> {
    let context =
        fsopen(c"overlay", FsOpenFlags::FSOPEN_CLOEXEC).map_err(Error::kernel("open", "the overlay file system"))?;
    configure(&context, lowers, upper, ids)
        .and_then(|()| {
            let attributes = if upper.is_some() { MountAttrFlags::empty() } else { MountAttrFlags::MOUNT_ATTR_RDONLY };
            fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)
        })
        .map_err(|errno| Error::Overlay { layers: lowers.len(), message: messages(context), source: errno.into() })
}

fn configure(context: &OwnedFd, lowers: &[OwnedFd], upper: Option<&Upper<'_>>, ids: Ids) -> Result<(), Errno> {
    if ids != Ids::All {
        // in a user namespace trusted.* attributes cannot be written
        fsconfig_set_flag(context, c"userxattr")?;
    }
    // every name that changes is written in full, so that the upper directory alone says what changed, and nothing
    // that a layer brings is followed out of its place
    for (key, value) in [(c"redirect_dir", c"nofollow"), (c"metacopy", c"off")] {
        fsconfig_set_string(context, key, value)?;
    }
    if let Some(upper) = upper {
        fsconfig_set_string(context, c"index", c"off")?;
        // nothing is synced: what a crash of the machine damages is made again (see `epoch`)
        fsconfig_set_flag(context, c"volatile")?;
        set_directory(context, c"upperdir", upper.fs)?;
        set_directory(context, c"workdir", upper.work)?;
    }
    for lower in lowers.iter().rev() {
        set_directory(context, c"lowerdir+", lower.as_fd())?;
    }
    fsconfig_create(context)
}

/// By descriptor; by the descriptor's name in /proc on kernels before 6.13, which know paths only.
fn set_directory(context: &OwnedFd, key: &std::ffi::CStr, directory: BorrowedFd<'_>) -> Result<(), Errno> {
    match fsconfig_set_fd(context, key, directory) {
        Err(Errno::INVAL) => fsconfig_set_string(context, key, format!("/proc/self/fd/{}", directory.as_raw_fd())),
        result => result,
    }
}

/// What the file system said while it was set up: lines such as `e overlay: workdir and upperdir must be …`.
fn messages(context: OwnedFd) -> String {
    // each read gives one message, and fails when there are no more
    let mut context = File::from(context);
    let mut all = Vec::new();
    let mut message = [0; 512];
    while let Ok(length @ 1..) = context.read(&mut message) {
        let text = String::from_utf8_lossy(&message[..length]);
        all.push(text.trim_start_matches(['e', 'w', 'i', ' ']).trim_end().to_owned());
    }
    all.join("; ")
}
