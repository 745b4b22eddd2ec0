//! Hard links that a later layer broke.
//!
//! A write to one name of a file from a lower layer copies that name up: the other names keep the old content (overlayfs
//! without an inode index). Had both commands run in one layer, all names would have changed together. So two commands
//! between which this happened must not be chained.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use bstr::{BString, ByteSlice};
use strata_image::{
    layer::{Change, EntryKind, LayerPath},
    view::{InodeId, View},
};

use crate::{index::LayerIndex, path_text};

/// A file with several names of which a later layer gave one a new file.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokenLink {
    /// The layer that made the link.
    pub made: usize,
    /// The layer that broke it.
    pub broken: usize,
    /// The name that left the group, as [`path_text`] writes it.
    pub path: String,
    /// The same as it is, relative.
    pub name: Vec<u8>,
    /// The file that the other names still have.
    pub inode: InodeId,
}

/// All names of files that have, or had, several.
#[derive(Clone, Default)]
pub(super) struct Links {
    names: BTreeMap<BString, InodeId>,
    files: HashMap<InodeId, Linked>,
    /// Names that the current layer removed.
    removed: Vec<(InodeId, BString)>,
    /// Names that the current layer linked, and to what.
    added: Vec<(LayerPath, LayerPath)>,
    pub(super) broken: Vec<BrokenLink>,
}

#[derive(Clone, Default)]
struct Linked {
    names: usize,
    /// The layer that added the latest name.
    made: u32,
}

impl Links {
    /// Takes the next change of the layer.
    pub(super) fn apply(&mut self, change: &Change<'_>, layer: u32) {
        let is_link = matches!(change, Change::Add(entry) if matches!(entry.kind, EntryKind::HardLink(_)));
        if self.names.is_empty() && !is_link {
            return;
        }
        match change {
            Change::Add(entry) => match &entry.kind {
                EntryKind::Directory => self.remove(entry.path.as_bytes()),
                EntryKind::File => self.replace(&entry.path, layer),
                EntryKind::HardLink(target) => {
                    self.replace(&entry.path, layer);
                    self.added.push((entry.path.clone(), target.clone()));
                }
                _ => self.remove_tree(&entry.path),
            },
            Change::Whiteout(path) => self.remove_tree(path),
            Change::Opaque(path) => self.remove_below(path),
            Change::Nothing => {}
        }
    }

    /// Ends the layer, after the view did.
    pub(super) fn end_layer(&mut self, layer: u32, indexes: &[Arc<LayerIndex>], view: &View) {
        self.find_moves(layer, indexes);
        for (path, target) in std::mem::take(&mut self.added) {
            let Some(inode) = view.get(&path).map(|node| node.inode) else {
                continue;
            };
            let linked = self.files.entry(inode).or_default();
            linked.made = layer;
            for path in [path, target] {
                self.names.entry(path.as_bytes().into()).or_insert_with(|| {
                    linked.names += 1;
                    inode
                });
            }
        }
    }

    /// A name that went while the same content came elsewhere was moved, and a moved name is copied up too.
    fn find_moves(&mut self, layer: u32, indexes: &[Arc<LayerIndex>]) {
        let removed = std::mem::take(&mut self.removed);
        if removed.is_empty() {
            return;
        }
        let here = &indexes[layer as usize];
        let came: HashSet<_> = (0..here.len()).filter_map(|entry| here.hash(u32::try_from(entry).ok()?)).collect();
        for (inode, path) in removed {
            let moved = indexes[inode.layer as usize].hash(inode.entry).is_some_and(|hash| came.contains(hash));
            if moved && self.files[&inode].names > 0 {
                self.breaks(inode, &path, layer);
            }
        }
    }

    /// Another file takes a name.
    fn replace(&mut self, path: &LayerPath, layer: u32) {
        self.remove_below(path);
        if let Some(inode) = self.names.remove(path.as_bytes().as_bstr())
            && self.one_less(inode) > 0
        {
            self.breaks(inode, path.as_bytes(), layer);
        }
    }

    fn breaks(&mut self, inode: InodeId, path: &[u8], layer: u32) {
        let (made, broken) = (self.files[&inode].made as usize, layer as usize);
        self.broken.push(BrokenLink { made, broken, path: path_text(path), name: path.to_vec(), inode });
    }

    fn remove_tree(&mut self, path: &LayerPath) {
        self.remove(path.as_bytes());
        self.remove_below(path);
    }

    fn remove_below(&mut self, directory: &LayerPath) {
        let below: Vec<BString> = if directory.is_root() {
            self.names.keys().cloned().collect()
        } else {
            // `0` is the byte after `/`
            let bound = |end: &[u8]| BString::from([directory.as_bytes(), end].concat());
            self.names.range(bound(b"/")..bound(b"0")).map(|(path, _)| path.clone()).collect()
        };
        for path in below {
            self.remove(&path);
        }
    }

    /// A name goes, and no file takes it.
    fn remove(&mut self, path: &[u8]) {
        if let Some(inode) = self.names.remove(path.as_bstr()) {
            self.one_less(inode);
            self.removed.push((inode, path.into()));
        }
    }

    /// How many names an inode has left after one went.
    fn one_less(&mut self, inode: InodeId) -> usize {
        self.files.get_mut(&inode).map_or(0, |linked| {
            linked.names -= 1;
            linked.names
        })
    }
}
