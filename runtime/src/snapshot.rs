//! Snapshots: directory trees at a chain ID, ready to be mounted.
//!
//! ```text
//! <root>/snapshots/
//!   epoch              for which boot and which ids the rest was made
//!   <chain ID, hex>/   committed: fs/ holds what its layer changes, as an overlay's lower directory; made its record
//!   active-<random>/   being written: fs/ is the upper directory, work/ overlay's own
//!   dead-<random>/     being removed
//! ```
//!
//! Who uses a directory holds a lock on it, and the kernel lets go of it when the process ends, however it ends. So who comes
//! next removes what dead processes left, and nobody removes what is in use.
//!
//! Mounts are overlays of directory descriptors, detached: nothing is ever attached in the host's mount table, so that a kill
//! leaves no mount either. In a user namespace overlay keeps its marks in `user.overlay.*` instead of `trusted.overlay.*`.
//!
//! With a single id (see [`Ids::Single`]) files have one owner, and devices cannot be made: [`Committed::losses`] counts
//! what a layer said and the snapshot does not have. Layers written here all the same say the owners that the layers below
//! say, for every file and directory that was not made anew; what is made anew has the one owner, which is root inside.

mod active;
mod committed;
mod compare;
mod diff;
mod epoch;
mod keeping;
mod lock;
mod mount;
mod owner;
mod record;
mod remove;
mod unpack;

use std::{
    fs::DirBuilder,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::DirBuilderExt,
    },
    path::Path,
    sync::Arc,
};

use rustix::fs::{CWD, Mode, OFlags, openat};
use strata_image::{ChainId, Layer};

use crate::{
    Error, Result,
    userns::{self, Ids},
};
pub use active::Active;
use committed::Held;
pub use committed::{Committed, Losses};
pub use diff::DiffStats;

/// The directory of a snapshot that holds what its layer changes.
const FS: &str = "fs";

/// Begins the names of directories that are being written.
const ACTIVE_PREFIX: &str = "active-";

/// Begins the names of directories that are being removed.
const DEAD_PREFIX: &str = "dead-";

/// All the snapshots below one root directory, shared with other processes.
#[derive(Clone, Debug)]
pub struct Snapshots {
    directory: Arc<OwnedFd>,
    ids: Ids,
}

impl Snapshots {
    /// Opens `<root>/snapshots`, making it when it is missing (only its owner may look into it), and removes what dead
    /// processes, or another boot, left there.
    pub fn open(root: &Path) -> Result<Self> {
        let path = root.join("snapshots");
        DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(Error::kernel("make", path.display()))?;
        let snapshots = Self::at(&path).map_err(Error::kernel("open", path.display()))?;
        snapshots.begin_epoch().map_err(Error::kernel("clear", path.display()))?;
        snapshots.sweep().map_err(Error::kernel("sweep", path.display()))?;
        Ok(snapshots)
    }

    /// Opens `<root>/snapshots` as it stands and writes nothing; `None` when there is none.
    pub fn open_existing(root: &Path) -> Result<Option<Self>> {
        let path = root.join("snapshots");
        match Self::at(&path) {
            Ok(snapshots) => Ok(Some(snapshots)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::kernel("open", path.display())(error)),
        }
    }

    /// The snapshot of a stack of layers, bottom first. Those that are not there yet are unpacked; each is seen by others
    /// only once its bytes have proved to be those of its diff ID.
    pub fn of_layers(&self, layers: &[Arc<dyn Layer>]) -> Result<Committed> {
        let mut snapshot = self.scratch();
        for (layer, chain_id) in layers.iter().zip(ChainId::of_stack(layers.iter().map(|layer| layer.diff_id()))) {
            snapshot = match self.hold(chain_id)? {
                Some(held) => snapshot.with(held),
                None => self.unpack(layer.as_ref(), chain_id, &snapshot)?,
            };
        }
        Ok(snapshot)
    }

    /// The snapshot of nothing.
    pub fn scratch(&self) -> Committed {
        Committed { layers: Vec::new(), ids: self.ids, losses: Losses::default() }
    }

    /// The committed snapshot of a chain, given by the chain IDs of all its prefixes, bottom first; `None` unless every one
    /// is there.
    pub fn existing(&self, chain: &[ChainId]) -> Result<Option<Committed>> {
        let held: Result<Option<Vec<_>>> = chain.iter().map(|chain_id| self.hold(*chain_id)).collect();
        Ok(held?.map(|layers| Committed { layers, ..self.scratch() }))
    }

    /// A writable snapshot on top of `parent`.
    ///
    /// # Errors
    /// Where the kernel refuses overlays, and above its limit of 500 layers.
    pub fn prepare(&self, parent: &Committed) -> Result<Active> {
        Active::new(self, parent)
    }

    /// A detached read-only mount of a committed snapshot. It is whole as long as `snapshot` lives.
    pub fn view(&self, snapshot: &Committed) -> Result<OwnedFd> {
        snapshot.mount()
    }

    fn at(path: &Path) -> io::Result<Self> {
        let directory = openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { directory: Arc::new(directory), ids: userns::ids() })
    }

    fn unpack(&self, layer: &dyn Layer, chain_id: ChainId, parent: &Committed) -> Result<Committed> {
        let active = self.prepare(parent)?;
        let lost = unpack::unpack(layer, active.root(), parent.depth() > 0, self.ids)?;
        let mut snapshot = active.commit(chain_id)?;
        snapshot.losses.owners += lost.owners;
        snapshot.losses.devices += lost.devices;
        snapshot.losses.attributes += lost.attributes;
        Ok(snapshot)
    }

    fn hold(&self, chain_id: ChainId) -> Result<Option<Arc<Held>>> {
        let directory = lock::share(self.directory.as_fd(), &chain_id.hex())
            .map_err(Error::kernel("open the snapshot", chain_id))?;
        Ok(directory.map(|directory| Arc::new(Held { chain_id, directory })))
    }
}
