//! Follows the merged view from layer to layer, looking only at the names that a layer speaks of.
//!
//! Where a layer's paths go through no symlink, what it can have changed is known from its entries: each path with the
//! directories above it, and what was below a path that went. Only for the others is the whole view compared.

use std::{
    collections::{HashMap, HashSet},
    hash::{BuildHasher, Hash, Hasher, RandomState},
};

use strata_image::{
    layer::{Change, EntryKind, LayerPath},
    view::{InodeId, Node as Seen, NodeKind, View},
};

use super::{Death, NONE, Node, NodeIndex, ROOT, Tree, Type, Version};
use crate::{Ledger, Result, error::in_layer};

/// Bytes of names and versions, and nodes, are counted in 32 bits; what does not fit has passed every limit of an index.
fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NONE)
}

pub(super) fn grow(ledger: &Ledger) -> Result<Tree> {
    let mut growing = Growing::new(ledger);
    let mut view = View::new();
    for (layer, index) in (0..).zip(ledger.indexes()) {
        let in_layer = in_layer(index.diff_id());
        view.begin_layer();
        let mut touched = Touched::default();
        for entry in index.entries() {
            let entry = entry?;
            match entry.change().map_err(&in_layer)? {
                Change::Add(entry) => touched.add(&entry.path, entry.kind == EntryKind::Directory),
                Change::Whiteout(path) => touched.remove(path, false),
                Change::Opaque(path) => touched.remove(path, true),
                Change::Nothing => {}
            }
            view.apply(&entry).map_err(&in_layer)?;
        }
        let is_literal = touched.is_literal(&growing);
        view.end_layer(&mut ()).map_err(&in_layer)?;
        growing.layer = layer;
        if is_literal {
            growing.follow(&touched, &view);
        } else {
            growing.compare(&view);
        }
    }
    Ok(growing.finish())
}

/// What a layer speaks of.
#[derive(Default)]
struct Touched {
    added: Vec<LayerPath>,
    removed: Vec<LayerPath>,
    /// Every directory above those, those that are added, and those that are made opaque.
    parents: HashSet<Vec<u8>>,
    /// What is added and is no directory.
    others: HashSet<Vec<u8>>,
}

impl Touched {
    fn add(&mut self, path: &LayerPath, is_directory: bool) {
        self.above(path.as_bytes());
        // one that was something else before it was a directory has lost what was in it
        let kind = if is_directory { &mut self.parents } else { &mut self.others };
        kind.insert(path.as_bytes().to_vec());
        self.added.push(path.clone());
    }

    fn remove(&mut self, path: LayerPath, opaque: bool) {
        self.above(path.as_bytes());
        if opaque {
            self.parents.insert(path.as_bytes().to_vec());
        }
        self.removed.push(path);
    }

    fn above(&mut self, mut path: &[u8]) {
        while let Some(slash) = path.iter().rposition(|&byte| byte == b'/') {
            path = &path[..slash];
            if self.parents.contains(path) {
                return;
            }
            self.parents.insert(path.to_vec());
        }
    }

    /// Whether no path of the layer goes through a symlink or through something that the layer itself puts there.
    fn is_literal(&self, below: &Growing<'_>) -> bool {
        let is_symlink = |path: &Vec<u8>| {
            let found = below.find(path).and_then(|node| below.alive(node));
            found.is_some_and(|version| version.kind == Type::Symlink)
        };
        !self.parents.iter().any(|parent| self.others.contains(parent) || is_symlink(parent))
    }
}

struct Growing<'a> {
    ledger: &'a Ledger,
    layer: u32,
    texts: Vec<u8>,
    nodes: Vec<Node>,
    /// Of each node, the first in it and the next beside it.
    siblings: Vec<(u32, u32)>,
    versions: Vec<Version>,
    /// By directory and name, the next free number where two have the same.
    found: HashMap<u64, NodeIndex>,
    hasher: RandomState,
    /// The directory of the path before, which is up to date already.
    directory: Option<(Vec<u8>, NodeIndex)>,
}

impl<'a> Growing<'a> {
    fn new(ledger: &'a Ledger) -> Self {
        let mut growing = Self {
            ledger,
            layer: 0,
            texts: Vec::new(),
            nodes: Vec::new(),
            siblings: Vec::new(),
            versions: Vec::new(),
            found: HashMap::new(),
            hasher: RandomState::new(),
            directory: None,
        };
        growing.push_node(ROOT, b"");
        growing
    }

    fn push_node(&mut self, parent: NodeIndex, name: &[u8]) -> NodeIndex {
        let index = number(self.nodes.len());
        let text = number(self.texts.len());
        self.texts.extend_from_slice(name);
        let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
        self.nodes.push(Node { parent, text, length, first: 0, count: 0, latest: NONE, wasted: 0 });
        self.siblings.push((NONE, NONE));
        if index != ROOT {
            let above = &mut self.siblings[parent as usize].0;
            let next = std::mem::replace(above, index);
            self.siblings[index as usize].1 = next;
        }
        index
    }

    fn name(&self, node: NodeIndex) -> &[u8] {
        let node = &self.nodes[node as usize];
        &self.texts[node.text as usize..][..usize::from(node.length)]
    }

    /// The node of a name, or the number under which it may be found.
    fn slot(&self, parent: NodeIndex, name: &[u8]) -> Result<NodeIndex, u64> {
        let mut hash = self.hasher.hash_one((parent, name));
        loop {
            match self.found.get(&hash) {
                None => return Err(hash),
                Some(&node) if self.nodes[node as usize].parent == parent && self.name(node) == name => {
                    return Ok(node);
                }
                Some(_) => hash = hash.wrapping_add(1),
            }
        }
    }

    fn child(&mut self, parent: NodeIndex, name: &[u8]) -> NodeIndex {
        self.slot(parent, name).unwrap_or_else(|hash| {
            let node = self.push_node(parent, name);
            self.found.insert(hash, node);
            node
        })
    }

    fn find(&self, path: &[u8]) -> Option<NodeIndex> {
        let components = path.split(|&byte| byte == b'/').filter(|component| !component.is_empty());
        components.into_iter().try_fold(ROOT, |at, name| self.slot(at, name).ok())
    }

    /// What a name means so far; `None` when it is not there.
    fn alive(&self, node: NodeIndex) -> Option<&Version> {
        self.versions.get(self.nodes[node as usize].latest as usize).filter(|version| version.inode.is_some())
    }

    fn children(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let some = |node: u32| (node != NONE).then_some(node);
        let first = some(self.siblings[node as usize].0);
        std::iter::successors(first, |&node| some(self.siblings[node as usize].1)).collect()
    }

    fn follow(&mut self, touched: &Touched, view: &View) {
        self.directory = None;
        for path in &touched.removed {
            if let Some(node) = self.find(path.as_bytes()) {
                self.look_below(node, path, view);
            }
        }
        for path in &touched.added {
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
                at = self.child(at, name);
                self.set(at, view.get(&above).as_ref());
            }
            self.directory = Some((parent.as_bytes().to_vec(), at));
            at
        };
        let Some(name) = path.file_name() else { return };
        let node = self.child(directory, name);
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
            for child in self.children(node) {
                if self.alive(child).is_some()
                    && let Ok(path) = path.join(self.name(child))
                {
                    waiting.push((child, path));
                }
            }
        }
    }

    fn forget_below(&mut self, node: NodeIndex) {
        let mut waiting = self.children(node);
        while let Some(node) = waiting.pop() {
            if self.alive(node).is_some() {
                self.set(node, None);
                waiting.extend(self.children(node));
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
            let node = self.child(parent, name);
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
        let latest = self.nodes[node as usize].latest;
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
                self.nodes[node as usize].latest = number(self.versions.len());
                self.versions.push(Version { before: latest, ..new });
            }
        }
    }

    fn version(&self, seen: &Seen<'_>) -> Version {
        let mut content = self.hasher.build_hasher();
        let kind = match &seen.meta.kind {
            NodeKind::File => {
                self.ledger.content(seen.inode).hash(&mut content);
                Type::File
            }
            NodeKind::Symlink(target) => {
                target.hash(&mut content);
                Type::Symlink
            }
            NodeKind::Directory => Type::Directory,
            NodeKind::CharDevice { major, minor } => {
                (0, major, minor).hash(&mut content);
                Type::Special
            }
            NodeKind::BlockDevice { major, minor } => {
                (1, major, minor).hash(&mut content);
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
            content: content.finish(),
            attributes: attributes.finish(),
            linked: seen.links > 1,
            before: NONE,
        }
    }

    fn finish(mut self) -> Tree {
        let mut deaths = Vec::new();
        for dead in self.ledger.dead() {
            let mut node = ROOT;
            for name in dead.path.components() {
                node = self.child(node, name);
            }
            let death = Death { bytes: dead.bytes, creator: dead.creator(), killer: dead.killer, kind: dead.kind };
            self.nodes[node as usize].wasted += dead.bytes;
            if self.nodes[node as usize].latest == NONE {
                self.came_and_went(node, dead.killer, dead.bytes, dead.inode);
            }
            deaths.push((node, death));
        }
        deaths.sort_by_key(|(node, _)| *node);
        let children = self.sorted_children();
        Tree {
            layers: number(self.ledger.indexes().len()),
            texts: self.texts,
            nodes: self.nodes,
            versions: self.versions,
            children,
            deaths,
        }
    }

    /// A name that one layer gave and took again: no view shows it, but its bytes are there.
    fn came_and_went(&mut self, node: NodeIndex, layer: usize, size: u64, inode: InodeId) {
        self.nodes[node as usize].latest = number(self.versions.len());
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

    fn sorted_children(&mut self) -> Vec<NodeIndex> {
        let mut children: Vec<NodeIndex> = (1..number(self.nodes.len())).collect();
        let nodes = &self.nodes;
        children.sort_unstable_by(|&a, &b| {
            let key = |node: NodeIndex| (nodes[node as usize].parent, self.name(node));
            key(a).cmp(&key(b))
        });
        for (place, &child) in children.iter().enumerate() {
            let parent = self.nodes[child as usize].parent as usize;
            let parent = &mut self.nodes[parent];
            if parent.count == 0 {
                parent.first = number(place);
            }
            parent.count += 1;
        }
        children
    }
}
