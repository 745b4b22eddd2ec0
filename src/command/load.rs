//! `load`: the images of an archive into the store.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use strata_image::manifest::Platform;

use crate::{exit::Status, places::Places};

/// Load the images of an archive (docker save, OCI archive, OCI layout) into the store
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The archive, compressed or not, or a layout folder [default: standard input]
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let store = places.store_to_write()?;
    let spooled;
    let path: &Path = if let Some(path) = &args.input {
        path
    } else {
        spooled = super::spool_stdin()?;
        spooled.path()
    };
    let loaded = store.load(path, &Platform::host());
    for (id, names) in loaded.with_context(|| format!("cannot load {}", path.display()))? {
        if names.is_empty() {
            anstream::println!("Loaded image ID: {id}");
        }
        for name in names {
            anstream::println!("Loaded image: {name}");
        }
    }
    Ok(Status::Yes)
}
