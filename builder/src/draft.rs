//! A layer while it is thought up: what changes above the layers below, in memory, until it is packed.
//!
//! ```text
//! COPY, ADD, WORKDIR ─► Draft: a tree of changes ─► pack: sorted entries ─► layer tar
//!                         │ looks up
//!                         ▼
//!                       Below
//! ```
//!
//! It behaves as a directory tree that is mounted above the layers below: what is made or taken away moves the time of its
//! directory, names hide names below, and only what differs in the end becomes an entry.

mod change;
mod pack;
pub(crate) mod packed;

use std::{
    collections::BTreeMap,
    fs::File,
    io::Read,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use bstr::BString;
use rustix::fs::{FileType, fstat};
use strata_image::Timestamp;

use crate::{
    below::{self, Below, Found, FoundKind},
    cause::Cause,
    selection::Stamp,
    tree::{components, file_name, parent},
};
pub(crate) use change::Content;
use change::{Change, Folder, Inode, Leaf, LeafKind, Piece};

/// Metadata of everything but its type and its name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Attributes {
    /// 12 bits.
    pub(crate) mode: u32,
    pub(crate) owner: (u64, u64),
    pub(crate) mtime: Timestamp,
    pub(crate) capability: Option<Vec<u8>>,
}

/// A draft above the layers below.
pub(crate) struct Draft<'a> {
    below: &'a Below,
    root: Folder,
    clock: Clock,
    /// Set when a source was found to be no longer what was selected.
    stale: AtomicBool,
}

/// The times that a draft gives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// Of directories that are made or changed.
    pub(crate) now: Timestamp,
    /// Later times become this one, in seconds of the epoch.
    pub(crate) latest: Option<i64>,
}

impl Clock {
    fn cut(self, time: Timestamp) -> Timestamp {
        match self.latest {
            Some(latest) if time.seconds >= latest => Timestamp { seconds: latest, nanoseconds: 0 },
            _ => time,
        }
    }
}

impl<'a> Draft<'a> {
    pub(crate) fn new(below: &'a Below, clock: Clock) -> Self {
        Self { below, root: Folder::default(), clock, stale: AtomicBool::new(false) }
    }

    /// The time of what is made now.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.cut(self.clock.now)
    }

    /// Whether a source was no longer what was selected.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale.load(Ordering::Relaxed)
    }

    /// What a path without links on the way is.
    pub(crate) fn lookup(&self, path: &[u8]) -> Result<Option<Found>, Cause> {
        let mut folder = &self.root;
        let mut hidden = false;
        let mut names = components(path).peekable();
        while let Some(name) = names.next() {
            match folder.names.get(bstr::BStr::new(name)) {
                None if hidden => return Ok(None),
                None => return self.below.lookup(path),
                Some(Change::Gone) => return Ok(None),
                Some(Change::Leaf(leaf)) => return Ok(names.peek().is_none().then(|| leaf.found())),
                Some(Change::Folder(next)) => {
                    hidden |= next.hides;
                    folder = next;
                }
            }
        }
        match &folder.attributes {
            Some(attributes) => Ok(Some(attributes.found(FoundKind::Directory))),
            None => Ok(Some(self.below.lookup(path)?.unwrap_or_else(root_of_nothing))),
        }
    }

    /// Makes a directory where nothing is, in a directory that is there.
    pub(crate) fn make_directory(&mut self, path: &[u8], attributes: Attributes) -> Result<(), Cause> {
        let attributes = Attributes { mtime: self.clock.cut(attributes.mtime), ..attributes };
        let folder = Folder { attributes: Some(attributes), hides: true, names: BTreeMap::new() };
        self.put(path, Change::Folder(folder))
    }

    /// Gives a directory that is there other metadata.
    pub(crate) fn set_directory(&mut self, path: &[u8], attributes: Attributes) -> Result<(), Cause> {
        let attributes = Attributes { mtime: self.clock.cut(attributes.mtime), ..attributes };
        self.folder(path)?.attributes = Some(attributes);
        Ok(())
    }

    /// Gives a directory that is there another time.
    pub(crate) fn set_time(&mut self, path: &[u8], mtime: Timestamp) -> Result<(), Cause> {
        let mtime = self.clock.cut(mtime);
        let attributes = self.attributes_of(path)?;
        self.folder(path)?.attributes = Some(Attributes { mtime, ..attributes });
        Ok(())
    }

    /// Makes a regular file in place of anything but a directory.
    pub(crate) fn file(
        &mut self,
        path: &[u8],
        size: u64,
        content: Content,
        attributes: Attributes,
    ) -> Result<(), Cause> {
        self.leaf(path, LeafKind::File(Arc::new(Inode { size, content })), attributes)
    }

    /// Makes another name of a file.
    pub(crate) fn hard_link(&mut self, existing: &[u8], path: &[u8]) -> Result<(), Cause> {
        let failed = Cause::write("link", path);
        if let Some(leaf) = self.leaf_at(existing) {
            let leaf = leaf.clone();
            return self.put(path, Change::Leaf(leaf));
        }
        let found = self.lookup(existing)?.ok_or_else(|| failed(rustix::io::Errno::NOENT))?;
        let kind = match found.kind {
            FoundKind::File { size } => {
                LeafKind::File(Arc::new(Inode { size, content: Content::Below(existing.into()) }))
            }
            FoundKind::Symlink(target) => LeafKind::Symlink(target),
            FoundKind::Special { kind, device } => LeafKind::Special { kind, device },
            FoundKind::Directory => return Err(failed(rustix::io::Errno::PERM)),
        };
        let capability = match kind {
            LeafKind::File(_) => self.below.capability(existing)?,
            _ => None,
        };
        let attributes = Attributes { mode: found.mode, owner: found.owner, mtime: found.mtime, capability };
        self.put(path, Change::Leaf(Leaf { kind, attributes }))
    }

    /// Makes a symbolic link in place of anything but a directory.
    pub(crate) fn symlink(&mut self, path: &[u8], target: &[u8], attributes: Attributes) -> Result<(), Cause> {
        // links have no mode of their own: it is always this one
        self.leaf(path, LeafKind::Symlink(target.into()), Attributes { mode: 0o777, ..attributes })
    }

    /// Makes a fifo or a device in place of anything but a directory.
    pub(crate) fn special(
        &mut self,
        path: &[u8],
        kind: FileType,
        device: u64,
        attributes: Attributes,
    ) -> Result<(), Cause> {
        self.leaf(path, LeafKind::Special { kind, device }, attributes)
    }

    /// Takes a name away, with everything below it. What is not there is gone already.
    pub(crate) fn remove(&mut self, path: &[u8]) -> Result<(), Cause> {
        if self.lookup(path)?.is_none() {
            return Ok(());
        }
        let is_below = self.below.lookup(path)?.is_some();
        let folder = self.touched(parent(path))?;
        let name = BString::from(file_name(path));
        if is_below && !folder.hides {
            folder.names.insert(name, Change::Gone);
        } else {
            folder.names.remove(&name);
        }
        Ok(())
    }

    /// The names in a directory, sorted.
    pub(crate) fn names(&self, directory: &[u8]) -> Result<Vec<BString>, Cause> {
        let mut names = self.below.names(directory)?;
        if let Some(folder) = self.folder_at(directory) {
            names.extend(folder.names.keys().cloned());
        }
        below::there(names, directory, &|path| self.lookup(path))
    }

    /// Reads a small regular file that is not a link, to its end or `limit`; `None` when there is none.
    pub(crate) fn read(&self, path: &[u8], limit: u64) -> Result<Option<Vec<u8>>, Cause> {
        let mut bytes = Vec::new();
        let failed = Cause::write("read", path);
        let mut read = |reader: &mut dyn Read| {
            reader.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(Cause::write("read", path))
        };
        match self.leaf_at(path) {
            Some(Leaf { kind: LeafKind::File(inode), .. }) => read(&mut *self.open(inode)?)?,
            Some(_) => return Err(failed(rustix::io::Errno::INVAL)),
            None => match self.lookup(path)? {
                None => return Ok(None),
                Some(_) => read(&mut *self.below.open(path)?)?,
            },
        };
        if bytes.len() as u64 > limit {
            return Err(failed(rustix::io::Errno::FBIG));
        }
        Ok(Some(bytes))
    }

    fn leaf(&mut self, path: &[u8], kind: LeafKind, attributes: Attributes) -> Result<(), Cause> {
        let attributes = Attributes { mtime: self.clock.cut(attributes.mtime), ..attributes };
        self.put(path, Change::Leaf(Leaf { kind, attributes }))
    }

    fn put(&mut self, path: &[u8], change: Change) -> Result<(), Cause> {
        let folder = self.touched(parent(path))?;
        folder.names.insert(file_name(path).into(), change);
        Ok(())
    }

    /// A directory that is about to change, with the time of now.
    fn touched(&mut self, path: &[u8]) -> Result<&mut Folder, Cause> {
        let now = self.now();
        if self.folder(path)?.attributes.is_none() {
            let attributes = self.attributes_of(path)?;
            self.folder(path)?.attributes = Some(attributes);
        }
        let folder = self.folder(path)?;
        if let Some(attributes) = &mut folder.attributes {
            attributes.mtime = now;
        }
        Ok(folder)
    }

    fn attributes_of(&self, directory: &[u8]) -> Result<Attributes, Cause> {
        let found = self.lookup(directory)?.unwrap_or_else(root_of_nothing);
        Ok(Attributes { mode: found.mode, owner: found.owner, mtime: found.mtime, capability: None })
    }

    /// A directory that is there, with its changes so far.
    fn folder(&mut self, path: &[u8]) -> Result<&mut Folder, Cause> {
        let mut folder = &mut self.root;
        for name in components(path) {
            let change = folder.names.entry(name.into()).or_insert_with(|| Change::Folder(Folder::default()));
            match change {
                Change::Folder(next) => folder = next,
                Change::Gone | Change::Leaf(_) => return Err(Cause::NotDirectory { path: path.into() }),
            }
        }
        Ok(folder)
    }

    fn folder_at(&self, path: &[u8]) -> Option<&Folder> {
        let mut folder = &self.root;
        for name in components(path) {
            match folder.names.get(bstr::BStr::new(name))? {
                Change::Folder(next) => folder = next,
                _ => return None,
            }
        }
        Some(folder)
    }

    fn leaf_at(&self, path: &[u8]) -> Option<&Leaf> {
        let mut folder = &self.root;
        let mut names = components(path).peekable();
        while let Some(name) = names.next() {
            match folder.names.get(bstr::BStr::new(name))? {
                Change::Folder(next) => folder = next,
                Change::Leaf(leaf) if names.peek().is_none() => return Some(leaf),
                _ => return None,
            }
        }
        None
    }

    fn open<'i>(&self, inode: &'i Inode) -> Result<Box<dyn Read + Send + 'i>, Cause> {
        Ok(match &inode.content {
            Content::Bytes(bytes) => Box::new(bytes.as_slice()),
            Content::Source { origin, real, .. } => {
                Box::new(origin.tree().open_file(real).map_err(Cause::read("open", real))?)
            }
            Content::Spooled { file, offset } => {
                Box::new(Piece { file: Arc::clone(file), offset: *offset, left: inode.size })
            }
            Content::Below(path) => self.below.open(path)?,
        })
    }

    /// Notes when a source is no longer what was selected.
    pub(crate) fn compare(&self, file: &File, stamp: Option<Stamp>) {
        let unchanged = stamp.is_none_or(|stamp| fstat(file).is_ok_and(|stat| Stamp::of(&stat) == stamp));
        if !unchanged {
            self.stale.store(true, Ordering::Relaxed);
        }
    }
}

impl Attributes {
    fn found(&self, kind: FoundKind) -> Found {
        Found { kind, mode: self.mode, owner: self.owner, mtime: self.mtime }
    }
}

/// The root directory of no layers at all.
fn root_of_nothing() -> Found {
    Found { kind: FoundKind::Directory, mode: 0o755, owner: (0, 0), mtime: Timestamp::EPOCH }
}
