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
    content_index::ContentIndex,
    options::ContextDirectory,
    tree::{Tree, join, kind, open_root},
};

/// Bytes of an ignore file; patterns are matched against every path, so a larger one would be a way to stall a build.
const IGNORE_FILE_LIMIT: u64 = 1024 * 1024;

/// What a tree of sources shows of itself.
pub(crate) struct Context {
    root: OwnedFd,
    keeps_owners: bool,
    ignore: IgnoreSet,
    /// As shown to people.
    ignore_file: String,
    index: ContentIndex,
    /// Whether it goes away with the build: then nobody asks for its index again.
    is_temporary: bool,
}

impl Context {
    /// Opens the context and reads `<dockerfile>.dockerignore`, or else `.dockerignore` at the context's root. What its files
    /// hold is remembered below `cache`.
    pub(crate) fn open(directory: &ContextDirectory, dockerfile: &Path, cache: &Path) -> Result<Self> {
        let path = &directory.path;
        let failed = |source| Error::Context { operation: "open the context", path: path.clone(), source };
        let root = open_root(path).map_err(failed)?;
        let stat = rustix::fs::fstat(&root).map_err(|errno| failed(errno.into()))?;
        let (file, bytes) = read_ignore(&root, path, dockerfile)?;
        let ignore = bytes.map(|bytes| parse(&file, &bytes)).transpose()?.unwrap_or_default();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let index = ContentIndex::open(cache, (stat.st_dev, stat.st_ino));
        let is_temporary = directory.guard.is_some();
        Ok(Self { root, keeps_owners: directory.keeps_owners, ignore, ignore_file: name, index, is_temporary })
    }

    /// The ignore file that [`Context::open`] reads, or would read, and what it holds; `None` when there is none.
    pub(crate) fn ignore_file(directory: &ContextDirectory, dockerfile: &Path) -> Result<(PathBuf, Option<Vec<u8>>)> {
        let root = open_root(&directory.path).map_err(unreadable(&directory.path))?;
        read_ignore(&root, &directory.path, dockerfile)
    }

    pub(crate) fn tree(&self) -> Tree<'_> {
        Tree::new(self.root.as_fd())
    }

    /// Whether its files have the owners that they shall have in an image.
    pub(crate) fn keeps_owners(&self) -> bool {
        self.keeps_owners
    }

    /// What its files held in earlier builds.
    pub(crate) fn index(&self) -> &ContentIndex {
        &self.index
    }

    /// Remembers what its files hold.
    pub(crate) fn save_index(&self) {
        if !self.is_temporary {
            self.index.save();
        }
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

/// What the ignore file of a context excludes, read as a build reads it.
///
/// # Errors
/// The context or the file cannot be read, or a line of it is no pattern.
pub fn ignored_by(directory: &ContextDirectory, dockerfile: &Path) -> Result<IgnoreSet> {
    let (file, bytes) = Context::ignore_file(directory, dockerfile)?;
    Ok(bytes.map(|bytes| parse(&file, &bytes)).transpose()?.unwrap_or_default())
}

fn parse(file: &Path, bytes: &[u8]) -> Result<IgnoreSet> {
    IgnoreSet::parse(bytes).map_err(|source| Error::IgnoreFile { path: file.to_owned(), source })
}

fn read_ignore(root: &OwnedFd, path: &Path, dockerfile: &Path) -> Result<(PathBuf, Option<Vec<u8>>)> {
    if let Some((file, bytes)) = read_beside(dockerfile)? {
        return Ok((file, Some(bytes)));
    }
    let file = path.join(".dockerignore");
    let bytes = read_inside(root, &file)?;
    Ok((file, bytes))
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
