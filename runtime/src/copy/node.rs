//! One file made as another is. Its time of modification comes last, since what comes before would move it.

use std::{
    ffi::CStr,
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    os::fd::{BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{
        AtFlags, FileType, Gid, Mode, OFlags, Stat, Timespec, Timestamps, UTIME_OMIT, Uid, chmodat, chownat, fchmod,
        fchown, fstat, futimens, ioctl_ficlone, mknodat, openat, readlinkat, seek, statat, symlinkat, utimensat,
    },
    io::Errno,
};

use super::attributes;

/// Makes copies, and remembers what the file systems can.
#[derive(Default)]
pub(super) struct Maker {
    /// Set once the kernel has said that two files cannot share their content here.
    cannot_clone: bool,
    buffer: Vec<u8>,
}

impl Maker {
    /// Copies anything but a directory to a new name; what the copy is, or `None` for a socket.
    pub(super) fn make(
        &mut self,
        from: BorrowedFd<'_>,
        original: &CStr,
        to: BorrowedFd<'_>,
        name: &CStr,
        stat: &Stat,
    ) -> io::Result<Option<Stat>> {
        let kind = FileType::from_raw_mode(stat.st_mode);
        match kind {
            FileType::RegularFile => {
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                let file = openat(from, original, flags, Mode::empty())?;
                return self.regular_file(file, stat, to, name).map(Some);
            }
            FileType::Symlink => symlinkat(readlinkat(from, original, Vec::new())?, to, name)?,
            FileType::CharacterDevice | FileType::BlockDevice | FileType::Fifo => {
                mknodat(to, name, kind, Mode::RUSR, stat.st_rdev)?;
            }
            FileType::Socket => return Ok(None),
            FileType::Directory | FileType::Unknown => return Err(Errno::INVAL.into()),
        }
        chownat(to, name, Some(owner(stat)), Some(group(stat)), AtFlags::SYMLINK_NOFOLLOW)?;
        if kind != FileType::Symlink {
            // the name is new and nobody else's, so that it is no link
            chmodat(to, name, mode(stat), AtFlags::empty())?;
        }
        utimensat(to, name, &times(stat), AtFlags::SYMLINK_NOFOLLOW)?;
        Ok(Some(statat(to, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// Copies a regular file that is open to a new name.
    pub(super) fn regular_file(
        &mut self,
        from: OwnedFd,
        stat: &Stat,
        to: BorrowedFd<'_>,
        name: &CStr,
    ) -> io::Result<Stat> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let copy = File::from(openat(to, name, flags, Mode::RUSR | Mode::WUSR)?);
        let from = File::from(from);
        self.content(&from, &copy, stat)?;
        self.describe(&from.into(), stat, &copy.into())
    }

    fn content(&mut self, from: &File, to: &File, stat: &Stat) -> io::Result<()> {
        let size = u64::try_from(stat.st_size).unwrap_or_default();
        if size == 0 {
            return Ok(());
        }
        if !self.cannot_clone {
            match ioctl_ficlone(to, from) {
                Ok(()) => return Ok(()),
                // another file system, or one that cannot: so it will be for the next file
                Err(Errno::XDEV | Errno::OPNOTSUPP | Errno::NOTTY | Errno::NOSYS | Errno::INVAL | Errno::PERM) => {
                    self.cannot_clone = true;
                }
                Err(errno) => return Err(errno.into()),
            }
        }
        let on_disk = u64::try_from(stat.st_blocks).unwrap_or_default() * 512;
        if on_disk >= size { pump(from, to, 0..size) } else { copy_around_holes(from, to, size) }
    }

    /// Gives an open file or directory the owner, mode, attributes and time of `from`, and says what it is then.
    pub(super) fn describe(&mut self, from: &OwnedFd, stat: &Stat, to: &OwnedFd) -> io::Result<Stat> {
        // a change of owner takes setuid bits and capabilities away
        fchown(to, Some(owner(stat)), Some(group(stat)))?;
        fchmod(to, mode(stat))?;
        attributes::carry(from, to, &mut self.buffer)?;
        futimens(to, &times(stat))?;
        Ok(fstat(to)?)
    }
}

/// Copies what is in a file, and leaves out what is not.
fn copy_around_holes(from: &File, to: &File, size: u64) -> io::Result<()> {
    let mut at = 0;
    while at < size {
        let data = match seek(from, rustix::fs::SeekFrom::Data(at)) {
            Ok(data) => data,
            Err(Errno::NXIO) => break,
            // no file system has to know about holes
            Err(Errno::INVAL) => return pump(from, to, at..size),
            Err(errno) => return Err(errno.into()),
        };
        let hole = seek(from, rustix::fs::SeekFrom::Hole(data))?.min(size);
        pump(from, to, data..hole)?;
        at = hole;
    }
    to.set_len(size)
}

/// Copies a range of a file to the same place. The standard library asks the kernel to do it (`copy_file_range(2)`).
fn pump(mut from: &File, mut to: &File, range: std::ops::Range<u64>) -> io::Result<()> {
    from.seek(SeekFrom::Start(range.start))?;
    to.seek(SeekFrom::Start(range.start))?;
    io::copy(&mut from.take(range.end - range.start), &mut to).map(drop)
}

fn owner(stat: &Stat) -> Uid {
    Uid::from_raw(stat.st_uid)
}

fn group(stat: &Stat) -> Gid {
    Gid::from_raw(stat.st_gid)
}

fn mode(stat: &Stat) -> Mode {
    Mode::from_raw_mode(stat.st_mode & 0o7777)
}

fn times(stat: &Stat) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: stat.st_mtime, tv_nsec: stat.st_mtime_nsec.cast_signed() },
    }
}
