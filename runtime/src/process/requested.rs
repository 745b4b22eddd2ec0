//! The mounts that a [`Spec`](super::Spec) asks for. What each comes from is found or made once and held by a
//! descriptor: whatever is put in its place afterwards has no effect (CVE-2024-23651, CVE-2024-11218).

use std::{
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, fstat, openat},
    io::{Errno, fcntl_dupfd_cloexec},
    mount::{MountAttrFlags, OpenTreeFlags, open_tree},
};

use super::{
    Mount, MountSource,
    failure::kernel,
    file_system::{NoSwap, tmpfs},
    mount_points::{Kind, MountPoints},
    mounts::{PlannedMount, Source},
    private::Private,
};
use crate::{
    Error, Result, beneath,
    sys::{self, mount::MountChange},
};

/// Makes the mounts and their mount points, the outermost first: the mount point of one in another is made in that.
pub(super) fn prepare(
    mounts: &[Mount],
    private: &mut Private,
    points: &mut MountPoints<'_>,
) -> Result<Vec<PlannedMount>> {
    let mut mounts: Vec<&Mount> = mounts.iter().collect();
    mounts.sort_by_key(|mount| mount.destination.components().count());
    mounts.into_iter().map(|mount| plan(mount, private, points)).collect()
}

fn plan(mount: &Mount, private: &mut Private, points: &mut MountPoints<'_>) -> Result<PlannedMount> {
    let destination = &mount.destination;
    if !destination.is_absolute() {
        return Err(Error::MountPoint { path: destination.clone(), reason: "it is not an absolute path" });
    }
    match &mount.source {
        MountSource::Host(path) => {
            let failed = |errno| kernel("bind", path, errno);
            let found = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(failed)?;
            let change = MountChange { read_only: mount.read_only, ..PRIVATE };
            let tree = copy_of(found.as_fd(), change).map_err(failed)?;
            bind(found, Source::Detached(tree), mount, path, points)
        }
        MountSource::Tree { root, path } => {
            let failed = |errno| kernel("bind", path, errno);
            let found = beneath::find(root.as_fd(), path.as_os_str().as_bytes())
                .map_err(|errno| kernel("find the source of a mount,", path, errno))?;
            // nobody vouches for the devices in it
            let change = MountChange { read_only: mount.read_only, no_devices: true, ..PRIVATE };
            let source = match copy_of(found.as_fd(), change) {
                Err(Errno::INVAL) => {
                    let share = |fd: BorrowedFd<'_>| fcntl_dupfd_cloexec(fd, 0).map_err(failed);
                    Source::Part { whole: share(root.as_fd())?, found: share(found.as_fd())?, change }
                }
                copied => Source::Detached(copied.map_err(failed)?),
            };
            bind(found, source, mount, path, points)
        }
        MountSource::Tmpfs { size, mode } => {
            let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NODEV;
            let tree = tmpfs(*size, *mode, NoSwap::No, attributes)
                .map_err(|errno| kernel("mount a tmpfs on", destination, errno))?;
            let target = points.place(destination, Kind::Directory)?;
            let share = tree.try_clone().map_err(|source| kernel("share", destination, source))?;
            points.will_hold(&target, share);
            Ok(PlannedMount { read_only: mount.read_only, ..PlannedMount::new(Source::Detached(tree), target) })
        }
        MountSource::File { content, mode, uid, gid } => {
            let source = private.owned_file(destination, content, *mode, (*uid, *gid))?;
            let target = points.place(destination, Kind::File)?;
            Ok(PlannedMount { read_only: mount.read_only, ..PlannedMount::new(source, target) })
        }
    }
}

/// Plans the mount of what was `found` at `path`.
fn bind(
    found: OwnedFd,
    source: Source,
    mount: &Mount,
    path: &Path,
    points: &mut MountPoints<'_>,
) -> Result<PlannedMount> {
    let stat = fstat(&found).map_err(|errno| kernel("look at", path, errno))?;
    let is_directory = FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
    let kind = if is_directory { Kind::Directory } else { Kind::File };
    let target = points.place(&mount.destination, kind)?;
    if is_directory {
        // what was found itself: the copy may be read-only, and a mount point has to be made in it all the same
        points.will_hold(&target, found);
    }
    Ok(PlannedMount::new(source, target))
}

const PRIVATE: MountChange = MountChange { read_only: false, no_devices: false, private: true, recursive: true };

/// A detached copy of the mounts at and beneath `found`, private to the container. Also called in the container's first
/// process: no allocation.
pub(super) fn copy_of(found: BorrowedFd<'_>, change: MountChange) -> Result<OwnedFd, Errno> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(found, c"", flags)?;
    sys::mount::set(tree.as_fd(), change)?;
    Ok(tree)
}

/// A detached copy of the host's mounts at a path, private to the container.
pub(super) fn copy_of_host(path: &Path, read_only: bool) -> Result<OwnedFd> {
    let change = MountChange { read_only, ..PRIVATE };
    openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .and_then(|found| copy_of(found.as_fd(), change))
        .map_err(|errno| kernel("bind", path, errno))
}
