//! Everything that lies in the cache, as it is measured and removed: an entry goes as a whole or not at all.
//!
//! ```text
//! <root>/cache/ ─► entries: bytes of their own, when they were last used, and what they need ─► oldest first ─► removed
//!                                                                                    └─ goes with the last that needs it
//! ```
//!
//! When an entry was last used is the time of its file, which reading it sets ([`read_whole`](super::read_whole)).

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::SystemTime,
};

use rustix::fs::{FlockOperation, flock};
use strata_image::{ChainId, Digest};

use super::{CONTEXTS, LayerRecord, MOUNTS, PACKS, Result, STEPS, TIMES, failed, list, record, records, remove};
use crate::{fractions, remote};

/// What an entry of the cache is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// What steps made: records, with layers and snapshots that they name.
    Layers,
    /// Digests of what was copied from stages and images.
    Selections,
    /// What is known of steps, to explain why one runs again.
    Steps,
    /// Where layers hold the contents of files.
    Packs,
    /// What files of contexts hold.
    Contexts,
    /// Fractions of a second that layers leave out. They go with their layer.
    Times,
    /// Cache mounts.
    Mounts,
    /// Files that were fetched by http(s).
    Http,
    /// Repositories that were fetched.
    Git,
}

impl Kind {
    /// All there are, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Layers,
        Self::Selections,
        Self::Steps,
        Self::Packs,
        Self::Contexts,
        Self::Times,
        Self::Mounts,
        Self::Http,
        Self::Git,
    ];

    /// Its name, in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Layers => "layers",
            Self::Selections => "selections",
            Self::Steps => "steps",
            Self::Packs => "packs",
            Self::Contexts => "contexts",
            Self::Times => "times",
            Self::Mounts => "mounts",
            Self::Http => "http",
            Self::Git => "git",
        }
    }
}

/// What an entry needs and may share with others.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Resource {
    /// A layer in the store. Garbage collection removes it.
    Blob(Digest),
    /// A snapshot; the same.
    Snapshot(ChainId),
    /// A file of the cache. It goes with the last entry that needs it.
    File(PathBuf),
}

/// Something of the cache that is removed as a whole.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) kind: Kind,
    /// When a build used it last.
    pub(crate) used: SystemTime,
    /// On disk, by itself.
    pub(crate) bytes: u64,
    /// Files, or one directory.
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) needs: Vec<Resource>,
    /// Who holds it uses the entry.
    pub(crate) lock: Option<PathBuf>,
}

impl Entry {
    /// A file that is an entry by itself; `None` when it has gone meanwhile.
    pub(crate) fn of_file(kind: Kind, path: PathBuf) -> Result<Option<Self>> {
        let Some((used, bytes)) = stat(&path)? else { return Ok(None) };
        Ok(Some(Self { kind, used, bytes, paths: vec![path], needs: Vec::new(), lock: None }))
    }

    /// A directory that is locked while it is used. `used` is the file whose time says when it was last.
    pub(crate) fn of_directory(kind: Kind, path: PathBuf, lock: PathBuf) -> Result<Option<Self>> {
        let Some((used, _)) = stat(&lock)? else { return Ok(None) };
        let bytes = tree_bytes(&path)?;
        Ok(Some(Self { kind, used, bytes, paths: vec![path], needs: Vec::new(), lock: Some(lock) }))
    }

    /// Whether a build uses it now.
    pub(crate) fn is_in_use(&self) -> Result<bool> {
        Ok(matches!(self.hold()?, Hold::Others))
    }

    /// Removes it, unless a build uses it; gives whether it is gone.
    pub(crate) fn remove(&self) -> Result<bool> {
        let _held = match self.hold()? {
            Hold::Others => return Ok(false),
            Hold::Nobody => None,
            Hold::Ours(lock) => Some(lock),
        };
        for path in &self.paths {
            if self.lock.is_none() {
                remove(path)?;
                continue;
            }
            match fs::remove_dir_all(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed("remove", path)(error)),
                _ => {}
            }
        }
        Ok(true)
    }

    fn hold(&self) -> Result<Hold> {
        let Some(path) = &self.lock else { return Ok(Hold::Nobody) };
        let lock = match File::open(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Hold::Nobody),
            opened => opened.map_err(failed("open", path))?,
        };
        let is_ours = flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok();
        Ok(if is_ours { Hold::Ours(lock) } else { Hold::Others })
    }
}

/// Who has the lock of an entry.
enum Hold {
    Others,
    Nobody,
    Ours(File),
}

/// All entries of a cache, in no order. One that is not there has none.
pub(crate) fn entries(dir: &Path) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for path in records(dir)? {
        let record = record::peek::<LayerRecord>(&path);
        let kind = if record.is_some() { Kind::Layers } else { Kind::Selections };
        let needs = record.map(|record| needs(dir, &record)).unwrap_or_default();
        entries.extend(Entry::of_file(kind, path)?.map(|entry| Entry { needs, ..entry }));
    }
    for (kind, folder) in [(Kind::Packs, PACKS), (Kind::Contexts, CONTEXTS)] {
        for path in list(&dir.join(folder))? {
            entries.extend(Entry::of_file(kind, path)?);
        }
    }
    let mut steps: BTreeMap<PathBuf, Entry> = BTreeMap::new();
    for path in list(&dir.join(STEPS))? {
        // a step, and the files among its inputs
        let step = path.with_extension("");
        let Some(entry) = Entry::of_file(Kind::Steps, path)? else { continue };
        if let Some(other) = steps.get_mut(&step) {
            other.used = other.used.max(entry.used);
            other.bytes += entry.bytes;
            other.paths.extend(entry.paths);
        } else {
            steps.insert(step, entry);
        }
    }
    entries.extend(steps.into_values());
    for path in list(&dir.join(MOUNTS))? {
        entries.extend(Entry::of_directory(Kind::Mounts, path.clone(), path)?);
    }
    entries.extend(remote::entries(dir)?);
    Ok(entries)
}

fn needs(dir: &Path, record: &LayerRecord) -> Vec<Resource> {
    let mut needs = vec![Resource::Snapshot(record.identity)];
    if let Some(layer) = record.layer {
        needs.extend([Resource::Blob(layer.digest), Resource::File(fractions::place(dir, &layer.digest))]);
    }
    needs
}

/// Fractions of layers that no entry needs any more: a build that was killed, or one whose record was replaced, left them.
pub(crate) fn unneeded_times(dir: &Path, entries: &[Entry]) -> Result<Vec<Entry>> {
    let needed: std::collections::HashSet<&Resource> = entries.iter().flat_map(|entry| &entry.needs).collect();
    let mut unneeded = Vec::new();
    for path in list(&dir.join(TIMES))? {
        if !needed.contains(&Resource::File(path.clone())) {
            unneeded.extend(Entry::of_file(Kind::Times, path)?);
        }
    }
    Ok(unneeded)
}

/// Time and bytes on disk of what is at a path; `None` when it is gone.
pub(crate) fn stat(path: &Path) -> Result<Option<(SystemTime, u64)>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some((metadata.modified().map_err(failed("look up", path))?, metadata.blocks() * 512))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("look up", path)(error)),
    }
}

/// Bytes on disk of all files below a directory, as far as it can be looked into: steps make folders in cache mounts that
/// their owner alone may read.
fn tree_bytes(dir: &Path) -> Result<u64> {
    let mut bytes = 0;
    let mut open = vec![dir.to_owned()];
    while let Some(dir) = open.pop() {
        let paths = match list(&dir) {
            Err(error) if error.source.kind() == io::ErrorKind::PermissionDenied => continue,
            listed => listed?,
        };
        for path in paths {
            match fs::symlink_metadata(&path) {
                Ok(metadata) if metadata.is_dir() => open.push(path),
                Ok(metadata) => bytes += metadata.blocks() * 512,
                // builds go on meanwhile
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
                Err(error) => return Err(failed("look up", &path)(error)),
            }
        }
    }
    Ok(bytes)
}
