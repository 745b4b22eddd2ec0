//! What an image has at a path: found through its merged view, its content read from the layer where it lives.
//!
//! Indexes say in which layer that is; only that layer is opened, up to the file.

use std::{collections::VecDeque, io::Read, sync::Arc};

use strata_image::{
    Image,
    layer::{LayerPath, LayerReader},
    view::{InodeId, Node, NodeKind, View},
};

use super::{FileFacts, MAX_SHOWN};
use crate::{
    Error, Result,
    compare::{details::bare_text, side::Side},
    error::in_layer,
    index::{LayerIndex, content_hash},
    path_text,
};

/// Symlinks that a path may go through, as in Linux.
const MAX_SYMLINKS: usize = 40;

/// An image and what it has at the path.
pub(super) struct Shown<'a> {
    image: &'a dyn Image,
    pub(super) side: Side,
    /// Where the path leads.
    node: Option<(LayerPath, InodeId)>,
}

impl<'a> Shown<'a> {
    pub(super) fn find(image: &'a dyn Image, indexes: &[Arc<LayerIndex>], path: &[u8]) -> Result<Self> {
        let side = Side::new(indexes)?;
        let node = resolve(side.ledger.view(), path);
        Ok(Self { image, side, node })
    }

    pub(super) fn node(&self) -> Option<Node<'_>> {
        node(self.side.ledger.view(), self.path()?)
    }

    /// Where the path leads.
    pub(super) fn path(&self) -> Option<&LayerPath> {
        self.node.as_ref().map(|(path, _)| path)
    }

    /// Whether the image has something at another path.
    pub(super) fn has(&self, path: &LayerPath) -> bool {
        node(self.side.ledger.view(), path).is_some()
    }

    /// Whether an entry says what is there: of the root many images say nothing.
    pub(super) fn is_given(&self) -> bool {
        self.path().is_some_and(|path| !path.is_root()) || self.side.ledger.view().root().is_some()
    }

    pub(super) fn content(&self) -> Option<&[u8; 32]> {
        self.side.ledger.content(self.node.as_ref()?.1)
    }

    pub(super) fn size(&self) -> u64 {
        self.node().map_or(0, |node| node.meta.size)
    }

    pub(super) fn told(&self) -> Option<FileFacts> {
        let node = self.node()?;
        let meta = node.meta;
        let link = match &meta.kind {
            NodeKind::Symlink(target) => Some(bare_text(target)),
            _ => None,
        };
        Some(FileFacts {
            path: path_text(node.path.as_bytes()),
            kind: self.side.facts(&node).type_word(),
            bytes: meta.size,
            mode: format!("{:04o}", meta.mode),
            uid: meta.uid,
            gid: meta.gid,
            mtime: meta.mtime.to_string(),
            link,
            layer: node.inode.layer,
            names: self.names(&node),
        })
    }

    fn names(&self, node: &Node<'_>) -> Vec<String> {
        let mut names = Vec::new();
        if self.side.names(node).is_some() {
            self.side.ledger.view().walk(&mut |other| {
                if other.inode == node.inode {
                    names.push(path_text(other.path.as_bytes()));
                }
            });
        }
        names
    }

    /// Reads the content from the layer that it is from; nothing of what is no regular file.
    pub(super) fn read(&self) -> Result<Vec<u8>> {
        let Some((path, inode)) = self.node.as_ref().filter(|(_, inode)| self.side.ledger.content(*inode).is_some())
        else {
            return Ok(Vec::new());
        };
        let layer = &self.image.layers()[inode.layer as usize];
        let diff_id = layer.diff_id();
        let mut reader = LayerReader::new(layer.open().map_err(in_layer(diff_id))?);
        for _ in 0..=inode.entry {
            reader.next_entry().map_err(in_layer(diff_id))?;
        }
        let mut content = Vec::new();
        let failed = |source| Error::Content { layer: diff_id, path: path_text(path.as_bytes()), source };
        reader.take(MAX_SHOWN).read_to_end(&mut content).map_err(failed)?;
        // the stream was not read to its end, where its digest would be verified
        if Some(&content_hash(&content)) != self.content() {
            return Err(failed(std::io::Error::other("it is not what the layer's index says")));
        }
        Ok(content)
    }
}

/// What is at a path, the root included.
fn node<'a>(view: &'a View, path: &LayerPath) -> Option<Node<'a>> {
    if path.is_root() { Some(view.top()) } else { view.get(path) }
}

/// Follows the symlinks among the parents of a path, never above the root; the last component is followed only where a slash
/// is behind it.
fn resolve(view: &View, path: &[u8]) -> Option<(LayerPath, InodeId)> {
    let split = |path: &[u8]| -> Vec<Vec<u8>> { path.split(|&byte| byte == b'/').map(<[u8]>::to_vec).collect() };
    let mut rest: VecDeque<Vec<u8>> = split(path).into();
    let mut at: Vec<Vec<u8>> = Vec::new();
    let mut found = view.top();
    let mut symlinks = 0;
    while let Some(name) = rest.pop_front() {
        match name.as_slice() {
            b"" | b"." => continue,
            b".." => {
                at.pop();
            }
            _ => at.push(name),
        }
        found = node(view, &LayerPath::new(&at.join(&b'/')).ok()?)?;
        if let NodeKind::Symlink(target) = &found.meta.kind
            && !rest.is_empty()
        {
            symlinks += 1;
            if symlinks > MAX_SYMLINKS {
                return None;
            }
            at.pop();
            if target.starts_with(b"/") {
                at.clear();
            }
            for name in split(target).into_iter().rev() {
                rest.push_front(name);
            }
        }
    }
    Some((found.path, found.inode))
}
