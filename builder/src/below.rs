//! What a stack of layers holds, looked at without mounting more of it than is mounted already.
//!
//! ```text
//! layers of the base ─► unpacked once ─► View          ┐
//! layers made since ─► their tars, read once ─► Listing ├─► lookup, from the top down
//!                                                       ┘
//! ```
//!
//! A COPY only needs to know what its destination is. So it asks here, and what it makes is packed without ever being
//! written into a root filesystem.

mod listing;

use std::{
    fs::File,
    io::{self, Read, Seek as _, SeekFrom},
    os::fd::{AsFd as _, OwnedFd},
    sync::Arc,
};

use bstr::BString;
use rustix::fs::{FileType, Stat};
use strata_image::{Timestamp, layer::CAPABILITY};

use crate::{
    cause::Cause,
    tree::{Tree, join, kind},
};
pub(crate) use listing::Listing;
use listing::Seen;

/// [`CAPABILITY`] has at most 24 bytes (`struct vfs_ns_cap_data`).
const CAPABILITY_LIMIT: usize = 64;

/// What a path is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) kind: FoundKind,
    /// 12 bits.
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) mtime: Timestamp,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum FoundKind {
    Directory,
    File {
        size: u64,
    },
    Symlink(BString),
    /// Fifo, device or socket.
    Special {
        kind: FileType,
        device: u64,
    },
}

impl Found {
    pub(crate) fn is_directory(&self) -> bool {
        self.kind == FoundKind::Directory
    }
}

/// A stack of layers, bottom first.
#[derive(Default)]
pub(crate) struct Below {
    /// The part of it that is a snapshot.
    view: Option<OwnedFd>,
    /// The layers above that.
    listings: Vec<Arc<Listing>>,
}

impl Below {
    pub(crate) fn new(view: Option<OwnedFd>, listings: Vec<Arc<Listing>>) -> Self {
        Self { view, listings }
    }

    /// What a path without links on the way is; `None` when it is not there.
    pub(crate) fn lookup(&self, path: &[u8]) -> Result<Option<Found>, Cause> {
        match self.seen(path) {
            Some(Seen::Entry(listed)) => Ok(Some(listed.found.clone())),
            Some(_) => Ok(None),
            None => self.view_lookup(path),
        }
    }

    /// The names in a directory, sorted; none when it is no directory.
    pub(crate) fn names(&self, directory: &[u8]) -> Result<Vec<BString>, Cause> {
        let mut names = Vec::new();
        if let Some(root) = &self.view {
            let tree = Tree::new(root.as_fd());
            let stat = tree.lstat(directory).map_err(Cause::write("look up", directory))?;
            if stat.is_some_and(|stat| kind(&stat) == FileType::Directory) {
                names = tree.names(directory).map_err(Cause::write("list", directory))?;
            }
        }
        for listing in &self.listings {
            names.extend(listing.names(directory).cloned());
        }
        there(names, directory, &|path| self.lookup(path))
    }

    /// Opens a regular file.
    pub(crate) fn open(&self, path: &[u8]) -> Result<Box<dyn Read + Send>, Cause> {
        let failed = Cause::write("read", path);
        match self.seen(path) {
            Some(Seen::Entry(listed)) => {
                let FoundKind::File { size } = listed.found.kind else {
                    return Err(failed(io::Error::from(io::ErrorKind::InvalidInput)));
                };
                let mut layer = File::open(&listed.blob).map_err(&failed)?;
                layer.seek(SeekFrom::Start(listed.data_offset)).map_err(&failed)?;
                Ok(Box::new(layer.take(size)))
            }
            Some(_) => Err(failed(io::ErrorKind::NotFound.into())),
            None => match &self.view {
                Some(root) => Ok(Box::new(Tree::new(root.as_fd()).open_file(path).map_err(failed)?)),
                None => Err(failed(io::ErrorKind::NotFound.into())),
            },
        }
    }

    /// The capabilities of a regular file.
    pub(crate) fn capability(&self, path: &[u8]) -> Result<Option<Vec<u8>>, Cause> {
        match (self.seen(path), &self.view) {
            (Some(Seen::Entry(listed)), _) => Ok(listed.capability.clone()),
            (None, Some(root)) => {
                let file = Tree::new(root.as_fd()).open_file(path).map_err(Cause::write("open", path))?;
                capability(&file).map_err(Cause::write("read xattrs of", path))
            }
            _ => Ok(None),
        }
    }

    /// What the listings say of a path, from the top down; `None` when none of them says anything.
    fn seen(&self, path: &[u8]) -> Option<Seen<'_>> {
        self.listings.iter().rev().find_map(|listing| match listing.look(path) {
            // a directory that only its contents imply may have an entry in a layer below
            Seen::Nothing | Seen::Implied(_) => None,
            seen => Some(seen),
        })
    }

    fn view_lookup(&self, path: &[u8]) -> Result<Option<Found>, Cause> {
        if let Some(root) = &self.view {
            let tree = Tree::new(root.as_fd());
            if let Some(stat) = tree.lstat(path).map_err(Cause::write("look up", path))? {
                return describe(tree, path, &stat).map(Some);
            }
        }
        let implied = self.listings.iter().rev().find_map(|listing| match listing.look(path) {
            Seen::Implied(found) => Some(found.clone()),
            _ => None,
        });
        Ok(implied)
    }
}

/// Tells what a path is.
pub(crate) type Lookup<'l> = &'l dyn Fn(&[u8]) -> Result<Option<Found>, Cause>;

/// The names in a directory that are there, each once and sorted, of all that might be.
pub(crate) fn there(mut names: Vec<BString>, directory: &[u8], lookup: Lookup<'_>) -> Result<Vec<BString>, Cause> {
    names.sort_unstable();
    names.dedup();
    let mut there = Vec::new();
    for name in names {
        if lookup(&join(directory, &name))?.is_some() {
            there.push(name);
        }
    }
    Ok(there)
}

/// What a file of a mounted root filesystem is.
fn describe(tree: Tree<'_>, path: &[u8], stat: &Stat) -> Result<Found, Cause> {
    let failed = Cause::write("look up", path);
    let found_kind = match kind(stat) {
        FileType::Directory => FoundKind::Directory,
        FileType::RegularFile => FoundKind::File { size: u64::try_from(stat.st_size).unwrap_or_default() },
        FileType::Symlink => FoundKind::Symlink(tree.read_link(path).map_err(&failed)?),
        special => FoundKind::Special { kind: special, device: stat.st_rdev },
    };
    let mut owner = (u64::from(stat.st_uid), u64::from(stat.st_gid));
    if found_kind == FoundKind::Directory {
        let opened = tree.open_dir(path).map_err(&failed)?;
        if let Some(noted) = strata_runtime::snapshot::true_owner(opened.as_fd())? {
            owner = noted;
        }
    }
    Ok(Found { kind: found_kind, mode: stat.st_mode & 0o7777, owner, mtime: mtime(stat) })
}

/// The time of a file's last modification.
pub(crate) fn mtime(stat: &Stat) -> Timestamp {
    Timestamp { seconds: stat.st_mtime, nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or_default() }
}

/// The capabilities of an open file, if it has any.
pub(crate) fn capability(file: &File) -> io::Result<Option<Vec<u8>>> {
    let mut value = [0; CAPABILITY_LIMIT];
    match rustix::fs::fgetxattr(file, CAPABILITY, &mut value) {
        Ok(length) => Ok(Some(value[..length].to_vec())),
        Err(rustix::io::Errno::NODATA | rustix::io::Errno::OPNOTSUPP) => Ok(None),
        Err(error) => Err(error.into()),
    }
}
