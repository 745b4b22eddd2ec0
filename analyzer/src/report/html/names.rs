//! Every name that the page draws and searches, and what has bytes under it.
//!
//! ```text
//! merged view ─► live files, copies, links, directories ─┐
//! ledger ──────► dead files ─────────────────────────────┴─► records ─► the largest within bounds ─► names, a tree
//!                                                                   └─► the rest, added up by directory
//! ```
//!
//! No byte is lost: what is not drawn by name is counted with the nearest directory that is.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap},
};

use super::{
    growing::Growing,
    records::{Class, Found, State, each},
};
use crate::{Ledger, analysis::copies};

/// Names on a page, directories included: a browser opens and searches so many at once, and they take some 3 MB. The files
/// that are left out are the smallest.
pub const MAX_NAMES: usize = 100_000;
/// Bytes of all names on a page as they are written: 40 for each of the most.
pub const MAX_TEXT: usize = 4 << 20;
/// Bytes of the paths that are held while the tree grows; the files of more are left out. So long are those of 100,000 names when
/// each is of 640 bytes.
const MAX_PATHS: usize = 64 << 20;
/// Sums of files that are left out; where there are more, they are those of larger directories.
const MAX_SUMS: usize = 20_000;

/// One inode under a name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record {
    /// The name: its number, 0 for the root.
    pub(super) name: u32,
    pub(super) size: u64,
    pub(super) state: State,
    /// Of a copy or a link, the name of the file that was there first, where it is drawn.
    pub(super) first: Option<u32>,
}

/// Files that are not drawn by name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sum {
    /// The directory.
    pub(super) name: u32,
    pub(super) state: State,
    pub(super) files: u64,
    pub(super) bytes: u64,
}

/// A name: the last component as text in which everything is seen, and how deep it stands; 1 is in the root.
pub(super) struct Name {
    pub(super) text: String,
    pub(super) parent: u32,
    pub(super) depth: usize,
}

/// The names without the root, each directory before what is in it, and what they mean.
pub(super) struct Names {
    pub(super) list: Vec<Name>,
    /// By name.
    pub(super) records: Vec<Record>,
    pub(super) sums: Vec<Sum>,
}

impl Names {
    /// Takes them from a ledger.
    pub(super) fn of(ledger: &Ledger) -> Self {
        Self::within(ledger, MAX_NAMES, MAX_TEXT)
    }

    pub(super) fn within(ledger: &Ledger, max_names: usize, max_text: usize) -> Self {
        let copies = copies(ledger);
        let mut sizes = Vec::new();
        each(ledger, &copies, &mut |_, found| sizes.push(found.size));
        let is_candidate = largest(&sizes, max_names);
        let (mut order, mut room) = (0, MAX_PATHS);
        let mut candidates: Vec<(Vec<u8>, usize, Found)> = Vec::new();
        each(ledger, &copies, &mut |path, found| {
            if is_candidate[order] && path.len() <= room {
                room -= path.len();
                candidates.push((path.to_vec(), order, found));
            }
            order += 1;
        });
        candidates.sort_by_key(|(_, order, found)| (Reverse(found.size), *order));
        let mut growing = Growing::new(max_names, max_text);
        let mut is_drawn = vec![false; sizes.len()];
        let mut drawn = Vec::new();
        for (path, order, found) in candidates {
            if let Some(node) = growing.insert(&path) {
                is_drawn[order] = true;
                drawn.push((node, order, found));
            }
        }
        let (list, places) = growing.sorted();
        let records = records(drawn, &places);
        let mut names = Self { list, records, sums: Vec::new() };
        if is_drawn.contains(&false) {
            let mut order = 0;
            let mut sums = BTreeMap::new();
            each(ledger, &copies, &mut |path, found| {
                if !is_drawn[order] && found.state.class != Class::Directory {
                    let directory = path.iter().rposition(|&byte| byte == b'/').map_or(&[][..], |slash| &path[..slash]);
                    let name = places[growing.deepest(directory).0 as usize];
                    add(&mut sums, name, found.state, 1, found.size);
                }
                order += 1;
            });
            names.lift(&mut sums, MAX_SUMS);
            names.sums =
                sums.into_iter().map(|((name, state), (files, bytes))| Sum { name, state, files, bytes }).collect();
        }
        names
    }

    /// Bytes of copies that each layer made.
    pub(super) fn copied(&self, layers: usize) -> Vec<u64> {
        let mut copied = vec![0; layers];
        let records = self.records.iter().map(|record| (record.state, record.size));
        for (state, bytes) in records.chain(self.sums.iter().map(|sum| (sum.state, sum.bytes))) {
            if state.class == Class::Copy
                && let Some(copied) = copied.get_mut(state.creator as usize)
            {
                *copied += bytes;
            }
        }
        copied
    }

    /// Adds sums to those of the directories above them, the deepest first, until they are few enough or at the root.
    fn lift(&self, sums: &mut Sums, max: usize) {
        let name = |name: u32| name.checked_sub(1).map(|place| &self.list[place as usize]);
        let depth = |number: u32| name(number).map_or(0, |name| name.depth);
        let mut deepest = sums.keys().map(|(name, _)| depth(*name)).max().unwrap_or(0);
        while sums.len() > max && deepest > 0 {
            let lifted: Vec<(u32, State)> = sums.keys().copied().filter(|(name, _)| depth(*name) == deepest).collect();
            for key in lifted {
                let Some((files, bytes)) = sums.remove(&key) else { continue };
                add(sums, name(key.0).map_or(0, |name| name.parent), key.1, files, bytes);
            }
            deepest -= 1;
        }
    }
}

/// Files and bytes by directory and state.
type Sums = BTreeMap<(u32, State), (u64, u64)>;

fn add(sums: &mut Sums, name: u32, state: State, files: u64, bytes: u64) {
    let sum = sums.entry((name, state)).or_default();
    sum.0 += files;
    sum.1 = sum.1.saturating_add(bytes);
}

/// Which `max` sizes are the largest; of equal ones, those that come first.
fn largest(sizes: &[u64], max: usize) -> Vec<bool> {
    if sizes.len() <= max {
        return vec![true; sizes.len()];
    }
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.select_nth_unstable_by_key(max, |&place| (Reverse(sizes[place]), place));
    let mut is_largest = vec![false; sizes.len()];
    for &place in &order[..max] {
        is_largest[place] = true;
    }
    is_largest
}

/// The records of what is drawn, by name; of one name, in the order in which they were found.
fn records(mut drawn: Vec<(u32, usize, Found)>, places: &[u32]) -> Vec<Record> {
    drawn.sort_by_key(|(node, order, _)| (places[*node as usize], *order));
    let is_file = |found: &Found| matches!(found.state.class, Class::Live | Class::Copy);
    let files: HashMap<_, _> = drawn
        .iter()
        .filter(|(_, _, found)| is_file(found))
        .map(|(node, _, found)| (found.inode, places[*node as usize]))
        .collect();
    let record = |(node, _, found): (u32, usize, Found)| Record {
        name: places[node as usize],
        size: found.size,
        state: found.state,
        first: found.first.and_then(|first| files.get(&first).copied()),
    };
    drawn.into_iter().map(record).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use strata_fixtures::stack::Stack;
    use strata_image::Image as _;

    use super::{
        super::{growing::written, records::Class},
        Names, add,
    };
    use crate::{Ledger, index::LayerIndex};

    fn ledger(layers: &str) -> Ledger {
        Ledger::fold(&LayerIndex::all(Stack::parse("any:1", layers).unwrap().layers(), None).unwrap()).unwrap()
    }

    const MANY: &str = "a/b/c:5 a/b/d:6 a/e:70 f:80 h1:75x h2:75x g/h/i/j/k:1 / -a/e f:81 a/b/new:2 g/l:3";

    fn bytes(names: &Names, class: Class) -> u64 {
        let records = names.records.iter().map(|record| (record.state, record.size));
        let sums = names.sums.iter().map(|sum| (sum.state, sum.bytes));
        records.chain(sums).filter(|(state, _)| state.class == class).map(|(_, bytes)| bytes).sum()
    }

    #[test]
    fn what_has_no_room_is_added_up_and_no_byte_is_lost() {
        let ledger = ledger(MANY);
        let whole = Names::of(&ledger);
        assert!(whole.sums.is_empty());
        for max_names in 0..20 {
            for max_text in [0, 5, 10, 1000] {
                let names = Names::within(&ledger, max_names, max_text);
                assert!(names.list.len() <= max_names, "{max_names}");
                assert!(names.list.iter().map(|name| written(&name.text)).sum::<usize>() <= max_text);
                for class in [Class::Live, Class::Copy, Class::Dead] {
                    assert_eq!(bytes(&names, class), bytes(&whole, class), "{class:?} of {max_names} {max_text}");
                }
                assert_eq!(names.copied(2), [75, 0]);
            }
        }
    }

    #[test]
    fn the_largest_files_are_drawn_and_the_rest_is_counted_where_it_stands() {
        let names = Names::within(&ledger(MANY), 6, 1000);
        let texts: Vec<&str> = names.list.iter().map(|name| name.text.as_str()).collect();
        assert_eq!(texts, ["a", "e", "f", "h1", "h2"]);
        let sums: Vec<_> = names.sums.iter().map(|sum| (sum.name, sum.state.creator, sum.files, sum.bytes)).collect();
        assert_eq!(sums, [(0, 0, 1, 1), (0, 1, 1, 3), (1, 0, 2, 11), (1, 1, 1, 2)]);
    }

    #[test]
    fn too_many_sums_are_those_of_directories_above() {
        let names = Names::of(&ledger("a/b/c/d:1 a/b/e:1 a/f/g:1"));
        let state = names.records.iter().find(|record| record.state.class == Class::Live).unwrap().state;
        let mut sums = std::collections::BTreeMap::new();
        for name in 1..=u32::try_from(names.list.len()).unwrap() {
            add(&mut sums, name, state, 1, u64::from(name));
        }
        let all: u64 = sums.values().map(|(_, bytes)| bytes).sum();
        names.lift(&mut sums, 2);
        assert!(sums.len() <= 2, "{sums:?}");
        assert_eq!(sums.values().map(|(_, bytes)| bytes).sum::<u64>(), all);
    }
}
