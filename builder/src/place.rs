//! Puts files into a draft as COPY does: where a path leads, what may stand in the way, and what everything placed has in
//! common.

use std::{collections::HashMap, sync::Arc};

use bstr::BString;
use rustix::{fs::FileType, io::Errno};
use strata_dockerfile::mode::ModeChange;
use strata_image::{Timestamp, layer::WHITEOUT_PREFIX};

use crate::{
    below::{Found, FoundKind},
    cause::Cause,
    draft::{Attributes, Content, Draft},
    selection::{Node, NodeKind, Origin},
    tree::{self, components, join},
};

/// What every file that a step places has in common.
#[derive(Clone, Debug, Default)]
pub(crate) struct Style {
    /// `--chown`: of everything placed and every directory made for it; else sources keep theirs, made directories are root's.
    pub(crate) owner: Option<(u64, u64)>,
    /// `--chmod`, the same.
    pub(crate) mode: Option<ModeChange>,
}

impl Style {
    /// The mode of something whose own is `mode`.
    pub(crate) fn mode_of(&self, mode: u32, is_directory: bool) -> u32 {
        self.mode.as_ref().map_or(mode, |change| change.apply(mode, is_directory))
    }
}

/// A directory of a draft that paths begin at: nothing leads out of it.
pub(crate) struct Place<'p, 'd> {
    draft: &'p mut Draft<'d>,
    root: BString,
    style: Style,
}

impl<'p, 'd> Place<'p, 'd> {
    pub(crate) fn new(draft: &'p mut Draft<'d>, style: Style) -> Self {
        Self { draft, root: BString::default(), style }
    }

    /// The same draft, seen from a directory of it without links on the way.
    pub(crate) fn within(&mut self, directory: &[u8], style: Style) -> Place<'_, 'd> {
        Place { root: join(&self.root, directory), draft: self.draft, style }
    }

    pub(crate) fn style(&self) -> &Style {
        &self.style
    }

    pub(crate) fn draft(&mut self) -> &mut Draft<'d> {
        self.draft
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.draft.now()
    }

    /// What is at a path without links on the way.
    pub(crate) fn look(&self, real: &[u8]) -> Result<Option<Found>, Cause> {
        self.draft.lookup(&join(&self.root, real))
    }

    /// Where a path leads, and whether anything is there.
    pub(crate) fn follow(&self, path: &[u8]) -> Result<tree::Resolved, Cause> {
        tree::resolve(path, &mut |path| {
            Ok(match self.look(path)? {
                None => tree::Step::Absent,
                Some(Found { kind: FoundKind::Symlink(target), .. }) => tree::Step::Link(target),
                Some(_) => tree::Step::There,
            })
        })
    }

    /// Follows a path to where it leads, and refuses names that would be whiteouts in the layer.
    pub(crate) fn resolve(&self, path: &[u8]) -> Result<BString, Cause> {
        let resolved = self.follow(path)?;
        reject_whiteouts(&resolved.path)?;
        Ok(resolved.path)
    }

    /// Makes the directories of a path that are not there: 0755 and root's unless the instruction says otherwise.
    pub(crate) fn make_directories(&mut self, real: &[u8]) -> Result<(), Cause> {
        let attributes = Attributes {
            // a directory made on the way takes the permission bits of --chmod only
            mode: self.style.mode.as_ref().map_or(0o755, |change| change.of_made_directory() & 0o777),
            owner: self.style.owner.unwrap_or((0, 0)),
            mtime: self.now(),
            capability: None,
        };
        let mut path = BString::default();
        for name in components(real) {
            path = join(&path, name);
            match self.look(&path)? {
                Some(found) if found.is_directory() => {}
                Some(_) => return Err(Cause::NotDirectory { path }),
                None => self.make_directory(&path, attributes.clone())?,
            }
        }
        Ok(())
    }

    /// Makes one directory, whose parent is there.
    pub(crate) fn make_directory(&mut self, real: &[u8], attributes: Attributes) -> Result<(), Cause> {
        self.draft.make_directory(&join(&self.root, real), attributes)
    }

    /// Gives a directory that is there its metadata; its time last, once nothing is written into it any more.
    pub(crate) fn set_directory(&mut self, real: &[u8], attributes: Attributes) -> Result<(), Cause> {
        self.draft.set_directory(&join(&self.root, real), attributes)
    }

    /// Gives a directory that is there a time, and nothing else.
    pub(crate) fn set_time(&mut self, real: &[u8], mtime: Timestamp) -> Result<(), Cause> {
        self.draft.set_time(&join(&self.root, real), mtime)
    }

    /// Refuses to put a file where a directory is.
    pub(crate) fn must_not_be_directory(&self, real: &[u8]) -> Result<(), Cause> {
        match self.look(real)? {
            Some(found) if found.is_directory() => Err(Cause::FileOverDirectory { path: real.into() }),
            _ => Ok(()),
        }
    }

    /// Puts a regular file in place of anything but a directory.
    pub(crate) fn file(
        &mut self,
        real: &[u8],
        size: u64,
        content: Content,
        attributes: Attributes,
    ) -> Result<(), Cause> {
        self.draft.file(&join(&self.root, real), size, content, attributes)
    }

    /// Puts another name of a file there.
    pub(crate) fn hard_link(&mut self, existing: &[u8], real: &[u8]) -> Result<(), Cause> {
        self.draft.hard_link(&join(&self.root, existing), &join(&self.root, real))
    }

    pub(crate) fn symlink(&mut self, real: &[u8], target: &[u8], attributes: Attributes) -> Result<(), Cause> {
        self.draft.symlink(&join(&self.root, real), target, attributes)
    }

    /// A fifo or a device.
    pub(crate) fn special(
        &mut self,
        real: &[u8],
        kind: FileType,
        device: u64,
        attributes: Attributes,
    ) -> Result<(), Cause> {
        if kind == FileType::CharacterDevice && device == 0 {
            // overlay's whiteout: it would vanish, and take what lies below with it
            return Err(Cause::write("make the device", real)(Errno::PERM));
        }
        self.draft.special(&join(&self.root, real), kind, device, attributes)
    }

    /// Takes away whatever has a name, with everything below it.
    pub(crate) fn remove(&mut self, real: &[u8]) -> Result<(), Cause> {
        self.draft.remove(&join(&self.root, real))
    }

    /// Places a node of a selection where nothing but a file to be replaced, or a directory to be merged with, may be.
    /// Directories get their metadata later, by [`Place::finish`].
    pub(crate) fn node(
        &mut self,
        node: &Node,
        target: &[u8],
        origin: &Arc<Origin>,
        source: &[u8],
        linked: &mut HashMap<(u64, u64), BString>,
    ) -> Result<(), Cause> {
        reject_whiteouts(target)?;
        let attributes = self.attributes(node);
        if node.kind == NodeKind::Directory {
            return match self.look(target)? {
                None => self.make_directory(target, attributes),
                Some(found) if found.is_directory() => Ok(()),
                Some(_) => Err(Cause::DirectoryOverFile { path: target.into() }),
            };
        }
        self.must_not_be_directory(target)?;
        match &node.kind {
            NodeKind::File { size, inode } => {
                if let Some(first) = inode.and_then(|inode| linked.get(&inode)) {
                    return self.hard_link(&first.clone(), target);
                }
                let content = Content::Source {
                    origin: Arc::clone(origin),
                    real: source.into(),
                    stamp: node.stamp,
                    content: node.content,
                };
                linked.extend(inode.map(|inode| (inode, BString::from(target))));
                self.file(target, *size, content, attributes)
            }
            NodeKind::Empty => self.file(target, 0, Content::Bytes(Vec::new()), attributes),
            NodeKind::Symlink(link) => self.symlink(target, link, attributes),
            NodeKind::Special { kind, device } => self.special(target, *kind, *device, attributes),
            NodeKind::Directory => Ok(()),
        }
    }

    /// Gives a directory of a selection its metadata.
    pub(crate) fn finish(&mut self, node: &Node, target: &[u8]) -> Result<(), Cause> {
        let attributes = self.attributes(node);
        self.set_directory(target, attributes)
    }

    fn attributes(&self, node: &Node) -> Attributes {
        Attributes {
            mode: self.style.mode_of(node.mode, node.kind == NodeKind::Directory),
            owner: self.style.owner.unwrap_or(node.owner),
            mtime: node.mtime,
            capability: node.capability.clone(),
        }
    }
}

/// Refuses `.wh.` names: they would delete in every image that has the layer.
pub(crate) fn reject_whiteouts(path: &[u8]) -> Result<(), Cause> {
    if components(path).any(|name| name.starts_with(WHITEOUT_PREFIX)) {
        return Err(Cause::WhiteoutName { path: path.into() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
