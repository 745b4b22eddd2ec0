//! Two merged root filesystems, path by path.

use std::{collections::HashMap, mem::discriminant, sync::Arc};

use strata_image::{
    Image,
    layer::LayerPath,
    view::{InodeId, Node, NodeKind},
};

use super::{Changed, Options, RootfsDiff, What};
use crate::{Ledger, Result, index::LayerIndex, path_text};

/// Compares what two images show.
pub(super) fn compare(a: &dyn Image, b: &dyn Image, options: &Options<'_>) -> Result<RootfsDiff> {
    // one call, so that a layer that both have is read once and all are read in parallel
    let indexes = LayerIndex::all(a.layers().iter().chain(b.layers()), options.cache)?;
    let (of_a, of_b) = indexes.split_at(a.layers().len());
    let (a, b) = (Side::new(of_a)?, Side::new(of_b)?);

    let mut diff = RootfsDiff::default();
    let mut change = |at_a: &Node<'_>, at_b: &Node<'_>| {
        let mut what = differences(&a, at_a, &b, at_b);
        what.retain(|what| !options.ignore.contains(what) && (options.mtime || *what != What::Mtime));
        if !what.is_empty() {
            diff.changed.push(Changed { path: path_text(at_a.path.as_bytes()), what });
        }
    };
    if let (Some(at_a), Some(at_b)) = (a.ledger.view().root(), b.ledger.view().root()) {
        change(&at_a, &at_b);
    }
    a.ledger.view().walk(&mut |at_a| match b.ledger.view().get(&at_a.path) {
        Some(at_b) => change(&at_a, &at_b),
        None => diff.removed.push(path_text(at_a.path.as_bytes())),
    });
    b.ledger.view().walk(&mut |at_b| {
        if a.ledger.view().get(&at_b.path).is_none() {
            diff.added.push(path_text(at_b.path.as_bytes()));
        }
    });
    Ok(diff)
}

/// One image's view, with the names that share an inode.
struct Side {
    ledger: Ledger,
    /// The paths of each file with several, as a hash that is equal exactly for equal sets.
    groups: HashMap<InodeId, blake3::Hash>,
}

impl Side {
    fn new(layers: &[Arc<LayerIndex>]) -> Result<Self> {
        let ledger = Ledger::fold(layers)?;
        let mut hashers: HashMap<InodeId, blake3::Hasher> = HashMap::new();
        ledger.view().walk(&mut |node| {
            if shares_inode(&node) {
                add_path(hashers.entry(node.inode).or_default(), &node.path);
            }
        });
        let groups = hashers.into_iter().map(|(inode, hasher)| (inode, hasher.finalize())).collect();
        Ok(Self { ledger, groups })
    }

    fn group(&self, node: &Node<'_>) -> Option<&blake3::Hash> {
        if shares_inode(node) { self.groups.get(&node.inode) } else { None }
    }
}

fn shares_inode(node: &Node<'_>) -> bool {
    node.links > 1 && node.meta.kind != NodeKind::Directory
}

/// Paths come in byte order, so that equal sets give equal hashes; each is framed by its length.
fn add_path(hasher: &mut blake3::Hasher, path: &LayerPath) {
    hasher.update(&(path.as_bytes().len() as u64).to_le_bytes());
    hasher.update(path.as_bytes());
}

/// What differs between two nodes of the same path, in the order of [`What::ALL`].
fn differences(a: &Side, at_a: &Node<'_>, b: &Side, at_b: &Node<'_>) -> Vec<What> {
    let (x, y) = (at_a.meta, at_b.meta);
    let is_type = discriminant(&x.kind) != discriminant(&y.kind);
    let (content, link, device) = match (&x.kind, &y.kind) {
        _ if is_type => (false, false, false),
        (NodeKind::File, _) => (a.ledger.content(at_a.inode) != b.ledger.content(at_b.inode), false, false),
        (NodeKind::Symlink(from), NodeKind::Symlink(to)) => (false, from != to, false),
        (from, to) => (false, false, from != to),
    };
    // Linux gives every symlink 0777, whatever a tar says
    let has_mode = [x, y].iter().all(|meta| !matches!(meta.kind, NodeKind::Symlink(_)));
    let found = [
        (What::Type, is_type),
        (What::Content, content),
        (What::Mode, has_mode && x.mode != y.mode),
        (What::Uid, x.uid != y.uid),
        (What::Gid, x.gid != y.gid),
        (What::Mtime, x.mtime != y.mtime),
        (What::Xattrs, x.xattrs != y.xattrs),
        (What::Link, link),
        (What::Device, device),
        (What::Hardlinks, a.group(at_a) != b.group(at_b)),
    ];
    found.into_iter().filter(|(_, differs)| *differs).map(|(what, _)| what).collect()
}
