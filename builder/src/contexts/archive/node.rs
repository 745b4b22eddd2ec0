//! One file made under its name in an open directory, with everything that an archive says of it.
//!
//! The order matters to the kernel: a change of owner takes setuid bits and capabilities away.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read, Seek as _, SeekFrom, Write as _},
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
};

use bstr::BStr;
use rustix::{
    fs::{
        AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod, fchown,
        fsetxattr, futimens, linkat, makedev, mkdirat, mknodat, openat, symlinkat, utimensat,
    },
    io::Errno,
};
use strata_image::{
    Timestamp,
    layer::{CAPABILITY, Entry, EntryKind},
};

use super::invalid;

/// Bytes of content written at a time; zeros of this length become a hole, so that they cost what they hold.
const CHUNK: usize = 64 * 1024;

/// What a file gets beside its content.
pub(super) struct Attributes {
    pub(super) mode: u32,
    pub(super) owner: (u32, u32),
    pub(super) mtime: Timestamp,
}

impl Attributes {
    /// Those of an entry.
    pub(super) fn of(entry: &Entry) -> io::Result<Self> {
        Ok(Self { mode: entry.mode & 0o7777, owner: (id(entry.uid)?, id(entry.gid)?), mtime: entry.mtime })
    }

    /// Those of a directory that no entry tells of.
    pub(super) fn implied() -> Self {
        Self { mode: 0o755, owner: (0, 0), mtime: Timestamp::EPOCH }
    }
}

/// An id that the kernel knows; its largest value means "leave as it is" there (`chown(2)`).
fn id(id: u64) -> io::Result<u32> {
    u32::try_from(id).ok().filter(|&id| id != u32::MAX).ok_or_else(|| invalid("an owner beyond 32 bits"))
}

/// Makes files.
pub(super) struct Maker {
    keeps_owners: bool,
    chunk: Vec<u8>,
}

impl Maker {
    pub(super) fn new(keeps_owners: bool) -> Self {
        Self { keeps_owners, chunk: vec![0; CHUNK] }
    }

    /// Makes anything but a directory or a hard link, where nothing is.
    pub(super) fn make(
        &mut self,
        dir: BorrowedFd<'_>,
        name: &[u8],
        entry: &Entry,
        attributes: &Attributes,
        content: &mut impl Read,
    ) -> io::Result<()> {
        let name = OsStr::from_bytes(name);
        match &entry.kind {
            EntryKind::File => return self.file(dir, name, entry, attributes, content),
            EntryKind::Symlink(target) => symlinkat(OsStr::from_bytes(target), dir, name)?,
            EntryKind::Fifo => mknodat(dir, name, FileType::Fifo, Mode::empty(), 0)?,
            // overlay's whiteout: in a layer it would delete
            EntryKind::CharDevice { major: 0, minor: 0 } => return Err(Errno::PERM.into()),
            EntryKind::CharDevice { major, minor } => {
                mknodat(dir, name, FileType::CharacterDevice, Mode::empty(), makedev(*major, *minor))?;
            }
            EntryKind::BlockDevice { major, minor } => {
                mknodat(dir, name, FileType::BlockDevice, Mode::empty(), makedev(*major, *minor))?;
            }
            EntryKind::Directory | EntryKind::HardLink(_) => return Err(Errno::INVAL.into()),
        }
        if self.keeps_owners {
            let (uid, gid) = attributes.owner;
            chownat(dir, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::SYMLINK_NOFOLLOW)?;
        }
        if !matches!(entry.kind, EntryKind::Symlink(_)) {
            // it was made just now, and is no link
            chmodat(dir, name, Mode::from_raw_mode(attributes.mode), AtFlags::empty())?;
        }
        utimensat(dir, name, &times(attributes.mtime), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(())
    }

    fn file(
        &mut self,
        dir: BorrowedFd<'_>,
        name: &OsStr,
        entry: &Entry,
        attributes: &Attributes,
        content: &mut impl Read,
    ) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(dir, name, flags, Mode::RUSR | Mode::WUSR)?);
        self.write(&mut file, entry.size, content)?;
        self.set_owner_and_mode(&file, attributes)?;
        if let Some(capability) = entry.xattrs.get(BStr::new(CAPABILITY)) {
            match fsetxattr(&file, CAPABILITY, capability, XattrFlags::empty()) {
                // who cannot give files away cannot give them capabilities either
                Err(Errno::PERM) if !self.keeps_owners => {}
                result => result?,
            }
        }
        futimens(&file, &times(attributes.mtime))?;
        Ok(())
    }

    fn write(&mut self, file: &mut File, size: u64, content: &mut impl Read) -> io::Result<()> {
        let mut left = size;
        while left > 0 {
            let length = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let chunk = &mut self.chunk[..length];
            content.read_exact(chunk)?;
            left -= length as u64;
            if length == CHUNK && chunk.iter().all(|byte| *byte == 0) {
                file.seek(SeekFrom::Start(size - left))?;
            } else {
                file.write_all(chunk)?;
            }
        }
        // a hole at the end is not there yet
        file.set_len(size)
    }

    /// Gives a directory everything that is said of it.
    pub(super) fn set_directory(&self, dir: &OwnedFd, attributes: &Attributes) -> io::Result<()> {
        self.set_owner_and_mode(dir, attributes)?;
        Ok(futimens(dir, &times(attributes.mtime))?)
    }

    fn set_owner_and_mode(&self, file: impl AsFd, attributes: &Attributes) -> io::Result<()> {
        if self.keeps_owners {
            let (uid, gid) = attributes.owner;
            fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        }
        Ok(fchmod(file, Mode::from_raw_mode(attributes.mode))?)
    }
}

/// Makes a directory that only we can enter until it is finished.
pub(super) fn make_dir(dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    Ok(mkdirat(dir, OsStr::from_bytes(name), Mode::RWXU)?)
}

/// Opens a directory to work in it, never through a link.
pub(super) fn open_dir(dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Ok(openat(dir, OsStr::from_bytes(name), flags, Mode::empty())?)
}

/// Another name of a file, or of a link itself.
pub(super) fn link(from: BorrowedFd<'_>, existing: &[u8], dir: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    Ok(linkat(from, OsStr::from_bytes(existing), dir, OsStr::from_bytes(name), AtFlags::empty())?)
}

fn times(mtime: Timestamp) -> Timestamps {
    let time = Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}
