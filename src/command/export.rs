//! `export`: the merged root filesystem of an image as one tar.

use std::path::PathBuf;

use anyhow::Result;
use strata_image::rootfs;

use crate::{exit::Status, places::Places};

/// Export the merged root filesystem of an image as a tar
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  strata export -o rootfs.tar app:1")]
pub(crate) struct Args {
    /// The tar; it appears whole or not at all [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// The image: a name in the store, an archive, a layout
    image: String,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let image = places.image(&args.image)?;
    super::output(args.output.as_deref(), |out| Ok(rootfs::export(image.as_ref(), out)?))?;
    Ok(Status::Yes)
}
