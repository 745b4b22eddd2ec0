//! `system`: what the root folder holds, whether it is sound, and making room.

use std::{collections::HashSet, io::IsTerminal};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use strata_analyzer::size_text;
use strata_image::{ChainId, Digest, Image, Store, store::StoredImage};
use strata_runtime::snapshot::Snapshots;

use crate::{
    cli::Format,
    exit::Status,
    look::{json, table::Columns, text},
    places::Places,
};

/// See and tidy what strata keeps
#[derive(clap::Subcommand, Debug)]
pub(crate) enum Command {
    Df(DfArgs),
    Check(CheckArgs),
    Prune(PruneArgs),
}

/// Show how much room images, snapshots and caches take
#[derive(clap::Args, Debug)]
#[command(after_help = "RECLAIMABLE is what `strata system prune --all` would free.")]
pub(crate) struct DfArgs {
    /// How to print the table
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Check that everything kept is whole; reads only
#[derive(clap::Args, Debug)]
#[command(after_help = "Exit status: 0 sound; 1 problems, a line each; 2 error.")]
pub(crate) struct CheckArgs {}

/// Remove untagged images, and snapshots and layers that nothing needs
#[derive(clap::Args, Debug)]
pub(crate) struct PruneArgs {
    /// Remove the build cache too
    #[arg(short, long)]
    all: bool,

    /// Do not ask
    #[arg(short, long)]
    force: bool,
}

pub(crate) fn run(command: &Command, places: &Places) -> Result<Status> {
    match command {
        Command::Df(args) => df(args, places),
        Command::Check(_) => check(places),
        Command::Prune(args) => prune(args, places),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Row {
    r#type: &'static str,
    total_count: usize,
    active: usize,
    size: u64,
    reclaimable: u64,
}

fn df(args: &DfArgs, places: &Places) -> Result<Status> {
    let rows = [images(places)?, snapshots(places)?, build_cache(places)?];
    if args.format == Format::Json {
        json::print(&rows)?;
        return Ok(Status::Yes);
    }
    let mut columns = Columns::new(&["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]);
    for row in rows {
        let (size, reclaimable) = (size_text(row.size), size_text(row.reclaimable));
        columns.row([row.r#type.to_owned(), row.total_count.to_string(), row.active.to_string(), size, reclaimable]);
    }
    columns.print();
    Ok(Status::Yes)
}

/// An image with a name is active; untagged ones can be pruned.
fn images(places: &Places) -> Result<Row> {
    let images = places.store()?.images()?;
    let (named, untagged): (Vec<_>, Vec<_>) = images.iter().partition(|image| !image.names().is_empty());
    let layers = |images: &[&StoredImage]| -> HashSet<(Digest, u64)> {
        images.iter().flat_map(|image| image.layers()).map(|layer| layer.stored()).collect()
    };
    let (needed, unneeded) = (layers(&named), layers(&untagged));
    Ok(Row {
        r#type: "Images",
        total_count: images.len(),
        active: named.len(),
        size: needed.union(&unneeded).map(|(_, size)| size).sum(),
        reclaimable: unneeded.difference(&needed).map(|(_, size)| size).sum(),
    })
}

/// A snapshot is active when an image stands on it.
fn snapshots(places: &Places) -> Result<Row> {
    let needed: HashSet<ChainId> = places.store()?.images()?.iter().flat_map(|image| chains(image)).collect();
    let snapshots = places.snapshots()?.list()?;
    let unneeded: Vec<u64> =
        snapshots.iter().filter(|(chain, _)| !needed.contains(chain)).map(|(_, size)| *size).collect();
    Ok(Row {
        r#type: "Snapshots",
        total_count: snapshots.len(),
        active: snapshots.len() - unneeded.len(),
        size: snapshots.iter().map(|(_, size)| size).sum(),
        reclaimable: unneeded.iter().sum(),
    })
}

/// A cached layer is active when an image has it too.
fn build_cache(places: &Places) -> Result<Row> {
    let store = places.store()?;
    let of_images: HashSet<Digest> =
        store.images()?.iter().flat_map(Image::layers).map(|layer| layer.stored().0).collect();
    let cached = strata_builder::cache::roots(&places.build_cache())?;
    let size = |digest: &&Digest| store.blob_path(digest).metadata().map_or(0, |metadata| metadata.len());
    let unneeded: Vec<&Digest> = cached.iter().filter(|digest| !of_images.contains(digest)).collect();
    Ok(Row {
        r#type: "Build Cache",
        total_count: cached.len(),
        active: cached.len() - unneeded.len(),
        size: cached.iter().map(|digest| size(&digest)).sum(),
        reclaimable: unneeded.iter().map(size).sum(),
    })
}

/// Chain IDs of every prefix of an image's layers.
fn chains(image: &dyn Image) -> Vec<ChainId> {
    ChainId::of_stack(image.layers().iter().map(|layer| layer.diff_id()))
}

fn check(places: &Places) -> Result<Status> {
    let mut problems = Vec::new();
    if let Some(store) = Store::open_existing(places.root())? {
        problems.extend(store.check()?);
    }
    if let Some(snapshots) = Snapshots::open_existing(places.root())? {
        problems.extend(snapshots.check()?);
    }
    for problem in &problems {
        anstream::println!("{}", text::safe(problem));
    }
    if !problems.is_empty() {
        anstream::eprintln!("{}", text::count(problems.len(), "problem"));
        return Ok(Status::No);
    }
    anstream::println!("sound");
    Ok(Status::Yes)
}

fn prune(args: &PruneArgs, places: &Places) -> Result<Status> {
    if !args.force && !confirmed(args.all)? {
        return Ok(Status::No);
    }
    let engine = places.engine_with(None)?;
    for image in engine.store.images()?.iter().filter(|image| image.names().is_empty()) {
        let id = image.image_id();
        engine.store.remove(&id, true)?;
        anstream::println!("Deleted: {id}");
    }
    let mut freed = 0;
    if args.all {
        strata_builder::cache::prune(&engine.cache)?;
        freed += strata_builder::remote::prune(&engine.cache)?;
    }
    freed += engine.collect_garbage()?;
    anstream::println!("Total reclaimed space: {}", size_text(freed));
    Ok(Status::Yes)
}

fn confirmed(all: bool) -> Result<bool> {
    let what = if all {
        "untagged images, unneeded snapshots and the build cache"
    } else {
        "untagged images and unneeded snapshots"
    };
    if !std::io::stdin().is_terminal() {
        bail!("this removes {what}\nhint: confirm with -f");
    }
    anstream::eprint!("This removes {what}. Continue? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
