//! What the ledger knows of every name: the files that the image shows, the dead ones, and what has no bytes.

use std::collections::{HashMap, HashSet};

use strata_image::view::{InodeId, NodeKind};

use crate::{Ledger, ledger::Kind};

/// What a record is; the script knows them by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Class {
    /// A file that the image shows; the first of those with its content.
    Live,
    /// A file that the image shows, with the content of one that came before it: [`copies`](crate::analysis::copies).
    Copy,
    /// A file that the image carries and does not show.
    Dead,
    /// One more name of a file.
    Link,
    /// A symlink.
    Symlink,
    /// A device or a named pipe.
    Special,
    /// A directory.
    Directory,
}

/// What there is to say about a record beside its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct State {
    pub(super) class: Class,
    pub(super) creator: u32,
    /// Of a dead file, who killed it and how.
    pub(super) death: Option<(usize, Kind)>,
}

/// An inode as it is found.
#[derive(Clone, Copy)]
pub(super) struct Found {
    pub(super) inode: InodeId,
    pub(super) first: Option<InodeId>,
    pub(super) size: u64,
    pub(super) state: State,
}

/// Visits what the image shows, in the order of paths, and then the dead files in the order of their deaths.
pub(super) fn each(ledger: &Ledger, copies: &HashMap<InodeId, InodeId>, visit: &mut dyn FnMut(&[u8], Found)) {
    let mut linked = HashSet::new();
    ledger.view().walk(&mut |node| {
        let (inode, size) = (node.inode, node.meta.size);
        let (class, size, first) = match node.meta.kind {
            NodeKind::Directory => (Class::Directory, 0, None),
            NodeKind::Symlink(_) => (Class::Symlink, 0, None),
            NodeKind::File if node.links > 1 && !linked.insert(inode) => (Class::Link, 0, Some(inode)),
            NodeKind::File => match copies.get(&inode) {
                Some(&first) => (Class::Copy, size, Some(first)),
                None => (Class::Live, size, None),
            },
            _ => (Class::Special, 0, None),
        };
        let state = State { class, creator: inode.layer, death: None };
        visit(node.path.as_bytes(), Found { inode, first, size, state });
    });
    for dead in ledger.dead() {
        let death = Some((dead.killer, dead.kind));
        let state = State { class: Class::Dead, creator: dead.inode.layer, death };
        visit(dead.path.as_bytes(), Found { inode: dead.inode, first: None, size: dead.bytes, state });
    }
}
