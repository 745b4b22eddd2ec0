//! One pass over a layer's tar: what its entries say, and a hash of every content.
//!
//! ```text
//! layer tar ─► Ahead ─► LayerReader ─► records │ xattrs │ contents (hashes, sizes) │ facts ─► <cache>/<diff ID>
//!              (thread)     └─► Hashes           └─────► entries again, as often as needed
//!                              (thread)
//! ```
//!
//! A layer is read once in its life: its index is kept by diff ID, and every image that has the layer shares it.
//! An entry costs some 60 bytes: 36 for hash and size of a file, its name once, and 5 to 10 for everything else; those
//! of a large layer stay in the cache's file but for the 36.

mod ahead;
mod building;
mod cache;
mod contents;
mod hashes;
mod identity;
mod many;
mod record;
mod records;
mod sample;

use std::{
    collections::{BTreeMap, HashMap},
    io,
    path::Path,
    sync::Arc,
};

use bstr::BString;
use rayon::prelude::*;
use strata_image::{
    DiffId, Layer,
    layer::{Change, Entry, EntryKind, LayerPath, WHITEOUT_PREFIX},
};

use crate::{Error, Result, error::in_layer, facts::LayerFacts};
pub use cache::{CACHE_BYTES, CACHE_VARIABLE};
use contents::Contents;
pub(crate) use identity::ContentHasher;
pub use identity::{ContentHash, content_hash};
use record::Meaning;
use records::Records;
pub(crate) use sample::Sample;

/// Entries that one layer may have. The largest layers seen in the wild have about two million; this many cost 300 MB.
const MAX_ENTRIES: usize = 5_000_000;
/// Bytes of records, so mostly of names and link targets, that one layer may have: five times what two million files need.
const MAX_RECORDS: usize = 512 << 20;
/// Bytes of extended attributes that one layer may have, equal sets counted once.
const MAX_XATTRS: usize = 64 << 20;

/// Everything that analysis and comparison ask of a layer, without its contents.
#[derive(Debug, PartialEq)]
pub struct LayerIndex {
    diff_id: DiffId,
    records: Records,
    /// Sets of attributes; the empty one is always the first.
    xattrs: Vec<BTreeMap<BString, Vec<u8>>>,
    contents: Contents,
    facts: LayerFacts,
}

impl LayerIndex {
    /// Reads a layer to its end, which also verifies its diff ID.
    ///
    /// # Errors
    /// Fails when the tar is damaged, does not have its diff ID, or is larger than an index holds.
    pub fn read(layer: &dyn Layer) -> Result<Self> {
        building::read(layer)
    }

    /// Takes the index from the cache directory when it is there and sound; else reads the layer and puts the index there.
    ///
    /// A cache that cannot be read or written costs time, never an answer: a missing, older, damaged or foreign file
    /// is read again from the layer, and a failure to write is no error.
    ///
    /// # Errors
    /// As [`LayerIndex::read`].
    pub fn cached(layer: &dyn Layer, cache: Option<&Path>) -> Result<Arc<Self>> {
        Self::found_or_read(layer, cache).map(|(index, _)| index)
    }

    /// The index, and whether the layer was read for it.
    fn found_or_read(layer: &dyn Layer, cache: Option<&Path>) -> Result<(Arc<Self>, bool)> {
        if let Some(index) = cache.and_then(|directory| cache::load(directory, layer.diff_id())) {
            return Ok((Arc::new(index), false));
        }
        let mut index = Self::read(layer)?;
        // only the next reader would have gained by a failure
        if let Some(Ok(records)) = cache.map(|directory| cache::save(directory, &index)) {
            index.records = records;
        }
        Ok((Arc::new(index), true))
    }

    /// Gives the indexes of many layers, in their order; each distinct layer is read once, all of them in parallel.
    /// Afterwards the cache is within its bound: [`CACHE_BYTES`], or what [`CACHE_VARIABLE`] says.
    ///
    /// # Errors
    /// As [`LayerIndex::read`], for the first layer that fails.
    pub fn all<'a>(
        layers: impl IntoIterator<Item = &'a Arc<dyn Layer>>,
        cache: Option<&Path>,
    ) -> Result<Vec<Arc<Self>>> {
        Self::all_within(layers, cache, cache::limit())
    }

    /// As [`LayerIndex::all`], with another bound in bytes for the cache.
    ///
    /// # Errors
    /// As [`LayerIndex::read`], for the first layer that fails.
    pub fn all_within<'a>(
        layers: impl IntoIterator<Item = &'a Arc<dyn Layer>>,
        cache: Option<&Path>,
        limit: u64,
    ) -> Result<Vec<Arc<Self>>> {
        let layers: Vec<_> = layers.into_iter().collect();
        let mut positions = HashMap::new();
        let mut distinct = Vec::new();
        for layer in &layers {
            positions.entry(layer.diff_id()).or_insert_with(|| {
                distinct.push(*layer);
                distinct.len() - 1
            });
        }
        let read: Vec<Result<(Arc<Self>, bool)>> =
            distinct.into_par_iter().map(|layer| Self::found_or_read(layer.as_ref(), cache)).collect();
        let read = read.into_iter().collect::<Result<Vec<_>>>()?;
        if let Some(directory) = cache.filter(|_| read.iter().any(|(_, is_new)| *is_new)) {
            // what is too large now is trimmed by the next one
            let _ = cache::trim(directory, limit);
        }
        Ok(layers.iter().map(|layer| Arc::clone(&read[positions[&layer.diff_id()]].0)).collect())
    }

    /// The layer that this is the index of.
    pub fn diff_id(&self) -> DiffId {
        self.diff_id
    }

    /// Number of entries in the tar, whiteouts included.
    pub fn len(&self) -> usize {
        self.records.count
    }

    /// Whether the tar has no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The content hash of an entry by its number in the tar; `None` for all but regular files.
    pub fn hash(&self, entry: u32) -> Option<&ContentHash> {
        self.contents.hash(entry)
    }

    /// What the contents say beside their hashes.
    pub fn facts(&self) -> &LayerFacts {
        &self.facts
    }

    /// Content bytes of an entry by its number in the tar; 0 for all but regular files.
    pub fn size(&self, entry: u32) -> u64 {
        self.contents.size(entry).unwrap_or_default()
    }

    /// The entries in the order of the tar, without user names, group names and offsets.
    ///
    /// # Errors
    /// An entry's path is checked again as it is made; what was read from a layer always passes. Those of a large layer
    /// are read from the cache's file, which can fail.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry>> + '_ {
        (0..self.records.runs()).flat_map(|run| {
            let read = self.records.run(run, |number, meaning| self.entry(number, &meaning));
            read.unwrap_or_else(|source| vec![Err(Error::Index { layer: self.diff_id, source })])
        })
    }

    /// Visits what [`LayerIndex::entries`] gives, until one fails. While some are visited, another thread reads the next.
    ///
    /// # Errors
    /// Those of reading, and those of the visit.
    pub(crate) fn each_entry(&self, visit: &mut (dyn FnMut(&Entry) -> Result<()> + Send)) -> Result<()> {
        let (mut read, mut next) = (Batch::default(), Batch::default());
        self.read_run(0, &mut read)?;
        for run in 1..=self.records.runs() {
            let entries = read.entries();
            let (visited, done) =
                rayon::join(|| entries.iter().try_for_each(&mut *visit), || self.read_run(run, &mut next));
            visited?;
            done?;
            std::mem::swap(&mut read, &mut next);
        }
        Ok(())
    }

    /// Reads some entries; none behind the last run.
    fn read_run(&self, run: usize, batch: &mut Batch) -> Result<()> {
        batch.filled = 0;
        let mut written = Ok(());
        let read = self.records.visit(run, |number, meaning| {
            if written.is_ok() {
                written = self.write(number, &meaning, batch.next());
            }
        });
        read.map_err(|source| Error::Index { layer: self.diff_id, source })?;
        written
    }

    /// One entry by its number in the tar, as [`LayerIndex::entries`] gives it.
    pub fn get(&self, entry: u32) -> Option<Entry> {
        let number = entry as usize;
        self.records.get(number, |meaning| self.entry(number, &meaning).ok())
    }

    /// The path of an entry by its number in the tar.
    pub fn path(&self, entry: u32) -> Option<Vec<u8>> {
        self.records.get(entry as usize, |meaning| Some(meaning.path()))
    }

    /// The paths that the layer's whiteouts name.
    pub(crate) fn whiteouts(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.marked().filter_map(|entry| match entry.change().ok()? {
            Change::Whiteout(path) => Some(path.as_bytes().to_vec()),
            _ => None,
        })
    }

    /// The directories that the layer makes opaque.
    pub(crate) fn opaques(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        self.marked().filter_map(|entry| match entry.change().ok()? {
            Change::Opaque(path) => Some(path.as_bytes().to_vec()),
            _ => None,
        })
    }

    fn marked(&self) -> impl Iterator<Item = Entry> + '_ {
        let marked = |number, meaning: Meaning<'_>| {
            meaning.name.starts_with(WHITEOUT_PREFIX).then(|| self.entry(number, &meaning).ok()).flatten()
        };
        (0..self.records.runs()).flat_map(move |run| self.records.run(run, marked).unwrap_or_default()).flatten()
    }

    fn entry(&self, number: usize, meaning: &Meaning<'_>) -> Result<Entry> {
        let mut entry = blank();
        self.write(number, meaning, &mut entry).map(|()| entry)
    }

    /// Makes an entry the one that a record means, in the memory that it has.
    fn write(&self, number: usize, meaning: &Meaning<'_>, entry: &mut Entry) -> Result<()> {
        let malformed = || Error::Index { layer: self.diff_id, source: io::ErrorKind::InvalidData.into() };
        meaning.write_to(entry).map_err(in_layer(self.diff_id))?;
        entry.size = 0;
        if meaning.is_file() {
            let number = u32::try_from(number).map_err(|_| malformed())?;
            entry.size = self.contents.size(number).ok_or_else(malformed)?;
        }
        if meaning.xattrs() == 0 {
            entry.xattrs.clear();
        } else {
            entry.xattrs.clone_from(self.xattrs.get(meaning.xattrs()).ok_or_else(malformed)?);
        }
        Ok(())
    }
}

/// Entries that are read at once, of which the memory is used again.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    filled: usize,
}

impl Batch {
    fn next(&mut self) -> &mut Entry {
        if self.filled == self.entries.len() {
            self.entries.push(blank());
        }
        self.filled += 1;
        &mut self.entries[self.filled - 1]
    }

    fn entries(&self) -> &[Entry] {
        &self.entries[..self.filled]
    }
}

/// An entry that is to be written over.
fn blank() -> Entry {
    Entry::new(LayerPath::root(), EntryKind::Fifo)
}
