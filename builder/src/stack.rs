//! The layers under a stage: those that are packed, those that are only unpacked yet, and the snapshot of them all once a
//! step needs it.
//!
//! Each has an **identity**, by which keys and snapshots name what stands up to it: the chain ID, or, where a step of a stage
//! that is no part of the image was never packed, a random one that its cache record remembers.

use std::{
    io::Read,
    os::fd::OwnedFd,
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
};

use bstr::BStr;
use strata_image::{
    ChainId, DiffId, Digest, Layer, Store,
    manifest::{Descriptor, OCI_LAYER},
};
use strata_runtime::snapshot::{Committed, Snapshots};

use crate::{
    below::{Below, Listing},
    cache::LayerBlob,
    cause::Cause,
    fractions::{self, Fractions},
};

/// A stack of layers, bottom first.
#[derive(Clone, Default)]
pub(crate) struct Stack {
    members: Vec<Member>,
    /// How many are of a base image.
    base: usize,
    snapshot: OnceLock<Committed>,
}

#[derive(Clone)]
struct Member {
    identity: ChainId,
    /// `None`: it is a snapshot only.
    layer: Option<Arc<dyn Layer>>,
    /// Of a layer that was made here: its blob, and what that says once somebody asked.
    listing: Option<(PathBuf, Arc<OnceLock<Arc<Listing>>>)>,
}

impl Stack {
    /// The layers of an image.
    pub(crate) fn of(layers: &[Arc<dyn Layer>]) -> Self {
        let chain = ChainId::of_stack(layers.iter().map(|layer| layer.diff_id()));
        let members: Vec<Member> = layers
            .iter()
            .zip(chain)
            .map(|(layer, identity)| Member { identity, layer: Some(Arc::clone(layer)), listing: None })
            .collect();
        Self { base: members.len(), members, snapshot: OnceLock::new() }
    }

    /// The base image's part of it.
    pub(crate) fn base(&self) -> Self {
        Self { members: self.members[..self.base].to_vec(), base: self.base, snapshot: OnceLock::new() }
    }

    /// Makes all that there is the base's part.
    pub(crate) fn becomes_base(&mut self) {
        self.base = self.members.len();
    }

    /// What stands for all of it; `None` for no layers at all.
    pub(crate) fn identity(&self) -> Option<ChainId> {
        self.members.last().map(|member| member.identity)
    }

    /// What would stand for it with one layer more.
    pub(crate) fn identity_with(&self, layer: DiffId) -> ChainId {
        match self.identity() {
            Some(identity) => identity.then(layer),
            None => ChainId::first(layer),
        }
    }

    /// Adds a layer, with the snapshot of the whole stack when there is one.
    pub(crate) fn push(&mut self, layer: BuiltLayer, identity: ChainId, snapshot: Option<Committed>) {
        let blob = layer.store.blob_path(&layer.digest);
        let listing = Some((blob, Arc::default()));
        self.members.push(Member { identity, layer: Some(Arc::new(layer)), listing });
        self.snapshot = snapshot.map(OnceLock::from).unwrap_or_default();
    }

    /// Adds what was never packed.
    pub(crate) fn push_unpacked(&mut self, identity: ChainId, snapshot: Option<Committed>) {
        self.members.push(Member { identity, layer: None, listing: None });
        self.snapshot = snapshot.map(OnceLock::from).unwrap_or_default();
    }

    /// The snapshot, unpacked as far as it is not there.
    ///
    /// # Errors
    /// [`Cause::Evaporated`] where something that was never packed is gone.
    pub(crate) fn snapshot(&self, snapshots: &Snapshots) -> Result<Committed, Cause> {
        if let Some(snapshot) = self.snapshot.get() {
            return Ok(snapshot.clone());
        }
        let snapshot = self.prefix(snapshots, self.members.len())?;
        Ok(self.snapshot.get_or_init(|| snapshot).clone())
    }

    /// The merged root filesystem, read-only.
    pub(crate) fn view(&self, snapshots: &Snapshots) -> Result<OwnedFd, Cause> {
        Ok(snapshots.view(&self.snapshot(snapshots)?)?)
    }

    /// What it holds, without unpacking layers that were made here and that nobody ran anything on.
    pub(crate) fn below(&self, snapshots: &Snapshots) -> Result<Below, Cause> {
        if self.members.is_empty() {
            return Ok(Below::default());
        }
        let mut unpacked = self.members.len();
        if self.snapshot.get().is_none() {
            while unpacked > self.base && !snapshots.contains(self.members[unpacked - 1].identity)? {
                unpacked -= 1;
            }
        }
        let snapshot = match self.snapshot.get() {
            Some(snapshot) => snapshot.clone(),
            None => self.prefix(snapshots, unpacked)?,
        };
        let view = if unpacked == 0 { None } else { Some(snapshots.view(&snapshot)?) };
        let listings = self.members[unpacked..].iter().map(Member::list).collect::<Result<_, _>>()?;
        Ok(Below::new(view, listings))
    }

    fn prefix(&self, snapshots: &Snapshots, length: usize) -> Result<Committed, Cause> {
        let named = self.members[..length].iter().map(|member| (member.identity, member.layer.as_deref()));
        snapshots.of_named(named)?.map_err(|identity| Cause::Evaporated { identity })
    }

    pub(crate) fn diff_ids(&self) -> Vec<DiffId> {
        self.layers().map(|layer| layer.diff_id()).collect()
    }

    /// Descriptors of the layers as stored.
    pub(crate) fn descriptors(&self) -> Vec<Descriptor> {
        self.layers()
            .map(|layer| {
                let (digest, size) = layer.stored();
                Descriptor::new(layer.media_type(), digest, size)
            })
            .collect()
    }

    pub(crate) fn layers(&self) -> impl Iterator<Item = &Arc<dyn Layer>> {
        self.members.iter().filter_map(|member| member.layer.as_ref())
    }
}

impl Member {
    fn list(&self) -> Result<Arc<Listing>, Cause> {
        let (Some(layer), Some((blob, listing))) = (&self.layer, &self.listing) else {
            return Err(Cause::Evaporated { identity: self.identity });
        };
        if let Some(listing) = listing.get() {
            return Ok(Arc::clone(listing));
        }
        let read = Arc::new(Listing::read(layer.as_ref(), blob)?);
        Ok(Arc::clone(listing.get_or_init(|| read)))
    }
}

/// A layer that a step made: a blob of the store that is not compressed.
pub(crate) struct BuiltLayer {
    store: Store,
    digest: Digest,
    size: u64,
    /// Where the fractions of its times are, read when it is unpacked.
    times: PathBuf,
    fractions: OnceLock<Fractions>,
}

impl BuiltLayer {
    /// A layer of the store; `cache` may know more of its times.
    pub(crate) fn new(store: &Store, cache: &Path, layer: LayerBlob) -> Self {
        let times = fractions::place(cache, &layer.digest);
        Self { store: store.clone(), digest: layer.digest, size: layer.size, times, fractions: OnceLock::new() }
    }
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

    fn fraction(&self, path: &[u8]) -> u32 {
        let fractions = self.fractions.get_or_init(|| fractions::read(&self.times));
        fractions.get(BStr::new(path)).copied().unwrap_or_default()
    }
}
