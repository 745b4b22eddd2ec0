//! The hash and the size of every content, by the number of its entry.

use std::collections::BTreeMap;

use super::ContentHash;

/// Bits of one word of the map.
const WORD: usize = 64;
/// Bytes of all contents of one layer: a pebibyte, which takes days to read. Sums over layers stay in 64 bits.
const MAX_BYTES: u64 = 1 << 50;

/// Contents of a layer's regular files, in the order of the tar.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Contents {
    /// A bit for each entry: whether it is a regular file.
    pub(super) files: Vec<u64>,
    /// How many files stand before each word.
    ranks: Vec<u32>,
    pub(super) hashes: Vec<ContentHash>,
    /// [`u32::MAX`] for those in `large`.
    pub(super) sizes: Vec<u32>,
    /// Sizes of 4 GiB and more, by the number of the file.
    pub(super) large: BTreeMap<u32, u64>,
}

impl Contents {
    /// Takes the size of the next file, which is entry `number`; its hash comes at the end.
    pub(super) fn push(&mut self, number: usize, size: u64) {
        let file = u32::try_from(self.sizes.len()).unwrap_or(u32::MAX);
        while self.files.len() <= number / WORD {
            self.files.push(0);
            self.ranks.push(file);
        }
        self.files[number / WORD] |= 1 << (number % WORD);
        let small = u32::try_from(size).unwrap_or(u32::MAX);
        if small == u32::MAX {
            self.large.insert(file, size);
        }
        self.sizes.push(small);
    }

    /// Puts together what was taken apart for the cache; `None` when the parts do not belong together, or are no layer's.
    pub(super) fn of(
        files: Vec<u64>,
        hashes: Vec<ContentHash>,
        sizes: Vec<u32>,
        large: BTreeMap<u32, u64>,
    ) -> Option<Self> {
        let mut ranks = Vec::with_capacity(files.len());
        let mut before = 0;
        for word in &files {
            ranks.push(before);
            before = u32::checked_add(before, word.count_ones())?;
        }
        let fits = before as usize == hashes.len() && hashes.len() == sizes.len();
        let size = |(file, size): (u32, &u32)| match *size {
            u32::MAX => large.get(&file).copied(),
            size => Some(u64::from(size)),
        };
        let mut bytes = 0_u64;
        for size in (0..).zip(&sizes).map(size) {
            bytes = bytes.checked_add(size?).filter(|&bytes| bytes <= MAX_BYTES)?;
        }
        fits.then_some(Self { files, ranks, hashes, sizes, large })
    }

    /// Takes the hashes of all files, in their order.
    pub(super) fn finish(&mut self, hashes: Vec<ContentHash>) {
        self.hashes = hashes;
        self.files.shrink_to_fit();
        self.ranks.shrink_to_fit();
        self.sizes.shrink_to_fit();
    }

    pub(super) fn hash(&self, entry: u32) -> Option<&ContentHash> {
        self.hashes.get(self.file(entry)?)
    }

    pub(super) fn size(&self, entry: u32) -> Option<u64> {
        let file = self.file(entry)?;
        match *self.sizes.get(file)? {
            u32::MAX => self.large.get(&u32::try_from(file).ok()?).copied(),
            size => Some(u64::from(size)),
        }
    }

    /// The number of a file among the files.
    fn file(&self, entry: u32) -> Option<usize> {
        let (word, bit) = (entry as usize / WORD, entry as usize % WORD);
        let files = *self.files.get(word)?;
        let below = files & ((1 << bit) - 1);
        (files >> bit & 1 == 1).then(|| (self.ranks[word] + below.count_ones()) as usize)
    }
}
