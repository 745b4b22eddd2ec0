//! Tells contents apart that only one live file has, which most have, in a bit or two for each: so that who looks for equal
//! ones keeps count of few.

use super::Ledger;
use crate::index::ContentHash;

/// Which contents may be those of several live files: a bit for a part of the hash, set when it came a second time. It
/// never misses one, and lets one in eight through that is alone.
pub(crate) struct Repeated {
    twice: Vec<u64>,
    is_none: bool,
}

impl Repeated {
    /// Looks at all live files.
    pub(crate) fn of(ledger: &Ledger) -> Self {
        let mut files = 0;
        ledger.view().files(&mut |_, _| files += 1);
        let words = usize::max(files / 8, 1).next_power_of_two();
        let (mut once, mut twice) = (vec![0_u64; words], vec![0_u64; words]);
        let mut is_none = true;
        ledger.view().files(&mut |inode, size| {
            if let Some(content) = ledger.content(inode).filter(|_| size > 0) {
                let (word, bit) = place(content, words);
                if once[word] & bit != 0 {
                    twice[word] |= bit;
                    is_none = false;
                }
                once[word] |= bit;
            }
        });
        Self { twice, is_none }
    }

    /// Whether no two files have the same content.
    pub(crate) fn is_none(&self) -> bool {
        self.is_none
    }

    /// Whether a content may be that of several files.
    pub(crate) fn may_hold(&self, content: &ContentHash) -> bool {
        let (word, bit) = place(content, self.twice.len());
        self.twice[word] & bit != 0
    }
}

/// The word and the bit of a content; the number of words is a power of two.
fn place(content: &ContentHash, words: usize) -> (usize, u64) {
    let [a, b, c, d, bit, ..] = *content;
    (u32::from_le_bytes([a, b, c, d]) as usize & (words - 1), 1 << (bit & 63))
}
