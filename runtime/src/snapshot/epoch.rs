//! How long snapshots can be trusted: for one boot of the machine and one mapping of ids.
//!
//! Nothing below `snapshots/` is synced, since all of it can be made again from `images/`, which is. So after a crash files
//! may be empty that should not be, and nobody can tell. And what was unpacked by a user with a single id has other owners
//! than what is unpacked after the user was given more. `snapshots/epoch` says for which boot and which ids they were made;
//! in another epoch they are removed and made again.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::fd::BorrowedFd,
};

use rustix::{
    fs::{Mode, OFlags, openat, renameat},
    io::Errno,
};

use crate::userns::Ids;

/// The file, beside the snapshots.
const FILE: &str = "epoch";

/// Bytes that are read of it: a boot ID and two short tables.
const MAX_BYTES: u64 = 4096;

/// The present epoch, as the file says it.
pub(super) fn present(ids: Ids) -> io::Result<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    let owners = match ids {
        Ids::Single => "single".to_owned(),
        Ids::All | Ids::Subordinate(_) => {
            let map = fs::read_to_string("/proc/self/uid_map")? + &fs::read_to_string("/proc/self/gid_map")?;
            map.split_whitespace().collect::<Vec<_>>().join(" ")
        }
    };
    Ok(format!("{}\n{owners}\n", boot.trim()))
}

/// What the file says; `None` when there is none.
pub(super) fn read(snapshots: BorrowedFd<'_>) -> io::Result<Option<String>> {
    let file = match openat(snapshots, FILE, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    };
    let mut text = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut text)?;
    Ok(Some(String::from_utf8_lossy(&text).into_owned()))
}

/// Replaces the file. To be called by one process at a time.
pub(super) fn write(snapshots: BorrowedFd<'_>, text: &str) -> io::Result<()> {
    const NEW: &str = "epoch.new";
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
    File::from(openat(snapshots, NEW, flags, Mode::RUSR | Mode::WUSR)?).write_all(text.as_bytes())?;
    Ok(renameat(snapshots, NEW, snapshots, FILE)?)
}
