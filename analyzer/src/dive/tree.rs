//! The tree that dive makes of a layer: by path, the last entry of a name wins, parents without an entry are no directories.

use std::{
    collections::{BTreeMap, btree_map},
    ops::ControlFlow,
};

const WHITEOUT: &[u8] = b".wh.";
/// Names of opaque markers, and of all else that begins like them: dive drops them.
const MARKER: &[u8] = b".wh..wh..";
const ROOT: usize = 0;

/// What dive keeps of an entry.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Payload {
    pub(super) size: u64,
    pub(super) is_directory: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Node {
    parent: usize,
    name: Box<[u8]>,
    children: BTreeMap<Box<[u8]>, usize>,
    payload: Payload,
    /// Its own size and those of all below it.
    bytes: u64,
}

#[derive(Clone, Debug)]
pub(super) struct Tree {
    nodes: Vec<Node>,
}

impl Default for Tree {
    fn default() -> Self {
        Self { nodes: vec![Node::new(ROOT, b"")] }
    }
}

impl Node {
    fn new(parent: usize, name: &[u8]) -> Self {
        Self { parent, name: name.into(), children: BTreeMap::new(), payload: Payload::default(), bytes: 0 }
    }

    pub(super) fn is_leaf(&self) -> bool {
        self.children.is_empty()
    }

    pub(super) fn is_whiteout(&self) -> bool {
        self.name.starts_with(WHITEOUT)
    }

    pub(super) fn payload(&self) -> Payload {
        self.payload
    }

    pub(super) fn bytes_below(&self) -> u64 {
        self.bytes
    }
}

impl Tree {
    /// Adds an entry; below a marker, nothing.
    pub(super) fn add(&mut self, path: &[u8], payload: Payload) {
        let mut at = ROOT;
        for name in path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()) {
            at = match self.nodes[at].children.get(name) {
                Some(&child) => child,
                None if name.starts_with(MARKER) => return,
                None => {
                    let child = self.nodes.len();
                    self.nodes.push(Node::new(at, name));
                    self.nodes[at].children.insert(name.into(), child);
                    child
                }
            };
        }
        if at != ROOT {
            let before = std::mem::replace(&mut self.nodes[at].payload, payload).size;
            self.weigh(at, |bytes| bytes.saturating_sub(before).saturating_add(payload.size));
        }
    }

    pub(super) fn get(&self, path: &[u8]) -> Option<&Node> {
        self.find(path).map(|found| &self.nodes[found])
    }

    /// Puts a layer's tree on this one: children first, names in order, whiteouts where they stand.
    pub(super) fn stack(&mut self, upper: &Self) {
        upper.visit(|node, path| {
            if node.is_whiteout() {
                self.remove(path);
            } else {
                self.add(path, node.payload);
            }
            ControlFlow::Continue(())
        });
    }

    /// Visits all nodes but the root, children first, names in order, until told to stop. A path is given without the
    /// prefix of a whiteout in its last name.
    pub(super) fn visit<'a>(&'a self, mut visitor: impl FnMut(&'a Node, &[u8]) -> ControlFlow<()>) {
        type Level<'a> = (&'a Node, btree_map::Values<'a, Box<[u8]>, usize>);
        let root = &self.nodes[ROOT];
        let mut levels: Vec<Level<'a>> = vec![(root, root.children.values())];
        let mut path = Vec::new();
        while let Some((node, children)) = levels.last_mut() {
            let node: &'a Node = node;
            if let Some(&child) = children.next() {
                let child = &self.nodes[child];
                path.extend_from_slice(b"/");
                path.extend_from_slice(&child.name);
                levels.push((child, child.children.values()));
                continue;
            }
            levels.pop();
            if levels.is_empty() {
                return;
            }
            let parent = path.len() - node.name.len();
            let name = node.name.strip_prefix(WHITEOUT).unwrap_or(&node.name);
            let shown = if name.len() == node.name.len() {
                visitor(node, &path)
            } else {
                visitor(node, &[&path[..parent], name].concat())
            };
            if shown.is_break() {
                return;
            }
            path.truncate(parent - 1);
        }
    }

    fn find(&self, path: &[u8]) -> Option<usize> {
        let names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
        names.into_iter().try_fold(ROOT, |at, name| self.nodes[at].children.get(name).copied())
    }

    fn remove(&mut self, path: &[u8]) {
        let Some(found) = self.find(path).filter(|&found| found != ROOT) else { return };
        let gone = self.nodes[found].bytes;
        let (parent, name) = (self.nodes[found].parent, std::mem::take(&mut self.nodes[found].name));
        self.nodes[parent].children.remove(&name);
        self.weigh(parent, |bytes| bytes.saturating_sub(gone));
    }

    fn weigh(&mut self, mut at: usize, change: impl Fn(u64) -> u64) {
        loop {
            self.nodes[at].bytes = change(self.nodes[at].bytes);
            if at == ROOT {
                return;
            }
            at = self.nodes[at].parent;
        }
    }
}
