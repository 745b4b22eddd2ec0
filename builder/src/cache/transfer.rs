//! Caches that go from one machine to another: records and layers in an OCI layout directory.
//!
//! ```text
//! DIR/oci-layout
//!     index.json              one manifest
//!     blobs/sha256/…          the manifest; its config, which lists the records; its layers, which they name
//! ```
//!
//! Any OCI tool can copy it as it stands. Writing into a directory again leaves only what the new cache names, so that it
//! does not grow from build to build. Whoever builds from such a cache trusts it: a record says what a step gave.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fs::{self, DirBuilder},
    io::{self, Read, Write},
    os::fd::{AsFd as _, OwnedFd},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use strata_image::{
    Digest, Store, canonical,
    digest::VerifyingReader,
    manifest::{Descriptor, Index, Manifest, OCI_LAYER, OCI_MANIFEST},
};
use tempfile::NamedTempFile;

use super::{LayerBlob, LayerRecord, Result, failed};
use crate::tree::{Tree, open_root};

/// Media type of the list of records.
const RECORDS: &str = "application/vnd.strata.cache.v1+json";
/// Bytes of a document of a cache: room for a hundred thousand records.
const DOCUMENT_LIMIT: u64 = 64 << 20;

/// Which records are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CacheMode {
    /// Those of layers of the image.
    #[default]
    Min,
    /// Those of every step.
    Max,
}

/// Where a build's cache is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheTarget {
    /// The directory.
    pub path: PathBuf,
    /// What of it.
    pub mode: CacheMode,
}

/// What the config of a cache says: records by key.
#[derive(Default, Serialize, Deserialize)]
struct Records {
    schema: u32,
    records: BTreeMap<String, Value>,
}

/// A cache of another machine.
#[derive(Debug)]
pub(super) struct Imported {
    path: PathBuf,
    root: OwnedFd,
    records: HashMap<String, Value>,
}

impl Imported {
    /// Opens a cache. One that is not there yet is empty: the first build of a pipeline has none.
    pub(super) fn open(path: &Path) -> Result<Option<Self>> {
        let root = match open_root(path) {
            Ok(root) => root,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed("open", path)(error)),
        };
        let mut imported = Self { path: path.to_owned(), root, records: HashMap::new() };
        let index: Index = imported.document(imported.open_file("index.json")?)?;
        let manifests = index.manifests.iter().filter(|entry| entry.media_type == OCI_MANIFEST);
        for entry in manifests {
            let manifest: Manifest = imported.document(imported.blob(&entry.digest, entry.size)?)?;
            if manifest.config.media_type == RECORDS {
                let config = imported.blob(&manifest.config.digest, manifest.config.size)?;
                imported.records.extend(imported.document::<Records>(config)?.records);
            }
        }
        Ok(Some(imported))
    }

    /// What it says of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Value> {
        self.records.get(key)
    }

    /// Brings a layer into the store, unless it is there; `false` when this cache does not have it.
    pub(super) fn bring(&self, store: &Store, layer: LayerBlob) -> Result<bool> {
        if store.contains(&layer.digest) {
            return Ok(true);
        }
        let mut reader = match self.blob(&layer.digest, layer.size) {
            Ok(reader) => reader,
            Err(error) if error.source.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let mut copy = || -> io::Result<()> {
            let mut blob = store.blob().map_err(io::Error::other)?;
            io::copy(&mut reader, &mut blob)?;
            blob.commit().map_err(io::Error::other)?;
            Ok(())
        };
        copy().map_err(failed("copy a layer from", &self.path))?;
        Ok(true)
    }

    fn open_file(&self, name: &str) -> Result<Box<dyn Read + '_>> {
        let file = Tree::new(self.root.as_fd()).open_file(name.as_bytes());
        Ok(Box::new(file.map_err(failed("read", &self.path.join(name)))?))
    }

    /// A blob, verified at its end.
    fn blob(&self, digest: &Digest, size: u64) -> Result<Box<dyn Read + '_>> {
        let name = format!("blobs/sha256/{}", digest.hex());
        let what = format!("{} of the cache {}", digest, self.path.display());
        Ok(Box::new(VerifyingReader::new(self.open_file(&name)?, *digest, Some(size), what)))
    }

    fn document<T: for<'d> Deserialize<'d>>(&self, reader: impl Read) -> Result<T> {
        let mut bytes = Vec::new();
        reader.take(DOCUMENT_LIMIT).read_to_end(&mut bytes).map_err(failed("read", &self.path))?;
        serde_json::from_slice(&bytes).map_err(|error| failed("understand the cache", &self.path)(error.into()))
    }
}

/// Writes records, and the layers that they name, into a directory.
pub(super) fn export(path: &Path, records: BTreeMap<String, Value>, store: &Store) -> Result<()> {
    let blobs = path.join("blobs/sha256");
    DirBuilder::new().recursive(true).create(&blobs).map_err(failed("create", &blobs))?;
    let mut kept = HashSet::new();
    let mut layers = Vec::new();
    for record in records.values() {
        let Ok(LayerRecord { layer: Some(layer), .. }) = serde_json::from_value(record.clone()) else {
            continue;
        };
        if kept.insert(layer.digest) {
            let mut reader =
                store.get(&layer.digest).map_err(|error| failed("read a layer for", path)(io::Error::other(error)))?;
            write_blob(&blobs, &layer.digest, &mut reader)?;
            layers.push(Descriptor::new(OCI_LAYER, layer.digest, layer.size));
        }
    }
    let config = write_document(&blobs, RECORDS, &Records { schema: super::record::SCHEMA, records })?;
    let manifest = write_document(&blobs, OCI_MANIFEST, &Manifest::new(config.clone(), layers))?;
    kept.extend([config.digest, manifest.digest]);
    let index = Index::new(vec![manifest]);
    let index = canonical::to_vec(&index).map_err(|error| failed("write", path)(error.into()))?;
    write_file(path, "oci-layout", &mut br#"{"imageLayoutVersion":"1.0.0"}"#.as_slice())?;
    write_file(path, "index.json", &mut index.as_slice())?;
    forget_others(&blobs, &kept)
}

/// Removes blobs that the new index does not name.
fn forget_others(blobs: &Path, kept: &HashSet<Digest>) -> Result<()> {
    for entry in fs::read_dir(blobs).map_err(failed("list", blobs))? {
        let entry = entry.map_err(failed("list", blobs))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let digest: Option<Digest> = format!("sha256:{name}").parse().ok();
        if digest.is_some_and(|digest| !kept.contains(&digest)) {
            super::remove(&entry.path())?;
        }
    }
    Ok(())
}

fn write_document(blobs: &Path, media_type: &str, document: &impl Serialize) -> Result<Descriptor> {
    let bytes = canonical::to_vec(document).map_err(|error| failed("write into", blobs)(error.into()))?;
    let digest = Digest::of(&bytes);
    write_blob(blobs, &digest, &mut bytes.as_slice())?;
    Ok(Descriptor::new(media_type, digest, bytes.len() as u64))
}

fn write_blob(blobs: &Path, digest: &Digest, reader: &mut dyn Read) -> Result<()> {
    let name = digest.hex();
    if blobs.join(&name).exists() {
        return Ok(());
    }
    write_file(blobs, &name, reader)
}

/// Writes a file that appears whole or not at all.
fn write_file(folder: &Path, name: &str, reader: &mut dyn Read) -> Result<()> {
    let mut write = || -> io::Result<()> {
        let mut file = NamedTempFile::new_in(folder)?;
        io::copy(reader, &mut file)?;
        file.flush()?;
        file.as_file().sync_data()?;
        file.persist(folder.join(name))?;
        Ok(())
    };
    write().map_err(failed("write", &folder.join(name)))
}
