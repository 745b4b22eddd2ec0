//! Live files of the same content.

use std::collections::{HashMap, HashSet};

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
    content: ContentHash,
    size: u64,
    files: u64,
    /// Where the first of them came in the walk: in byte order of the paths.
    order: usize,
}

impl Group {
    fn wasted(&self) -> u64 {
        self.size.saturating_mul(self.files - 1)
    }
}

/// Finds live inodes with equal content. Contents are counted first, so that paths are kept only of what is listed, and
/// before that all that nothing else can equal is left out, so that the count has little to keep.
pub(super) fn find(ledger: &Ledger) -> Duplicates {
    let repeated = Repeated::of(ledger);
    if repeated.is_none() {
        return Duplicates { groups: Vec::new(), total_bytes: 0 };
    }
    let mut groups: HashMap<ContentHash, Group> = HashMap::new();
    each_file(ledger, &repeated, &mut |content, node| {
        let order = groups.len();
        let group =
            groups.entry(*content).or_insert(Group { content: *content, size: node.meta.size, files: 0, order });
        group.files += 1;
    });
    let mut groups: Vec<Group> = groups.into_values().filter(|group| group.files > 1).collect();
    let total_bytes = groups.iter().map(Group::wasted).fold(0, u64::saturating_add);
    groups.sort_by_key(|group| (std::cmp::Reverse(group.wasted()), group.order));
    groups.truncate(MAX_GROUPS);

    let places: HashMap<ContentHash, usize> =
        groups.iter().enumerate().map(|(place, group)| (group.content, place)).collect();
    let mut listed: Vec<Duplicate> = groups
        .iter()
        .map(|group| Duplicate { wasted_bytes: group.wasted(), size: group.size, paths: Vec::new() })
        .collect();
    each_file(ledger, &repeated, &mut |content, node| {
        if let Some(&place) = places.get(content)
            && listed[place].paths.len() < MAX_PATHS
        {
            listed[place].paths.push(path_text(node.path.as_bytes()));
        }
    });
    Duplicates { groups: listed, total_bytes }
}

/// Visits every live file once that has content that may be another one's too, under the first of its names.
fn each_file(ledger: &Ledger, repeated: &Repeated, visit: &mut dyn FnMut(&ContentHash, &Node<'_>)) {
    let mut linked = HashSet::<InodeId>::new();
    ledger.view().walk(&mut |node| {
        if node.meta.kind == NodeKind::File
            && node.meta.size > 0
            && let Some(content) = ledger.content(node.inode).filter(|content| repeated.may_hold(content))
            && (node.links == 1 || linked.insert(node.inode))
        {
            visit(content, &node);
        }
    });
}
