//! Keeps the hashes of contents, and makes those of small ones, by the dozen, in a thread of its own.
//!
//! ```text
//! small contents ─► batch of 256 KiB ═► thread: hash of each ═► hashes by the number of the file
//!                     └───────────── the same memory again ◄──┘
//! ```
//!
//! Long contents are hashed as they come by. A short one costs about as much as reading its entry, so that the two share the work.
//! Where there are two processors, of which the thread that reads ahead has one, a third thread has none: short contents are then
//! hashed where they lie, and are spared the way into a batch.

use std::{
    io::{self, BufRead},
    sync::mpsc::{self, Receiver, SyncSender, TrySendError},
    thread::{self, JoinHandle},
};

use strata_image::layer::LayerReader;

use super::{ContentHash, content_hash};

/// Bytes of the largest content that goes into a batch.
const MAX_SMALL: u64 = 32 << 10;
/// Bytes of a batch, room for any content that goes into one: enough to hash for a tenth of a millisecond.
const BATCH: usize = 256 << 10;
/// Batches that wait for the thread: so many that three threads keep two processors busy, whichever of them has to wait.
const WAITING: usize = 8;

/// Processors from which on one is left for the thread.
const MIN_PROCESSORS: usize = 3;

/// Hashes the contents of one layer, one after the other.
pub(super) struct Hashes {
    /// Whether there is to be a thread.
    is_shared: bool,
    done: Vec<ContentHash>,
    batch: Option<Batch>,
    /// Batches that were hashed, for their memory.
    spare: Vec<Batch>,
    /// Begun with the first batch that is full.
    thread: Option<Hashing>,
}

/// Contents end to end, and the hashes of those that have one.
struct Batch {
    bytes: Box<[u8]>,
    filled: usize,
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
    pub(super) fn new() -> Self {
        Self::shared(rayon::current_num_threads() >= MIN_PROCESSORS)
    }

    fn shared(is_shared: bool) -> Self {
        Self { is_shared, done: Vec::new(), batch: None, spare: Vec::new(), thread: None }
    }

    /// Whether a content of so many bytes goes into a batch.
    pub(super) fn is_small(size: u64) -> bool {
        size <= MAX_SMALL
    }

    /// Gives the content of the next file, which is small, where it is to be hashed in its place.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn peek<'r>(&self, reader: &'r mut LayerReader<impl BufRead>) -> io::Result<Option<&'r [u8]>> {
        if self.is_shared { Ok(None) } else { reader.peek_content() }
    }

    /// Gives room for the content of the next file, which is small; it is to be filled before the next one begins.
    pub(super) fn small(&mut self, size: u64) -> &mut [u8] {
        let size = usize::try_from(size).unwrap_or(usize::MAX);
        if let Some(full) = self.batch.take_if(|batch| batch.bytes.len() - batch.filled < size) {
            self.send(full);
        }
        let batch = self.batch.get_or_insert_with(|| self.spare.pop().unwrap_or_else(Batch::new));
        let start = batch.filled;
        batch.filled += size;
        batch.files.push((self.done.len(), batch.filled));
        self.done.push([0; 32]);
        &mut batch.bytes[start..batch.filled]
    }

    /// Takes the hash of the next file.
    pub(super) fn push(&mut self, hash: ContentHash) {
        self.done.push(hash);
    }

    /// The hashes of all files, in their order.
    pub(super) fn finish(mut self) -> Vec<ContentHash> {
        if let Some(mut rest) = self.batch.take() {
            rest.hash();
            self.take(rest);
        }
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
        if self.is_shared && self.thread.is_none() {
            self.thread = Hashing::begin();
        }
        let refused = match &self.thread {
            Some(thread) => match thread.batches.try_send(batch) {
                Ok(()) => None,
                Err(TrySendError::Full(batch) | TrySendError::Disconnected(batch)) => Some(batch),
            },
            None => Some(batch),
        };
        // rather than wait for the thread it is done here
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
        batch.filled = 0;
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
    fn new() -> Self {
        Self { bytes: vec![0; BATCH].into(), filled: 0, files: Vec::new(), hashes: Vec::new() }
    }

    fn hash(&mut self) {
        let mut start = 0;
        self.hashes.clear();
        self.hashes.extend(self.files.iter().map(|&(_, end)| {
            let hash = content_hash(&self.bytes[start..end]);
            start = end;
            hash
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
        let expected: Vec<ContentHash> = contents.iter().map(|content| content_hash(content)).collect();
        for is_shared in [true, false] {
            let mut hashes = Hashes::shared(is_shared);
            for content in &contents {
                match content.len() as u64 {
                    size if Hashes::is_small(size) => hashes.small(size).copy_from_slice(content),
                    _ => hashes.push(content_hash(content)),
                }
            }
            assert!(hashes.finish() == expected);
        }
    }
}
