//! One of the two images as it is compared: its merged view, with the names that share an inode.

use std::{collections::HashMap, sync::Arc};

use strata_image::{
    layer::{CAPABILITY, LayerPath},
    view::{InodeId, Node, NodeKind},
};

use super::facts::Facts;
use crate::{Ledger, Result, index::LayerIndex, path_text};

/// An image's view, and what was counted on the way through it.
pub(super) struct Side {
    pub(super) ledger: Ledger,
    /// Files with several names.
    groups: HashMap<InodeId, Group>,
    pub(super) attributes: Attributes,
    /// Live paths, the root not among them.
    pub(super) paths: usize,
}

/// The names of one inode.
struct Group {
    /// Equal exactly for equal sets of paths.
    names: blake3::Hash,
    /// The one that comes first in byte order: the bytes are counted there.
    first: LayerPath,
}

/// How many paths have extended attributes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Attributes {
    pub(super) paths: usize,
    pub(super) capabilities: usize,
    /// The first path with a file capability.
    pub(super) example: Option<String>,
}

impl Side {
    pub(super) fn new(layers: &[Arc<LayerIndex>]) -> Result<Self> {
        let ledger = Ledger::fold(layers)?;
        let mut hashers: HashMap<InodeId, (blake3::Hasher, LayerPath)> = HashMap::new();
        let mut attributes = Attributes::default();
        let mut paths = 0;
        ledger.view().walk(&mut |node| {
            paths += 1;
            if !node.meta.xattrs.is_empty() {
                attributes.paths += 1;
                if node.meta.xattrs.contains_key(CAPABILITY.as_bytes()) {
                    attributes.capabilities += 1;
                    attributes.example.get_or_insert_with(|| path_text(node.path.as_bytes()));
                }
            }
            if shares_inode(&node) {
                let (hasher, _) =
                    hashers.entry(node.inode).or_insert_with(|| (blake3::Hasher::new(), node.path.clone()));
                add_path(hasher, &node.path);
            }
        });
        let group = |(hasher, first): (blake3::Hasher, LayerPath)| Group { names: hasher.finalize(), first };
        let groups = hashers.into_iter().map(|(inode, names)| (inode, group(names))).collect();
        Ok(Self { ledger, groups, attributes, paths })
    }

    /// Files with several names.
    pub(super) fn linked_files(&self) -> usize {
        self.groups.len()
    }

    pub(super) fn facts<'a>(&'a self, node: &Node<'a>) -> Facts<'a> {
        Facts::shown(node.meta, self.ledger.content(node.inode))
    }

    /// A hash of the set of names of a file that has several.
    pub(super) fn names(&self, node: &Node<'_>) -> Option<&blake3::Hash> {
        self.group(node).map(|group| &group.names)
    }

    /// Content bytes of a path; those of an inode with several names are counted at the first of them.
    pub(super) fn bytes(&self, node: &Node<'_>) -> u64 {
        if self.group(node).is_some_and(|group| group.first != node.path) { 0 } else { node.meta.size }
    }

    fn group(&self, node: &Node<'_>) -> Option<&Group> {
        if shares_inode(node) { self.groups.get(&node.inode) } else { None }
    }
}

fn shares_inode(node: &Node<'_>) -> bool {
    node.links > 1 && node.meta.kind != NodeKind::Directory
}

/// Paths come in byte order, so that equal sets give equal hashes; each is framed by its length.
fn add_path(hasher: &mut blake3::Hasher, path: &LayerPath) {
    hasher.update(&(path.as_bytes().len() as u64).to_le_bytes());
    hasher.update(path.as_bytes());
}
