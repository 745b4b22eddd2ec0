//! Two tars entry by entry, whatever the order: the first entry of a path with the first, the second with the second.
//!
//! ```text
//! tar a ─► item ─┐  the same path waits on the other side ─► compared, forgotten
//! tar b ─► item ─┘  else ─► waits                             what waits at the end has no partner
//! ```
//!
//! Both sides are read by turns, so that only as much waits as the tars differ in order.

use std::collections::{HashMap, HashSet, VecDeque};

use serde::Serialize;
use strata_image::layer::{Entry, LayerPath};

use super::{
    details::{Detail, details},
    facts::Facts,
    header::HeaderFacts,
    rootfs::{Single, Uncounted},
    what::{Set, What},
};
use crate::{Result, index::ContentHash, path_text};

/// What differs between two layers.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LayerDiff {
    /// Entries of the second layer alone. Whiteouts are entries, by their names in the tar.
    pub added: Vec<Single>,
    /// Entries of the first layer alone.
    pub removed: Vec<Single>,
    /// Entries of both that are not equal.
    pub changed: Vec<ChangedEntry>,
    /// What differs that belongs to no entry: `order`, `padding`, `compression`.
    pub whole: Vec<What>,
    /// How many entries would have to stand elsewhere for the order to be the same.
    pub out_of_order: usize,
}

/// An entry that both layers have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ChangedEntry {
    /// As [`path_text`] writes it.
    pub path: String,
    /// What differs, in the order of [`What::ALL`].
    pub what: Vec<What>,
    /// Both values of what has short ones.
    pub details: Vec<Detail>,
}

impl LayerDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty() && self.whole.is_empty()
    }

    /// How many entries differ.
    pub fn entries(&self) -> usize {
        self.added.len() + self.removed.len() + self.changed.len()
    }
}

/// One entry of a tar.
pub(super) struct Item {
    pub(super) entry: Entry,
    pub(super) content: Option<ContentHash>,
    /// Where the tar itself is compared.
    pub(super) header: Option<Box<HeaderFacts>>,
}

impl Item {
    fn facts(&self) -> Facts<'_> {
        Facts::written(&self.entry, self.content.as_ref())
    }

    fn differences(&self, other: &Self) -> Set {
        let mut found = self.facts().differences(&other.facts());
        if let (Some(a), Some(b)) = (&self.header, &other.header) {
            found.insert_if(What::Uname, self.entry.uname != other.entry.uname);
            found.insert_if(What::Gname, self.entry.gname != other.entry.gname);
            a.differences(b, &mut found);
        }
        found
    }
}

/// The side that an item is from.
#[derive(Clone, Copy, PartialEq)]
enum From {
    A,
    B,
}

/// An entry of both sides that differs.
struct ChangedPath {
    path: LayerPath,
    what: Set,
    details: Vec<Detail>,
}

/// Takes the items of both sides.
pub(super) struct Pairing<'a> {
    counts: Set,
    /// Paths of one side that nobody wants to be told of.
    uncounted: &'a Uncounted,
    layers: [u32; 2],
    waiting: [HashMap<LayerPath, VecDeque<(u32, Item)>>; 2],
    read: [u32; 2],
    /// The places of the two entries of each pair.
    places: Vec<(u32, u32)>,
    /// Hashes of paths that both sides have.
    paired: HashSet<u64>,
    changed: Vec<ChangedPath>,
    /// Whether anything differs, though it may not count.
    differs: bool,
}

impl<'a> Pairing<'a> {
    /// `counts` are the kinds that are told; `layers` the numbers of the two layers.
    pub(super) fn new(counts: Set, layers: [u32; 2], uncounted: &'a Uncounted) -> Self {
        Self {
            counts,
            uncounted,
            layers,
            waiting: [HashMap::new(), HashMap::new()],
            read: [0, 0],
            places: Vec::new(),
            paired: HashSet::new(),
            changed: Vec::new(),
            differs: false,
        }
    }

    /// Reads both sides by turns to their ends.
    pub(super) fn read(
        &mut self,
        mut next_of_a: impl FnMut() -> Result<Option<Item>>,
        mut next_of_b: impl FnMut() -> Result<Option<Item>>,
    ) -> Result<()> {
        loop {
            let (a, b) = (next_of_a()?, next_of_b()?);
            if a.is_none() && b.is_none() {
                return Ok(());
            }
            if let Some(item) = a {
                self.push(From::A, item);
            }
            if let Some(item) = b {
                self.push(From::B, item);
            }
        }
    }

    fn push(&mut self, from: From, item: Item) {
        let (here, there) = if from == From::A { (0, 1) } else { (1, 0) };
        let place = self.read[here];
        self.read[here] += 1;
        let waiting = self.waiting[there].get_mut(&item.entry.path);
        let Some((other_place, other, is_last)) = waiting.and_then(|queue| {
            let (place, item) = queue.pop_front()?;
            Some((place, item, queue.is_empty()))
        }) else {
            let queue = self.waiting[here].entry(item.entry.path.clone()).or_default();
            queue.push_back((place, item));
            return;
        };
        if is_last {
            self.waiting[there].remove(&item.entry.path);
        }
        self.places.push(if from == From::A { (place, other_place) } else { (other_place, place) });
        self.paired.insert(hash(&item.entry.path));
        let (a, b) = if from == From::A { (&item, &other) } else { (&other, &item) };
        let found = a.differences(b);
        self.differs |= !found.is_empty();
        let what = found.and(self.counts);
        if !what.is_empty() {
            let details = details(&a.facts(), &b.facts(), what);
            self.changed.push(ChangedPath { path: item.entry.path, what, details });
        }
    }

    /// What differs, and whether anything does that may not count.
    pub(super) fn finish(mut self) -> (LayerDiff, bool) {
        let mut diff = LayerDiff::default();
        for (side, waiting) in std::mem::take(&mut self.waiting).into_iter().enumerate() {
            self.differs |= !waiting.is_empty();
            for (path, queue) in waiting {
                let (kind, uncounted) = match side {
                    0 => (What::Removed, &self.uncounted.gone),
                    _ => (What::Added, &self.uncounted.new),
                };
                if self.paired.contains(&hash(&path)) {
                    let what = [What::Duplicates].into_iter().collect::<Set>().and(self.counts);
                    self.changed.push(ChangedPath { path, what, details: Vec::new() });
                } else if self.counts.has(kind)
                    && !uncounted.contains(&path)
                    && let Some((_, item)) = queue.back()
                {
                    let list = if side == 0 { &mut diff.removed } else { &mut diff.added };
                    list.push(Single {
                        path: path_text(path.as_bytes()),
                        kind: item.facts().type_word(),
                        bytes: item.entry.size,
                        layer: self.layers[side],
                    });
                }
            }
        }
        diff.added.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        diff.removed.sort_unstable_by(|a, b| a.path.cmp(&b.path));
        diff.out_of_order = out_of_order(std::mem::take(&mut self.places));
        self.differs |= diff.out_of_order > 0;
        if diff.out_of_order > 0 && self.counts.has(What::Order) {
            diff.whole.push(What::Order);
        }
        self.changed.retain(|changed| !changed.what.is_empty());
        // sorting is stable: entries of one path keep their order
        self.changed.sort_by(|a, b| a.path.as_bytes().cmp(b.path.as_bytes()));
        diff.changed = self
            .changed
            .into_iter()
            .map(|ChangedPath { path, what, details }| ChangedEntry {
                path: path_text(path.as_bytes()),
                what: what.list(),
                details,
            })
            .collect();
        (diff, self.differs)
    }
}

fn hash(path: &LayerPath) -> u64 {
    let mut head = [0; 8];
    blake3::Hasher::new().update(path.as_bytes()).finalize_xof().fill(&mut head);
    u64::from_le_bytes(head)
}

/// How many pairs do not belong to the longest run that stands in the same order on both sides.
fn out_of_order(mut places: Vec<(u32, u32)>) -> usize {
    places.sort_unstable();
    // the smallest last place of an ordered run of each length
    let mut ends: Vec<u32> = Vec::new();
    for &(_, place) in &places {
        let at = ends.partition_point(|&end| end < place);
        match ends.get_mut(at) {
            Some(end) => *end = place,
            None => ends.push(place),
        }
    }
    places.len() - ends.len()
}

#[cfg(test)]
mod tests {
    use super::out_of_order;

    #[test]
    fn one_entry_that_moved_is_one() {
        for (places, expected) in [
            (vec![], 0),
            (vec![(0, 0), (1, 1), (2, 2)], 0),
            (vec![(0, 1), (1, 2), (2, 3)], 0),
            (vec![(0, 2), (1, 0), (2, 1)], 1),
            (vec![(2, 0), (1, 1), (0, 2)], 2),
        ] {
            assert_eq!(out_of_order(places), expected);
        }
    }
}
