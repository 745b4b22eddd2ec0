//! `compare`: whether two images are the same, and what differs.

mod file;
mod habits;
mod table;

use std::{ffi::OsString, io::Write as _, os::unix::ffi::OsStrExt as _, path::PathBuf};

use anyhow::Result;
use strata_analyzer::compare::{self, Depth, Options, UnknownWhat, What};

use super::{analyze::inputs, output};
use crate::{
    exit::Status,
    look::{json, say, text::safe},
    places::Places,
};

/// Compare two images: what containers see of them, how they lie in layers, or every byte
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Root filesystems are compared as containers see them, however they lie in layers, and configs in what starts a \
                  container. Times, history and the form of the layers count only where they are asked for. Any two sources \
                  can be compared: an image of the store with a saved archive, an export with a directory.\n\n\
                  Kinds of difference, for --ignore (docs/compare.md says what each is about):\n  \
                  paths    added removed renamed copied type content mode uid gid mtime xattrs\n           \
                  link device hardlinks\n  \
                  config   user ports env entrypoint cmd volumes workdir labels stop-signal\n           \
                  shell healthcheck onbuild platform packages\n  \
                  layers   layers history\n  \
                  exact    order format pax uname gname atime ctime duplicates path-form\n           \
                  mode-bits header padding compression names annotations manifest\n           \
                  manifest-form created config-other config-unused config-form\n  \
                  several  times owner config timestamps file-timestamps image-timestamps\n           \
                  file-order file-mode-redundant-bits image-name tar-format\n\n\
                  Examples:\n  strata compare app:1 app:2\n  strata compare --layers app:1 app:2\n  \
                  strata compare docker-archive:a.tar rootfs:exported.tar\n  \
                  strata compare --show /etc/passwd app:1 app:2\n  \
                  strata compare --exact --semantic built.tar rebuilt.tar\n  \
                  strata compare --ignore mode,times --format html -o r.html app:1 oci:layout:app\n\n\
                  Exit status: 0 equal; 1 different; 2 error."
)]
pub(crate) struct Args {
    /// An image: a name in the store, an archive, a layout, a root filesystem
    a: String,

    /// The other image
    b: String,

    /// Compare layer by layer too, each with the one it belongs to; layers and history count
    #[arg(long)]
    layers: bool,

    /// Compare everything: the layers' tars to the last byte, all times, all of the config, how the image is stored
    #[arg(long, conflicts_with = "layers")]
    exact: bool,

    /// Show what differs in one file, as a unified diff where it is text, or below one directory
    #[arg(long, value_name = "PATH", alias = "filename", conflicts_with_all = ["layers", "exact", "file"])]
    show: Option<OsString>,

    /// Kinds of difference that do not count, separated by commas
    #[arg(long, value_name = "WHAT", value_delimiter = ',', value_parser = group)]
    ignore: Vec<Group>,

    /// Let nothing count that cannot matter to who runs the image: layers, history, times, order and format of tars, names
    #[arg(long)]
    semantic: bool,

    /// Let file times count
    #[arg(long)]
    mtime: bool,

    #[command(flatten)]
    habits: habits::Flags,

    /// The Dockerfile of B, to name the line that first differs [default: ./Dockerfile when B's history matches it]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Write the report to a file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,

    /// List everything, however much it is
    #[arg(long)]
    all: bool,

    /// Print nothing: the exit status says it
    #[arg(short, long, conflicts_with_all = ["format", "output", "all"])]
    quiet: bool,
}

/// How a comparison is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, clap::ValueEnum)]
enum Format {
    /// For people
    #[default]
    Table,
    /// For programs: stable, described in docs/FORMATS.md
    Json,
    /// For the comment of a pull request
    #[value(alias = "md")]
    Markdown,
    /// One file to read in a browser, offline
    Html,
}

/// Rows of each list that a person sees without `--all`.
const ROWS: usize = 20;

/// A word of `--ignore` may mean several kinds.
#[derive(Clone, Debug)]
struct Group(Vec<What>);

fn group(word: &str) -> Result<Group, UnknownWhat> {
    What::group(word).map(Group)
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let (a, b) = (places.image(&args.a)?, places.image(&args.b)?);
    let cache = places.analysis();
    let ignore = args.ignore.iter().flat_map(|group| group.0.iter().copied()).chain(args.habits.ignored());
    let options = Options {
        depth: match (args.layers, args.exact) {
            (_, true) => Depth::Exact,
            (true, _) => Depth::Layers,
            _ => Depth::Merged,
        },
        mtime: args.mtime,
        semantic: args.semantic,
        ignore: ignore.collect(),
        cache: cache.as_deref(),
        names: [Some(&args.a), Some(&args.b)],
        dockerfile: None,
    };
    if let Some(path) = &args.show {
        return file::run(args, &compare::show(a.as_ref(), b.as_ref(), path.as_bytes(), &options)?);
    }
    let dockerfile = inputs::dockerfile(args.file.as_deref(), places)?;
    let options = Options { dockerfile: dockerfile.as_ref().map(|(_, bytes)| bytes.as_slice()), ..options };
    let comparison = compare::compare(a.as_ref(), b.as_ref(), &options)?;
    if args.file.is_some()
        && let Some((name, _)) = &dockerfile
        && comparison.history.first.as_ref().is_some_and(|first| first.b.is_some() && first.line.is_none())
    {
        let name = safe(name);
        say(&format!("strata: warning: {name} names no line: its instructions are not those of B's history"));
    }
    let limit = (!args.all).then_some(ROWS);
    if !args.quiet {
        match args.format {
            Format::Table => args.print_styled(|out| table::write(out, &comparison, limit))?,
            Format::Json => args.print_text(&json::text(&comparison)?)?,
            Format::Markdown => args.print_text(&compare::markdown(&comparison, limit))?,
            Format::Html => args.print_text(&compare::html(&comparison, limit))?,
        }
    }
    Ok(if comparison.equal { Status::Yes } else { Status::No })
}

impl Args {
    fn print_text(&self, text: &str) -> Result<()> {
        match &self.output {
            Some(path) => output(Some(path), |out| Ok(out.write_all(text.as_bytes())?)),
            None => Ok(std::io::stdout().lock().write_all(text.as_bytes())?),
        }
    }

    /// Prints what is coloured where it is shown, and plain where it is kept.
    fn print_styled(&self, write: impl FnOnce(&mut Vec<u8>) -> Result<()>) -> Result<()> {
        let mut text = Vec::new();
        write(&mut text)?;
        match &self.output {
            Some(_) => self.print_text(&anstream::adapter::strip_str(&String::from_utf8_lossy(&text)).to_string()),
            None => Ok(anstream::AutoStream::auto(std::io::stdout()).lock().write_all(&text)?),
        }
    }
}
