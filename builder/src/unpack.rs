//! ADD's extraction of archives: recognised by content, unpacked with the destination as the root of everything they name.
//!
//! Contents go through one temporary file without a name: only the end of an archive says which of its files are left.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    path::Path,
    sync::Arc,
};

use bstr::{BStr, BString};
use rustix::fs::{FileType, makedev};
use strata_image::{
    compression,
    layer::{CAPABILITY, Entry, EntryKind, LayerReader, TarError},
};

use crate::{
    cause::Cause,
    draft::{Attributes, Content},
    place::{Place, reject_whiteouts},
    tree::{file_name, join, parent},
};

/// Bytes of a tar block.
const BLOCK: usize = 512;

/// Entries of one archive: more than any real source tree has, fewer than it takes to fill a disk with inodes unnoticed.
pub(crate) const ARCHIVE_ENTRY_LIMIT: u64 = 4_000_000;

/// Whether a file is a tar, compressed or not: what its first block must be. An empty tar is not, and what cannot be
/// decompressed is not.
pub(crate) fn is_archive(file: &mut File) -> io::Result<bool> {
    let mut block = [0; BLOCK];
    let found = match compression::reader(&*file) {
        Ok((_, mut reader)) => reader.read_exact(&mut block).is_ok() && is_header(&block),
        Err(_) => false,
    };
    file.rewind()?;
    Ok(found)
}

/// A tar header has its checksum in bytes 148 to 155 as octal digits: the sum of all bytes, those eight taken for spaces.
fn is_header(block: &[u8; BLOCK]) -> bool {
    let (before, rest) = block.split_at(148);
    let (field, after) = rest.split_at(8);
    let sum = |bytes: &[u8]| bytes.iter().map(|&byte| u64::from(byte)).sum::<u64>();
    let digits = field.iter().skip_while(|byte| **byte == b' ').take_while(|byte| byte.is_ascii_digit());
    let written = digits.fold(0, |value, byte| value * 8 + u64::from(byte - b'0'));
    written != 0 && written == sum(before) + sum(after) + 8 * u64::from(b' ')
}

/// An archive on its way into a directory of a draft.
struct Unpacking<'u, 'p, 'd> {
    archive: &'u BStr,
    place: &'u mut Place<'p, 'd>,
    spool: Arc<File>,
    /// Directories get their times last.
    directories: Vec<(BString, Entry)>,
}

/// Extracts an archive into a directory of a draft; the temporary file lies in `partial`.
pub(crate) fn unpack(archive: &BStr, file: &File, place: &mut Place<'_, '_>, partial: &Path) -> Result<(), Cause> {
    let unreadable = |error: TarError| Cause::Archive { archive: archive.into(), source: error.into() };
    let spool = tempfile::tempfile_in(partial)
        .map_err(|source| Cause::Host { operation: "make a temporary file for an archive", source })?;
    let (_, reader) = compression::reader(file).map_err(Cause::read("decompress", archive))?;
    let mut reader = LayerReader::new(reader);
    let mut unpacking = Unpacking { archive, place, spool: Arc::new(spool), directories: Vec::new() };
    let mut count = 0;
    while let Some(entry) = reader.next_entry().map_err(unreadable)? {
        count += 1;
        if count > ARCHIVE_ENTRY_LIMIT {
            return Err(Cause::ArchiveEntries { archive: archive.into(), limit: ARCHIVE_ENTRY_LIMIT });
        }
        unpacking.entry(&entry, &mut reader).map_err(|source| unpacking.failed(&entry, source))?;
    }
    reader.finish().map_err(unreadable)?;
    unpacking.finish()
}

impl Unpacking<'_, '_, '_> {
    fn entry(&mut self, entry: &Entry, content: &mut impl io::Read) -> Result<(), Cause> {
        let path = entry.path.as_bytes();
        reject_whiteouts(path)?;
        if entry.path.is_root() {
            // `.`: the destination keeps what it has
            return Ok(());
        }
        let target = self.parent(path)?;
        let target = join(&target, file_name(path));
        let is_directory = entry.kind == EntryKind::Directory;
        let merges = match self.place.look(&target)? {
            Some(found) if found.is_directory() && is_directory => true,
            Some(_) => {
                self.place.remove(&target)?;
                false
            }
            None => false,
        };
        let attributes = self.attributes(entry)?;
        match &entry.kind {
            EntryKind::Directory => {
                if merges {
                    self.place.set_directory(&target, attributes)?;
                } else {
                    self.place.make_directory(&target, attributes)?;
                }
                self.directories.push((target, entry.clone()));
                Ok(())
            }
            EntryKind::File => {
                let content = self.spooled(content, &target)?;
                self.place.file(&target, entry.size, content, attributes)
            }
            EntryKind::HardLink(existing) => {
                let dir = self.place.follow(parent(existing.as_bytes()))?.path;
                let existing = join(&dir, file_name(existing.as_bytes()));
                self.place.hard_link(&existing, &target)
            }
            EntryKind::Symlink(link) => self.place.symlink(&target, link, attributes),
            EntryKind::Fifo => self.place.special(&target, FileType::Fifo, 0, attributes),
            EntryKind::CharDevice { major, minor } => {
                self.place.special(&target, FileType::CharacterDevice, makedev(*major, *minor), attributes)
            }
            EntryKind::BlockDevice { major, minor } => {
                self.place.special(&target, FileType::BlockDevice, makedev(*major, *minor), attributes)
            }
        }
    }

    fn spooled(&mut self, content: &mut impl io::Read, target: &[u8]) -> Result<Content, Cause> {
        let failed = Cause::write("extract", target);
        let mut spool = &*self.spool;
        let offset = spool.stream_position().map_err(&failed)?;
        io::copy(content, &mut spool).map_err(&failed)?;
        Ok(Content::Spooled { file: Arc::clone(&self.spool), offset })
    }

    /// The directory that an entry lies in, links followed inside the destination. One that nothing mentions is made; one that
    /// is only reached through a link must be there.
    fn parent(&mut self, path: &[u8]) -> Result<BString, Cause> {
        let dir = parent(path);
        let resolved = self.place.follow(dir)?;
        if !resolved.exists {
            if resolved.path != dir {
                return Err(Cause::write("open", dir)(io::ErrorKind::NotFound));
            }
            self.place.make_directories(dir)?;
        }
        Ok(resolved.path)
    }

    fn attributes(&self, entry: &Entry) -> Result<Attributes, Cause> {
        let owner = match self.place.style().owner {
            Some(owner) => owner,
            None => (owner_id(entry.uid)?, owner_id(entry.gid)?),
        };
        Ok(Attributes {
            mode: entry.mode & 0o7777,
            owner,
            mtime: entry.mtime,
            capability: match entry.kind {
                EntryKind::File => entry.xattrs.get(BStr::new(CAPABILITY)).cloned(),
                _ => None,
            },
        })
    }

    /// Sets the times of directories, which writing into them has changed; the last entry of a name wins.
    fn finish(mut self) -> Result<(), Cause> {
        for (real, entry) in std::mem::take(&mut self.directories) {
            if self.place.look(&real)?.is_some_and(|found| found.is_directory()) {
                let finished =
                    self.attributes(&entry).and_then(|attributes| self.place.set_directory(&real, attributes));
                finished.map_err(|source| self.failed(&entry, source))?;
            }
        }
        Ok(())
    }

    fn failed(&self, entry: &Entry, source: Cause) -> Cause {
        Cause::ArchiveEntry {
            archive: self.archive.into(),
            path: entry.path.as_bytes().into(),
            source: Box::new(source),
        }
    }
}

/// An id that the kernel knows; its largest value means "leave as it is" there.
fn owner_id(id: u64) -> Result<u64, Cause> {
    if id < u64::from(u32::MAX) {
        return Ok(id);
    }
    Err(Cause::Value { what: "an owner", text: id.to_string(), reason: "the kernel's ids have 32 bits".to_owned() })
}
