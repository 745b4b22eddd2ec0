//! Hashes contents: large ones as they come by, small ones by the dozen in a thread of its own.
//!
//! ```text
//! small contents ─► batch of 256 KiB ═► thread: BLAKE3 of each ═► hashes by the number of the file
//! ```
//!
//! BLAKE3 is fast on long contents, whose parts it hashes side by side. A short one costs about as much as reading its
//! entry, so that the two share the work.

use std::{
    sync::mpsc::{self, Receiver, SyncSender},
    thread::{self, JoinHandle},
};

use super::ContentHash;

/// Bytes of the largest content that goes into a batch.
const MAX_SMALL: u64 = 32 << 10;
/// Bytes of a batch: enough to hash for a tenth of a millisecond.
const BATCH: usize = 256 << 10;
/// Batches that wait for the thread: more would only be memory.
const WAITING: usize = 2;

/// Hashes the contents of one layer, one after the other.
#[derive(Default)]
pub(super) struct Hashes {
    done: Vec<ContentHash>,
    large: Option<blake3::Hasher>,
    batch: Batch,
    /// Begun with the first batch that is full.
    thread: Option<Hashing>,
}

/// Contents end to end.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// The number of each file, and where its content ends.
    files: Vec<(usize, usize)>,
}

struct Hashing {
    batches: SyncSender<Batch>,
    hashed: Receiver<Vec<(usize, ContentHash)>>,
    handle: JoinHandle<()>,
}

impl Hashes {
    /// Begins the content of the next file.
    pub(super) fn begin(&mut self, size: u64) {
        self.done.push([0; 32]);
        self.large = (size > MAX_SMALL).then(blake3::Hasher::new);
    }

    /// Takes the next bytes of it.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match &mut self.large {
            Some(hasher) => drop(hasher.update(bytes)),
            None => self.batch.bytes.extend_from_slice(bytes),
        }
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        let file = self.done.len() - 1;
        if let Some(hasher) = self.large.take() {
            self.done[file] = *hasher.finalize().as_bytes();
            return;
        }
        self.batch.files.push((file, self.batch.bytes.len()));
        if self.batch.bytes.len() >= BATCH {
            let batch = std::mem::take(&mut self.batch);
            self.send(batch);
        }
    }

    /// The hashes of all files, in their order.
    pub(super) fn finish(mut self) -> Vec<ContentHash> {
        let rest = std::mem::take(&mut self.batch);
        self.take(rest.hash());
        if let Some(Hashing { batches, hashed, handle }) = self.thread.take() {
            drop(batches);
            for hashes in hashed {
                self.take(hashes);
            }
            // it has answered every batch
            let _ = handle.join();
        }
        self.done.shrink_to_fit();
        self.done
    }

    fn send(&mut self, batch: Batch) {
        if self.thread.is_none() {
            self.thread = Hashing::begin();
        }
        let refused = match &self.thread {
            Some(thread) => thread.batches.send(batch).err().map(|error| error.0),
            None => Some(batch),
        };
        // without a thread it is done here
        if let Some(batch) = refused {
            self.take(batch.hash());
        }
        while let Some(hashes) = self.thread.as_ref().and_then(|thread| thread.hashed.try_recv().ok()) {
            self.take(hashes);
        }
    }

    fn take(&mut self, hashes: Vec<(usize, ContentHash)>) {
        for (file, hash) in hashes {
            self.done[file] = hash;
        }
    }
}

impl Hashing {
    /// `None` when the system has no thread to give.
    fn begin() -> Option<Self> {
        let (batches, waiting) = mpsc::sync_channel::<Batch>(WAITING);
        let (answer, hashed) = mpsc::channel();
        let work = move || {
            for batch in waiting {
                if answer.send(batch.hash()).is_err() {
                    return;
                }
            }
        };
        let handle = thread::Builder::new().name("hash".to_owned()).spawn(work).ok()?;
        Some(Self { batches, hashed, handle })
    }
}

impl Batch {
    fn hash(&self) -> Vec<(usize, ContentHash)> {
        let mut start = 0;
        let hash = |&(file, end): &(usize, usize)| {
            let hash = blake3::hash(&self.bytes[start..end]);
            start = end;
            (file, *hash.as_bytes())
        };
        self.files.iter().map(hash).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_of_all_sizes_have_their_hashes_in_their_order() {
        let sizes = [0, 1, 1000, 32 << 10, (32 << 10) + 1, 300_000, 0, 70_000, 1024];
        let sizes = sizes.iter().cycle().take(2000).copied();
        let contents: Vec<Vec<u8>> = sizes
            .zip(0_u32..)
            .map(|(size, number)| number.to_le_bytes().into_iter().cycle().take(size).collect())
            .collect();
        let mut hashes = Hashes::default();
        for content in &contents {
            hashes.begin(content.len() as u64);
            content.chunks(128 << 10).for_each(|chunk| hashes.update(chunk));
            hashes.end();
        }
        let expected: Vec<ContentHash> = contents.iter().map(|content| *blake3::hash(content).as_bytes()).collect();
        assert!(hashes.finish() == expected);
    }
}
