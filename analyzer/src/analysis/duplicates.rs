//! Live files of the same content.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use strata_image::view::{InodeId, Node, NodeKind};

use super::Duplicate;
use crate::{Ledger, index::ContentHash, ledger::Repeated, path_text};

/// Groups that a report lists; a person reads ten, a tool that wants more reads the layers.
const MAX_GROUPS: usize = 1_000;
/// Paths that a report lists for one group.
const MAX_PATHS: usize = 100;

/// The groups that a report lists, and the waste of all groups.
pub(super) struct Duplicates {
    pub(super) groups: Vec<Duplicate>,
    pub(super) total_bytes: u64,
}

/// The files of one content.
struct Group {
    size: u64,
    files: u64,
    /// Where the first of them came in the walk, which is in byte order of the paths.
    order: usize,
    paths: Vec<String>,
}

impl Group {
    fn wasted(&self) -> u64 {
        self.size.saturating_mul(self.files - 1)
    }
}

/// Finds live inodes with equal content. Contents are counted first, in no order, and paths are then kept only of what can
/// be listed.
pub(super) fn find(ledger: &Ledger, repeated: &Repeated) -> Duplicates {
    let mut groups = counted(ledger, repeated);
    let total_bytes = groups.values().map(Group::wasted).fold(0, u64::saturating_add);
    let mut wasted: Vec<u64> = groups.values().map(Group::wasted).collect();
    wasted.sort_unstable_by_key(|&bytes| Reverse(bytes));
    // of those that waste as much as the last that is listed, the order of paths decides
    if let Some(&least) = wasted.get(MAX_GROUPS) {
        groups.retain(|_, group| group.wasted() >= least);
    }
    if !groups.is_empty() {
        let mut order = 0;
        each_file(ledger, &mut |content, node| {
            if let Some(group) = groups.get_mut(content) {
                if group.paths.is_empty() {
                    group.order = order;
                    order += 1;
                }
                if group.paths.len() < MAX_PATHS {
                    group.paths.push(path_text(node.path.as_bytes()));
                }
            }
        });
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_unstable_by_key(|group| (Reverse(group.wasted()), group.order));
    groups.truncate(MAX_GROUPS);
    let listed = groups.into_iter().map(|group| Duplicate {
        wasted_bytes: group.wasted(),
        size: group.size,
        paths: group.paths,
    });
    Duplicates { groups: listed.collect(), total_bytes }
}

/// Every live file whose content another one had before it, in a lower layer or at an earlier place of its own, with the first
/// of these. Their bytes are the waste of all duplicates.
pub(crate) fn copies(ledger: &Ledger) -> HashMap<InodeId, InodeId> {
    let repeated = Repeated::of(ledger);
    let (mut firsts, mut copies) = (HashMap::<ContentHash, InodeId>::new(), HashMap::new());
    if !repeated.is_none() {
        let content = |inode, size| ledger.content(inode).filter(|content| size > 0 && repeated.may_hold(content));
        ledger.view().files(&mut |inode, size| {
            if let Some(content) = content(inode, size) {
                firsts.entry(*content).and_modify(|first| *first = inode.min(*first)).or_insert(inode);
            }
        });
        ledger.view().files(&mut |inode, size| {
            if let Some(&first) = content(inode, size).and_then(|content| firsts.get(content))
                && first != inode
            {
                copies.insert(inode, first);
            }
        });
    }
    copies
}

/// The contents that several live files have.
fn counted(ledger: &Ledger, repeated: &Repeated) -> HashMap<ContentHash, Group> {
    let mut groups: HashMap<ContentHash, Group> = HashMap::new();
    if !repeated.is_none() {
        ledger.view().files(&mut |inode, size| {
            if let Some(content) = ledger.content(inode).filter(|content| size > 0 && repeated.may_hold(content)) {
                let none = Group { size, files: 0, order: 0, paths: Vec::new() };
                groups.entry(*content).or_insert(none).files += 1;
            }
        });
    }
    groups.retain(|_, group| group.files > 1);
    groups
}

/// Visits every live file that has content once, under the first of its names.
fn each_file(ledger: &Ledger, visit: &mut dyn FnMut(&ContentHash, &Node<'_>)) {
    let mut linked = HashSet::<InodeId>::new();
    ledger.view().walk(&mut |node| {
        if node.meta.kind == NodeKind::File
            && node.meta.size > 0
            && (node.links == 1 || linked.insert(node.inode))
            && let Some(content) = ledger.content(node.inode)
        {
            visit(content, &node);
        }
    });
}
