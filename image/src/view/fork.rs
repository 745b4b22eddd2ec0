//! What many images with the same layers at the bottom ask of a view: to go on from one in several ways, and to see what
//! came on top.

use std::collections::HashMap;

use super::{InodeId, LayerPath, Node, NodeKind, View, inodes::Kind, layering::Layering, tree::NameIndex};

impl View {
    /// Gives a second view of the same layers, which goes its own way from here. Costs as much as copying the memory of
    /// the first, some hundredths of what the layers cost. Must be between two layers.
    #[must_use]
    pub fn fork(&self) -> Self {
        let Self { tree, layers, root_given, .. } = self;
        Self { tree: tree.clone(), layering: Layering::default(), layers: *layers, root_given: *root_given }
    }

    /// Visits every live regular file that layer number `layer` or one above it made, once, under the first of its names,
    /// in byte order of the paths: what [`View::walk`] gives of them. Costs little for what lower layers made.
    pub fn files_since(&self, layer: u32, visit: &mut dyn FnMut(Node<'_>)) {
        let mut found: HashMap<InodeId, (LayerPath, NameIndex)> = HashMap::new();
        self.names_since(layer, &mut |inode, path, name| {
            let first = found.entry(inode).or_insert_with(|| (path.clone(), name));
            if path < first.0 {
                *first = (path, name);
            }
        });
        let mut found: Vec<_> = found.into_values().collect();
        found.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        for (path, name) in found {
            visit(self.node(name, path));
        }
    }

    /// Visits every name of every such file, in no order: its inode and its path.
    pub fn paths_since(&self, layer: u32, visit: &mut dyn FnMut(InodeId, LayerPath)) {
        self.names_since(layer, &mut |inode, path, _| visit(inode, path));
    }

    fn names_since(&self, layer: u32, visit: &mut dyn FnMut(InodeId, LayerPath, NameIndex)) {
        let inodes = &self.tree.inodes;
        for name in self.tree.names() {
            let inode = self.tree.inode(name);
            let id = inodes.id(inode);
            if id.layer >= layer && inodes.kind(inode) == Kind::File {
                visit(id, self.tree.path(name), name);
            }
        }
    }
}

impl Node<'_> {
    /// Whether it is a regular file that has content.
    pub fn is_filled(&self) -> bool {
        self.meta.kind == NodeKind::File && self.meta.size > 0
    }
}
