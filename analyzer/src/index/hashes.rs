//! Keeps the hashes of contents, and makes those of small ones, by the dozen, in a thread of its own.
//!
//! ```text
//! small contents ─► batch of 256 KiB ═► thread: BLAKE3 of each ═► hashes by the number of the file
//!                     └───────────── the same memory again ◄──┘
//! ```
//!
//! BLAKE3 is fast on long contents, whose parts it hashes side by side: these are hashed as they come by. A short one costs
//! about as much as reading its entry, so that the two share the work.

use std::{
    sync::mpsc::{self, Receiver, SyncSender},
    thread::{self, JoinHandle},
};

use super::ContentHash;

/// Bytes of the largest content that goes into a batch.
const MAX_SMALL: u64 = 32 << 10;
/// Bytes of a batch: enough to hash for a tenth of a millisecond.
const BATCH: usize = 256 << 10;
/// Batches that wait for the thread: so many that three threads keep two processors busy, whichever of them has to wait.
const WAITING: usize = 8;

/// Hashes the contents of one layer, one after the other.
#[derive(Default)]
pub(super) struct Hashes {
    done: Vec<ContentHash>,
    batch: Batch,
    /// Batches that were hashed, for their memory.
    spare: Vec<Batch>,
    /// Begun with the first batch that is full.
    thread: Option<Hashing>,
}

/// Contents end to end, and the hashes of those that have one.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// The number of each file, and where its content ends.
    files: Vec<(usize, usize)>,
    hashes: Vec<ContentHash>,
}

struct Hashing {
    batches: SyncSender<Batch>,
    hashed: Receiver<Batch>,
    handle: JoinHandle<()>,
}

impl Hashes {
    /// Whether a content of so many bytes goes into a batch.
    pub(super) fn is_small(size: u64) -> bool {
        size <= MAX_SMALL
    }

    /// Gives room for the content of the next file, which is small; it is to be filled before the next one begins.
    pub(super) fn small(&mut self, size: u64) -> &mut [u8] {
        if self.batch.bytes.len() >= BATCH {
            let next = self.spare.pop().unwrap_or_default();
            let full = std::mem::replace(&mut self.batch, next);
            self.send(full);
        }
        let Batch { bytes, files, .. } = &mut self.batch;
        let start = bytes.len();
        bytes.resize(start + usize::try_from(size).unwrap_or(usize::MAX), 0);
        files.push((self.done.len(), bytes.len()));
        self.done.push([0; 32]);
        &mut bytes[start..]
    }

    /// Takes the hash of the next file, which is large.
    pub(super) fn large(&mut self, hash: ContentHash) {
        self.done.push(hash);
    }

    /// The hashes of all files, in their order.
    pub(super) fn finish(mut self) -> Vec<ContentHash> {
        let mut rest = std::mem::take(&mut self.batch);
        rest.hash();
        self.take(rest);
        if let Some(Hashing { batches, hashed, handle }) = self.thread.take() {
            drop(batches);
            for batch in hashed {
                self.take(batch);
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
        if let Some(mut batch) = refused {
            batch.hash();
            self.take(batch);
        }
        while let Some(batch) = self.thread.as_ref().and_then(|thread| thread.hashed.try_recv().ok()) {
            self.take(batch);
        }
    }

    fn take(&mut self, mut batch: Batch) {
        for (&(file, _), hash) in batch.files.iter().zip(&batch.hashes) {
            self.done[file] = *hash;
        }
        batch.bytes.clear();
        batch.files.clear();
        self.spare.push(batch);
    }
}

impl Hashing {
    /// `None` when the system has no thread to give.
    fn begin() -> Option<Self> {
        let (batches, waiting) = mpsc::sync_channel::<Batch>(WAITING);
        let (answer, hashed) = mpsc::channel();
        let work = move || {
            for mut batch in waiting {
                batch.hash();
                if answer.send(batch).is_err() {
                    return;
                }
            }
        };
        let handle = thread::Builder::new().name("hash".to_owned()).spawn(work).ok()?;
        Some(Self { batches, hashed, handle })
    }
}

impl Batch {
    fn hash(&mut self) {
        let mut start = 0;
        self.hashes.clear();
        self.hashes.extend(self.files.iter().map(|&(_, end)| {
            let hash = blake3::hash(&self.bytes[start..end]);
            start = end;
            *hash.as_bytes()
        }));
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
            match content.len() as u64 {
                size if Hashes::is_small(size) => hashes.small(size).copy_from_slice(content),
                _ => hashes.large(*blake3::hash(content).as_bytes()),
            }
        }
        let expected: Vec<ContentHash> = contents.iter().map(|content| *blake3::hash(content).as_bytes()).collect();
        assert!(hashes.finish() == expected);
    }
}
