//! Counts the bytes of a file that lie in blocks of zeros.

/// Smaller files are not worth a hole.
pub(super) const MIN_SIZE: u64 = 64 << 10;
/// What filesystems allocate, and the least hole they can make.
const BLOCK: usize = 4096;

/// The count so far.
#[derive(Default)]
pub(super) struct Zeros {
    bytes: u64,
}

impl Zeros {
    /// Takes the next chunk. All but the last are whole blocks.
    pub(super) fn take(&mut self, chunk: &[u8]) {
        let is_zero = |block: &&[u8]| block.first() == Some(&0) && block.iter().all(|&byte| byte == 0);
        self.bytes += chunk.chunks(BLOCK).filter(is_zero).map(|block| block.len() as u64).sum::<u64>();
    }

    /// The bytes, when they are more than half.
    pub(super) fn finish(self, size: u64) -> Option<u64> {
        (self.bytes > size / 2).then_some(self.bytes)
    }
}
