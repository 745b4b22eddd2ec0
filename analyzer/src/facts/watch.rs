//! One file as it is hashed, and all facts of a layer as they come together.

use std::io::{self, Read};

use strata_image::compression::{self, Compression, Effort};

use super::{
    Fact, LayerFacts, MAX_KEPT,
    archive::{Form, Unpacking},
    elf,
    kept::Keep,
    secret,
    zeros::{self, Zeros},
};
use crate::index::{ContentHash, ContentHasher};

/// Bytes read at once: a multiple of the blocks that are looked at for zeros.
const CHUNK: usize = 128 << 10;
/// Bytes that the archives of one layer may unpack to, however small they are.
const UNPACK_FREE: u64 = 1 << 30;
/// What each byte of an archive adds to that. Archives of programs and texts unpack to 3 to 12 times their size.
const UNPACK_RATIO: u64 = 20;
/// Members of all archives of one layer: 40 MB.
const MAX_MEMBERS: usize = 1_000_000;

/// The facts of one layer so far.
pub(crate) struct Gatherer {
    facts: Vec<(u32, Fact)>,
    kept: Vec<u8>,
    unpack: u64,
    members: usize,
    buffer: Vec<u8>,
}

impl Default for Gatherer {
    fn default() -> Self {
        Self { facts: Vec::new(), kept: Vec::new(), unpack: UNPACK_FREE, members: 0, buffer: Vec::new() }
    }
}

/// One file of which the bytes come by.
struct Watch<'p> {
    path: &'p [u8],
    size: u64,
    offset: u64,
    zeros: Option<Zeros>,
    elf: Option<elf::Watching>,
    archive: Option<Unpacking>,
    keep: Option<Keep>,
    is_secret: bool,
    /// The whole content, for what reads it at the end.
    content: Option<Vec<u8>>,
}

impl Gatherer {
    /// Takes a whole content, of less than a chunk, and notes what it says under the number of its entry.
    pub(crate) fn take(&mut self, entry: u32, path: &[u8], content: &[u8]) {
        let mut watch = self.watch(path, content.len() as u64);
        watch.take(content);
        self.end(entry, watch);
    }

    /// Reads a content to its end: gives its hash, and notes what else it says under the number of its entry.
    ///
    /// # Errors
    /// Those of reading.
    pub(crate) fn read(
        &mut self,
        entry: u32,
        path: &[u8],
        size: u64,
        content: &mut impl Read,
    ) -> io::Result<ContentHash> {
        let mut hasher = ContentHasher::default();
        let mut watch = self.watch(path, size);
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(CHUNK, 0);
        loop {
            let filled = fill(content, &mut buffer)?;
            hasher.update(&buffer[..filled]);
            watch.take(&buffer[..filled]);
            if filled < CHUNK {
                break;
            }
        }
        self.buffer = buffer;
        self.end(entry, watch);
        Ok(hasher.finish().0)
    }

    /// Begins a file.
    fn watch<'p>(&mut self, path: &'p [u8], size: u64) -> Watch<'p> {
        let mut watch = Watch {
            path,
            size,
            offset: 0,
            zeros: (size >= zeros::MIN_SIZE).then(Zeros::default),
            elf: None,
            archive: None,
            keep: None,
            is_secret: false,
            content: None,
        };
        if size == 0 {
            return watch;
        }
        watch.keep = Keep::of(path, size);
        watch.is_secret = size <= secret::MAX_SIZE && secret::is_named_so(path);
        if let Some(form) = Form::of(path).filter(|_| self.members < MAX_MEMBERS) {
            self.unpack = self.unpack.saturating_add(size.saturating_mul(UNPACK_RATIO));
            watch.archive = Unpacking::begin(form, size, self.unpack);
        }
        watch
    }

    /// Ends a file that was seen whole.
    fn end(&mut self, entry: u32, watch: Watch<'_>) {
        if let Some(zeros) = watch.zeros.and_then(|zeros| zeros.finish(watch.size)) {
            self.facts.push((entry, Fact::Zeros(zeros)));
        }
        if let Some(elf) = watch.elf.map(elf::Watching::finish) {
            self.facts.push((entry, Fact::Elf(elf)));
        }
        if let Some(unpacked) = watch.archive.map(Unpacking::finish) {
            self.unpack = self.unpack.saturating_sub(unpacked.bytes);
            self.members += unpacked.archive.members.len();
            self.facts.push((entry, Fact::Archive(unpacked.archive)));
        }
        let Some(content) = watch.content else {
            return;
        };
        if let Some(secret) = watch.is_secret.then(|| secret::find(watch.path, &content)).flatten() {
            self.facts.push((entry, Fact::Secret(secret)));
        }
        if let Some(kept) = watch.keep.and_then(|keep| keep.take(&content))
            && self.kept.len() + kept.len() <= MAX_KEPT
            && let (Ok(start), Ok(length)) = (u32::try_from(self.kept.len()), u32::try_from(kept.len()))
        {
            self.kept.extend_from_slice(&kept);
            self.facts.push((entry, Fact::Kept { start, length }));
        }
    }

    /// All of them.
    pub(crate) fn finish(self) -> LayerFacts {
        let compressed = if self.kept.is_empty() { Vec::new() } else { compress(&self.kept) };
        LayerFacts { facts: self.facts, compressed, ..LayerFacts::default() }
    }
}

impl Watch<'_> {
    /// Takes the next chunk. All but the last have the same length, a multiple of 4,096; the first has at least 64 bytes
    /// when the file has.
    fn take(&mut self, chunk: &[u8]) {
        if self.offset == 0 {
            self.begin(chunk);
        }
        if let Some(zeros) = &mut self.zeros {
            zeros.take(chunk);
        }
        if let Some(elf) = &mut self.elf {
            elf.take(self.offset, chunk);
        }
        if let Some(archive) = &mut self.archive {
            archive.take(chunk);
        }
        if let Some(content) = &mut self.content {
            content.extend_from_slice(chunk);
        }
        self.offset += chunk.len() as u64;
    }

    /// What the first bytes decide.
    fn begin(&mut self, head: &[u8]) {
        self.elf = elf::Watching::begin(head, self.size);
        self.is_secret |= self.size <= secret::MAX_SIZE && secret::begins_so(head);
        if self.is_secret || self.keep.is_some() {
            self.content = Some(Vec::new());
        }
    }
}

/// Fills the buffer as far as there are bytes.
fn fill(content: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match content.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// Nothing is kept where it cannot be compressed.
fn compress(kept: &[u8]) -> Vec<u8> {
    let write = || -> io::Result<Vec<u8>> {
        let mut writer = compression::writer(Compression::Zstd, Effort::default(), Vec::new())?;
        io::Write::write_all(&mut writer, kept)?;
        writer.finish()
    };
    write().unwrap_or_default()
}
