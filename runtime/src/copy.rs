//! Trees copied file by file, where nothing can be mounted.
//!
//! ```text
//! from/ ─► walk by descriptors ─► to/   owners, modes, times, attributes, links, holes
//!                             └─► Copied: of each copy, whose it is and when it last changed
//! ```
//!
//! Content is shared with the original where the file system can (`FICLONE`). It is never a hard link: a file that is
//! written in place would change with its original.

mod attributes;
mod back;
mod node;
mod proof;

use std::{
    collections::HashMap,
    ffi::{CStr, CString},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    vec,
};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, linkat, mkdirat, statat};
use strata_image::layer::LayerPath;

use self::node::Maker;
pub(crate) use self::{back::back, proof::Copied};
use crate::{Error, Result, beneath, snapshot::children};

/// Copies what is in the directory `from` into the empty directory `to`, which becomes as `from` itself is. Sockets are left
/// out: who listens on them is elsewhere.
///
/// Nothing may write to either meanwhile.
pub(crate) fn tree(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> Result<Copied> {
    let mut copier = Copier { from, to, maker: Maker::default(), links: HashMap::new(), copied: Copied::default() };
    copier.walk()?;
    let last = fstat(to).map_err(Error::kernel("look at", "a copied tree"))?;
    copier.copied.keep_before(&last);
    Ok(copier.copied)
}

/// Copies the regular file `from`, which is open, to the new name `name`.
pub(crate) fn file(from: OwnedFd, to: BorrowedFd<'_>, name: &CStr) -> io::Result<()> {
    let stat = fstat(&from)?;
    Maker::default().regular_file(from, &stat, to, name).map(drop)
}

struct Copier<'a> {
    from: BorrowedFd<'a>,
    to: BorrowedFd<'a>,
    maker: Maker,
    /// Where the copy of each file with several names has its first, by the file's device and inode.
    links: HashMap<(u64, u64), LayerPath>,
    copied: Copied,
}

/// A directory on the way down.
struct Level {
    path: LayerPath,
    /// Names that are still to come.
    names: vec::IntoIter<(CString, FileType)>,
}

/// The directories of the level at hand; those above are opened again on the way back, so that depth costs no descriptors.
struct Opened {
    from: OwnedFd,
    to: OwnedFd,
}

impl Copier<'_> {
    fn walk(&mut self) -> Result<()> {
        let (root, mut opened) = self.enter(LayerPath::root())?;
        let mut levels = vec![root];
        while let Some(level) = levels.last_mut() {
            let Some((name, kind)) = level.names.next() else {
                self.leave(&level.path, &opened)?;
                levels.pop();
                if let Some(level) = levels.last() {
                    opened = self.open(&level.path)?;
                }
                continue;
            };
            let path = level.path.join(name.as_bytes()).map_err(Error::image)?;
            let failed = |error: io::Error| Error::kernel("copy", &path)(error);
            if kind == FileType::Directory {
                mkdirat(&opened.to, &name, Mode::RWXU).map_err(|errno| failed(errno.into()))?;
                let (next, next_opened) = self.enter(path)?;
                opened = next_opened;
                levels.push(next);
            } else {
                let stat = statat(&opened.from, &name, AtFlags::SYMLINK_NOFOLLOW);
                let stat = stat.map_err(|errno| failed(errno.into()))?;
                self.copy(&opened, &name, &stat, &path).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn enter(&self, path: LayerPath) -> Result<(Level, Opened)> {
        let opened = self.open(&path)?;
        let names = children(opened.from.as_fd()).map_err(Error::kernel("read the directory", &path))?;
        Ok((Level { path, names: names.into_iter() }, opened))
    }

    /// A directory is given its mode and times last: making names in it moves the times.
    fn leave(&mut self, path: &LayerPath, opened: &Opened) -> Result<()> {
        let mut describe = || -> io::Result<(Stat, Stat)> {
            let stat = fstat(&opened.from)?;
            Ok((stat, self.maker.describe(&opened.from, &stat, &opened.to)?))
        };
        let (stat, copy) = describe().map_err(Error::kernel("copy the directory", path))?;
        self.copied.note(&copy, &stat);
        Ok(())
    }

    fn open(&self, path: &LayerPath) -> Result<Opened> {
        let open = |root| beneath::open_without_links(root, path, OFlags::RDONLY | OFlags::DIRECTORY);
        Ok(Opened { from: open(self.from)?, to: open(self.to)? })
    }

    fn copy(&mut self, opened: &Opened, name: &CStr, stat: &Stat, path: &LayerPath) -> io::Result<()> {
        if stat.st_nlink > 1 {
            let inode = (stat.st_dev, stat.st_ino);
            if let Some(first) = self.links.get(&inode) {
                let copy = self.link(first, opened, name)?;
                self.copied.note(&copy, stat);
                return Ok(());
            }
            self.links.insert(inode, path.clone());
        }
        if let Some(copy) = self.maker.make(opened.from.as_fd(), name, opened.to.as_fd(), name, stat)? {
            self.copied.note(&copy, stat);
        }
        Ok(())
    }

    /// Gives the copy at `first` another name; what it is since.
    fn link(&self, first: &LayerPath, opened: &Opened, name: &CStr) -> io::Result<Stat> {
        let (Some(parent), Some(first_name)) = (first.parent(), first.file_name()) else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let parent = beneath::open_without_links(self.to, &parent, OFlags::PATH | OFlags::DIRECTORY)
            .map_err(io::Error::other)?;
        linkat(&parent, first_name, &opened.to, name, AtFlags::empty())?;
        Ok(statat(&opened.to, name, AtFlags::SYMLINK_NOFOLLOW)?)
    }
}
