//! ADD's extraction of archives: recognised by content, unpacked with the destination as the root of everything they name.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    os::fd::{AsFd as _, BorrowedFd},
};

use bstr::{BStr, BString};
use rustix::fs::{AtFlags, FileType, makedev, unlinkat};
use strata_image::{
    compression,
    layer::{CAPABILITY, Entry, EntryKind, LayerReader, TarError},
};

use crate::{
    cause::Cause,
    place::{Attributes, Place, Style, reject_whiteouts},
    tree::{Tree, file_name, join, kind, lstat_in, parent},
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

/// An archive on its way into a directory of the root filesystem.
struct Unpacking<'a> {
    archive: &'a BStr,
    place: Place<'a>,
    owner: Option<(u32, u32)>,
    /// Directories get their times last.
    directories: Vec<(BString, Entry)>,
}

/// Extracts an archive into an open directory of the step's root filesystem.
pub(crate) fn unpack(archive: &BStr, file: &File, destination: BorrowedFd<'_>, style: Style) -> Result<(), Cause> {
    let unreadable = |error: TarError| Cause::Archive { archive: archive.into(), source: error.into() };
    let (_, reader) = compression::reader(file).map_err(Cause::read("decompress", archive))?;
    let mut reader = LayerReader::new(reader);
    let mut unpacking =
        Unpacking { archive, place: Place::new(destination, style), owner: style.owner, directories: Vec::new() };
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

impl Unpacking<'_> {
    fn entry(&mut self, entry: &Entry, content: &mut impl io::Read) -> Result<(), Cause> {
        let path = entry.path.as_bytes();
        reject_whiteouts(path)?;
        if entry.path.is_root() {
            // `.`: the destination keeps what it has
            return Ok(());
        }
        let target = self.parent(path)?;
        let target = join(&target, file_name(path));
        let found = self.place.kind_at(&target)?;
        let is_directory = entry.kind == EntryKind::Directory;
        match found {
            Some(FileType::Directory) if is_directory => {}
            Some(_) => remove(self.place.tree(), &target)?,
            None => {}
        }
        let attributes = self.attributes(entry)?;
        match &entry.kind {
            EntryKind::Directory => {
                if found != Some(FileType::Directory) {
                    self.place.make_dir(&target, 0o700)?;
                }
                self.place.finish_dir(&target, attributes)?;
                self.directories.push((target, entry.clone()));
                Ok(())
            }
            EntryKind::File => self.place.file(&target, content, attributes),
            EntryKind::HardLink(existing) => {
                let dir = self.place.tree().resolve(parent(existing.as_bytes()))?.path;
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

    /// The directory that an entry lies in, links followed inside the destination. One that nothing mentions is made; one that
    /// is only reached through a link must be there.
    fn parent(&mut self, path: &[u8]) -> Result<BString, Cause> {
        let dir = parent(path);
        let resolved = self.place.tree().resolve(dir)?;
        if !resolved.exists {
            if resolved.path != dir {
                return Err(Cause::write("open", dir)(io::ErrorKind::NotFound));
            }
            self.place.make_dirs(dir)?;
        }
        Ok(resolved.path)
    }

    fn attributes<'e>(&self, entry: &'e Entry) -> Result<Attributes<'e>, Cause> {
        let owner = match self.owner {
            Some(owner) => owner,
            None => (owner_id(entry.uid)?, owner_id(entry.gid)?),
        };
        Ok(Attributes {
            mode: entry.mode & 0o7777,
            owner,
            mtime: entry.mtime,
            capability: match entry.kind {
                EntryKind::File => entry.xattrs.get(BStr::new(CAPABILITY)).map(Vec::as_slice),
                _ => None,
            },
        })
    }

    /// Sets the times of directories, which writing into them has changed; the last entry of a name wins.
    fn finish(mut self) -> Result<(), Cause> {
        for (real, entry) in std::mem::take(&mut self.directories) {
            if self.place.kind_at(&real)? == Some(FileType::Directory) {
                let finished = self.attributes(&entry).and_then(|attributes| self.place.finish_dir(&real, attributes));
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
fn owner_id(id: u64) -> Result<u32, Cause> {
    u32::try_from(id).ok().filter(|&id| id != u32::MAX).ok_or_else(|| Cause::Value {
        what: "an owner",
        text: id.to_string(),
        reason: "the kernel's ids have 32 bits".to_owned(),
    })
}

/// Removes what has a name, with everything below it, never through a link.
fn remove(tree: Tree<'_>, real: &[u8]) -> Result<(), Cause> {
    let failed = Cause::write("replace", real);
    let dir = tree.open_dir(parent(real)).map_err(&failed)?;
    let name = file_name(real);
    let is_directory =
        lstat_in(dir.as_fd(), name).map_err(&failed)?.is_some_and(|stat| kind(&stat) == FileType::Directory);
    if is_directory {
        for child in tree.names(real).map_err(&failed)? {
            remove(tree, &join(real, &child))?;
        }
    }
    let flags = if is_directory { AtFlags::REMOVEDIR } else { AtFlags::empty() };
    unlinkat(dir, name, flags).map_err(Cause::write("replace", real))
}
