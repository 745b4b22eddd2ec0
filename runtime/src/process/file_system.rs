//! File systems made as detached mounts: `fsopen(2)`, options, `fsmount(2)`.

use std::{
    ffi::CStr,
    os::fd::{AsFd as _, OwnedFd},
};

use rustix::{
    io::Errno,
    mount::{
        FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsconfig_set_flag, fsconfig_set_string, fsmount,
        fsopen,
    },
};

use super::failure::kernel;
use crate::Result;

/// Neither programs that change who one is, nor devices, nor any programs.
pub(super) const NOTHING_SPECIAL: MountAttrFlags =
    MountAttrFlags::MOUNT_ATTR_NOSUID.union(MountAttrFlags::MOUNT_ATTR_NODEV).union(MountAttrFlags::MOUNT_ATTR_NOEXEC);

/// How to make a file system.
pub(super) struct FileSystem {
    pub(super) kind: &'static CStr,
    pub(super) options: &'static [(&'static CStr, &'static CStr)],
    pub(super) attributes: MountAttrFlags,
}

impl FileSystem {
    /// Makes it, and says of what kind it is when that fails.
    pub(super) fn make(&self) -> Result<OwnedFd> {
        self.make_detached().map_err(|errno| kernel("mount", self.kind.to_string_lossy().as_ref(), errno))
    }

    /// Makes it. Also called in the container's first process: no allocation.
    pub(super) fn make_detached(&self) -> Result<OwnedFd, Errno> {
        let context = fsopen(self.kind, FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_set_string(context.as_fd(), c"source", self.kind)?;
        for (key, value) in self.options {
            fsconfig_set_string(context.as_fd(), *key, *value)?;
        }
        fsconfig_create(context.as_fd())?;
        fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, self.attributes)
    }
}

/// Whether a tmpfs stays in memory whatever happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoSwap {
    /// It may be swapped out.
    No,
    /// It is not, on kernels that have the option (Linux 6.4).
    WherePossible,
}

/// Makes a tmpfs of at most `size` bytes, half of the memory when that is `None` or 0. It takes what is in it, not more.
pub(super) fn tmpfs(
    size: Option<u64>,
    mode: u32,
    no_swap: NoSwap,
    attributes: MountAttrFlags,
) -> Result<OwnedFd, Errno> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    fsconfig_set_string(context.as_fd(), c"source", c"tmpfs")?;
    fsconfig_set_string(context.as_fd(), c"mode", format!("{mode:o}"))?;
    // to the kernel, 0 is no limit at all
    if let Some(size) = size.filter(|size| *size > 0) {
        fsconfig_set_string(context.as_fd(), c"size", size.to_string())?;
    }
    if no_swap == NoSwap::WherePossible {
        match fsconfig_set_flag(context.as_fd(), c"noswap") {
            Err(Errno::INVAL) => {}
            set => set?,
        }
    }
    fsconfig_create(context.as_fd())?;
    fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)
}
