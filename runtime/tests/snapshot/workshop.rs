//! A root of snapshots to work in, and ways to see what they hold.

use std::{
    fs,
    os::{
        fd::AsRawFd,
        unix::fs::{FileTypeExt, MetadataExt},
    },
    path::{Path, PathBuf},
    sync::Arc,
};

use strata_image::{ChainId, Layer};
use strata_runtime::{
    Error, Result,
    snapshot::{Active, Committed, Driver, Snapshots},
};
use tempfile::TempDir;

use crate::layers::MemoryLayer;

/// Snapshots below a root of their own.
pub(crate) struct Workshop {
    pub(crate) root: TempDir,
    pub(crate) snapshots: Snapshots,
    pub(crate) driver: Driver,
}

impl Workshop {
    /// One for each driver that this process can use; the reason is printed where one cannot be used.
    pub(crate) fn each() -> Vec<Self> {
        let overlay = Self::with(Driver::Overlay);
        let copy = Self::with(Driver::Copy);
        match overlay.snapshots.prepare(&overlay.snapshots.scratch()) {
            Ok(_) => vec![overlay, copy],
            Err(Error::Kernel { source, .. }) => {
                println!("skipped with overlay: this process may not mount: {source}");
                vec![copy]
            }
            Err(error) => panic!("{error}"),
        }
    }

    /// `None`, with the reason printed, where this process may not mount.
    pub(crate) fn with_overlay() -> Option<Self> {
        Self::each().into_iter().find(|workshop| workshop.driver == Driver::Overlay)
    }

    pub(crate) fn with(driver: Driver) -> Self {
        let root = tempfile::tempdir().unwrap();
        let snapshots = Snapshots::open_with(root.path(), driver).unwrap();
        Self { root, snapshots, driver }
    }

    /// How many directories a stack of so many layers leaves that are unpacked at once.
    pub(crate) fn kept(&self, layers: usize) -> usize {
        match self.driver {
            Driver::Overlay => layers,
            Driver::Copy => layers.min(1),
        }
    }

    /// The directory of a committed snapshot.
    pub(crate) fn name(&self, chain_id: ChainId) -> String {
        match self.driver {
            Driver::Overlay => chain_id.hex(),
            Driver::Copy => format!("copy-{}", chain_id.hex()),
        }
    }

    /// The same snapshots, as another process opens them.
    pub(crate) fn again(&self) -> Snapshots {
        Snapshots::open_with(self.root.path(), self.driver).unwrap()
    }

    pub(crate) fn stack(&self, tars: &[Vec<u8>]) -> Result<Committed> {
        let layers: Vec<Arc<dyn Layer>> =
            tars.iter().map(|bytes| Arc::new(MemoryLayer::new(bytes.clone())) as Arc<dyn Layer>).collect();
        self.snapshots.of_layers(&layers)
    }

    /// What the stack shows, as [`seen`] tells it.
    pub(crate) fn shows(&self, tars: &[Vec<u8>]) -> Vec<String> {
        let stack = self.stack(tars).unwrap();
        let view = self.snapshots.view(&stack).unwrap();
        seen(&at(&view))
    }

    /// Changes the stack with `change` and gives the layer that this makes.
    pub(crate) fn diff(&self, tars: &[Vec<u8>], change: impl FnOnce(&Path)) -> Vec<u8> {
        let active = self.changed(&self.stack(tars).unwrap(), change);
        let mut layer = Vec::new();
        active.diff(None, &mut layer).unwrap();
        layer
    }

    pub(crate) fn changed(&self, parent: &Committed, change: impl FnOnce(&Path)) -> Active {
        let active = self.snapshots.prepare(parent).unwrap();
        change(&at(&active.root()));
        active
    }

    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.root.path().join("snapshots"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "epoch")
            .collect();
        names.sort();
        names
    }
}

/// A path to what a descriptor stands for, for as long as it is open.
pub(crate) fn at(fd: &impl AsRawFd) -> PathBuf {
    PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()))
}

pub(crate) fn any_chain_id(text: &str) -> ChainId {
    ChainId::of(text.as_bytes())
}

/// Everything below a directory, sorted, a line each: mode, path, and content or target.
pub(crate) fn seen(root: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    let mut pending = vec![PathBuf::new()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(root.join(&directory)).unwrap() {
            let path = directory.join(entry.unwrap().file_name());
            let full = root.join(&path);
            let metadata = fs::symlink_metadata(&full).unwrap();
            let kind = metadata.file_type();
            let what = if kind.is_dir() {
                pending.push(path.clone());
                "/".to_owned()
            } else if kind.is_symlink() {
                format!(" -> {}", fs::read_link(&full).unwrap().display())
            } else if kind.is_file() {
                format!(" {:?}", fs::read_to_string(&full).unwrap())
            } else if kind.is_fifo() {
                " fifo".to_owned()
            } else {
                format!(" device {}:{}", metadata.rdev() >> 8, metadata.rdev() & 0xff)
            };
            lines.push(format!("{:04o} {}{what}", metadata.mode() & 0o7777, path.display()));
        }
    }
    lines.sort_by(|a, b| a[5..].cmp(&b[5..]));
    lines
}
