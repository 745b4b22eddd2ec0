//! What one layer says, by path: read from its tar once, kept as long as the stack.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    path::Path,
    sync::Arc,
};

use bstr::{BStr, BString};
use rustix::fs::{FileType, makedev};
use strata_image::{
    Layer, Timestamp,
    layer::{CAPABILITY, Change, Entry, EntryKind, LayerReader},
};

use super::{Found, FoundKind};
use crate::tree::{file_name, parent};

/// The entries of a layer that strata made: every entry stands in a directory, never below a link.
pub(crate) struct Listing {
    entries: HashMap<BString, Listed>,
    /// Directories that entries stand in and that have none of their own.
    implied: HashMap<BString, Found>,
    children: HashMap<BString, BTreeSet<BString>>,
    gone: HashSet<BString>,
    opaque: HashSet<BString>,
}

/// An entry.
pub(super) struct Listed {
    pub(super) found: Found,
    pub(super) capability: Option<Vec<u8>>,
    /// The blob that the layer is, and where in it the content begins.
    pub(super) blob: Arc<Path>,
    pub(super) data_offset: u64,
}

/// What a layer says of a path.
pub(super) enum Seen<'l> {
    Entry(&'l Listed),
    /// Something below it is there, so it is a directory, if no layer below says more.
    Implied(&'l Found),
    /// It is not there, whatever the layers below say.
    Hidden,
    Nothing,
}

impl Listing {
    /// Reads a layer that lies at `blob`, not compressed.
    pub(crate) fn read(layer: &dyn Layer, blob: &Path) -> strata_image::Result<Self> {
        let mut listing = Self {
            entries: HashMap::new(),
            implied: HashMap::new(),
            children: HashMap::new(),
            gone: HashSet::new(),
            opaque: HashSet::new(),
        };
        let blob: Arc<Path> = blob.into();
        let mut reader = LayerReader::new(layer.open()?);
        while let Some(entry) = reader.next_entry()? {
            match entry.change()? {
                Change::Add(entry) => listing.add(entry, &blob),
                Change::Whiteout(path) => {
                    listing.gone.insert(path.as_bytes().into());
                }
                Change::Opaque(path) => {
                    listing.opaque.insert(path.as_bytes().into());
                }
                Change::Nothing => {}
            }
        }
        reader.finish()?;
        Ok(listing)
    }

    fn add(&mut self, entry: &Entry, blob: &Arc<Path>) {
        let path = BString::from(entry.path.as_bytes());
        let kind = match &entry.kind {
            EntryKind::Directory => FoundKind::Directory,
            EntryKind::File => FoundKind::File { size: entry.size },
            EntryKind::Symlink(target) => FoundKind::Symlink(target.clone()),
            EntryKind::Fifo => FoundKind::Special { kind: FileType::Fifo, device: 0 },
            EntryKind::CharDevice { major, minor } => {
                FoundKind::Special { kind: FileType::CharacterDevice, device: makedev(*major, *minor) }
            }
            EntryKind::BlockDevice { major, minor } => {
                FoundKind::Special { kind: FileType::BlockDevice, device: makedev(*major, *minor) }
            }
            EntryKind::HardLink(target) => {
                let Some(first) = self.entries.get(BStr::new(target.as_bytes())) else {
                    return;
                };
                let same = Listed {
                    found: first.found.clone(),
                    capability: first.capability.clone(),
                    blob: Arc::clone(blob),
                    data_offset: first.data_offset,
                };
                self.insert(path, same);
                return;
            }
        };
        let listed = Listed {
            found: Found { kind, mode: entry.mode, owner: (entry.uid, entry.gid), mtime: entry.mtime },
            capability: entry.xattrs.get(BStr::new(CAPABILITY)).cloned(),
            blob: Arc::clone(blob),
            data_offset: entry.data_offset,
        };
        self.insert(path, listed);
    }

    fn insert(&mut self, path: BString, listed: Listed) {
        let mut child: &[u8] = &path;
        while !child.is_empty() {
            let directory = parent(child);
            let is_new = self.children.entry(directory.into()).or_default().insert(file_name(child).into());
            if !is_new || directory.is_empty() {
                break;
            }
            self.implied.entry(directory.into()).or_insert_with(|| Found {
                kind: FoundKind::Directory,
                mode: 0o755,
                owner: (0, 0),
                mtime: Timestamp::EPOCH,
            });
            child = directory;
        }
        self.entries.insert(path, listed);
    }

    pub(super) fn look(&self, path: &[u8]) -> Seen<'_> {
        if let Some(listed) = self.entries.get(BStr::new(path)) {
            return Seen::Entry(listed);
        }
        if self.gone.contains(BStr::new(path)) {
            return Seen::Hidden;
        }
        if let Some(found) = self.implied.get(BStr::new(path)) {
            return Seen::Implied(found);
        }
        let mut directory = path;
        while !directory.is_empty() {
            directory = parent(directory);
            let directory = BStr::new(directory);
            let is_other = self.entries.get(directory).is_some_and(|listed| !listed.found.is_directory());
            if is_other || self.gone.contains(directory) || self.opaque.contains(directory) {
                return Seen::Hidden;
            }
        }
        Seen::Nothing
    }

    /// The names that entries have in a directory.
    pub(super) fn names(&self, directory: &[u8]) -> impl Iterator<Item = &BString> {
        self.children.get(BStr::new(directory)).into_iter().flatten()
    }
}
