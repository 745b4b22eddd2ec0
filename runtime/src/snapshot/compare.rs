//! Whether a file that was copied up differs from the one below, so that a layer holds only what changed.

use std::{
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{FileType, Mode, OFlags, Stat, fgetxattr, openat, readlinkat},
    io::Errno,
    path::Arg,
};
use strata_image::layer::CAPABILITY;

/// The kernel's limit for the value of an extended attribute (`XATTR_SIZE_MAX`).
const MAX_ATTRIBUTE: usize = 65_536;

/// Bytes of each of two files that are compared at a time.
const CHUNK: usize = 64 * 1024;

/// A name in a directory and what it is.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) directory: BorrowedFd<'a>,
    pub(super) stat: &'a Stat,
}

/// Whether two directories have the same type, mode and owner: their times change with every name in them.
pub(super) fn same_directory(a: &Stat, b: &Stat) -> bool {
    (a.st_mode, a.st_uid, a.st_gid) == (b.st_mode, b.st_uid, b.st_gid)
}

/// Whether `name` is the same in both places, in metadata and content.
///
/// Times that differ in their fractions of a second tell that files differ, where both have one: a file that was unpacked
/// from a layer has none. With `trust_times` equal ones tell that content is the same; else it is read.
pub(super) fn same_file(name: impl Arg + Copy, a: Place<'_>, b: Place<'_>, trust_times: bool) -> io::Result<bool> {
    if !same_directory(a.stat, b.stat)
        || a.stat.st_rdev != b.stat.st_rdev
        || a.stat.st_size != b.stat.st_size
        || a.stat.st_mtime != b.stat.st_mtime
    {
        return Ok(false);
    }
    let times_tell = a.stat.st_mtime_nsec != 0 && b.stat.st_mtime_nsec != 0;
    if times_tell && a.stat.st_mtime_nsec != b.stat.st_mtime_nsec {
        return Ok(false);
    }
    match FileType::from_raw_mode(a.stat.st_mode) {
        FileType::RegularFile => {
            let (a, b) = (open_file(a.directory, name)?, open_file(b.directory, name)?);
            Ok(capability(a.as_fd())? == capability(b.as_fd())? && ((times_tell && trust_times) || same_content(a, b)?))
        }
        FileType::Symlink => {
            Ok(readlinkat(a.directory, name, Vec::new())? == readlinkat(b.directory, name, Vec::new())?)
        }
        _ => Ok(true),
    }
}

/// Opens a regular file to read it, never through a link.
pub(super) fn open_file(directory: BorrowedFd<'_>, name: impl Arg) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    Ok(openat(directory, name, flags, Mode::empty())?)
}

/// The file's capabilities, if it has any.
pub(super) fn capability(file: BorrowedFd<'_>) -> io::Result<Option<Vec<u8>>> {
    attribute(file, CAPABILITY)
}

/// The value of an extended attribute, if there is one.
pub(super) fn attribute(file: BorrowedFd<'_>, name: &str) -> io::Result<Option<Vec<u8>>> {
    let mut value = vec![0; 256];
    loop {
        match fgetxattr(file, name, value.as_mut_slice()) {
            Ok(length) => {
                value.truncate(length);
                return Ok(Some(value));
            }
            Err(Errno::RANGE) if value.len() < MAX_ATTRIBUTE => value.resize(MAX_ATTRIBUTE, 0),
            Err(Errno::NODATA | Errno::OPNOTSUPP) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn same_content(a: OwnedFd, b: OwnedFd) -> io::Result<bool> {
    let (mut a, mut b) = (File::from(a), File::from(b));
    let (mut chunk_a, mut chunk_b) = (Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK));
    loop {
        chunk_a.clear();
        chunk_b.clear();
        a.by_ref().take(CHUNK as u64).read_to_end(&mut chunk_a)?;
        b.by_ref().take(CHUNK as u64).read_to_end(&mut chunk_b)?;
        if chunk_a != chunk_b {
            return Ok(false);
        }
        if chunk_a.is_empty() {
            return Ok(true);
        }
    }
}
