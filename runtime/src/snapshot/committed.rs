//! A committed snapshot, held so that nobody removes it.

use std::{
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
};

use strata_image::ChainId;

use super::{FS, mount, remove::open_directory};
use crate::{Error, Result, userns::Ids};

/// A committed snapshot: the directories of its layers. The empty stack is one too ([`scratch`](super::Snapshots::scratch)).
///
/// While it lives, nobody removes what it stands on.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Bottom first.
    pub(super) layers: Vec<Arc<Held>>,
    pub(super) ids: Ids,
    pub(super) losses: Losses,
}

/// The directory of a committed snapshot, locked against removal.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) chain_id: ChainId,
    pub(super) directory: OwnedFd,
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

impl Committed {
    /// The chain ID of its stack; `None` for the empty one.
    pub fn chain_id(&self) -> Option<ChainId> {
        self.layers.last().map(|layer| layer.chain_id)
    }

    /// How many layers it has.
    pub fn depth(&self) -> usize {
        self.layers.len()
    }

    /// What was lost in the layers that were unpacked to get it; nothing for those that were there already.
    pub fn losses(&self) -> Losses {
        self.losses
    }

    pub(super) fn with(&self, layer: Arc<Held>) -> Self {
        let mut layers = self.layers.clone();
        layers.push(layer);
        Self { layers, ids: self.ids, losses: self.losses }
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
        open_directory(self.directory.as_fd(), FS).map_err(Error::kernel("open the snapshot", self.chain_id))
    }
}
