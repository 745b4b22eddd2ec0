//! `import`: a root filesystem becomes an image of one layer.

use std::path::Path;

use anyhow::{Context, Result};
use strata_image::{ImageName, Timestamp, rootfs};

use crate::{exit::Status, places::Places};

/// Make an image of a root filesystem: a tar, compressed or not, or a folder
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  strata import busybox.tar busybox\n  docker export c1 | strata import - app:flat\n\nWith SOURCE_DATE_EPOCH in the environment, that is when the image was made: its ID is the same wherever it is imported."
)]
pub(crate) struct Args {
    /// The tar or folder; - reads standard input
    #[arg(value_name = "FILE")]
    source: String,

    /// Name of the image
    name: Option<String>,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let names = args.name.iter().map(|name| ImageName::parse(name)).collect::<Result<Vec<_>, _>>()?;
    let created = super::build::source_date_epoch()?.map_or_else(Timestamp::now, Timestamp::from_seconds);
    let store = places.store_to_write()?;
    let image =
        if args.source == "-" { rootfs::read(std::io::stdin().lock()) } else { rootfs::open(Path::new(&args.source)) };
    let image = image.with_context(|| format!("cannot import {}", args.source))?;
    let id = store.import_as_of(image.as_ref(), &names, created)?;
    anstream::println!("{id}");
    Ok(Status::Yes)
}
