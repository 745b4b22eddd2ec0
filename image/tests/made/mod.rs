//! Images and archives made in code.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use strata_image::{
    DiffId, Digest, Image, ImageConfig, ImageName, Store,
    compression::{self, Compression, Effort},
    config::RootFs,
    layer::{Entry, EntryKind, LayerPath, LayerWriter},
    manifest::{self, Descriptor, OCI_CONFIG, OCI_INDEX, OCI_LAYER, OCI_MANIFEST, Platform, REF_NAME},
};
use tempfile::TempDir;

/// A tar that is put together entry by entry.
pub struct Tar(LayerWriter<Vec<u8>>);

impl Tar {
    pub fn new() -> Self {
        Self(LayerWriter::new(Vec::new()))
    }

    pub fn entry(mut self, entry: &Entry, content: &[u8]) -> Self {
        self.0.append(entry, content).unwrap();
        self
    }

    pub fn file(self, path: &str, content: &[u8]) -> Self {
        let entry = Entry { mode: 0o644, size: content.len() as u64, ..Entry::new(at(path), EntryKind::File) };
        self.entry(&entry, content)
    }

    pub fn json(self, path: &str, value: &Value) -> Self {
        self.file(path, &serde_json::to_vec(value).unwrap())
    }

    pub fn folder(self, path: &str) -> Self {
        self.entry(&Entry { mode: 0o755, ..Entry::new(at(path), EntryKind::Directory) }, b"")
    }

    pub fn symlink(self, path: &str, target: &str) -> Self {
        self.entry(&Entry { mode: 0o777, ..Entry::new(at(path), EntryKind::Symlink(target.into())) }, b"")
    }

    pub fn hard_link(self, path: &str, target: &str) -> Self {
        self.entry(&Entry { mode: 0o644, ..Entry::new(at(path), EntryKind::HardLink(at(target))) }, b"")
    }

    pub fn bytes(self) -> Vec<u8> {
        self.0.finish().unwrap()
    }

    pub fn write(self, folder: &Path, name: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, self.bytes()).unwrap();
        path
    }
}

pub fn at(path: &str) -> LayerPath {
    LayerPath::new(path.as_bytes()).unwrap()
}

pub fn name(text: &str) -> ImageName {
    ImageName::parse(text).unwrap()
}

pub fn platform() -> Platform {
    Platform { os: "linux".into(), architecture: "amd64".into(), ..Platform::host() }
}

/// A layer of one file of that name: 2048 bytes.
pub fn layer(name: &str) -> Vec<u8> {
    Tar::new().file(name, name.as_bytes()).bytes()
}

pub fn compress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    if compression == Compression::Xz {
        let mut writer = liblzma::write::XzEncoder::new(Vec::new(), 1);
        writer.write_all(bytes).unwrap();
        return writer.finish().unwrap();
    }
    let mut writer = compression::writer(compression, Effort::default(), Vec::new()).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn image_config(architecture: &str, layers: &[&str]) -> ImageConfig {
    let diff_ids = layers.iter().map(|name| DiffId::of(&layer(name))).collect();
    ImageConfig {
        architecture: architecture.into(),
        os: "linux".into(),
        rootfs: RootFs { diff_ids, ..RootFs::default() },
        ..ImageConfig::default()
    }
}

/// The config of an image of such layers.
pub fn config(layers: &[&str]) -> Vec<u8> {
    serde_json::to_vec(&image_config("amd64", layers)).unwrap()
}

/// A store with images of such layers.
pub fn store_with(images: &[(&str, &[&str])]) -> (TempDir, Store) {
    let root = tempfile::tempdir().unwrap();
    let store = Store::open(root.path()).unwrap();
    for (text, layers) in images {
        let put = |name: &&str| {
            let bytes = layer(name);
            Descriptor::new(OCI_LAYER, store.put(&bytes).unwrap(), bytes.len() as u64)
        };
        let blobs: Vec<_> = layers.iter().map(put).collect();
        store.put_image(&image_config("amd64", layers), &blobs, &[name(text)]).unwrap();
    }
    (root, store)
}

/// An error and its causes.
pub fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}

/// An OCI layout directory that is put together blob by blob.
pub struct Layout(PathBuf);

impl Layout {
    pub fn new(directory: &Path) -> Self {
        fs::create_dir_all(directory.join("blobs/sha256")).unwrap();
        fs::write(directory.join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        Self(directory.to_owned())
    }

    pub fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.0.join("blobs/sha256").join(digest.hex())
    }

    pub fn blob(&self, media_type: &str, bytes: &[u8]) -> Descriptor {
        let digest = Digest::of(bytes);
        fs::write(self.blob_path(&digest), bytes).unwrap();
        Descriptor::new(media_type, digest, bytes.len() as u64)
    }

    pub fn json(&self, media_type: &str, value: &Value) -> Descriptor {
        self.blob(media_type, &serde_json::to_vec(value).unwrap())
    }

    pub fn image(&self, architecture: &str, layers: &[&str]) -> Descriptor {
        let blobs: Vec<_> = layers.iter().map(|name| self.blob(OCI_LAYER, &layer(name))).collect();
        let config = self.blob(OCI_CONFIG, &serde_json::to_vec(&image_config(architecture, layers)).unwrap());
        self.json(
            OCI_MANIFEST,
            &json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": blobs}),
        )
    }

    pub fn nested(&self, entries: &[Descriptor]) -> Descriptor {
        self.json(OCI_INDEX, &json!(manifest::Index::new(entries.to_vec())))
    }

    /// An index of one entry.
    pub fn only(&self, entry: &Descriptor) {
        self.index(std::slice::from_ref(entry));
    }

    pub fn index(&self, entries: &[Descriptor]) {
        let index = serde_json::to_vec(&manifest::Index::new(entries.to_vec())).unwrap();
        fs::write(self.0.join("index.json"), index).unwrap();
    }
}

pub fn named(entry: &Descriptor, name: &str) -> Descriptor {
    let mut entry = entry.clone();
    entry.annotations.insert(REF_NAME.to_owned(), name.to_owned());
    entry
}

pub fn for_platform(entry: &Descriptor, os: &str, architecture: &str) -> Descriptor {
    let platform = Platform { os: os.into(), architecture: architecture.into(), ..Platform::host() };
    Descriptor { platform: Some(platform), ..entry.clone() }
}

/// Reads all layers and gives their sizes.
pub fn read_layers(image: &dyn Image) -> Result<Vec<u64>, String> {
    let read = |layer: &dyn strata_image::Layer| {
        let mut tar = layer.open().map_err(|e| chain(&e))?;
        io::copy(&mut tar, &mut io::sink()).map_err(|e| e.to_string())
    };
    image.layers().iter().map(|layer| read(&**layer)).collect()
}

pub fn names(image: &dyn Image) -> Vec<String> {
    image.names().iter().map(ToString::to_string).collect()
}
