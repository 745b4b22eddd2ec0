//! `load`: the images of an archive into the store.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use strata_image::manifest::Platform;

use crate::{exit::Status, places::Places};

/// Load the images of an archive (docker save, OCI archive, OCI layout) into the store
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The archive, compressed or not, or a layout folder [default: standard input, as with -]
    #[arg(short, long, value_name = "FILE")]
    input: Option<PathBuf>,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let store = places.store_to_write()?;
    let input = args.input.as_deref().filter(|path| *path != Path::new("-"));
    let loaded = match input {
        Some(path) => store.load(path, &Platform::host()).with_context(|| format!("cannot load {}", path.display())),
        None => store.load_stream(places.input()?, &Platform::host()).context("cannot load"),
    };
    for (id, names) in loaded? {
        if names.is_empty() {
            anstream::println!("Loaded image ID: {id}");
        }
        for name in names {
            anstream::println!("Loaded image: {name}");
        }
    }
    Ok(Status::Yes)
}
