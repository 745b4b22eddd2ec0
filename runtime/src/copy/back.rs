//! A copied tree copied back: what changed in the copy, and nothing else, so that who else writes to the original loses
//! nothing that the copy never had.

use std::{
    collections::{BTreeSet, HashSet, btree_set},
    ffi::{CStr, CString},
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::{
    fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, mkdirat, renameat, statat},
    io::Errno,
};
use strata_image::layer::LayerPath;

use super::{Copied, node::Maker};
use crate::{
    Error, Result, beneath,
    snapshot::{children, random_name, remove_tree},
};

/// Begins the names of files that are not whole yet.
const PARTIAL: &str = ".strata-partial-";

/// Brings `original` up to what `copy` is now. What is in `original` and not in `copy` is removed if it was copied, and
/// stays if it came since.
pub(crate) fn back(copy: BorrowedFd<'_>, original: BorrowedFd<'_>, copied: &Copied) -> Result<()> {
    let mut back = Back { copy, original, copied, known: copied.originals(), maker: Maker::default() };
    back.walk()
}

struct Back<'a> {
    copy: BorrowedFd<'a>,
    original: BorrowedFd<'a>,
    copied: &'a Copied,
    /// Devices and inodes of what was copied.
    known: HashSet<(u64, u64)>,
    maker: Maker,
}

struct Level {
    path: LayerPath,
    names: btree_set::IntoIter<CString>,
}

struct Opened {
    copy: OwnedFd,
    original: OwnedFd,
}

impl Back<'_> {
    fn walk(&mut self) -> Result<()> {
        let (root, mut opened) = self.enter(LayerPath::root())?;
        let mut levels = vec![root];
        while let Some(level) = levels.last_mut() {
            let Some(name) = level.names.next() else {
                self.leave(&opened).map_err(Error::kernel("copy back", &level.path))?;
                levels.pop();
                if let Some(level) = levels.last() {
                    opened = self.open(&level.path)?;
                }
                continue;
            };
            let path = level.path.join(name.as_bytes()).map_err(Error::image)?;
            if self.settle(&opened, &name).map_err(Error::kernel("copy back", &path))? {
                let (next, next_opened) = self.enter(path)?;
                opened = next_opened;
                levels.push(next);
            }
        }
        Ok(())
    }

    fn enter(&self, path: LayerPath) -> Result<(Level, Opened)> {
        let opened = self.open(&path)?;
        let mut names = BTreeSet::new();
        for directory in [&opened.copy, &opened.original] {
            let children = children(directory.as_fd()).map_err(Error::kernel("read the directory", &path))?;
            names.extend(children.into_iter().map(|(name, _)| name));
        }
        Ok((Level { path, names: names.into_iter() }, opened))
    }

    fn leave(&mut self, opened: &Opened) -> io::Result<()> {
        let stat = fstat(&opened.copy)?;
        self.maker.describe(&opened.copy, &stat, &opened.original).map(drop)
    }

    fn open(&self, path: &LayerPath) -> Result<Opened> {
        let open = |root| beneath::open_without_links(root, path, OFlags::RDONLY | OFlags::DIRECTORY);
        Ok(Opened { copy: open(self.copy)?, original: open(self.original)? })
    }

    /// Does with one name what is to be done; whether it is a directory to be entered.
    fn settle(&mut self, opened: &Opened, name: &CStr) -> io::Result<bool> {
        let original = stat(opened.original.as_fd(), name)?;
        let Some(copy) = stat(opened.copy.as_fd(), name)? else {
            if original.is_some_and(|stat| self.known.contains(&(stat.st_dev, stat.st_ino))) {
                remove_tree(opened.original.as_fd(), name)?;
            }
            return Ok(false);
        };
        let is_directory = |stat: &Stat| FileType::from_raw_mode(stat.st_mode) == FileType::Directory;
        if is_directory(&copy) {
            if !original.as_ref().is_some_and(is_directory) {
                remove_tree(opened.original.as_fd(), name)?;
                mkdirat(&opened.original, name, Mode::RWXU)?;
            }
            return Ok(true);
        }
        if self.copied.is_untouched(&copy) {
            return Ok(false);
        }
        if original.as_ref().is_some_and(is_directory) {
            remove_tree(opened.original.as_fd(), name)?;
        }
        self.replace(opened, name, &copy)?;
        Ok(false)
    }

    /// Who reads the original sees the file as it was, or as it is.
    fn replace(&mut self, opened: &Opened, name: &CStr, stat: &Stat) -> io::Result<()> {
        let partial = CString::new(format!("{PARTIAL}{}", random_name()?))?;
        let (from, to) = (opened.copy.as_fd(), opened.original.as_fd());
        let made = self.maker.make(from, name, to, &partial, stat);
        let renamed = match made {
            Ok(None) => return Ok(()),
            Ok(Some(_)) => renameat(to, &partial, to, name).map_err(io::Error::from),
            Err(error) => Err(error),
        };
        if renamed.is_err() {
            // the error that is reported says more than another would
            let _ = remove_tree(to, partial.as_c_str());
        }
        renamed
    }
}

fn stat(directory: BorrowedFd<'_>, name: &CStr) -> io::Result<Option<Stat>> {
    match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(errno) => Err(errno.into()),
    }
}
