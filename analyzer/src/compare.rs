//! Comparison of any two images: what a container sees decides, or as much more as is asked for.
//!
//! ```text
//! image ─► indexes ─► ledger ─► view ─┐
//!    │                                ├─ path by path ─► added, removed, changed, renamed, copied ┐
//! image ─► indexes ─► ledger ─► view ─┘                                                           │
//!    ├─► packages, config ─► one by one                                                           ├─► equal, or not
//!    ├─► history ─► step by step, and the first that differs                                      │
//!    └─► layers ──► aligned ─► entry by entry ─► tars side by side                                ┘
//! ```
//!
//! How deep two images are compared is a [`Depth`]; what differs is a [`What`], each with the depth from which on it counts.
//! Layers with equal digests are never compared: where all of them are equal none is opened, and where some are those are
//! opened at most for their index, once in their life.

mod align;
mod config;
mod details;
mod entries;
mod exact;
mod facts;
mod header;
mod history;
mod html;
mod layers;
mod lines;
mod markdown;
mod moves;
mod notes;
mod outline;
mod packages;
mod rootfs;
mod show;
mod side;
mod stored;
mod trees;
mod what;

use std::path::Path;

use serde::Serialize;
use strata_dockerfile::Dockerfile;
use strata_image::{Image, manifest::Platform};

use crate::{Result, index::LayerIndex};
pub use align::By;
pub use config::FieldDiff;
pub use details::Detail;
pub use entries::{ChangedEntry, LayerDiff};
pub use history::{FirstStep, HistoryDiff};
pub use html::{html, html_of_file};
pub use layers::{LayerFacts, LayerPair, LayersDiff};
pub use markdown::{markdown, markdown_of_file};
pub use outline::{Mark, Outline, Row, Section, outline, outline_of_file};
pub use packages::PackageDiff;
pub use rootfs::{Changed, Class, Moved, RootfsDiff, Single, Total};
pub use show::{FileDiff, FileFacts, MAX_SHOWN, show};
use side::Side;
use what::Set;
pub use what::{Depth, UnknownWhat, What};

/// The version of the report's form.
const SCHEMA: u32 = 2;

/// What counts.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// How closely the images are looked at.
    pub depth: Depth,
    /// Whether times of last change count, at any depth, whether they matter or not.
    pub mtime: bool,
    /// Whether nothing counts that cannot matter to who runs the image.
    pub semantic: bool,
    /// What does not count.
    pub ignore: Vec<What>,
    /// The directory where layer indexes are kept; without one every layer is read.
    pub cache: Option<&'a Path>,
    /// How the images were asked for.
    pub names: [Option<&'a str>; 2],
    /// The Dockerfile of the second image, to name lines.
    pub dockerfile: Option<&'a [u8]>,
}

impl Options<'_> {
    /// Whether a kind of difference counts.
    pub fn counts(&self, what: What) -> bool {
        let by_name = what == What::Mtime && self.mtime;
        let by_depth = what.depth() <= self.depth && (what.matters() || !self.semantic);
        (by_name || by_depth) && !self.ignore.contains(&what)
    }

    fn counting(&self) -> Set {
        What::ALL.iter().copied().filter(|what| self.counts(*what)).collect()
    }
}

/// The report: schema 2 of `compare --format json` (docs/FORMATS.md).
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Comparison {
    /// Always 2.
    pub schema: u32,
    /// Whether nothing differs that counts.
    pub equal: bool,
    /// How closely was looked.
    pub depth: Depth,
    /// Kinds of difference that would count at this depth and do not.
    pub ignored: Vec<What>,
    /// The first image.
    pub a: ImageFacts,
    /// The second image.
    pub b: ImageFacts,
    /// What the two show that differs.
    pub rootfs: RootfsDiff,
    /// The fields of the configs that differ.
    pub config: Vec<FieldDiff>,
    /// Packages that came, went or have another version.
    pub packages: Vec<PackageDiff>,
    /// The instructions that each history tells. Counts from [`Depth::Layers`] on.
    pub history: HistoryDiff,
    /// The layers, aligned. Count from [`Depth::Layers`] on.
    pub layers: LayersDiff,
    /// What differs in how the images are stored. Looked at from [`Depth::Exact`] on.
    pub stored: Vec<FieldDiff>,
    /// What a person wants to be told in words.
    pub notes: Vec<String>,
}

/// What an image is and weighs.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ImageFacts {
    /// As it was asked for.
    pub name: Option<String>,
    /// The digest of its config; a root filesystem has none.
    pub id: Option<String>,
    /// `linux/amd64`, where the config says so.
    pub platform: Option<String>,
    /// Number of layers.
    pub layers: usize,
    /// Bytes of all layers as stored, perhaps compressed.
    pub stored_bytes: u64,
    /// Content bytes of all layers; `None` where the layers are the other image's, which none was opened for.
    pub total_bytes: Option<u64>,
    /// Those of them that the image shows.
    pub live_bytes: Option<u64>,
    /// Paths that it shows.
    pub paths: Option<usize>,
}

/// Compares two images.
///
/// Where both have the same layers their root filesystems are equal, and no layer is opened.
///
/// # Errors
/// Fails when a layer cannot be read.
pub fn compare(a: &dyn Image, b: &dyn Image, options: &Options<'_>) -> Result<Comparison> {
    let counts = options.counting();
    let same = a.layers().len() == b.layers().len() && layers::shared(a, b) == a.layers().len();
    let indexes = if same {
        None
    } else {
        // one call, so that a layer that both have is read once and all are read in parallel
        Some(LayerIndex::all(a.layers().iter().chain(b.layers()), options.cache)?)
    };
    let split = indexes.as_ref().map(|indexes| indexes.split_at(a.layers().len()));
    let sides = match split {
        Some((a, b)) => {
            let (a, b) = rayon::join(|| Side::new(a), || Side::new(b));
            Some((a?, b?))
        }
        None => None,
    };
    let (rootfs, uncounted) = match &sides {
        Some((of_a, of_b)) => rootfs::compare(of_a, of_b, counts, layers::shared(a, b)),
        None => Default::default(),
    };
    let mut comparison = Comparison {
        schema: SCHEMA,
        depth: options.depth,
        ignored: ignored(options),
        a: facts(a, options.names[0], sides.as_ref().map(|(a, _)| a)),
        b: facts(b, options.names[1], sides.as_ref().map(|(_, b)| b)),
        rootfs,
        config: match (a.config(), b.config()) {
            (Some(a), Some(b)) => config::compare(a, b, counts, options.depth),
            _ => Vec::new(),
        },
        packages: match &sides {
            Some((a, b)) if counts.has(What::Packages) => packages::compare(a, b),
            _ => Vec::new(),
        },
        history: history::compare(a, b, counts, options.depth),
        layers: layers::compare((a, b), split, counts, options.depth, &uncounted)?,
        ..Comparison::default()
    };
    if options.depth == Depth::Exact {
        comparison.stored = stored::compare(a, b, options.names, counts);
        comparison.config.extend(config::form(a, b, counts));
    }
    comparison.history.first = comparison.history.first.map(|first| located(first, b, options.dockerfile));
    comparison.equal = comparison.rootfs.is_empty()
        && comparison.config.is_empty()
        && comparison.packages.is_empty()
        && comparison.stored.is_empty()
        && comparison.history.what.is_empty()
        && !comparison.layers.counts(counts);
    let sides = sides.as_ref().map(|(a, b)| [a, b]);
    comparison.notes = notes::notes([a, b], sides, &comparison);
    Ok(comparison)
}

fn ignored(options: &Options<'_>) -> Vec<What> {
    let everything = Options { semantic: false, ignore: Vec::new(), ..options.clone() };
    What::ALL.iter().copied().filter(|what| everything.counts(*what) && !options.counts(*what)).collect()
}

fn facts(image: &dyn Image, name: Option<&str>, side: Option<&Side>) -> ImageFacts {
    ImageFacts {
        name: name.map(str::to_owned),
        id: image.id().map(|id| id.to_string()),
        platform: image.config().and_then(Platform::of).map(|platform| platform.to_string()),
        layers: image.layers().len(),
        stored_bytes: image.layers().iter().map(|layer| layer.stored().1).sum(),
        total_bytes: side.map(|side| side.ledger.total()),
        live_bytes: side.map(|side| side.ledger.live()),
        paths: side.map(|side| side.paths),
    }
}

/// Adds the line of the Dockerfile, where the second image has the step and the file is that image's.
fn located(first: FirstStep, image: &dyn Image, dockerfile: Option<&[u8]>) -> FirstStep {
    let place = || {
        let file: Dockerfile = strata_dockerfile::parse(dockerfile?).file;
        lines::place(first.step - 1, image.config()?, &file)
    };
    match place() {
        Some(lines::Place { line, in_base }) => FirstStep { line: Some(line), in_base, ..first },
        None => first,
    }
}
