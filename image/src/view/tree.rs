//! The tree of live names, in flat arrays: 20 bytes a name, and 24 for the inode that nearly each has of its own.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use hashbrown::HashTable;

use super::{
    InodeId,
    inodes::{InodeIndex, Inodes, Kind},
    texts::{Text, Texts},
};
use crate::layer::{Entry, LayerPath};

/// A name: its place in the tree's array. It is good until the name goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NameIndex(u32);

const NO_NAME: NameIndex = NameIndex(u32::MAX);

/// As many names, inodes and bytes of distinct names a view may have. All are numbered in 31 bits; layers that were made to
/// reach that get an error. What one entry adds fits above it: the components of a path of 4,096 bytes and of the targets
/// of 40 symlinks on its way.
const LIMIT: usize = (1 << 31) - (1 << 20);

/// Live names in a tree, siblings in a doubly linked list whose beginning the directory's inode knows.
#[derive(Clone)]
pub(super) struct Tree {
    texts: Texts,
    pub(super) inodes: Inodes,
    names: Vec<Name>,
    free: Vec<NameIndex>,
    /// Names by their directory and text.
    children: HashTable<NameIndex>,
    /// The layers that gave names to inodes of other layers; all others were given by the layer of the inode.
    given: HashMap<NameIndex, u32>,
    keys: Keys,
    /// [`LIMIT`], but in tests.
    pub(super) limit: usize,
}

#[derive(Clone)]
struct Name {
    text: Text,
    inode: InodeIndex,
    /// Its directory; none when the name is no more.
    parent: NameIndex,
    previous: NameIndex,
    next: NameIndex,
}

impl Tree {
    /// The root directory.
    pub(super) const ROOT: NameIndex = NameIndex(0);

    pub(super) fn new() -> Self {
        let mut tree = Self {
            texts: Texts::default(),
            inodes: Inodes::default(),
            names: Vec::new(),
            free: Vec::new(),
            children: HashTable::new(),
            given: HashMap::new(),
            keys: Keys::new(),
            limit: LIMIT,
        };
        let inode = tree.inodes.add_implied(0);
        tree.inodes.link(inode);
        let text = tree.intern(b"");
        tree.names.push(Name::new(text, inode, Self::ROOT));
        tree
    }

    /// Gives the root directory what a directory's entry says.
    pub(super) fn set_root(&mut self, id: InodeId, entry: &Entry) {
        if let Some(inode) = self.inodes.add(id, entry) {
            let old = self.relink(Self::ROOT, inode, id.layer);
            self.inodes.unlink(old);
        }
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

    /// Whether what one more entry of a layer adds can be numbered.
    pub(super) fn has_room(&self) -> bool {
        [self.names.len(), self.inodes.len(), self.texts.len()].iter().all(|&count| count < self.limit)
    }

    /// Makes room for names that are to come.
    pub(super) fn reserve(&mut self, more: usize) {
        self.texts.reserve(more);
        self.inodes.reserve(more);
        let Self { children, names, keys, .. } = self;
        names.reserve_exact(more);
        children.reserve(more, |&child| {
            let name = &names[at(child.0)];
            keys.hash(name.parent, name.text)
        });
    }

    /// Gives an inode a new name; there must be none such.
    pub(super) fn add_name(&mut self, parent: NameIndex, text: Text, inode: InodeIndex, layer: u32) -> NameIndex {
        let next = self.first_child(parent);
        let name = Name { next, ..Name::new(text, inode, parent) };
        let added = if let Some(free) = self.free.pop() {
            self.names[at(free.0)] = name;
            free
        } else {
            self.names.push(name);
            NameIndex(index(self.names.len() - 1))
        };
        if next != NO_NAME {
            self.name_mut(next).previous = added;
        }
        self.set_first_child(parent, added);
        self.give(added, inode, layer);
        let Self { children, names, keys, .. } = self;
        children.insert_unique(keys.hash(parent, text), added, |&child| {
            let name = &names[at(child.0)];
            keys.hash(name.parent, name.text)
        });
        self.inodes.link(inode);
        added
    }

    /// Gives a name another inode. The old one keeps the count of this name until it is unlinked. What is in a directory is
    /// in the new one when that is a directory too; when it is not, nothing may be in the old one.
    pub(super) fn relink(&mut self, name: NameIndex, inode: InodeIndex, layer: u32) -> InodeIndex {
        self.inodes.link(inode);
        if self.inodes.kind(inode) == Kind::Directory {
            let first_child = self.first_child(name);
            self.inodes.set_first_child(inode, first_child.0);
        }
        self.give(name, inode, layer);
        std::mem::replace(&mut self.name_mut(name).inode, inode)
    }

    /// Notes which layer gave a name to an inode.
    fn give(&mut self, name: NameIndex, inode: InodeIndex, layer: u32) {
        if self.inodes.id(inode).layer != layer {
            self.given.insert(name, layer);
        } else if !self.given.is_empty() {
            self.given.remove(&name);
        }
    }

    fn first_child(&self, directory: NameIndex) -> NameIndex {
        self.inodes.first_child(self.inode(directory)).map_or(NO_NAME, NameIndex)
    }

    fn set_first_child(&mut self, directory: NameIndex, child: NameIndex) {
        let inode = self.inode(directory);
        self.inodes.set_first_child(inode, child.0);
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

    /// Forgets the names of a subtree; their inodes are to be unlinked.
    pub(super) fn forget(&mut self, subtree: &[NameIndex]) {
        let Some(&top) = subtree.first() else { return };
        let &Name { parent, previous, next, .. } = self.name(top);
        if previous == NO_NAME {
            self.set_first_child(parent, next);
        } else {
            self.name_mut(previous).next = next;
        }
        if next != NO_NAME {
            self.name_mut(next).previous = previous;
        }
        for &name in subtree {
            let &Name { parent, text, .. } = self.name(name);
            if let Ok(found) = self.children.find_entry(self.keys.hash(parent, text), |&it| it == name) {
                found.remove();
            }
            self.name_mut(name).parent = NO_NAME;
            self.given.remove(&name);
            self.free.push(name);
        }
    }

    /// All live names but the root, in no order.
    pub(super) fn names(&self) -> impl Iterator<Item = NameIndex> {
        let live = self.names.iter().enumerate().skip(1).filter(|(_, name)| name.parent != NO_NAME);
        live.map(|(place, _)| NameIndex(index(place)))
    }

    /// Whether a name found before is still there; only until another is added.
    pub(super) fn is_live(&self, name: NameIndex) -> bool {
        self.name(name).parent != NO_NAME
    }

    pub(super) fn child(&self, parent: NameIndex, name: &[u8]) -> Option<NameIndex> {
        self.child_text(parent, self.texts.find(name)?)
    }

    pub(super) fn child_text(&self, parent: NameIndex, text: Text) -> Option<NameIndex> {
        let is = |&child: &NameIndex| {
            let name = self.name(child);
            (name.parent, name.text) == (parent, text)
        };
        self.children.find(self.keys.hash(parent, text), is).copied()
    }

    /// The names in a directory, the latest first.
    pub(super) fn children(&self, parent: NameIndex) -> impl Iterator<Item = NameIndex> {
        let some = |name: NameIndex| (name != NO_NAME).then_some(name);
        std::iter::successors(some(self.first_child(parent)), move |&name| some(self.name(name).next))
    }

    /// Whether there are names in a directory.
    pub(super) fn has_children(&self, name: NameIndex) -> bool {
        self.first_child(name) != NO_NAME
    }

    /// The directory of a name; the root's is the root.
    pub(super) fn parent(&self, name: NameIndex) -> NameIndex {
        self.name(name).parent
    }

    /// The layer that gave the name to its inode.
    pub(super) fn layer(&self, name: NameIndex) -> u32 {
        self.given.get(&name).copied().unwrap_or_else(|| self.inodes.id(self.inode(name)).layer)
    }

    pub(super) fn inode(&self, name: NameIndex) -> InodeIndex {
        self.name(name).inode
    }

    pub(super) fn kind(&self, name: NameIndex) -> Kind {
        self.inodes.kind(self.inode(name))
    }

    pub(super) fn is_directory(&self, name: NameIndex) -> bool {
        self.kind(name) == Kind::Directory
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
    fn new(text: Text, inode: InodeIndex, parent: NameIndex) -> Self {
        let (previous, next) = (NO_NAME, NO_NAME);
        Self { text, inode, parent, previous, next }
    }
}

/// Hashes a directory and a text: two small numbers, of which nobody outside chooses the hash, since it depends on two
/// that are drawn anew each time.
#[derive(Clone)]
struct Keys([u64; 2]);

impl Keys {
    fn new() -> Self {
        let random = RandomState::new();
        Self([random.hash_one(0), random.hash_one(1) | 1])
    }

    fn hash(&self, NameIndex(parent): NameIndex, text: Text) -> u64 {
        let pair = u64::from(parent) << 32 | u64::from(text.number());
        let product = u128::from(pair ^ self.0[0]) * u128::from(self.0[1]);
        // both halves, of which each depends on both numbers in another way
        u64::try_from((product ^ product >> 64) & u128::from(u64::MAX)).unwrap_or_default()
    }
}

/// A place in an array.
pub(super) fn at(index: u32) -> usize {
    index as usize
}

#[expect(clippy::expect_used, reason = "an entry that would add to more than `LIMIT` of anything is refused before")]
pub(super) fn index(place: usize) -> u32 {
    u32::try_from(place).expect("a view has fewer than 2^31 names, inodes and bytes of distinct names")
}
