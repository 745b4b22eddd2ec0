//! The build context: a directory and its ignore file.

use std::{
    io::{self, Read as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::fs::FileType;
use strata_dockerfile::ignore::IgnoreSet;

use crate::{
    Error, Result,
    tree::{Tree, join, kind, open_root},
};

/// Bytes of an ignore file; patterns are matched against every path, so a larger one would be a way to stall a build.
const IGNORE_FILE_LIMIT: u64 = 1024 * 1024;

/// What a tree of sources shows of itself.
pub(crate) struct Context {
    root: OwnedFd,
    ignore: IgnoreSet,
    /// As shown to people.
    ignore_file: String,
}

impl Context {
    /// Opens the context and reads `<dockerfile>.dockerignore`, or else `.dockerignore` at the context's root.
    pub(crate) fn open(path: &Path, dockerfile: &Path) -> Result<Self> {
        let root = open_root(path).map_err(|source| Error::Context {
            operation: "open the context",
            path: path.to_owned(),
            source,
        })?;
        let (ignore, ignore_file) = if let Some((file, bytes)) = read_beside(dockerfile)? {
            (parse(&file, &bytes)?, file)
        } else {
            let file = path.join(".dockerignore");
            match read_inside(&root, &file)? {
                Some(bytes) => (parse(&file, &bytes)?, file),
                None => (IgnoreSet::default(), file),
            }
        };
        let name = ignore_file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Self { root, ignore, ignore_file: name })
    }

    pub(crate) fn tree(&self) -> Tree<'_> {
        Tree::new(self.root.as_fd())
    }

    /// The ignore file and the line of it that excludes a path, if one does.
    pub(crate) fn excluded(&self, path: &[u8]) -> Option<(String, u32)> {
        if self.ignore.is_empty() || path.is_empty() {
            return None;
        }
        self.ignore.excluded_by(path).map(|line| (self.ignore_file.clone(), line))
    }

    /// Whether a path belongs to the context. An excluded directory does when something below it is included again.
    pub(crate) fn shows(&self, path: &[u8]) -> bool {
        if self.ignore.is_empty() || path.is_empty() || self.ignore.excluded_by(path).is_none() {
            return true;
        }
        self.ignore.may_reinclude_below(path) && self.includes_below(path)
    }

    fn includes_below(&self, dir: &[u8]) -> bool {
        let tree = self.tree();
        let is_directory =
            |path: &[u8]| matches!(tree.lstat(path), Ok(Some(stat)) if kind(&stat) == FileType::Directory);
        if !is_directory(dir) {
            return false;
        }
        let Ok(names) = tree.names(dir) else {
            return false;
        };
        names.iter().any(|name| self.shows(&join(dir, name)))
    }
}

fn parse(file: &Path, bytes: &[u8]) -> Result<IgnoreSet> {
    IgnoreSet::parse(bytes).map_err(|source| Error::IgnoreFile { path: file.to_owned(), source })
}

fn read_beside(dockerfile: &Path) -> Result<Option<(PathBuf, Vec<u8>)>> {
    let Some(name) = dockerfile.file_name() else {
        return Ok(None);
    };
    let mut name = name.to_owned();
    name.push(".dockerignore");
    let file = dockerfile.with_file_name(name);
    let folder = dockerfile.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let root = match open_root(folder) {
        Ok(root) => root,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(source) => return Err(unreadable(&file)(source)),
    };
    Ok(read_inside(&root, &file)?.map(|bytes| (file, bytes)))
}

/// Reads an ignore file of a folder. A link out of the folder leads nowhere, and a pipe is not waited for.
fn read_inside(root: &OwnedFd, file: &Path) -> Result<Option<Vec<u8>>> {
    let tree = Tree::new(root.as_fd());
    let name = file.file_name().unwrap_or_default().as_bytes();
    let Ok(resolved) = tree.resolve(name) else {
        return Err(unreadable(file)(io::Error::other("too many levels of symbolic links")));
    };
    if !resolved.exists {
        let link = tree.lstat(name).map_err(unreadable(file))?;
        return match link {
            None => Ok(None),
            Some(_) => Err(unreadable(file)(io::Error::new(
                io::ErrorKind::NotFound,
                "it is a symbolic link that leads to nothing inside its folder",
            ))),
        };
    }
    let opened = tree.open_file(&resolved.path).map_err(unreadable(file))?;
    read_limited(opened, file).map(Some)
}

fn read_limited(file: std::fs::File, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(IGNORE_FILE_LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable(path))?;
    if bytes.len() as u64 > IGNORE_FILE_LIMIT {
        return Err(Error::IgnoreFileTooLarge { path: path.to_owned(), limit: IGNORE_FILE_LIMIT });
    }
    Ok(bytes)
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |source| Error::Context { operation: "read", path: path.clone(), source }
}
