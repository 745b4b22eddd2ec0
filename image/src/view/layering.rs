//! Puts a layer on the view below it: first what it removes, then what it adds.

use std::{cell::OnceCell, collections::HashSet};

use bstr::BString;

use super::{
    Death, InodeId, Observer,
    inodes::{InodeIndex, Kind},
    resolve::{Walk, find, fits},
    texts::Text,
    tree::{NameIndex, Tree, at, index},
};
use crate::layer::{ApplyProblem, LayerPath, TarError};

/// What a layer has said.
#[derive(Default)]
pub(super) struct Layering {
    layer: u32,
    entries: u32,
    removals: Vec<Removal>,
    additions: Vec<Addition>,
    /// The parents of `additions` as their entries name them; entries of one directory most often stand together.
    parents: Vec<BString>,
    /// The targets of hard links.
    targets: Vec<LayerPath>,
}

struct Removal {
    by: InodeId,
    path: LayerPath,
    /// Not the path itself, but all that is in it.
    opaque: bool,
}

/// There is one an entry while a layer is applied.
struct Addition {
    entry: u32,
    parent: u32,
    name: Text,
    source: Source,
}

/// Where a name's inode comes from.
#[derive(Clone, Copy)]
enum Source {
    /// The entry made it.
    Inode(InodeIndex),
    /// It is that of another name, the target of this number.
    Link(u32),
}

/// So many additions a layer are kept room for from one layer to the next.
const KEPT: usize = 1 << 16;

/// The whiteouts whose path has a symlink of a lower layer in it ask for directories that this layer puts in its place.
type OwnDirectories = OnceCell<HashSet<Vec<u8>>>;

impl Layering {
    /// Begins a layer that has said nothing yet, in the memory of the one before.
    pub(super) fn begin(&mut self, layer: u32) {
        let mut additions = std::mem::take(&mut self.additions);
        additions.clear();
        additions.shrink_to(KEPT);
        *self = Self { layer, additions, ..Self::default() };
    }

    /// Makes room for so many entries that are to come.
    pub(super) fn reserve(&mut self, more: usize) {
        self.additions.reserve_exact(more);
    }

    pub(super) fn layer(&self) -> u32 {
        self.layer
    }

    /// Counts an entry.
    pub(super) fn next_entry(&mut self) -> InodeId {
        let id = InodeId { layer: self.layer, entry: self.entries };
        self.entries = self.entries.saturating_add(1);
        id
    }

    pub(super) fn remove(&mut self, by: InodeId, path: LayerPath, opaque: bool) {
        self.removals.push(Removal { by, path, opaque });
    }

    /// A name for what the entry made.
    pub(super) fn add(&mut self, by: InodeId, parent: &[u8], name: Text, inode: InodeIndex) {
        self.push(by, parent, name, Source::Inode(inode));
    }

    /// One more name for what another one names.
    pub(super) fn add_link(&mut self, by: InodeId, parent: &[u8], name: Text, target: LayerPath) {
        self.targets.push(target);
        self.push(by, parent, name, Source::Link(index(self.targets.len() - 1)));
    }

    fn push(&mut self, by: InodeId, parent: &[u8], name: Text, source: Source) {
        if self.parents.last().is_none_or(|last| last != parent) {
            self.parents.push(parent.into());
        }
        self.additions.push(Addition { entry: by.entry, parent: index(self.parents.len() - 1), name, source });
    }

    /// Puts it on the view, and holds nothing of it any more.
    pub(super) fn finish(&mut self, tree: &mut Tree, observer: &mut dyn Observer) -> Result<(), TarError> {
        self.apply_removals(tree, observer)?;
        let layer = self.layer;
        let mut top = Top { tree, observer, layer, parents: &self.parents, targets: &self.targets, known: None };
        for addition in &self.additions {
            let &Addition { entry, parent, name, .. } = addition;
            // a parent that is missing takes names too
            let room = if top.tree.has_room() { Ok(()) } else { Err(ApplyProblem::TooManyNames) };
            room.and_then(|()| top.add(addition)).map_err(|problem| {
                let path = joined(&self.parents[at(parent)], top.tree.text_of(name));
                error(InodeId { layer, entry }, path.into(), problem)
            })?;
        }
        self.begin(layer);
        Ok(())
    }

    /// All paths are resolved before the first is removed, so that their order says nothing.
    fn apply_removals(&self, tree: &mut Tree, observer: &mut dyn Observer) -> Result<(), TarError> {
        let own = OwnDirectories::new();
        let mut found = Vec::new();
        for Removal { by, path, opaque } in &self.removals {
            let (directory, name) = match path.split_last() {
                Some((parent, name)) if !opaque => (parent, Some(name)),
                _ => (path.as_bytes(), None),
            };
            let hides = |prefix: &[u8]| own.get_or_init(|| self.directories(tree)).contains(prefix);
            let directory =
                find(tree, directory, &hides).map_err(|problem| error(*by, path.as_bytes().into(), problem))?;
            let target = match (directory, name) {
                (Some(directory), Some(name)) => tree.child(directory, name),
                (directory, _) => directory,
            };
            found.extend(target.map(|target| (target, *opaque)));
        }
        let (parents, targets) = (&self.parents, &self.targets);
        let mut top = Top { tree, observer, layer: self.layer, parents, targets, known: None };
        for (target, opaque) in found {
            if !top.tree.is_live(target) {
                continue;
            }
            if opaque {
                top.remove_children(target, |_| Death::Opaque);
            } else {
                top.remove(target, |_| Death::Whiteout);
            }
        }
        Ok(())
    }

    /// The directories that this layer has entries for.
    fn directories(&self, tree: &Tree) -> HashSet<Vec<u8>> {
        let is_directory = |source: &Source| match source {
            Source::Inode(inode) => tree.inodes.kind(*inode) == Kind::Directory,
            Source::Link(_) => false,
        };
        let own = self.additions.iter().filter(|addition| is_directory(&addition.source));
        own.map(|addition| joined(&self.parents[at(addition.parent)], tree.text_of(addition.name))).collect()
    }
}

fn joined(parent: &[u8], name: &[u8]) -> Vec<u8> {
    if parent.is_empty() { name.to_vec() } else { [parent, b"/", name].concat() }
}

fn error(by: InodeId, path: BString, problem: ApplyProblem) -> TarError {
    TarError::Apply { layer: by.layer, entry: by.entry, path, problem }
}

/// The root may only be a directory.
pub(super) fn root_error(by: InodeId) -> TarError {
    error(by, BString::default(), ApplyProblem::Root)
}

/// There are too many names.
pub(super) fn full_error(by: InodeId, path: &LayerPath) -> TarError {
    error(by, path.as_bytes().into(), ApplyProblem::TooManyNames)
}

/// The layer's names on top of the view.
struct Top<'a> {
    tree: &'a mut Tree,
    observer: &'a mut dyn Observer,
    layer: u32,
    parents: &'a [BString],
    targets: &'a [LayerPath],
    /// Where the parent of the latest addition led, as long as nothing on its way can have changed.
    known: Option<Known>,
}

#[derive(Clone, Copy)]
struct Known {
    parent: u32,
    at: NameIndex,
    length: usize,
}

impl Top<'_> {
    fn add(&mut self, &Addition { parent, name, source, .. }: &Addition) -> Result<(), ApplyProblem> {
        match source {
            Source::Inode(inode) => self.add_name(parent, name, inode),
            Source::Link(target) => {
                let inode = self.link_target(&self.targets[at(target)])?;
                // the path may lead through the target's own name, which must not be its end
                self.tree.inodes.link(inode);
                let added = self.add_name(parent, name, inode);
                self.tree.inodes.unlink(inode);
                added
            }
        }
    }

    fn link_target(&self, target: &LayerPath) -> Result<InodeIndex, ApplyProblem> {
        let missing = || ApplyProblem::LinkTargetMissing(target.as_bytes().into());
        let to_directory = || ApplyProblem::LinkToDirectory(target.as_bytes().into());
        let (parent, name) = target.split_last().ok_or_else(to_directory)?;
        let directory = find(self.tree, parent, &|_| false)?.ok_or_else(missing)?;
        let found = self.tree.child(directory, name).ok_or_else(missing)?;
        if self.tree.is_directory(found) { Err(to_directory()) } else { Ok(self.tree.inode(found)) }
    }

    fn add_name(&mut self, parent: u32, name: Text, inode: InodeIndex) -> Result<(), ApplyProblem> {
        let known = match self.known {
            Some(known) if known.parent == parent => known,
            _ => self.directory(parent)?,
        };
        fits(known.length + self.tree.text_of(name).len())?;
        let way_changed = self.put(known.at, name, inode);
        self.known = (!way_changed).then_some(known);
        Ok(())
    }

    /// Goes to where a parent's path leads, and makes what is missing on the way.
    fn directory(&mut self, parent: u32) -> Result<Known, ApplyProblem> {
        let mut walk = Walk::new(&self.parents[at(parent)]);
        while !walk.advance(self.tree, &|_| false)? {
            let implied = self.tree.inodes.add_implied(self.layer);
            let missing = self.tree.intern(walk.component());
            self.put(walk.at, missing, implied);
        }
        Ok(Known { parent, at: walk.at, length: walk.length })
    }

    /// Gives a name to an inode, whatever had it before. Tells whether paths through it may lead elsewhere now: it was a
    /// symlink, or a directory and is none.
    fn put(&mut self, parent: NameIndex, name: Text, inode: InodeIndex) -> bool {
        let Some(name) = self.tree.child_text(parent, name) else {
            self.tree.add_name(parent, name, inode, self.layer);
            return false;
        };
        let new = self.tree.inodes.kind(inode);
        let replaced = match new {
            Kind::File => Death::Replaced { by: self.tree.inodes.id(inode) },
            _ => Death::TypeChange,
        };
        let layer = self.layer;
        let how = |since, otherwise| {
            if since == layer { Death::DuplicateEntry } else { otherwise }
        };
        let was = self.tree.kind(name);
        let way_changed = match was {
            Kind::Directory => new != Kind::Directory,
            was => was == Kind::Symlink,
        };
        if was == Kind::Directory && way_changed {
            self.remove_children(name, |since| how(since, Death::TypeChange));
        }
        let since = self.tree.layer(name);
        let old = self.tree.relink(name, inode, layer);
        self.unlink(name, old, how(since, replaced));
        way_changed
    }

    fn remove_children(&mut self, directory: NameIndex, how: impl Fn(u32) -> Death) {
        let mut children: Vec<_> = self.tree.children(directory).collect();
        children.reverse();
        for child in children {
            self.remove(child, &how);
        }
    }

    /// Removes a name and all below it; `how` goes by the layer that gave the name.
    fn remove(&mut self, top: NameIndex, how: impl Fn(u32) -> Death) {
        let subtree = self.tree.subtree(top);
        for &name in &subtree {
            self.unlink(name, self.tree.inode(name), how(self.tree.layer(name)));
        }
        self.tree.forget(&subtree);
    }

    /// Takes a name from an inode, and tells when a regular file dies of it.
    fn unlink(&mut self, name: NameIndex, inode: InodeIndex, how: Death) {
        if let Some((id, Kind::File)) = self.tree.inodes.unlink(inode) {
            self.observer.died(id, &self.tree.path(name), self.layer, how);
        }
    }
}
