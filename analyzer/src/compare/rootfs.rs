//! Two merged root filesystems, path by path, each difference in one of seven classes.

use std::collections::{HashMap, HashSet};

use serde::Serialize;
use strata_image::{
    layer::LayerPath,
    view::{InodeId, Node},
};

use super::{
    details::{Detail, details},
    moves::{self, Lone},
    side::Side,
    what::{Set, What},
};
use crate::path_text;

/// What became of a path. Every path that differs is in one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// Only the second image has it.
    Added,
    /// Only the first image has it.
    Removed,
    /// Its content, its target or its device numbers are others.
    Modified,
    /// Only mode, owner, times, attributes or the names that share the inode are others.
    Metadata,
    /// It is of another type.
    TypeChanged,
    /// A file or a directory of the same content came and one went.
    Renamed,
    /// It came, with the content of a file that the first image has.
    Copied,
}

impl Class {
    /// All of them, in the order of reports.
    pub const ALL: [Self; 7] =
        [Self::Added, Self::Removed, Self::Modified, Self::Metadata, Self::TypeChanged, Self::Renamed, Self::Copied];

    /// The word of reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Modified => "modified",
            Self::Metadata => "metadata",
            Self::TypeChanged => "type-changed",
            Self::Renamed => "renamed",
            Self::Copied => "copied",
        }
    }

    fn of(what: Set) -> Self {
        if what.has(What::Type) {
            Self::TypeChanged
        } else if [What::Content, What::Link, What::Device].into_iter().any(|kind| what.has(kind)) {
            Self::Modified
        } else {
            Self::Metadata
        }
    }
}

/// Paths that differ, as [`path_text`] writes them, in byte order; each is in one of the lists.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RootfsDiff {
    /// In the second image alone.
    pub added: Vec<Single>,
    /// In the first image alone.
    pub removed: Vec<Single>,
    /// In both, and not equal.
    pub changed: Vec<Changed>,
    /// Files that have another name, and directories with all that is below, in the order of the new one.
    pub renamed: Vec<Moved>,
    /// New files with the content of a file of the first image.
    pub copied: Vec<Moved>,
    /// How much there is of each class, in the order of [`Class::ALL`]; classes without paths are left out.
    pub classes: Vec<Total>,
}

/// A path that one of the images has.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Single {
    /// As [`path_text`] writes it.
    pub path: String,
    /// `file`, `directory`, `symlink`, `char-device`, `block-device` or `fifo`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Content bytes; 0 for all but the first name of a file.
    pub bytes: u64,
    /// The layer that it is from, the lowest is 0.
    pub layer: u32,
}

/// A path that both images have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changed {
    /// As [`path_text`] writes it.
    pub path: String,
    /// `modified`, `metadata` or `type-changed`.
    pub class: Class,
    /// What differs, in the order of [`What::ALL`]; never empty.
    pub what: Vec<What>,
    /// Both values of what has short ones.
    pub details: Vec<Detail>,
    /// Content bytes in the first image.
    pub bytes_a: u64,
    /// Content bytes in the second.
    pub bytes_b: u64,
    /// The layer of the first image that it is from.
    pub layer_a: u32,
    /// The layer of the second image.
    pub layer_b: u32,
    /// Names that it shares its inode with in the first image alone, where it has no new ones in the second.
    #[serde(skip)]
    pub unlinked: Vec<String>,
}

/// A file's content under another name, or a directory under another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moved {
    /// The path in the first image.
    pub from: String,
    /// The path in the second.
    pub to: String,
    /// Content bytes.
    pub bytes: u64,
    /// What else differs between the two, in the order of [`What::ALL`].
    pub what: Vec<What>,
}

/// The sum over a class.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Total {
    /// Which.
    pub class: Class,
    /// Paths in it.
    pub paths: usize,
    /// Their content bytes in the first image.
    pub bytes_a: u64,
    /// Their content bytes in the second.
    pub bytes_b: u64,
}

impl RootfsDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.classes.is_empty()
    }

    /// Paths that only the first image has, whatever became of their content, in byte order.
    pub fn gone(&self) -> Vec<&str> {
        in_order(self.removed.iter().map(|single| &single.path).chain(self.renamed.iter().map(|moved| &moved.from)))
    }

    /// Paths that only the second image has, wherever their content is from, in byte order.
    pub fn new_paths(&self) -> Vec<&str> {
        let moved = self.renamed.iter().chain(&self.copied).map(|moved| &moved.to);
        in_order(self.added.iter().map(|single| &single.path).chain(moved))
    }

    /// What of it is below a directory. What moved there or from there is in.
    pub(super) fn below(self, directory: &LayerPath) -> Self {
        let directory = path_text(directory.as_bytes());
        self.only(|path| is_below(path, &directory))
    }

    /// What of it is at a path or below it.
    pub(super) fn within(self, path: &LayerPath) -> Self {
        let top = path_text(path.as_bytes());
        self.only(|path| path == top || is_below(path, &top))
    }

    fn only(self, is_in: impl Fn(&str) -> bool) -> Self {
        let Self { mut added, mut removed, mut changed, mut renamed, mut copied, .. } = self;
        added.retain(|single| is_in(&single.path));
        removed.retain(|single| is_in(&single.path));
        changed.retain(|changed| is_in(&changed.path));
        renamed.retain(|moved| is_in(&moved.from) || is_in(&moved.to));
        copied.retain(|moved| is_in(&moved.to));
        let mut totals = Totals::default();
        let of_added = added.iter().map(|single| (Class::Added, 0, single.bytes));
        let of_removed = removed.iter().map(|single| (Class::Removed, single.bytes, 0));
        let of_changed = changed.iter().map(|changed| (changed.class, changed.bytes_a, changed.bytes_b));
        let of_renamed = renamed.iter().map(|moved| (Class::Renamed, moved.bytes, moved.bytes));
        let of_copied = copied.iter().map(|moved| (Class::Copied, 0, moved.bytes));
        let all = of_added.chain(of_removed).chain(of_changed).chain(of_renamed).chain(of_copied);
        for (class, bytes_a, bytes_b) in all {
            totals.add(class, bytes_a, bytes_b);
        }
        Self { added, removed, changed, renamed, copied, classes: totals.list() }
    }

    /// The sum over a class; `None` where it has no paths.
    pub fn total(&self, class: Class) -> Option<&Total> {
        self.classes.iter().find(|total| total.class == class)
    }
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| directory == "/" || rest.starts_with('/'))
}

fn in_order<'a>(paths: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let mut paths: Vec<&str> = paths.map(String::as_str).collect();
    paths.sort_unstable();
    paths
}

/// Compares what two images show; `counts` says which kinds do, `shared` how many layers at the bottom are the same.
pub(super) fn compare(a: &Side, b: &Side, counts: Set, shared: usize) -> (RootfsDiff, Uncounted) {
    let (view_a, view_b) = (a.ledger.view(), b.ledger.view());
    let (diff, totals, uncounted) = (RootfsDiff::default(), Totals::default(), Uncounted::default());
    let mut walk = Walk { a, b, counts, shared, diff, relinked: Vec::new(), totals, uncounted };
    if let (Some(at_a), Some(at_b)) = (view_a.root(), view_b.root()) {
        walk.change(&at_a, &at_b);
    }
    let mut gone = Vec::new();
    view_a.walk(&mut |at_a| match view_b.get(&at_a.path) {
        Some(at_b) => walk.change(&at_a, &at_b),
        None => gone.push(Lone::new(a, &at_a)),
    });
    let mut new = Vec::new();
    view_b.walk(&mut |at_b| {
        if view_a.get(&at_b.path).is_none() {
            new.push(Lone::new(b, &at_b));
        }
    });
    walk.lone(gone, new);
    walk.finish()
}

struct Walk<'a> {
    a: &'a Side,
    b: &'a Side,
    counts: Set,
    shared: usize,
    diff: RootfsDiff,
    /// Files of `diff.changed` whose names are others, by their place there.
    relinked: Vec<(usize, InodeId, InodeId)>,
    totals: Totals,
    uncounted: Uncounted,
}

/// Paths of files that were moved or copied, where that does not count: layers have them as removed and added.
#[derive(Default)]
pub(super) struct Uncounted {
    /// Of the first image.
    pub(super) gone: HashSet<LayerPath>,
    /// Of the second.
    pub(super) new: HashSet<LayerPath>,
}

impl Walk<'_> {
    fn change(&mut self, at_a: &Node<'_>, at_b: &Node<'_>) {
        let mut what = Set::default();
        if !self.is_same(at_a.inode, at_b.inode) {
            what = self.a.facts(at_a).differences(&self.b.facts(at_b));
        }
        what.insert_if(What::Hardlinks, self.a.names(at_a) != self.b.names(at_b));
        let what = what.and(self.counts);
        if what.is_empty() {
            return;
        }
        let class = Class::of(what);
        let (bytes_a, bytes_b) = (self.a.bytes(at_a), self.b.bytes(at_b));
        self.totals.add(class, bytes_a, bytes_b);
        self.diff.changed.push(Changed {
            path: path_text(at_a.path.as_bytes()),
            class,
            what: what.list(),
            details: details(&self.a.facts(at_a), &self.b.facts(at_b), what),
            bytes_a,
            bytes_b,
            layer_a: at_a.inode.layer,
            layer_b: at_b.inode.layer,
            unlinked: Vec::new(),
        });
        if what.has(What::Hardlinks) {
            self.relinked.push((self.diff.changed.len() - 1, at_a.inode, at_b.inode));
        }
    }

    /// Says of files whose names are others which of them went.
    fn find_unlinked(&mut self) {
        let names = |side: &Side, inodes: HashSet<InodeId>| {
            let mut names: HashMap<InodeId, Vec<LayerPath>> = HashMap::new();
            if !inodes.is_empty() {
                side.ledger.view().walk(&mut |node| {
                    if inodes.contains(&node.inode) {
                        names.entry(node.inode).or_default().push(node.path.clone());
                    }
                });
            }
            names
        };
        let names_a = names(self.a, self.relinked.iter().map(|(_, a, _)| *a).collect());
        let names_b = names(self.b, self.relinked.iter().map(|(_, _, b)| *b).collect());
        for (place, a, b) in &self.relinked {
            let (Some(was), Some(is)) = (names_a.get(a), names_b.get(b)) else { continue };
            let is: HashSet<&LayerPath> = is.iter().collect();
            let gone: Vec<&LayerPath> = was.iter().filter(|name| !is.contains(name)).collect();
            if was.len() - gone.len() == is.len() {
                self.diff.changed[*place].unlinked = gone.iter().map(|name| path_text(name.as_bytes())).collect();
            }
        }
    }

    /// Whether both paths show the same entry of a layer that both images have.
    fn is_same(&self, a: InodeId, b: InodeId) -> bool {
        a == b && (a.layer as usize) < self.shared && a.entry != InodeId::IMPLIED
    }

    /// Paths that one of the images has: moved, copied, or all that is left.
    fn lone(&mut self, gone: Vec<Lone>, new: Vec<Lone>) {
        let moves = moves::find(self.a, gone, new);
        for (from, to) in &moves.renamed {
            if self.counts.has(What::Renamed) {
                self.totals.add(Class::Renamed, from.bytes, to.bytes);
                let moved = self.moved(&from.path, to);
                self.diff.renamed.push(moved);
            } else {
                self.uncounted.gone.insert(from.path.clone());
                self.uncounted.new.insert(to.path.clone());
            }
        }
        for (from, to) in &moves.copied {
            if self.counts.has(What::Copied) {
                self.totals.add(Class::Copied, 0, to.bytes);
                let moved = self.moved(from, to);
                self.diff.copied.push(moved);
            } else {
                self.uncounted.new.insert(to.path.clone());
            }
        }
        if self.counts.has(What::Removed) {
            moves.gone.iter().for_each(|lone| self.totals.add(Class::Removed, lone.bytes, 0));
            self.diff.removed = moves.gone.iter().map(Lone::single).collect();
        }
        if self.counts.has(What::Added) {
            moves.new.iter().for_each(|lone| self.totals.add(Class::Added, 0, lone.bytes));
            self.diff.added = moves.new.iter().map(Lone::single).collect();
        }
    }

    fn moved(&self, from: &LayerPath, to: &Lone) -> Moved {
        let nodes = (self.a.ledger.view().get(from), self.b.ledger.view().get(&to.path));
        let what = match nodes {
            (Some(from), Some(to)) => self.a.facts(&from).differences(&self.b.facts(&to)).and(self.counts),
            _ => Set::default(),
        };
        Moved { from: path_text(from.as_bytes()), to: path_text(to.path.as_bytes()), bytes: to.size, what: what.list() }
    }

    fn finish(mut self) -> (RootfsDiff, Uncounted) {
        self.find_unlinked();
        self.diff.classes = self.totals.list();
        (self.diff, self.uncounted)
    }
}

struct Totals([Total; Class::ALL.len()]);

impl Default for Totals {
    fn default() -> Self {
        Self(Class::ALL.map(|class| Total { class, paths: 0, bytes_a: 0, bytes_b: 0 }))
    }
}

impl Totals {
    /// Those that have paths.
    fn list(self) -> Vec<Total> {
        self.0.into_iter().filter(|total| total.paths > 0).collect()
    }

    fn add(&mut self, class: Class, bytes_a: u64, bytes_b: u64) {
        let total = &mut self.0[class as usize];
        total.paths += 1;
        total.bytes_a += bytes_a;
        total.bytes_b += bytes_b;
    }
}
