//! slim: build, find the waste, rewrite the RUN chain at its spans, rebuild from the same predecessors, prove.
//!
//! ```text
//! Dockerfile ──build──► image ──analyze──► suggestions ──edits──► Dockerfile' ──build──► image'
//!                         └──────────────────compare───────────────────────────────────────┘ ──► verdict
//! ```
//!
//! Both builds share the cache: what stands before the first edit is the same step with the same key, so the rewritten
//! instructions start from the very layers that the original ones started from.

mod volatile;

use std::cmp::Reverse;

use strata_analyzer::{
    analysis::{self, Analysis},
    compare::{self, Comparison},
    suggest::Suggestion,
};
use strata_dockerfile::edit::{self, Edit};
use strata_image::{ImageId, Store};

use crate::{
    Result,
    build::{Built, Event, Options, build},
    engine::Engine,
};

pub use volatile::{VOLATILE, Volatile, reason_to_change};

/// What the comparison of the two images says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every path of the merged root filesystems is equal in all but its times, and so are the configs.
    Identical,
    /// Only these paths differ, and such commands change them by themselves (see [`VOLATILE`]).
    EqualExcept(Vec<String>),
    /// These paths and config fields differ.
    Different(Vec<String>),
}

/// What became of a Dockerfile.
#[derive(Debug)]
pub struct Slimmed {
    /// The image of the Dockerfile as it is.
    pub before: ImageId,
    /// The rewritten file and its proof; `None` when there is nothing to chain.
    pub after: Option<Rewrite>,
    /// Suggestions that were not applied, with their reasons.
    pub refused: Vec<Suggestion>,
    /// Content bytes of all layers.
    pub bytes_before: u64,
    /// Bytes of them that no path of the image leads to.
    pub wasted_before: u64,
}

/// A rewritten Dockerfile that was built and compared.
#[derive(Debug)]
pub struct Rewrite {
    /// The image that it gives.
    pub image: ImageId,
    /// Its bytes.
    pub source: Vec<u8>,
    /// What was changed, as a unified diff that `patch -p1` takes.
    pub patch: String,
    /// Content bytes of all layers.
    pub bytes_after: u64,
    /// What the suggestions promised to save.
    pub predicted_saving: u64,
    /// What the comparison says.
    pub verdict: Verdict,
    /// All that it found.
    pub comparison: Comparison,
    /// Suggestions that were applied.
    pub suggestions: Vec<Suggestion>,
}

/// Builds a Dockerfile, rewrites it to waste less, builds that too and compares. The names of `options` go to the first image;
/// the second has none. No file is written.
///
/// # Errors
/// Those of [`build`], and what the analysis and the comparison cannot read.
pub fn slim(engine: &Engine, options: &Options, progress: &mut dyn FnMut(Event<'_>)) -> Result<Slimmed> {
    let built = build(engine, options, progress)?;
    let before = analyze(engine, options, &built)?;
    let (proposed, mut refused): (Vec<_>, Vec<_>) =
        before.suggestions.into_iter().partition(|suggestion| !suggestion.edits.is_empty());
    let (applied, left) = compatible(proposed);
    refused.extend(left);
    let after = if applied.is_empty() {
        None
    } else {
        let (rewrite, dropped) = prove(engine, options, &built, applied, progress)?;
        refused.extend(dropped);
        Some(rewrite)
    };
    Ok(Slimmed {
        before: built.id,
        after,
        refused,
        bytes_before: before.total_bytes,
        wasted_before: before.wasted_bytes,
    })
}

/// Applies all suggestions together. When that makes the image different, one after the other: those that do so by
/// themselves are dropped. Where every one does, all of them stay, and the verdict says so.
fn prove(
    engine: &Engine,
    options: &Options,
    before: &Built,
    suggestions: Vec<Suggestion>,
    progress: &mut dyn FnMut(Event<'_>),
) -> Result<(Rewrite, Vec<Suggestion>)> {
    let all = rewrite(engine, options, before, suggestions.clone(), progress)?;
    if suggestions.len() == 1 || !matches!(all.verdict, Verdict::Different(_)) {
        return Ok((all, Vec::new()));
    }
    let mut proved: Option<Rewrite> = None;
    let mut dropped = Vec::new();
    for mut suggestion in suggestions {
        let mut tried = proved.as_ref().map_or_else(Vec::new, |proved| proved.suggestions.clone());
        tried.push(suggestion.clone());
        let attempt = rewrite(engine, options, before, tried, progress)?;
        if matches!(attempt.verdict, Verdict::Different(_)) {
            suggestion.refused = Some("the image would not be the same".to_owned());
            dropped.push(suggestion);
        } else {
            proved = Some(attempt);
        }
    }
    match proved {
        Some(proved) => Ok((proved, dropped)),
        None => Ok((all, Vec::new())),
    }
}

fn rewrite(
    engine: &Engine,
    options: &Options,
    before: &Built,
    suggestions: Vec<Suggestion>,
    progress: &mut dyn FnMut(Event<'_>),
) -> Result<Rewrite> {
    let edits: Vec<Edit> = suggestions.iter().flat_map(|suggestion| suggestion.edits.iter().cloned()).collect();
    let source = edit::apply(&options.dockerfile, &edits)?;
    let rewritten = Options {
        dockerfile: source.clone(),
        names: Vec::new(),
        // the predecessors have just been made: made again they would be others
        no_cache: false,
        ..options.clone()
    };
    progress(Event::Note("building the rewritten Dockerfile"));
    let built = build(engine, &rewritten, progress)?;
    let bytes_after = analyze(engine, &rewritten, &built)?.total_bytes;
    let comparison = compare::compare(
        &stored(&engine.store, before.id)?,
        &stored(&engine.store, built.id)?,
        &compare::Options { cache: Some(&engine.analysis), ..compare::Options::default() },
    )?;
    Ok(Rewrite {
        image: built.id,
        patch: edit::unified_diff(&file_name(options), &options.dockerfile, &source),
        source,
        bytes_after,
        predicted_saving: suggestions.iter().map(|suggestion| suggestion.saves_bytes).sum(),
        verdict: verdict(&comparison),
        comparison,
        suggestions,
    })
}

fn analyze(engine: &Engine, options: &Options, built: &Built) -> Result<Analysis> {
    let name = file_name(options);
    let image = options.names.first().map(ToString::to_string);
    Ok(analysis::analyze(
        &stored(&engine.store, built.id)?,
        &analysis::Options {
            cache: Some(&engine.analysis),
            dockerfile: Some((&name, &options.dockerfile)),
            steps: Some(&built.layer_steps),
            base_layers: Some(built.base_layers),
            name: image.as_deref(),
        },
    )?)
}

fn stored(store: &Store, id: ImageId) -> Result<strata_image::store::StoredImage> {
    let text = id.to_string();
    let missing = || strata_image::Error::NoSuchImage { text: text.clone() };
    Ok(store.find(&text)?.ok_or_else(missing)?)
}

fn file_name(options: &Options) -> String {
    match options.dockerfile_path.file_name() {
        Some(name) => name.to_string_lossy().into_owned(),
        None => "Dockerfile".to_owned(),
    }
}

/// The suggestions that can be applied together, those that save most first, and the rest.
fn compatible(mut suggestions: Vec<Suggestion>) -> (Vec<Suggestion>, Vec<Suggestion>) {
    suggestions.sort_by_key(|suggestion| Reverse(suggestion.saves_bytes));
    let mut applied: Vec<Suggestion> = Vec::new();
    let mut left = Vec::new();
    for mut suggestion in suggestions {
        let meets = |edit: &Edit| {
            applied
                .iter()
                .flat_map(|other| &other.edits)
                .any(|other| edit.span.start < other.span.end && other.span.start < edit.span.end)
        };
        if suggestion.edits.iter().any(meets) {
            suggestion.refused = Some("another suggestion that saves more changes the same lines".to_owned());
            left.push(suggestion);
        } else {
            applied.push(suggestion);
        }
    }
    (applied, left)
}

/// What a comparison of the image before and after a rewrite means.
pub fn verdict(comparison: &Comparison) -> Verdict {
    if comparison.equal {
        return Verdict::Identical;
    }
    let mut differing: Vec<String> = comparison
        .rootfs
        .added
        .iter()
        .chain(&comparison.rootfs.removed)
        .chain(comparison.rootfs.changed.iter().map(|changed| &changed.path))
        .cloned()
        .collect();
    differing.sort_unstable();
    differing.dedup();
    let paths_are_volatile = differing.iter().all(|path| reason_to_change(path).is_some());
    if comparison.config.is_empty() && paths_are_volatile && !differing.is_empty() {
        return Verdict::EqualExcept(differing);
    }
    differing.extend(comparison.config.iter().map(|field| format!("config {}", field.field)));
    Verdict::Different(differing)
}
