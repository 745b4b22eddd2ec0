//! `slim`: rewrites the Dockerfile so that it wastes less, and proves that it still builds the same.

mod differing;
mod report;
pub(crate) mod worth;
mod write;

use std::path::PathBuf;

use anyhow::{Result, bail};
use strata_analyzer::suggest::Caches;
use strata_builder::slim::{Verdict, Wishes};

use super::{
    analyze::{inputs::settings, say_notes},
    build::{Input, Shown},
};
use crate::{
    cli::Format,
    exit::Status,
    look::{json, progress::Mode},
    places::Places,
    signals::Signals,
};
use worth::Worth;

/// Rewrite a Dockerfile to waste less, and prove that the result is the same
///
/// Builds the Dockerfile, finds the bytes that one step wrote and a later one removed or copied, and those that package
/// managers left behind; edits the source, and the ignore file, so that they are never written; builds the result and
/// compares both root filesystems and configs.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "What strata.toml suppresses is no reason to change anything, nor is what a `# strata ignore=RULE` above an\n\
                        instruction is about: docs/rules.md.\n\n\
                        Verdicts:\n  identical       every path and the config are equal (file times, created and history cannot be)\n  \
                        identical but   nothing differs but caches that the edit says it removes\n  \
                        equal except    what differs is listed, and is only what such commands change by themselves\n  \
                        different       nothing is written; what differs is listed, with the instruction that made it\n\n\
                        Examples:\n  strata slim .\n  strata slim -f Dockerfile.dev --write .\n  strata slim --min-saving 0 --second 0 .\n\n\
                        Exit status: 0 nothing to gain, or proved; 1 the result would be different; 2 error."
)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,

    /// Apply the edit to the Dockerfile, and the ignore file, when the proof says identical, or identical but
    #[arg(long)]
    write: bool,

    /// With --write: also when the proof says `equal except`
    #[arg(long, requires = "write")]
    accept: bool,

    /// Keep caches of package managers in cache mounts, instead of removing them in the RUN that made them; where that is part
    /// of a chain, all of the chain has the mount
    #[arg(long)]
    cache_mounts: bool,

    #[command(flatten)]
    worth: Worth,

    /// What is known, and no reason to change anything: the suppressions of this file [default: ./strata.toml]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// How to print the result
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let status = slim(args, places)?;
    args.input.limit_cache(places)?;
    Ok(status)
}

fn slim(args: &Args, places: &Places) -> Result<Status> {
    let settings = settings(args.config.as_deref())?;
    let signals = Signals::watch()?;
    let request = args.input.request(places, Vec::new(), signals.cancel())?;
    let options = &request.options;
    if args.write && request.file.is_none() {
        bail!("--write needs a file, and {} is none of yours", request.dockerfile);
    }
    let caches = if args.cache_mounts { Caches::Mount } else { Caches::CleanUp };
    let engine = args.input.engine(places)?;
    let mut shown = Shown::new(&request, Mode::Quiet, false, &signals)?;
    let wishes = Wishes {
        caches,
        min_saving: args.worth.min_saving(),
        second: args.worth.second(),
        suppressions: &settings.ignore,
    };
    let locks = write::keep(&options.dockerfile_path, &options.context.path);
    let slimmed = shown.build(|progress| strata_builder::slim::slim(&engine, options, wishes, progress))?;
    drop(locks);
    say_notes(&slimmed.notes);
    let is_proved = |verdict: &Verdict| match verdict {
        Verdict::Identical | Verdict::IdenticalBut(_) => true,
        Verdict::EqualExcept(_) => args.accept,
        Verdict::Different(_) => false,
    };
    let proved = slimmed.after.as_ref().filter(|rewrite| args.write && is_proved(&rewrite.verdict));
    if let Some(rewrite) = proved {
        write::replace(&options.dockerfile_path, &options.dockerfile, rewrite)?;
    }
    match args.format {
        Format::Json => json::print(&report::Report::of(&slimmed, proved.is_some()))?,
        Format::Table => report::show(
            &slimmed,
            wishes.min_saving,
            args.write.then_some((proved.is_some(), &options.dockerfile_path)),
        ),
    }
    let differs = slimmed.after.is_some_and(|rewrite| matches!(rewrite.verdict, Verdict::Different(_)));
    Ok(if differs { Status::No } else { Status::Yes })
}
