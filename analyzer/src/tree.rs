//! The names of an image through its layers: what each layer added, changed and removed, and what there is at any layer.
//!
//! ```text
//! the ledger's fold, layer by layer ─► nodes: every name there ever was │ versions: what a name meant since which layer
//!                                         └─► Tree::at(layer, changes) ─► marks and bytes, one a node
//! ```
//!
//! All of it lies in flat arrays whose length grows with the entries, not with entries times layers: a name has a
//! version for each layer that changed it, and what the image shows at a layer is the last version up to there.

mod growing;
mod marks;
mod names;
mod scene;
mod touched;

use std::sync::Arc;

use strata_image::view::InodeId;

use crate::{Ledger, Result, index::LayerIndex, ledger::Kind};
use growing::Growing;
pub use marks::Mark;
pub use scene::{Changes, Scene};

/// A name in the tree: its place in the arrays. The root is 0; a directory comes before what is in it.
pub type NodeIndex = u32;

/// The root directory.
pub const ROOT: NodeIndex = 0;

/// No version, no layer.
const NONE: u32 = u32::MAX;

/// What type a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A regular file, or one more name of it.
    File,
    /// A directory.
    Directory,
    /// A symlink.
    Symlink,
    /// A device or a named pipe.
    Special,
}

/// What a name means from a layer on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Version {
    /// The layer that gave the name this meaning.
    pub layer: u32,
    /// What the name is from then on; `None` when it went.
    pub inode: Option<InodeId>,
    /// The type; of a name that went, the one that it had.
    pub kind: Type,
    /// Bytes of content; 0 for all but regular files.
    pub size: u64,
    /// Stands for content, link target or device: equal where these are equal.
    content: u64,
    /// Stands for mode, owners and extended attributes.
    attributes: u64,
    /// Whether the file has other names too.
    linked: bool,
    /// The version before.
    before: u32,
}

/// A regular file that died under a name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Death {
    /// Content bytes.
    pub bytes: u64,
    /// The layer that made it.
    pub creator: usize,
    /// The layer that removed its last name.
    pub killer: usize,
    /// How it went.
    pub kind: Kind,
}

/// Every name that an image has at any layer.
pub struct Tree {
    layers: u32,
    texts: Vec<u8>,
    nodes: Vec<Node>,
    versions: Vec<Version>,
    /// The nodes in each directory, by name; a directory's are `children[first..first + count]`.
    children: Vec<NodeIndex>,
    /// By node, then in the order in which they died.
    deaths: Vec<(NodeIndex, Death)>,
}

struct Node {
    parent: NodeIndex,
    text: u32,
    length: u16,
    first: u32,
    count: u32,
    latest: u32,
    /// Bytes that died under this name, in all layers.
    wasted: u64,
}

impl Tree {
    /// Folds a stack of layers, bottom first, and follows its names meanwhile.
    ///
    /// # Errors
    /// Those of [`Ledger::fold`].
    pub fn fold(layers: &[Arc<LayerIndex>]) -> Result<(Ledger, Self)> {
        let mut growing = Growing::new(layers);
        let ledger = Ledger::fold_followed(layers, &mut growing)?;
        let tree = growing.finish(&ledger);
        Ok((ledger, tree))
    }

    /// Number of nodes, the root and names that went included.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is nothing but the root.
    pub fn is_empty(&self) -> bool {
        self.nodes.len() == 1
    }

    /// Number of layers.
    pub fn layers(&self) -> usize {
        self.layers as usize
    }

    /// The last component of a name, as bytes; the root's is empty.
    pub fn name(&self, node: NodeIndex) -> &[u8] {
        let node = &self.nodes[node as usize];
        &self.texts[node.text as usize..][..usize::from(node.length)]
    }

    /// The directory of a name; the root's is the root.
    pub fn parent(&self, node: NodeIndex) -> NodeIndex {
        self.nodes[node as usize].parent
    }

    /// The names in a directory, also those that went, in byte order.
    pub fn children(&self, node: NodeIndex) -> &[NodeIndex] {
        let node = &self.nodes[node as usize];
        &self.children[node.first as usize..][..node.count as usize]
    }

    /// The whole path, relative, as bytes; the root's is empty.
    pub fn path(&self, mut node: NodeIndex) -> Vec<u8> {
        let mut components = Vec::new();
        while node != ROOT {
            components.push(self.name(node));
            node = self.parent(node);
        }
        components.reverse();
        components.join(b"/".as_slice())
    }

    /// What a name means at a layer; `None` where it was not there yet.
    pub fn version(&self, node: NodeIndex, layer: usize) -> Option<&Version> {
        self.versions(node).find(|version| version.layer as usize <= layer)
    }

    /// All that a name ever meant, the latest first.
    pub fn versions(&self, node: NodeIndex) -> impl Iterator<Item = &Version> {
        let get = |index: u32| self.versions.get(index as usize);
        std::iter::successors(get(self.nodes[node as usize].latest), move |version| get(version.before))
    }

    /// The last meaning that a name had at or before a layer.
    pub fn last_alive(&self, node: NodeIndex, layer: usize) -> Option<&Version> {
        self.versions(node).find(|version| version.layer as usize <= layer && version.inode.is_some())
    }

    /// The regular files that died under a name: it was the last that they had.
    pub fn deaths(&self, node: NodeIndex) -> impl Iterator<Item = &Death> {
        let start = self.deaths.partition_point(|(other, _)| *other < node);
        self.deaths[start..].iter().take_while(move |(other, _)| *other == node).map(|(_, death)| death)
    }

    /// Bytes that died under this very name.
    pub fn wasted(&self, node: NodeIndex) -> u64 {
        self.nodes[node as usize].wasted
    }
}
