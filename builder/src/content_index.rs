//! What the files of a context hold, remembered from build to build, so that an unchanged file costs one `stat`.
//!
//! ```text
//! <root>/cache/contexts/<device and inode of the context, hashed>
//!   magic            24 bytes
//!   checksum         BLAKE3 of all that follows
//!   entry ...        device, inode, size, modified (s, ns), changed (s, ns), BLAKE3 of the content: 80 bytes each
//! ```
//!
//! A file counts as unchanged when everything but its content is as it was. What was changed within a tick of the clock before
//! it was read could be changed again without its times showing it, so such a file is not remembered (git's rule for its
//! index). Nothing of it is trusted for what goes into an image: packing reads the files and compares their times once more.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::Mutex,
};

use strata_image::Timestamp;

use crate::{
    cache::{CONTEXTS, read_whole, write_whole},
    selection::{ContentHash, Stamp},
};

const MAGIC: &[u8; 24] = b"strata context index 1\n\0";
const CHECKSUM: usize = 32;
const ENTRY: usize = 80;

/// The clock that file times come from moves in ticks of at most 10 ms (`CONFIG_HZ=100`); twice that is kept clear of.
const TICK: i64 = 20_000_000;

/// Entries of one context: more than any real one has; with them the file has 320 MB.
const MAX_ENTRIES: usize = 4_000_000;

/// The remembered contents of one context.
pub(crate) struct ContentIndex {
    path: PathBuf,
    partial: PathBuf,
    known: HashMap<(u64, u64), (Stamp, ContentHash)>,
    added: Mutex<Vec<(Stamp, ContentHash)>>,
    /// When this build began to look: in nanoseconds of the epoch.
    began: i128,
}

impl ContentIndex {
    /// Opens the index of the context whose root directory has this device and inode. One that is missing or damaged is
    /// empty.
    pub(crate) fn open(cache: &Path, root: (u64, u64)) -> Self {
        let began = Timestamp::now();
        let mut name = blake3::Hasher::new();
        name.update(&root.0.to_le_bytes()).update(&root.1.to_le_bytes());
        let path = cache.join(CONTEXTS).join(name.finalize().to_hex().as_str());
        let known = read(&path).unwrap_or_default();
        let known = known.into_iter().map(|entry| ((entry.0.device, entry.0.inode), entry)).collect();
        Self {
            path,
            partial: cache.join("partial"),
            known,
            added: Mutex::default(),
            began: i128::from(began.seconds) * 1_000_000_000 + i128::from(began.nanoseconds),
        }
    }

    /// The content of a file that is as it was.
    pub(crate) fn get(&self, stamp: &Stamp) -> Option<ContentHash> {
        let (known, hash) = self.known.get(&(stamp.device, stamp.inode))?;
        (known == stamp).then_some(*hash)
    }

    /// Remembers the content of a file, unless it was changed so late that another change might not show.
    pub(crate) fn put(&self, stamp: Stamp, hash: ContentHash) {
        let changed = i128::from(stamp.changed.0) * 1_000_000_000 + i128::from(stamp.changed.1);
        if changed + i128::from(TICK) < self.began
            && let Ok(mut added) = self.added.lock()
        {
            added.push((stamp, hash));
        }
    }

    /// Writes what is new. An index that cannot be written costs time only, so that failing is no error.
    pub(crate) fn save(&self) {
        let Ok(mut added) = self.added.lock() else { return };
        if added.is_empty() {
            return;
        }
        let mut entries = self.known.clone();
        entries.extend(added.drain(..).map(|entry| ((entry.0.device, entry.0.inode), entry)));
        if entries.len() <= MAX_ENTRIES {
            let _ = self.write(entries.values());
        }
    }

    fn write<'e>(&self, entries: impl Iterator<Item = &'e (Stamp, ContentHash)>) -> io::Result<()> {
        let mut body = Vec::new();
        for (stamp, hash) in entries {
            for number in [stamp.device, stamp.inode, stamp.size] {
                body.extend_from_slice(&number.to_le_bytes());
            }
            for (seconds, nanoseconds) in [stamp.modified, stamp.changed] {
                body.extend_from_slice(&seconds.to_le_bytes());
                body.extend_from_slice(&nanoseconds.to_le_bytes());
            }
            body.extend_from_slice(hash);
        }
        let checksum = blake3::hash(&body);
        write_whole(&self.partial, &self.path, &[MAGIC.as_slice(), checksum.as_bytes(), &body].concat())
    }
}

fn read(path: &Path) -> Option<Vec<(Stamp, ContentHash)>> {
    let bytes = read_whole(path, (MAGIC.len() + CHECKSUM + MAX_ENTRIES * ENTRY) as u64)?;
    let (checksum, body) = bytes.strip_prefix(MAGIC)?.split_at_checked(CHECKSUM)?;
    if blake3::hash(body).as_bytes() != checksum || body.len() % ENTRY != 0 {
        return None;
    }
    body.chunks_exact(ENTRY).map(entry).collect()
}

fn entry(bytes: &[u8]) -> Option<(Stamp, ContentHash)> {
    let long = |at: usize| Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
    let time = |at: usize| {
        let seconds = i64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?);
        Some((seconds, u32::from_le_bytes(bytes.get(at + 8..at + 12)?.try_into().ok()?)))
    };
    let stamp = Stamp { device: long(0)?, inode: long(8)?, size: long(16)?, modified: time(24)?, changed: time(36)? };
    Some((stamp, bytes.get(48..80)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use super::*;

    fn stamp(inode: u64, changed: i64) -> Stamp {
        Stamp { device: 1, inode, size: 3, modified: (5, 6), changed: (changed, 7) }
    }

    fn cache() -> tempfile::TempDir {
        let cache = tempfile::tempdir().unwrap();
        fs::create_dir(cache.path().join("partial")).unwrap();
        cache
    }

    #[test]
    fn a_file_is_known_again_until_anything_of_it_changes() {
        let cache = cache();
        let index = ContentIndex::open(cache.path(), (1, 2));
        index.put(stamp(9, 100), [4; 32]);
        index.save();
        let index = ContentIndex::open(cache.path(), (1, 2));
        assert_eq!(index.get(&stamp(9, 100)), Some([4; 32]));
        assert_eq!(index.get(&stamp(9, 101)), None);
        assert_eq!(index.get(&Stamp { size: 4, ..stamp(9, 100) }), None);
        assert_eq!(index.get(&stamp(10, 100)), None);
        assert_eq!(ContentIndex::open(cache.path(), (1, 3)).get(&stamp(9, 100)), None);
    }

    #[test]
    fn what_changed_just_now_is_not_remembered() {
        let cache = cache();
        let index = ContentIndex::open(cache.path(), (1, 2));
        let now = Timestamp::now();
        index.put(Stamp { changed: (now.seconds, now.nanoseconds), ..stamp(9, 0) }, [4; 32]);
        index.save();
        assert_eq!(ContentIndex::open(cache.path(), (1, 2)).known.len(), 0);
    }

    #[test]
    fn a_damaged_index_is_empty() {
        let cache = cache();
        let index = ContentIndex::open(cache.path(), (1, 2));
        index.put(stamp(9, 100), [4; 32]);
        index.save();
        let path = index.path.clone();
        let whole = fs::read(&path).unwrap();
        for at in [0, 30, whole.len() - 1] {
            let mut damaged = whole.clone();
            damaged[at] ^= 1;
            fs::write(&path, damaged).unwrap();
            assert_eq!(ContentIndex::open(cache.path(), (1, 2)).get(&stamp(9, 100)), None);
        }
        fs::write(&path, &whole[..whole.len() - 1]).unwrap();
        assert_eq!(ContentIndex::open(cache.path(), (1, 2)).get(&stamp(9, 100)), None);
    }
}
