//! The names that there were so far, each found by its directory and text.

use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

use super::{NONE, Node, NodeIndex, ROOT};

/// Bytes of names, nodes and versions are counted in 32 bits; what does not fit has passed every limit of an index.
pub(super) fn number(place: usize) -> u32 {
    u32::try_from(place).unwrap_or(NONE)
}

/// All names, the root first, a directory before what is in it.
pub(super) struct Names {
    pub(super) texts: Vec<u8>,
    pub(super) nodes: Vec<Node>,
    /// Of each node, the first in it and the next beside it.
    siblings: Vec<(u32, u32)>,
    /// By directory and name, the next free number where two have the same.
    found: HashMap<u64, NodeIndex>,
    hasher: RandomState,
}

impl Names {
    /// The root alone.
    pub(super) fn new() -> Self {
        let mut names = Self {
            texts: Vec::new(),
            nodes: Vec::new(),
            siblings: Vec::new(),
            found: HashMap::new(),
            hasher: RandomState::new(),
        };
        names.push(ROOT, b"");
        names
    }

    fn push(&mut self, parent: NodeIndex, name: &[u8]) -> NodeIndex {
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

    pub(super) fn name(&self, node: NodeIndex) -> &[u8] {
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

    /// The node of a name, a new one if there is none.
    pub(super) fn child(&mut self, parent: NodeIndex, name: &[u8]) -> NodeIndex {
        self.slot(parent, name).unwrap_or_else(|hash| {
            let node = self.push(parent, name);
            self.found.insert(hash, node);
            node
        })
    }

    /// The node of a path.
    pub(super) fn find(&self, path: &[u8]) -> Option<NodeIndex> {
        let components = path.split(|&byte| byte == b'/').filter(|component| !component.is_empty());
        components.into_iter().try_fold(ROOT, |at, name| self.slot(at, name).ok())
    }

    /// The names in a directory, the latest first.
    pub(super) fn children(&self, node: NodeIndex) -> Vec<NodeIndex> {
        let some = |node: u32| (node != NONE).then_some(node);
        let first = some(self.siblings[node as usize].0);
        std::iter::successors(first, |&node| some(self.siblings[node as usize].1)).collect()
    }

    /// All nodes but the root, by directory and then by name; says in each directory which of them are its own.
    pub(super) fn sorted_children(&mut self) -> Vec<NodeIndex> {
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
