//! `audit`: many images at once, what each wastes and what they share.

mod show;
mod sources;
#[cfg(feature = "parquet")]
mod tables;

use std::{
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use indicatif::{ProgressBar, ProgressStyle};
use strata_analyzer::audit::{self, Audit, Gathering, Observer, Options};

use super::{
    analyze::inputs::{Damaged, candidates},
    output,
};
use crate::{
    exit::Status,
    look::{json, say, table::terminal_width, text},
    places::Places,
};

/// Look at many images at once: what each wastes, and what they share
#[derive(clap::Args, Debug)]
#[command(after_help = "A SOURCE is whatever `analyze` takes, and beyond that:\n  \
                        NAME with * or ?  images of the store with such names, of all tags where it has none\n  \
                        DIR               the archives and layouts in it (rootfs:DIR is a root filesystem)\n  \
                        ARCHIVE, LAYOUT   all their images\n  \
                        -                 a list of sources on standard input, one a line: `analyze` reads an image there,\n                    \
                        which here is docker-archive:- or oci-archive:-\n\
                        Without any: all images of the store. docs/audit.md says more.\n\n\
                        Examples:\n  strata audit\n  strata audit 'app:*' 'ghcr.io/team/*'\n  strata audit backup/ oci:layout\n  \
                        docker save -o all.tar a b c; strata audit all.tar\n  \
                        docker save a b c | strata audit docker-archive:-\n  \
                        find /backup -name '*.tar' | strata audit --format json -o audit.json -\n\n\
                        Exit status: 0 done; 2 an image could not be read (the others are reported), or error.")]
pub(crate) struct Args {
    /// Images: names and patterns of names in the store, archives, layouts, directories of them; - reads a list of these from standard input
    #[arg(value_name = "SOURCE")]
    sources: Vec<String>,

    /// All images of the store, beside the sources that are named
    #[arg(long)]
    store: bool,

    /// How many instructions, packages, layers and duplicates to list
    #[arg(long, value_name = "N", default_value_t = 10)]
    top: usize,

    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Write the report to a file, or the tables of Parquet to a folder
    #[arg(short, long, value_name = "FILE|DIR")]
    output: Option<PathBuf>,
}

/// How an audit is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// For programs: stable, described in docs/FORMATS.md
    Json,
    /// For an issue or a wiki
    #[value(alias = "md")]
    Markdown,
    /// For a query engine: images, layers, files and findings as tables in the folder of -o, described in docs/audit.md
    Parquet,
}

impl Args {
    /// The folder for the tables of Parquet, when these are wanted.
    fn tables(&self) -> Result<Option<&Path>> {
        if self.format != Format::Parquet {
            return Ok(None);
        }
        let Some(folder) = self.output.as_deref() else {
            bail!("--format parquet writes four files\nhint: give a folder for them with -o DIR");
        };
        if cfg!(feature = "parquet") {
            return Ok(Some(folder));
        }
        bail!(
            "this strata was built without Parquet\n\
             hint: `cargo build --release --features parquet` builds one with it; --format json needs none"
        );
    }
}

#[cfg(feature = "parquet")]
use tables::write as tables;

/// Nobody comes here: [`Args::tables`] refuses.
#[cfg(not(feature = "parquet"))]
fn tables(gathering: Gathering, options: &Options<'_>, progress: &mut Progress, _: &Path) -> Result<Audit> {
    Ok(gathering.audit(options, progress)?)
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    if args.output.as_deref().is_some_and(|path| path == std::path::Path::new("-")) {
        bail!("- is no file\nhint: without -o the report goes to standard output");
    }
    let folder = args.tables()?;
    let (bases, damaged) = candidates(places)?;
    // an audit of the store has a row for each of its images
    if !(args.store || args.sources.is_empty()) {
        damaged.into_iter().for_each(Damaged::warn);
    }
    let cache = places.analysis();
    let mut progress = Progress::new();
    let mut gathering = Gathering::new(cache.as_deref());
    let all = sources::list(&args.sources, args.store, places)?;
    sources::gather(&all, places, &mut gathering, &mut progress);
    let options = Options { bases: &bases, top: args.top };
    let audit = match folder {
        Some(folder) => tables(gathering, &options, &mut progress, folder)?,
        None => gathering.audit(&options, &mut progress)?,
    };
    progress.end();
    print(args, &audit)?;
    Ok(if audit.errors.is_empty() { Status::Yes } else { Status::Trouble })
}

fn print(args: &Args, audit: &Audit) -> Result<()> {
    let text = match args.format {
        Format::Table => show::text(audit, args.top, terminal_width().filter(|_| args.output.is_none()))
            .context("cannot write the table")?,
        Format::Json => json::text(audit)?,
        Format::Markdown => audit::markdown(audit, args.top),
        // they are in their folder
        Format::Parquet => String::new(),
    };
    let Some(path) = &args.output else {
        match args.format {
            Format::Table => anstream::print!("{text}"),
            _ => std::io::stdout().lock().write_all(text.as_bytes())?,
        }
        return Ok(());
    };
    if args.format != Format::Parquet {
        let plain = anstream::adapter::strip_str(&text).to_string();
        let text = if args.format == Format::Table { &plain } else { &text };
        output(Some(path), |out| Ok(out.write_all(text.as_bytes())?))?;
    }
    say_errors(audit);
    Ok(())
}

/// Says what could not be read, where the report is not on the screen.
fn say_errors(audit: &Audit) {
    for error in &audit.errors {
        say(&format!("strata: {}: {}", text::safe(&error.source), text::safe(&error.message)));
    }
}

/// How far an audit is, on a terminal.
struct Progress {
    bar: Option<ProgressBar>,
}

impl Progress {
    fn new() -> Self {
        let can_move = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        let bar = can_move.then(|| {
            let style = ProgressStyle::with_template("{spinner} {wide_msg}");
            ProgressBar::new_spinner().with_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()))
        });
        Self { bar }
    }

    /// Shows which source is read.
    fn reads(&self, source: &str, number: usize, of: usize) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("reading source {number} of {of}: {}", text::safe(source)));
            bar.tick();
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn progress(&mut self, done: usize, of: usize) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("looking at image {done} of {of}"));
            bar.tick();
        }
    }
}
