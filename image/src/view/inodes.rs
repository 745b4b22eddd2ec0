//! The inodes that live names name, 24 bytes each.
//!
//! Nearly all files of an image share a few sets of owner, mode and attributes, and have whole seconds and less than
//! 2 GiB: these are numbers in the record. What is not so stands beside, and its number in the record.

use std::{
    collections::BTreeMap,
    hash::{BuildHasher, RandomState},
};

use bstr::{BString, ByteSlice};
use hashbrown::HashTable;

use super::{
    InodeId, Meta, NodeKind,
    tree::{at, index},
};
use crate::{
    layer::{Entry, EntryKind},
    time::Timestamp,
};

/// An inode: its place in the array. It is good until the inode loses its last name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InodeIndex(u32);

/// The type of an inode, without what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Symlink,
    Directory,
    CharDevice,
    BlockDevice,
    Fifo,
}

/// Marks a number as that of what stands beside.
const BESIDE: u32 = 1 << 31;

/// Of a directory in which there is no name.
const NO_CHILD: u32 = u32::MAX;

#[derive(Clone)]
struct Inode {
    id: InodeId,
    links: u32,
    /// Number of the set of what it shares with many.
    shared: u32,
    /// Whole seconds, or a number among `times` with [`BESIDE`].
    time: u32,
    /// Of a file its size, or a number among `sizes` with [`BESIDE`]; of a symlink the number of its target, of a device
    /// that of its numbers, of a directory the first name in it.
    detail: u32,
}

/// What most inodes share with many others.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Shared {
    kind: u8,
    mode: u16,
    uid: u64,
    gid: u64,
    xattrs: BTreeMap<BString, Vec<u8>>,
}

/// All inodes.
#[derive(Clone, Default)]
pub(super) struct Inodes {
    records: Vec<Inode>,
    free: Vec<InodeIndex>,
    shared: Vec<Shared>,
    found: HashTable<u32>,
    /// The latest set that was asked for: most often it is asked for again.
    latest: u32,
    hasher: RandomState,
    times: Beside<Timestamp>,
    sizes: Beside<u64>,
    targets: Beside<BString>,
    devices: Beside<(u32, u32)>,
}

impl Inodes {
    /// How many places the array has: at least as many as there are inodes, and as anything that few of them have.
    pub(super) fn len(&self) -> usize {
        self.records.len()
    }

    /// Makes room for inodes that are to come.
    pub(super) fn reserve(&mut self, more: usize) {
        self.records.reserve_exact(more);
    }

    /// Takes what an entry makes, without a name yet; `None` for a hard link, which makes nothing.
    pub(super) fn add(&mut self, id: InodeId, entry: &Entry) -> Option<InodeIndex> {
        let (kind, detail) = match &entry.kind {
            EntryKind::File => (Kind::File, self.size(entry.size)),
            EntryKind::HardLink(_) => return None,
            EntryKind::Symlink(target) => (Kind::Symlink, self.targets.put(target.clone())),
            EntryKind::Directory => (Kind::Directory, NO_CHILD),
            &EntryKind::CharDevice { major, minor } => (Kind::CharDevice, self.devices.put((major, minor))),
            &EntryKind::BlockDevice { major, minor } => (Kind::BlockDevice, self.devices.put((major, minor))),
            EntryKind::Fifo => (Kind::Fifo, 0),
        };
        let shared = self.share(kind, entry.mode, (entry.uid, entry.gid), &entry.xattrs);
        let time = self.time(entry.mtime);
        Some(self.put(Inode { id, links: 0, shared, time, detail }))
    }

    /// Adds a directory that no entry made: 0755, root's, of the epoch.
    pub(super) fn add_implied(&mut self, layer: u32) -> InodeIndex {
        let shared = self.share(Kind::Directory, 0o755, (0, 0), &BTreeMap::new());
        let id = InodeId { layer, entry: InodeId::IMPLIED };
        self.put(Inode { id, links: 0, shared, time: 0, detail: NO_CHILD })
    }

    fn put(&mut self, inode: Inode) -> InodeIndex {
        if let Some(free) = self.free.pop() {
            self.records[at(free.0)] = inode;
            return free;
        }
        self.records.push(inode);
        InodeIndex(index(self.records.len() - 1))
    }

    fn size(&mut self, size: u64) -> u32 {
        match u32::try_from(size) {
            Ok(size) if size < BESIDE => size,
            _ => BESIDE | self.sizes.put(size),
        }
    }

    fn time(&mut self, time: Timestamp) -> u32 {
        match u32::try_from(time.seconds) {
            Ok(seconds) if seconds < BESIDE && time.nanoseconds == 0 => seconds,
            _ => BESIDE | self.times.put(time),
        }
    }

    fn share(&mut self, kind: Kind, mode: u32, owner: (u64, u64), xattrs: &BTreeMap<BString, Vec<u8>>) -> u32 {
        let mode = u16::try_from(mode & 0o7777).unwrap_or_default();
        let is = |shared: &Shared| {
            shared.kind == kind as u8
                && shared.mode == mode
                && (shared.uid, shared.gid) == owner
                && shared.xattrs == *xattrs
        };
        if self.shared.get(at(self.latest)).is_some_and(is) {
            return self.latest;
        }
        let Self { shared, found, hasher, .. } = self;
        let (uid, gid) = owner;
        let new = Shared { kind: kind as u8, mode, uid, gid, xattrs: xattrs.clone() };
        let hash = hasher.hash_one(&new);
        if let Some(&number) = found.find(hash, |&number| is(&shared[at(number)])) {
            self.latest = number;
        } else {
            shared.push(new);
            self.latest = index(shared.len() - 1);
            found.insert_unique(hash, self.latest, |&number| hasher.hash_one(&shared[at(number)]));
        }
        self.latest
    }

    pub(super) fn id(&self, inode: InodeIndex) -> InodeId {
        self.records[at(inode.0)].id
    }

    pub(super) fn links(&self, inode: InodeIndex) -> u32 {
        self.records[at(inode.0)].links
    }

    pub(super) fn kind(&self, inode: InodeIndex) -> Kind {
        self.kind_of(&self.records[at(inode.0)])
    }

    fn kind_of(&self, inode: &Inode) -> Kind {
        const KINDS: [Kind; 6] =
            [Kind::File, Kind::Symlink, Kind::Directory, Kind::CharDevice, Kind::BlockDevice, Kind::Fifo];
        KINDS[usize::from(self.shared[at(inode.shared)].kind)]
    }

    /// The number of the first name in a directory; `None` in an empty one, and for anything else.
    pub(super) fn first_child(&self, inode: InodeIndex) -> Option<u32> {
        let inode = &self.records[at(inode.0)];
        (inode.detail != NO_CHILD && self.kind_of(inode) == Kind::Directory).then_some(inode.detail)
    }

    /// Says which name is the first in a directory, or [`u32::MAX`].
    pub(super) fn set_first_child(&mut self, directory: InodeIndex, child: u32) {
        self.records[at(directory.0)].detail = child;
    }

    /// The target of a symlink; `None` for anything else.
    pub(super) fn target(&self, inode: InodeIndex) -> Option<&[u8]> {
        let inode = &self.records[at(inode.0)];
        (self.kind_of(inode) == Kind::Symlink).then(|| self.targets.get(inode.detail).as_slice())
    }

    pub(super) fn meta(&self, inode: InodeIndex) -> Meta<'_> {
        let inode = &self.records[at(inode.0)];
        let shared = &self.shared[at(inode.shared)];
        let device = || *self.devices.get(inode.detail);
        let mut size = 0;
        let kind = match self.kind_of(inode) {
            Kind::File => {
                size = self.size_of(inode.detail);
                NodeKind::File
            }
            Kind::Symlink => NodeKind::Symlink(self.targets.get(inode.detail).as_bstr()),
            Kind::Directory => NodeKind::Directory,
            Kind::CharDevice => {
                let (major, minor) = device();
                NodeKind::CharDevice { major, minor }
            }
            Kind::BlockDevice => {
                let (major, minor) = device();
                NodeKind::BlockDevice { major, minor }
            }
            Kind::Fifo => NodeKind::Fifo,
        };
        let mtime = match inode.time & BESIDE {
            0 => Timestamp::from_seconds(i64::from(inode.time)),
            _ => *self.times.get(inode.time & !BESIDE),
        };
        Meta {
            kind,
            mode: u32::from(shared.mode),
            uid: shared.uid,
            gid: shared.gid,
            mtime,
            size,
            xattrs: &shared.xattrs,
        }
    }

    /// Visits every regular file that has a name, with its size.
    pub(super) fn files(&self, visit: &mut dyn FnMut(InodeId, u64)) {
        for inode in self.records.iter().filter(|inode| inode.links > 0) {
            if self.kind_of(inode) == Kind::File {
                visit(inode.id, self.size_of(inode.detail));
            }
        }
    }

    fn size_of(&self, detail: u32) -> u64 {
        match detail & BESIDE {
            0 => u64::from(detail),
            _ => *self.sizes.get(detail & !BESIDE),
        }
    }

    /// Counts one name more.
    pub(super) fn link(&mut self, inode: InodeIndex) {
        self.records[at(inode.0)].links += 1;
    }

    /// Takes one name from the count; when that was the last, the inode is no more, and its identity and kind are given.
    pub(super) fn unlink(&mut self, inode: InodeIndex) -> Option<(InodeId, Kind)> {
        let record = &mut self.records[at(inode.0)];
        record.links -= 1;
        if record.links > 0 {
            return None;
        }
        let Inode { id, time, detail, .. } = *record;
        let kind = self.kind(inode);
        if time & BESIDE != 0 {
            self.times.take(time & !BESIDE);
        }
        match kind {
            Kind::File if detail & BESIDE != 0 => self.sizes.take(detail & !BESIDE),
            Kind::Symlink => self.targets.take(detail),
            Kind::CharDevice | Kind::BlockDevice => self.devices.take(detail),
            Kind::File | Kind::Directory | Kind::Fifo => {}
        }
        self.free.push(inode);
        Some((id, kind))
    }
}

/// What few inodes have, by number.
#[derive(Clone, Default)]
struct Beside<T> {
    items: Vec<T>,
    free: Vec<u32>,
}

impl<T: Default> Beside<T> {
    fn put(&mut self, item: T) -> u32 {
        if let Some(free) = self.free.pop() {
            self.items[at(free)] = item;
            return free;
        }
        self.items.push(item);
        index(self.items.len() - 1)
    }

    fn get(&self, number: u32) -> &T {
        &self.items[at(number)]
    }

    fn take(&mut self, number: u32) {
        self.items[at(number)] = T::default();
        self.free.push(number);
    }
}
