//! The tree of live names, in flat arrays.

use std::hash::{BuildHasher, RandomState};

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

/// Live names in a tree, siblings in a doubly linked list.
pub(super) struct Tree {
    texts: Texts,
    pub(super) inodes: Inodes,
    names: Vec<Name>,
    free: Vec<NameIndex>,
    /// Names by their directory and text.
    children: HashTable<NameIndex>,
    hasher: RandomState,
}

struct Name {
    text: Text,
    inode: InodeIndex,
    /// The layer that gave the name to its inode.
    layer: u32,
    /// Its directory; none when the name is no more.
    parent: NameIndex,
    first_child: NameIndex,
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
            hasher: RandomState::new(),
        };
        let inode = tree.inodes.add_implied(0);
        tree.inodes.link(inode);
        let text = tree.intern(b"");
        tree.names.push(Name::new(text, inode, 0, Self::ROOT));
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

    /// Gives an inode a new name; there must be none such.
    pub(super) fn add_name(&mut self, parent: NameIndex, text: Text, inode: InodeIndex, layer: u32) -> NameIndex {
        let next = self.name(parent).first_child;
        let name = Name { next, ..Name::new(text, inode, layer, parent) };
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
        self.name_mut(parent).first_child = added;
        let Self { children, names, hasher, .. } = self;
        let hash = hasher.hash_one(key(parent, text));
        children.insert_unique(hash, added, |&child| {
            let name = &names[at(child.0)];
            hasher.hash_one(key(name.parent, name.text))
        });
        self.inodes.link(inode);
        added
    }

    /// Gives a name another inode. The old one keeps the count of this name until it is unlinked.
    pub(super) fn relink(&mut self, name: NameIndex, inode: InodeIndex, layer: u32) -> InodeIndex {
        self.inodes.link(inode);
        let name = self.name_mut(name);
        name.layer = layer;
        std::mem::replace(&mut name.inode, inode)
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
            if let Ok(found) = self.children.find_entry(self.hasher.hash_one(key(parent, text)), |&it| it == name) {
                found.remove();
            }
            self.name_mut(name).parent = NO_NAME;
            self.free.push(name);
        }
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
        self.children.find(self.hasher.hash_one(key(parent, text)), is).copied()
    }

    /// The names in a directory, the latest first.
    pub(super) fn children(&self, parent: NameIndex) -> impl Iterator<Item = NameIndex> {
        let some = |name: NameIndex| (name != NO_NAME).then_some(name);
        std::iter::successors(some(self.name(parent).first_child), move |&name| some(self.name(name).next))
    }

    /// Whether there are names in a directory.
    pub(super) fn has_children(&self, name: NameIndex) -> bool {
        self.name(name).first_child != NO_NAME
    }

    /// The directory of a name; the root's is the root.
    pub(super) fn parent(&self, name: NameIndex) -> NameIndex {
        self.name(name).parent
    }

    /// The layer that gave the name to its inode.
    pub(super) fn layer(&self, name: NameIndex) -> u32 {
        self.name(name).layer
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
    fn new(text: Text, inode: InodeIndex, layer: u32, parent: NameIndex) -> Self {
        let (first_child, previous, next) = (NO_NAME, NO_NAME, NO_NAME);
        Self { text, inode, layer, parent, first_child, previous, next }
    }
}

fn key(parent: NameIndex, text: Text) -> (NameIndex, Text) {
    (parent, text)
}

/// A place in an array.
pub(super) fn at(index: u32) -> usize {
    index as usize
}

#[expect(clippy::expect_used, reason = "a view needs far more memory than 4 GiB before it has so many of anything")]
pub(super) fn index(place: usize) -> u32 {
    u32::try_from(place).expect("a view has fewer than 2^32 names, inodes and bytes of distinct names")
}
