//! The tree of names as it grows, as far as there is room.

use std::collections::BTreeMap;

use super::names::Name;
use crate::{markup::seen, path_text};

/// A tree of which each name is held once; the root is 0.
pub(super) struct Growing {
    nodes: Vec<Node>,
    text: usize,
    max_names: usize,
    max_text: usize,
}

#[derive(Default)]
struct Node {
    parent: u32,
    depth: usize,
    children: BTreeMap<Vec<u8>, u32>,
}

impl Growing {
    /// A root, that may have so many names below it, of so many bytes as they are written.
    pub(super) fn new(max_names: usize, max_text: usize) -> Self {
        Self { nodes: vec![Node::default()], text: 0, max_names, max_text }
    }

    /// The node of a path, which is made if it is missing, with the directories above it; `None` where there is no room.
    pub(super) fn insert(&mut self, path: &[u8]) -> Option<u32> {
        let (mut at, missing) = self.deepest(path);
        let text: usize = missing.iter().map(|name| written(&name_text(name))).sum();
        if self.nodes.len() - 1 + missing.len() > self.max_names || self.text + text > self.max_text {
            return None;
        }
        self.text += text;
        for name in missing {
            let next = u32::try_from(self.nodes.len()).ok()?;
            let above = &mut self.nodes[at as usize];
            above.children.insert(name.to_vec(), next);
            let depth = above.depth + 1;
            self.nodes.push(Node { parent: at, depth, children: BTreeMap::new() });
            at = next;
        }
        Some(at)
    }

    /// The deepest node on the way to a path, and the names from there on.
    pub(super) fn deepest<'p>(&self, path: &'p [u8]) -> (u32, Vec<&'p [u8]>) {
        let mut at = 0;
        let mut names = path.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).peekable();
        while let Some(&next) = names.peek().and_then(|name| self.nodes[at as usize].children.get(*name)) {
            at = next;
            names.next();
        }
        (at, names.collect())
    }

    /// The names, each directory before what is in it, in byte order; and for each node the number of its name, 0 for the root.
    pub(super) fn sorted(&self) -> (Vec<Name>, Vec<u32>) {
        let mut list = Vec::with_capacity(self.nodes.len() - 1);
        let mut places = vec![0; self.nodes.len()];
        let mut waiting: Vec<(&Vec<u8>, &u32)> = self.nodes[0].children.iter().rev().collect();
        while let Some((name, &node)) = waiting.pop() {
            let Node { parent, depth, children } = &self.nodes[node as usize];
            list.push(Name { text: name_text(name), parent: places[*parent as usize], depth: *depth });
            places[node as usize] = u32::try_from(list.len()).unwrap_or(u32::MAX);
            waiting.extend(children.iter().rev());
        }
        (list, places)
    }
}

/// A name as it is shown.
fn name_text(name: &[u8]) -> String {
    let text = path_text(name);
    seen(text.strip_prefix('/').unwrap_or_default())
}

/// Bytes that a name takes in the page's JSON, with the slash behind it.
pub(super) fn written(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'<' => 6,
            b'"' | b'\\' => 2,
            _ => 1,
        })
        .sum::<usize>()
        + 1
}
