//! An index on disk, `<cache>/<64 hex digits of the diff ID>`:
//!
//! ```text
//! magic (16) │ payload length (u64) │ BLAKE3 of the payload (32) │ payload
//! payload: diff ID │ texts │ xattr sets │ hashes │ records │ facts      every list led by its length, integers little endian
//! ```
//!
//! Whatever is not exactly this is no index, and the layer is read again.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::Path,
};

use bstr::BString;
use strata_image::DiffId;

use super::{
    ContentHash, LayerIndex, MAX_ENTRIES, MAX_TEXT, MAX_XATTRS, Payload, Record,
    texts::{TextId, Texts},
};
use crate::facts::LayerFacts;

/// The number is the format's version: an older or newer file is read again from its layer.
const MAGIC: &[u8; 16] = b"strata-index 2\n\0";
const RECORD_BYTES: usize = 55;
/// No larger index is ever written, so no larger file is taken into memory.
const MAX_FILE: u64 = (MAX_ENTRIES * (RECORD_BYTES + 32 + 12) + MAX_TEXT + 2 * MAX_XATTRS + MAX_FACTS) as u64;
/// What is kept, members of archives, and a few bytes for each file that says something.
const MAX_FACTS: usize = 512 << 20;

/// Gives the index of a layer if the cache has it, whole and of this version.
pub(super) fn load(directory: &Path, diff_id: DiffId) -> Option<LayerIndex> {
    let mut file = File::open(directory.join(diff_id.hex())).ok()?;
    let size = file.metadata().ok()?.len();
    let mut magic = [0; MAGIC.len()];
    file.read_exact(&mut magic).ok()?;
    let mut length = [0; 8];
    file.read_exact(&mut length).ok()?;
    let mut checksum = [0; 32];
    file.read_exact(&mut checksum).ok()?;
    let length = u64::from_le_bytes(length);
    let header = (MAGIC.len() + 8 + 32) as u64;
    if &magic != MAGIC || length > MAX_FILE || header + length != size {
        return None;
    }
    let mut payload = vec![0; usize::try_from(length).ok()?];
    file.read_exact(&mut payload).ok()?;
    if blake3::hash(&payload) != checksum {
        return None;
    }
    let index = decode(&payload)?;
    (index.diff_id == diff_id).then_some(index)
}

/// Puts an index where [`load`] finds it: a reader sees the whole file or none.
pub(super) fn save(directory: &Path, index: &LayerIndex) -> io::Result<()> {
    let payload = encode(index);
    fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new().prefix(".index-").tempfile_in(directory)?;
    file.write_all(MAGIC)?;
    file.write_all(&(payload.len() as u64).to_le_bytes())?;
    file.write_all(blake3::hash(&payload).as_bytes())?;
    file.write_all(&payload)?;
    file.as_file().sync_all()?;
    file.persist(directory.join(index.diff_id.hex()))?;
    Ok(())
}

fn encode(index: &LayerIndex) -> Vec<u8> {
    let mut out = Out(Vec::with_capacity(index.records.len() * (RECORD_BYTES + 32) + index.texts.bytes.len()));
    out.0.extend_from_slice(index.diff_id.as_bytes());
    out.bytes(&index.texts.bytes);
    out.length(index.texts.ends.len());
    for &end in &index.texts.ends {
        out.u32(end);
    }
    out.length(index.xattrs.len());
    for set in &index.xattrs {
        out.length(set.len());
        for (name, value) in set {
            out.bytes(name);
            out.bytes(value);
        }
    }
    out.length(index.hashes.len());
    for hash in &index.hashes {
        out.0.extend_from_slice(hash);
    }
    out.length(index.records.len());
    for record in &index.records {
        out.record(record);
    }
    let mut facts = Vec::new();
    index.facts.encode(&mut facts);
    out.bytes(&facts);
    out.0
}

fn decode(payload: &[u8]) -> Option<LayerIndex> {
    let mut input = In(payload);
    let diff_id = DiffId::from_bytes(input.array()?);
    let bytes = input.bytes()?.to_vec();
    let ends = input.list(4, In::u32)?;
    let ordered = ends.is_sorted() && ends.last().copied().unwrap_or(0) as usize == bytes.len();
    let xattrs = input.list(4, |input| {
        let pairs = input.list(8, |input| Some((BString::from(input.bytes()?), input.bytes()?.to_vec())))?;
        Some(pairs.into_iter().collect::<BTreeMap<_, _>>())
    })?;
    let hashes: Vec<ContentHash> = input.list(32, In::array)?;
    let records = input.list(RECORD_BYTES, In::record)?;
    let facts = LayerFacts::decode(input.bytes()?)?;
    let (texts, sets, contents) = (ends.len(), xattrs.len(), hashes.len());
    let in_range = |record: &Record| {
        let payload = match record.payload {
            Payload::File { hash, .. } => (hash as usize) < contents,
            Payload::HardLink(target) | Payload::Symlink(target) => (target.0 as usize) < texts,
            _ => true,
        };
        payload
            && (record.directory.0 as usize) < texts
            && (record.name.0 as usize) < texts
            && (record.xattrs as usize) < sets
    };
    (ordered && input.0.is_empty() && records.iter().all(in_range)).then_some(LayerIndex {
        diff_id,
        records,
        texts: Texts { bytes, ends },
        xattrs,
        hashes,
        facts,
    })
}

struct Out(Vec<u8>);

impl Out {
    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn length(&mut self, length: usize) {
        self.u64(length as u64);
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn record(&mut self, record: &Record) {
        let (tag, wide, narrow) = match record.payload {
            Payload::File { size, hash } => (0, size, hash),
            Payload::HardLink(target) => (1, 0, target.0),
            Payload::Symlink(target) => (2, 0, target.0),
            Payload::Directory => (3, 0, 0),
            Payload::CharDevice { major, minor } => (4, u64::from(major), minor),
            Payload::BlockDevice { major, minor } => (5, u64::from(major), minor),
            Payload::Fifo => (6, 0, 0),
        };
        self.0.push(tag);
        self.u64(wide);
        self.u32(narrow);
        self.u32(record.directory.0);
        self.u32(record.name.0);
        self.0.extend_from_slice(&record.mode.to_le_bytes());
        self.u32(record.xattrs);
        self.u64(record.uid);
        self.u64(record.gid);
        self.0.extend_from_slice(&record.seconds.to_le_bytes());
        self.u32(record.nanoseconds);
    }
}

/// What is left to be read; every read is `None` past the end.
struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.take(N)?.try_into().ok()
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(self.u64()?).ok()
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        self.take(length)
    }

    /// A list whose items have at least `least` bytes each, so that no length claims more memory than the file has.
    fn list<T>(&mut self, least: usize, item: impl Fn(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let length = self.length()?;
        if length > self.0.len() / least {
            return None;
        }
        let mut items = Vec::with_capacity(length);
        for _ in 0..length {
            items.push(item(self)?);
        }
        Some(items)
    }

    fn record(&mut self) -> Option<Record> {
        let [tag] = self.array()?;
        let wide = self.u64()?;
        let narrow = self.u32()?;
        let payload = match tag {
            0 => Payload::File { size: wide, hash: narrow },
            1 => Payload::HardLink(TextId(narrow)),
            2 => Payload::Symlink(TextId(narrow)),
            3 => Payload::Directory,
            4 => Payload::CharDevice { major: u32::try_from(wide).ok()?, minor: narrow },
            5 => Payload::BlockDevice { major: u32::try_from(wide).ok()?, minor: narrow },
            6 => Payload::Fifo,
            _ => return None,
        };
        Some(Record {
            payload,
            directory: TextId(self.u32()?),
            name: TextId(self.u32()?),
            mode: u16::from_le_bytes(self.array()?),
            xattrs: self.u32()?,
            uid: self.u64()?,
            gid: self.u64()?,
            seconds: i64::from_le_bytes(self.array()?),
            nanoseconds: self.u32()?,
        })
    }
}
