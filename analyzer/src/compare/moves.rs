//! Files and directories that have another name, and copies: found by the hash of their content, never by likeness.
//!
//! ```text
//! gone ─┐ directories of the same content, with all that is below ─┐
//! new ──┘ └─ files of the same content, same last name first ──────┴─► renamed
//!            └─ what is left of new: the first image has the content somewhere ─► copied
//! ```
//!
//! Outside of such directories empty files, all alike, are neither. Where several files have one content, those of the same last
//! name belong together, and then the first in byte order.

use std::collections::{HashMap, VecDeque};

use strata_image::{layer::LayerPath, view::Node};

use super::{rootfs::Single, side::Side, trees};
use crate::{index::ContentHash, path_text};

/// A path that one of the images has.
#[derive(Clone, Debug)]
pub(super) struct Lone {
    pub(super) path: LayerPath,
    pub(super) kind: &'static str,
    /// Of a regular file that is not empty.
    pub(super) content: Option<ContentHash>,
    /// Equal for what is the same but for name, owner, mode and times; of a directory it says nothing.
    pub(super) sign: [u8; 32],
    pub(super) size: u64,
    /// The size, counted once for an inode with several names.
    pub(super) bytes: u64,
    layer: u32,
}

impl Lone {
    pub(super) fn new(side: &Side, node: &Node<'_>) -> Self {
        let size = node.meta.size;
        Self {
            path: node.path.clone(),
            kind: side.facts(node).type_word(),
            content: side.ledger.content(node.inode).filter(|_| size > 0).copied(),
            sign: side.facts(node).sign(),
            size,
            bytes: side.bytes(node),
            layer: node.inode.layer,
        }
    }

    pub(super) fn single(&self) -> Single {
        Single { path: path_text(self.path.as_bytes()), kind: self.kind, bytes: self.bytes, layer: self.layer }
    }

    pub(super) fn is_directory(&self) -> bool {
        self.kind == "directory"
    }

    pub(super) fn last_name(&self) -> &[u8] {
        let path = self.path.as_bytes();
        path.iter().rposition(|&byte| byte == b'/').map_or(path, |slash| &path[slash + 1..])
    }

    /// The path of the directory that it is in.
    pub(super) fn directory(&self) -> &[u8] {
        let path = self.path.as_bytes();
        path.iter().rposition(|&byte| byte == b'/').map_or(b"", |slash| &path[..slash])
    }
}

/// Where paths that one of the images has belong; each list in byte order.
pub(super) struct Moves {
    pub(super) renamed: Vec<(Lone, Lone)>,
    pub(super) copied: Vec<(LayerPath, Lone)>,
    pub(super) gone: Vec<Lone>,
    pub(super) new: Vec<Lone>,
}

/// Finds what was moved and copied among the paths that only the first and only the second image has.
pub(super) fn find(a: &Side, gone: Vec<Lone>, new: Vec<Lone>) -> Moves {
    let partners = pair(&gone, &new);
    let mut gone: Vec<Option<Lone>> = gone.into_iter().map(Some).collect();
    let mut renamed = Vec::new();
    let mut left = Vec::new();
    for (new, partner) in new.into_iter().zip(partners) {
        match partner.and_then(|partner| gone[partner].take()) {
            Some(old) => renamed.push((old, new)),
            None => left.push(new),
        }
    }
    let sources = sources(a, &left);
    let mut copied = Vec::new();
    let mut new = Vec::new();
    for lone in left {
        match lone.content.and_then(|content| sources.get(&content)?.as_ref()) {
            Some(from) => copied.push((from.clone(), lone)),
            None => new.push(lone),
        }
    }
    Moves { renamed, copied, gone: gone.into_iter().flatten().collect(), new }
}

/// For each new path the number of the one that it was before.
fn pair(gone: &[Lone], new: &[Lone]) -> Vec<Option<usize>> {
    let mut by_name: HashMap<(ContentHash, &[u8]), VecDeque<usize>> = HashMap::new();
    let mut by_content: HashMap<ContentHash, VecDeque<usize>> = HashMap::new();
    for (number, lone) in gone.iter().enumerate() {
        if let Some(content) = lone.content {
            by_name.entry((content, lone.last_name())).or_default().push_back(number);
            by_content.entry(content).or_default().push_back(number);
        }
    }
    let mut partners = trees::find(gone, new);
    let mut taken = vec![false; gone.len()];
    partners.iter().flatten().for_each(|&number| taken[number] = true);
    let mut take = |candidates: Option<&mut VecDeque<usize>>| {
        let candidates = candidates?;
        while let Some(number) = candidates.pop_front() {
            if !std::mem::replace(&mut taken[number], true) {
                return Some(number);
            }
        }
        None
    };
    for (lone, partner) in new.iter().zip(&mut partners) {
        if let (None, Some(content)) = (&partner, lone.content) {
            *partner = take(by_name.get_mut(&(content, lone.last_name())));
        }
    }
    for (lone, partner) in new.iter().zip(&mut partners) {
        if let (None, Some(content)) = (&partner, lone.content) {
            *partner = take(by_content.get_mut(&content));
        }
    }
    partners
}

/// The first path of the first image with each content of the new files.
fn sources(a: &Side, new: &[Lone]) -> HashMap<ContentHash, Option<LayerPath>> {
    let mut sources: HashMap<ContentHash, Option<LayerPath>> =
        new.iter().filter_map(|lone| lone.content).map(|content| (content, None)).collect();
    if !sources.is_empty() {
        a.ledger.view().walk(&mut |node| {
            if let Some(source @ None) = a.ledger.content(node.inode).and_then(|content| sources.get_mut(content)) {
                *source = Some(node.path.clone());
            }
        });
    }
    sources
}
