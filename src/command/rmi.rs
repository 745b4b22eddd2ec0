//! `rmi`: takes names away, and images whose last name went.

use anyhow::Result;
use strata_image::{Image, ImageName, store::Removed};

use crate::{exit::Status, places::Places};

/// Remove images from the store, by name, ID or short ID
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Names or IDs
    #[arg(required = true)]
    images: Vec<String>,

    /// Remove an image by ID though it has several names
    #[arg(short, long)]
    force: bool,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let store = places.store_to_write()?;
    for text in &args.images {
        let image = super::stored(&store, text)?;
        let by_name = ImageName::parse(text).ok().filter(|name| image.names().contains(name));
        let removed = match by_name {
            Some(name) => store.untag(&name)?,
            None => store.remove(&image.image_id(), args.force)?,
        };
        for line in removed {
            match line {
                Removed::Untagged(name) => anstream::println!("Untagged: {name}"),
                Removed::Deleted(id) => anstream::println!("Deleted: {id}"),
            }
        }
    }
    places.collect(&store)?;
    Ok(Status::Yes)
}
