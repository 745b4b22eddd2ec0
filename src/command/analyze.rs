//! `analyze`: which bytes of an image are wasted, who made them and who killed them.

use std::path::{Path, PathBuf};

use anyhow::Result;
use strata_analyzer::{
    analysis::{self, Analysis, LayerLine, Options, Waste},
    size_text,
};
use strata_builder::{contexts, remote::Fetcher};

use crate::{
    cli::Format,
    exit::Status,
    look::{
        json,
        palette::{FAINT, STRONG},
        table::Columns,
        text,
    },
    places::Places,
};

/// Say which bytes of an image are wasted, who made them and who killed them
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  strata analyze app:1\n  strata analyze -f Dockerfile app:1\n  docker save app:1 | gzip >a.tgz; strata analyze --format json a.tgz"
)]
pub(crate) struct Args {
    /// The image: a name in the store, an archive, a layout, a root filesystem
    image: String,

    /// The Dockerfile it was built from, to name lines and propose edits [default: ./Dockerfile when the image's history matches it]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,

    /// How to print the report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Rows of each list that a person sees; `--format json` has all of them.
const ROWS: usize = 10;

pub(crate) fn run(args: &Args, places: &Places) -> Result<Status> {
    let image = places.image(&args.image)?;
    let cache = places.analysis();
    let dockerfile = dockerfile(args.file.as_deref(), places)?;
    let options = Options {
        cache: Some(&cache),
        dockerfile: dockerfile.as_ref().map(|(name, bytes)| (name.as_str(), bytes.as_slice())),
        name: Some(&args.image),
        ..Options::default()
    };
    let analysis = analysis::analyze(image.as_ref(), &options)?;
    match args.format {
        Format::Json => json::print(&analysis)?,
        Format::Table => show(&analysis),
    }
    Ok(Status::Yes)
}

/// The Dockerfile that is named, or else the one here, if there is one.
pub(super) fn dockerfile(file: Option<&Path>, places: &Places) -> Result<Option<(String, Vec<u8>)>> {
    let fetcher = Fetcher::new(&places.build_cache());
    let here = contexts::open(".".as_ref(), &mut std::io::empty(), &fetcher, false, &mut |_| {})?;
    let read = match (here.dockerfile(file, &mut std::io::stdin()), file) {
        (Err(_), None) => return Ok(None),
        (read, _) => read?,
    };
    Ok(Some((read.name, read.bytes)))
}

fn show(analysis: &Analysis) {
    let name = analysis.image.name.as_deref().or(analysis.image.id.as_deref()).unwrap_or("image");
    anstream::println!(
        "{STRONG}{}{STRONG:#}  {} in {}, {} bytes wasted ({}), efficiency {:.2}%",
        text::safe(name),
        size_text(analysis.total_bytes),
        text::count(analysis.layers.len(), "layer"),
        analysis.wasted_bytes,
        size_text(analysis.wasted_bytes),
        floor_percent(analysis.efficiency),
    );
    anstream::println!();
    layers(analysis);
    if !analysis.waste.is_empty() {
        anstream::println!();
        waste(analysis);
    }
    for suggestion in &analysis.suggestions {
        anstream::println!();
        anstream::println!("{STRONG}{}{STRONG:#}", text::safe(&suggestion.title));
        if let Some(edit) = &suggestion.edit {
            anstream::print!("{FAINT}{edit}{FAINT:#}");
        }
    }
}

/// Percent with two decimals, never rounded up: 100.00 means that nothing is wasted.
fn floor_percent(efficiency: f64) -> f64 {
    (efficiency * 10_000.0).floor() / 100.0
}

fn layers(analysis: &Analysis) {
    let mut columns =
        Columns::new(&["LAYER", "LINE", "SIZE", "WASTED", "KILLED", "CREATED BY"]).right(2).right(3).right(4);
    for layer in &analysis.layers {
        columns.row([
            layer.index.to_string(),
            layer.line.map_or_else(String::new, |line| line.to_string()),
            size_text(layer.size_bytes),
            size_text(layer.wasted_bytes),
            size_text(layer.killed_bytes),
            text::ellipsis(layer.created_by.as_deref().unwrap_or_default(), 60),
        ]);
    }
    columns.print();
}

fn waste(analysis: &Analysis) {
    let mut columns = Columns::new(&["WASTED", "KIND", "CREATED", "KILLED", "PATH"]).right(0);
    for dead in analysis.waste.iter().take(ROWS) {
        columns.row(row(analysis, dead));
    }
    columns.print();
    let more = analysis.waste.len().saturating_sub(ROWS);
    if more > 0 {
        anstream::println!("{FAINT}and {more} more: --format json lists all{FAINT:#}");
    }
}

fn row(analysis: &Analysis, dead: &Waste) -> [String; 5] {
    let place = |index: usize| analysis.layers.get(index).map_or_else(|| format!("layer {index}"), place);
    [size_text(dead.bytes), dead.kind.to_string(), place(dead.creator), place(dead.killer), dead.path.clone()]
}

fn place(layer: &LayerLine) -> String {
    match layer.line {
        Some(line) => format!("line {line}"),
        None => format!("layer {}", layer.index),
    }
}
