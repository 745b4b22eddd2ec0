//! One pass over a layer's tar: flat arrays of what its entries say, and a hash of every content.
//!
//! ```text
//! layer tar ─► LayerReader ─► records │ texts │ xattrs │ BLAKE3 hashes │ facts ─► <cache>/<diff ID>
//!                                   └─────► entries again, as often as needed
//! ```
//!
//! A layer is read once in its life: its index is kept by diff ID, and every image that has the layer shares it.
//! An entry costs about 100 bytes: 64 for the record, 32 for the hash of a file, and its name once.

mod cache;
mod texts;

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
};

use bstr::BString;
use rayon::prelude::*;
use strata_image::{
    DiffId, Layer, Timestamp,
    layer::{Change, Entry, EntryKind, LayerPath, LayerReader, WHITEOUT_PREFIX},
};

use crate::{
    Error, Result,
    error::in_layer,
    facts::{Gatherer, LayerFacts},
    path_text,
};
use texts::{TextId, Texts};

/// Entries that one layer may have. The largest layers seen in the wild have about two million; this many cost 500 MB.
const MAX_ENTRIES: usize = 5_000_000;
/// Bytes of names, link targets and directory paths that one layer may have: five times what two million files need.
const MAX_TEXT: usize = 512 << 20;
/// Bytes of extended attributes that one layer may have, equal sets counted once.
const MAX_XATTRS: usize = 64 << 20;

/// The identity of a content: its BLAKE3 hash. Never leaves the machine, never an OCI digest.
pub type ContentHash = [u8; 32];

/// Everything that analysis and comparison ask of a layer, without its contents.
#[derive(Debug, PartialEq)]
pub struct LayerIndex {
    diff_id: DiffId,
    records: Vec<Record>,
    texts: Texts,
    xattrs: Vec<BTreeMap<BString, Vec<u8>>>,
    hashes: Vec<ContentHash>,
    facts: LayerFacts,
}

/// One tar entry.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Record {
    directory: TextId,
    name: TextId,
    payload: Payload,
    mode: u16,
    /// Index into `xattrs`; the empty set is always the first.
    xattrs: u32,
    uid: u64,
    gid: u64,
    seconds: i64,
    nanoseconds: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Payload {
    File { size: u64, hash: u32 },
    HardLink(TextId),
    Symlink(TextId),
    Directory,
    CharDevice { major: u32, minor: u32 },
    BlockDevice { major: u32, minor: u32 },
    Fifo,
}

impl LayerIndex {
    /// Reads a layer to its end, which also verifies its diff ID.
    ///
    /// # Errors
    /// Fails when the tar is damaged, does not have its diff ID, or is larger than an index holds.
    pub fn read(layer: &dyn Layer) -> Result<Self> {
        let diff_id = layer.diff_id();
        let mut reader = LayerReader::new(layer.open().map_err(in_layer(diff_id))?);
        let mut building = Building::new(diff_id);
        let mut facts = Gatherer::default();
        while let Some(entry) = reader.next_entry().map_err(in_layer(diff_id))? {
            let hash = match entry.kind {
                EntryKind::File => {
                    let path = entry.path.as_bytes();
                    let read = facts.read(building.next_entry(), path, entry.size, &mut reader);
                    Some(read.map_err(|source| Error::Content { layer: diff_id, path: path_text(path), source })?)
                }
                _ => None,
            };
            building.push(&entry, hash)?;
        }
        reader.finish().map_err(in_layer(diff_id))?;
        Ok(Self { facts: facts.finish(), ..building.index })
    }

    /// Takes the index from the cache directory when it is there and sound; else reads the layer and puts the index there.
    ///
    /// A cache that cannot be read or written costs time, never an answer: a missing, older, damaged or foreign file
    /// is read again from the layer, and a failure to write is no error.
    ///
    /// # Errors
    /// As [`LayerIndex::read`].
    pub fn cached(layer: &dyn Layer, cache: Option<&Path>) -> Result<Arc<Self>> {
        let Some(directory) = cache else {
            return Self::read(layer).map(Arc::new);
        };
        if let Some(index) = cache::load(directory, layer.diff_id()) {
            return Ok(Arc::new(index));
        }
        let index = Self::read(layer)?;
        // only the next reader would have gained by it
        let _ = cache::save(directory, &index);
        Ok(Arc::new(index))
    }

    /// Gives the indexes of many layers, in their order; each distinct layer is read once, all of them in parallel.
    ///
    /// # Errors
    /// As [`LayerIndex::read`], for the first layer that fails.
    pub fn all<'a>(
        layers: impl IntoIterator<Item = &'a Arc<dyn Layer>>,
        cache: Option<&Path>,
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
        let read: Vec<Result<Arc<Self>>> =
            distinct.into_par_iter().map(|layer| Self::cached(layer.as_ref(), cache)).collect();
        let read = read.into_iter().collect::<Result<Vec<_>>>()?;
        Ok(layers.iter().map(|layer| Arc::clone(&read[positions[&layer.diff_id()]])).collect())
    }

    /// The layer that this is the index of.
    pub fn diff_id(&self) -> DiffId {
        self.diff_id
    }

    /// Number of entries in the tar, whiteouts included.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether the tar has no entries.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The content hash of an entry by its number in the tar; `None` for all but regular files.
    pub fn hash(&self, entry: u32) -> Option<&ContentHash> {
        match self.records.get(entry as usize)?.payload {
            Payload::File { hash, .. } => self.hashes.get(hash as usize),
            _ => None,
        }
    }

    /// What the contents say beside their hashes.
    pub fn facts(&self) -> &LayerFacts {
        &self.facts
    }

    /// Content bytes of an entry by its number in the tar; 0 for all but regular files.
    pub fn size(&self, entry: u32) -> u64 {
        match self.records.get(entry as usize).map(|record| record.payload) {
            Some(Payload::File { size, .. }) => size,
            _ => 0,
        }
    }

    /// The entries in the order of the tar, without user names, group names and offsets.
    ///
    /// # Errors
    /// An entry's path is checked again as it is made; what was read from a layer always passes.
    pub fn entries(&self) -> impl Iterator<Item = Result<Entry>> + '_ {
        self.records.iter().map(|record| self.entry(record).map_err(in_layer(self.diff_id)))
    }

    /// One entry by its number in the tar, as [`LayerIndex::entries`] gives it.
    pub fn get(&self, entry: u32) -> Option<Entry> {
        self.entry(self.records.get(entry as usize)?).ok()
    }

    /// The path of an entry by its number in the tar.
    pub fn path(&self, entry: u32) -> Option<Vec<u8>> {
        self.records.get(entry as usize).map(|record| self.record_path(record))
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
        let is_marked = |record: &&Record| self.texts.get(record.name).starts_with(WHITEOUT_PREFIX);
        self.records.iter().filter(is_marked).filter_map(|record| self.entry(record).ok())
    }

    fn record_path(&self, record: &Record) -> Vec<u8> {
        let (directory, name) = (self.texts.get(record.directory), self.texts.get(record.name));
        if directory.is_empty() { name.to_vec() } else { [directory, b"/", name].concat() }
    }

    fn entry(&self, record: &Record) -> strata_image::Result<Entry> {
        let path = self.record_path(record);
        let text = |id| BString::from(self.texts.get(id));
        let kind = match record.payload {
            Payload::File { .. } => EntryKind::File,
            Payload::HardLink(target) => EntryKind::HardLink(LayerPath::new(self.texts.get(target))?),
            Payload::Symlink(target) => EntryKind::Symlink(text(target)),
            Payload::Directory => EntryKind::Directory,
            Payload::CharDevice { major, minor } => EntryKind::CharDevice { major, minor },
            Payload::BlockDevice { major, minor } => EntryKind::BlockDevice { major, minor },
            Payload::Fifo => EntryKind::Fifo,
        };
        let mut entry = Entry::new(LayerPath::new(&path)?, kind);
        entry.mode = u32::from(record.mode);
        entry.uid = record.uid;
        entry.gid = record.gid;
        entry.mtime = Timestamp { seconds: record.seconds, nanoseconds: record.nanoseconds };
        entry.xattrs.clone_from(&self.xattrs[record.xattrs as usize]);
        if let Payload::File { size, .. } = record.payload {
            entry.size = size;
        }
        Ok(entry)
    }
}

/// An index as it grows, with what is needed only meanwhile.
struct Building {
    index: LayerIndex,
    directories: HashMap<Vec<u8>, TextId>,
    xattrs: HashMap<BTreeMap<BString, Vec<u8>>, u32>,
    xattr_bytes: usize,
}

impl Building {
    fn new(diff_id: DiffId) -> Self {
        let none = BTreeMap::new();
        Self {
            index: LayerIndex {
                diff_id,
                records: Vec::new(),
                texts: Texts::default(),
                xattrs: vec![none.clone()],
                hashes: Vec::new(),
                facts: LayerFacts::default(),
            },
            directories: HashMap::new(),
            xattrs: HashMap::from([(none, 0)]),
            xattr_bytes: 0,
        }
    }

    /// The number of the entry that comes next.
    fn next_entry(&self) -> u32 {
        u32::try_from(self.index.records.len()).unwrap_or(u32::MAX)
    }

    fn push(&mut self, entry: &Entry, hash: Option<ContentHash>) -> Result<()> {
        if self.index.records.len() == MAX_ENTRIES {
            return Err(self.too_large("entries", MAX_ENTRIES));
        }
        let path = entry.path.as_bytes();
        let (directory, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&path[..0], path),
        };
        let payload = match &entry.kind {
            EntryKind::File => {
                let number =
                    u32::try_from(self.index.hashes.len()).map_err(|_| self.too_large("entries", MAX_ENTRIES))?;
                self.index.hashes.push(hash.unwrap_or_else(|| *blake3::hash(b"").as_bytes()));
                Payload::File { size: entry.size, hash: number }
            }
            EntryKind::HardLink(target) => Payload::HardLink(self.text(target.as_bytes())?),
            EntryKind::Symlink(target) => Payload::Symlink(self.text(target)?),
            EntryKind::Directory => Payload::Directory,
            &EntryKind::CharDevice { major, minor } => Payload::CharDevice { major, minor },
            &EntryKind::BlockDevice { major, minor } => Payload::BlockDevice { major, minor },
            EntryKind::Fifo => Payload::Fifo,
        };
        let record = Record {
            directory: self.directory(directory)?,
            name: self.text(name)?,
            payload,
            mode: u16::try_from(entry.mode & 0o7777).unwrap_or_default(),
            xattrs: self.xattrs(&entry.xattrs)?,
            uid: entry.uid,
            gid: entry.gid,
            seconds: entry.mtime.seconds,
            nanoseconds: entry.mtime.nanoseconds,
        };
        self.index.records.push(record);
        Ok(())
    }

    /// A directory's path is kept once for all that stands in it.
    fn directory(&mut self, path: &[u8]) -> Result<TextId> {
        if let Some(&id) = self.directories.get(path) {
            return Ok(id);
        }
        let id = self.text(path)?;
        self.directories.insert(path.to_vec(), id);
        Ok(id)
    }

    fn text(&mut self, text: &[u8]) -> Result<TextId> {
        match self.index.texts.push(text, MAX_TEXT) {
            Some(id) => Ok(id),
            None => Err(self.too_large("bytes of names", MAX_TEXT)),
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

/// Gives the hash by which indexes know content.
pub fn content_hash(content: &[u8]) -> ContentHash {
    *blake3::hash(content).as_bytes()
}
