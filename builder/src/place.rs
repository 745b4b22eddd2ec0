//! Writes files into a step's root filesystem, as COPY does: every path by way of the root's descriptor, metadata set explicitly.

use std::{
    collections::HashMap,
    ffi::OsStr,
    fs::File,
    io::{self, Read},
    os::{
        fd::{AsFd as _, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
};

use bstr::BString;
use rustix::{
    fs::{
        AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, Uid, XattrFlags, chmodat, chownat, fchmod, fchown,
        fsetxattr, fstat, futimens, linkat, mkdirat, mknodat, openat, symlinkat, unlinkat, utimensat,
    },
    io::Errno,
};
use strata_image::{
    Timestamp,
    layer::{CAPABILITY, WHITEOUT_PREFIX},
};

use crate::{
    cause::Cause,
    selection::{Node, NodeKind, Stamp},
    tree::{Tree, components, file_name, join, kind, lstat_in, parent},
};

/// What every file that a step places has in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    /// `--chown`: of everything placed and every directory made for it; else sources keep theirs, made directories are root's.
    pub(crate) owner: Option<(u32, u32)>,
    /// `--chmod`, the same.
    pub(crate) mode: Option<u32>,
    /// The time of directories made.
    pub(crate) now: Timestamp,
}

/// A root filesystem being written.
pub(crate) struct Place<'a> {
    root: BorrowedFd<'a>,
    style: Style,
    /// The directory that was written to last: files come directory by directory.
    last: Option<(BString, OwnedFd)>,
    /// Whether a source was written to since it was selected.
    stale: bool,
}

/// Metadata that is given to a file explicitly, whatever the umask is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes<'m> {
    pub(crate) mode: u32,
    pub(crate) owner: (u32, u32),
    pub(crate) mtime: Timestamp,
    pub(crate) capability: Option<&'m [u8]>,
}

impl<'a> Place<'a> {
    pub(crate) fn new(root: BorrowedFd<'a>, style: Style) -> Self {
        Self { root, style, last: None, stale: false }
    }

    pub(crate) fn tree(&self) -> Tree<'a> {
        Tree::new(self.root)
    }

    /// Follows a path to where it leads, and refuses names that would be whiteouts in the layer.
    pub(crate) fn resolve(&self, path: &[u8]) -> Result<BString, Cause> {
        let resolved = self.tree().resolve(path)?;
        reject_whiteouts(&resolved.path)?;
        Ok(resolved.path)
    }

    /// The type of what is at a real path; `None` when nothing is.
    pub(crate) fn kind_at(&self, real: &[u8]) -> Result<Option<FileType>, Cause> {
        let stat = self.tree().lstat(real).map_err(Cause::write("look up", real))?;
        Ok(stat.map(|stat| kind(&stat)))
    }

    /// Makes the directories of a real path that are not there: 0755 and root's unless the instruction says otherwise.
    pub(crate) fn make_dirs(&mut self, real: &[u8]) -> Result<(), Cause> {
        let mut path = BString::default();
        for name in components(real) {
            path = join(&path, name);
            match self.kind_at(&path)? {
                Some(FileType::Directory) => {}
                Some(_) => return Err(Cause::NotDirectory { path }),
                None => {
                    self.make_dir(&path, 0o700)?;
                    self.finish_dir(
                        &path,
                        Attributes {
                            // a directory made on the way takes the permission bits of --chmod only
                            mode: self.style.mode.map_or(0o755, |mode| mode & 0o777),
                            owner: self.style.owner.unwrap_or((0, 0)),
                            mtime: self.style.now,
                            capability: None,
                        },
                    )?;
                }
            }
        }
        Ok(())
    }

    /// Makes one directory, whose parent is there.
    pub(crate) fn make_dir(&mut self, real: &[u8], mode: u32) -> Result<(), Cause> {
        let (dir, name) = self.parent_of(real)?;
        mkdirat(dir, name, Mode::from_raw_mode(mode)).map_err(Cause::write("make the directory", real))
    }

    /// Gives a directory its metadata; its times last, once nothing is written into it any more.
    pub(crate) fn finish_dir(&mut self, real: &[u8], attributes: Attributes<'_>) -> Result<(), Cause> {
        let dir = self.tree().open_dir(real).map_err(Cause::write("open", real))?;
        set(&dir, attributes).map_err(Cause::write("set the metadata of", real))
    }

    /// Gives a directory a time, and nothing else.
    pub(crate) fn set_time(&self, real: &[u8], mtime: Timestamp) -> Result<(), Cause> {
        let dir = self.tree().open_dir(real).map_err(Cause::write("open", real))?;
        futimens(dir, &times(mtime)).map_err(Cause::write("set the time of", real))
    }

    /// Takes whatever has a name away, to put something that is not a directory there.
    pub(crate) fn clear(&mut self, real: &[u8]) -> Result<(), Cause> {
        let (dir, name) = self.parent_of(real)?;
        match lstat_in(dir, name.as_bytes()).map_err(Cause::write("look up", real))? {
            None => Ok(()),
            Some(stat) if kind(&stat) == FileType::Directory => Err(Cause::FileOverDirectory { path: real.into() }),
            Some(_) => unlinkat(dir, name, AtFlags::empty()).map_err(Cause::write("replace", real)),
        }
    }

    /// Writes a regular file whose name is free. From another file the kernel copies by itself where it can.
    pub(crate) fn file<R: Read>(
        &mut self,
        real: &[u8],
        content: &mut R,
        attributes: Attributes<'_>,
    ) -> Result<(), Cause> {
        let (dir, name) = self.parent_of(real)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let created = openat(dir, name, flags, Mode::RUSR | Mode::WUSR);
        let mut file = File::from(created.map_err(Cause::write("create", real))?);
        io::copy(content, &mut file).map_err(Cause::write("write", real))?;
        set(&file, attributes).map_err(Cause::write("set the metadata of", real))
    }

    /// Another name for a file placed before.
    pub(crate) fn hard_link(&mut self, existing: &[u8], real: &[u8]) -> Result<(), Cause> {
        let source = self.tree().open_dir(parent(existing)).map_err(Cause::write("open", existing))?;
        let (dir, name) = self.parent_of(real)?;
        linkat(source, OsStr::from_bytes(file_name(existing)), dir, name, AtFlags::empty())
            .map_err(Cause::write("link", real))
    }

    pub(crate) fn symlink(&mut self, real: &[u8], target: &[u8], attributes: Attributes<'_>) -> Result<(), Cause> {
        let (dir, name) = self.parent_of(real)?;
        symlinkat(OsStr::from_bytes(target), dir, name).map_err(Cause::write("make the link", real))?;
        set_at(dir, name, attributes).map_err(Cause::write("set the metadata of", real))
    }

    /// A fifo or a device.
    pub(crate) fn special(
        &mut self,
        real: &[u8],
        kind: FileType,
        device: u64,
        attributes: Attributes<'_>,
    ) -> Result<(), Cause> {
        if kind == FileType::CharacterDevice && device == 0 {
            // overlay's whiteout: it would vanish, and take what lies below with it
            return Err(Cause::write("make the device", real)(Errno::PERM));
        }
        let (dir, name) = self.parent_of(real)?;
        mknodat(dir, name, kind, Mode::empty(), device).map_err(Cause::write("make the device", real))?;
        set_at(dir, name, attributes).map_err(Cause::write("set the metadata of", real))?;
        let mode = Mode::from_raw_mode(attributes.mode);
        chmodat(dir, name, mode, AtFlags::empty()).map_err(Cause::write("set the mode of", real))
    }

    /// Places a node of a selection where nothing but a file to be replaced, or a directory to be merged with, may be.
    /// Directories get their metadata later, by [`Place::finish`].
    pub(crate) fn node(
        &mut self,
        node: &Node,
        target: &[u8],
        source: impl FnOnce() -> Result<File, Cause>,
        linked: &mut HashMap<(u64, u64), BString>,
    ) -> Result<(), Cause> {
        reject_whiteouts(target)?;
        if node.kind == NodeKind::Directory {
            return match self.kind_at(target)? {
                None => self.make_dir(target, 0o700),
                Some(FileType::Directory) => Ok(()),
                Some(_) => Err(Cause::DirectoryOverFile { path: target.into() }),
            };
        }
        self.clear(target)?;
        let attributes = self.attributes(node);
        match &node.kind {
            NodeKind::File { inode, .. } => {
                if let Some(first) = inode.and_then(|inode| linked.get(&inode)) {
                    return self.hard_link(&first.clone(), target);
                }
                let mut file = source()?;
                self.file(target, &mut file, attributes)?;
                self.compare(&file, node);
                linked.extend(inode.map(|inode| (inode, BString::from(target))));
                Ok(())
            }
            NodeKind::Empty => self.file(target, &mut io::empty(), attributes),
            NodeKind::Symlink(link) => self.symlink(target, link, attributes),
            NodeKind::Special { kind, device } => self.special(target, *kind, *device, attributes),
            NodeKind::Directory => Ok(()),
        }
    }

    /// Notes when a file is no longer what was selected.
    pub(crate) fn compare(&mut self, file: &File, node: &Node) {
        let unchanged = |stamp| fstat(file).is_ok_and(|stat| Stamp::of(&stat) == stamp);
        self.stale |= !node.stamp.is_none_or(unchanged);
    }

    /// Whether some source was no longer what was selected.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale
    }

    /// Gives a directory of a selection its metadata.
    pub(crate) fn finish(&mut self, node: &Node, target: &[u8]) -> Result<(), Cause> {
        let attributes = self.attributes(node);
        self.finish_dir(target, attributes)
    }

    fn attributes<'n>(&self, node: &'n Node) -> Attributes<'n> {
        Attributes {
            mode: self.style.mode.unwrap_or(node.mode),
            owner: self.style.owner.unwrap_or(node.owner),
            mtime: node.mtime,
            capability: node.capability.as_deref(),
        }
    }

    fn parent_of<'p>(&mut self, real: &'p [u8]) -> Result<(BorrowedFd<'_>, &'p OsStr), Cause> {
        let dir = parent(real);
        if self.last.as_ref().is_none_or(|(last, _)| *last != dir) {
            let opened = self.tree().open_dir(dir).map_err(Cause::write("open", dir))?;
            self.last = Some((dir.into(), opened));
        }
        let fd = self.last.as_ref().map_or(self.root, |(_, fd)| fd.as_fd());
        Ok((fd, OsStr::from_bytes(file_name(real))))
    }
}

/// Refuses `.wh.` names: they would delete in every image that has the layer.
pub(crate) fn reject_whiteouts(path: &[u8]) -> Result<(), Cause> {
    if components(path).any(|name| name.starts_with(WHITEOUT_PREFIX)) {
        return Err(Cause::WhiteoutName { path: path.into() });
    }
    Ok(())
}

/// Owner first: changing it takes setuid bits and capabilities away.
fn set(file: impl std::os::fd::AsFd, attributes: Attributes<'_>) -> io::Result<()> {
    let file = file.as_fd();
    let (uid, gid) = attributes.owner;
    fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
    fchmod(file, Mode::from_raw_mode(attributes.mode))?;
    if let Some(capability) = attributes.capability {
        fsetxattr(file, CAPABILITY, capability, XattrFlags::empty())?;
    }
    futimens(file, &times(attributes.mtime))?;
    Ok(())
}

fn set_at(dir: BorrowedFd<'_>, name: &OsStr, attributes: Attributes<'_>) -> io::Result<()> {
    let (uid, gid) = attributes.owner;
    chownat(dir, name, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)), AtFlags::SYMLINK_NOFOLLOW)?;
    utimensat(dir, name, &times(attributes.mtime), AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}

fn times(mtime: Timestamp) -> Timestamps {
    let time = Timespec { tv_sec: mtime.seconds, tv_nsec: mtime.nanoseconds.into() };
    Timestamps { last_access: time, last_modification: time }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::context::Context;
    use crate::selection::Origin;
    use std::fs;
    use std::path::Path;

    #[test]
    fn a_source_that_is_written_to_after_its_selection_is_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "before").unwrap();
        let context = Context::open(dir.path(), Path::new("")).unwrap();
        let selections = Origin::Context(&context).select(b"file").unwrap();
        let node = &selections[0].nodes[0];
        let style = Style { owner: None, mode: None, now: Timestamp::EPOCH };
        let mut place = Place::new(context.tree().root(), style);
        place.compare(&File::open(&path).unwrap(), node);
        assert!(!place.is_stale());
        fs::write(&path, "changed").unwrap();
        place.compare(&File::open(&path).unwrap(), node);
        assert!(place.is_stale());
    }

    #[test]
    fn names_of_whiteouts_are_refused_wherever_they_stand() {
        for path in ["a/.wh.b", ".wh.b/c", ".wh..wh..opq"] {
            assert!(reject_whiteouts(path.as_bytes()).is_err(), "{path}");
        }
        for path in ["a/b.wh.", "wh.a", ".whatever"] {
            assert!(reject_whiteouts(path.as_bytes()).is_ok(), "{path}");
        }
    }
}
