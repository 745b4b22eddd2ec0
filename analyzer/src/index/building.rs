//! An index as it grows, with what is needed only meanwhile.

use std::{
    collections::{BTreeMap, HashMap},
    io::{BufRead, BufReader, Read},
};

use bstr::BString;
use strata_image::{
    DiffId, Layer,
    layer::{Entry, EntryKind, LayerReader},
};

use super::{
    LayerIndex, MAX_ENTRIES, MAX_RECORDS, MAX_XATTRS, ahead::Ahead, content_hash, contents::Contents, hashes::Hashes,
    record::Encoder, records::Records,
};
use crate::{
    Error, Result,
    error::in_layer,
    facts::{Gatherer, LayerFacts},
    path_text,
};

/// Stored bytes of a layer from which on it is worth a thread that reads ahead: smaller ones are read in a millisecond.
const MIN_AHEAD: u64 = 1 << 20;
/// Bytes of a smaller layer that are read at once.
const BUFFER: usize = 128 << 10;

/// Reads a layer to its end.
pub(super) fn read(layer: &dyn Layer) -> Result<LayerIndex> {
    let diff_id = layer.diff_id();
    let mut reader = LayerReader::buffered(open(layer)?);
    let mut building = Building::new(diff_id);
    let mut facts = Gatherer::default();
    let mut hashes = Hashes::new();
    while let Some(entry) = reader.next_entry().map_err(in_layer(diff_id))? {
        if entry.kind == EntryKind::File {
            let path = entry.path.as_bytes();
            let number = building.next_entry();
            let failed = |source| Error::Content { layer: diff_id, path: path_text(path), source };
            if !Hashes::is_small(entry.size) {
                let hash = facts.read(number, path, entry.size, &mut reader).map_err(failed)?;
                hashes.push(hash);
            } else if let Some(content) = hashes.peek(&mut reader).map_err(failed)? {
                facts.take(number, path, content);
                hashes.push(content_hash(content));
            } else {
                let content = hashes.small(entry.size);
                reader.read_exact(content).map_err(failed)?;
                facts.take(number, path, content);
            }
        }
        building.push(&entry)?;
    }
    reader.finish().map_err(in_layer(diff_id))?;
    let mut index = LayerIndex { facts: facts.finish(), ..building.index };
    index.records.shrink();
    index.contents.finish(hashes.finish());
    Ok(index)
}

/// The tar; that of a large layer is read, decompressed and verified by another thread.
fn open(layer: &dyn Layer) -> Result<Box<dyn BufRead>> {
    let tar = layer.open().map_err(in_layer(layer.diff_id()))?;
    let (_, size) = layer.stored();
    if size < MIN_AHEAD {
        return Ok(Box::new(BufReader::with_capacity(BUFFER, tar)));
    }
    let ahead = Ahead::new(tar).map_err(|source| Error::Index { layer: layer.diff_id(), source })?;
    Ok(Box::new(ahead))
}

struct Building {
    index: LayerIndex,
    encoder: Encoder,
    xattrs: HashMap<BTreeMap<BString, Vec<u8>>, u32>,
    xattr_bytes: usize,
}

impl Building {
    fn new(diff_id: DiffId) -> Self {
        let none = BTreeMap::new();
        Self {
            index: LayerIndex {
                diff_id,
                records: Records::default(),
                xattrs: vec![none.clone()],
                contents: Contents::default(),
                facts: LayerFacts::default(),
            },
            encoder: Encoder::default(),
            xattrs: HashMap::from([(none, 0)]),
            xattr_bytes: 0,
        }
    }

    /// The number of the entry that comes next.
    fn next_entry(&self) -> u32 {
        u32::try_from(self.index.len()).unwrap_or(u32::MAX)
    }

    fn push(&mut self, entry: &Entry) -> Result<()> {
        let number = self.index.len();
        if number == MAX_ENTRIES {
            return Err(self.too_large("entries", MAX_ENTRIES));
        }
        let xattrs = if entry.xattrs.is_empty() { 0 } else { self.xattrs(&entry.xattrs)? };
        if entry.kind == EntryKind::File {
            self.index.contents.push(number, entry.size);
        }
        match self.index.records.push(&mut self.encoder, entry, xattrs, MAX_RECORDS) {
            Some(()) => Ok(()),
            None => Err(self.too_large("bytes of names", MAX_RECORDS)),
        }
    }

    fn xattrs(&mut self, set: &BTreeMap<BString, Vec<u8>>) -> Result<u32> {
        if let Some(&number) = self.xattrs.get(set) {
            return Ok(number);
        }
        self.xattr_bytes += set.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        if self.xattr_bytes > MAX_XATTRS {
            return Err(self.too_large("bytes of extended attributes", MAX_XATTRS));
        }
        let number = u32::try_from(self.index.xattrs.len()).map_err(|_| self.too_large("entries", MAX_ENTRIES))?;
        self.index.xattrs.push(set.clone());
        self.xattrs.insert(set.clone(), number);
        Ok(number)
    }

    fn too_large(&self, what: &'static str, limit: usize) -> Error {
        Error::TooLarge { layer: self.index.diff_id, what, limit }
    }
}
