//! One entry made under its name, with everything that the layer says of it.
//!
//! The order matters to the kernel: a change of owner takes setuid bits and capabilities away, and a change of anything
//! moves no time of modification, so that time comes last.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom, Write},
    os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{
        AtFlags, CWD, FileType, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags, chmodat, chownat,
        fchmod, flistxattr, fremovexattr, fstat, futimens, makedev, mkdirat, mknodat, openat, setxattr, symlinkat,
        utimensat,
    },
    io::Errno,
};
use strata_image::{
    Timestamp,
    layer::{CAPABILITY, Entry, EntryKind, LayerPath},
};

use crate::{
    Error, Result,
    snapshot::{Losses, owner},
    userns::Ids,
};

/// Bytes of content written at a time; a run of zeros of this length, and aligned to it, becomes a hole, so that a sparse
/// file costs what it holds.
const CHUNK: usize = 64 * 1024;

/// Bytes of the names of all extended attributes of a file at most (`XATTR_LIST_MAX`).
const MAX_ATTRIBUTE_NAMES: usize = 65_536;

/// Makes files, and counts what the ids at hand cannot keep.
pub(super) struct Maker {
    ids: Ids,
    losses: Losses,
    chunk: Vec<u8>,
}

impl Maker {
    pub(super) fn new(ids: Ids) -> Self {
        Self { ids, losses: Losses::default(), chunk: vec![0; CHUNK] }
    }

    pub(super) fn losses(&self) -> Losses {
        self.losses
    }

    /// Makes a directory, or gives one that `is_there` what the entry says. Its time is the caller's to set, later.
    pub(super) fn directory(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        entry: &Entry,
        is_there: bool,
    ) -> Result<()> {
        let failed = |errno: Errno| Error::kernel("make the directory", &entry.path)(errno);
        if !is_there {
            mkdirat(parent, name, Mode::RWXU).map_err(failed)?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(parent, name, flags, Mode::empty()).map_err(failed)?;
        if is_there {
            remove_attributes(&directory).map_err(failed)?;
        }
        self.describe(&directory, entry)
    }

    /// Makes anything but a directory or a hard link, where nothing is.
    pub(super) fn file(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        entry: &Entry,
        content: &mut impl Read,
    ) -> Result<()> {
        let failed = |errno: Errno| Error::kernel("make", &entry.path)(errno);
        match &entry.kind {
            EntryKind::File => {
                let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = openat(parent, name, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
                let mut file = File::from(file);
                self.write_content(&mut file, entry, content).map_err(Error::kernel("write", &entry.path))?;
                let file = OwnedFd::from(file);
                self.describe(&file, entry)?;
                return set_time(&file, entry.mtime).map_err(failed);
            }
            EntryKind::Symlink(target) => {
                symlinkat(target.as_slice(), parent, name).map_err(failed)?;
            }
            EntryKind::Fifo => {
                mknodat(parent, name, FileType::Fifo, Mode::RUSR, 0).map_err(failed)?;
            }
            EntryKind::CharDevice { major, minor } => {
                if !self.device(parent, name, FileType::CharacterDevice, (*major, *minor), &entry.path)? {
                    return Ok(());
                }
            }
            EntryKind::BlockDevice { major, minor } => {
                if !self.device(parent, name, FileType::BlockDevice, (*major, *minor), &entry.path)? {
                    return Ok(());
                }
            }
            EntryKind::Directory | EntryKind::HardLink(_) => return Err(failed(Errno::INVAL)),
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let node = openat(parent, name, flags, Mode::empty()).map_err(failed)?;
        self.describe(&node, entry)?;
        utimensat(parent, name, &times(entry.mtime), AtFlags::SYMLINK_NOFOLLOW).map_err(failed)
    }

    /// Makes a device; `false` where a user namespace forbids it (`mknod(2)`).
    fn device(
        &mut self,
        parent: BorrowedFd<'_>,
        name: &[u8],
        kind: FileType,
        (major, minor): (u32, u32),
        path: &LayerPath,
    ) -> Result<bool> {
        match mknodat(parent, name, kind, Mode::RUSR, makedev(major, minor)) {
            Ok(()) => Ok(true),
            Err(Errno::PERM) if self.ids != Ids::All => {
                self.losses.devices += 1;
                Ok(false)
            }
            Err(errno) => Err(Error::kernel("make the device", path)(errno)),
        }
    }

    fn write_content(&mut self, file: &mut File, entry: &Entry, content: &mut impl Read) -> io::Result<()> {
        let mut left = entry.size;
        let mut ends_in_hole = false;
        while left > 0 {
            let length = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let chunk = &mut self.chunk[..length];
            content.read_exact(chunk)?;
            left -= length as u64;
            ends_in_hole = length == CHUNK && chunk.iter().all(|byte| *byte == 0);
            if ends_in_hole {
                file.seek(SeekFrom::Start(entry.size - left))?;
            } else {
                file.write_all(chunk)?;
            }
        }
        if ends_in_hole { file.set_len(entry.size) } else { Ok(()) }
    }

    /// Sets owner, mode and extended attributes of a file that is open, perhaps by its path only.
    fn describe(&mut self, file: &OwnedFd, entry: &Entry) -> Result<()> {
        self.set_owner(file, entry)?;
        // what is open by its path only has no other way to these calls
        let itself = || format!("/proc/self/fd/{}", file.as_raw_fd());
        let mode = Mode::from(entry.mode);
        match entry.kind {
            EntryKind::Symlink(_) => Ok(()),
            EntryKind::File | EntryKind::Directory => fchmod(file, mode),
            _ => chmodat(CWD, itself(), mode, AtFlags::empty()),
        }
        .map_err(Error::kernel("set the mode of", &entry.path))?;
        for (name, value) in &entry.xattrs {
            match setxattr(itself(), name.as_slice(), value, XattrFlags::empty()) {
                Ok(()) => {}
                // a file without its capabilities would be another file; the rest depends on the file system
                Err(Errno::PERM | Errno::OPNOTSUPP) if *name != CAPABILITY => {
                    self.losses.attributes += 1;
                }
                Err(errno) => {
                    return Err(Error::kernel("set an extended attribute of", &entry.path)(errno));
                }
            }
        }
        Ok(())
    }

    fn set_owner(&mut self, file: &OwnedFd, entry: &Entry) -> Result<()> {
        let unmapped = || Error::UnmappedOwner { path: entry.path.to_string(), uid: entry.uid, gid: entry.gid };
        let (uid, gid) = (valid_id(entry.uid).ok_or_else(unmapped)?, valid_id(entry.gid).ok_or_else(unmapped)?);
        if self.ids == Ids::Single {
            let owner = (entry.uid, entry.gid);
            if owner == (0, 0) {
                return Ok(());
            }
            self.losses.owners += 1;
            // the kernel lets nothing else have attributes of users (xattr(7))
            if matches!(entry.kind, EntryKind::File | EntryKind::Directory) {
                let itself = format!("/proc/self/fd/{}", file.as_raw_fd());
                owner::note(&itself, owner).map_err(Error::kernel("note the owner of", &entry.path))?;
            }
            return Ok(());
        }
        match chownat(file, c"", Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::EMPTY_PATH) {
            Ok(()) => Ok(()),
            Err(Errno::INVAL) => Err(unmapped()),
            Err(errno) => Err(Error::kernel("set the owner of", &entry.path)(errno)),
        }
    }
}

/// The kernel has ids of 32 bits, the last of which means "as it is" (`chown(2)`).
fn valid_id(id: u64) -> Option<u32> {
    u32::try_from(id).ok().filter(|id| *id != u32::MAX)
}

/// Takes every attribute away that the layer does not give again: an entry says all that its directory is.
fn remove_attributes(directory: &OwnedFd) -> Result<(), Errno> {
    let mut names = vec![0; MAX_ATTRIBUTE_NAMES];
    let length = match flistxattr(directory, names.as_mut_slice()) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP) => return Ok(()),
        Err(errno) => return Err(errno),
    };
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        match fremovexattr(directory, name) {
            Ok(()) | Err(Errno::NODATA | Errno::PERM | Errno::OPNOTSUPP) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

/// When a file was last modified.
pub(super) fn time_of(file: &OwnedFd) -> Result<Timestamp, Errno> {
    let stat = fstat(file)?;
    Ok(Timestamp { seconds: stat.st_mtime, nanoseconds: u32::try_from(stat.st_mtime_nsec).unwrap_or_default() })
}

/// Says when a file was last modified.
pub(super) fn set_time(file: &OwnedFd, time: Timestamp) -> Result<(), Errno> {
    futimens(file.as_fd(), &times(time))
}

fn times(modified: Timestamp) -> Timestamps {
    Timestamps {
        last_access: Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
        last_modification: Timespec { tv_sec: modified.seconds, tv_nsec: modified.nanoseconds.into() },
    }
}
