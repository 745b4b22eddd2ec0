//! Reads the entries of a layer's tar.

mod sparse;

use std::io::{self, BufRead, BufReader, Read};

use bstr::{BString, ByteSlice};

use super::{
    Entry, EntryKind, LayerPath, Problem, TarError,
    content::{Content, Run},
    error::excerpt,
    header::{BLOCK, BLOCK_BYTES, Header, padding},
    path::MAX_PATH,
    pax::Records,
    raw::RawEntry,
};
use crate::time::Timestamp;

/// The largest extended header in bytes, the limit of Go's reader: paths, link targets and the extended attributes of
/// an entry together cannot be larger in a layer that Docker takes.
pub const MAX_EXTENSION: u64 = 1 << 20;
/// The largest expanded size of a sparse file, 64 GiB: a hole costs its writer nothing, but every reader of the content
/// its time. No builder writes sparse files into layers.
pub const MAX_SPARSE_SIZE: u64 = 1 << 36;
/// The most segments of a sparse file: 4 MiB of memory.
pub const MAX_SPARSE_SEGMENTS: usize = 1 << 18;

/// Bytes read at once: small files come in by the dozen.
const BUFFER: usize = 128 << 10;

/// Streams the entries of an *uncompressed* layer tar.
///
/// It knows ustar, PAX (also GNU's and star's keywords for sparse files and extended attributes) and GNU's long names,
/// large numbers and sparse files. Global PAX headers are passed over, as Docker does. Only regular files have content:
/// a size in the header of a link, directory or device is not followed by data (as in Go; bsdtar differs). Entries of
/// other types (GNU's volume labels, directory dumps and continuations, vendors' own) are errors, as they are to Docker
/// and containerd. Bytes after the end of the archive are not looked at.
///
/// ```
/// use std::io::Read;
/// use strata_image::layer::{Entry, EntryKind, LayerPath, LayerReader, LayerWriter};
///
/// let mut writer = LayerWriter::new(Vec::new());
/// let entry = Entry { size: 5, ..Entry::new(LayerPath::new(b"etc/motd")?, EntryKind::File) };
/// writer.append(&entry, b"hello".as_slice())?;
/// let tar = writer.finish()?;
///
/// let mut reader = LayerReader::new(tar.as_slice());
/// while let Some(entry) = reader.next_entry()? {
///     let mut content = String::new();
///     reader.read_to_string(&mut content)?;
///     assert_eq!((entry.path.to_string().as_str(), content.as_str()), ("etc/motd", "hello"));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct LayerReader<R> {
    inner: R,
    /// Bytes consumed of the tar.
    offset: u64,
    content: Content,
    /// Of the current header, for errors and as working space.
    name: Vec<u8>,
    ended: bool,
    /// The headers of the current entry, where they are kept.
    raw: Option<Box<RawEntry>>,
}

/// GNU's long names that wait for their entry.
#[derive(Default)]
struct Extensions {
    records: Option<Records>,
    long_name: Option<BString>,
    long_link: Option<BString>,
}

impl<R: Read> LayerReader<BufReader<R>> {
    /// Reads a tar from its first byte. The reader buffers, so `inner` need not.
    pub fn new(inner: R) -> Self {
        Self::buffered(BufReader::with_capacity(BUFFER, inner))
    }
}

impl<R: BufRead> LayerReader<R> {
    /// Reads a tar from its first byte, as [`LayerReader::new`] does, in the buffer that `inner` has.
    pub fn buffered(inner: R) -> Self {
        Self { inner, offset: 0, content: Content::default(), name: Vec::new(), ended: false, raw: None }
    }

    /// Makes the reader keep the headers of each entry for [`LayerReader::raw`].
    #[must_use]
    pub fn keep_raw(mut self) -> Self {
        self.raw = Some(Box::new(RawEntry::new()));
        self
    }

    /// Gives the headers of the entry that was read last; `None` unless they are kept.
    pub fn raw(&self) -> Option<&RawEntry> {
        self.raw.as_deref()
    }

    /// Passes over what is left of the current content, then gives the next entry; `None` at the end. The two zero
    /// blocks of the end, and the zeros after the last content, may be missing.
    ///
    /// # Errors
    ///
    /// Any [`TarError`] of reading. Nothing sensible can be read after one.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, TarError> {
        self.skip_content()?;
        let mut extensions = Extensions::default();
        let mut begin = None;
        if let Some(raw) = &mut self.raw {
            **raw = RawEntry::new();
        }
        while let Some(header) = self.header()? {
            let at = self.offset - BLOCK_BYTES;
            match header.type_flag() {
                b'g' => {
                    let data = self.extension(&header)?;
                    if let Some(raw) = &mut self.raw {
                        raw.take_records(&data);
                    }
                    continue;
                }
                b'x' => {
                    let data = self.extension(&header)?;
                    if let Some(raw) = &mut self.raw {
                        raw.take_records(&data);
                    }
                    extensions.records = Some(Records::parse(&data).map_err(|problem| self.problem(at, problem))?);
                }
                b'L' => extensions.long_name = Some(self.long_name(&header)?),
                b'K' => extensions.long_link = Some(self.long_name(&header)?),
                _ => {
                    return self.entry(begin.unwrap_or(at), &header, extensions).map(Some);
                }
            }
            begin.get_or_insert(at);
        }
        match begin {
            Some(at) => Err(self.problem(at, Problem::Dangling)),
            None => Ok(None),
        }
    }

    /// Gives the whole content of the current entry where it lies, without reading it; `None` where it is begun, is sparse, or is
    /// not all in the buffer.
    ///
    /// # Errors
    /// Those of reading, when the buffer is empty.
    pub fn peek_content(&mut self) -> io::Result<Option<&[u8]>> {
        let size = self.content.unread().and_then(|size| usize::try_from(size).ok());
        let buffer = self.inner.fill_buf()?;
        Ok(size.and_then(|size| buffer.get(..size)))
    }

    /// Gives the offset behind the current entry: where the next one begins, for who would rather seek than read on.
    pub fn entry_end(&self) -> u64 {
        self.offset + self.content.stored + self.content.padding
    }

    /// Reads to the end of the stream, so that a verifying reader below sees all of it, and gives that back.
    pub fn finish(mut self) -> Result<R, TarError> {
        while self.consume(u64::MAX)? > 0 {}
        Ok(self.inner)
    }

    /// The next header block; `None` at the end of the archive.
    fn header(&mut self) -> Result<Option<Header>, TarError> {
        self.name.clear();
        let mut block = [0; BLOCK];
        if self.ended || !self.block(&mut block, "header")? {
            self.ended = true;
            return Ok(None);
        }
        let at = self.offset - BLOCK_BYTES;
        if block == [0; BLOCK] {
            self.ended = true;
            if self.block(&mut block, "header")? && block != [0; BLOCK] {
                return Err(self.problem(at, Problem::LoneZeroBlock));
            }
            return Ok(None);
        }
        let header = Header::new(&block).map_err(|problem| self.problem(at, problem))?;
        header.name(&mut self.name);
        Ok(Some(header))
    }

    /// The data of an extended header, within its limit.
    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, TarError> {
        let at = self.offset - BLOCK_BYTES;
        let size = header.size().map_err(|problem| self.problem(at, problem))?;
        if size > MAX_EXTENSION {
            return Err(self.problem(at, Problem::ExtensionTooLarge(size)));
        }
        let mut data = Vec::new();
        let read = self.inner.by_ref().take(size).read_to_end(&mut data);
        read.map_err(|source| TarError::Read { offset: self.offset, source })?;
        self.offset += data.len() as u64;
        let padded = self.skip(padding(size))?;
        if (data.len() as u64) < size || !padded {
            return Err(self.truncated("extended header"));
        }
        Ok(data)
    }

    /// The data of a GNU long name: up to its first NUL.
    fn long_name(&mut self, header: &Header) -> Result<BString, TarError> {
        let mut name = self.extension(header)?;
        name.truncate(name.find_byte(0).unwrap_or(name.len()));
        Ok(name.into())
    }

    /// Puts an entry together from its header block and the extended ones before it; the stream stands at its content.
    fn entry(&mut self, begin: u64, header: &Header, extensions: Extensions) -> Result<Entry, TarError> {
        let at = self.offset - BLOCK_BYTES;
        if let Some(raw) = &mut self.raw {
            raw.header = *header.as_bytes();
            raw.long_names = extensions.long_name.is_some() || extensions.long_link.is_some();
        }
        let records = extensions.records.unwrap_or_default();
        if let Some(name) = extensions.long_name.or(records.path) {
            self.name.clear();
            self.name.extend_from_slice(&name);
        }
        let link = extensions.long_link.or(records.link);
        let problem = |problem| TarError::Entry { offset: at, name: excerpt(&self.name), problem };
        let kind = kind(header, &self.name, link).map_err(problem)?;
        let stored = match (&kind, records.size) {
            (EntryKind::File, Some(size)) => size,
            (EntryKind::File, None) => header.size().map_err(problem)?,
            _ => 0,
        };
        let mtime = match records.mtime {
            Some(mtime) => mtime,
            None => Timestamp::from_seconds(header.mtime().map_err(problem)?),
        };
        let (uname, gname) = header.owner_names();
        let mut entry = Entry {
            path: LayerPath::root(),
            kind,
            mode: header.mode().map_err(problem)?,
            uid: records.uid.map_or_else(|| header.uid(), Ok).map_err(problem)?,
            gid: records.gid.map_or_else(|| header.gid(), Ok).map_err(problem)?,
            mtime,
            size: stored,
            xattrs: records.xattrs,
            uname: records.uname.unwrap_or_else(|| uname.into()),
            gname: records.gname.unwrap_or_else(|| gname.into()),
            header_offset: begin,
            data_offset: self.offset,
        };

        self.content.begin(stored);
        let map = records.sparse.map().map_err(problem)?;
        if header.type_flag() == b'S' {
            entry.size = self.old_sparse(header, stored)?;
        } else if let Some(map) = map {
            if entry.kind != EntryKind::File {
                return Err(problem(Problem::SparseMap));
            }
            if let Some(name) = &records.sparse.name {
                self.name.clear();
                self.name.extend_from_slice(name);
            }
            entry.size = self.pax_sparse(map, records.sparse.size.unwrap_or(stored))?;
        }
        entry.data_offset = self.offset;
        if let Some(raw) = &mut self.raw {
            raw.path = self.name.as_slice().into();
        }
        let path = LayerPath::clean(&self.name).map_err(|path| self.problem(at, Problem::Path(path)))?;
        if path.is_root() && entry.kind != EntryKind::Directory {
            return Err(self.problem(at, Problem::Root));
        }
        entry.path = path;
        Ok(entry)
    }

    /// Passes over what the caller did not read. The padding may be missing at the very end, as in Go.
    fn skip_content(&mut self) -> Result<(), TarError> {
        let (stored, padding) = (self.content.stored, self.content.padding);
        let complete = self.skip(stored)?;
        self.content.begin(0);
        if !complete {
            return Err(self.truncated("content"));
        }
        self.ended |= !self.skip(padding)?;
        Ok(())
    }

    /// Consumes `count` bytes without copying them; `false` when the stream ends before.
    fn skip(&mut self, mut count: u64) -> Result<bool, TarError> {
        while count > 0 {
            match self.consume(count)? {
                0 => return Ok(false),
                consumed => count -= consumed,
            }
        }
        Ok(true)
    }

    /// Consumes what is buffered, at most `limit` bytes; 0 at the end of the stream.
    fn consume(&mut self, limit: u64) -> Result<u64, TarError> {
        loop {
            match self.inner.fill_buf() {
                Ok(buffer) => {
                    let count = (buffer.len() as u64).min(limit);
                    self.inner.consume(usize::try_from(count).unwrap_or(usize::MAX));
                    self.offset += count;
                    return Ok(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(TarError::Read { offset: self.offset, source });
                }
            }
        }
    }

    /// Reads a block; `false` when the stream ends at its beginning.
    fn block(&mut self, block: &mut [u8; BLOCK], part: &'static str) -> Result<bool, TarError> {
        let mut filled = 0;
        while filled < BLOCK {
            match self.inner.read(&mut block[filled..]) {
                Ok(0) if filled == 0 => return Ok(false),
                Ok(0) => return Err(self.truncated(part)),
                Ok(count) => {
                    filled += count;
                    self.offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => {
                    return Err(TarError::Read { offset: self.offset, source });
                }
            }
        }
        Ok(true)
    }

    fn problem(&self, offset: u64, problem: Problem) -> TarError {
        TarError::Entry { offset, name: excerpt(&self.name), problem }
    }

    fn truncated(&self, part: &'static str) -> TarError {
        TarError::Truncated { offset: self.offset, name: excerpt(&self.name), part }
    }
}

/// The current entry's content, the holes of a sparse file as zeros. A stream that ends within it is an error of kind
/// `UnexpectedEof` that holds a [`TarError`].
impl<R: BufRead> Read for LayerReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let fits = |run| usize::try_from(run).unwrap_or(usize::MAX).min(buffer.len());
        match self.content.run() {
            Run::Stored(run) => {
                let length = fits(run);
                let count = self.inner.read(&mut buffer[..length])?;
                if count == 0 && length > 0 {
                    return Err(self.truncated("content").into());
                }
                self.content.advance(count as u64);
                self.offset += count as u64;
                Ok(count)
            }
            Run::Hole(run) => {
                let length = fits(run);
                buffer[..length].fill(0);
                self.content.advance_hole(length as u64);
                Ok(length)
            }
        }
    }
}

/// The kind that the header's type flag says.
fn kind(header: &Header, name: &[u8], long_link: Option<BString>) -> Result<EntryKind, Problem> {
    let link = || long_link.unwrap_or_else(|| header.link().into());
    Ok(match header.type_flag() {
        // before ustar, directories were files whose name ends in a slash
        0 if name.ends_with(b"/") => EntryKind::Directory,
        0 | b'0' | b'7' | b'S' => EntryKind::File,
        b'1' => match link() {
            link if link.is_empty() => return Err(Problem::LinkTarget),
            link => EntryKind::HardLink(LayerPath::clean(&link).map_err(Problem::Path)?),
        },
        b'2' => match link() {
            link if link.is_empty() || link.len() > MAX_PATH || link.contains(&0) => {
                return Err(Problem::LinkTarget);
            }
            link => EntryKind::Symlink(link),
        },
        b'3' => header.device().map(|(major, minor)| EntryKind::CharDevice { major, minor })?,
        b'4' => header.device().map(|(major, minor)| EntryKind::BlockDevice { major, minor })?,
        b'5' => EntryKind::Directory,
        b'6' => EntryKind::Fifo,
        other => return Err(Problem::TypeFlag(other)),
    })
}
