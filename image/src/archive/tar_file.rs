//! A tar whose files are read by offset, in any order and from any number of threads.

use std::{
    collections::HashMap,
    fs::File,
    io::{self, Read, Seek},
    os::unix::fs::FileExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    blob::Blobs,
    compression::{self, Compression},
    digest::Digest,
    error::{Error, Result},
    layer::{EntryKind, LayerPath, LayerReader, TarError},
};

/// Entries of an archive of images: some per layer. A root filesystem given by mistake has more.
const MAX_ENTRIES: usize = 1 << 17;
/// Links that are followed from one file, as many as the kernel follows (`path_resolution(7)`).
const MAX_LINKS: usize = 40;
/// The largest archive unpacked from one that is compressed as a whole: a bound on the disk that a bomb can fill.
const MAX_UNPACKED_BYTES: u64 = 64 << 30;
/// The most bytes taken from a stream that cannot be read twice: a bound on the disk that it can fill.
const MAX_STREAM_BYTES: u64 = 64 << 30;
/// What errors call a stream.
pub(crate) const STREAM: &str = "standard input";
/// Bytes given at once while headers are read: content is jumped over, not read ahead.
const HEADER_READ: usize = 4 << 10;
/// Where large temporary files belong (FHS 3.0, 5.15).
const LARGE_TEMPORARY_FILES: &str = "/var/tmp";

/// A tar on the disk, and where its files are.
#[derive(Debug)]
pub(crate) struct TarFile {
    path: PathBuf,
    file: Arc<File>,
    members: HashMap<LayerPath, Member>,
}

#[derive(Debug)]
enum Member {
    File(Span),
    /// Symbolic or hard: the file that is meant, from the archive's root.
    Link(LayerPath),
    Other,
}

/// A run of bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u64,
    pub(crate) size: u64,
}

impl TarFile {
    /// Opens an archive and notes where its files are. One that is compressed as a whole is unpacked to a temporary
    /// file without a name.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        Self::of(File::open(path).map_err(Error::io("open", path))?, path)
    }

    /// The same of a file that is open; errors name it by the path.
    pub(crate) fn of(file: File, path: &Path) -> Result<Self> {
        let compression = sniff(&file, Span { start: 0, size: u64::MAX }).map_err(Error::io("read", path))?;
        let file = match compression {
            Compression::None => file,
            _ => unpack(&file, path)?,
        };
        let file = Arc::new(file);
        let members = index(&file, path)?;
        Ok(Self { path: path.to_owned(), file, members })
    }

    /// Where the archive is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Finds a file by the name that a document gives, following links within the archive.
    pub(crate) fn find(&self, name: &str) -> Result<Span> {
        let irregular = || Error::Irregular { name: name.to_owned(), place: self.path.clone() };
        let mut path = LayerPath::new(name.as_bytes())?;
        for _ in 0..MAX_LINKS {
            match self.members.get(&path) {
                Some(Member::File(span)) => return Ok(*span),
                Some(Member::Link(target)) => path = target.clone(),
                Some(Member::Other) => return Err(irregular()),
                None => {
                    return Err(Error::MissingEntry { name: name.to_owned(), place: self.path.clone() });
                }
            }
        }
        Err(irregular())
    }

    /// The regular files, by name and size; links are not.
    pub(crate) fn files(&self) -> impl Iterator<Item = (String, u64)> {
        self.members.iter().filter_map(|(path, member)| match member {
            Member::File(span) => Some((path.to_string(), span.size)),
            Member::Link(_) | Member::Other => None,
        })
    }

    /// The name of the file that a name leads to, links followed.
    pub(crate) fn target(&self, name: &str) -> Option<String> {
        let mut path = LayerPath::new(name.as_bytes()).ok()?;
        for _ in 0..MAX_LINKS {
            match self.members.get(&path)? {
                Member::File(_) => return Some(path.to_string()),
                Member::Link(target) => path = target.clone(),
                Member::Other => return None,
            }
        }
        None
    }

    /// Whether there is a file of that name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.find(name).is_ok()
    }

    /// Reads a document whole, of at most `limit` bytes.
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Vec<u8>> {
        let span = self.find(name)?;
        if span.size > limit {
            let what = format!("{name} of {}", self.path.display());
            return Err(Error::TooLarge { what, size: span.size, limit });
        }
        let mut bytes = Vec::new();
        self.slice(span).read_to_end(&mut bytes).map_err(Error::read(name, &self.path))?;
        Ok(bytes)
    }

    /// Reads a run of bytes.
    pub(crate) fn slice(&self, span: Span) -> Slice {
        Slice::new(Arc::clone(&self.file), span)
    }

    /// Tells how a run of bytes is compressed.
    pub(crate) fn compression(&self, span: Span) -> Result<Compression> {
        sniff(&self.file, span).map_err(Error::io("read", &self.path))
    }
}

impl Blobs for TarFile {
    fn open(&self, digest: &Digest) -> Result<Box<dyn Read + Send>> {
        match self.find(&blob_name(digest)) {
            Ok(span) => Ok(Box::new(self.slice(span))),
            Err(Error::MissingEntry { place, .. }) => Err(Error::MissingBlob { digest: *digest, place }),
            Err(error) => Err(error),
        }
    }

    fn place(&self) -> &Path {
        &self.path
    }
}

/// Where a blob is in an image layout (image-layout.md, "Blobs").
pub(crate) fn blob_name(digest: &Digest) -> String {
    format!("blobs/sha256/{}", digest.hex())
}

/// Reads a run of bytes of a file that others read too.
#[derive(Clone, Debug)]
pub(crate) struct Slice {
    file: Arc<File>,
    position: u64,
    end: u64,
    at_once: usize,
}

impl Slice {
    pub(crate) fn new(file: Arc<File>, span: Span) -> Self {
        Self { file, position: span.start, end: span.start.saturating_add(span.size), at_once: usize::MAX }
    }
}

impl Read for Slice {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.position).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left).min(self.at_once);
        let got = self.file.read_at(&mut buffer[..wanted], self.position)?;
        self.position += got as u64;
        Ok(got)
    }
}

fn sniff(file: &File, span: Span) -> io::Result<Compression> {
    let mut head = Vec::new();
    let mut position = span.start;
    while (head.len() as u64) < compression::MAGIC.min(span.size) {
        let mut byte = [0];
        match file.read_at(&mut byte, position)? {
            0 => break,
            _ => head.push(byte[0]),
        }
        position += 1;
    }
    Ok(compression::detect(&head))
}

fn unpack(file: &File, path: &Path) -> Result<File> {
    let mut unpacked = temporary_file()?;
    let (_, plain) = compression::reader(file).map_err(Error::io("decompress", path))?;
    let size = io::copy(&mut plain.take(MAX_UNPACKED_BYTES + 1), &mut unpacked);
    let size = size.map_err(Error::io("decompress", path))?;
    if size > MAX_UNPACKED_BYTES {
        let what = format!("{}, decompressed,", path.display());
        return Err(Error::TooLarge { what, size, limit: MAX_UNPACKED_BYTES });
    }
    Ok(unpacked)
}

/// Makes a large temporary file that has no name and so cannot be left behind: in `TMPDIR`, or where such files belong
/// (the usual folder of small ones is in memory on many machines).
pub(crate) fn temporary_file() -> Result<File> {
    let folder = match std::env::var_os("TMPDIR") {
        None if Path::new(LARGE_TEMPORARY_FILES).is_dir() => PathBuf::from(LARGE_TEMPORARY_FILES),
        _ => std::env::temp_dir(),
    };
    tempfile::tempfile_in(&folder).map_err(Error::io("create a temporary file in", folder))
}

/// A stream in a temporary file, since it is read more than once.
pub(crate) struct Spooled {
    file: File,
    size: u64,
}

/// Takes a stream to its end.
pub(crate) fn spool(stream: impl Read) -> Result<Spooled> {
    let mut file = temporary_file()?;
    let size = io::copy(&mut stream.take(MAX_STREAM_BYTES + 1), &mut file).map_err(Error::io("read", STREAM))?;
    file.rewind().map_err(Error::io("read", STREAM))?;
    if size > MAX_STREAM_BYTES {
        return Err(Error::TooLarge { what: STREAM.to_owned(), size, limit: MAX_STREAM_BYTES });
    }
    Ok(Spooled { file, size })
}

impl Spooled {
    pub(crate) fn try_clone(&self) -> Result<File> {
        self.file.try_clone().map_err(Error::io("read", STREAM))
    }

    pub(crate) fn into_file(self) -> File {
        self.file
    }

    pub(crate) fn into_slice(self) -> Slice {
        Slice::new(Arc::new(self.file), Span { start: 0, size: self.size })
    }
}

fn index(file: &Arc<File>, path: &Path) -> Result<HashMap<LayerPath, Member>> {
    let length = file.metadata().map_err(Error::io("examine", path))?.len();
    let mut members = HashMap::new();
    let mut position = 0;
    loop {
        let mut header = Slice::new(Arc::clone(file), Span { start: position, size: u64::MAX - position });
        header.at_once = HEADER_READ;
        let mut reader = LayerReader::new(header);
        let entry = reader.next_entry().map_err(|error| Error::archive(path)(error.after(position)))?;
        let Some(entry) = entry else {
            return Ok(members);
        };
        if members.len() == MAX_ENTRIES {
            return Err(Error::TooMany { what: "entries", place: path.to_owned(), limit: MAX_ENTRIES });
        }
        let stored = reader.entry_end() - entry.data_offset;
        let is_whole = position.saturating_add(entry.data_offset).saturating_add(entry.size) <= length;
        if matches!(entry.kind, EntryKind::File) && entry.size <= stored && !is_whole {
            let cut = TarError::Truncated { offset: length, name: entry.path.as_bytes().into(), part: "content" };
            return Err(Error::archive(path)(cut));
        }
        let member = match &entry.kind {
            EntryKind::File if entry.size <= stored => {
                Member::File(Span { start: position + entry.data_offset, size: entry.size })
            }
            EntryKind::HardLink(target) => Member::Link(target.clone()),
            EntryKind::Symlink(target) => Member::Link(follow(&entry.path, target)?),
            // directories, devices, and sparse files, whose bytes do not lie in a row
            _ => Member::Other,
        };
        position += reader.entry_end();
        members.insert(entry.path, member);
    }
}

/// Where a link leads, within the archive: `..` stops at its root.
fn follow(link: &LayerPath, target: &[u8]) -> Result<LayerPath> {
    if target.starts_with(b"/") {
        return Ok(LayerPath::new(target)?);
    }
    let parent = link.parent().unwrap_or_default();
    Ok(LayerPath::new(&[parent.as_bytes(), b"/", target].concat())?)
}
