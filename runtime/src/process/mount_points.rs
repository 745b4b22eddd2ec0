//! The places in a root filesystem that something will be mounted on, made where they are missing and taken
//! away again afterwards.
//!
//! Names are resolved by a walk over descriptors in which nothing leads out of the root: absolute links and
//! `..` end at the root, and a dangling link's target is made inside. What the walk finds is a path without
//! links, which the container's first process then resolves refusing links altogether.

use std::{
    collections::VecDeque,
    ffi::{CStr, CString, OsStr, OsString},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::{OsStrExt, OsStringExt},
    },
    path::Path,
};

use rustix::{
    fs::{
        AtFlags, FileType, Mode, OFlags, Stat, Timespec, Timestamps, fchmod, fstat, mkdirat, openat, readlinkat,
        statat, unlinkat, utimensat,
    },
    io::Errno,
};

use super::failure::kernel;
use crate::{Error, Result};

/// Links followed on the way to one mount point: the kernel's own limit (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// What a mount point has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
}

/// The tree that the container will see, while its mount points are made.
pub(super) struct MountPoints<'a> {
    root: BorrowedFd<'a>,
    /// Mounts planned so far, by their path without links: what lies below is theirs.
    mounted: Vec<(Vec<OsString>, OwnedFd)>,
    stubs: Stubs,
}

/// A directory on the way from the root.
struct Place {
    name: OsString,
    fd: OwnedFd,
}

impl<'a> MountPoints<'a> {
    pub(super) fn new(root: BorrowedFd<'a>) -> Self {
        Self { root, mounted: Vec::new(), stubs: Stubs(Vec::new()) }
    }

    /// Makes sure that `/name` is a directory of the root filesystem itself. A link there is refused, since
    /// a tool that trusts `/dev` or `/proc` would follow it (CVE-2026-41579, CVE-2019-19921).
    ///
    /// It stays when it had to be made: that is what docker leaves in a layer.
    pub(super) fn ordinary_directory(&mut self, name: &str) -> Result<CString> {
        let (_, mode) = match open(self.root, OsStr::new(name)) {
            Err(Errno::NOENT) => return self.make_directory(name),
            found => found.map_err(|errno| refused(name, errno))?,
        };
        if FileType::from_raw_mode(mode) != FileType::Directory {
            return Err(Error::MountPoint {
                path: Path::new("/").join(name),
                reason: "it is not an ordinary directory",
            });
        }
        c_string(name.as_bytes())
    }

    fn make_directory(&self, name: &str) -> Result<CString> {
        let parent = fstat(self.root).map_err(|errno| refused(name, errno))?;
        make(self.root, OsStr::new(name), Kind::Directory).map_err(|errno| refused(name, errno))?;
        set_times(self.root, &parent);
        c_string(name.as_bytes())
    }

    /// Says what will be mounted on a path that [`place`](Self::place) or
    /// [`ordinary_directory`](Self::ordinary_directory) gave.
    pub(super) fn will_hold(&mut self, place: &CStr, tree: OwnedFd) {
        let path = OsStr::from_bytes(place.to_bytes());
        self.mounted.push((names(path), tree));
    }

    /// Makes `path` exist as a `kind` and gives its path without links, relative to the root. What had to be
    /// made is taken away again when the [`Stubs`] are dropped.
    pub(super) fn place(&mut self, path: &Path, kind: Kind) -> Result<CString> {
        let place = self.walk(path, kind).map_err(|errno| kernel("make the mount point", path, errno))?;
        let names: Vec<_> = place.iter().map(|name| name.to_str()).collect();
        let refusal = match names.as_slice() {
            [] => Some("it is the root directory"),
            // a container's own /proc must be what it looks like (CVE-2019-16884, CVE-2025-52881)
            [Some("proc" | "sys"), ..] => Some("nothing may be mounted in /proc and /sys"),
            // the kernel alone makes what is in them
            [Some("dev"), Some("pts" | "mqueue"), _, ..] => Some("nothing may be mounted in /dev/pts and /dev/mqueue"),
            _ => None,
        };
        if let Some(reason) = refusal {
            return Err(Error::MountPoint { path: path.into(), reason });
        }
        c_string(place.join(OsStr::new("/")).as_bytes())
    }

    fn walk(&mut self, path: &Path, kind: Kind) -> Result<Vec<OsString>, Errno> {
        let mut way: Vec<Place> = Vec::new();
        let mut pending = VecDeque::from(names(path.as_os_str()));
        let mut links = 0;
        while let Some(name) = pending.pop_front() {
            if name == ".." {
                way.pop();
                continue;
            }
            let last = pending.is_empty();
            if let Some(fd) = self.mounted_at(&way, &name) {
                way.push(Place { fd: fd.try_clone().map_err(|error| errno_of(&error))?, name });
                continue;
            }
            let parent = way.last().map_or(self.root, |place| place.fd.as_fd());
            let (fd, mode) = match open(parent, &name) {
                Err(Errno::NOENT) => {
                    let kind = if last { kind } else { Kind::Directory };
                    self.stubs.add(parent, &name, kind)?;
                    open(parent, &name)?
                }
                found => found?,
            };
            match FileType::from_raw_mode(mode) {
                FileType::Symlink => {
                    links += 1;
                    if links > MAX_LINKS {
                        return Err(Errno::LOOP);
                    }
                    let target = OsString::from_vec(readlinkat(&fd, "", Vec::new())?.into_bytes());
                    if target.as_bytes().starts_with(b"/") {
                        way.clear();
                    }
                    for name in names(&target).into_iter().rev() {
                        pending.push_front(name);
                    }
                }
                FileType::Directory => way.push(Place { name, fd }),
                _ if last && kind == Kind::File => way.push(Place { name, fd }),
                _ => return Err(Errno::NOTDIR),
            }
        }
        self.check_kind(&way, kind)?;
        Ok(way.into_iter().map(|place| place.name).collect())
    }

    /// A directory cannot be mounted on a file, nor a file on a directory.
    fn check_kind(&self, way: &[Place], kind: Kind) -> Result<(), Errno> {
        let end = way.last().map_or(self.root, |place| place.fd.as_fd());
        let is_directory = FileType::from_raw_mode(fstat(end)?.st_mode) == FileType::Directory;
        match kind {
            Kind::Directory if !is_directory => Err(Errno::NOTDIR),
            Kind::File if is_directory => Err(Errno::ISDIR),
            _ => Ok(()),
        }
    }

    fn mounted_at(&self, way: &[Place], name: &OsStr) -> Option<&OwnedFd> {
        let matches = |path: &Vec<OsString>| {
            path.len() == way.len() + 1
                && path.last().is_some_and(|last| last == name)
                && path.iter().zip(way).all(|(a, b)| *a == b.name)
        };
        self.mounted.iter().rev().find_map(|(path, fd)| matches(path).then_some(fd))
    }

    /// How many stubs have been made so far.
    pub(super) fn made(&self) -> usize {
        self.stubs.0.len()
    }

    /// What has to be taken away when the container is gone.
    pub(super) fn into_stubs(self) -> Stubs {
        self.stubs
    }
}

/// Mount points that were not there. Dropping it removes them, as far as they are still empty, and leaves
/// the times of the directories that they stood in as they were.
pub(super) struct Stubs(Vec<Stub>);

struct Stub {
    parent: OwnedFd,
    name: OsString,
    kind: Kind,
}

impl Stubs {
    /// Removes those that were made when there were `count` already.
    pub(super) fn remove_from(&mut self, count: usize) {
        for stub in self.0.drain(count.min(self.0.len())..).rev() {
            // what cannot be removed has come into use, or is gone already: both are fine
            let _ = stub.remove();
        }
    }

    fn add(&mut self, parent: BorrowedFd<'_>, name: &OsStr, kind: Kind) -> Result<(), Errno> {
        let before = fstat(parent)?;
        let stub =
            Stub { parent: parent.try_clone_to_owned().map_err(|error| errno_of(&error))?, name: name.into(), kind };
        make(parent, name, kind)?;
        self.0.push(stub);
        set_times(parent, &before);
        Ok(())
    }
}

impl Drop for Stubs {
    fn drop(&mut self) {
        self.remove_from(0);
    }
}

impl Stub {
    fn remove(&self) -> Result<(), Errno> {
        let stub = statat(&self.parent, &self.name, AtFlags::SYMLINK_NOFOLLOW)?;
        if self.kind == Kind::File && stub.st_size != 0 {
            return Ok(());
        }
        let flags = match self.kind {
            Kind::Directory => AtFlags::REMOVEDIR,
            Kind::File => AtFlags::empty(),
        };
        let before = fstat(&self.parent)?;
        unlinkat(&self.parent, &self.name, flags)?;
        set_times(self.parent.as_fd(), &before);
        Ok(())
    }
}

fn open(parent: BorrowedFd<'_>, name: &OsStr) -> Result<(OwnedFd, u32), Errno> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd = openat(parent, name, flags, Mode::empty())?;
    let mode = fstat(&fd)?.st_mode;
    Ok((fd, mode))
}

fn make(parent: BorrowedFd<'_>, name: &OsStr, kind: Kind) -> Result<(), Errno> {
    match kind {
        Kind::Directory => {
            mkdirat(parent, name, Mode::from_raw_mode(0o755))?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let made = openat(parent, name, flags, Mode::empty())?;
            // the caller's umask had its say in mkdirat
            fchmod(made, Mode::from_raw_mode(0o755))
        }
        Kind::File => {
            let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            openat(parent, name, flags, Mode::from_raw_mode(0o644)).map(drop)
        }
    }
}

/// Best effort: a directory that keeps its new times is no reason to fail.
pub(super) fn set_times(directory: BorrowedFd<'_>, stat: &Stat) {
    let times = Timestamps {
        last_access: Timespec { tv_sec: stat.st_atime, tv_nsec: stat.st_atime_nsec.cast_signed() },
        last_modification: Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec.cast_signed() },
    };
    let _ = utimensat(directory, "", &times, AtFlags::EMPTY_PATH);
}

/// The names of a path, without empty ones and dots.
fn names(path: &OsStr) -> Vec<OsString> {
    path.as_bytes()
        .split(|byte| *byte == b'/')
        .filter(|name| !name.is_empty() && *name != b".")
        .map(|name| OsStr::from_bytes(name).to_owned())
        .collect()
}

fn c_string(path: &[u8]) -> Result<CString> {
    CString::new(path).map_err(|_| Error::MountPoint {
        path: Path::new(OsStr::from_bytes(path)).into(),
        reason: "its name contains a zero byte",
    })
}

fn refused(name: &str, errno: Errno) -> Error {
    kernel("make the mount point", Path::new("/").join(name), errno)
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}
