//! The tree of live names and the inodes that they name, in flat arrays.

use std::{collections::HashMap, ops::Range};

use super::{InodeId, Meta, NodeKind};
use crate::layer::LayerPath;

/// A name: its place in the tree's array. It is good until the name goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NameIndex(u32);
/// An inode: its place in the tree's array. It is good until the inode loses its last name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct InodeIndex(u32);
/// A component of a path, interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Text(u32);

const NO_NAME: NameIndex = NameIndex(u32::MAX);

/// Live names in a tree, siblings in a doubly linked list.
pub(super) struct Tree {
    texts: Texts,
    names: Vec<Name>,
    free_names: Vec<NameIndex>,
    inodes: Vec<Inode>,
    free_inodes: Vec<InodeIndex>,
    children: HashMap<(NameIndex, Text), NameIndex>,
}

struct Name {
    text: Text,
    inode: InodeIndex,
    /// The layer that gave the name to its inode.
    layer: u32,
    live: bool,
    parent: NameIndex,
    first_child: NameIndex,
    previous: NameIndex,
    next: NameIndex,
}

pub(super) struct Inode {
    pub(super) id: InodeId,
    pub(super) links: u32,
    pub(super) meta: Meta,
}

impl Tree {
    /// The root directory.
    pub(super) const ROOT: NameIndex = NameIndex(0);

    pub(super) fn new() -> Self {
        let mut tree = Self {
            texts: Texts::default(),
            names: Vec::new(),
            free_names: Vec::new(),
            inodes: Vec::new(),
            free_inodes: Vec::new(),
            children: HashMap::new(),
        };
        let inode = tree.add_implied(0);
        tree.inodes[at(inode.0)].links = 1;
        let text = tree.intern(b"");
        tree.names.push(Name::new(text, inode, 0, Self::ROOT));
        tree
    }

    pub(super) fn set_root(&mut self, id: InodeId, meta: Meta) {
        let inode = self.inode_of(Self::ROOT);
        self.inodes[at(inode.0)] = Inode { id, links: 1, meta };
    }

    pub(super) fn intern(&mut self, name: &[u8]) -> Text {
        self.texts.intern(name)
    }

    pub(super) fn text(&self, name: NameIndex) -> &[u8] {
        self.texts.get(self.name(name).text)
    }

    pub(super) fn text_of(&self, text: Text) -> &[u8] {
        self.texts.get(text)
    }

    /// An inode without a name yet.
    pub(super) fn add_inode(&mut self, id: InodeId, meta: Meta) -> InodeIndex {
        let inode = Inode { id, links: 0, meta };
        if let Some(free) = self.free_inodes.pop() {
            self.inodes[at(free.0)] = inode;
            return free;
        }
        self.inodes.push(inode);
        InodeIndex(index(self.inodes.len() - 1))
    }

    /// The inode of a directory that no entry made, without a name yet.
    pub(super) fn add_implied(&mut self, layer: u32) -> InodeIndex {
        let entry = InodeId::IMPLIED;
        self.add_inode(InodeId { layer, entry }, Meta::implied())
    }

    /// Gives an inode a new name; there must be none such.
    pub(super) fn add_name(&mut self, parent: NameIndex, text: Text, inode: InodeIndex, layer: u32) -> NameIndex {
        let next = self.name(parent).first_child;
        let name = Name { next, ..Name::new(text, inode, layer, parent) };
        let added = if let Some(free) = self.free_names.pop() {
            self.names[at(free.0)] = name;
            free
        } else {
            self.names.push(name);
            NameIndex(index(self.names.len() - 1))
        };
        if next != NO_NAME {
            self.name_mut(next).previous = added;
        }
        self.name_mut(parent).first_child = added;
        self.children.insert((parent, text), added);
        self.inodes[at(inode.0)].links += 1;
        added
    }

    /// Gives a name another inode. The old one keeps the count of this name until [`Tree::unlink`].
    pub(super) fn relink(&mut self, name: NameIndex, inode: InodeIndex, layer: u32) -> InodeIndex {
        self.inodes[at(inode.0)].links += 1;
        let name = self.name_mut(name);
        name.layer = layer;
        std::mem::replace(&mut name.inode, inode)
    }

    /// Counts one name more, so that the inode lives until [`Tree::unlink`].
    pub(super) fn hold(&mut self, inode: InodeIndex) {
        self.inodes[at(inode.0)].links += 1;
    }

    /// Takes one name from an inode's count; the inode, when that was its last.
    pub(super) fn unlink(&mut self, inode: InodeIndex) -> Option<Inode> {
        let slot = &mut self.inodes[at(inode.0)];
        slot.links -= 1;
        if slot.links > 0 {
            return None;
        }
        self.free_inodes.push(inode);
        let empty = Inode { id: slot.id, links: 0, meta: Meta::implied() };
        Some(std::mem::replace(slot, empty))
    }

    /// The names at and below one, parents first, in the order in which they came.
    pub(super) fn subtree(&self, top: NameIndex) -> Vec<NameIndex> {
        let mut found = Vec::new();
        let mut waiting = vec![top];
        while let Some(name) = waiting.pop() {
            found.push(name);
            waiting.extend(self.children(name));
        }
        found
    }

    /// Forgets the names of a subtree, whose inodes are unlinked already.
    pub(super) fn forget(&mut self, subtree: &[NameIndex]) {
        let Some(&top) = subtree.first() else { return };
        let &Name { parent, previous, next, .. } = self.name(top);
        if previous == NO_NAME {
            self.name_mut(parent).first_child = next;
        } else {
            self.name_mut(previous).next = next;
        }
        if next != NO_NAME {
            self.name_mut(next).previous = previous;
        }
        for &name in subtree {
            let &Name { parent, text, .. } = self.name(name);
            self.children.remove(&(parent, text));
            self.name_mut(name).live = false;
            self.free_names.push(name);
        }
    }

    /// Whether a name found before is still there; only until another is added.
    pub(super) fn is_live(&self, name: NameIndex) -> bool {
        self.name(name).live
    }

    pub(super) fn child(&self, parent: NameIndex, name: &[u8]) -> Option<NameIndex> {
        self.child_text(parent, self.texts.find(name)?)
    }

    pub(super) fn child_text(&self, parent: NameIndex, text: Text) -> Option<NameIndex> {
        self.children.get(&(parent, text)).copied()
    }

    /// The names in a directory, the latest first.
    pub(super) fn children(&self, parent: NameIndex) -> impl Iterator<Item = NameIndex> {
        let some = |name: NameIndex| (name != NO_NAME).then_some(name);
        std::iter::successors(some(self.name(parent).first_child), move |&name| some(self.name(name).next))
    }

    /// The directory of a name; the root's is the root.
    pub(super) fn parent(&self, name: NameIndex) -> NameIndex {
        self.name(name).parent
    }

    /// The layer that gave the name to its inode.
    pub(super) fn layer(&self, name: NameIndex) -> u32 {
        self.name(name).layer
    }

    pub(super) fn inode_of(&self, name: NameIndex) -> InodeIndex {
        self.name(name).inode
    }

    pub(super) fn inode(&self, name: NameIndex) -> &Inode {
        self.inode_at(self.inode_of(name))
    }

    pub(super) fn inode_at(&self, inode: InodeIndex) -> &Inode {
        &self.inodes[at(inode.0)]
    }

    pub(super) fn is_directory(&self, name: NameIndex) -> bool {
        self.inode(name).meta.kind == NodeKind::Directory
    }

    pub(super) fn path(&self, mut name: NameIndex) -> LayerPath {
        let mut components = Vec::new();
        while name != Self::ROOT {
            components.push(self.text(name));
            name = self.parent(name);
        }
        components.reverse();
        LayerPath::from_clean(components.join(b"/".as_slice()))
    }

    fn name(&self, name: NameIndex) -> &Name {
        &self.names[at(name.0)]
    }

    fn name_mut(&mut self, name: NameIndex) -> &mut Name {
        &mut self.names[at(name.0)]
    }
}

impl Name {
    fn new(text: Text, inode: InodeIndex, layer: u32, parent: NameIndex) -> Self {
        let (first_child, previous, next) = (NO_NAME, NO_NAME, NO_NAME);
        Self { text, inode, layer, live: true, parent, first_child, previous, next }
    }
}

/// Every component once, in one run of bytes.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// By hash, the next free number where two components have the same.
    found: HashMap<u64, Text>,
    hasher: std::hash::RandomState,
}

impl Texts {
    fn get(&self, text: Text) -> &[u8] {
        &self.bytes[self.range(at(text.0))]
    }

    fn range(&self, text: usize) -> Range<usize> {
        let start = text.checked_sub(1).map_or(0, |before| at(self.ends[before]));
        start..at(self.ends[text])
    }

    fn find(&self, name: &[u8]) -> Option<Text> {
        self.slot(name).ok()
    }

    /// Where a component is, or the number under which it may be put.
    fn slot(&self, name: &[u8]) -> Result<Text, u64> {
        let mut hash = std::hash::BuildHasher::hash_one(&self.hasher, name);
        loop {
            match self.found.get(&hash) {
                None => return Err(hash),
                Some(&text) if self.get(text) == name => return Ok(text),
                Some(_) => hash = hash.wrapping_add(1),
            }
        }
    }

    fn intern(&mut self, name: &[u8]) -> Text {
        self.slot(name).unwrap_or_else(|hash| {
            self.bytes.extend_from_slice(name);
            self.ends.push(index(self.bytes.len()));
            let text = Text(index(self.ends.len() - 1));
            self.found.insert(hash, text);
            text
        })
    }
}

/// A place in an array.
fn at(index: u32) -> usize {
    index as usize
}

#[expect(clippy::expect_used, reason = "the tree needs far more memory than 4 GiB before it has so many names")]
fn index(place: usize) -> u32 {
    u32::try_from(place).expect("a view has fewer than 2^32 names, inodes and bytes of distinct names")
}
