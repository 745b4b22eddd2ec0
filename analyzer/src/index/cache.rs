//! An index on disk, `<cache>/<64 hex digits of the diff ID>`:
//!
//! ```text
//! magic (16) │ length of the front (u64) │ length of the records (u64) │ BLAKE3 of all behind it (32) │ front │ records
//! front: diff ID │ count │ block starts │ xattr sets │ files │ hashes │ sizes │ large sizes │ facts
//!        every list led by its length, integers little endian
//! ```
//!
//! Whatever is not exactly this is no index, and the layer is read again. A file appears whole, under its name, and is
//! never written to: processes share the folder without a lock. It is not synced: what a crash leaves of it has not its
//! checksum. When all together are larger than [`CACHE_BYTES`], those go first that were not asked for the longest; a
//! process that reads one meanwhile has it open.

use std::{
    collections::BTreeMap,
    env,
    fs::{self, File, FileTimes, Metadata},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use bstr::BString;
use strata_image::DiffId;

use super::{ContentHash, LayerIndex, MAX_ENTRIES, MAX_RECORDS, MAX_XATTRS, contents::Contents, records::Records};
use crate::facts::LayerFacts;

/// Bytes that the indexes of one cache may have together, unless [`CACHE_VARIABLE`] says otherwise. A layer of 50,000
/// files has an index of 3 MB: these are 300 such layers, all those of some dozens of images.
pub const CACHE_BYTES: u64 = 1 << 30;
/// The environment variable that sets another bound: bytes, perhaps with `k`, `m` or `g` behind them for KiB, MiB and GiB.
pub const CACHE_VARIABLE: &str = "STRATA_ANALYSIS_MAX_USED";

/// The number is the format's version: an older or newer file is read again from its layer.
const MAGIC: &[u8; 16] = b"strata-index 7\n\0";
const HEAD: usize = MAGIC.len() + 8 + 8 + 32;
/// No larger index is ever written, so no larger file is taken into memory.
const MAX_FRONT: u64 = (MAX_ENTRIES * 50 + 2 * MAX_XATTRS + MAX_FACTS) as u64;
/// What is kept, members of archives, and a few bytes for each file that says something.
const MAX_FACTS: usize = 512 << 20;
/// How old the note of the last use may be before it is renewed: which of two layers was used last within an hour
/// decides nothing.
const USE_NOTED: Duration = Duration::from_secs(60 * 60);
/// How old a temporary file must be to be taken for one that a killed process left.
const ABANDONED: Duration = Duration::from_secs(24 * 60 * 60);
const TEMPORARY: &str = ".index-";
/// Ends the name of a sample, which stands beside the index.
const SAMPLE: &str = ".gzip";

/// Gives the index of a layer if the cache has it, whole and of this version.
pub(super) fn load(directory: &Path, diff_id: DiffId) -> Option<LayerIndex> {
    let mut file = File::open(directory.join(diff_id.hex())).ok()?;
    let metadata = file.metadata().ok()?;
    let mut head = [0; HEAD];
    file.read_exact(&mut head).ok()?;
    let mut input = In(&head);
    let magic: [u8; 16] = input.array()?;
    let (front, records) = (input.u64()?, input.u64()?);
    let checksum: [u8; 32] = input.array()?;
    let size = (HEAD as u64).checked_add(front)?.checked_add(records)?;
    if &magic != MAGIC || front > MAX_FRONT || records > MAX_RECORDS as u64 || size != metadata.len() {
        return None;
    }
    let mut bytes = vec![0; usize::try_from(front).ok()?];
    file.read_exact(&mut bytes).ok()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(&bytes).update_reader(&mut file).ok()?;
    if hasher.finalize() != checksum {
        return None;
    }
    note_use(&file, &metadata);
    let index = decode(&bytes, file, (HEAD as u64) + front, records)?;
    (index.diff_id == diff_id).then_some(index)
}

/// Puts an index where [`load`] finds it: a reader sees the whole file or none. Gives the records as they stand in it.
pub(super) fn save(directory: &Path, index: &LayerIndex) -> io::Result<Records> {
    let front = encode(index);
    let records = index.records.whole()?;
    let lengths = [front.len() as u64, records.len() as u64].map(u64::to_le_bytes).concat();
    let checksum = blake3::Hasher::new().update(&front).update(&records).finalize();
    let head = [MAGIC, lengths.as_slice(), checksum.as_bytes()].concat();
    let file = put(directory, &index.diff_id.hex(), &[&head, &front, &records])?;
    let start = (HEAD + front.len()) as u64;
    Records::in_file(index.len(), index.records.starts.clone(), file, start, records.len() as u64)
}

/// Writes a file of some parts: a reader sees the whole file or none.
pub(super) fn put(directory: &Path, name: &str, parts: &[&[u8]]) -> io::Result<File> {
    fs::create_dir_all(directory)?;
    let mut file = tempfile::Builder::new().prefix(TEMPORARY).tempfile_in(directory)?;
    for part in parts {
        file.write_all(part)?;
    }
    Ok(file.persist(directory.join(name))?)
}

/// The name of what [`Sample`](super::Sample) keeps of a layer.
pub(super) fn sample_name(layer: DiffId) -> String {
    layer.hex() + SAMPLE
}

/// Notes that an index or a sample was used, as the time of its file.
pub(super) fn note_use(file: &File, metadata: &Metadata) {
    let now = SystemTime::now();
    let is_noted = metadata.modified().is_ok_and(|time| now.duration_since(time).is_ok_and(|age| age < USE_NOTED));
    if !is_noted {
        // without the note it only goes sooner
        let _ = file.set_times(FileTimes::new().set_modified(now));
    }
}

/// The bound, as the environment or else [`CACHE_BYTES`] says.
pub(super) fn limit() -> u64 {
    env::var(CACHE_VARIABLE).ok().and_then(|text| parse_bytes(&text)).unwrap_or(CACHE_BYTES)
}

fn parse_bytes(text: &str) -> Option<u64> {
    let number = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[number.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" => 10,
        "m" | "mb" => 20,
        "g" | "gb" => 30,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(1 << shift)
}

/// Removes the indexes and samples that were not used for the longest, until the rest is within the bound.
pub(super) fn trim(directory: &Path, limit: u64) -> io::Result<()> {
    let mut indexes: Vec<(SystemTime, u64, PathBuf)> = Vec::new();
    let now = SystemTime::now();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        // another process may have removed it
        let Ok(metadata) = entry.metadata() else { continue };
        let used = metadata.modified()?;
        let layer = name.strip_suffix(SAMPLE).unwrap_or(name);
        if layer.len() == 64 && layer.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            indexes.push((used, metadata.len(), entry.path()));
        } else if name.starts_with(TEMPORARY) && now.duration_since(used).is_ok_and(|age| age > ABANDONED) {
            let _ = fs::remove_file(entry.path());
        }
    }
    indexes.sort_unstable();
    let mut bytes: u64 = indexes.iter().map(|(_, bytes, _)| bytes).sum();
    for (_, size, path) in indexes {
        if bytes <= limit {
            break;
        }
        let _ = fs::remove_file(path);
        bytes -= size;
    }
    Ok(())
}

fn encode(index: &LayerIndex) -> Vec<u8> {
    let Contents { files, hashes, sizes, large, .. } = &index.contents;
    let mut out = Out(Vec::with_capacity(files.len() * 8 + hashes.len() * 36 + 4096));
    out.0.extend_from_slice(index.diff_id.as_bytes());
    out.length(index.len());
    out.list(&index.records.starts, |out, start| out.0.extend_from_slice(&start.to_le_bytes()));
    out.list(&index.xattrs, |out, set| {
        out.length(set.len());
        for (name, value) in set {
            out.bytes(name);
            out.bytes(value);
        }
    });
    out.list(files, |out, word| out.0.extend_from_slice(&word.to_le_bytes()));
    out.list(hashes, |out, hash| out.0.extend_from_slice(hash));
    out.list(sizes, |out, size| out.0.extend_from_slice(&size.to_le_bytes()));
    out.length(large.len());
    for (file, size) in large {
        out.0.extend_from_slice(&file.to_le_bytes());
        out.0.extend_from_slice(&size.to_le_bytes());
    }
    let mut facts = Vec::new();
    index.facts.encode(&mut facts);
    out.bytes(&facts);
    out.0
}

fn decode(front: &[u8], file: File, start: u64, length: u64) -> Option<LayerIndex> {
    let mut input = In(front);
    let diff_id = DiffId::from_bytes(input.array()?);
    let count = input.length()?;
    let starts = input.list(4, In::u32)?;
    let xattrs = input.list(4, |input| {
        let pairs = input.list(8, |input| Some((BString::from(input.bytes()?), input.bytes()?.to_vec())))?;
        Some(pairs.into_iter().collect::<BTreeMap<_, _>>())
    })?;
    let files = input.list(8, In::u64)?;
    let hashes: Vec<ContentHash> = input.list(32, In::array)?;
    let sizes = input.list(4, In::u32)?;
    let large = input.list(12, |input| Some((input.u32()?, input.u64()?)))?.into_iter().collect();
    let contents = Contents::of(files, hashes, sizes, large)?;
    let facts = LayerFacts::decode(input.bytes()?)?.if_within(&|entry| contents.size(entry))?;
    if !input.0.is_empty() || count > MAX_ENTRIES {
        return None;
    }
    let records = Records::in_file(count, starts, file, start, length).ok()?;
    Some(LayerIndex { diff_id, records, xattrs, contents, facts })
}

struct Out(Vec<u8>);

impl Out {
    fn length(&mut self, length: usize) {
        self.0.extend_from_slice(&(length as u64).to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.length(bytes.len());
        self.0.extend_from_slice(bytes);
    }

    fn list<T>(&mut self, items: &[T], write: impl Fn(&mut Self, &T)) {
        self.length(items.len());
        for item in items {
            write(self, item);
        }
    }
}

struct In<'a>(&'a [u8]);

impl<'a> In<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(head)
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
}

#[cfg(test)]
mod tests {
    use super::parse_bytes;

    #[test]
    fn a_bound_is_bytes_with_or_without_a_unit() {
        for (text, bytes) in [
            ("0", Some(0)),
            ("4096", Some(4096)),
            ("20g", Some(20 << 30)),
            ("3M", Some(3 << 20)),
            ("1kb", Some(1024)),
            ("", None),
            ("-1", None),
            ("g", None),
            ("1t", None),
            ("99999999999g", None),
        ] {
            assert_eq!(parse_bytes(text), bytes, "{text}");
        }
    }
}
