//! `mount_setattr(2)`, which changes the attributes of a mount, attached somewhere or not.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd},
};

use rustix::io::Errno;

/// What [`set`] changes.
#[derive(Clone, Copy, Default)]
pub(crate) struct MountChange {
    /// Makes the mount read-only.
    pub(crate) read_only: bool,
    /// Forbids to open devices on the mount.
    pub(crate) no_devices: bool,
    /// Cuts the mount off from its peers (`MS_PRIVATE`).
    pub(crate) private: bool,
    /// Changes the mounts beneath it too.
    pub(crate) recursive: bool,
}

/// Changes the attributes of the mount that `mount` is the root of. Allocates nothing.
pub(crate) fn set(mount: BorrowedFd<'_>, change: MountChange) -> Result<(), Errno> {
    let flag = |wanted: bool, flag: u64| if wanted { flag } else { 0 };
    let attributes = libc::mount_attr {
        attr_set: flag(change.read_only, libc::MOUNT_ATTR_RDONLY) | flag(change.no_devices, libc::MOUNT_ATTR_NODEV),
        attr_clr: 0,
        propagation: if change.private { libc::MS_PRIVATE } else { 0 },
        userns_fd: 0,
    };
    let recursive = if change.recursive { libc::AT_RECURSIVE } else { 0 };
    // SAFETY: the path is an empty C string, the structure lives across the call and has the size given.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            libc::AT_EMPTY_PATH | recursive,
            &raw const attributes,
            size_of_val(&attributes),
        )
    };
    if result == 0 { Ok(()) } else { Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)) }
}

/// Makes the mount behind `mount` read-only; the file system below it stays as it is.
pub(crate) fn set_read_only(mount: BorrowedFd<'_>) -> Result<(), Errno> {
    let change = MountChange { read_only: true, ..MountChange::default() };
    set(mount, change)
}
