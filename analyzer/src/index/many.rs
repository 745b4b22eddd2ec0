//! What who keeps many indexes at once asks of the cache.

use std::{io, path::Path, sync::Arc};

use strata_image::DiffId;

use super::{LayerIndex, cache};
use crate::{Error, Result};

impl LayerIndex {
    /// Whether the cache has a file for a layer.
    pub(crate) fn is_cached(directory: &Path, layer: DiffId) -> bool {
        directory.join(layer.hex()).exists()
    }

    /// The index of a layer that was read before.
    ///
    /// # Errors
    /// When the cache has it no more.
    pub(crate) fn from_cache(directory: Option<&Path>, layer: DiffId) -> Result<Arc<Self>> {
        let found = directory.and_then(|directory| cache::load(directory, layer)).map(Arc::new);
        found.ok_or_else(|| Error::Index { layer, source: io::ErrorKind::NotFound.into() })
    }

    /// Brings the cache within its bound.
    pub(crate) fn trim(directory: &Path) {
        // what is too large now is trimmed by the next one
        let _ = cache::trim(directory, cache::limit());
    }
}
