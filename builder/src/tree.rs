//! A directory tree reached only through a descriptor of its root, so that no path can lead out of it.
//!
//! Paths are bytes, relative to the root, the root itself being empty. A **real** path has no symbolic link in any but its
//! last component: [`Tree::resolve`] makes one of any path, every other function takes one.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt as _,
    },
    path::Path,
};

use bstr::{BString, ByteSlice as _};
use rustix::{
    fs::{AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, openat2, readlinkat, statat},
    io::Errno,
};

use crate::cause::Cause;

/// Symbolic links followed on the way to one path; the kernel's own limit (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// A tree and the way into it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tree<'a> {
    root: BorrowedFd<'a>,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Resolved {
    /// Without symbolic links as far as it exists.
    pub(crate) path: BString,
    pub(crate) exists: bool,
}

/// What a resolution meets at a path.
pub(crate) enum Step {
    Absent,
    There,
    Link(BString),
}

/// Follows every symbolic link of a path, as if the root were that of the system; `look` tells what is at a path without
/// links on the way.
pub(crate) fn resolve(path: &[u8], look: &mut dyn FnMut(&[u8]) -> Result<Step, Cause>) -> Result<Resolved, Cause> {
    let mut real = BString::default();
    let mut todo: Vec<BString> = components(path).rev().map(BString::from).collect();
    let mut exists = true;
    let mut links = 0;
    while let Some(name) = todo.pop() {
        if name == ".." {
            real = parent(&real).into();
            exists = true;
            continue;
        }
        let next = join(&real, &name);
        match look(&next)? {
            Step::Link(target) => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Cause::SymlinkLoop { path: path.into() });
                }
                if target.starts_with(b"/") {
                    real.clear();
                }
                todo.extend(components(&target).rev().map(BString::from));
                continue;
            }
            Step::There => exists = true,
            Step::Absent => exists = false,
        }
        real = next;
    }
    Ok(Resolved { path: real, exists })
}

/// A resolution meets every symbolic link and the end of the path; the judge may hide what it sees.
pub(crate) type Visible<'v> = &'v dyn Fn(&[u8]) -> bool;

impl<'a> Tree<'a> {
    pub(crate) fn new(root: BorrowedFd<'a>) -> Self {
        Self { root }
    }

    /// Follows every symbolic link of a path, as if the root of the tree were the root of the system: `..` stops there,
    /// absolute targets start there. Components that do not exist are kept as they are.
    pub(crate) fn resolve(self, path: &[u8]) -> Result<Resolved, Cause> {
        self.resolve_visible(path, &|_| true)
    }

    /// The same in a tree of which a part is hidden: a hidden symbolic link does not exist.
    pub(crate) fn resolve_visible(self, path: &[u8], visible: Visible<'_>) -> Result<Resolved, Cause> {
        resolve(path, &mut |path| {
            Ok(match self.lstat(path).map_err(Cause::read("look up", path))? {
                Some(stat) if visible(path) => match kind(&stat) {
                    FileType::Symlink => Step::Link(self.read_link(path).map_err(Cause::read("read the link", path))?),
                    _ => Step::There,
                },
                _ => Step::Absent,
            })
        })
    }

    /// What a real path is, not following a link at its end; `None` when it is not there, or when something on the way to it
    /// is no directory.
    pub(crate) fn lstat(self, real: &[u8]) -> io::Result<Option<Stat>> {
        match self.open(real, OFlags::PATH | OFlags::NOFOLLOW) {
            Ok(fd) => Ok(Some(rustix::fs::fstat(fd)?)),
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The target of the link at a real path.
    pub(crate) fn read_link(self, real: &[u8]) -> io::Result<BString> {
        let link = self.open(real, OFlags::PATH | OFlags::NOFOLLOW)?;
        Ok(readlinkat(link, "", Vec::new())?.into_bytes().into())
    }

    /// Opens the regular file at a real path. Anything else is an error, and never waited for.
    pub(crate) fn open_file(self, real: &[u8]) -> io::Result<File> {
        let fd = self.open(real, OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK)?;
        let stat = rustix::fs::fstat(&fd)?;
        if kind(&stat) != FileType::RegularFile {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
        }
        Ok(File::from(fd))
    }

    /// Opens the directory at a real path, to work in it.
    pub(crate) fn open_dir(self, real: &[u8]) -> io::Result<OwnedFd> {
        Ok(self.open(real, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW)?)
    }

    /// Names in the directory at a real path, sorted by bytes.
    pub(crate) fn names(self, real: &[u8]) -> io::Result<Vec<BString>> {
        names_in(self.open_dir(real)?)
    }

    /// Names in the directory at a real path with what they are, sorted. What goes away meanwhile is left out.
    pub(crate) fn list(self, real: &[u8]) -> io::Result<Vec<(BString, Stat)>> {
        let dir = self.open_dir(real)?;
        let mut listed = Vec::new();
        for name in names_in(&dir)? {
            if let Some(stat) = lstat_in(&dir, &name)? {
                listed.push((name, stat));
            }
        }
        Ok(listed)
    }

    fn open(self, real: &[u8], flags: OFlags) -> Result<OwnedFd, Errno> {
        let path = if real.is_empty() { b"." } else { real };
        openat2(
            self.root,
            path,
            flags | OFlags::CLOEXEC,
            Mode::empty(),
            ResolveFlags::IN_ROOT | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS,
        )
    }
}

/// Opens a directory of the host as a tree's root.
pub(crate) fn open_root(path: &Path) -> io::Result<OwnedFd> {
    Ok(rustix::fs::open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?)
}

/// Names in an open directory, sorted by bytes.
pub(crate) fn names_in(dir: impl AsFd) -> io::Result<Vec<BString>> {
    let mut names = Vec::new();
    for entry in Dir::read_from(dir)? {
        let name = entry?.file_name().to_bytes().to_owned();
        if name != b"." && name != b".." {
            names.push(BString::from(name));
        }
    }
    names.sort_unstable();
    Ok(names)
}

/// What a name in an open directory is, not following it.
pub(crate) fn lstat_in(dir: impl AsFd, name: &[u8]) -> io::Result<Option<Stat>> {
    match statat(dir, OsStr::from_bytes(name), AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(stat)),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

pub(crate) fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}

/// Components that mean something: neither empty nor `.`.
pub(crate) fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".")
}

/// The path without `.`, `..` (which stop at the root), doubled, leading and trailing slashes: links are not looked at.
pub(crate) fn clean(path: &[u8]) -> BString {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in components(path) {
        if part == b".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    bstr::join("/", parts).into()
}

pub(crate) fn join(dir: &[u8], name: &[u8]) -> BString {
    let mut joined = BString::from(dir);
    if !dir.is_empty() && !name.is_empty() {
        joined.push(b'/');
    }
    joined.extend_from_slice(name);
    joined
}

/// The directory part; the root's is the root.
pub(crate) fn parent(path: &[u8]) -> &[u8] {
    path.rfind_byte(b'/').map_or(b"", |slash| &path[..slash])
}

/// The last component; empty for the root.
pub(crate) fn file_name(path: &[u8]) -> &[u8] {
    path.rfind_byte(b'/').map_or(path, |slash| &path[slash + 1..])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn tree() -> (tempfile::TempDir, OwnedFd) {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("a/b")).unwrap();
        fs::write(dir.path().join("a/file"), "x").unwrap();
        for (target, link) in [
            ("/a", "absolute"),
            ("a/b/../..", "self"),
            ("../../../../a/file", "clamped"),
            ("loop", "loop"),
            ("/missing/x", "dangling"),
            ("/etc/hostname", "escape"),
        ] {
            symlink(target, dir.path().join(link)).unwrap();
        }
        let root = open_root(dir.path()).unwrap();
        (dir, root)
    }

    #[test]
    fn links_and_dots_stay_inside_the_root() {
        let (_dir, root) = tree();
        let tree = Tree::new(root.as_fd());
        for (path, real, exists) in [
            ("", "", true),
            ("/", "", true),
            ("..", "", true),
            ("../../a/./b//", "a/b", true),
            ("absolute/b", "a/b", true),
            ("absolute/../absolute/file", "a/file", true),
            ("self/a", "a", true),
            ("clamped", "a/file", true),
            ("dangling", "missing/x", false),
            ("escape", "etc/hostname", false),
            ("a/file/x", "a/file/x", false),
            ("nope/../a", "a", true),
        ] {
            let resolved = tree.resolve(path.as_bytes()).unwrap();
            assert_eq!((resolved.path, resolved.exists), (real.into(), exists), "{path}");
        }
        assert!(matches!(tree.resolve(b"loop"), Err(Cause::SymlinkLoop { .. })));
    }

    #[test]
    fn a_link_on_the_way_is_not_followed_by_what_takes_real_paths() {
        let (_dir, root) = tree();
        let tree = Tree::new(root.as_fd());
        assert!(tree.lstat(b"absolute/file").unwrap().is_none());
        assert!(tree.open_file(b"clamped").is_err());
        assert!(tree.open_dir(b"absolute").is_err());
    }

    #[test]
    fn a_fifo_is_not_waited_for() {
        let (dir, root) = tree();
        let status = std::process::Command::new("mkfifo").arg(dir.path().join("pipe")).status();
        if !status.is_ok_and(|status| status.success()) {
            return;
        }
        assert!(Tree::new(root.as_fd()).open_file(b"pipe").is_err());
    }

    #[test]
    fn a_hidden_link_does_not_exist() {
        let (_dir, root) = tree();
        let tree = Tree::new(root.as_fd());
        let resolved = tree.resolve_visible(b"absolute", &|path| path != b"absolute").unwrap();
        assert!(!resolved.exists);
    }

    #[test]
    fn paths_are_cleaned_split_and_joined() {
        assert_eq!(clean(b"/a/../../b//./c/"), "b/c");
        assert_eq!(join(b"", b"a"), "a");
        assert_eq!(join(b"a", b"b"), "a/b");
        assert_eq!((parent(b"a/b/c"), file_name(b"a/b/c")), (&b"a/b"[..], &b"c"[..]));
        assert_eq!((parent(b"a"), file_name(b"a")), (&b""[..], &b"a"[..]));
    }
}
