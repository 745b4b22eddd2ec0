//! Images in memory, made of entries: what the notation of `strata_fixtures::stack` cannot say.
#![allow(dead_code, clippy::unwrap_used)]

use std::{
    io::{self, Cursor, Read},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use strata_image::{
    ContainerConfig, DiffId, Digest, History, Image, ImageConfig, ImageName, Layer,
    layer::{Entry, EntryKind, LayerPath, LayerWriter},
    manifest::OCI_LAYER,
};

/// An image with layers, and perhaps a config.
pub(crate) struct Memory {
    config: Option<ImageConfig>,
    layers: Vec<Arc<dyn Layer>>,
}

impl Memory {
    /// A root filesystem without a config.
    pub(crate) fn new(layers: &[&[(Entry, &[u8])]]) -> Self {
        let layers = layers.iter().map(|entries| Arc::new(MemoryLayer::of(entries)) as Arc<dyn Layer>).collect();
        Self { config: None, layers }
    }

    /// A root filesystem of these layers.
    pub(crate) fn of_layers(layers: Vec<Arc<dyn Layer>>) -> Self {
        Self { config: None, layers }
    }

    /// An image without layers.
    pub(crate) fn with_config(config: ImageConfig) -> Self {
        Self { config: Some(config), layers: Vec::new() }
    }

    /// Gives the image a config, which names its layers.
    pub(crate) fn and_config(self, mut config: ImageConfig) -> Self {
        config.rootfs.diff_ids = self.layers.iter().map(|layer| layer.diff_id()).collect();
        Self { config: Some(config), ..self }
    }

    /// The config's history.
    pub(crate) fn history(&mut self) -> &mut Vec<History> {
        &mut self.config.as_mut().unwrap().history
    }

    /// Says how containers start.
    pub(crate) fn set_config(&mut self, config: ContainerConfig) {
        self.config.as_mut().unwrap().config = Some(config);
    }

    /// The same layers by name, with contents that no one may ask for.
    pub(crate) fn unreadable(layers: &[Arc<dyn Layer>]) -> Self {
        Self::of_layers(layers.iter().map(|layer| unreadable(layer.as_ref())).collect())
    }
}

impl Image for Memory {
    fn names(&self) -> &[ImageName] {
        &[]
    }

    fn config(&self) -> Option<&ImageConfig> {
        self.config.as_ref()
    }

    fn raw_config(&self) -> Option<&[u8]> {
        None
    }

    fn raw_manifest(&self) -> Option<&[u8]> {
        None
    }

    fn layers(&self) -> &[Arc<dyn Layer>] {
        &self.layers
    }
}

/// The same layer by name, with a content that no one may ask for.
pub(crate) fn unreadable(layer: &dyn Layer) -> Arc<dyn Layer> {
    Arc::new(Unreadable { diff_id: layer.diff_id(), stored: layer.stored(), media_type: layer.media_type().to_owned() })
}

/// An entry as [`Entry::new`] makes it.
pub(crate) fn entry(path: &str, kind: EntryKind) -> Entry {
    Entry::new(LayerPath::new(path.as_bytes()).unwrap(), kind)
}

/// A regular file.
pub(crate) fn file<'a>(path: &str, content: &'a [u8]) -> (Entry, &'a [u8]) {
    let mut entry = entry(path, EntryKind::File);
    entry.size = content.len() as u64;
    (entry, content)
}

/// A config whose history has these steps, each with whether it made no layer.
pub(crate) fn with_history(steps: &[(&str, bool)]) -> ImageConfig {
    let step = |(text, empty_layer): &(&str, bool)| History {
        created_by: Some((*text).to_owned()),
        empty_layer: *empty_layer,
        ..History::default()
    };
    ImageConfig { history: steps.iter().map(step).collect(), ..ImageConfig::default() }
}

/// A layer that counts how often it is read.
pub(crate) struct MemoryLayer {
    tar: Vec<u8>,
    pub(crate) media_type: &'static str,
    pub(crate) reads: AtomicUsize,
}

impl MemoryLayer {
    pub(crate) fn of(entries: &[(Entry, &[u8])]) -> Self {
        let mut writer = LayerWriter::new(Vec::new());
        for (entry, content) in entries {
            writer.append(entry, *content).unwrap();
        }
        Self::raw(writer.finish().unwrap())
    }

    pub(crate) fn raw(tar: Vec<u8>) -> Self {
        Self { tar, media_type: OCI_LAYER, reads: AtomicUsize::new(0) }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.tar
    }
}

impl Layer for MemoryLayer {
    fn diff_id(&self) -> DiffId {
        DiffId::of(&self.tar)
    }

    fn media_type(&self) -> &str {
        self.media_type
    }

    fn stored(&self) -> (Digest, u64) {
        (Digest::of(&self.tar), self.tar.len() as u64)
    }

    fn open(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        Ok(Box::new(Cursor::new(self.tar.clone())))
    }

    fn open_stored(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        self.open()
    }
}

struct Unreadable {
    diff_id: DiffId,
    stored: (Digest, u64),
    media_type: String,
}

impl Layer for Unreadable {
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
        struct Fails;
        impl Read for Fails {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::Error::other("nobody may read this"))
            }
        }
        Ok(Box::new(Fails))
    }

    fn open_stored(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        self.open()
    }
}
