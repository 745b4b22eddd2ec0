//! The places that builds work with, and keeping them tidy.

use std::path::PathBuf;

use strata_image::{ChainId, Image as _, ImageId, Store, store::StoredImage};
use strata_runtime::snapshot::Snapshots;

use crate::{Error, Result, cache};

/// The places a build works with.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Images and layers.
    pub store: Store,
    /// Root filesystems.
    pub snapshots: Snapshots,
    /// `<root>/cache`.
    pub cache: PathBuf,
    /// `<root>/analysis`: indexes of layers.
    pub analysis: PathBuf,
}

impl Engine {
    /// Removes layers and snapshots that neither an image nor the cache needs; gives the bytes freed.
    ///
    /// # Errors
    /// [`strata_image::Error::Busy`] while something else writes to the store.
    pub fn collect_garbage(&self) -> Result<u64> {
        let cached = cache::needed(&self.cache)?;
        let mut freed = self.store.gc(&cached.blobs)?;
        let mut chains = cached.snapshots;
        for image in self.store.images()? {
            chains.extend(ChainId::of_stack(image.layers().iter().map(|layer| layer.diff_id())));
        }
        freed += self.snapshots.gc(&chains)?;
        Ok(freed)
    }

    /// An image that a build has just put into the store.
    pub(crate) fn image(&self, id: ImageId) -> Result<StoredImage> {
        let text = id.to_string();
        let missing = || strata_image::Error::NoSuchImage { text: text.clone() };
        Ok(self.store.find(&text)?.ok_or_else(missing)?)
    }

    /// Removes what a killed writer left, unless others are writing: then it is for a later build.
    pub(crate) fn recover(&self) -> Result<()> {
        if !self.store.was_interrupted()? {
            return Ok(());
        }
        match self.collect_garbage() {
            Ok(_) | Err(Error::Image(strata_image::Error::Busy { .. })) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
