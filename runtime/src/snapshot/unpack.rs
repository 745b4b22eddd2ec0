//! A layer's entries, applied to a mounted root: the bottom directory itself, or the merged view of the layers below with
//! an upper directory that becomes the layer's own.
//!
//! Layers are hostile. Each entry's parent is resolved inside the root as a process in it would, opened by descriptor, and
//! the entry is made by its name alone, never through a link. What is in its way is removed first, so that the last entry
//! of a name wins. Whiteouts act on names from below, wherever they stand in the layer.

mod node;
mod whiteout;

use std::{
    collections::{BTreeMap, HashSet, hash_map::RandomState},
    hash::BuildHasher,
    io::Read,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, FileType, OFlags, linkat, statat, unlinkat},
    io::Errno,
};
use strata_image::{
    Layer, Timestamp,
    layer::{Change, Entry, EntryKind, LayerPath, LayerReader},
};

use super::{
    Losses,
    remove::{open_directory, remove_tree},
};
use crate::{Error, Result, beneath, userns::Ids};
use node::Maker;

/// Applies `layer` to `root`. `has_lower` says whether the root shows other layers, which whiteouts can remove names from.
///
/// # Errors
/// Entries that cannot be, and bytes that are not those of the layer's diff ID.
pub(super) fn unpack(layer: &dyn Layer, root: BorrowedFd<'_>, has_lower: bool, ids: Ids) -> Result<Losses> {
    let diff_id = layer.diff_id().to_string();
    let mut unpacker = Unpacker {
        root,
        layer: &diff_id,
        has_lower,
        maker: Maker::new(ids),
        parent: None,
        written: HashSet::new(),
        hasher: RandomState::new(),
        times: BTreeMap::new(),
    };
    let mut reader = LayerReader::new(layer.open()?);
    while let Some(mut entry) = reader.next_entry().map_err(Error::image)? {
        if entry.kind == EntryKind::File && entry.mtime.nanoseconds == 0 {
            entry.mtime.nanoseconds = layer.fraction(entry.path.as_bytes());
        }
        unpacker.apply(&entry, &mut reader)?;
    }
    reader.finish().map_err(Error::image)?;
    unpacker.set_directory_times()?;
    Ok(unpacker.maker.losses())
}

struct Unpacker<'a> {
    root: BorrowedFd<'a>,
    layer: &'a str,
    has_lower: bool,
    maker: Maker,
    /// The parent of the last entry, as it was written and as it was found: most entries share it.
    parent: Option<(LayerPath, Parent)>,
    /// Hashes of the paths that this layer wrote, which its whiteouts leave alone. The keys of the hash are secret and
    /// random, so that no layer can make two paths meet.
    written: HashSet<u64>,
    hasher: RandomState,
    /// When each directory that something was written in is said, or was, to be modified.
    times: BTreeMap<Vec<u8>, Timestamp>,
}

/// A directory that an entry stands in: its path without links, and itself.
struct Parent {
    path: LayerPath,
    directory: OwnedFd,
}

impl Unpacker<'_> {
    fn apply(&mut self, entry: &Entry, content: &mut impl Read) -> Result<()> {
        match entry.change().map_err(Error::image)? {
            Change::Add(entry) => self.add(entry, content),
            Change::Whiteout(path) if self.has_lower => self.whiteout(&path),
            Change::Opaque(path) if self.has_lower => self.opaque(&path),
            Change::Whiteout(_) | Change::Opaque(_) | Change::Nothing => Ok(()),
        }
    }

    fn add(&mut self, entry: &Entry, content: &mut impl Read) -> Result<()> {
        let (Some(parent_path), Some(name)) = (entry.path.parent(), entry.path.file_name()) else {
            return self.set_root(entry);
        };
        let (parent, path) = match self.parent.take() {
            Some((written, parent)) if written == parent_path => (parent, written),
            _ => (self.open_parent(&parent_path)?, parent_path),
        };
        let real = parent.path.join(name).map_err(Error::image)?;
        let keep_parent = self.add_to(&parent, entry, name, &real, content)?;
        self.parent = keep_parent.then_some((path, parent));
        if self.has_lower {
            self.written.insert(self.hasher.hash_one(real.as_bytes()));
        }
        Ok(())
    }

    /// Makes the entry; whether what is known of its parent still holds.
    fn add_to(
        &mut self,
        parent: &Parent,
        entry: &Entry,
        name: &[u8],
        real: &LayerPath,
        content: &mut impl Read,
    ) -> Result<bool> {
        let directory = parent.directory.as_fd();
        let there = kind_of(directory, name).map_err(Error::kernel("look for", real))?;
        let failed = |errno: Errno| Error::kernel("make", &entry.path)(errno);
        match &entry.kind {
            EntryKind::Directory => {
                if there.is_some_and(|kind| kind != FileType::Directory) {
                    unlinkat(directory, name, AtFlags::empty()).map_err(failed)?;
                }
                self.maker.directory(directory, name, entry, there == Some(FileType::Directory))?;
                self.times.insert(real.as_bytes().to_vec(), entry.mtime);
                Ok(there.is_none_or(|kind| kind == FileType::Directory))
            }
            EntryKind::HardLink(target) => {
                let (target_directory, target_name) = self.link_target(entry, target)?;
                let is_itself = same_inode(directory, name, target_directory.as_fd(), &target_name).map_err(failed)?;
                if !is_itself {
                    clear_the_way(directory, name, there, real)?;
                    linkat(&target_directory, &target_name, directory, name, AtFlags::empty()).map_err(failed)?;
                }
                Ok(is_itself || there.is_none())
            }
            EntryKind::CharDevice { major: 0, minor: 0 } => {
                Err(self.refuse(entry, "the device 0:0, which stands for a deleted file"))
            }
            _ => {
                clear_the_way(directory, name, there, real)?;
                self.maker.file(directory, name, entry, content)?;
                Ok(there.is_none())
            }
        }
    }

    fn set_root(&mut self, entry: &Entry) -> Result<()> {
        if entry.kind != EntryKind::Directory {
            return Err(self.refuse(entry, "the root can only be a directory"));
        }
        self.maker.directory(self.root, b".", entry, true)?;
        self.times.insert(Vec::new(), entry.mtime);
        Ok(())
    }

    /// Opens the directory that `path` leads to, making what is missing of it and replacing what is no directory.
    fn open_parent(&mut self, path: &LayerPath) -> Result<Parent> {
        let real = beneath::resolve(self.root, path.as_bytes())?;
        let directory = match beneath::open_directory(self.root, &real)? {
            Some(directory) => directory,
            None => self.make_directories(&real)?,
        };
        self.keep_time(&real, &directory)?;
        Ok(Parent { path: real, directory })
    }

    /// Notes when a directory was modified, before something in it is.
    fn keep_time(&mut self, path: &LayerPath, directory: &OwnedFd) -> Result<()> {
        if !self.times.contains_key(path.as_bytes()) {
            let time = node::time_of(directory).map_err(Error::kernel("read the time of", path))?;
            self.times.insert(path.as_bytes().to_vec(), time);
        }
        Ok(())
    }

    fn make_directories(&mut self, path: &LayerPath) -> Result<OwnedFd> {
        let failed = |errno: Errno| Error::kernel("make the directory", path)(errno);
        let mut real = LayerPath::root();
        let mut directory = beneath::open_without_links(self.root, &real, OFlags::RDONLY | OFlags::DIRECTORY)?;
        for name in path.components() {
            let parent = real.clone();
            real = real.join(name).map_err(Error::image)?;
            let there = kind_of(directory.as_fd(), name).map_err(failed)?;
            if there != Some(FileType::Directory) {
                self.keep_time(&parent, &directory)?;
                if there.is_some() {
                    unlinkat(&directory, name, AtFlags::empty()).map_err(failed)?;
                }
                self.imply(&directory, name, &real, false)?;
            }
            directory = open_directory(directory.as_fd(), name).map_err(Error::kernel("open", &real))?;
        }
        Ok(directory)
    }

    /// Makes a directory, or the one that `is_there`, what the merged view has where no entry tells of one.
    fn imply(&mut self, parent: &OwnedFd, name: &[u8], path: &LayerPath, is_there: bool) -> Result<()> {
        let entry = Entry::new(path.clone(), EntryKind::Directory);
        self.maker.directory(parent.as_fd(), name, &entry, is_there)?;
        self.times.insert(path.as_bytes().to_vec(), entry.mtime);
        Ok(())
    }

    /// Where the target of a hard link stands: in this layer or in one below.
    fn link_target(&self, entry: &Entry, target: &LayerPath) -> Result<(OwnedFd, Vec<u8>)> {
        let missing = || self.refuse(entry, "its hard link target does not exist");
        let (Some(parent), Some(name)) = (target.parent(), target.file_name()) else {
            return Err(self.refuse(entry, "a hard link to the root"));
        };
        let real = beneath::resolve(self.root, parent.as_bytes())?;
        let directory = beneath::open_directory(self.root, &real)?.ok_or_else(missing)?;
        match kind_of(directory.as_fd(), name).map_err(Error::kernel("look for", target))? {
            None => Err(missing()),
            Some(FileType::Directory) => Err(self.refuse(entry, "a hard link to a directory")),
            Some(_) => Ok((directory, name.to_vec())),
        }
    }

    fn has_written(&self, path: &LayerPath) -> bool {
        self.written.contains(&self.hasher.hash_one(path.as_bytes()))
    }

    /// Times are set when everything is written, deepest or not: nothing is written any more then.
    fn set_directory_times(&self) -> Result<()> {
        for (path, time) in &self.times {
            let path = LayerPath::new(path).map_err(Error::image)?;
            // a directory that a later entry replaced is not there any more
            if let Some(directory) = beneath::open_directory(self.root, &path)? {
                node::set_time(&directory, *time).map_err(Error::kernel("set the time of", &path))?;
            }
        }
        Ok(())
    }

    fn refuse(&self, entry: &Entry, reason: &'static str) -> Error {
        Error::LayerEntry { layer: self.layer.to_owned(), path: entry.path.to_string(), reason }
    }
}

/// Removes what is `there` under a name that something else is to have.
fn clear_the_way(directory: BorrowedFd<'_>, name: &[u8], there: Option<FileType>, path: &LayerPath) -> Result<()> {
    match there {
        None => Ok(()),
        Some(_) => remove_tree(directory, name).map_err(Error::kernel("replace", path)),
    }
}

/// The type of what is there under a name.
fn kind_of(directory: BorrowedFd<'_>, name: &[u8]) -> Result<Option<FileType>, Errno> {
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno),
    }
}

/// Whether two names are of one file.
fn same_inode(a: BorrowedFd<'_>, name_a: &[u8], b: BorrowedFd<'_>, name_b: &[u8]) -> Result<bool, Errno> {
    let b = statat(b, name_b, AtFlags::SYMLINK_NOFOLLOW)?;
    match statat(a, name_a, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(a) => Ok((a.st_dev, a.st_ino) == (b.st_dev, b.st_ino)),
        Err(Errno::NOENT) => Ok(false),
        Err(errno) => Err(errno),
    }
}
