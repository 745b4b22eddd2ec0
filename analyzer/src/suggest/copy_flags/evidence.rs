//! What the layers show of a COPY and of the RUN after it: who brought a path, and what became of it.

use std::collections::BTreeMap;

use strata_image::{
    layer::{Entry, EntryKind, LayerPath},
    view::{Node, NodeKind, View},
};

use super::{super::Scene, Refusal};
use crate::Ledger;

/// A file or directory whose mode or owner the RUN changed.
pub(super) struct Touched {
    pub(super) path: LayerPath,
    pub(super) mode: bool,
    pub(super) owner: bool,
    pub(super) bytes: u64,
}

/// What a COPY put into the image, and what a flag of it reaches.
pub(super) struct Brought {
    pub(super) layer: usize,
    pub(super) index: usize,
    /// Each path with the mode that the COPY gave it.
    pub(super) paths: BTreeMap<LayerPath, u32>,
}

impl Brought {
    pub(super) fn of(scene: &Scene<'_>, layer: usize, index: usize) -> Result<Self, Refusal> {
        let before = scene.below(layer)?;
        let mut paths = BTreeMap::new();
        for entry in scene.ledger.indexes()[layer].entries() {
            let entry = entry?;
            if entry.kind == EntryKind::Directory && was_there(before.view(), &entry) {
                continue;
            }
            paths.insert(entry.path, entry.mode);
        }
        Ok(Self { layer, index, paths })
    }
}

/// Whether a layer names a directory only because something below it is new.
fn was_there(view: &View, entry: &Entry) -> bool {
    entry.path.is_root()
        || view.get(&entry.path).is_some_and(|node| {
            let meta = node.meta;
            meta.kind == NodeKind::Directory && (meta.mode, meta.uid, meta.gid) == (entry.mode, entry.uid, entry.gid)
        })
}

/// Whether a path holds what it held, and only its mode, owner or time may be others.
pub(super) fn same_but_for_attributes(before: &Ledger, was: &Node<'_>, after: &Ledger, is: &Node<'_>) -> bool {
    was.meta.kind == is.meta.kind
        && was.meta.xattrs == is.meta.xattrs
        && before.content(was.inode) == after.content(is.inode)
}
