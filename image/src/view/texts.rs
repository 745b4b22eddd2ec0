//! Components of paths, each kept once, end to end in one run of bytes.

use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;

use super::tree::{at, index};

/// A component of a path, interned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Text(u32);

/// Every component once.
#[derive(Default)]
pub(super) struct Texts {
    bytes: Vec<u8>,
    /// Where each text ends and the next one starts.
    ends: Vec<u32>,
    found: HashTable<Text>,
    hasher: RandomState,
}

impl Texts {
    pub(super) fn get(&self, text: Text) -> &[u8] {
        get(&self.bytes, &self.ends, text)
    }

    pub(super) fn find(&self, name: &[u8]) -> Option<Text> {
        self.found.find(self.hasher.hash_one(name), |&text| self.get(text) == name).copied()
    }

    pub(super) fn intern(&mut self, name: &[u8]) -> Text {
        let Self { bytes, ends, found, hasher } = self;
        let hash = hasher.hash_one(name);
        if let Some(&text) = found.find(hash, |&text| get(bytes, ends, text) == name) {
            return text;
        }
        bytes.extend_from_slice(name);
        ends.push(index(bytes.len()));
        let text = Text(index(ends.len() - 1));
        found.insert_unique(hash, text, |&text| hasher.hash_one(get(bytes, ends, text)));
        text
    }
}

fn get<'a>(bytes: &'a [u8], ends: &[u32], text: Text) -> &'a [u8] {
    let text = at(text.0);
    let start = text.checked_sub(1).map_or(0, |before| at(ends[before]));
    &bytes[start..at(ends[text])]
}
