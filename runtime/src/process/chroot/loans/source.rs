//! Files and directories that are lent as copies, and copied back.

use std::{
    ffi::CStr,
    fs::File,
    io,
    os::{
        fd::{AsFd as _, AsRawFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    fs::{CWD, FileType, Mode, OFlags, fstat, openat},
    io::Errno,
};

use super::{
    super::super::{MountSource, failure::kernel, mount_points::Kind},
    make_directory,
};
use crate::{
    Error, Result, beneath,
    copy::{self, Copied},
    snapshot::open_directory,
};

/// What was lent a copy of. It is held by a descriptor: whatever is put in its place has no effect.
pub(super) struct Original {
    found: OwnedFd,
    /// As the caller named it.
    path: PathBuf,
    kind: Kind,
    /// What is known of a directory's copy.
    copied: Copied,
}

impl Original {
    /// Finds what is to be seen at `destination`.
    pub(super) fn find(source: &MountSource, destination: &Path) -> Result<Self> {
        let (found, path) = match source {
            MountSource::Host(path) => {
                let found = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
                    .map_err(|errno| kernel("bind", path, errno))?;
                (found, path.clone())
            }
            MountSource::Tree { root, path } => {
                let found = beneath::find(root.as_fd(), path.as_os_str().as_bytes())
                    .map_err(|errno| kernel("find the source of a mount,", path, errno))?;
                (found, path.clone())
            }
            MountSource::Tmpfs { .. } | MountSource::File { .. } => {
                return Err(kernel("find the source of a mount,", destination, Errno::INVAL));
            }
        };
        let stat = fstat(&found).map_err(|errno| kernel("look at", &path, errno))?;
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Kind::Directory,
            FileType::RegularFile => Kind::File,
            _ => {
                let reason = "without mounts only files and directories can be shown, not sockets or devices";
                return Err(Error::MountPoint { path: destination.into(), reason });
            }
        };
        Ok(Self { found, path, kind, copied: Copied::default() })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// Makes a copy of the new name `name`.
    pub(super) fn copy_to(mut self, parent: BorrowedFd<'_>, name: &CStr, destination: &Path) -> Result<Self> {
        let failed = |error: io::Error| kernel("copy to", destination, error);
        match self.kind {
            Kind::File => {
                let file = self.open(OFlags::RDONLY).map_err(failed)?;
                copy::file(file, parent, name).map_err(failed)?;
            }
            Kind::Directory => {
                let directory = self.open(OFlags::RDONLY | OFlags::DIRECTORY).map_err(failed)?;
                let copy = make_directory(parent, name, 0o700).map_err(|errno| failed(errno.into()))?;
                self.copied = copy::tree(directory.as_fd(), copy.as_fd())?;
            }
        }
        Ok(self)
    }

    /// Brings the original up to what its copy is now. A copy that is not there any more changes nothing.
    pub(super) fn copy_back(&self, parent: BorrowedFd<'_>, name: &CStr) -> Result<()> {
        let failed = |error: io::Error| kernel("copy back to", &self.path, error);
        match self.kind {
            Kind::Directory => {
                let Some(copy) = existing(open_directory(parent, name)).map_err(failed)? else {
                    return Ok(());
                };
                let directory = self.open(OFlags::RDONLY | OFlags::DIRECTORY).map_err(failed)?;
                copy::back(copy.as_fd(), directory.as_fd(), &self.copied)
            }
            Kind::File => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                let opened = openat(parent, name, flags, Mode::empty()).map_err(io::Error::from);
                let Some(copy) = existing(opened).map_err(failed)? else {
                    return Ok(());
                };
                let is_file = fstat(&copy).map(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile);
                if !is_file.map_err(|errno| failed(errno.into()))? {
                    return Ok(());
                }
                // in its place, as what is written to a file that is bound
                let mut original = File::from(self.open(OFlags::WRONLY | OFlags::TRUNC).map_err(failed)?);
                io::copy(&mut File::from(copy), &mut original).map(drop).map_err(failed)
            }
        }
    }

    fn open(&self, flags: OFlags) -> io::Result<OwnedFd> {
        // a descriptor that only stands for a file can be opened by its name in /proc alone
        let itself = format!("/proc/self/fd/{}", self.found.as_raw_fd());
        Ok(openat(CWD, itself, flags | OFlags::CLOEXEC, Mode::empty())?)
    }
}

/// Nothing where the process removed it or put something else there.
fn existing(opened: io::Result<OwnedFd>) -> io::Result<Option<OwnedFd>> {
    match opened {
        Ok(opened) => Ok(Some(opened)),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::NXIO) => Ok(None),
            _ => Err(error),
        },
    }
}
