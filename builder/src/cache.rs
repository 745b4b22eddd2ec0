//! The build cache: one small JSON record for each key, in `<root>/cache/<2 hex>/<64 hex>`.
//!
//! A record names the layer that a step made; the layer itself lies in the store, and a record whose layer is gone is no hit.
//! A step of a stage that is no part of the image leaves a snapshot only: its record stays good when that is gone, as long as
//! nothing asks for the files. Records are written into `<root>/cache/partial/` and renamed. Every build holds
//! `<root>/cache/lock` shared; who gets it exclusively knows that no other build lives, and sweeps `partial/`.
//!
//! Beside the records lie `steps/` (why steps ran again), `contexts/` (what files of contexts hold), `packs/` (where layers hold
//! it), `times/` (fractions of a second that layers leave out), `mounts/` (cache mounts), `http/` and `git/` (what was fetched).
//! [`usage`](usage()) measures all of it, and [`Limit`] keeps it within bounds.

mod durations;
pub(crate) mod entries;
pub(crate) mod limit;
pub(crate) mod prune;
mod record;
mod transfer;
mod usage;

use std::{
    fs::{self, File},
    io::{self, Read as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use rustix::fs::{FlockOperation, flock};
use serde::{Serialize, de::DeserializeOwned};
use strata_image::{ChainId, Digest, Store};
use tempfile::NamedTempFile;

use crate::key::CacheKey;
pub use durations::Durations;
pub use entries::Kind;
pub use limit::Limit;
pub use prune::Keep;
pub(crate) use record::{ContentRecord, LayerBlob, LayerRecord, Records};
use transfer::Imported;
pub use transfer::{CacheMode, CacheTarget};
pub use usage::{Usage, usage};

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

/// What is known of steps that ran.
pub(crate) const STEPS: &str = "steps";
/// Where layers of steps hold what.
pub(crate) const PACKS: &str = "packs";
/// What is known of the files of contexts.
pub(crate) const CONTEXTS: &str = "contexts";

/// Keeps what lies in `partial/` from being swept by the builds that follow.
#[derive(Debug)]
pub struct Hold(#[expect(dead_code, reason = "the lock goes when it is closed")] File);

/// Holds the cache for whoever puts something into `partial/` before a build begins, as contexts that are fetched do. What
/// killed builds left there is swept.
///
/// # Errors
/// The cache cannot be made, locked or swept.
pub fn hold(dir: &Path) -> Result<Hold> {
    let partial = dir.join("partial");
    fs::create_dir_all(&partial).map_err(failed("create", &partial))?;
    lock(dir, &partial).map(Hold)
}

/// The cache of one store root, held by one build.
#[derive(Debug)]
pub(crate) struct Cache {
    dir: PathBuf,
    /// Caches of other machines, asked after our own.
    imported: Vec<Imported>,
    /// The records that this build found or wrote, and those that go with it; `None` where nobody wants them.
    used: Option<Records>,
    _lock: File,
}

impl Cache {
    /// Opens the cache, making it when missing, and sweeps what killed builds left.
    pub(crate) fn open(dir: &Path, from: &[PathBuf], used: Option<Records>) -> Result<Self> {
        let partial = dir.join("partial");
        fs::create_dir_all(&partial).map_err(failed("create", &partial))?;
        let lock = lock(dir, &partial)?;
        let mut imported = Vec::new();
        for path in from {
            imported.extend(Imported::open(path)?);
        }
        Ok(Self { dir: dir.to_owned(), imported, used, _lock: lock })
    }

    /// A place for this build's own temporary files: swept when the build is killed.
    pub(crate) fn partial(&self) -> PathBuf {
        self.dir.join("partial")
    }

    /// The record of a key. A damaged one is as good as none.
    pub(crate) fn get<T: DeserializeOwned + Serialize>(&self, key: &CacheKey) -> Option<T> {
        let name = key.to_string();
        let own = || record::of_value(self.used.as_ref()?.locked().get(&name)?.clone());
        let other = || self.imported.iter().find_map(|imported| record::of_value(imported.get(&name)?.clone()));
        let found = own().or_else(|| record::read(&self.path(key))).or_else(other)?;
        self.note(name, &found);
        Some(found)
    }

    /// Whether a layer is in the store, brought there from another machine's cache if need be.
    pub(crate) fn holds(&self, store: &Store, layer: LayerBlob) -> Result<bool> {
        if store.contains(&layer.digest) {
            return Ok(true);
        }
        for imported in &self.imported {
            if imported.bring(store, layer)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Writes the records that this build used into directories, with their layers.
    pub(crate) fn export(&self, targets: &[CacheTarget], store: &Store, image: &[Digest]) -> Result<()> {
        let Some(used) = &self.used else { return Ok(()) };
        for target in targets {
            let used = used.locked().clone();
            let is_wanted = |record: &serde_json::Value| match record::of_value::<LayerRecord>(record.clone()) {
                Some(LayerRecord { layer: Some(layer), .. }) => {
                    target.mode == CacheMode::Max || image.contains(&layer.digest)
                }
                Some(_) => false,
                None => true,
            };
            let records = used.into_iter().filter(|(_, record)| is_wanted(record)).collect();
            transfer::export(&target.path, records, store)?;
        }
        Ok(())
    }

    /// Keeps a record that another machine's cache had.
    pub(crate) fn adopt<T: Serialize>(&self, key: &CacheKey, record: &T) -> Result<()> {
        if self.imported.is_empty() || self.path(key).exists() { Ok(()) } else { self.put(key, record) }
    }

    fn note(&self, key: String, record: &impl Serialize) {
        if let Some(used) = &self.used
            && let Ok(value) = serde_json::to_value(record)
        {
            used.locked().insert(key, value);
        }
    }

    /// Writes a record, whole or not at all.
    pub(crate) fn put<T: Serialize>(&self, key: &CacheKey, record: &T) -> Result<()> {
        let path = self.path(key);
        self.note(key.to_string(), record);
        let bytes = serde_json::to_vec(record).map_err(|error| failed("write", &path)(error.into()))?;
        // not synced: what a crash cuts short is a damaged record, and as good as none
        write_whole(&self.partial(), &path, &bytes).map_err(failed("write", &path))
    }

    /// The cache's own directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    fn path(&self, key: &CacheKey) -> PathBuf {
        let hex = key.to_string();
        self.dir.join(&hex[..2]).join(&hex)
    }
}

/// What the records need: blobs in the store, and snapshots by name.
#[derive(Debug, Default)]
pub(crate) struct Needed {
    pub(crate) blobs: Vec<Digest>,
    pub(crate) snapshots: Vec<ChainId>,
}

/// What the records need, each once. An absent cache needs nothing.
pub(crate) fn needed(dir: &Path) -> Result<Needed> {
    let mut needed = Needed::default();
    for record in records(dir)?.iter().filter_map(|path| record::peek::<LayerRecord>(path)) {
        needed.blobs.extend(record.layer.map(|layer| layer.digest));
        needed.snapshots.push(record.identity);
    }
    needed.blobs.sort_unstable();
    needed.blobs.dedup();
    Ok(needed)
}

/// Blobs that the records need: what garbage collection must keep for later builds.
pub fn roots(dir: &Path) -> Result<Vec<Digest>> {
    Ok(needed(dir)?.blobs)
}

/// The fractions of times that layers leave out.
pub(crate) const TIMES: &str = "times";
/// What `--mount=type=cache` shows.
pub(crate) const MOUNTS: &str = "mounts";

/// Locks the cache for whoever is alone with it; `None` while a build lives.
pub(crate) fn alone(dir: &Path) -> Result<Option<File>> {
    let path = dir.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed("open", &path))?;
    Ok(flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok().then_some(lock))
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

/// What is in a directory; nothing when it is not there.
pub(crate) fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed("read", dir))?,
    };
    entries.map(|entry| entry.map(|entry| entry.path()).map_err(failed("read", dir))).collect()
}

/// Shares the lock, having swept what killed builds left if nobody else had it.
fn lock(dir: &Path, partial: &Path) -> Result<File> {
    let path = dir.join("lock");
    let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed("open", &path))?;
    if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
        sweep(partial)?;
    }
    flock(&lock, FlockOperation::LockShared).map_err(|errno| failed("lock", &path)(errno.into()))?;
    Ok(lock)
}

fn sweep(partial: &Path) -> Result<()> {
    for path in list(partial)? {
        if path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            // checkouts, contexts and sockets
            fs::remove_dir_all(&path).map_err(failed("remove", &path))?;
        } else {
            remove(&path)?;
        }
    }
    Ok(())
}

/// Writes a file of the cache by way of `partial`: a reader sees the whole file or none.
pub(crate) fn write_whole(partial: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = NamedTempFile::new_in(partial)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

/// Reads a file of the cache, which is used by that; `None` when it is not there, or longer than such a file can be.
pub(crate) fn read_whole(path: &Path, limit: u64) -> Option<Vec<u8>> {
    let file = File::open(path).ok()?;
    note_use(&file);
    read_limited(&file, limit)
}

/// How exactly it is known when something was last used: often enough to tell builds apart, and no write for each read.
const USE_INTERVAL: Duration = Duration::from_secs(60);

/// Notes that something of the cache is used now, as the time of its file. That it cannot be noted is no harm: it goes sooner.
pub(crate) fn note_use(file: &File) {
    let now = SystemTime::now();
    let is_new = |time: SystemTime| now.duration_since(time).is_ok_and(|age| age < USE_INTERVAL);
    if !file.metadata().and_then(|metadata| metadata.modified()).is_ok_and(is_new) {
        let _ = file.set_modified(now);
    }
}

fn read_limited(file: &File, limit: u64) -> Option<Vec<u8>> {
    let length = file.metadata().ok()?.len();
    if length > limit {
        return None;
    }
    let mut bytes = Vec::with_capacity(usize::try_from(length).ok()?);
    file.take(limit).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// Removes a file that may be gone already.
pub(crate) fn remove(path: &Path) -> Result<()> {
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
        let layer = LayerBlob { digest: Digest::from_bytes([7; 32]), size: 1024 };
        LayerRecord::new(ChainId::from_bytes([8; 32]), Some(layer), "2024-01-02T03:04:05Z".to_owned())
    }

    #[test]
    fn a_record_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyWriter::new("run").finish();
        let cache = Cache::open(dir.path(), &[], None).unwrap();
        assert_eq!(cache.get::<LayerRecord>(&key), None);
        cache.put(&key, &record()).unwrap();
        assert_eq!(cache.get(&key), Some(record()));
        assert_eq!(roots(dir.path()).unwrap(), [Digest::from_bytes([7; 32])]);
    }

    #[test]
    fn a_record_that_a_build_finds_is_used_and_one_that_is_looked_at_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyWriter::new("run").finish();
        let cache = Cache::open(dir.path(), &[], None).unwrap();
        cache.put(&key, &record()).unwrap();
        let path = cache.path(&key);
        let long_ago = SystemTime::now() - Duration::from_secs(100_000);
        let is_old = || path.metadata().unwrap().modified().unwrap() == long_ago;
        File::open(&path).unwrap().set_modified(long_ago).unwrap();
        assert_eq!(roots(dir.path()).unwrap().len(), 1);
        assert!(is_old());
        assert!(cache.get::<LayerRecord>(&key).is_some());
        assert!(!is_old());
    }

    #[test]
    fn builds_that_belong_together_find_what_the_first_of_them_found() {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyWriter::new("run").finish();
        let records = Records::default();
        let other = LayerRecord::new(ChainId::from_bytes([9; 32]), None, String::new());
        Cache::open(dir.path(), &[], Some(records.clone())).unwrap().put(&key, &record()).unwrap();
        Cache::open(dir.path(), &[], None).unwrap().put(&key, &other).unwrap();
        assert_eq!(Cache::open(dir.path(), &[], Some(records)).unwrap().get(&key), Some(record()));
        assert_eq!(Cache::open(dir.path(), &[], None).unwrap().get(&key), Some(other));
    }

    #[test]
    fn a_damaged_record_is_no_hit() {
        let dir = tempfile::tempdir().unwrap();
        let cache = Cache::open(dir.path(), &[], None).unwrap();
        let key = KeyWriter::new("run").finish();
        cache.put(&key, &record()).unwrap();
        for damage in ["", "{", "{\"schema\":1}", "[]"] {
            fs::write(cache.path(&key), damage).unwrap();
            assert_eq!(cache.get::<LayerRecord>(&key), None, "{damage}");
            assert!(roots(dir.path()).unwrap().is_empty(), "{damage}");
        }
    }

    #[test]
    fn leftovers_of_killed_builds_are_swept_unless_another_build_lives() {
        let dir = tempfile::tempdir().unwrap();
        let first = Cache::open(dir.path(), &[], None).unwrap();
        let leftover = first.partial().join("leftover");
        fs::write(&leftover, "").unwrap();
        let second = Cache::open(dir.path(), &[], None).unwrap();
        assert!(leftover.exists());
        drop((first, second));
        Cache::open(dir.path(), &[], None).unwrap();
        assert!(!leftover.exists());
    }

    #[test]
    fn a_cache_that_is_not_there_needs_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert!(roots(&dir.path().join("cache")).unwrap().is_empty());
    }
}
