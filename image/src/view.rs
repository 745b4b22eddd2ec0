//! The merged view of a stack of layers: the fold that export, the ledger and comparison all use.
//!
//! ```text
//!  layer 0 entries ─► end_layer ─┐
//!  layer 1 entries ─► end_layer ─┼─► tree of names ─► inodes        walk, get
//!  …                             ┘        └─► deaths ─► observer
//! ```
//!
//! Layers are applied bottom first, each one by [`View::begin_layer`], [`View::apply`] for every entry of its tar, and
//! [`View::end_layer`], which does the work: whiteouts and opaque markers act on the names of lower layers before the
//! layer's own entries are added, wherever they stand in the tar (image-spec, layer.md), so nothing is known before the
//! last entry was seen. Entries are added in the order of the tar:
//!
//! - A path goes through the symlinks among its parents as the view has them at that moment, absolute targets and `..`
//!   staying below the root. A whiteout's path goes through those of the lower layers, unless this layer puts a directory
//!   in the symlink's place. Missing parents, and files that stand where a parent must be, become directories of mode
//!   0755 owned by root.
//! - A directory over a directory gives it new metadata and keeps what is below. Anything else takes the name away from
//!   what had it, and with it all that was below.
//! - A hard link is one more name of its target's inode, which this layer, so far, or the view below must have; its own
//!   metadata says nothing new.
//!
//! An inode dies when its last name goes.

mod fork;
mod inodes;
mod layering;
mod resolve;
mod texts;
mod tree;

use std::{cmp::Ordering, collections::BTreeMap};

use bstr::{BStr, BString};

use crate::{
    layer::{Change, Entry, EntryKind, LayerPath, TarError},
    time::Timestamp,
};
use layering::Layering;
use tree::{NameIndex, Tree};

/// Identity of an inode: the entry that made it, or that gave a directory its present metadata.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InodeId {
    /// Number of the layer; the lowest is 0.
    pub layer: u32,
    /// Number of the entry in the layer's tar, whiteouts counted; the first is 0. [`InodeId::IMPLIED`] for directories
    /// that no entry made.
    pub entry: u32,
}

impl InodeId {
    /// The entry of directories that no entry made: they stand in the path of another.
    pub const IMPLIED: u32 = u32::MAX;
}

/// How an inode's last name went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Death {
    /// Its name, or a directory above it, was whited out.
    Whiteout,
    /// A directory above it was made opaque.
    Opaque,
    /// A regular file, or a hard link to one, took the name.
    Replaced {
        /// The inode that has the name now: whether its content is the same, the observer knows.
        by: InodeId,
    },
    /// Anything else took the name, or something that is no directory took that of a directory above it.
    TypeChange,
    /// A later entry of the layer that gave it the name took that, or removed the directory above it.
    DuplicateEntry,
}

/// Hears of the death of every regular file's inode.
pub trait Observer {
    /// An inode lost its last name, `path`, to layer number `killer_layer`.
    fn died(&mut self, inode: InodeId, path: &LayerPath, killer_layer: u32, how: Death);
}

/// For who does not care.
impl Observer for () {
    fn died(&mut self, _: InodeId, _: &LayerPath, _: u32, _: Death) {}
}

/// The merged view of the layers applied so far.
///
/// Its memory is linear in the live names: some 55 bytes each, and about as much as its length and 10 bytes for each
/// distinct component. Owners, modes and attributes are kept once for all that share them. While a layer is applied, 20
/// bytes an entry are held too.
///
/// ```
/// use strata_image::layer::{Entry, EntryKind, LayerPath};
/// use strata_image::view::View;
///
/// let mut view = View::new();
/// for paths in [["etc/motd", "etc/hosts"], ["etc/.wh.motd", "srv/new"]] {
///     view.begin_layer();
///     for path in paths {
///         view.apply(&Entry::new(LayerPath::new(path.as_bytes())?, EntryKind::File))?;
///     }
///     view.end_layer(&mut ())?;
/// }
/// let mut paths = Vec::new();
/// view.walk(&mut |node| paths.push(node.path.to_string()));
/// assert_eq!(paths, ["etc", "etc/hosts", "srv", "srv/new"]);
/// # Ok::<(), strata_image::layer::TarError>(())
/// ```
pub struct View {
    tree: Tree,
    /// What the current layer has said so far.
    layering: Layering,
    layers: u32,
    root_given: bool,
}

/// One live path.
#[derive(Debug)]
pub struct Node<'a> {
    /// Its path; symlinks among the parents of the entry that made it are resolved.
    pub path: LayerPath,
    /// Its inode: equal for all names of a file.
    pub inode: InodeId,
    /// How many live names the inode has.
    pub links: u32,
    /// Everything else but the content.
    pub meta: Meta<'a>,
}

/// What an inode is, but for its content. A directory that no entry made is 0755, root's, of the epoch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Meta<'a> {
    /// Type, with what belongs to it.
    pub kind: NodeKind<'a>,
    /// Permissions with setuid, setgid and sticky: 12 bits.
    pub mode: u32,
    /// Owner.
    pub uid: u64,
    /// Group.
    pub gid: u64,
    /// Modification time.
    pub mtime: Timestamp,
    /// Bytes of content; 0 for all but regular files.
    pub size: u64,
    /// Extended attributes by their raw names.
    pub xattrs: &'a BTreeMap<BString, Vec<u8>>,
}

/// The type of a live path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind<'a> {
    /// A regular file.
    File,
    /// A symlink with its target, verbatim.
    Symlink(&'a BStr),
    /// A directory.
    Directory,
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
}

impl Default for View {
    fn default() -> Self {
        Self::new()
    }
}

impl View {
    /// The view of no layers: an empty root directory.
    pub fn new() -> Self {
        Self { tree: Tree::new(), layering: Layering::default(), layers: 0, root_given: false }
    }

    /// Begins the next layer up; gives its number, the first is 0.
    pub fn begin_layer(&mut self) -> u32 {
        self.layering.begin(self.layers);
        self.layers += 1;
        self.layering.layer()
    }

    /// Makes room for the names of so many entries that are to come. Without it the view grows as they do, which takes longer.
    pub fn reserve(&mut self, entries: usize) {
        self.layering.reserve(entries);
        // the directories that no entry makes have names too
        self.tree.reserve(entries + entries / 16);
    }

    /// Takes the next entry of the current layer; the view shows it after [`View::end_layer`].
    ///
    /// # Errors
    ///
    /// Those of [`Entry::change`]; [`TarError::Apply`] for a root that is no directory, and for more names than a view can
    /// number: 2^31, or as many bytes of distinct ones.
    pub fn apply(&mut self, entry: &Entry) -> Result<(), TarError> {
        let id = self.layering.next_entry();
        if !self.tree.has_room() || id.entry as usize >= self.tree.limit {
            return Err(layering::full_error(id, &entry.path));
        }
        match entry.change()? {
            Change::Nothing => {}
            Change::Whiteout(path) => self.layering.remove(id, path, false),
            Change::Opaque(path) => self.layering.remove(id, path, true),
            Change::Add(entry) => match (entry.path.split_last(), &entry.kind) {
                (None, EntryKind::Directory) => {
                    self.tree.set_root(id, entry);
                    self.root_given = true;
                }
                (None, _) => return Err(layering::root_error(id)),
                (Some((parent, name)), kind) => {
                    let name = self.tree.intern(name);
                    if let Some(inode) = self.tree.inodes.add(id, entry) {
                        self.layering.add(id, parent, name, inode);
                    } else if let EntryKind::HardLink(target) = kind {
                        self.layering.add_link(id, parent, name, target.clone());
                    }
                }
            },
        }
        Ok(())
    }

    /// Ends the current layer: whiteouts first, then what it adds. The observer hears of every regular file that dies.
    ///
    /// # Errors
    ///
    /// [`TarError::Apply`] for an entry whose path goes through more than 40 symlinks or becomes too long through them,
    /// for a hard link to a missing name or to a directory, and for more names than a view can number. The view is of no use
    /// after one.
    pub fn end_layer(&mut self, observer: &mut dyn Observer) -> Result<(), TarError> {
        self.layering.finish(&mut self.tree, observer)
    }

    /// Visits every live path but the root, in byte order of the full path (`a`, `a-b`, `a/b`), so parents before what
    /// is in them.
    pub fn walk(&self, visit: &mut dyn FnMut(Node<'_>)) {
        self.walk_below(Tree::ROOT, &mut Vec::new(), visit);
    }

    /// Visits every live regular file once, however many names it has, with its bytes of content: in no order, and much
    /// faster than [`View::walk`].
    pub fn files(&self, visit: &mut dyn FnMut(InodeId, u64)) {
        self.tree.inodes.files(visit);
    }

    /// The root directory's own metadata, when an entry gave it.
    pub fn root(&self) -> Option<Node<'_>> {
        self.root_given.then(|| self.top())
    }

    /// The root directory; where no entry gave its metadata, with that of a directory that no entry made.
    pub fn top(&self) -> Node<'_> {
        self.node(Tree::ROOT, LayerPath::root())
    }

    /// The live node at a path, no symlink followed; `None` for the root.
    pub fn get(&self, path: &LayerPath) -> Option<Node<'_>> {
        let found = path.components().try_fold(Tree::ROOT, |at, name| self.tree.child(at, name))?;
        (found != Tree::ROOT).then(|| self.node(found, path.clone()))
    }

    fn node(&self, name: NameIndex, path: LayerPath) -> Node<'_> {
        let (inodes, inode) = (&self.tree.inodes, self.tree.inode(name));
        Node { path, inode: inodes.id(inode), links: inodes.links(inode), meta: inodes.meta(inode) }
    }

    fn walk_below(&self, directory: NameIndex, path: &mut Vec<u8>, visit: &mut dyn FnMut(Node<'_>)) {
        // a name stands where it sorts alone, what is below it where it sorts with a slash: `a-b` comes between
        let mut stops = Vec::new();
        for child in self.tree.children(directory) {
            stops.push((child, b"".as_slice()));
            if self.tree.has_children(child) {
                stops.push((child, b"/".as_slice()));
            }
        }
        let text = |name| self.tree.text(name);
        stops.sort_unstable_by(|&(a, a_end), &(b, b_end)| compare((text(a), a_end), (text(b), b_end)));
        let length = path.len();
        for (child, end) in stops {
            path.extend_from_slice(text(child));
            if end.is_empty() {
                visit(self.node(child, LayerPath::from_clean(path.clone())));
            } else {
                path.push(b'/');
                self.walk_below(child, path, visit);
            }
            path.truncate(length);
        }
    }
}

/// Compares names with their endings as if these were joined.
fn compare((a, a_end): (&[u8], &[u8]), (b, b_end): (&[u8], &[u8])) -> Ordering {
    let common = a.len().min(b.len());
    let rest = |name: &[u8], end: &[u8]| name[common..].iter().chain(end).copied().next();
    // equal up to there, the next byte decides: only one of the two goes on within its name
    a[..common].cmp(&b[..common]).then_with(|| rest(a, a_end).cmp(&rest(b, b_end))).then(a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::layer::ApplyProblem;

    /// A view in which nothing may be more than `limit`, after it took the entries of a layer.
    fn view_of(paths: &[String], limit: usize) -> Result<View, TarError> {
        let mut view = View::new();
        view.tree.limit = limit;
        view.begin_layer();
        for path in paths {
            view.apply(&Entry::new(LayerPath::new(path.as_bytes())?, EntryKind::File))?;
        }
        Ok(view)
    }

    fn is_too_many<T>(result: &Result<T, TarError>) -> bool {
        matches!(result, Err(TarError::Apply { problem: ApplyProblem::TooManyNames, .. }))
    }

    #[test]
    fn more_names_than_can_be_numbered_are_an_error() {
        let many: Vec<String> = (0..20).map(|number| format!("n{number}")).collect();
        // bytes of names, and inodes: before the layer ends
        for limit in [60, 15] {
            assert!(is_too_many(&view_of(&many, limit)), "{limit}");
        }
        // an entry of a layer numbers what stands for it until the end
        let again = vec!["n".to_owned(); 20];
        assert!(is_too_many(&view_of(&again, 15)));
        // directories that are missing, which the end of the layer makes
        let missing: Vec<String> = (0..30).map(|number| format!("{number:03}/x")).collect();
        assert!(is_too_many(&view_of(&missing, 45).unwrap().end_layer(&mut ())));
        // the limit leaves room for what one entry adds
        assert!(view_of(&[["d"; 30].join("/")], 10).unwrap().end_layer(&mut ()).is_ok());
        assert!(view_of(&many, 1000).unwrap().end_layer(&mut ()).is_ok());
    }
}
