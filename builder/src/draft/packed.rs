//! Where in a layer each file's content lies, so that the next layer of the same step takes what did not change from there: one
//! large file is read faster than thousands of small ones.
//!
//! ```text
//! <root>/cache/packs/<step, hashed>
//!   magic             24 bytes
//!   digest            of the layer
//!   entry ...         BLAKE3 of a content, its offset in the layer: 40 bytes each
//! ```
//!
//! Nothing of it is trusted: what is read is hashed again, and what is not right is read from its source.

use std::{collections::HashMap, fs::File, io, os::unix::fs::FileExt as _, path::Path};

use strata_image::{Digest, Store};

use crate::{
    cache::{read_whole, write_whole},
    selection::ContentHash,
};

const MAGIC: &[u8; 24] = b"strata packed contents 1";
const DIGEST: usize = 32;
const ENTRY: usize = 40;
/// Entries of one layer; with them the file has 40 MB.
const MAX_ENTRIES: usize = 1_000_000;
/// Bytes of the layer that are read at once: contents that follow each other there mostly follow each other again.
const WINDOW: usize = 1 << 20;

/// The contents of a layer that is in the store.
pub(crate) struct Packed {
    layer: File,
    offsets: HashMap<ContentHash, u64>,
    window: Vec<u8>,
    window_start: u64,
}

impl Packed {
    /// Opens what is known of a layer; `None` when nothing is, or the layer is gone.
    pub(crate) fn open(path: &Path, store: &Store) -> Option<Self> {
        let bytes = read_whole(path, (MAGIC.len() + DIGEST + MAX_ENTRIES * ENTRY) as u64)?;
        let (digest, entries) = bytes.strip_prefix(MAGIC)?.split_at_checked(DIGEST)?;
        let layer = File::open(store.blob_path(&Digest::from_bytes(digest.try_into().ok()?))).ok()?;
        let entry = |bytes: &[u8]| {
            let (hash, offset) = bytes.split_at_checked(32)?;
            Some((hash.try_into().ok()?, u64::from_le_bytes(offset.try_into().ok()?)))
        };
        let offsets = entries.chunks_exact(ENTRY).map(entry).collect::<Option<_>>()?;
        Some(Self { layer, offsets, window: Vec::new(), window_start: 0 })
    }

    /// The content of that hash, if it is there and is what it should be.
    pub(crate) fn get(&mut self, content: &ContentHash, size: usize) -> Option<Vec<u8>> {
        let offset = *self.offsets.get(content)?;
        if size > WINDOW {
            return None;
        }
        let mut start = usize::try_from(offset.checked_sub(self.window_start).unwrap_or(u64::MAX)).ok()?;
        if start.checked_add(size).is_none_or(|end| end > self.window.len()) {
            self.fill(offset).ok()?;
            start = 0;
        }
        let bytes = self.window.get(start..start + size)?;
        (blake3::hash(bytes).as_bytes() == content).then(|| bytes.to_vec())
    }

    fn fill(&mut self, offset: u64) -> io::Result<()> {
        self.window.resize(WINDOW, 0);
        let mut filled = 0;
        while filled < WINDOW {
            match self.layer.read_at(&mut self.window[filled..], offset + filled as u64)? {
                0 => break,
                read => filled += read,
            }
        }
        self.window.truncate(filled);
        self.window_start = offset;
        Ok(())
    }
}

/// Notes where the contents of a new layer lie. What cannot be noted costs time only.
pub(crate) fn note(path: &Path, partial: &Path, layer: Digest, contents: &[(ContentHash, u64)]) {
    if contents.is_empty() || contents.len() > MAX_ENTRIES {
        return;
    }
    let mut bytes = Vec::with_capacity(MAGIC.len() + DIGEST + contents.len() * ENTRY);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(layer.as_bytes());
    for (content, offset) in contents {
        bytes.extend_from_slice(content);
        bytes.extend_from_slice(&offset.to_le_bytes());
    }
    // without it the next layer of this step is packed from its sources
    let _ = write_whole(partial, path, &bytes);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn only_what_is_what_it_should_be_is_taken_from_an_earlier_layer() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("root")).unwrap();
        let layer = store.put(b"header one header two").unwrap();
        let hash = |bytes: &[u8]| *blake3::hash(bytes).as_bytes();
        let path = dir.path().join("packs/step");
        note(&path, dir.path(), layer, &[(hash(b"one"), 7), (hash(b"two"), 18), (hash(b"other"), 7)]);
        let mut packed = Packed::open(&path, &store).unwrap();
        assert_eq!(packed.get(&hash(b"two"), 3).as_deref(), Some(b"two".as_slice()));
        assert_eq!(packed.get(&hash(b"one"), 3).as_deref(), Some(b"one".as_slice()));
        // another content there, one that would end behind the layer, and one that nobody noted
        assert_eq!(packed.get(&hash(b"other"), 5), None);
        assert_eq!(packed.get(&hash(b"two"), 30), None);
        assert_eq!(packed.get(&hash(b"three"), 5), None);
        std::fs::write(&path, MAGIC).unwrap();
        assert!(Packed::open(&path, &store).is_none());
    }
}
