//! Where strata keeps things: the root folder, and what is opened below it when a command needs it.

use std::{
    io::{IsTerminal as _, StdinLock},
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result, bail};
use strata_builder::Engine;
use strata_image::{
    Image, Store,
    manifest::Platform,
    source::{self, Each},
};
use strata_runtime::snapshot::{Driver, Snapshots};

use crate::look::{say, text::safe};

/// The folder of layer indexes, below the root.
const ANALYSIS: &str = "analysis";

/// The root folder, not opened yet.
#[derive(Debug)]
pub(crate) struct Places {
    /// `None` where nothing says where it is: what needs no folder works all the same.
    root: Option<PathBuf>,
    /// The store that was there when it was asked for.
    there: OnceLock<Option<Store>>,
    input_is_taken: AtomicBool,
}

impl Places {
    /// `--root` or `STRATA_ROOT` when given; else `/var/lib/strata` for root and `$XDG_DATA_HOME/strata` for others.
    pub(crate) fn new(given: Option<&Path>, is_root: bool) -> Result<Self> {
        let root = match given {
            Some(root) => {
                Some(std::path::absolute(root).with_context(|| format!("cannot use {} as root", root.display()))?)
            }
            None if is_root => Some(PathBuf::from("/var/lib/strata")),
            None => data_home().map(|home| home.join("strata")),
        };
        Ok(Self { root, there: OnceLock::new(), input_is_taken: AtomicBool::new(false) })
    }

    pub(crate) fn root(&self) -> Result<&Path> {
        self.root.as_deref().context("neither XDG_DATA_HOME nor HOME is set\nhint: give the folder with --root DIR")
    }

    pub(crate) fn store(&self) -> Result<Store> {
        Ok(Store::open(self.root()?)?)
    }

    /// The store, for a command that only reads: nothing is made where there is none. One that cannot be read is as none,
    /// with a warning, since archives can be read without.
    pub(crate) fn store_to_read(&self) -> Option<&Store> {
        let there = || {
            let root = self.root.as_deref()?;
            let index = root.join("images/index.json");
            let found = index
                .try_exists()
                .map_err(anyhow::Error::from)
                .and_then(|is_there| Ok(if is_there { Store::open_existing(root)? } else { None }));
            found.unwrap_or_else(|error| {
                say(&format!(
                    "strata: warning: no store: cannot read {}: {error:#}",
                    safe(&root.display().to_string())
                ));
                None
            })
        };
        self.there.get_or_init(there).as_ref()
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
        match store.gc(&strata_builder::cache::roots(&self.build_cache()?)?) {
            Err(strata_image::Error::Busy { .. }) => Ok(0),
            collected => Ok(collected?),
        }
    }

    pub(crate) fn snapshots(&self) -> Result<Snapshots> {
        Ok(Snapshots::open(self.root()?)?)
    }

    /// What builds work with; `driver` says how root filesystems are stacked where the caller wants to choose.
    pub(crate) fn engine_with(&self, driver: Option<Driver>) -> Result<Engine> {
        Ok(Engine {
            store: self.store()?,
            snapshots: match driver {
                Some(driver) => Snapshots::open_with(self.root()?, driver)?,
                None => self.snapshots()?,
            },
            cache: self.build_cache()?,
            analysis: self.root()?.join(ANALYSIS),
        })
    }

    /// Records of the build cache.
    pub(crate) fn build_cache(&self) -> Result<PathBuf> {
        Ok(self.root()?.join("cache"))
    }

    /// Layer indexes, one file a diff ID. `None` where there is no folder for them: layers are read each time.
    pub(crate) fn analysis(&self) -> Option<PathBuf> {
        Some(self.root.as_deref()?.join(ANALYSIS))
    }

    /// Opens an image by any of the names that the help lists.
    pub(crate) fn image(&self, text: &str) -> Result<Box<dyn Image>> {
        if source::is_stream(text) {
            return Ok(source::read(text, self.input()?, &Platform::host())?);
        }
        Ok(source::open(text, self.store_to_read(), &Platform::host())?)
    }

    /// Opens every image that a text names.
    pub(crate) fn images(&self, text: &str) -> Result<Vec<Each>> {
        if source::is_stream(text) {
            return Ok(source::read_each(text, self.input()?, &Platform::host())?);
        }
        Ok(source::each(text, self.store_to_read(), &Platform::host())?)
    }

    /// Standard input, which can be read once: as an archive, a list of sources, or a Dockerfile.
    pub(crate) fn input(&self) -> Result<StdinLock<'static>> {
        let input = std::io::stdin();
        if input.is_terminal() {
            bail!(
                "standard input is a terminal\nhint: send it through a pipe, as in: docker save NAME | strata analyze -"
            );
        }
        if self.input_is_taken.swap(true, Ordering::Relaxed) {
            bail!("standard input was read to its end already: only one thing can be there");
        }
        Ok(input.lock())
    }
}

fn data_home() -> Option<PathBuf> {
    if let Some(dir) = std::env::var_os("XDG_DATA_HOME").filter(|dir| Path::new(dir).is_absolute()) {
        return Some(dir.into());
    }
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty())?;
    Some(Path::new(&home).join(".local/share"))
}
