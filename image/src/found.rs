//! An image as it was found in a layout, an archive or the store.

use std::sync::Arc;

use crate::{
    Image, Layer,
    blob::{self, BlobLayer, Blobs},
    config::ImageConfig,
    digest::Digest,
    error::{Error, Result},
    manifest::{DOCKER_CONFIG, MAX_CONFIG_BYTES, Manifest, OCI_CONFIG},
    name::ImageName,
};

/// An image with its documents, raw and read.
pub(crate) struct FoundImage {
    pub(crate) names: Vec<ImageName>,
    pub(crate) raw_config: Vec<u8>,
    pub(crate) config: ImageConfig,
    pub(crate) raw_manifest: Option<Vec<u8>>,
    pub(crate) layers: Vec<Arc<dyn Layer>>,
}

impl FoundImage {
    /// Reads what a manifest leads to; no layer is opened.
    pub(crate) fn of_manifest(
        blobs: &Arc<dyn Blobs>,
        digest: Digest,
        manifest: &Manifest,
        raw_manifest: Vec<u8>,
        names: Vec<ImageName>,
    ) -> Result<Self> {
        let place = format!("manifest {digest} of {}", blobs.place().display());
        let media_type = &manifest.config.media_type;
        if ![OCI_CONFIG, DOCKER_CONFIG].contains(&media_type.as_str()) {
            return Err(Error::NotAnImage { place, media_type: media_type.clone() });
        }
        let raw_config = blob::read(&**blobs, &manifest.config, MAX_CONFIG_BYTES)?;
        let config = parse_config(&raw_config, &place)?;
        let diff_ids = &config.rootfs.diff_ids;
        if diff_ids.len() != manifest.layers.len() {
            let (layers, diff_ids) = (manifest.layers.len(), diff_ids.len());
            return Err(Error::LayerCount { place, layers, diff_ids });
        }
        let layers = manifest.layers.iter().zip(diff_ids).map(|(descriptor, &diff_id)| {
            Arc::new(BlobLayer::new(Arc::clone(blobs), descriptor, diff_id)) as Arc<dyn Layer>
        });
        let layers = layers.collect();
        Ok(Self { names, raw_config, config, raw_manifest: Some(raw_manifest), layers })
    }
}

/// Reads a config that belongs to what `place` names.
pub(crate) fn parse_config(raw: &[u8], place: &str) -> Result<ImageConfig> {
    ImageConfig::parse(raw).map_err(|source| Error::Document { place: format!("the config of {place}"), source })
}

impl Image for FoundImage {
    fn names(&self) -> &[ImageName] {
        &self.names
    }

    fn config(&self) -> Option<&ImageConfig> {
        Some(&self.config)
    }

    fn raw_config(&self) -> Option<&[u8]> {
        Some(&self.raw_config)
    }

    fn raw_manifest(&self) -> Option<&[u8]> {
        self.raw_manifest.as_deref()
    }

    fn layers(&self) -> &[Arc<dyn Layer>] {
        &self.layers
    }
}
