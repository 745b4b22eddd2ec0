//! Takes images in as their sources are opened, and keeps no more of them than an audit asks: neither an open file nor a
//! layer's content. So any number of sources can be opened one after the other.

use std::{collections::HashMap, io::Read, path::Path, sync::Arc};

use rayon::prelude::*;
use strata_image::{DiffId, Digest, Image, ImageConfig, ImageId, ImageName, Layer};

use super::{ErrorRow, indexes::Indexes};
use crate::index::LayerIndex;

/// The images of an audit, with the indexes of their layers.
pub struct Gathering {
    pub(super) indexes: Indexes,
    pub(super) images: Vec<Gathered>,
    pub(super) failed: Vec<ErrorRow>,
}

/// One image.
pub(super) struct Gathered {
    /// What names it.
    pub(super) source: String,
    pub(super) image: Remembered,
    /// Of its layers, bottom first.
    pub(super) diff_ids: Vec<DiffId>,
}

impl Gathering {
    /// Gathers nothing yet. Indexes are kept in the directory `cache`; without one, in memory alone.
    pub fn new(cache: Option<&Path>) -> Self {
        Self { indexes: Indexes::new(cache), images: Vec::new(), failed: Vec::new() }
    }

    /// Takes images, each with what names it, and reads those of their layers that no image before them had: in
    /// parallel, each once. An image with a layer that cannot be read is an error row.
    pub fn take(&mut self, images: Vec<(String, Box<dyn Image>)>) {
        let mut seen = HashMap::new();
        let mut wanted: Vec<Vec<&Arc<dyn Layer>>> = Vec::new();
        for layer in images.iter().flat_map(|(_, image)| image.layers()) {
            let id = layer.diff_id();
            if !self.indexes.has(id) {
                let place = *seen.entry(id).or_insert_with(|| {
                    wanted.push(Vec::new());
                    wanted.len() - 1
                });
                wanted[place].push(layer);
            }
        }
        let cache = self.indexes.cache();
        let read: Vec<_> = wanted.into_par_iter().map(|layers| (layers[0].diff_id(), read(&layers, cache))).collect();
        let mut broken = HashMap::new();
        for (id, index) in read {
            match index {
                Ok(index) => self.indexes.put(index),
                Err(message) => drop(broken.insert(id, message)),
            }
        }
        for (source, image) in images {
            let diff_ids: Vec<DiffId> = image.layers().iter().map(|layer| layer.diff_id()).collect();
            match diff_ids.iter().find_map(|id| broken.get(id)) {
                Some(message) => self.fail(source, message.clone()),
                None => self.images.push(Gathered { source, image: Remembered::of(image.as_ref()), diff_ids }),
            }
        }
    }

    /// Notes that what a source names cannot be opened, and why.
    pub fn fail(&mut self, source: String, message: String) {
        self.failed.push(ErrorRow { source, message });
    }
}

/// The index of a layer, of which several images may have bytes: the first that can be read counts. Else the message of
/// the first.
fn read(layers: &[&Arc<dyn Layer>], cache: Option<&Path>) -> Result<Arc<LayerIndex>, String> {
    let mut first = None;
    for layer in layers {
        match LayerIndex::cached(layer.as_ref(), cache) {
            Ok(index) => return Ok(index),
            Err(error) => drop(first.get_or_insert_with(|| causes(&error))),
        }
    }
    Err(first.unwrap_or_default())
}

/// An error and its causes on one line. A cause that its parent's text ends with already is not said twice.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !message.ends_with(&text) {
            message.push_str(": ");
            message.push_str(&text);
        }
        source = cause.source();
    }
    message
}

/// What is left of an image after its source is closed: everything but the contents of its layers.
pub(super) struct Remembered {
    names: Vec<ImageName>,
    id: Option<ImageId>,
    config: Option<ImageConfig>,
    raw_manifest: Option<Vec<u8>>,
    layers: Vec<Arc<dyn Layer>>,
}

impl Remembered {
    fn of(image: &dyn Image) -> Self {
        let layer = |layer: &Arc<dyn Layer>| {
            let (diff_id, media_type, stored) = (layer.diff_id(), layer.media_type().to_owned(), layer.stored());
            Arc::new(RememberedLayer { diff_id, media_type, stored }) as Arc<dyn Layer>
        };
        Self {
            names: image.names().to_vec(),
            id: image.id(),
            config: image.config().cloned(),
            raw_manifest: image.raw_manifest().map(<[u8]>::to_vec),
            layers: image.layers().iter().map(layer).collect(),
        }
    }
}

impl Image for Remembered {
    fn names(&self) -> &[ImageName] {
        &self.names
    }

    fn config(&self) -> Option<&ImageConfig> {
        self.config.as_ref()
    }

    fn raw_config(&self) -> Option<&[u8]> {
        None
    }

    fn raw_manifest(&self) -> Option<&[u8]> {
        self.raw_manifest.as_deref()
    }

    fn layers(&self) -> &[Arc<dyn Layer>] {
        &self.layers
    }

    fn id(&self) -> Option<ImageId> {
        self.id
    }
}

struct RememberedLayer {
    diff_id: DiffId,
    media_type: String,
    stored: (Digest, u64),
}

impl Layer for RememberedLayer {
    fn diff_id(&self) -> DiffId {
        self.diff_id
    }

    fn media_type(&self) -> &str {
        &self.media_type
    }

    fn stored(&self) -> (Digest, u64) {
        self.stored
    }

    fn open(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        Err(strata_image::Error::MissingBlob { digest: self.stored.0, place: "a source that is closed".into() })
    }

    fn open_stored(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        self.open()
    }
}
