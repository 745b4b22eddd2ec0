//! What a file's bytes say beside their hash: gathered in the one pass that hashes them, kept with the layer's index.
//!
//! ```text
//! path, size ─► Watch ◄─ chunks, as they are hashed
//!                 ├─ ELF: symbols, debug sections, core dump      head, and a window before the section headers
//!                 ├─ zeros: bytes of blocks that are all zero
//!                 ├─ archive: its members' hashes                 unpacked beside the pass, within a budget
//!                 ├─ secret: a private key, a token               small files, by name or first bytes
//!                 └─ kept: databases of packages                  by path; whole, or what of them is needed
//! ```
//!
//! The path, the size and the first bytes decide what is looked at; an ordinary file costs a few comparisons. Nothing
//! here fails: what is damaged, too large or unknown says less.

mod archive;
mod elf;
mod kept;
mod secret;
mod stored;
mod watch;
mod zeros;

use std::{io::Read as _, sync::OnceLock};

use strata_image::compression;

pub use elf::{Elf, Language};
pub use secret::Secret;
pub(crate) use watch::Gatherer;

use crate::index::ContentHash;

/// Bytes of contents that one layer's index keeps, uncompressed. Databases of 10,000 packages need about half.
const MAX_KEPT: usize = 128 << 20;

/// One thing that a file's bytes say.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// It is an ELF file.
    Elf(Elf),
    /// This many of its bytes lie in blocks that are all zero; only said when they are more than half.
    Zeros(u64),
    /// It is an archive.
    Archive(Archive),
    /// It is, or holds, a secret.
    Secret(Secret),
    /// Its bytes, or what of them is needed, are kept, from here and this long.
    Kept {
        /// Offset in all that the layer keeps.
        start: u32,
        /// How many bytes.
        length: u32,
    },
}

/// What an archive has in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Archive {
    /// Regular files that have content.
    pub members: Vec<Member>,
    /// Whether these are all: the archive was read to its end.
    pub is_whole: bool,
}

/// A file in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    /// Of its content, comparable with those of the layer's own files.
    pub hash: ContentHash,
    /// Bytes of it.
    pub size: u64,
}

/// What the files of one layer say, by the number of their entry.
#[derive(Debug, Default)]
pub struct LayerFacts {
    /// In order of the entries.
    facts: Vec<(u32, Fact)>,
    /// Everything that is kept, end to end, compressed.
    compressed: Vec<u8>,
    /// The same, once someone asked.
    kept: OnceLock<Vec<u8>>,
}

impl PartialEq for LayerFacts {
    fn eq(&self, other: &Self) -> bool {
        (&self.facts, &self.compressed) == (&other.facts, &other.compressed)
    }
}

impl LayerFacts {
    /// What one file says.
    pub fn of(&self, entry: u32) -> impl Iterator<Item = &Fact> {
        self.slice(entry).iter().map(|(_, fact)| fact)
    }

    pub(crate) fn slice(&self, entry: u32) -> &[(u32, Fact)] {
        let start = self.facts.partition_point(|(other, _)| *other < entry);
        let count = self.facts[start..].iter().take_while(|(other, _)| *other == entry).count();
        &self.facts[start..start + count]
    }

    /// All of them, in order of the entries.
    pub fn all(&self) -> impl Iterator<Item = (u32, &Fact)> {
        self.facts.iter().map(|(entry, fact)| (*entry, fact))
    }

    /// What is kept of a file's content: most often all of it; of `package.json` its name and version, of a
    /// `package-lock.json` the paths that only development needs, of an rpm database the packages with their files.
    pub fn kept(&self, entry: u32) -> Option<&[u8]> {
        let (start, length) = self.of(entry).find_map(|fact| match *fact {
            Fact::Kept { start, length } => Some((start as usize, length as usize)),
            _ => None,
        })?;
        let kept = self.kept.get_or_init(|| decompress(&self.compressed));
        kept.get(start..start.checked_add(length)?)
    }
}

/// What a cache wrote; a foreign file gives nothing.
fn decompress(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    let read = compression::reader(bytes).and_then(|(_, reader)| reader.take(MAX_KEPT as u64).read_to_end(&mut kept));
    if read.is_err() {
        kept.clear();
    }
    kept
}
