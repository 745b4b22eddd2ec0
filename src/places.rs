//! Where strata keeps things: the root folder, and what is opened below it when a command needs it.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use strata_builder::Engine;
use strata_image::{Image, Store, manifest::Platform, source};
use strata_runtime::snapshot::{Driver, Snapshots};

/// The root folder, not opened yet.
#[derive(Debug)]
pub(crate) struct Places {
    root: PathBuf,
}

impl Places {
    /// `--root` or `STRATA_ROOT` when given; else `/var/lib/strata` for root and `$XDG_DATA_HOME/strata` for others.
    pub(crate) fn new(given: Option<&Path>, is_root: bool) -> Result<Self> {
        let root = match given {
            Some(root) => {
                std::path::absolute(root).with_context(|| format!("cannot use {} as root", root.display()))?
            }
            None if is_root => PathBuf::from("/var/lib/strata"),
            None => data_home()?.join("strata"),
        };
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn store(&self) -> Result<Store> {
        Ok(Store::open(&self.root)?)
    }

    /// The store, for a command that writes: what a killed one left is removed first.
    pub(crate) fn store_to_write(&self) -> Result<Store> {
        let store = self.store()?;
        if store.was_interrupted()? {
            self.collect(&store)?;
        }
        Ok(store)
    }

    /// Removes blobs that neither an image nor the build cache needs, and gives their bytes. While others write to the
    /// store it does nothing: the next command will.
    pub(crate) fn collect(&self, store: &Store) -> Result<u64> {
        match store.gc(&strata_builder::cache::roots(&self.build_cache())?) {
            Err(strata_image::Error::Busy { .. }) => Ok(0),
            collected => Ok(collected?),
        }
    }

    pub(crate) fn snapshots(&self) -> Result<Snapshots> {
        Ok(Snapshots::open(&self.root)?)
    }

    /// What builds work with; `driver` says how root filesystems are stacked where the caller wants to choose.
    pub(crate) fn engine_with(&self, driver: Option<Driver>) -> Result<Engine> {
        Ok(Engine {
            store: self.store()?,
            snapshots: match driver {
                Some(driver) => Snapshots::open_with(&self.root, driver)?,
                None => self.snapshots()?,
            },
            cache: self.build_cache(),
            analysis: self.analysis(),
        })
    }

    /// Records of the build cache.
    pub(crate) fn build_cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// Layer indexes, one file a diff ID.
    pub(crate) fn analysis(&self) -> PathBuf {
        self.root.join("analysis")
    }

    /// Opens an image by any of the names that the help lists.
    pub(crate) fn image(&self, text: &str) -> Result<Box<dyn Image>> {
        let store = self.store()?;
        Ok(source::open(text, Some(&store), &Platform::host())?)
    }
}

fn data_home() -> Result<PathBuf> {
    if let Some(dir) = std::env::var_os("XDG_DATA_HOME").filter(|dir| Path::new(dir).is_absolute()) {
        return Ok(dir.into());
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty());
    let home = home.context("neither XDG_DATA_HOME nor HOME is set\nhint: give the folder with --root DIR")?;
    Ok(Path::new(&home).join(".local/share"))
}
