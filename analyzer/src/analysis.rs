//! The report on one image: schema 1 of `analyze --format json` (docs/FORMATS.md), as plain data.
//!
//! The fields stand in the order in which they are written. Equal images give equal reports, byte for byte.

mod base;
mod duplicates;
mod layers;

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;
use strata_dockerfile::{Dockerfile, Instruction, Parsed};
use strata_image::{Image, ImageConfig};

pub use base::{BaseLine, Candidate, FoundBy, Own};
pub(crate) use base::{Found as FoundBase, accounts as base_accounts};
pub(crate) use duplicates::copies;

use crate::{
    Ledger, Packages, Result,
    attribution::{self, Attribution},
    findings::{self, Accepted, Finding, Level, Note, Subject, Suppressed, Suppression},
    index::LayerIndex,
    ledger::{Kind, Repeated},
    packages::{self, MAX_PACKAGES, Manager, Package},
    path_text,
    suggest::{self, Caches, Context, MinSaving, Point, Proposals, Recipe, Scene, Suggestion, Times},
};

/// The version of the report's form.
const SCHEMA: u32 = 1;

/// What helps the analysis beyond the image itself.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// The directory where layer indexes are kept; without one every layer is read.
    pub cache: Option<&'a Path>,
    /// The Dockerfile's name and bytes, to join layers to lines and to propose edits.
    pub dockerfile: Option<(&'a str, &'a [u8])>,
    /// For each layer the index of the instruction that made it, when the builder remembers: `None` for layers of the
    /// base image. Without this the image's history is matched against the Dockerfile.
    pub steps: Option<&'a [Option<usize>]>,
    /// Number of bottom layers that belong to the base image, when known.
    pub base_layers: Option<usize>,
    /// The base image, where who asks names it. Its layers must be those at the bottom: [`Candidate::is_below`].
    pub base: Option<&'a Candidate>,
    /// Images that may be the base.
    pub bases: &'a [Candidate],
    /// Findings that shall not be told.
    pub suppressions: &'a [Suppression],
    /// What the image was called by who asked; else its first name.
    pub name: Option<&'a str>,
    /// What the Dockerfile's COPYs took from; without it nothing is said about the ignore file.
    pub context: Option<Context<'a>>,
    /// What is proposed for the caches of package managers.
    pub caches: Caches,
    /// The times of the image's steps, where builds recorded them.
    pub times: Option<&'a dyn Times>,
    /// What a second of a later build is worth, in bytes, where the times are known: see [`suggest::SECOND`].
    pub second: u64,
    /// What a suggestion must save; by default anything.
    pub min_saving: MinSaving,
    /// Blobs of the archive that the image stands in which none of its images needs, with their bytes.
    pub unreachable: &'a [(String, u64)],
}

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Analysis {
    /// Always 1.
    pub schema: u32,
    /// Which image.
    pub image: ImageLine,
    /// Content bytes of all regular files of all layers.
    pub total_bytes: u64,
    /// Those of files that the image shows.
    pub live_bytes: u64,
    /// Those of files that it carries and does not show.
    pub wasted_bytes: u64,
    /// Live over total; 1.0 for an empty image.
    pub efficiency: f64,
    /// Bottom first.
    pub layers: Vec<LayerLine>,
    /// Dead files with content: the largest first, then by path, creator and killer.
    pub waste: Vec<Waste>,
    /// Wasted bytes by how the files went; only the kinds that there are.
    pub by_kind: BTreeMap<Kind, u64>,
    /// Live files of the same content: the most wasteful group first.
    pub duplicates: Vec<Duplicate>,
    /// The waste of all duplicates, also of those that are not listed.
    pub duplicates_total_bytes: u64,
    /// What would save bytes, and how.
    pub suggestions: Vec<Suggestion>,
    /// What those of them save together that are not alternatives to others.
    pub saves_bytes: u64,
    /// What chaining saves at best for each number of steps that it merges into others, whatever that costs.
    pub frontier: Vec<Point>,
    /// What costs bytes, by rule: the gravest first, of these those above the base, of these the most bytes.
    pub findings: Vec<Finding>,
    /// Findings that shall not be told, and why. With them the bytes of exact rules sum to `wasted_bytes`.
    pub suppressed: Vec<Suppressed>,
    /// The base image, where it is known or can be guessed.
    pub base: Option<BaseLine>,
    /// What the layers above it come to.
    pub own: Own,
    /// What is installed, in order of manager, name and version.
    pub packages: Vec<PackageLine>,
    /// What would save bytes, were there not a reason against it.
    pub refused: Vec<Suggestion>,
    /// Suppressions that do not do what they were written for.
    pub notes: Vec<Note>,
    /// Whether the Dockerfile, where there is one, made the image, as far as its history tells.
    #[serde(skip)]
    pub is_matched: bool,
}

/// Which image a report is about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageLine {
    /// Its name, as asked for or as found.
    pub name: Option<String>,
    /// The digest of its config; a root filesystem has none.
    pub id: Option<String>,
    /// Such as `linux/arm64/v8`.
    pub platform: Option<String>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerLine {
    /// 0 is the bottom.
    pub index: usize,
    /// Digest of the uncompressed tar.
    pub diff_id: String,
    /// Content bytes of its regular files.
    pub size_bytes: u64,
    /// Entries of the tar.
    pub entries: u64,
    /// From the image's history.
    pub created_by: Option<String>,
    /// First line of the instruction in the Dockerfile.
    pub line: Option<u32>,
    /// Made here, and dead.
    pub wasted_bytes: u64,
    /// Died here, wherever made.
    pub killed_bytes: u64,
    /// Whether it belongs to the base image; `None` where that is unknown.
    pub base: Option<bool>,
    /// Last line of the instruction in the Dockerfile.
    pub last_line: Option<u32>,
    /// How long the step took, where the history's times tell.
    pub seconds: Option<f64>,
}

/// One dead file.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waste {
    /// The last name that it had, as [`path_text`] writes it.
    pub path: String,
    /// Content bytes.
    pub bytes: u64,
    /// How it went.
    pub kind: Kind,
    /// The layer that made it.
    pub creator: usize,
    /// The layer that removed its last name.
    pub killer: usize,
}

/// One installed package.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PackageLine {
    /// Who keeps account of it.
    pub manager: Manager,
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Bytes that it says it has installed; `None` where its manager does not say.
    pub bytes: Option<u64>,
}

impl From<&Package> for PackageLine {
    fn from(package: &Package) -> Self {
        let Package { manager, name, version, size, .. } = package;
        Self { manager: *manager, name: name.clone(), version: version.clone(), bytes: *size }
    }
}

/// Live files of one content.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Duplicate {
    /// Size times one less than the number of files.
    pub wasted_bytes: u64,
    /// Bytes of one of them.
    pub size: u64,
    /// One path a file, in byte order, at most 100.
    pub paths: Vec<String>,
}

/// A Dockerfile's name, bytes and meaning.
type Read<'a> = (&'a str, &'a [u8], Parsed);

/// Analyses an image.
///
/// # Errors
/// Fails when a layer cannot be read.
pub fn analyze(image: &dyn Image, options: &Options<'_>) -> Result<Analysis> {
    with_ledger(image, &fold(image, options)?, options)
}

/// Folds the layers of an image, for [`with_ledger`].
///
/// # Errors
/// Fails when a layer cannot be read.
pub fn fold(image: &dyn Image, options: &Options<'_>) -> Result<Ledger> {
    Ledger::fold(&LayerIndex::all(image.layers(), options.cache)?)
}

/// As [`analyze`], of an image whose layers are folded already: `ledger` is theirs.
///
/// # Errors
/// Fails when a suppression is wrong, or when a layer must be read once more for a suggestion and cannot be.
pub fn with_ledger(image: &dyn Image, ledger: &Ledger, options: &Options<'_>) -> Result<Analysis> {
    let recipe: Option<Read<'_>> =
        options.dockerfile.map(|(name, source)| (name, source, strata_dockerfile::parse(source)));
    let origin = recipe.as_ref().and_then(|(_, _, parsed)| origin(image, options, &parsed.file));
    let base = base::find(image, options, origin.as_ref());
    let base_layers = base.as_ref().map_or(0, |base| base.layers);
    // where there is no base, that is known from the builder and from the Dockerfile alone
    let known = base.as_ref().map(|base| base.layers).or(options.base_layers).or(origin.as_ref().map(|_| 0));
    let layers =
        layers::lines(image, ledger, known, origin.as_ref(), recipe.as_ref().map(|(_, _, parsed)| &parsed.file));
    let steps: Vec<Option<&Instruction>> = layers::instructions(&layers, origin.as_ref(), recipe.as_ref());
    let kept = packages::kept(ledger);
    let packages = Packages::told_by(&kept);
    let repeated = Repeated::of(ledger);
    let subject = Subject {
        image,
        ledger,
        repeated: Some(&repeated),
        packages: &packages,
        kept: &kept,
        layers: &layers,
        base_layers,
        steps: &steps,
        unreachable: options.unreachable,
        lower: None,
        with_owners: true,
    };
    let mut suppressions = findings::resolve(options.suppressions, &subject)?;
    let mut notes = Vec::new();
    if let (Some((name, source, parsed)), Some(origin)) = (&recipe, &origin) {
        let (of_comments, mistakes) = findings::in_comments(name, source, &parsed.file, &origin.steps)?;
        suppressions.extend(of_comments);
        notes.extend(mistakes);
    }
    let (duplicates, found) =
        rayon::join(|| duplicates::find(ledger, &repeated), || findings::all(&subject, &suppressions));
    notes.extend(found.notes);
    notes.extend(packages.cut_at().map(too_many_packages));
    let accepted = (!suppressions.is_empty()).then_some(&found.accepted);
    let proposals = proposals(image, ledger, options, recipe.as_ref(), origin.as_ref(), accepted)?;
    let (suggestions, refused): (Vec<Suggestion>, _) =
        proposals.suggestions.into_iter().partition(|suggestion| suggestion.refused.is_none());
    let (base, own) = base::accounts(ledger, base);
    Ok(Analysis {
        schema: SCHEMA,
        image: image_line(image, options),
        total_bytes: ledger.total(),
        live_bytes: ledger.live(),
        wasted_bytes: ledger.wasted(),
        efficiency: ratio(ledger.live(), ledger.total()),
        layers,
        waste: waste(ledger),
        by_kind: by_kind(ledger),
        duplicates: duplicates.groups,
        duplicates_total_bytes: duplicates.total_bytes,
        saves_bytes: suggest::together(suggestions.iter().filter(|made| !made.alternative)),
        suggestions,
        frontier: proposals.frontier,
        findings: found.findings,
        suppressed: found.suppressed,
        base,
        own,
        packages: packages.list().iter().map(PackageLine::from).collect(),
        refused,
        notes,
        is_matched: origin.is_some(),
    })
}

/// Says where packages are left out.
fn too_many_packages(database: &[u8]) -> Note {
    let message = format!("with it the image claims more than {MAX_PACKAGES} packages: the others are left out");
    Note { level: Level::Warning, by: path_text(database), message }
}

/// Who made the layers: what the builder remembers, else what the history tells.
fn origin(image: &dyn Image, options: &Options<'_>, file: &Dockerfile) -> Option<Attribution> {
    match options.steps {
        Some(steps) => {
            let steps = steps.to_vec();
            let base_layers =
                options.base_layers.unwrap_or_else(|| steps.iter().take_while(|step| step.is_none()).count());
            Some(Attribution { steps, base_layers })
        }
        None => attribution::from_history(image.config()?, file),
    }
}

/// What can be saved; a Dockerfile with errors, or one that did not make the image, gives nothing.
fn proposals(
    image: &dyn Image,
    ledger: &Ledger,
    options: &Options<'_>,
    recipe: Option<&Read<'_>>,
    origin: Option<&Attribution>,
    accepted: Option<&Accepted<'_>>,
) -> Result<Proposals> {
    let (Some((name, source, parsed)), Some(origin)) = (recipe, origin) else {
        return Ok(Proposals::default());
    };
    if parsed.has_errors() {
        return Ok(Proposals::default());
    }
    let config = image.config().and_then(|config| config.config.as_ref());
    let recipe = Recipe {
        name,
        source,
        file: &parsed.file,
        steps: &origin.steps,
        base_shell: config.and_then(|config| config.shell.as_deref()),
    };
    suggest::all(&Scene {
        recipe,
        ledger,
        layers: image.layers(),
        workdir: config.and_then(|config| config.working_dir.as_deref()),
        context: options.context,
        caches: options.caches,
        times: options.times,
        second: options.second,
        min_saving: options.min_saving,
        cache: options.cache,
        accepted,
    })
}

/// The base of an image of which nothing more is known.
pub(crate) fn find_base(image: &dyn Image, bases: &[Candidate]) -> Option<FoundBase> {
    base::find(image, &Options { bases, ..Options::default() }, None)
}

/// The lines of its layers.
pub(crate) fn layer_lines(image: &dyn Image, ledger: &Ledger, base_layers: Option<usize>) -> Vec<LayerLine> {
    layers::lines(image, ledger, base_layers, None, None)
}

fn image_line(image: &dyn Image, options: &Options<'_>) -> ImageLine {
    ImageLine {
        name: options.name.map(str::to_owned).or_else(|| image.names().first().map(ToString::to_string)),
        id: image.id().map(|id| id.to_string()),
        platform: image.config().and_then(platform),
    }
}

/// Such as `linux/arm64/v8`.
pub(crate) fn platform(config: &ImageConfig) -> Option<String> {
    let parts = [Some(config.os.as_str()), Some(config.architecture.as_str()), config.variant.as_deref()];
    let parts: Vec<&str> = parts.into_iter().flatten().filter(|part| !part.is_empty()).collect();
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// Live over total; 1.0 where there is nothing.
#[expect(clippy::cast_precision_loss, reason = "a ratio of sizes below 2^53, or near enough above")]
pub(crate) fn ratio(live: u64, total: u64) -> f64 {
    if total == 0 { 1.0 } else { live as f64 / total as f64 }
}

fn waste(ledger: &Ledger) -> Vec<Waste> {
    let mut waste: Vec<Waste> = ledger
        .dead()
        .iter()
        .filter(|dead| dead.bytes > 0)
        .map(|dead| Waste {
            path: path_text(dead.path.as_bytes()),
            bytes: dead.bytes,
            kind: dead.kind,
            creator: dead.creator(),
            killer: dead.killer,
        })
        .collect();
    waste.sort_by(|a, b| {
        let key = |waste: &Waste| (waste.creator, waste.killer, waste.kind);
        b.bytes.cmp(&a.bytes).then_with(|| a.path.cmp(&b.path)).then_with(|| key(a).cmp(&key(b)))
    });
    waste
}

fn by_kind(ledger: &Ledger) -> BTreeMap<Kind, u64> {
    let mut bytes = BTreeMap::new();
    for dead in ledger.dead().iter().filter(|dead| dead.bytes > 0) {
        *bytes.entry(dead.kind).or_default() += dead.bytes;
    }
    bytes
}
