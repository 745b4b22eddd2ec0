//! What the cache costs, kind by kind.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
};

use strata_image::{Digest, Image, Store};

use super::{
    TIMES,
    entries::{Entry, Kind, Resource, entries, stat},
    list,
};
use crate::Result;

/// What one kind of entries takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Which.
    pub kind: Kind,
    /// How many there are; of layers each once, however many records name it.
    pub count: usize,
    /// How many are needed whatever is removed: an image has the layer, a step uses the cache mount.
    pub active: usize,
    /// Bytes: of layers as stored, of all else on disk. Snapshots are not among them.
    pub size: u64,
    /// Bytes of those that are not active.
    pub reclaimable: u64,
}

/// Measures a cache, in the order of [`Kind::ALL`].
///
/// # Errors
/// The cache or the store cannot be read.
pub fn usage(dir: &Path, store: &Store) -> Result<Vec<Usage>> {
    let mut entries = entries(dir)?;
    for path in list(&dir.join(TIMES))? {
        entries.extend(Entry::of_file(Kind::Times, path)?);
    }
    let in_images: HashSet<Digest> =
        store.images()?.iter().flat_map(Image::layers).map(|layer| layer.stored().0).collect();
    let none = |kind: &Kind| (*kind, Usage { kind: *kind, count: 0, active: 0, size: 0, reclaimable: 0 });
    let mut all: BTreeMap<Kind, Usage> = Kind::ALL.iter().map(none).collect();
    let mut add = |kind: Kind, is_active: bool, size: u64, count: usize| {
        let Some(usage) = all.get_mut(&kind) else { return };
        usage.count += count;
        usage.size += size;
        if is_active {
            usage.active += count;
        } else {
            usage.reclaimable += size;
        }
    };
    let mut shared: HashMap<&Resource, Kind> = HashMap::new();
    for entry in &entries {
        let is_counted = entry.kind != Kind::Layers;
        add(entry.kind, entry.is_in_use()?, entry.bytes, usize::from(is_counted));
        shared.extend(entry.needs.iter().map(|resource| (resource, entry.kind)));
    }
    for (resource, kind) in shared {
        match resource {
            Resource::Blob(digest) => {
                if let Ok(metadata) = store.blob_path(digest).metadata() {
                    add(kind, in_images.contains(digest), metadata.len(), 1);
                }
            }
            Resource::File(path) if kind != Kind::Layers => {
                add(kind, false, stat(path)?.map_or(0, |(_, bytes)| bytes), 0);
            }
            // fractions of layers have a kind of their own, and snapshots are not the cache's alone
            Resource::File(_) | Resource::Snapshot(_) => {}
        }
    }
    Ok(all.into_values().collect())
}
