//! Tells contents apart that only one live file has, which most have, in a bit or two for each: so that who looks for equal
//! ones keeps count of few.

use super::Ledger;
use crate::index::ContentHash;

/// Bits for each file, rounded up to a power of two: with three of them set for each content, one content in two hundred
/// looks repeated that is not.
const BITS: usize = 16;

/// Which contents may be those of several live files: a Bloom filter of what came, and one of what came again. It never
/// misses one.
pub(crate) struct Repeated {
    again: Filter,
    is_none: bool,
}

impl Repeated {
    /// Looks at all live files.
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let mut files = 0;
        ledger.view().files(&mut |_, _| files += 1);
        let (mut came, mut again) = (Filter::for_files(files), Filter::for_files(files));
        let mut is_none = true;
        ledger.view().files(&mut |inode, size| {
            if let Some(content) = ledger.content(inode).filter(|_| size > 0) {
                if came.holds(content) {
                    again.add(content);
                    is_none = false;
                }
                came.add(content);
            }
        });
        Self { again, is_none }
    }

    /// Whether no two files have the same content.
    pub(crate) fn is_none(&self) -> bool {
        self.is_none
    }

    /// Whether a content may be that of several files.
    pub(crate) fn may_hold(&self, content: &ContentHash) -> bool {
        self.again.holds(content)
    }
}

struct Filter(Vec<u64>);

impl Filter {
    fn for_files(files: usize) -> Self {
        Self(vec![0; usize::max(files * BITS / 64, 1).next_power_of_two()])
    }

    fn add(&mut self, content: &ContentHash) {
        for (word, bit) in self.places(content) {
            self.0[word] |= bit;
        }
    }

    fn holds(&self, content: &ContentHash) -> bool {
        self.places(content).into_iter().all(|(word, bit)| self.0[word] & bit != 0)
    }

    /// Three bits that parts of the hash, which are as good as random, choose.
    fn places(&self, content: &ContentHash) -> [(usize, u64); 3] {
        let mask = self.0.len() - 1;
        let place = |at: usize| {
            let [a, b, c, d, bit] = [content[at], content[at + 1], content[at + 2], content[at + 3], content[at + 4]];
            (u32::from_le_bytes([a, b, c, d]) as usize & mask, 1 << (bit & 63))
        };
        [place(0), place(5), place(10)]
    }
}
