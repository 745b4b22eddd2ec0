//! `system`: what the root folder holds, whether it is sound, and making room.

use std::{collections::HashSet, io::IsTerminal, time::Duration};

use anyhow::{Context, Result, bail};
use serde::Serialize;
use strata_analyzer::size_text;
use strata_builder::cache::{self, Keep, Usage};
use strata_image::{ChainId, Digest, Image, Store, store::StoredImage};
use strata_runtime::snapshot::Snapshots;

use super::size::bytes;
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
#[command(
    after_help = "RECLAIMABLE is what `strata system prune --all` would free. Below Build Cache is what it consists of:\n  \
                  layers       what steps made\n  \
                  selections   digests of what was copied from stages and images\n  \
                  steps        inputs of steps, for --explain-cache\n  \
                  packs        where layers hold the contents of files\n  \
                  contexts     what files of contexts hold\n  \
                  times        fractions of a second that layers leave out\n  \
                  mounts       RUN --mount=type=cache\n  \
                  http, git    what was fetched\n\n\
                  Analysis Cache is what `analyze` and others read of layers. It stays within STRATA_ANALYSIS_MAX_USED (1 GiB)."
)]
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
#[command(after_help = "Examples:\n  \
                  strata system prune -a --filter until=168h     what no build used for a week goes\n  \
                  strata system prune -a --max-used-space 10g    what was used last stays, 10 GB of it")]
pub(crate) struct PruneArgs {
    /// Remove the build cache too
    #[arg(short, long)]
    all: bool,

    /// With --all: only what no build used for so long, as 24h or 90m
    #[arg(long, value_name = "until=DURATION", value_parser = until, requires = "all")]
    filter: Option<Duration>,

    /// With --all: leave so many bytes of the build cache, of what was used last
    #[arg(long, visible_alias = "keep-storage", value_name = "BYTES", value_parser = bytes, requires = "all")]
    max_used_space: Option<u64>,

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
    /// What it consists of, where that is of several kinds.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    kinds: Vec<KindRow>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct KindRow {
    kind: &'static str,
    total_count: usize,
    active: usize,
    size: u64,
    reclaimable: u64,
}

impl From<&Usage> for KindRow {
    fn from(usage: &Usage) -> Self {
        Self {
            kind: usage.kind.name(),
            total_count: usage.count,
            active: usage.active,
            size: usage.size,
            reclaimable: usage.reclaimable,
        }
    }
}

fn df(args: &DfArgs, places: &Places) -> Result<Status> {
    let rows = [images(places)?, snapshots(places)?, build_cache(places)?, analysis_cache(places)?];
    if args.format == Format::Json {
        json::print(&rows)?;
        return Ok(Status::Yes);
    }
    let mut columns = Columns::new(&["TYPE", "TOTAL", "ACTIVE", "SIZE", "RECLAIMABLE"]);
    let mut line = |name: String, total: usize, active: usize, size: u64, reclaimable: u64| {
        columns.row([name, total.to_string(), active.to_string(), size_text(size), size_text(reclaimable)]);
    };
    for row in rows {
        line(row.r#type.to_owned(), row.total_count, row.active, row.size, row.reclaimable);
        for kind in row.kinds.iter().filter(|kind| kind.total_count > 0) {
            line(format!("  {}", kind.kind), kind.total_count, kind.active, kind.size, kind.reclaimable);
        }
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
        kinds: Vec::new(),
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
        kinds: Vec::new(),
    })
}

/// A cached layer is active when an image has it too, a cache mount when a step uses it.
fn build_cache(places: &Places) -> Result<Row> {
    let usages = cache::usage(&places.build_cache()?, &places.store()?)?;
    Ok(Row {
        r#type: "Build Cache",
        total_count: usages.iter().map(|usage| usage.count).sum(),
        active: usages.iter().map(|usage| usage.active).sum(),
        size: usages.iter().map(|usage| usage.size).sum(),
        reclaimable: usages.iter().map(|usage| usage.reclaimable).sum(),
        kinds: usages.iter().map(KindRow::from).collect(),
    })
}

/// What was read of layers. It keeps within its bound by itself, so that nothing of it is pruned.
fn analysis_cache(places: &Places) -> Result<Row> {
    let mut sizes = Vec::new();
    if let Some(folder) = places.analysis().filter(|folder| folder.is_dir()) {
        let failed = || format!("cannot read {}", folder.display());
        for entry in folder.read_dir().with_context(failed)? {
            // another process may have removed it
            if let Ok(metadata) = entry.with_context(failed)?.metadata() {
                sizes.push(metadata.len());
            }
        }
    }
    Ok(Row {
        r#type: "Analysis Cache",
        total_count: sizes.len(),
        active: sizes.len(),
        size: sizes.iter().sum(),
        reclaimable: 0,
        kinds: Vec::new(),
    })
}

/// Chain IDs of every prefix of an image's layers.
fn chains(image: &dyn Image) -> Vec<ChainId> {
    ChainId::of_stack(image.layers().iter().map(|layer| layer.diff_id()))
}

fn check(places: &Places) -> Result<Status> {
    let mut problems = Vec::new();
    if let Some(store) = Store::open_existing(places.root()?)? {
        problems.extend(store.check()?);
    }
    if let Some(snapshots) = Snapshots::open_existing(places.root()?)? {
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
    if !args.force && !confirmed(args)? {
        return Ok(Status::No);
    }
    let engine = places.engine_with(None)?;
    for image in engine.store.images()?.iter().filter(|image| image.names().is_empty()) {
        let id = image.image_id();
        engine.store.remove(&id, true)?;
        anstream::println!("Deleted: {id}");
    }
    let freed = if args.all {
        engine.prune_cache(&Keep { used_within: args.filter, bytes: args.max_used_space })?
    } else {
        engine.collect_garbage()?
    };
    anstream::println!("Total reclaimed space: {}", size_text(freed));
    Ok(Status::Yes)
}

/// `until=24h`, as docker has it.
fn until(text: &str) -> Result<Duration, String> {
    let duration = text.strip_prefix("until=").ok_or("there is only until=DURATION")?;
    strata_dockerfile::duration::parse(duration).map_err(|error| format!("{error}: write 24h or 90m"))
}

fn confirmed(args: &PruneArgs) -> Result<bool> {
    let what = match (args.all, args.filter.is_some() || args.max_used_space.is_some()) {
        (false, _) => "untagged images and unneeded snapshots",
        (true, false) => "untagged images, unneeded snapshots and the build cache",
        (true, true) => "untagged images, unneeded snapshots and the named part of the build cache",
    };
    if !std::io::stdin().is_terminal() {
        bail!("this removes {what}\nhint: confirm with -f");
    }
    anstream::eprint!("This removes {what}. Continue? [y/N] ");
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer).context("cannot read the answer")?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
