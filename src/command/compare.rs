//! `compare`: whether two images are the same, and what differs.

use anyhow::Result;
use strata_analyzer::compare::{self, Comparison, Options, What};

use crate::{
    cli::Format,
    exit::Status,
    look::{
        json,
        palette::{ERROR, FAINT, GOOD, WARNING},
        text,
    },
    places::Places,
};

/// Compare two images: their merged root filesystems and configs
#[derive(clap::Args, Debug)]
#[command(after_help = "History, times, names and how the bytes lie in layers are told and do not count.\n\n\
                        Examples:\n  strata compare app:1 app:2\n  strata compare docker-archive:a.tar rootfs:exported.tar\n  \
                        strata compare --ignore mode --format json app:1 oci:layout:app\n\n\
                        Exit status: 0 equal; 1 different; 2 error.")]
pub(crate) struct Args {
    /// An image: a name in the store, an archive, a layout, a root filesystem
    a: String,

    /// The other image
    b: String,

    /// Let file times count
    #[arg(long)]
    mtime: bool,

    /// Kind of difference that does not count: type, content, mode, uid, gid, mtime, xattrs, link, device, hardlinks
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    ignore: Vec<What>,

    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let (a, b) = (places.image(&args.a)?, places.image(&args.b)?);
    let cache = places.analysis();
    let options = Options { mtime: args.mtime, ignore: args.ignore.clone(), cache: Some(&cache) };
    let comparison = compare::compare(a.as_ref(), b.as_ref(), &options)?;
    match args.format {
        Format::Json => json::print(&comparison)?,
        Format::Table => show(&comparison),
    }
    Ok(if comparison.equal { Status::Yes } else { Status::No })
}

fn show(comparison: &Comparison) {
    for path in &comparison.rootfs.removed {
        anstream::println!("{ERROR}-{ERROR:#} {}", text::safe(path));
    }
    for path in &comparison.rootfs.added {
        anstream::println!("{GOOD}+{GOOD:#} {}", text::safe(path));
    }
    for changed in &comparison.rootfs.changed {
        let what: Vec<&str> = changed.what.iter().map(|what| what.word()).collect();
        anstream::println!("{WARNING}~{WARNING:#} {}  {FAINT}{}{FAINT:#}", text::safe(&changed.path), what.join(", "));
    }
    for field in &comparison.config {
        let (a, b) = (text::safe(&field.a.to_string()), text::safe(&field.b.to_string()));
        anstream::println!("{WARNING}~{WARNING:#} config {}: {a} → {b}", field.field);
    }
    for note in &comparison.notes {
        anstream::println!("{FAINT}note: {}{FAINT:#}", text::safe(note));
    }
    for (what, lists) in [("layers", &comparison.layers), ("history", &comparison.history)] {
        if !lists.equal {
            anstream::println!(
                "{FAINT}note: {what} differ ({} and {}), which does not count{FAINT:#}",
                lists.a.len(),
                lists.b.len()
            );
        }
    }
    anstream::println!("{}", if comparison.equal { "equal" } else { "different" });
}
