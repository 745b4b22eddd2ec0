//! Components of paths, each kept once, end to end in one run of bytes.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::tree::{at, index};

/// A component of a path, interned: where its length stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Text(u32);

impl Text {
    pub(super) fn number(self) -> u32 {
        self.0
    }
}

/// Lengths up to this are one byte, which those of all files' names nearly are; others are two, the high bits first, with
/// the topmost set.
const SHORT: usize = 0x7f;

/// Bytes of a usual text with its length.
const USUAL: usize = 16;

/// Every component once.
#[derive(Clone, Default)]
pub(super) struct Texts {
    /// Each led by its length.
    bytes: Vec<u8>,
    found: HashTable<Text>,
    hasher: RandomState,
}

impl Texts {
    pub(super) fn get(&self, text: Text) -> &[u8] {
        get(&self.bytes, text)
    }

    /// Bytes of all texts.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Makes room for texts that are to come.
    pub(super) fn reserve(&mut self, more: usize) {
        let Self { bytes, found, hasher } = self;
        bytes.reserve(more.saturating_mul(USUAL));
        found.reserve(more, |&text| hasher.hash_one(get(bytes, text)));
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<Text> {
        self.found.find(self.hasher.hash_one(name), |&text| self.get(text) == name).copied()
    }

    pub(super) fn intern(&mut self, name: &[u8]) -> Text {
        let Self { bytes, found, hasher } = self;
        let hash = hasher.hash_one(name);
        if let Some(&text) = found.find(hash, |&text| get(bytes, text) == name) {
            return text;
        }
        let text = Text(index(bytes.len()));
        // no path, and so no component, is longer than 4,096 bytes
        let [.., high, low] = name.len().to_be_bytes();
        if name.len() > SHORT {
            bytes.push(high | 0x80);
        }
        bytes.push(low);
        bytes.extend_from_slice(name);
        found.insert_unique(hash, text, |&text| hasher.hash_one(get(bytes, text)));
        text
    }
}

fn get(bytes: &[u8], text: Text) -> &[u8] {
    let start = at(text.0);
    let first = usize::from(bytes[start]);
    let (start, length) = match first & 0x80 {
        0 => (start + 1, first),
        _ => (start + 2, (first & SHORT) << 8 | usize::from(bytes[start + 1])),
    };
    &bytes[start..start + length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_every_length_come_back() {
        let mut texts = Texts::default();
        let names: Vec<Vec<u8>> = (0..=4096_usize).map(|length| b"ab".repeat(length)[..length].to_vec()).collect();
        let interned: Vec<Text> = names.iter().map(|name| texts.intern(name)).collect();
        for (name, text) in names.iter().zip(&interned) {
            assert!(texts.get(*text) == name && texts.find(name) == Some(*text) && texts.intern(name) == *text);
        }
        assert_eq!(texts.find(&[b'z'; 4097]), None);
    }
}
