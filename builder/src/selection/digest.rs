//! The digest of a selection: what its copy would be, whatever the times.

use std::io::{self, Read as _};

use bstr::BString;
use rayon::prelude::*;

use super::{Node, NodeKind, Origin, Selection};
use crate::{
    cause::Cause,
    content_index::ContentIndex,
    key::KeyWriter,
    tree::{Tree, join},
};

/// Bytes read at once: enough for the hash to run at its full width.
const READ_BUFFER: usize = 64 * 1024;

/// BLAKE3 of a file's content.
pub(crate) type ContentHash = [u8; 32];

/// Paths in a tree, each with what was hashed of it.
pub(crate) type Files = Vec<(BString, ContentHash)>;

impl Origin {
    /// The digest of everything that decides what a copy of the selection is: names, types, modes, owners (of a stage),
    /// contents, link targets. Times, hard links and user xattrs do not.
    /// What was read of files stays noted in the selection.
    pub(crate) fn digest(&self, selection: &mut Selection) -> Result<[u8; 32], Cause> {
        let index = match self {
            Self::Context(context) => Some(context.index()),
            Self::Stage { .. } | Self::Fetched { .. } => None,
        };
        let tree = self.tree();
        let contents: Vec<ContentHash> = selection
            .nodes
            .par_iter()
            .with_min_len(64)
            .map_init(Vec::new, |buffer, node| match node.kind {
                NodeKind::File { .. } => content(tree, selection, node, index, buffer),
                _ => Ok([0; 32]),
            })
            .collect::<Result<_, Cause>>()?;
        let mut digest = KeyWriter::new("content");
        digest.field(&selection.name).number(u64::from(selection.parents));
        for (node, content) in selection.nodes.iter_mut().zip(contents) {
            digest.field(&node.path).field(&node.hash(&content));
            node.content = matches!(node.kind, NodeKind::File { .. }).then_some(content);
        }
        Ok(*digest.finish().as_bytes())
    }
}

impl Selection {
    /// The files of a selection whose digest was made, for explanations; of another one none.
    pub(crate) fn files(&self) -> Files {
        let hashed = self.nodes.iter().map(|node| {
            let content = match node.kind {
                NodeKind::File { .. } => node.content?,
                _ => [0; 32],
            };
            Some((join(&self.real, &node.path), node.hash(&content)))
        });
        hashed.collect::<Option<_>>().unwrap_or_default()
    }
}

impl Node {
    /// The hash of everything of it that decides what its copy is; `content` is that of a regular file.
    fn hash(&self, content: &ContentHash) -> ContentHash {
        let mut hash = KeyWriter::new("node");
        hash.number(self.mode.into());
        hash.number(self.owner.0).number(self.owner.1);
        hash.optional(self.capability.as_deref());
        match &self.kind {
            NodeKind::Directory => hash.field(b"directory"),
            NodeKind::File { .. } => hash.field(b"file").field(content),
            NodeKind::Empty => hash.field(b"empty"),
            NodeKind::Symlink(target) => hash.field(b"symlink").field(target),
            NodeKind::Special { kind, device } => {
                hash.field(b"special").number(kind.as_raw_mode().into()).number(*device)
            }
        };
        *hash.finish().as_bytes()
    }
}

fn content(
    tree: Tree<'_>,
    selection: &Selection,
    node: &Node,
    index: Option<&ContentIndex>,
    buffer: &mut Vec<u8>,
) -> Result<ContentHash, Cause> {
    if let (Some(index), Some(stamp)) = (index, &node.stamp)
        && let Some(known) = index.get(stamp)
    {
        return Ok(known);
    }
    let real = join(&selection.real, &node.path);
    buffer.resize(READ_BUFFER, 0);
    let hash = hash(tree, &real, buffer).map_err(Cause::read("read", &real))?;
    if let (Some(index), Some(stamp)) = (index, node.stamp) {
        index.put(stamp, hash);
    }
    Ok(hash)
}

fn hash(tree: Tree<'_>, real: &[u8], buffer: &mut [u8]) -> io::Result<ContentHash> {
    let mut file = tree.open_file(real)?;
    let mut hasher = blake3::Hasher::new();
    loop {
        let read = file.read(buffer)?;
        if read == 0 {
            return Ok(*hasher.finalize().as_bytes());
        }
        hasher.update(&buffer[..read]);
    }
}
