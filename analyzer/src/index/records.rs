//! The entries of a tar, some 20 bytes each, in blocks that can be read alone.
//!
//! ```text
//! block of 32 entries:  tag │ directory │ name │ mode, owner, attributes │ time │ what belongs to the kind
//!                             what is as in the entry before is left out, as the tag says
//! ```
//!
//! Those of a large layer are left in the cache's file, and read again a few blocks at a time.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    ops::Range,
    sync::{Mutex, PoisonError},
};

use strata_image::layer::Entry;

use super::record::{Decoder, Encoder, Meaning};

/// Entries of one block: enough to leave out most of what repeats, and few to pass over on the way to one of them.
const BLOCK: usize = 32;
/// Blocks that are read at once when all are wanted: some 10 KiB, whose entries stay in the processor's cache until they
/// are used.
const RUN: usize = 16;
/// Records of more bytes than this are left in the cache's file: so small ones need no file of their own that is open,
/// and those of a hundred layers are 25 MiB.
const MAX_IN_MEMORY: u64 = 256 << 10;

/// All entries of a layer.
#[derive(Debug, Default)]
pub(super) struct Records {
    /// How many there are.
    pub(super) count: usize,
    /// Where each block begins.
    pub(super) starts: Vec<u32>,
    bytes: Bytes,
}

#[derive(Debug)]
enum Bytes {
    Memory(Vec<u8>),
    /// In an open file, from an offset on: it cannot change, only lose its name.
    File {
        file: Mutex<File>,
        start: u64,
        length: u64,
    },
}

impl Default for Bytes {
    fn default() -> Self {
        Self::Memory(Vec::new())
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        let all = |records: &Self| records.read(0..records.starts.len());
        self.starts == other.starts && matches!((all(self), all(other)), (Ok(ours), Ok(theirs)) if ours == theirs)
    }
}

impl Records {
    /// Takes what [`Records::whole`] gave, still in its file.
    pub(super) fn in_file(count: usize, starts: Vec<u32>, mut file: File, start: u64, length: u64) -> io::Result<Self> {
        let bytes = if length <= MAX_IN_MEMORY {
            file.seek(SeekFrom::Start(start))?;
            let mut bytes = Vec::new();
            file.take(length).read_to_end(&mut bytes)?;
            Bytes::Memory(bytes)
        } else {
            Bytes::File { file: Mutex::new(file), start, length }
        };
        let records = Self { count, starts, bytes };
        if records.is_shaped() { Ok(records) } else { Err(io::ErrorKind::InvalidData.into()) }
    }

    /// Whether there are as many blocks as the entries need, one behind the other.
    fn is_shaped(&self) -> bool {
        self.starts.len() == self.count.div_ceil(BLOCK)
            && self.starts.is_sorted()
            && self.starts.last().is_none_or(|&last| u64::from(last) <= self.length())
    }

    fn length(&self) -> u64 {
        match &self.bytes {
            Bytes::Memory(bytes) => bytes.len() as u64,
            Bytes::File { length, .. } => *length,
        }
    }

    /// Adds the next entry; `None` when that would make more than `limit` bytes.
    pub(super) fn push(&mut self, encoder: &mut Encoder, entry: &Entry, xattrs: u32, limit: usize) -> Option<()> {
        let Bytes::Memory(bytes) = &mut self.bytes else { return None };
        if self.count.is_multiple_of(BLOCK) {
            self.starts.push(u32::try_from(bytes.len()).ok()?);
            *encoder = Encoder::default();
        }
        encoder.encode(entry, xattrs, bytes);
        self.count += 1;
        (bytes.len() <= limit).then_some(())
    }

    /// Gives back what building them took too much.
    pub(super) fn shrink(&mut self) {
        self.starts.shrink_to_fit();
        if let Bytes::Memory(bytes) = &mut self.bytes {
            bytes.shrink_to_fit();
        }
    }

    /// All bytes, for the cache's file.
    pub(super) fn whole(&self) -> io::Result<Vec<u8>> {
        self.read(0..self.starts.len())
    }

    /// The bytes of some blocks.
    fn read(&self, blocks: Range<usize>) -> io::Result<Vec<u8>> {
        let Range { start, end } = self.range(blocks);
        match &self.bytes {
            Bytes::Memory(bytes) => Ok(bytes[start..end].to_vec()),
            Bytes::File { file, start: first, .. } => {
                let mut bytes = vec![0; end - start];
                let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
                file.seek(SeekFrom::Start(first + start as u64))?;
                file.read_exact(&mut bytes)?;
                Ok(bytes)
            }
        }
    }

    fn range(&self, blocks: Range<usize>) -> Range<usize> {
        let at = |block: usize| {
            self.starts
                .get(block)
                .map_or_else(|| usize::try_from(self.length()).unwrap_or(usize::MAX), |&start| start as usize)
        };
        at(blocks.start)..at(blocks.end)
    }

    /// One record by its number, and what `read` makes of it.
    pub(super) fn get<T>(&self, number: usize, read: impl FnOnce(Meaning<'_>) -> Option<T>) -> Option<T> {
        if number >= self.count {
            return None;
        }
        let block = number / BLOCK;
        let read_bytes;
        let bytes = match &self.bytes {
            Bytes::Memory(bytes) => &bytes[self.range(block..block + 1)],
            Bytes::File { .. } => {
                read_bytes = self.read(block..block + 1).ok()?;
                &read_bytes
            }
        };
        let mut decoder = Decoder::new(bytes);
        for _ in 0..number % BLOCK {
            decoder.record()?;
        }
        read(decoder.record()?)
    }

    /// Reads some blocks at once, and gives what `read` makes of each of their records and its number.
    pub(super) fn run<T>(&self, run: usize, read: impl Fn(usize, Meaning<'_>) -> T) -> io::Result<Vec<T>> {
        let mut given = Vec::with_capacity(RUN * BLOCK);
        self.visit(run, |number, meaning| given.push(read(number, meaning)))?;
        Ok(given)
    }

    /// Reads some blocks at once, and has each of their records visited with its number.
    pub(super) fn visit(&self, run: usize, mut visit: impl FnMut(usize, Meaning<'_>)) -> io::Result<()> {
        let blocks = run * RUN..((run + 1) * RUN).min(self.starts.len());
        let all = self.range(blocks.clone());
        let read_bytes;
        let bytes = match &self.bytes {
            Bytes::Memory(bytes) => &bytes[all.clone()],
            Bytes::File { .. } => {
                read_bytes = self.read(blocks.clone())?;
                &read_bytes
            }
        };
        for block in blocks {
            let Range { start, end } = self.range(block..block + 1);
            let mut decoder = Decoder::new(&bytes[start - all.start..end - all.start]);
            for number in block * BLOCK..self.count.min((block + 1) * BLOCK) {
                visit(number, decoder.record().ok_or(io::ErrorKind::InvalidData)?);
            }
        }
        Ok(())
    }

    /// How many runs of blocks there are, each of which is read at once.
    pub(super) fn runs(&self) -> usize {
        self.starts.len().div_ceil(RUN)
    }
}
