//! Unpacks an archive that others made into a folder that is ours.
//!
//! Each entry's parent is resolved inside the folder as if that were the root of the system, opened by descriptor, and the
//! entry is made there by its name alone, never through a link. What is in its way goes first: the last entry of a name wins.

mod node;
mod remove;

use std::{
    collections::BTreeMap,
    io::{self, Read},
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use bstr::{BString, ByteSlice as _};
use rustix::{fs::FileType, process::geteuid};
use strata_image::{
    Timestamp,
    layer::{Entry, EntryKind, LayerReader, TarError},
};
use strata_runtime::userns::{self, Ids};

use super::ContextError;
use crate::{
    cancel::Cancel,
    cause::Cause,
    tree::{Tree, components, file_name, join, kind, parent},
};
use node::{Attributes, Maker};

/// Entries of one archive: more than any real source tree has, fewer than it takes to fill a disk with inodes unnoticed.
const MAX_ENTRIES: u64 = 4_000_000;

/// Bytes of content in one archive, 64 GiB: a bound on the disk that a bomb can fill.
const MAX_BYTES: u64 = 64 << 30;

/// What is known of an archive once it is unpacked.
pub(super) struct Unpacked {
    /// Whether files have the owners that the archive says; else they are the caller's.
    pub(super) keeps_owners: bool,
    /// Of the newest file.
    pub(super) newest: Option<Timestamp>,
}

/// Unpacks an uncompressed tar into an empty folder.
///
/// # Errors
/// A tar that is damaged or larger than it may be, entries that cannot be made where they say, and a build that was stopped.
pub(super) fn unpack(
    name: &str,
    tar: impl Read,
    folder: BorrowedFd<'_>,
    cancel: &Cancel,
) -> Result<Unpacked, ContextError> {
    let cancelled = || ContextError::Cancelled { name: name.to_owned() };
    // a stream that was stopped with the build says anything
    let failed = |error| if cancel.is_cancelled() { cancelled() } else { error };
    let unreadable = |source: TarError| failed(ContextError::Archive { name: name.to_owned(), source });
    let too_large = |limit, what| ContextError::TooLarge { name: name.to_owned(), limit, what };
    // with a single id there is nobody to give a file to
    let keeps_owners = geteuid().is_root() && userns::ids() != Ids::Single;
    let mut unpacking = Unpacking {
        tree: Tree::new(folder),
        maker: Maker::new(keeps_owners),
        directories: BTreeMap::new(),
        last: None,
    };
    let mut reader = LayerReader::new(tar);
    let (mut entries, mut bytes, mut newest, mut newest_file) = (0, 0_u64, None, None);
    while let Some(entry) = reader.next_entry().map_err(unreadable)? {
        entries += 1;
        bytes = bytes.saturating_add(entry.size);
        if entries > MAX_ENTRIES {
            return Err(too_large(MAX_ENTRIES, "entries"));
        }
        if bytes > MAX_BYTES {
            return Err(too_large(MAX_BYTES, "bytes"));
        }
        if cancel.is_cancelled() {
            return Err(cancelled());
        }
        newest = newest.max(Some(entry.mtime));
        if is_file(&entry) {
            newest_file = newest_file.max(Some(entry.mtime));
        }
        unpacking.entry(&entry, &mut reader).map_err(|source| {
            failed(ContextError::Entry { name: name.to_owned(), path: entry.path.as_bytes().into(), source })
        })?;
    }
    reader.finish().map_err(unreadable)?;
    unpacking.finish(newest).map_err(|(path, source)| ContextError::Entry { name: name.to_owned(), path, source })?;
    Ok(Unpacked { keeps_owners, newest: newest_file })
}

/// Whether an entry is, or names, a regular file.
pub(super) fn is_file(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::File | EntryKind::HardLink(_))
}

struct Unpacking<'a> {
    tree: Tree<'a>,
    maker: Maker,
    /// What directories get last: writing into them changes their times, and may need permissions that they will not give.
    directories: BTreeMap<BString, Attributes>,
    /// The directory that was written to last, as it was written and as it was found: entries come directory by directory.
    last: Option<(BString, BString, OwnedFd)>,
}

impl Unpacking<'_> {
    fn entry(&mut self, entry: &Entry, content: &mut impl Read) -> io::Result<()> {
        let attributes = Attributes::of(entry)?;
        let path = entry.path.as_bytes();
        if entry.path.is_root() {
            // the reader lets nothing but a directory be that
            self.directories.insert(BString::default(), attributes);
            return Ok(());
        }
        let name = file_name(path);
        let (dir, dir_path) = self.parent(parent(path))?;
        let real = join(&dir_path, name);
        if let EntryKind::HardLink(existing) = &entry.kind {
            return self.hard_link(existing.as_bytes(), dir.as_fd(), name, &real);
        }
        let there = self.tree.lstat(&real)?.map(|stat| kind(&stat));
        let is_there = entry.kind == EntryKind::Directory && there == Some(FileType::Directory);
        if there.is_some() && !is_there {
            self.clear(&real)?;
        }
        if entry.kind == EntryKind::Directory {
            if !is_there {
                node::make_dir(dir.as_fd(), name)?;
            }
            self.directories.insert(real, attributes);
            return Ok(());
        }
        self.maker.make(dir.as_fd(), name, entry, &attributes, content)
    }

    /// The directory that an entry stands in, links followed inside the folder. What is missing of it is made.
    fn parent(&mut self, written: &[u8]) -> io::Result<(OwnedFd, BString)> {
        if let Some((last, real, dir)) = &self.last
            && last == written
        {
            return Ok((dir.try_clone()?, real.clone()));
        }
        let (dir, real) = match self.tree.open_dir(written) {
            // most have no links on their way, and are there
            Ok(dir) => (dir, written.into()),
            Err(_) => self.make_dirs(self.tree.resolve(written).map_err(into_io)?.path)?,
        };
        self.last = Some((written.into(), real.clone(), dir.try_clone()?));
        Ok((dir, real))
    }

    /// Opens the directory at a real path, and makes what is missing of it.
    fn make_dirs(&mut self, real: BString) -> io::Result<(OwnedFd, BString)> {
        let mut dir = self.tree.open_dir(b"")?;
        let mut path = BString::default();
        for name in components(&real) {
            path = join(&path, name);
            let next = match node::open_dir(dir.as_fd(), name) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    node::make_dir(dir.as_fd(), name)?;
                    self.directories.insert(path.clone(), Attributes::implied());
                    node::open_dir(dir.as_fd(), name)
                }
                opened => opened,
            };
            dir = next?;
        }
        Ok((dir, real))
    }

    fn hard_link(&mut self, existing: &[u8], dir: BorrowedFd<'_>, name: &[u8], real: &[u8]) -> io::Result<()> {
        let from = self.tree.resolve(parent(existing)).map_err(into_io)?.path;
        let existing = join(&from, file_name(existing));
        match self.tree.lstat(&existing)?.map(|stat| kind(&stat)) {
            None => return Err(invalid("its hard link target does not exist")),
            Some(FileType::Directory) => return Err(invalid("a hard link to a directory")),
            Some(_) => {}
        }
        if existing == real {
            return Ok(());
        }
        if self.tree.lstat(real)?.is_some() {
            self.clear(real)?;
        }
        let from = self.tree.open_dir(&from)?;
        node::link(from.as_fd(), file_name(&existing), dir, name)
    }

    /// Takes away what has a name that something else gets.
    fn clear(&mut self, real: &[u8]) -> io::Result<()> {
        // the directory that is known may be one of those that go
        self.last = None;
        let below = [real, b"/"].concat();
        self.directories.retain(|path, _| path != real && !path.starts_with_str(&below));
        remove::tree(self.tree, real)
    }

    /// Gives directories what the archive says of them, now that nothing is written into them any more. Without a word of it,
    /// the folder itself is as old as the newest in it.
    fn finish(mut self, newest: Option<Timestamp>) -> Result<(), (BString, io::Error)> {
        self.last = None;
        let root = Attributes { mtime: newest.unwrap_or(Timestamp::EPOCH), ..Attributes::implied() };
        self.directories.entry(BString::default()).or_insert(root);
        // the deepest first: a directory above may not be passed any more
        for (path, attributes) in self.directories.iter().rev() {
            let set = || self.maker.set_directory(&self.tree.open_dir(path)?, attributes);
            set().map_err(|source| (path.clone(), source))?;
        }
        Ok(())
    }
}

fn invalid(reason: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, reason)
}

fn into_io(cause: Cause) -> io::Error {
    io::Error::other(cause)
}
