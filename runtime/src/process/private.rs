//! A tmpfs that no path leads to: it holds what a container sees of ours, each piece bound where it belongs. It is
//! attached in the container's namespace alone, beneath the new root, and goes away with the old one.

use std::{
    ffi::{CStr, CString},
    fs,
    io::{self, Write as _},
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
};

use rustix::{
    fs::{AtFlags, Dev, FileType, Gid, Mode, OFlags, Uid, chmodat, fchmod, fchown, mkdirat, mknodat, openat},
    io::Errno,
    mount::MountAttrFlags,
};

use super::{
    Mount, MountSource,
    failure::{kernel, unmapped},
    file_system::{NoSwap, tmpfs},
    mounts::Source,
};
use crate::{Error, Result, userns::Ids};

/// The name of the empty directory that masks directories.
pub(super) const EMPTY: &CStr = c"empty";

/// Most that a file in memory may hold: what BuildKit allows a secret.
const MAX_FILE: usize = 500 * 1024;

/// Room for the files of our own: `/etc/hosts`, and a `/etc/resolv.conf` of any size that is one.
const OWN_FILES: u64 = 3 * 1024 * 1024;

/// Room for what tmpfs keeps of a file beside its content, which it counts in pages.
const PER_FILE: u64 = 64 * 1024;

/// The files that are bound into a container from memory.
pub(super) struct Private {
    directory: OwnedFd,
    files: u32,
}

impl Private {
    /// An empty one, large enough for the files that `mounts` ask for.
    pub(super) fn new(mounts: &[Mount], ids: Ids) -> Result<Self> {
        let contents = mounts.iter().filter_map(|mount| match &mount.source {
            MountSource::File { content, .. } => u64::try_from(content.len()).ok(),
            _ => None,
        });
        let size = contents.fold(OWN_FILES, |size, length| size.saturating_add(length).saturating_add(PER_FILE));
        // a secret must not be written to the swap, and others than root may not ask for that
        let swap = if ids == Ids::All { NoSwap::WherePossible } else { NoSwap::No };
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let directory =
            tmpfs(Some(size), 0o755, swap, attributes).map_err(|errno| kernel("mount", "a private tmpfs", errno))?;
        mkdirat(&directory, EMPTY, Mode::from_raw_mode(0o555))
            .map_err(|errno| kernel("make a directory in", "a private tmpfs", errno))?;
        Ok(Self { directory, files: 0 })
    }

    /// A file that root owns, to be seen at `path`.
    pub(super) fn file(&mut self, path: &Path, content: &[u8], mode: u32) -> Result<Source> {
        let (name, _) = self.write(content, mode).map_err(|source| kernel("make", path, source))?;
        Ok(Source::Private(name))
    }

    /// A file of somebody's, to be seen at `path`.
    pub(super) fn owned_file(&mut self, path: &Path, content: &[u8], mode: u32, owner: (u32, u32)) -> Result<Source> {
        if content.len() > MAX_FILE {
            let reason = "the content is larger than 500 KiB, which is the most a file in memory may hold";
            return Err(Error::MountPoint { path: path.into(), reason });
        }
        let (name, file) = self.write(content, mode).map_err(|source| kernel("make", path, source))?;
        let (uid, gid) = owner;
        // one at a time, to say which of them there is not
        fchown(&file, Some(Uid::from_raw(uid)), None).map_err(|errno| {
            kernel("give", format!("{} to {}", path.display(), unmapped("user", uid, errno)), errno)
        })?;
        fchown(&file, None, Some(Gid::from_raw(gid))).map_err(|errno| {
            kernel("give", format!("{} to {}", path.display(), unmapped("group", gid, errno)), errno)
        })?;
        // a change of owner takes setuid and setgid bits away
        fchmod(&file, Mode::from_raw_mode(mode)).map_err(|errno| kernel("make", path, errno))?;
        Ok(Source::Private(name))
    }

    /// A character device.
    pub(super) fn device(&self, name: &str, number: Dev) -> Result<Source, Errno> {
        let mode = Mode::from_raw_mode(0o666);
        mknodat(&self.directory, name, FileType::CharacterDevice, mode, number)?;
        chmodat(&self.directory, name, mode, AtFlags::empty())?;
        Ok(Source::Private(CString::new(name).map_err(|_| Errno::INVAL)?))
    }

    fn write(&mut self, content: &[u8], mode: u32) -> io::Result<(CString, fs::File)> {
        self.files += 1;
        let name = CString::new(format!("file-{}", self.files))?;
        let flags = OFlags::CREATE | OFlags::EXCL | OFlags::WRONLY | OFlags::CLOEXEC;
        // nobody but us reads it before it has its owner
        let mut file = fs::File::from(openat(&self.directory, &name, flags, Mode::from_raw_mode(0o600))?);
        fchmod(file.as_fd(), Mode::from_raw_mode(mode))?;
        file.write_all(content)?;
        Ok((name, file))
    }

    /// The tmpfs itself, detached.
    pub(super) fn into_mount(self) -> OwnedFd {
        self.directory
    }
}
