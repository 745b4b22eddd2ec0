//! Finds what a path means in the view: through symlinks, never above the root.

use std::borrow::Cow;

use bstr::ByteSlice;

use super::{
    inodes::Kind,
    tree::{NameIndex, Tree},
};
use crate::layer::{ApplyProblem, MAX_PATH};

/// Symlinks that a path may go through, as in Linux (`MAXSYMLINKS`).
const MAX_SYMLINKS: u32 = 40;

/// The directory that a path names, if there is one. `hides` says of the path up to a symlink that it goes another way.
pub(super) fn find(tree: &Tree, path: &[u8], hides: &dyn Fn(&[u8]) -> bool) -> Result<Option<NameIndex>, ApplyProblem> {
    let mut walk = Walk::new(path);
    let arrived = walk.advance(tree, hides)?;
    Ok(arrived.then_some(walk.at))
}

/// Goes along the directories of a path, through symlinks, never above the root.
pub(super) struct Walk<'a> {
    pub(super) at: NameIndex,
    /// Bytes of the path of `at`, each component with its slash.
    pub(super) length: usize,
    /// The path as given, or what symlinks made of it; done up to `position`.
    path: Cow<'a, [u8]>,
    position: usize,
    symlinks: u32,
}

impl<'a> Walk<'a> {
    pub(super) fn new(path: &'a [u8]) -> Self {
        Self { at: Tree::ROOT, length: 0, path: Cow::Borrowed(path), position: 0, symlinks: 0 }
    }

    /// The component that stopped it.
    pub(super) fn component(&self) -> &[u8] {
        let rest = &self.path[self.position..];
        &rest[..rest.find_byte(b'/').unwrap_or(rest.len())]
    }

    /// Goes on to the end of the path (`true`) or to a component that is no directory.
    pub(super) fn advance(&mut self, tree: &Tree, hides: &dyn Fn(&[u8]) -> bool) -> Result<bool, ApplyProblem> {
        while self.position < self.path.len() {
            let name = self.component();
            let end = self.position + name.len();
            match name {
                b"" | b"." => {}
                b".." if self.at == Tree::ROOT => {}
                b".." => {
                    self.length -= tree.text(self.at).len() + 1;
                    self.at = tree.parent(self.at);
                }
                name => {
                    let Some(child) = tree.child(self.at, name) else {
                        return self.blocked(name.len());
                    };
                    match tree.kind(child) {
                        Kind::Directory => {
                            self.length += name.len() + 1;
                            self.at = child;
                        }
                        Kind::Symlink => {
                            let target = tree.inodes.target(tree.inode(child)).unwrap_or_default();
                            let literal = matches!(self.path, Cow::Borrowed(_));
                            if literal && hides(&self.path[..end]) {
                                return Ok(false);
                            }
                            self.follow(target, end)?;
                            continue;
                        }
                        _ => return self.blocked(name.len()),
                    }
                }
            }
            self.position = end + 1;
        }
        Ok(true)
    }

    fn blocked(&self, name: usize) -> Result<bool, ApplyProblem> {
        fits(self.length + name).map(|()| false)
    }

    fn follow(&mut self, target: &[u8], end: usize) -> Result<(), ApplyProblem> {
        self.symlinks += 1;
        if self.symlinks > MAX_SYMLINKS {
            return Err(ApplyProblem::SymlinkLoop);
        }
        if target.starts_with(b"/") {
            (self.at, self.length) = (Tree::ROOT, 0);
        }
        self.path = Cow::Owned([target, &self.path[end..]].concat());
        self.position = 0;
        Ok(())
    }
}

/// Whether a path has a length that a path may have.
pub(super) fn fits(length: usize) -> Result<(), ApplyProblem> {
    if length > MAX_PATH { Err(ApplyProblem::TooLong) } else { Ok(()) }
}
