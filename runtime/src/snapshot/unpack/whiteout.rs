//! Whiteouts and opaque markers: names from the layers below go, what this layer wrote stays.

use std::os::fd::{AsFd, OwnedFd};

use rustix::{
    fs::{AtFlags, FileType, unlinkat},
    io::Errno,
};
use strata_image::layer::LayerPath;

use super::{Unpacker, kind_of};
use crate::{
    Error, Result, beneath,
    snapshot::remove::{children, open_directory, remove_tree},
};

/// What remains to be done to hide names.
enum Step {
    Enter(LayerPath),
    Leave(LayerPath),
}

impl Unpacker<'_> {
    pub(super) fn whiteout(&mut self, path: &LayerPath) -> Result<()> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(());
        };
        let Some((real, directory)) = self.existing_directory(&parent)? else {
            return Ok(());
        };
        self.keep_time(&real, &directory)?;
        self.hide(vec![real.join(name).map_err(Error::image)?])
    }

    pub(super) fn opaque(&mut self, path: &LayerPath) -> Result<()> {
        let Some((real, directory)) = self.existing_directory(path)? else {
            return Ok(());
        };
        self.keep_time(&real, &directory)?;
        let below = paths_in(&real, &directory)?;
        self.hide(below)
    }

    /// Removes what the layers below have at these paths, and leaves what this layer wrote there or below them.
    fn hide(&mut self, paths: Vec<LayerPath>) -> Result<()> {
        self.parent = None;
        // not by recursion: a path can have thousands of components
        let mut steps: Vec<Step> = paths.into_iter().map(Step::Enter).collect();
        while let Some(step) = steps.pop() {
            match step {
                Step::Enter(path) => self.enter_hidden(path, &mut steps)?,
                Step::Leave(path) => self.leave_hidden(&path)?,
            }
        }
        Ok(())
    }

    fn enter_hidden(&mut self, path: LayerPath, steps: &mut Vec<Step>) -> Result<()> {
        let Some((parent, name)) = self.parent_of(&path)? else {
            return Ok(());
        };
        let kind = kind_of(parent.as_fd(), name).map_err(Error::kernel("look for", &path))?;
        let is_written = self.has_written(&path);
        if kind == Some(FileType::Directory) && (is_written || self.wrote_below(&path)) {
            let directory = open_directory(parent.as_fd(), name).map_err(Error::kernel("open", &path))?;
            let below = paths_in(&path, &directory)?;
            if !is_written {
                steps.push(Step::Leave(path));
            }
            steps.extend(below.into_iter().map(Step::Enter));
        } else if !is_written {
            remove_tree(parent.as_fd(), name).map_err(Error::kernel("remove", &path))?;
        }
        Ok(())
    }

    /// Removes a directory from below when nothing is left in it.
    fn leave_hidden(&mut self, path: &LayerPath) -> Result<()> {
        let Some((parent, name)) = self.parent_of(path)? else {
            return Ok(());
        };
        match unlinkat(&parent, name, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(()),
            // what is left is this layer's, in a directory that no entry tells of
            Err(Errno::NOTEMPTY) => self.imply(&parent, name, path, true),
            Err(errno) => Err(Error::kernel("remove", path)(errno)),
        }
    }

    /// The directory that `path` stands in, and its name there; the path has no links.
    fn parent_of<'p>(&self, path: &'p LayerPath) -> Result<Option<(OwnedFd, &'p [u8])>> {
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Ok(None);
        };
        Ok(beneath::open_directory(self.root, &parent)?.map(|directory| (directory, name)))
    }

    /// Whether this layer wrote anything in the directory or below it.
    fn wrote_below(&self, path: &LayerPath) -> bool {
        let below = [path.as_bytes(), b"/"].concat();
        let next = self.times.range(below.clone()..).next();
        self.times.contains_key(path.as_bytes()) || next.is_some_and(|(directory, _)| directory.starts_with(&below))
    }

    fn existing_directory(&self, path: &LayerPath) -> Result<Option<(LayerPath, OwnedFd)>> {
        let real = beneath::resolve(self.root, path.as_bytes())?;
        let opened = beneath::open_directory(self.root, &real)?;
        Ok(opened.map(|directory| (real, directory)))
    }
}

/// The paths of what is in the directory at `path`.
fn paths_in(path: &LayerPath, directory: &OwnedFd) -> Result<Vec<LayerPath>> {
    let children = children(directory.as_fd()).map_err(Error::kernel("read the directory", path))?;
    children.iter().map(|(name, _)| path.join(name.as_bytes()).map_err(Error::image)).collect()
}
