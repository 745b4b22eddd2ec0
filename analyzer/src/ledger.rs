//! The fold of layer indexes over the merged view: every regular file's inode with who made it and who killed it.
//!
//! ```text
//! LayerIndex, bottom first ─► View ─► deaths ─► dead inodes: creator, killer, kind, bytes
//!                              └─► live inodes: what the image shows
//! ```
//!
//! `live + dead == total`, always: in every layer and in sum. Whiteouts, links and directories weigh nothing.

mod folding;
mod links;
mod repeated;

use std::{fmt, sync::Arc};

use serde::Serialize;
use strata_image::{
    layer::{Change, LayerPath},
    view::{Death, InodeId, Observer, View},
};

use crate::{
    Result,
    index::{ContentHash, LayerIndex},
};
pub use folding::Folding;
pub use links::BrokenLink;
use links::Links;
pub(crate) use repeated::Repeated;

/// How an inode's last name went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A regular file of other content, or a hard link to one, took the name.
    Overwrite,
    /// A regular file of the same content, or a hard link to one, took the name: a `chmod`, a `chown`, a `touch`.
    Rewrite,
    /// The name, or a directory above it, was removed.
    Whiteout,
    /// A directory above it was made opaque: removed and made again.
    Opaque,
    /// Something that is no regular file took the name, or took that of a directory above it.
    TypeChange,
    /// A later entry of the same layer took the name.
    DuplicateEntry,
}

/// Writes the word that reports use, such as `type-change`.
impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Overwrite => "overwrite",
            Self::Rewrite => "rewrite",
            Self::Whiteout => "whiteout",
            Self::Opaque => "opaque",
            Self::TypeChange => "type-change",
            Self::DuplicateEntry => "duplicate-entry",
        })
    }
}

/// A regular file that the image carries and nobody can see.
#[derive(Clone, Debug, PartialEq)]
pub struct Dead {
    /// The inode; its layer is the creator.
    pub inode: InodeId,
    /// The last name that it had.
    pub path: LayerPath,
    /// Content bytes.
    pub bytes: u64,
    /// The layer that took the last name.
    pub killer: usize,
    /// How it went.
    pub kind: Kind,
    /// Of a rewrite or an overwrite, the inode that has the name now.
    pub by: Option<InodeId>,
}

impl Dead {
    /// The layer that made the inode.
    pub fn creator(&self) -> usize {
        self.inode.layer as usize
    }
}

/// What one layer weighs.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LayerTotals {
    /// Content bytes of the regular files that the layer made.
    pub total: u64,
    /// Those of them that are dead in the image.
    pub wasted: u64,
    /// Bytes, made here or below, that died here.
    pub killed: u64,
    /// Entries of the tar, whiteouts included.
    pub entries: u64,
}

/// Hears of everything that layers say while they are folded, so that nobody has to fold them again.
pub(crate) trait Follower: Send {
    /// The layer says this; the view does not show it yet.
    fn changes(&mut self, change: &Change<'_>);

    /// The layer has said everything, and the view shows it.
    fn layer_ended(&mut self, view: &View);
}

/// For who does not follow.
impl Follower for () {
    fn changes(&mut self, _: &Change<'_>) {}

    fn layer_ended(&mut self, _: &View) {}
}

/// The account of a stack of layers.
pub struct Ledger {
    indexes: Vec<Arc<LayerIndex>>,
    layers: Vec<LayerTotals>,
    dead: Vec<Dead>,
    broken_links: Vec<BrokenLink>,
    view: View,
}

impl Ledger {
    /// Folds a stack of layers, bottom first.
    ///
    /// # Errors
    /// Fails when the view refuses an entry, such as a whiteout without a name.
    pub fn fold(layers: &[Arc<LayerIndex>]) -> Result<Self> {
        Self::fold_followed(layers, &mut ())
    }

    /// As [`Ledger::fold`], while someone follows.
    pub(crate) fn fold_followed(layers: &[Arc<LayerIndex>], follower: &mut dyn Follower) -> Result<Self> {
        // within the pool, so that its threads hand each other work without waking one
        rayon::scope(|_| Self::folded(layers, follower))
    }

    fn folded(layers: &[Arc<LayerIndex>], follower: &mut dyn Follower) -> Result<Self> {
        let mut folding = Folding::default();
        layers.iter().try_for_each(|index| folding.push_followed(index, follower))?;
        Ok(folding.finish())
    }

    /// What each layer weighs, bottom first.
    pub fn layers(&self) -> &[LayerTotals] {
        &self.layers
    }

    /// The layers that were folded, bottom first.
    pub(crate) fn indexes(&self) -> &[Arc<LayerIndex>] {
        &self.indexes
    }

    /// The dead inodes, in the order of their deaths; those without content too.
    pub fn dead(&self) -> &[Dead] {
        &self.dead
    }

    /// Hard links that a later layer broke, which it would not have done in the layer that made them.
    pub fn broken_links(&self) -> &[BrokenLink] {
        &self.broken_links
    }

    /// What the image shows.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// Content bytes of all layers.
    pub fn total(&self) -> u64 {
        self.layers.iter().map(|layer| layer.total).sum()
    }

    /// Content bytes of all dead inodes.
    pub fn wasted(&self) -> u64 {
        self.layers.iter().map(|layer| layer.wasted).sum()
    }

    /// Content bytes of all live inodes.
    pub fn live(&self) -> u64 {
        self.total() - self.wasted()
    }

    /// The content of an inode; `None` for all but regular files.
    pub fn content(&self, inode: InodeId) -> Option<&ContentHash> {
        content(&self.indexes, inode)
    }
}

/// The content of an inode; `None` for all but regular files.
pub(crate) fn content(indexes: &[Arc<LayerIndex>], inode: InodeId) -> Option<&ContentHash> {
    indexes.get(inode.layer as usize)?.hash(inode.entry)
}

/// Writes down who died, and decides between rewrite and overwrite, which only contents can tell.
struct Deaths<'a> {
    indexes: &'a [Arc<LayerIndex>],
    dead: &'a mut Vec<Dead>,
}

impl Observer for Deaths<'_> {
    fn died(&mut self, inode: InodeId, path: &LayerPath, killer_layer: u32, how: Death) {
        let by = match how {
            Death::Replaced { by } => Some(by),
            _ => None,
        };
        let kind = match how {
            Death::Whiteout => Kind::Whiteout,
            Death::Opaque => Kind::Opaque,
            Death::TypeChange => Kind::TypeChange,
            Death::DuplicateEntry => Kind::DuplicateEntry,
            Death::Replaced { by } if content(self.indexes, by) == content(self.indexes, inode) => Kind::Rewrite,
            Death::Replaced { .. } => Kind::Overwrite,
        };
        self.dead.push(Dead {
            inode,
            path: path.clone(),
            bytes: self.indexes[inode.layer as usize].size(inode.entry),
            killer: killer_layer as usize,
            kind,
            by,
        });
    }
}
