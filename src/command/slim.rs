//! `slim`: rewrites the Dockerfile so that it wastes less, and proves that it still builds the same.

use std::{collections::HashSet, io::Write, path::Path};

use anyhow::{Context, Result, bail};
use strata_analyzer::size_text;
use strata_builder::slim::{Rewrite, Slimmed, Verdict};
use strata_image::{ImageId, Store, store::StoredImage};

use super::build::{Input, watched};
use crate::{
    exit::Status,
    look::{
        palette::{ERROR, FAINT, GOOD, STRONG, WARNING},
        text,
    },
    places::Places,
};

/// Rewrite a Dockerfile to waste less, and prove that the result is the same
///
/// Builds the Dockerfile, finds the bytes that one step wrote and a later one removed, chains those steps by editing the
/// source, builds the rewritten file and compares both root filesystems and configs.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Verdicts:\n  identical       every path and the config are equal (file times, created and history cannot be)\n  \
                        equal except    what differs is listed, and is only what such commands change by themselves\n  \
                        different       the edit is not applied\n\n\
                        Examples:\n  strata slim .\n  strata slim -f Dockerfile.dev --write .\n\n\
                        Exit status: 0 nothing to gain, or proved; 1 the result would be different; 2 error."
)]
pub(crate) struct Args {
    #[command(flatten)]
    input: Input,

    /// Apply the edit to the Dockerfile when the proof says identical
    #[arg(long)]
    write: bool,

    /// With --write: also when the proof says `equal except`
    #[arg(long, requires = "write")]
    accept: bool,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let options = args.input.options(Vec::new())?;
    if args.write && options.dockerfile_path == Path::new("-") {
        bail!("--write needs a file, and the Dockerfile came from standard input");
    }
    let engine = places.engine()?;
    let kept = engine.store.images()?.iter().map(StoredImage::image_id).collect();
    let slimmed = watched(&options, true, |progress| strata_builder::slim::slim(&engine, &options, progress))?;
    remove_new(&engine.store, &slimmed, &kept)?;
    for suggestion in &slimmed.refused {
        let reason = suggestion.refused.as_deref().unwrap_or("unsafe");
        anstream::println!("{FAINT}not proposed:{FAINT:#} {}: {}", text::safe(&suggestion.title), text::safe(reason));
    }
    let Some(rewrite) = &slimmed.after else {
        anstream::println!(
            "nothing to chain: {} bytes wasted ({})",
            slimmed.wasted_before,
            size_text(slimmed.wasted_before)
        );
        return Ok(Status::Yes);
    };
    report(&slimmed, rewrite);
    let proved = match &rewrite.verdict {
        Verdict::Identical => true,
        Verdict::EqualExcept(_) => args.accept,
        Verdict::Different(_) => false,
    };
    if args.write && proved {
        write(&options.dockerfile_path, &rewrite.source)?;
        anstream::println!("{} is rewritten", options.dockerfile_path.display());
    } else if args.write {
        anstream::println!("{} is left as it was", options.dockerfile_path.display());
    }
    Ok(if matches!(rewrite.verdict, Verdict::Different(_)) { Status::No } else { Status::Yes })
}

/// The two images were built to be compared, and what is worth keeping of them is in the build cache. One that was there
/// before stays.
fn remove_new(store: &Store, slimmed: &Slimmed, kept: &HashSet<ImageId>) -> Result<()> {
    let after = slimmed.after.as_ref().map(|rewrite| rewrite.image);
    for id in [Some(slimmed.before), after].into_iter().flatten().filter(|id| !kept.contains(id)) {
        store.remove(&id, false)?;
    }
    Ok(())
}

fn report(slimmed: &Slimmed, rewrite: &Rewrite) {
    for suggestion in &rewrite.suggestions {
        anstream::println!("{STRONG}{}{STRONG:#}", text::safe(&suggestion.title));
    }
    for line in rewrite.patch.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => GOOD,
            Some(b'-') => ERROR,
            _ => FAINT,
        };
        anstream::println!("{style}{line}{style:#}");
    }
    let saved = slimmed.bytes_before.saturating_sub(rewrite.bytes_after);
    for (what, bytes) in [
        ("before", slimmed.bytes_before),
        ("after", rewrite.bytes_after),
        ("saved", saved),
        ("predicted", rewrite.predicted_saving),
    ] {
        anstream::println!("{what:<10} {bytes:>12} bytes  {:>7}", size_text(bytes));
    }
    match &rewrite.verdict {
        Verdict::Identical => anstream::println!(
            "proof      {GOOD}identical{GOOD:#}: every path of both root filesystems, and the configs"
        ),
        Verdict::EqualExcept(paths) => {
            anstream::println!("proof      {WARNING}equal except:{WARNING:#} {}", text::safe(&paths.join(", ")));
        }
        Verdict::Different(paths) => {
            anstream::println!("proof      {ERROR}different:{ERROR:#} {}", text::safe(&paths.join(", ")));
        }
    }
}

/// Replaces the file whole, keeping its mode; a symbolic link is followed, as an editor does.
fn write(path: &Path, source: &[u8]) -> Result<()> {
    let path = std::fs::canonicalize(path).with_context(|| format!("cannot find {}", path.display()))?;
    let folder = path.parent().context("a file has a folder")?;
    let replace = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(source)?;
        file.as_file().set_permissions(std::fs::metadata(&path)?.permissions())?;
        file.as_file().sync_all()?;
        file.persist(&path)?;
        Ok(())
    };
    replace().with_context(|| format!("cannot rewrite {}", path.display()))
}
