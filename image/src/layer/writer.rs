//! Writes the entries of a layer's tar.

use std::io::{self, Read, Write};

use bstr::ByteSlice;

use super::{
    Entry, EntryKind, LayerPath, Problem, TarError, WHITEOUT_PREFIX,
    error::excerpt,
    header::{BLOCK, padding},
    pax::{SCHILY_XATTR, push_record},
};

/// Bytes of content copied at once.
const BUFFER: usize = 64 << 10;

/// Writes a layer's tar: equal entries in equal order give equal bytes.
///
/// The bytes are those that Go's `archive/tar`, and so `BuildKit`, writes for the same entries: ustar wherever it can say
/// everything, else an extended header of sorted PAX records; modification times in whole seconds, rounded down.
/// Directories end in a slash.
pub struct LayerWriter<W> {
    inner: W,
    offset: u64,
    last_content: u64,
    buffer: Vec<u8>,
}

impl<W: Write> LayerWriter<W> {
    /// Writes to `inner`, a block or a large piece of content at a time: a file wants a `BufWriter` between.
    pub fn new(inner: W) -> Self {
        Self { inner, offset: 0, last_content: 0, buffer: Vec::new() }
    }

    /// Writes the header and, for a regular file, exactly `entry.size` bytes of `content`; the offsets of `entry` are
    /// not looked at.
    ///
    /// # Errors
    ///
    /// [`TarError::Entry`] with a [`Problem`] for what a tar cannot say: content that ends early, a link target that is
    /// empty or holds a NUL, an attribute whose name holds an equals sign or a NUL, a device number beyond 21 bits, a
    /// root that is no directory. [`TarError::Write`] when either stream fails.
    pub fn append(&mut self, entry: &Entry, content: impl Read) -> Result<(), TarError> {
        let header = encode(entry).map_err(|problem| self.problem(entry, problem))?;
        self.write(entry.path.as_bytes(), &header)?;
        self.last_content = self.offset;
        if entry.kind == EntryKind::File { self.copy(entry, content) } else { Ok(()) }
    }

    /// Gives the offset in the tar at which the content of the last entry begins.
    pub fn last_content(&self) -> u64 {
        self.last_content
    }

    /// Writes the entry that takes `path` away from the layers below, as `BuildKit` does: a regular file of 0 bytes, mode
    /// 0000, owned by root, of the epoch.
    ///
    /// # Errors
    ///
    /// As [`LayerWriter::append`]; [`TarError::Path`] for the root, and for a name so long that it has no whiteout.
    pub fn whiteout(&mut self, path: &LayerPath) -> Result<(), TarError> {
        let (parent, name) = path.split_last().ok_or_else(|| TarError::Entry {
            offset: self.offset,
            name: excerpt(b""),
            problem: Problem::Whiteout,
        })?;
        let marker = LayerPath::new(&[parent, b"/", WHITEOUT_PREFIX, name].concat())?;
        self.append(&Entry { mode: 0, ..Entry::new(marker, EntryKind::File) }, io::empty())
    }

    /// Writes the two zero blocks of the end; gives the stream back, not flushed.
    pub fn finish(mut self) -> Result<W, TarError> {
        self.write(b"", &[0; 2 * BLOCK])?;
        Ok(self.inner)
    }

    fn copy(&mut self, entry: &Entry, mut content: impl Read) -> Result<(), TarError> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.resize(BUFFER, 0);
        let mut left = entry.size;
        while left > 0 {
            let wanted = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
            match content.read(&mut buffer[..wanted]) {
                Ok(0) => return Err(self.problem(entry, Problem::ContentTooShort(left))),
                Ok(count) => {
                    self.write(entry.path.as_bytes(), &buffer[..count])?;
                    left -= count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(self.failed(entry.path.as_bytes(), source)),
            }
        }
        self.buffer = buffer;
        let padding = usize::try_from(padding(entry.size)).unwrap_or(0);
        self.write(entry.path.as_bytes(), &[0; BLOCK][..padding])
    }

    fn write(&mut self, path: &[u8], bytes: &[u8]) -> Result<(), TarError> {
        self.inner.write_all(bytes).map_err(|source| self.failed(path, source))?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn failed(&self, path: &[u8], source: io::Error) -> TarError {
        TarError::Write { offset: self.offset, path: excerpt(path), source }
    }

    fn problem(&self, entry: &Entry, problem: Problem) -> TarError {
        TarError::Entry { offset: self.offset, name: excerpt(entry.path.as_bytes()), problem }
    }
}

/// All header blocks of an entry.
fn encode(entry: &Entry) -> Result<Vec<u8>, Problem> {
    let name = name(entry)?;
    let link = link(entry)?;
    let mut fields = Fields { records: Vec::new() };
    for (name, value) in &entry.xattrs {
        if name.is_empty() || name.find_byteset(b"=\0").is_some() {
            return Err(Problem::XattrName(excerpt(name)));
        }
        fields.records.push(([SCHILY_XATTR, name].concat(), value.clone()));
    }

    let mut header = tar::Header::new_ustar();
    let old = header.as_old_mut();
    octal(&mut old.mode, u64::from(entry.mode & 0o7777));
    octal(&mut old.uid, fields.number("uid", entry.uid, 8));
    octal(&mut old.gid, fields.number("gid", entry.gid, 8));
    octal(&mut old.size, fields.number("size", if entry.kind == EntryKind::File { entry.size } else { 0 }, 12));
    octal(&mut old.mtime, fields.time(entry.mtime.seconds));
    old.linkflag = [type_flag(&entry.kind)];
    fields.text("linkpath", &mut old.linkname, link);
    let (major, minor) = match entry.kind {
        EntryKind::CharDevice { major, minor } | EntryKind::BlockDevice { major, minor } => (major, minor),
        _ => (0, 0),
    };
    if !fits(u64::from(major.max(minor)), 8) {
        return Err(Problem::Number("device number"));
    }
    if let Some(ustar) = header.as_ustar_mut() {
        octal(&mut ustar.dev_major, u64::from(major));
        octal(&mut ustar.dev_minor, u64::from(minor));
        fields.text("uname", &mut ustar.uname, &entry.uname);
        fields.text("gname", &mut ustar.gname, &entry.gname);
        match split(&name) {
            // a prefix belongs to ustar alone: with any record at all, the path is a record too
            Some((prefix, suffix)) if fields.records.is_empty() => {
                ustar.prefix[..prefix.len()].copy_from_slice(prefix);
                ustar.name[..suffix.len()].copy_from_slice(suffix);
            }
            _ => fields.text("path", &mut ustar.name, &name),
        }
    }
    set_checksum(&mut header);

    let mut blocks = fields.extended_header(&name);
    blocks.extend_from_slice(header.as_bytes());
    Ok(blocks)
}

/// Decides field by field between the header block and a PAX record.
struct Fields {
    records: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Fields {
    /// What the numeric field of `width` bytes shall hold.
    fn number(&mut self, key: &str, value: u64, width: u32) -> u64 {
        if fits(value, width) {
            return value;
        }
        self.records.push((key.into(), value.to_string().into()));
        0
    }

    fn time(&mut self, seconds: i64) -> u64 {
        if let Ok(seconds) = u64::try_from(seconds) {
            return self.number("mtime", seconds, 12);
        }
        self.records.push((b"mtime".into(), seconds.to_string().into()));
        0
    }

    /// Fills a text field. What is not ASCII or too long is a record, and the field what readers of old formats can
    /// make of it.
    fn text(&mut self, key: &str, field: &mut [u8], value: &[u8]) {
        if value.len() > field.len() || !value.is_ascii() {
            self.records.push((key.into(), value.into()));
        }
        put_ascii(field, value);
    }

    /// The extended header with its data, padded; nothing when ustar says it all.
    fn extended_header(mut self, name: &[u8]) -> Vec<u8> {
        if self.records.is_empty() {
            return Vec::new();
        }
        self.records.sort();
        let mut data = Vec::new();
        for (key, value) in &self.records {
            push_record(&mut data, key, value);
        }
        let mut header = tar::Header::new_ustar();
        let old = header.as_old_mut();
        let (parent, file) = name.rsplit_once_str("/").unwrap_or((b"", name));
        let path = [parent, b"PaxHeaders.0".as_slice(), file].into_iter().filter(|part| !matches!(*part, b"" | b"."));
        let path: Vec<u8> = bstr::join("/", path).into_iter().filter(u8::is_ascii).take(old.name.len()).collect();
        put_ascii(&mut old.name, path.trim_end_with(|c| c == '/'));
        octal(&mut old.mode, 0);
        octal(&mut old.uid, 0);
        octal(&mut old.gid, 0);
        octal(&mut old.size, data.len() as u64);
        octal(&mut old.mtime, 0);
        old.linkflag = *b"x";
        set_checksum(&mut header);
        let mut blocks = header.as_bytes().to_vec();
        blocks.append(&mut data);
        blocks.resize(blocks.len().next_multiple_of(BLOCK), 0);
        blocks
    }
}

/// The path as tars have it: `./` for the root, a slash behind directories.
fn name(entry: &Entry) -> Result<Vec<u8>, Problem> {
    let path = entry.path.as_bytes();
    match entry.kind {
        EntryKind::Directory if path.is_empty() => Ok(b"./".to_vec()),
        EntryKind::Directory => Ok([path, b"/"].concat()),
        _ if path.is_empty() => Err(Problem::Root),
        _ => Ok(path.to_vec()),
    }
}

fn link(entry: &Entry) -> Result<&[u8], Problem> {
    let link = match &entry.kind {
        EntryKind::HardLink(target) => target.as_bytes(),
        EntryKind::Symlink(target) => target.as_slice(),
        _ => return Ok(b""),
    };
    if link.is_empty() || link.contains(&0) { Err(Problem::LinkTarget) } else { Ok(link) }
}

fn type_flag(kind: &EntryKind) -> u8 {
    match kind {
        EntryKind::File => b'0',
        EntryKind::HardLink(_) => b'1',
        EntryKind::Symlink(_) => b'2',
        EntryKind::CharDevice { .. } => b'3',
        EntryKind::BlockDevice { .. } => b'4',
        EntryKind::Directory => b'5',
        EntryKind::Fifo => b'6',
    }
}

/// Splits a path that is too long for the name field between it and the prefix, as Go does: at the last slash that
/// leaves the prefix within its field.
fn split(name: &[u8]) -> Option<(&[u8], &[u8])> {
    const NAME: usize = 100;
    const PREFIX: usize = 155;
    if name.len() <= NAME || !name.is_ascii() {
        return None;
    }
    let end = if name.len() > PREFIX + 1 { PREFIX + 1 } else { name.len() - usize::from(name.ends_with(b"/")) };
    let slash = name[..end].rfind_byte(b'/').filter(|&slash| slash > 0)?;
    let suffix = &name[slash + 1..];
    (!suffix.is_empty() && suffix.len() <= NAME).then_some((&name[..slash], suffix))
}

/// Whether a number fits a numeric field: octal digits and a NUL.
fn fits(value: u64, width: u32) -> bool {
    value >> (3 * (width - 1)) == 0
}

/// Octal digits with leading zeros, and a NUL.
fn octal(field: &mut [u8], mut value: u64) {
    let [digits @ .., end] = field else { return };
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value & 7) as u8;
        value >>= 3;
    }
    *end = 0;
}

/// The ASCII bytes of a text, cut to the field. A name that is cut must not end in the slash of a directory, which old
/// readers would believe.
fn put_ascii(field: &mut [u8], value: &[u8]) {
    let ascii: Vec<u8> = value.iter().copied().filter(|&byte| byte.is_ascii() && byte != 0).collect();
    let mut kept = &ascii[..ascii.len().min(field.len())];
    if kept.len() < ascii.len() {
        kept = kept.trim_end_with(|c| c == '/');
    }
    field[..kept.len()].copy_from_slice(kept);
}

/// Six octal digits, a NUL and a space, as every tar but `tar::Header` writes it.
fn set_checksum(header: &mut tar::Header) {
    header.as_old_mut().cksum = *b"        ";
    let sum: u64 = header.as_bytes().iter().map(|&byte| u64::from(byte)).sum();
    octal(&mut header.as_old_mut().cksum[..7], sum);
}
