//! Images of the store.

use std::sync::Arc;

use super::Store;
use crate::{
    Image, Layer,
    archive::oci::resolve,
    blob::Blobs,
    config::ImageConfig,
    digest::{Digest, ImageId},
    error::Result,
    found::FoundImage,
    manifest::{Descriptor, Manifest, Platform},
    name::ImageName,
};

/// An image of the store.
pub struct StoredImage {
    found: FoundImage,
    id: ImageId,
    manifest: Manifest,
    manifest_digest: Digest,
}

impl StoredImage {
    /// Gives the manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Gives the digest of the manifest.
    pub fn manifest_digest(&self) -> Digest {
        self.manifest_digest
    }

    /// Gives the digest of the config.
    pub fn image_id(&self) -> ImageId {
        self.id
    }

    pub(super) fn add_name(&mut self, name: ImageName) {
        if !self.found.names.contains(&name) {
            self.found.names.push(name);
            self.found.names.sort();
        }
    }
}

impl Store {
    /// Loads what an index entry leads to; in a list of platforms, the image for this machine.
    pub(super) fn load_entry(&self, entry: &Descriptor, names: Vec<ImageName>) -> Result<StoredImage> {
        let blobs: Arc<dyn Blobs> = self.blobs.clone();
        let resolved = resolve::one(&*blobs, entry, &Platform::host())?;
        let resolve::Resolved { digest, manifest, raw } = resolved;
        let found = FoundImage::of_manifest(&blobs, digest, &manifest, raw, names)?;
        let id = manifest.config.digest.into();
        Ok(StoredImage { found, id, manifest: *manifest, manifest_digest: digest })
    }
}

impl Image for StoredImage {
    fn names(&self) -> &[ImageName] {
        self.found.names()
    }

    fn config(&self) -> Option<&ImageConfig> {
        self.found.config()
    }

    fn raw_config(&self) -> Option<&[u8]> {
        self.found.raw_config()
    }

    fn raw_manifest(&self) -> Option<&[u8]> {
        self.found.raw_manifest()
    }

    fn layers(&self) -> &[Arc<dyn Layer>] {
        self.found.layers()
    }

    fn id(&self) -> Option<ImageId> {
        Some(self.id)
    }
}
