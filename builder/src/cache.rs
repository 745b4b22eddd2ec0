//! The build cache: one small JSON record for each key, in `<root>/cache/<2 hex>/<64 hex>`.
//!
//! A record names the layer that a step made; the layer itself lies in the store, and a record whose layer is gone is no hit.
//! Records are written into `<root>/cache/partial/` and renamed. Every build holds `<root>/cache/lock` shared; who gets it
//! exclusively knows that no other build lives, and sweeps `partial/`.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use strata_image::{ChainId, Digest};
use tempfile::NamedTempFile;

use crate::key::CacheKey;

/// The build cache cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {operation} {}", path.display())]
pub struct CacheError {
    /// What was tried.
    pub operation: &'static str,
    /// On what.
    pub path: PathBuf,
    /// Why it failed.
    pub source: io::Error,
}

type Result<T> = std::result::Result<T, CacheError>;

/// Version of the records' form.
const SCHEMA: u32 = 1;
/// A record is a few hundred bytes; what is larger is not one.
const RECORD_LIMIT: u64 = 64 * 1024;

/// What a step made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LayerRecord {
    schema: u32,
    /// Diff ID, and digest of the blob in the store, which is not compressed.
    pub(crate) layer: Digest,
    /// Bytes of the blob.
    pub(crate) size: u64,
    /// The layer on top of those below it.
    pub(crate) chain: ChainId,
    /// When the step ran, RFC 3339: history keeps it, so that an unchanged rebuild gives the same image ID.
    pub(crate) created: String,
}

impl LayerRecord {
    pub(crate) fn new(layer: Digest, size: u64, chain: ChainId, created: String) -> Self {
        Self { schema: SCHEMA, layer, size, chain, created }
    }
}

/// The content digest of files selected from a tree that never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ContentRecord {
    schema: u32,
    /// BLAKE3, hex.
    pub(crate) content: String,
}

impl ContentRecord {
    pub(crate) fn new(content: String) -> Self {
        Self { schema: SCHEMA, content }
    }
}

/// The cache of one store root, held by one build.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
    _lock: File,
}

impl Cache {
    /// Opens the cache, making it when missing, and sweeps what killed builds left.
    pub(crate) fn open(dir: &Path) -> Result<Self> {
        let partial = dir.join("partial");
        fs::create_dir_all(&partial).map_err(failed("create", &partial))?;
        let path = dir.join("lock");
        let lock =
            File::options().create(true).truncate(false).write(true).open(&path).map_err(failed("open", &path))?;
        if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
            sweep(&partial)?;
        }
        flock(&lock, FlockOperation::LockShared).map_err(|errno| failed("lock", &path)(errno.into()))?;
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// A place for this build's own temporary files: swept when the build is killed.
    pub(crate) fn partial(&self) -> PathBuf {
        self.dir.join("partial")
    }

    /// The record of a key. A damaged one is as good as none.
    pub(crate) fn get<T: DeserializeOwned>(&self, key: &CacheKey) -> Option<T> {
        read_record(&self.path(key))
    }

    /// Writes a record, whole or not at all.
    pub(crate) fn put<T: Serialize>(&self, key: &CacheKey, record: &T) -> Result<()> {
        let path = self.path(key);
        let write = || -> io::Result<()> {
            let mut file = NamedTempFile::new_in(self.partial())?;
            serde_json::to_writer(&mut file, record)?;
            file.flush()?;
            file.as_file().sync_data()?;
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            file.persist(&path)?;
            Ok(())
        };
        write().map_err(failed("write", &path))
    }

    fn path(&self, key: &CacheKey) -> PathBuf {
        let hex = key.to_string();
        self.dir.join(&hex[..2]).join(&hex)
    }
}

/// A layer that a record names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct CachedLayer {
    /// Its blob in the store.
    pub(crate) blob: Digest,
    /// Its snapshot: the layer on top of those below it.
    pub(crate) chain: ChainId,
}

/// The layers that the records name, each once. An absent cache names none.
pub(crate) fn layers(dir: &Path) -> Result<Vec<CachedLayer>> {
    let mut layers: Vec<CachedLayer> = records(dir)?
        .iter()
        .filter_map(|path| read_record::<LayerRecord>(path))
        .map(|record| CachedLayer { blob: record.layer, chain: record.chain })
        .collect();
    layers.sort_unstable();
    layers.dedup();
    Ok(layers)
}

/// Blobs that the records need: what garbage collection must keep for later builds.
pub fn roots(dir: &Path) -> Result<Vec<Digest>> {
    let mut blobs: Vec<Digest> = layers(dir)?.iter().map(|layer| layer.blob).collect();
    blobs.dedup();
    Ok(blobs)
}

/// Forgets everything; gives the number of records removed. Builds under way go on, and miss.
pub fn prune(dir: &Path) -> Result<usize> {
    let records = records(dir)?;
    for path in &records {
        remove(path)?;
    }
    Ok(records.len())
}

fn records(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for shard in list(dir)? {
        let is_shard = shard
            .file_name()
            .is_some_and(|name| name.len() == 2 && name.as_encoded_bytes().iter().all(u8::is_ascii_hexdigit));
        if is_shard {
            paths.extend(list(&shard)?);
        }
    }
    Ok(paths)
}

fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("read", dir))?,
    };
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed("read", dir))).collect()
}

fn read_record<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let file = File::open(path).ok()?;
    if file.metadata().ok()?.len() > RECORD_LIMIT {
        return None;
    }
    let value: serde_json::Value = serde_json::from_reader(file).ok()?;
    if value.get("schema")?.as_u64()? != u64::from(SCHEMA) {
        return None;
    }
    serde_json::from_value(value).ok()
}

fn sweep(partial: &Path) -> Result<()> {
    for path in list(partial)? {
        remove(&path)?;
    }
    Ok(())
}

/// Removes a file that may be gone already.
fn remove(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

fn failed(operation: &'static str, path: &Path) -> impl Fn(io::Error) -> CacheError + use<> {
    let path = path.to_owned();
    move |source| CacheError { operation, path: path.clone(), source }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::key::KeyWriter;

    fn record() -> LayerRecord {
        LayerRecord::new(
            Digest::from_bytes([7; 32]),
            1024,
            ChainId::from_bytes([8; 32]),
            "2024-01-02T03:04:05Z".to_owned(),
        )
    }

    #[test]
    fn a_record_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyWriter::new("run").finish();
        let cache = Cache::open(dir.path()).unwrap();
        assert_eq!(cache.get::<LayerRecord>(&key), None);
        cache.put(&key, &record()).unwrap();
        assert_eq!(cache.get(&key), Some(record()));
        assert_eq!(roots(dir.path()).unwrap(), [Digest::from_bytes([7; 32])]);
        assert_eq!(prune(dir.path()).unwrap(), 1);
        assert_eq!(cache.get::<LayerRecord>(&key), None);
    }

    #[test]
    fn a_damaged_record_is_no_hit() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path()).unwrap();
        let key = KeyWriter::new("run").finish();
        cache.put(&key, &record()).unwrap();
        for damage in ["", "{", "{\"schema\":2}", "[]"] {
            fs::write(cache.path(&key), damage).unwrap();
            assert_eq!(cache.get::<LayerRecord>(&key), None, "{damage}");
            assert!(roots(dir.path()).unwrap().is_empty(), "{damage}");
        }
    }

    #[test]
    fn leftovers_of_killed_builds_are_swept_unless_another_build_lives() {
        let dir = tempfile::tempdir().unwrap();
        let first = Cache::open(dir.path()).unwrap();
        let leftover = first.partial().join("leftover");
        fs::write(&leftover, "").unwrap();
        let second = Cache::open(dir.path()).unwrap();
        assert!(leftover.exists());
        drop((first, second));
        Cache::open(dir.path()).unwrap();
        assert!(!leftover.exists());
    }

    #[test]
    fn a_cache_that_is_not_there_needs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(roots(&dir.path().join("cache")).unwrap().is_empty());
        assert_eq!(prune(&dir.path().join("cache")).unwrap(), 0);
    }
}
