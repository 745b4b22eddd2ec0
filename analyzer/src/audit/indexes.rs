//! The indexes of all distinct layers: some in memory, the others in the cache, to be loaded again when they are asked for.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use strata_image::DiffId;

use crate::{Result, index::LayerIndex};

/// Entries of the indexes that are held in memory: each costs some 36 bytes there, more in small layers. What is beyond
/// is loaded again from the cache, which takes a tenth of the time that reading the layer took.
const MAX_HELD_ENTRIES: usize = 1_000_000;
/// Indexes that are held: a large one has a file open.
const MAX_HELD: usize = 500;

/// All indexes by diff ID.
pub(super) struct Indexes {
    cache: Option<PathBuf>,
    /// `None`: in the cache.
    known: HashMap<DiffId, Option<Arc<LayerIndex>>>,
    held: usize,
    held_entries: usize,
}

impl Indexes {
    pub(super) fn new(cache: Option<&Path>) -> Self {
        Self { cache: cache.map(Path::to_owned), known: HashMap::new(), held: 0, held_entries: 0 }
    }

    pub(super) fn cache(&self) -> super::Cache<'_> {
        self.cache.as_deref()
    }

    pub(super) fn has(&self, id: DiffId) -> bool {
        self.known.contains_key(&id)
    }

    /// Keeps an index: in memory where there is room, or no cache.
    pub(super) fn put(&mut self, index: Arc<LayerIndex>) {
        let has_room = self.held < MAX_HELD && self.held_entries + index.len() <= MAX_HELD_ENTRIES;
        let id = index.diff_id();
        let is_held = has_room || self.cache().is_none_or(|cache| !LayerIndex::is_cached(cache, id));
        if is_held {
            self.held += 1;
            self.held_entries += index.len();
        }
        self.known.insert(id, is_held.then_some(index));
    }

    /// The index of a layer.
    ///
    /// # Errors
    /// When the cache has lost it since it was put there.
    pub(super) fn get(&self, id: DiffId) -> Result<Arc<LayerIndex>> {
        match self.known.get(&id) {
            Some(Some(index)) => Ok(Arc::clone(index)),
            _ => LayerIndex::from_cache(self.cache(), id),
        }
    }

    /// Brings the cache back within its bound.
    pub(super) fn trim(&self) {
        if let Some(cache) = self.cache() {
            LayerIndex::trim(cache);
        }
    }
}
