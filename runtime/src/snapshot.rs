//! Snapshots: directory trees at a chain ID, ready to be mounted.
//!
//! ```text
//! <root>/snapshots/
//!   epoch                   for which boot and which ids the rest was made
//!   <chain ID, hex>/        committed: fs/ holds what its layer changes, as an overlay's lower directory; made its record
//!   copy-<chain ID, hex>/   committed where nothing can be mounted: fs/ is the whole tree; made its record
//!   active-<random>/        being written: fs/ is the upper directory and work/ overlay's own, or fs/ is the whole tree
//!   dead-<random>/          being removed
//! ```
//!
//! Who uses a directory holds a lock on it, and the kernel lets go of it when the process ends, however it ends. So who comes
//! next removes what dead processes left, and nobody removes what is in use.
//!
//! Mounts are overlays of directory descriptors, detached: nothing is ever attached in the host's mount table, so that a kill
//! leaves no mount either. In a user namespace overlay keeps its marks in `user.overlay.*` instead of `trusted.overlay.*`.
//!
//! Where overlay cannot be had, each snapshot is a copy of the one below with its changes ([`Driver::Copy`]), and what
//! changed is found by comparing the two. Both drivers give the same trees and the same layers, with one exception: overlay
//! parts the names of a file from below when it is written to by one of them, and a copy keeps them together, as any file
//! system does.
//!
//! With a single id (see [`Ids::Single`]) files have one owner, and devices cannot be made: [`Committed::losses`] counts
//! what a layer said and the snapshot does not have. Layers written here all the same say the owners that the layers below
//! say, for every file and directory that was not made anew; what is made anew has the one owner, which is root inside.

mod active;
mod committed;
mod compare;
mod diff;
mod driver;
mod epoch;
mod keeping;
mod lock;
mod mount;
mod owner;
mod record;
mod remove;
mod seeded;
mod unpack;

use std::{
    fs::DirBuilder,
    io,
    os::{
        fd::{AsFd, OwnedFd},
        unix::fs::DirBuilderExt,
    },
    path::Path,
    sync::{Arc, OnceLock},
};

use rustix::{
    fs::{AtFlags, CWD, Mode, OFlags, mkdirat, openat, unlinkat},
    io::Errno,
};
use strata_image::{ChainId, Layer};

use crate::{
    Error, Result,
    userns::{self, Ids},
};
pub use active::Active;
pub(crate) use active::random_name;
use committed::Held;
pub use committed::{Committed, Losses};
pub use diff::DiffStats;
pub use driver::Driver;
use driver::{Choice, Name};
pub use owner::true_owner;
pub use remove::remove_tree;
pub(crate) use remove::{children, open_directory};

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
    choice: Arc<OnceLock<Choice>>,
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

    /// The same with a driver of the caller's choice; [`open`](Self::open) takes overlay wherever it can be had.
    pub fn open_with(root: &Path, driver: Driver) -> Result<Self> {
        let snapshots = Self::open(root)?;
        Ok(Self { choice: Arc::new(OnceLock::from(Choice { driver, refusal: None })), ..snapshots })
    }

    /// How these snapshots stand on each other.
    ///
    /// # Errors
    /// Where an overlay can be neither had nor ruled out: the disk is full, say.
    pub fn driver(&self) -> Result<Driver> {
        Ok(self.choice()?.driver)
    }

    /// Why overlay cannot be had, where it was looked for; to be told once to who wonders about the time that copying takes.
    ///
    /// # Errors
    /// As [`driver`](Self::driver).
    pub fn refusal(&self) -> Result<Option<&Error>> {
        Ok(self.choice()?.refusal.as_ref())
    }

    fn choice(&self) -> Result<&Choice> {
        if let Some(choice) = self.choice.get() {
            return Ok(choice);
        }
        let choice = Choice::detect(self)?;
        Ok(self.choice.get_or_init(|| choice))
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
        let chain = ChainId::of_stack(layers.iter().map(|layer| layer.diff_id()));
        let named = layers.iter().zip(chain).map(|(layer, name)| (name, Some(layer.as_ref())));
        self.of_named(named)?.map_err(|name| Error::kernel("find the snapshot", name)(Errno::NOENT))
    }

    /// The snapshot of a stack whose members, bottom first, have names of the caller's: chain IDs, or what stands for one.
    /// Those that are not there yet are unpacked from their layer. `Err` inside names the first that is not there and has
    /// none.
    pub fn of_named<'l>(
        &self,
        stack: impl IntoIterator<Item = (ChainId, Option<&'l dyn Layer>)>,
    ) -> Result<Result<Committed, ChainId>> {
        match self.driver()? {
            Driver::Overlay => self.stacked(stack),
            Driver::Copy => self.whole(stack),
        }
    }

    /// Overlay needs every member of the stack.
    fn stacked<'l>(
        &self,
        stack: impl IntoIterator<Item = (ChainId, Option<&'l dyn Layer>)>,
    ) -> Result<Result<Committed, ChainId>> {
        let mut snapshot = self.scratch();
        for (name, layer) in stack {
            snapshot = match (self.hold(name)?, layer) {
                (Some(held), _) => snapshot.with(held),
                (None, Some(layer)) => self.unpack(&[layer], name, &snapshot)?,
                (None, None) => return Ok(Err(name)),
            };
        }
        Ok(Ok(snapshot))
    }

    /// Of whole trees the topmost will do. What is above it is unpacked into one copy, so that an image of many layers is
    /// not copied as many times.
    fn whole<'l>(
        &self,
        stack: impl IntoIterator<Item = (ChainId, Option<&'l dyn Layer>)>,
    ) -> Result<Result<Committed, ChainId>> {
        let mut snapshot = self.scratch();
        let mut missing = Vec::new();
        for (name, layer) in stack {
            match self.hold(name)? {
                Some(held) => {
                    snapshot = snapshot.above(missing.len()).with(held);
                    missing.clear();
                }
                None => missing.push((name, layer)),
            }
        }
        let Some((top, _)) = missing.last() else {
            return Ok(Ok(snapshot));
        };
        let layers: Result<Vec<&dyn Layer>, ChainId> = missing.iter().map(|(name, layer)| layer.ok_or(*name)).collect();
        match layers {
            Ok(layers) => self.unpack(&layers, *top, &snapshot).map(Ok),
            Err(name) => Ok(Err(name)),
        }
    }

    /// Whether a committed snapshot of this name is there.
    pub fn contains(&self, name: ChainId) -> Result<bool> {
        Ok(self.hold(name)?.is_some())
    }

    /// The snapshot of nothing.
    pub fn scratch(&self) -> Committed {
        Committed { layers: Vec::new(), depth: 0, ids: self.ids, losses: Losses::default() }
    }

    /// The committed snapshot of a chain, given by the chain IDs of all its prefixes, bottom first; `None` unless every one
    /// that it stands on is there.
    pub fn existing(&self, chain: &[ChainId]) -> Result<Option<Committed>> {
        Ok(self.of_named(chain.iter().map(|name| (*name, None)))?.ok())
    }

    /// A writable snapshot on top of `parent`.
    ///
    /// # Errors
    /// Where the kernel refuses overlays that were asked for, and above its limit of 500 layers.
    pub fn prepare(&self, parent: &Committed) -> Result<Active> {
        Active::new(self, parent)
    }

    /// What shows `snapshot` below `upper`, a directory that takes what is written: a detached mount, or where nothing can be
    /// mounted a copy that is made the first time. `work` is a directory beside `upper` that is used for it; both live on.
    ///
    /// # Errors
    /// Where the kernel refuses overlays that were asked for; what a copy cannot be made of.
    pub fn above(&self, snapshot: &Committed, upper: &OwnedFd, work: &OwnedFd) -> Result<OwnedFd> {
        match self.driver()? {
            Driver::Overlay => {
                mount::allow_again(work.as_fd())?;
                let upper = mount::Upper { fs: upper.as_fd(), work: work.as_fd() };
                mount::writable(&snapshot.directories()?, &upper, self.ids)
            }
            Driver::Copy => seeded::tree(snapshot, upper, work),
        }
    }

    /// The root directory of a committed snapshot: of a detached read-only mount, or where nothing can be mounted of the
    /// snapshot's own tree, which is not to be written to. It is whole as long as `snapshot` lives.
    pub fn view(&self, snapshot: &Committed) -> Result<OwnedFd> {
        match (self.driver()?, snapshot.top()?) {
            (Driver::Overlay, _) => snapshot.mount(),
            (Driver::Copy, Some(tree)) => Ok(tree),
            (Driver::Copy, None) => self.nothing().map_err(Error::kernel("make", "an empty directory")),
        }
    }

    /// A directory that is removed already, so that nothing can ever be made in it.
    fn nothing(&self) -> io::Result<OwnedFd> {
        let name = format!("{DEAD_PREFIX}{}", active::random_name()?);
        mkdirat(&self.directory, &name, Mode::from_raw_mode(0o755))?;
        let directory = remove::open_directory(self.directory.as_fd(), name.as_str())?;
        unlinkat(&self.directory, &name, AtFlags::REMOVEDIR)?;
        Ok(directory)
    }

    fn at(path: &Path) -> io::Result<Self> {
        let directory = openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
        Ok(Self { directory: Arc::new(directory), ids: userns::ids(), choice: Arc::default() })
    }

    /// Commits what `layers`, of which there is one at least, make of `parent`. Those between have no snapshot of their own.
    fn unpack(&self, layers: &[&dyn Layer], chain_id: ChainId, parent: &Committed) -> Result<Committed> {
        let active = self.prepare(parent)?;
        let mut lost = Losses::default();
        for (index, layer) in layers.iter().enumerate() {
            let has_lower = parent.depth() + index > 0;
            lost = lost.and(unpack::unpack(*layer, active.root(), has_lower, self.ids)?);
        }
        let mut snapshot = active.commit_above(layers.len().saturating_sub(1), chain_id)?;
        snapshot.losses = snapshot.losses.and(lost);
        Ok(snapshot)
    }

    fn hold(&self, chain_id: ChainId) -> Result<Option<Arc<Held>>> {
        self.hold_name(Name { chain_id, driver: self.driver()? })
    }

    fn hold_name(&self, name: Name) -> Result<Option<Arc<Held>>> {
        let directory = lock::share(self.directory.as_fd(), &name.to_string())
            .map_err(Error::kernel("open the snapshot", name.chain_id))?;
        Ok(directory.map(|directory| Arc::new(Held { name, directory, copied: None })))
    }
}
