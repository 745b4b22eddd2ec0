//! Follows the merged view from layer to layer, looking only at the names that a layer speaks of.
//!
//! Where a layer's paths go through no symlink, what it can have changed is known from its entries: each path with the
//! directories above it, and what was below a path that went. Only for the others is the whole view compared.

use std::{
    collections::HashMap,
    hash::{BuildHasher, Hash, Hasher, RandomState},
    sync::Arc,
};

use strata_image::{
    layer::{Change, LayerPath},
    view::{InodeId, Node as Seen, NodeKind, View},
};

use super::{
    Death, NONE, NodeIndex, ROOT, Tree, Type, Version,
    names::{Names, number},
    touched::Touched,
};
use crate::{
    Ledger,
    index::LayerIndex,
    ledger::{Follower, content},
};

/// The tree as it grows.
pub(super) struct Growing<'a> {
    indexes: &'a [Arc<LayerIndex>],
    layer: u32,
    touched: Touched,
    names: Names,
    versions: Vec<Version>,
    hasher: RandomState,
    /// The directory of the path before, which is up to date already.
    directory: Option<(Vec<u8>, NodeIndex)>,
}

impl Follower for Growing<'_> {
    fn changes(&mut self, change: &Change<'_>) {
        self.touched.take(change);
    }

    fn layer_ended(&mut self, view: &View) {
        let touched = std::mem::take(&mut self.touched);
        let is_symlink = |path: &[u8]| {
            let found = self.names.find(path).and_then(|node| self.alive(node));
            found.is_some_and(|version| version.kind == Type::Symlink)
        };
        if touched.is_literal(is_symlink) {
            self.follow(&touched, view);
        } else {
            self.compare(view);
        }
        self.layer += 1;
    }
}

impl<'a> Growing<'a> {
    /// Before the first layer.
    pub(super) fn new(indexes: &'a [Arc<LayerIndex>]) -> Self {
        Self {
            indexes,
            layer: 0,
            touched: Touched::default(),
            names: Names::new(),
            versions: Vec::new(),
            hasher: RandomState::new(),
            directory: None,
        }
    }

    /// What a name means so far; `None` when it is not there.
    fn alive(&self, node: NodeIndex) -> Option<&Version> {
        self.versions.get(self.names.nodes[node as usize].latest as usize).filter(|version| version.inode.is_some())
    }

    fn follow(&mut self, touched: &Touched, view: &View) {
        self.directory = None;
        for path in &touched.removed {
            if let Some(node) = self.names.find(path.as_bytes()) {
                self.look_below(node, path, view);
            }
        }
        for (path, _) in &touched.added {
            self.look_at(path, view);
        }
    }

    /// Looks at a path and the directories above it.
    fn look_at(&mut self, path: &LayerPath, view: &View) {
        let Some(parent) = path.parent() else {
            // the root is always there, and only its metadata can change
            self.root(view);
            return;
        };
        let known = self.directory.as_ref().filter(|(known, _)| known == parent.as_bytes());
        let directory = if let Some(&(_, node)) = known {
            node
        } else {
            let (mut at, mut above) = (ROOT, LayerPath::root());
            for name in parent.components() {
                let Ok(next) = above.join(name) else { return };
                above = next;
                at = self.names.child(at, name);
                self.set(at, view.get(&above).as_ref());
            }
            self.directory = Some((parent.as_bytes().to_vec(), at));
            at
        };
        let Some(name) = path.file_name() else { return };
        let node = self.names.child(directory, name);
        let seen = view.get(path);
        let is_directory = seen.as_ref().is_some_and(|seen| matches!(seen.meta.kind, NodeKind::Directory));
        self.set(node, seen.as_ref());
        if !is_directory {
            self.forget_below(node);
        }
    }

    /// Looks at a path and all that was below it.
    fn look_below(&mut self, top: NodeIndex, path: &LayerPath, view: &View) {
        let mut waiting = vec![(top, path.clone())];
        while let Some((node, path)) = waiting.pop() {
            if node != ROOT {
                let seen = view.get(&path);
                self.set(node, seen.as_ref());
                if seen.is_none() {
                    self.forget_below(node);
                    continue;
                }
            }
            for child in self.names.children(node) {
                if self.alive(child).is_some()
                    && let Ok(path) = path.join(self.names.name(child))
                {
                    waiting.push((child, path));
                }
            }
        }
    }

    fn forget_below(&mut self, node: NodeIndex) {
        let mut waiting = self.names.children(node);
        while let Some(node) = waiting.pop() {
            if self.alive(node).is_some() {
                self.set(node, None);
                waiting.extend(self.names.children(node));
            }
        }
    }

    /// Compares all that there was with all that there is.
    fn compare(&mut self, view: &View) {
        self.look_below(ROOT, &LayerPath::root(), view);
        self.root(view);
        let mut directories = HashMap::from([(Vec::new(), ROOT)]);
        view.walk(&mut |seen| {
            let parent = seen.path.parent().and_then(|parent| directories.get(parent.as_bytes()).copied());
            let Some((parent, name)) = parent.zip(seen.path.file_name()) else { return };
            let node = self.names.child(parent, name);
            if matches!(seen.meta.kind, NodeKind::Directory) {
                directories.insert(seen.path.as_bytes().to_vec(), node);
            }
            self.set(node, Some(&seen));
        });
    }

    fn root(&mut self, view: &View) {
        if let Some(root) = view.root() {
            self.set(ROOT, Some(&root));
        }
    }

    /// Notes what a name means after this layer.
    fn set(&mut self, node: NodeIndex, seen: Option<&Seen<'_>>) {
        let latest = self.names.nodes[node as usize].latest;
        let old = self.versions.get(latest as usize).copied();
        let new = match (seen, old) {
            (Some(seen), _) => {
                if let Some(old) = old.filter(|old| old.inode == Some(seen.inode)) {
                    // one more name of the same file, or one less
                    self.versions[latest as usize].linked = old.linked || seen.links > 1;
                    return;
                }
                self.version(seen)
            }
            (None, Some(old)) if old.inode.is_some() => Version { inode: None, layer: self.layer, ..old },
            (None, _) => return,
        };
        match old {
            Some(old) if old.layer == self.layer => {
                self.versions[latest as usize] = Version { before: old.before, ..new };
            }
            _ => {
                self.names.nodes[node as usize].latest = number(self.versions.len());
                self.versions.push(Version { before: latest, ..new });
            }
        }
    }

    fn version(&self, seen: &Seen<'_>) -> Version {
        let mut hasher = self.hasher.build_hasher();
        let kind = match &seen.meta.kind {
            NodeKind::File => {
                content(self.indexes, seen.inode).hash(&mut hasher);
                Type::File
            }
            NodeKind::Symlink(target) => {
                target.hash(&mut hasher);
                Type::Symlink
            }
            NodeKind::Directory => Type::Directory,
            NodeKind::CharDevice { major, minor } => {
                (0, major, minor).hash(&mut hasher);
                Type::Special
            }
            NodeKind::BlockDevice { major, minor } => {
                (1, major, minor).hash(&mut hasher);
                Type::Special
            }
            NodeKind::Fifo => Type::Special,
        };
        let mut attributes = self.hasher.build_hasher();
        (seen.meta.mode, seen.meta.uid, seen.meta.gid).hash(&mut attributes);
        seen.meta.xattrs.hash(&mut attributes);
        Version {
            layer: self.layer,
            inode: Some(seen.inode),
            kind,
            size: seen.meta.size,
            content: hasher.finish(),
            attributes: attributes.finish(),
            linked: seen.links > 1,
            before: NONE,
        }
    }

    /// The tree, from the account of the same layers.
    pub(super) fn finish(mut self, ledger: &Ledger) -> Tree {
        let mut deaths = Vec::new();
        for dead in ledger.dead() {
            let mut node = ROOT;
            for name in dead.path.components() {
                node = self.names.child(node, name);
            }
            let death = Death { bytes: dead.bytes, creator: dead.creator(), killer: dead.killer, kind: dead.kind };
            self.names.nodes[node as usize].wasted += dead.bytes;
            if self.names.nodes[node as usize].latest == NONE {
                self.came_and_went(node, dead.killer, dead.bytes, dead.inode);
            }
            deaths.push((node, death));
        }
        deaths.sort_by_key(|(node, _)| *node);
        let children = self.names.sorted_children();
        Tree {
            layers: number(self.indexes.len()),
            texts: self.names.texts,
            nodes: self.names.nodes,
            versions: self.versions,
            children,
            deaths,
        }
    }

    /// A name that one layer gave and took again: no view shows it, but its bytes are there.
    fn came_and_went(&mut self, node: NodeIndex, layer: usize, size: u64, inode: InodeId) {
        self.names.nodes[node as usize].latest = number(self.versions.len());
        self.versions.push(Version {
            layer: number(layer),
            inode: None,
            kind: Type::File,
            size,
            content: u64::from(inode.entry),
            attributes: 0,
            linked: false,
            before: NONE,
        });
    }
}
