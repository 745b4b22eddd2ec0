//! What there is to see at one layer: a mark and bytes for every name.

use std::collections::HashSet;

use super::{Mark, NodeIndex, ROOT, Tree, Type};

/// Which changes are shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Changes {
    /// Those that the layer itself made.
    #[default]
    OfLayer,
    /// Those since the lowest layer; what came after it and went again is shown as removed.
    Aggregated,
}

/// An image at a layer.
pub struct Scene {
    marks: Vec<Mark>,
    bytes: Vec<u64>,
    wasted: Vec<u64>,
}

impl Tree {
    /// What the image is after `layer`, and what changed. Time and memory grow with the number of nodes.
    pub fn at(&self, layer: usize, changes: Changes) -> Scene {
        let count = self.len();
        let mut scene = Scene { marks: vec![Mark::Absent; count], bytes: vec![0; count], wasted: vec![0; count] };
        let mut counted = HashSet::new();
        // of what is gone, apart: a directory that lives does not weigh what it lost
        let mut gone = vec![0; count];
        for (node, gone) in gone.iter_mut().enumerate() {
            let index = node_index(node);
            let now = self.version(index, layer);
            let before = match changes {
                Changes::OfLayer => layer.checked_sub(1).and_then(|layer| self.version(index, layer)),
                Changes::Aggregated => self.version(index, 0),
            };
            let mut mark = Mark::between(before, now);
            if mark == Mark::Absent && changes == Changes::Aggregated && now.is_some() {
                // made above the lowest layer, and gone again
                mark = Mark::Removed;
            }
            scene.marks[node] = mark;
            scene.wasted[node] = self.nodes[node].wasted;
            match mark {
                Mark::Absent => {}
                Mark::Removed => *gone = now.map_or(0, |version| version.size),
                _ => {
                    let Some(now) = now else { continue };
                    // a file of many names weighs once, at the first of them
                    if !now.linked || now.inode.is_none_or(|inode| counted.insert(inode)) {
                        scene.bytes[node] = now.size;
                    }
                }
            }
        }
        scene.gather(self, &mut gone);
        for (node, &gone) in gone.iter().enumerate() {
            match scene.marks[node] {
                Mark::Removed => scene.bytes[node] = gone,
                Mark::Absent => {}
                _ => {
                    if let Some(now) = self.version(node_index(node), layer).filter(|now| now.kind == Type::File) {
                        scene.bytes[node] = now.size;
                    }
                }
            }
        }
        scene
    }
}

impl Scene {
    /// Adds up directories, the deepest first: a directory stands before what is in it.
    fn gather(&mut self, tree: &Tree, gone: &mut [u64]) {
        for node in (1..self.marks.len()).rev() {
            let parent = tree.parent(node_index(node)) as usize;
            self.bytes[parent] = self.bytes[parent].saturating_add(self.bytes[node]);
            self.wasted[parent] = self.wasted[parent].saturating_add(self.wasted[node]);
            gone[parent] = gone[parent].saturating_add(gone[node]);
            let child = self.marks[node];
            if child.is_change() && matches!(self.marks[parent], Mark::Unmodified | Mark::Metadata) {
                self.marks[parent] = Mark::Modified;
            }
        }
        if self.marks[ROOT as usize] == Mark::Absent {
            self.marks[ROOT as usize] = Mark::Unmodified;
        }
    }

    /// What happened to a name.
    pub fn mark(&self, node: NodeIndex) -> Mark {
        self.marks[node as usize]
    }

    /// Bytes of a file, or of all files below a directory, each counted once; of what was removed, those that it had.
    pub fn bytes(&self, node: NodeIndex) -> u64 {
        self.bytes[node as usize]
    }

    /// Bytes that died under a name or below it, in all layers of the image.
    pub fn wasted(&self, node: NodeIndex) -> u64 {
        self.wasted[node as usize]
    }
}

/// The tree has fewer nodes than fit.
fn node_index(node: usize) -> NodeIndex {
    NodeIndex::try_from(node).unwrap_or(NodeIndex::MAX)
}
