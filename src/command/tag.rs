//! `tag`: one more name for an image.

use anyhow::Result;
use strata_image::ImageName;

use crate::{exit::Status, places::Places};

/// Give an image of the store one more name
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Name or ID of the image
    source: String,

    /// The new name; it is taken from the image that has it
    target: String,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let name = ImageName::parse(&args.target)?;
    let store = places.store_to_write()?;
    store.tag(&super::stored(&store, &args.source)?.image_id(), &name)?;
    Ok(Status::Yes)
}
