//! What a checkout leaves to chance: times, which are those of the checkout, modes, which are by the umask, and the `.git`
//! files of submodules.

use std::{
    io,
    os::fd::{AsFd as _, OwnedFd},
    path::Path,
};

use bstr::BString;
use rustix::fs::{AtFlags, FileType, Mode, Timespec, Timestamps, chmodat, fchmod, futimens, unlinkat, utimensat};

use crate::tree::{Tree, join, kind, open_root};

/// Gives every file one time, and the mode that git means: 0644, or 0755 for what can be executed and for directories.
pub(super) fn settle(root: &Path, seconds: i64, keeps_git: bool) -> io::Result<()> {
    let root = open_root(root)?;
    let time = Timespec { tv_sec: seconds, tv_nsec: 0 };
    let times = Timestamps { last_access: time, last_modification: time };
    let tree = Tree::new(root.as_fd());
    let mut open: Vec<BString> = vec![BString::default()];
    let mut directories = Vec::new();
    while let Some(path) = open.pop() {
        let dir = tree.open_dir(&path)?;
        for (name, stat) in tree.list(&path)? {
            if name == ".git" && !keeps_git {
                remove(&dir, kind(&stat))?;
                continue;
            }
            match kind(&stat) {
                FileType::Directory => {
                    open.push(join(&path, &name));
                    continue;
                }
                FileType::RegularFile => {
                    let mode = if stat.st_mode & 0o100 == 0 { 0o644 } else { 0o755 };
                    chmodat(&dir, name.as_slice(), Mode::from_raw_mode(mode), AtFlags::empty())?;
                }
                _ => {}
            }
            utimensat(&dir, name.as_slice(), &times, AtFlags::SYMLINK_NOFOLLOW)?;
        }
        directories.push(path);
    }
    // last, once nothing is removed from them any more
    for path in directories {
        let dir = tree.open_dir(&path)?;
        fchmod(&dir, Mode::from_raw_mode(0o755))?;
        futimens(dir, &times)?;
    }
    Ok(())
}

/// Takes a submodule's `.git` away: the name of the repository that the checkout was made with. Git puts nothing else under
/// that name, nor lets a repository do so.
fn remove(dir: &OwnedFd, kind: FileType) -> io::Result<()> {
    if kind == FileType::Directory {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "a submodule's .git is a directory"));
    }
    Ok(unlinkat(dir, ".git", AtFlags::empty())?)
}
