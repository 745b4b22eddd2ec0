//! The layers under a stage, and their snapshot once a step needs it.

use std::{cell::OnceCell, io::Read, os::fd::OwnedFd, sync::Arc};

use strata_image::{
    ChainId, DiffId, Digest, Layer, Store,
    manifest::{Descriptor, OCI_LAYER},
};
use strata_runtime::snapshot::{Committed, Snapshots};

/// A stack of layers, bottom first.
#[derive(Clone, Default)]
pub(crate) struct Stack {
    layers: Vec<Arc<dyn Layer>>,
    chain: Vec<ChainId>,
    snapshot: OnceCell<Committed>,
}

impl Stack {
    pub(crate) fn of(layers: &[Arc<dyn Layer>]) -> Self {
        let chain = ChainId::of_stack(layers.iter().map(|layer| layer.diff_id()));
        Self { layers: layers.to_vec(), chain, snapshot: OnceCell::new() }
    }

    /// `None` for no layers at all.
    pub(crate) fn chain_id(&self) -> Option<ChainId> {
        self.chain.last().copied()
    }

    /// The chain ID that one layer more would give.
    pub(crate) fn chain_with(&self, layer: DiffId) -> ChainId {
        match self.chain_id() {
            Some(chain) => chain.then(layer),
            None => ChainId::first(layer),
        }
    }

    /// Adds a layer, with the snapshot of the whole stack when there is one.
    pub(crate) fn push(&mut self, layer: Arc<dyn Layer>, snapshot: Option<Committed>) {
        self.chain.push(self.chain_with(layer.diff_id()));
        self.layers.push(layer);
        self.snapshot = snapshot.map(OnceCell::from).unwrap_or_default();
    }

    /// The snapshot, unpacked if it is not there.
    pub(crate) fn snapshot(&self, snapshots: &Snapshots) -> Result<Committed, strata_runtime::Error> {
        if let Some(snapshot) = self.snapshot.get() {
            return Ok(snapshot.clone());
        }
        let snapshot = if self.layers.is_empty() {
            snapshots.scratch()
        } else {
            match snapshots.existing(&self.chain)? {
                Some(snapshot) => snapshot,
                None => snapshots.of_layers(&self.layers)?,
            }
        };
        Ok(self.snapshot.get_or_init(|| snapshot).clone())
    }

    /// The merged root filesystem, read-only.
    pub(crate) fn view(&self, snapshots: &Snapshots) -> Result<OwnedFd, strata_runtime::Error> {
        snapshots.view(&self.snapshot(snapshots)?)
    }

    pub(crate) fn diff_ids(&self) -> Vec<DiffId> {
        self.layers.iter().map(|layer| layer.diff_id()).collect()
    }

    /// Descriptors of the layers as stored.
    pub(crate) fn descriptors(&self) -> Vec<Descriptor> {
        self.layers
            .iter()
            .map(|layer| {
                let (digest, size) = layer.stored();
                Descriptor::new(layer.media_type(), digest, size)
            })
            .collect()
    }
}

/// A layer that a step made: a blob of the store that is not compressed.
pub(crate) struct BuiltLayer {
    pub(crate) store: Store,
    pub(crate) digest: Digest,
    pub(crate) size: u64,
}

impl Layer for BuiltLayer {
    fn diff_id(&self) -> DiffId {
        self.digest.into()
    }

    fn media_type(&self) -> &str {
        OCI_LAYER
    }

    fn stored(&self) -> (Digest, u64) {
        (self.digest, self.size)
    }

    fn open(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        self.store.get(&self.digest)
    }

    fn open_stored(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        self.store.get(&self.digest)
    }
}
