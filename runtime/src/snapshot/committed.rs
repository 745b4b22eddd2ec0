//! A committed snapshot, held so that nobody removes it.

use std::{
    io::Write,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use rustix::io::Errno;
use strata_image::ChainId;

use super::{
    DiffStats, Driver, FS, Name,
    diff::{self, Told},
    mount,
    remove::open_directory,
};
use crate::{Error, Result, copy::Copied, userns::Ids};

/// A committed snapshot: the directories of its layers. The empty stack is one too ([`scratch`](super::Snapshots::scratch)).
///
/// While it lives, nobody removes what it stands on.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Bottom first. Of whole trees the topmost, and those directly below it that are there.
    pub(super) layers: Vec<Arc<Held>>,
    pub(super) depth: usize,
    pub(super) ids: Ids,
    pub(super) losses: Losses,
}

/// The directory of a committed snapshot, locked against removal.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) name: Name,
    pub(super) directory: OwnedFd,
    /// What is known of a whole tree that was committed in this process.
    pub(super) copied: Option<Copied>,
}

/// What layers said and a user namespace could not keep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Losses {
    /// Entries whose owner is not the one id there is ([`Ids::Single`]).
    pub owners: u64,
    /// Devices, which only root of the machine can make.
    pub devices: u64,
    /// Extended attributes that the file system or the kernel refuses, capabilities not among them.
    pub attributes: u64,
}

impl Losses {
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            owners: self.owners + other.owners,
            devices: self.devices + other.devices,
            attributes: self.attributes + other.attributes,
        }
    }
}

impl Committed {
    /// The chain ID of its stack; `None` for the empty one.
    pub fn chain_id(&self) -> Option<ChainId> {
        self.layers.last().map(|layer| layer.name.chain_id)
    }

    /// How many layers it has.
    pub fn depth(&self) -> usize {
        self.depth
    }

    /// What was lost in the layers that were unpacked to get it; nothing for those that were there already.
    pub fn losses(&self) -> Losses {
        self.losses
    }

    /// Writes what its topmost directory changes of those below as a layer: as [`Active::diff`](super::Active::diff) wrote
    /// it, or would have.
    pub fn diff(&self, latest: Option<i64>, out: &mut dyn Write) -> Result<DiffStats> {
        let Some((top, below)) = self.layers.split_last() else {
            return Err(Error::kernel("write", "the layer of an empty snapshot")(Errno::NOENT));
        };
        let lower = match top.name.driver {
            _ if self.depth == 1 => None,
            Driver::Overlay => {
                let below = Self { layers: below.to_vec(), depth: self.depth - 1, ..self.clone() };
                Some(below.mount()?)
            }
            Driver::Copy => {
                let below = below
                    .last()
                    .ok_or_else(|| Error::kernel("find the snapshot below", top.name.chain_id)(Errno::NOENT))?;
                Some(below.open_fs()?)
            }
        };
        let told = match top.name.driver {
            Driver::Overlay => Told::ByOverlay(self.ids),
            Driver::Copy => Told::ByComparison(top.copied.as_ref()),
        };
        diff::write_layer(top.open_fs()?.as_fd(), lower.as_ref().map(AsFd::as_fd), told, self.ids, latest, out)
    }

    pub(super) fn with(&self, layer: Arc<Held>) -> Self {
        let mut layers = self.layers.clone();
        layers.push(layer);
        Self { layers, depth: self.depth + 1, ..*self }
    }

    /// What stands below a whole tree that has `missing` others between, which are not there.
    pub(super) fn above(&self, missing: usize) -> Self {
        let layers = if missing == 0 { self.layers.clone() } else { Vec::new() };
        Self { layers, depth: self.depth + missing, ..*self }
    }

    /// The layers' directories, bottom first.
    pub(super) fn directories(&self) -> Result<Vec<OwnedFd>> {
        self.layers.iter().map(|layer| layer.open_fs()).collect()
    }

    /// The topmost directory.
    pub(super) fn top(&self) -> Result<Option<OwnedFd>> {
        self.layers.last().map(|layer| layer.open_fs()).transpose()
    }

    pub(super) fn mount(&self) -> Result<OwnedFd> {
        mount::read_only(&self.directories()?, self.ids)
    }
}

impl Held {
    pub(super) fn open_fs(&self) -> Result<OwnedFd> {
        open_directory(self.directory.as_fd(), FS).map_err(Error::kernel("open the snapshot", self.name.chain_id))
    }
}
