//! Files of caches that have another name elsewhere in their layer: `rm` takes one of the names, and the bytes stay.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use strata_image::{
    layer::{EntryKind, LayerPath},
    view::InodeId,
};

use crate::{Ledger, Result};

/// Files of each layer that was asked about which no cache has for itself.
pub(super) struct Linked<'a> {
    ledger: &'a Ledger,
    kept: HashMap<u32, HashSet<u32>>,
}

impl<'a> Linked<'a> {
    pub(super) fn of(ledger: &'a Ledger) -> Self {
        Self { ledger, kept: HashMap::new() }
    }

    /// Whether a file stays when the cache that has one of its names goes. `cache` says of a path which cache it is in.
    pub(super) fn keeps(&mut self, inode: InodeId, cache: &dyn Fn(&LayerPath) -> Option<usize>) -> bool {
        let kept = match self.kept.entry(inode.layer) {
            Entry::Occupied(kept) => kept.into_mut(),
            // a layer that cannot be read has no ledger either
            Entry::Vacant(place) => place.insert(kept(self.ledger, inode.layer, cache).unwrap_or_default()),
        };
        kept.contains(&inode.entry)
    }
}

/// The files of a layer whose names are not all in one cache, by the numbers of their entries.
fn kept(ledger: &Ledger, layer: u32, cache: &dyn Fn(&LayerPath) -> Option<usize>) -> Result<HashSet<u32>> {
    let index = &ledger.indexes()[layer as usize];
    let mut links = Vec::new();
    for entry in index.entries() {
        let entry = entry?;
        if let EntryKind::HardLink(target) = entry.kind {
            links.push((entry.path, target));
        }
    }
    let mut kept = HashSet::new();
    if links.is_empty() {
        return Ok(kept);
    }
    // what a link leads to may be a link itself, to something before it
    let mut first: HashMap<LayerPath, LayerPath> = HashMap::new();
    let mut is_apart = HashSet::new();
    for (path, target) in links {
        let file = first.get(&target).unwrap_or(&target).clone();
        if cache(&path) != cache(&file) || cache(&file).is_none() {
            is_apart.insert(file.clone());
        }
        first.insert(path, file);
    }
    for (number, entry) in (0..).zip(index.entries()) {
        let entry = entry?;
        if entry.kind == EntryKind::File && is_apart.contains(&entry.path) {
            kept.insert(number);
        }
    }
    Ok(kept)
}
