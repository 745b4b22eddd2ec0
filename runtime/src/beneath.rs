//! Files inside a root filesystem that may be hostile, reached by descriptors only.
//!
//! Symbolic links are followed as a process inside would see them: absolute ones and `..` stay below the root
//! (`openat2(2)` with `RESOLVE_IN_ROOT`), and the magic links of /proc are never followed.

use std::{
    ffi::CString,
    fs::File,
    io::{self, Read},
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{FileType, Mode, OFlags, ResolveFlags, fstat, openat2, readlinkat},
    io::Errno,
};
use strata_image::layer::LayerPath;

use crate::{Error, Result};

/// Links that one path may lead through, the kernel's own limit (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// Tries of `openat2` before a race with a rename is reported, since the kernel asks to try again (`EAGAIN`).
const MAX_TRIES: usize = 64;

/// Opens `path` inside `root`, refusing (`ELOOP`) when any part of it is a link.
pub(crate) fn open_without_links(root: BorrowedFd<'_>, path: &LayerPath, flags: OFlags) -> Result<OwnedFd> {
    plain_open(root, path.as_bytes(), flags).map_err(Error::kernel("open", path))
}

/// Finds what a process whose root directory is `root` has at `path`, to be looked at or mounted.
pub(crate) fn find(root: BorrowedFd<'_>, path: &[u8]) -> Result<OwnedFd, Errno> {
    raw_open(root, path, OFlags::PATH, ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS)
}

/// Opens the directory at `path` inside `root` to read it; `None` when there is none, or a link on the way.
pub(crate) fn open_directory(root: BorrowedFd<'_>, path: &LayerPath) -> Result<Option<OwnedFd>> {
    match plain_open(root, path.as_bytes(), OFlags::RDONLY | OFlags::DIRECTORY) {
        Ok(directory) => Ok(Some(directory)),
        Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
        Err(errno) => Err(Error::kernel("open the directory", path)(errno)),
    }
}

/// Reads a regular file of at most `limit` bytes; `None` when there is none of that name.
///
/// # Errors
/// Anything but a regular file, and a longer one. A fifo or a device is never waited for.
pub(crate) fn read_small_file(root: BorrowedFd<'_>, path: &[u8], limit: u64) -> Result<Option<Vec<u8>>> {
    let failed = |errno: Errno| Error::kernel("read", path.escape_ascii())(errno);
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY;
    let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    // looked at before it is opened, since opening a device can have effects
    let found = match raw_open(root, path, OFlags::PATH, resolve) {
        Ok(found) => found,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(errno) => return Err(failed(errno)),
    };
    require_regular(&found).map_err(Error::kernel("read", path.escape_ascii()))?;
    let file = raw_open(root, path, flags, resolve).map_err(failed)?;
    require_regular(&file).map_err(Error::kernel("read", path.escape_ascii()))?;
    let mut bytes = Vec::new();
    File::from(file)
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(Error::kernel("read", path.escape_ascii()))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= limit) {
        Ok(Some(bytes))
    } else {
        Err(failed(Errno::FBIG))
    }
}

/// The path that `path` leads to inside `root` once every link on it is followed. What is not there yet is kept as it
/// is written, so that it can be made.
pub(crate) fn resolve(root: BorrowedFd<'_>, path: &[u8]) -> Result<LayerPath> {
    let written = || LayerPath::new(path).map_err(Error::image);
    // most paths have no links and exist: one call
    if !path.split(|byte| *byte == b'/').any(|part| part == b"..")
        && plain_open(root, relative(path), OFlags::PATH | OFlags::DIRECTORY).is_ok()
    {
        return written();
    }
    let failed = |errno: Errno| Error::kernel("resolve", path.escape_ascii())(errno);
    let mut resolved: Vec<Vec<u8>> = Vec::new();
    let mut pending = parts_reversed(path);
    let mut links = 0;
    while let Some(part) = pending.pop() {
        if part == b".." {
            resolved.pop();
            continue;
        }
        resolved.push(part);
        match link_target(root, &resolved.join(&b'/')).map_err(failed)? {
            None => {}
            Some(_) if links == MAX_LINKS => return Err(failed(Errno::LOOP)),
            Some(target) => {
                links += 1;
                resolved.pop();
                if target.starts_with(b"/") {
                    resolved.clear();
                }
                pending.extend(parts_reversed(&target));
            }
        }
    }
    LayerPath::new(&resolved.join(&b'/')).map_err(Error::image)
}

fn require_regular(file: &OwnedFd) -> io::Result<()> {
    let kind = FileType::from_raw_mode(fstat(file)?.st_mode);
    if kind == FileType::RegularFile {
        Ok(())
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

/// Where the link at `path` points; `None` when something else, or nothing, is there.
fn link_target(root: BorrowedFd<'_>, path: &[u8]) -> Result<Option<Vec<u8>>, Errno> {
    let found = match plain_open(root, path, OFlags::PATH | OFlags::NOFOLLOW) {
        Ok(found) => found,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
        Err(errno) => return Err(errno),
    };
    if FileType::from_raw_mode(fstat(&found)?.st_mode) != FileType::Symlink {
        return Ok(None);
    }
    readlinkat(&found, c"", Vec::new()).map(CString::into_bytes).map(Some)
}

fn parts_reversed(path: &[u8]) -> Vec<Vec<u8>> {
    let parts = path.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts.rev().map(<[u8]>::to_vec).collect()
}

fn relative(path: &[u8]) -> &[u8] {
    let slashes = path.iter().take_while(|byte| **byte == b'/').count();
    &path[slashes..]
}

fn plain_open(root: BorrowedFd<'_>, path: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
    raw_open(root, path, flags, ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS)
}

fn raw_open(root: BorrowedFd<'_>, path: &[u8], flags: OFlags, resolve: ResolveFlags) -> Result<OwnedFd, Errno> {
    let path = if path.is_empty() { b".".as_slice() } else { path };
    for _ in 1..MAX_TRIES {
        match openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve) {
            Err(Errno::AGAIN | Errno::INTR) => {}
            result => return result,
        }
    }
    openat2(root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
}

/// What [`resolve`] and [`read_small_file`] give inside crafted trees.
#[cfg(test)]
mod tests;
