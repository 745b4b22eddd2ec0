//! Removes what an archive made before, as deep as it may be.

use std::{ffi::OsStr, io, os::unix::ffi::OsStrExt as _};

use bstr::BString;
use rustix::fs::{AtFlags, FileType, unlinkat};

use crate::tree::{Tree, file_name, join, kind, parent};

/// Removes what has a real path and everything below, holding one descriptor at a time: an archive can nest deeper than a
/// process may have files open.
pub(super) fn tree(tree: Tree<'_>, real: &[u8]) -> io::Result<()> {
    let mut open: Vec<BString> = Vec::new();
    match tree.lstat(real)? {
        Some(stat) if kind(&stat) == FileType::Directory => open.push(real.into()),
        _ => return unlink(tree, real, AtFlags::empty()),
    }
    while let Some(path) = open.last().cloned() {
        let mut is_empty = true;
        for (name, stat) in tree.list(&path)? {
            let below = join(&path, &name);
            if kind(&stat) == FileType::Directory {
                is_empty = false;
                open.push(below);
            } else {
                unlink(tree, &below, AtFlags::empty())?;
            }
        }
        if is_empty {
            unlink(tree, &path, AtFlags::REMOVEDIR)?;
            open.pop();
        }
    }
    Ok(())
}

fn unlink(tree: Tree<'_>, real: &[u8], flags: AtFlags) -> io::Result<()> {
    let dir = tree.open_dir(parent(real))?;
    Ok(unlinkat(dir, OsStr::from_bytes(file_name(real)), flags)?)
}
