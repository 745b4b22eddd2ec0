//! Files of one content in several layers: stored several times, where one layer that all images share would store it once.
//!
//! Contents are compared in as many passes as bound the memory: each takes those whose hash is of its share.

use std::cmp::Reverse;

use strata_image::DiffId;

use super::{DuplicateRow, LayerRow, PlaceRow, indexes::Indexes};
use crate::{Result, path_text};

/// Contents that are compared at once, 32 bytes each.
const AT_ONCE: u64 = 2_000_000;
/// Contents that a report lists; the sum is over all.
const MAX_ROWS: usize = 1_000;
/// Places that are listed of one content.
const MAX_PLACES: usize = 10;

/// A file of a layer.
struct Place {
    /// Half of its hash, which no two contents have in common.
    content: [u8; 16],
    size: u64,
    layer: u32,
    entry: u32,
}

/// A content of several layers.
struct Group {
    bytes: u64,
    size: u64,
    layers: u64,
    images: u64,
    /// Layer and entry.
    places: Vec<(u32, u32)>,
}

/// What the comparison asks of a layer.
pub(super) struct Member<'a> {
    pub(super) id: DiffId,
    pub(super) row: &'a LayerRow,
    /// Numbers of the images that have it, in order.
    pub(super) images: &'a [u32],
}

/// What was found.
pub(super) struct Duplicates {
    /// The contents that cost most.
    pub(super) rows: Vec<DuplicateRow>,
    /// What all of them cost.
    pub(super) bytes: u64,
    /// How many there are.
    pub(super) count: u64,
}

/// Finds the contents that cost most.
///
/// # Errors
/// When the index of a layer is in the cache no more.
pub(super) fn find(indexes: &Indexes, layers: &[Member<'_>]) -> Result<Duplicates> {
    let files: u64 = layers.iter().map(|layer| layer.row.entries).sum();
    let passes = files.div_ceil(AT_ONCE).max(1);
    let mut found = Found { groups: Vec::new(), least: 0, total: 0, count: 0 };
    for pass in 0..passes {
        let mut places = Vec::new();
        for (number, layer) in (0..).zip(layers) {
            let index = indexes.get(layer.id)?;
            for entry in 0..u32::try_from(index.len()).unwrap_or(u32::MAX) {
                let Some(hash) = index.hash(entry) else { continue };
                let [a, b, c, d, ..] = *hash;
                let size = index.size(entry);
                if size > 0 && u64::from(u32::from_le_bytes([a, b, c, d])) % passes == pass {
                    let mut content = [0; 16];
                    content.copy_from_slice(&hash[16..]);
                    places.push(Place { content, size, layer: number, entry });
                }
            }
        }
        places.sort_unstable_by_key(|place| (place.content, place.layer, place.entry));
        for same in places.chunk_by(|a, b| a.content == b.content) {
            found.add(same, layers);
        }
    }
    found.keep_largest();
    let rows = found.groups.iter().map(|group| row(group, indexes, layers)).collect::<Result<_>>()?;
    Ok(Duplicates { rows, bytes: found.total, count: found.count })
}

struct Found {
    groups: Vec<Group>,
    /// Groups of fewer bytes are not listed.
    least: u64,
    total: u64,
    count: u64,
}

impl Found {
    fn add(&mut self, same: &[Place], layers: &[Member<'_>]) {
        // of several files of one layer the first stands for all
        let firsts = same.chunk_by(|a, b| a.layer == b.layer).map(|places| &places[0]);
        let mut own: Vec<&Place> = firsts.collect();
        let images = |place: &Place| layers[place.layer as usize].images;
        // layers that the same images have: that is for each of the images to mend, and nothing that they could share
        if own.len() < 2 || own.iter().all(|place| images(place) == images(own[0])) {
            return;
        }
        let bytes = own[0].size.saturating_mul(own.len() as u64 - 1);
        self.total = self.total.saturating_add(bytes);
        self.count += 1;
        if bytes < self.least {
            return;
        }
        let mut all: Vec<u32> = own.iter().flat_map(|place| images(place).iter().copied()).collect();
        all.sort_unstable();
        all.dedup();
        let (size, count) = (own[0].size, own.len() as u64);
        own.truncate(MAX_PLACES);
        let places = own.iter().map(|place| (place.layer, place.entry)).collect();
        self.groups.push(Group { bytes, size, layers: count, images: all.len() as u64, places });
        if self.groups.len() >= 4 * MAX_ROWS {
            self.keep_largest();
            self.least = self.groups.last().map_or(0, |group| group.bytes);
        }
    }

    fn keep_largest(&mut self) {
        self.groups.sort_by(|a, b| (Reverse(a.bytes), &a.places).cmp(&(Reverse(b.bytes), &b.places)));
        self.groups.truncate(MAX_ROWS);
    }
}

fn row(group: &Group, indexes: &Indexes, layers: &[Member<'_>]) -> Result<DuplicateRow> {
    let &Group { bytes, size, layers: count, images, .. } = group;
    let mut places = Vec::new();
    for &(layer, entry) in &group.places {
        let path = indexes.get(layers[layer as usize].id)?.path(entry).unwrap_or_default();
        places.push(PlaceRow { layer: layer as usize, path: path_text(&path) });
    }
    Ok(DuplicateRow { bytes, size, layers: count, images, places })
}
