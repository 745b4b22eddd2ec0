//! The identity of a content: 32 bytes, the SHA-256 of a short one and the BLAKE3 of a longer one.
//!
//! BLAKE3 is fast because it hashes the chunks of a content, of 1 KiB each, side by side. What has no two of them takes half the
//! time with SHA-256, for which processors have instructions, and most files of most images are that short.

use std::io::{self, Write};

use strata_image::Digest;

/// The identity of a content. Never leaves the machine, never an OCI digest.
pub type ContentHash = [u8; 32];

/// Bytes from which on a content is hashed with BLAKE3: two of its chunks.
const MIN_LONG: usize = 2048;

/// Gives the hash by which indexes know content.
pub fn content_hash(content: &[u8]) -> ContentHash {
    if content.len() < MIN_LONG { *Digest::of(content).as_bytes() } else { *blake3::hash(content).as_bytes() }
}

/// Hashes a content that comes in parts.
#[derive(Default)]
pub(crate) struct ContentHasher {
    /// All bytes, while they are few.
    short: Vec<u8>,
    long: Option<Box<blake3::Hasher>>,
}

impl ContentHasher {
    /// Takes the next bytes.
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        if let Some(long) = &mut self.long {
            long.update(bytes);
        } else if self.short.len() + bytes.len() < MIN_LONG {
            self.short.extend_from_slice(bytes);
        } else {
            self.long.insert(Box::default()).update(&self.short).update(bytes);
        }
    }

    /// The same hash as [`content_hash`] of all bytes gives, and how many they are.
    pub(crate) fn finish(self) -> (ContentHash, u64) {
        match self.long {
            Some(long) => (*long.finalize().as_bytes(), long.count()),
            None => (content_hash(&self.short), self.short.len() as u64),
        }
    }
}

impl Write for ContentHasher {
    /// Takes bytes; never fails.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_content_in_parts_has_the_hash_of_the_whole() {
        for size in [0, 1, 1000, 2047, 2048, 2049, 4096, 100_000] {
            let content: Vec<u8> = (0..=u8::MAX).cycle().take(size).collect();
            for part in [1, 7, 1024, 2048, 5000] {
                let mut hasher = ContentHasher::default();
                content.chunks(part).for_each(|bytes| hasher.update(bytes));
                assert_eq!(hasher.finish(), (content_hash(&content), size as u64), "{size} in parts of {part}");
            }
        }
    }
}
