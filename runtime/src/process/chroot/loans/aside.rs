//! Where things of the tree are while something else is in their place: a directory beside the tree's root, which no process
//! in the tree sees and which goes away with the snapshot; in the tree itself where the root is that of a mount.

use std::{
    ffi::CStr,
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{Mode, OFlags, fstat, mkdirat, openat, renameat},
    io::Errno,
};

use super::super::super::{failure::kernel, mount_points::set_times};
use crate::{
    Result, copy,
    snapshot::{open_directory, random_name, remove_tree},
};

/// Begins the directory's name.
const PREFIX: &str = ".strata-aside-";

pub(super) struct Aside {
    /// The directory that it is in.
    parent: OwnedFd,
    name: String,
    directory: OwnedFd,
}

impl Aside {
    /// Makes the directory for the tree at `root`.
    pub(super) fn new(root: BorrowedFd<'_>) -> Result<Self> {
        Self::make(root).map_err(|source| kernel("make", "a directory beside the root filesystem", source))
    }

    fn make(root: BorrowedFd<'_>) -> io::Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let (here, above) = (openat(root, ".", flags, Mode::empty())?, openat(root, "..", flags, Mode::empty())?);
        let (own, other) = (fstat(&here)?, fstat(&above)?);
        // nothing can be moved to another file system
        let is_beside = own.st_dev == other.st_dev && own.st_ino != other.st_ino;
        let (parent, before) = if is_beside { (above, other) } else { (here, own) };
        let name = format!("{PREFIX}{}", random_name()?);
        mkdirat(&parent, &name, Mode::RWXU)?;
        let directory = open_directory(parent.as_fd(), name.as_str())?;
        set_times(parent.as_fd(), &before);
        Ok(Self { parent, name, directory })
    }

    /// Moves `name` of the directory `from` here; `number` is what it is found again by.
    pub(super) fn take(&self, from: BorrowedFd<'_>, name: &CStr, number: usize) -> io::Result<()> {
        let number = number.to_string();
        match renameat(from, name, &self.directory, &number) {
            // overlay moves no directory that is from a layer below (overlayfs.rst, "renaming directories")
            Err(Errno::XDEV) => {}
            moved => return Ok(moved?),
        }
        mkdirat(&self.directory, &number, Mode::RWXU)?;
        let copy = open_directory(self.directory.as_fd(), number.as_str())?;
        copy::tree(open_directory(from, name)?.as_fd(), copy.as_fd()).map_err(io::Error::other)?;
        remove_tree(from, name)
    }

    /// Removes what is at `name` by now and puts back what was there. A directory that the process removed as a whole stays
    /// removed.
    pub(super) fn put_back(&self, to: BorrowedFd<'_>, name: &CStr, number: usize) -> io::Result<()> {
        let before = fstat(to)?;
        remove_tree(to, name)?;
        match renameat(&self.directory, number.to_string(), to, name) {
            Err(Errno::NOENT) if before.st_nlink == 0 => return Ok(()),
            moved => moved?,
        }
        set_times(to, &before);
        Ok(())
    }
}

impl Drop for Aside {
    fn drop(&mut self) {
        let before = fstat(&self.parent);
        // what could not be put back has no place any more
        let _ = remove_tree(self.parent.as_fd(), self.name.as_str());
        if let Ok(before) = before {
            set_times(self.parent.as_fd(), &before);
        }
    }
}
