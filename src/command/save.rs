//! `save`: images as an archive that docker, podman and skopeo load.

use std::path::PathBuf;

use anyhow::Result;
use strata_image::{ImageName, archive};

use crate::{exit::Status, places::Places};

/// Save images to an archive that `docker load` takes
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  strata save -o app.tar app:1 app:2")]
pub(crate) struct Args {
    /// The archive; it appears whole or not at all [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// Names or IDs of images in the store
    #[arg(required = true, value_name = "NAME")]
    images: Vec<String>,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let store = places.store()?;
    let _lock = store.shared_lock()?;
    let images = args.images.iter().map(|name| super::stored(&store, name)).collect::<Result<Vec<_>>>()?;
    let named: Vec<archive::Named<'_>> = images
        .iter()
        .zip(&args.images)
        .map(|(image, text)| archive::Named {
            image,
            names: ImageName::parse(text)
                .into_iter()
                .filter(|name| strata_image::Image::names(image).contains(name))
                .collect(),
        })
        .collect();
    super::output(args.output.as_deref(), |out| Ok(archive::docker::write(&named, out)?))?;
    Ok(Status::Yes)
}
