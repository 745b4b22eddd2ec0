//! slim: build, find the waste, rewrite the Dockerfile at its spans, rebuild from the same predecessors, prove.
//!
//! ```text
//! Dockerfile ──build──► image ──analyze──► suggestions ──edits──► Dockerfile' ──build──► image'
//!                         └──────────────────compare───────────────────────────────────────┘ ──► verdict
//! ```
//!
//! Both builds share the cache: what stands before the first edit is the same step with the same key, so the rewritten
//! instructions start from the very layers that the original ones started from. Where lines for the ignore file are part
//! of it, the second build has these.

mod copied;
mod proof;
mod source;
mod verdict;
mod volatile;

use std::path::PathBuf;

use strata_analyzer::{
    Comparison, Ledger,
    analysis::{self, Analysis},
    findings::{Note, Suppression},
    index::LayerIndex,
    suggest::{Caches, Context, MinSaving, Point, SECOND, Suggestion},
};
use strata_image::{Image, ImageId, store::StoredImage};

use crate::{
    Result,
    build::{Built, Watcher, build_unlisted},
    cache::{self, Durations, Records},
    engine::Engine,
    options::Options,
};
use proof::Proof;
use source::{Source, dockerfile_name};

pub use verdict::{Removal, Verdict, verdict};
pub use volatile::{VOLATILE, Volatile, reason_to_change};

/// What is proposed, and when.
#[derive(Clone, Copy, Debug)]
pub struct Wishes<'a> {
    /// For the caches of package managers.
    pub caches: Caches,
    /// What a suggestion must save.
    pub min_saving: MinSaving,
    /// What a second of a later build is worth, in bytes; with 0 the bytes alone decide what is chained.
    pub second: u64,
    /// What is known, and no reason to change anything, beside what comments of the Dockerfile suppress.
    pub suppressions: &'a [Suppression],
}

impl Default for Wishes<'_> {
    /// Whatever saves anything is proposed.
    fn default() -> Self {
        let (caches, min_saving) = (Caches::default(), MinSaving::default());
        Self { caches, min_saving, second: SECOND, suppressions: &[] }
    }
}

/// What became of a Dockerfile.
#[derive(Debug)]
pub struct Slimmed {
    /// The image of the Dockerfile as it is, which the store does not list.
    pub before: ImageId,
    /// The rewritten file and its proof; `None` when there is nothing to change.
    pub after: Option<Rewrite>,
    /// Suggestions that were not applied, with their reasons.
    pub refused: Vec<Suggestion>,
    /// Content bytes of all layers.
    pub bytes_before: u64,
    /// Bytes of them that no path of the image leads to.
    pub wasted_before: u64,
    /// What chaining saves at best for each number of steps that it merges into others.
    pub frontier: Vec<Point>,
    /// Suppressions that do not do what they were written for.
    pub notes: Vec<Note>,
}

/// A rewritten Dockerfile that was built and compared.
#[derive(Debug)]
pub struct Rewrite {
    /// The image that it gives, which the store does not list.
    pub image: ImageId,
    /// Its bytes.
    pub source: Vec<u8>,
    /// The ignore file that belongs to it, where that has to change too.
    pub ignore: Option<IgnoreFile>,
    /// What was changed, as a unified diff that `patch -p1` takes.
    pub patch: String,
    /// Content bytes of all layers.
    pub bytes_after: u64,
    /// What the suggestions promised to save.
    pub predicted_saving: u64,
    /// What the comparison says.
    pub verdict: Verdict,
    /// Files that are gone because the rewrite removes them.
    pub removed: Vec<Removal>,
    /// All that it found.
    pub comparison: Comparison,
    /// Suggestions that were applied.
    pub suggestions: Vec<Suggestion>,
}

/// An ignore file as a rewrite wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoreFile {
    /// Where it is, or has to be made.
    pub path: PathBuf,
    /// What it held for the first build; `None` where there was none.
    pub before: Option<Vec<u8>>,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// What is slimmed, and how.
#[derive(Clone, Copy)]
struct Slimming<'a> {
    engine: &'a Engine,
    options: &'a Options,
    wishes: Wishes<'a>,
    /// What its builds share of the cache.
    records: &'a Records,
}

/// An image that was built, for who holds the lock of a writer.
struct Made {
    built: Built,
    image: StoredImage,
}

/// Builds a Dockerfile, rewrites it to waste less, builds that too and compares. The store lists neither image, so that
/// nothing is left behind and nobody else can remove them meanwhile: the names of `options` are for reports. No file of the
/// project is written.
///
/// # Errors
/// Those of [`build`](crate::build::build), and what the analysis and the comparison cannot read.
pub fn slim(engine: &Engine, options: &Options, wishes: Wishes<'_>, progress: Watcher<'_>) -> Result<Slimmed> {
    let records = Records::default();
    let slimming = Slimming { engine, options, wishes, records: &records };
    engine.recover()?;
    // what the first build made must be there until the last comparison
    let _locks = (engine.store.shared_lock()?, cache::hold(&engine.cache)?);
    let made = slimming.make(options, progress)?;
    let source = Source::open(engine, options)?;
    let mut before = slimming.analyze(&options.dockerfile, &made, source.as_ref().map(Source::context))?;
    if let Some(source) = &source {
        copied::refuse(&mut before.suggestions, &made.image, engine, options, source)?;
    }
    let (unproved, possible) = before.suggestions.into_iter().partition(|suggestion| suggestion.refused.is_some());
    let (applied, left) = compatible(possible);
    let mut refused = left;
    refused.extend::<Vec<Suggestion>>(unproved);
    let after = if applied.is_empty() {
        None
    } else {
        let (source, bytes_before) = (source.as_ref(), before.total_bytes);
        let proof = Proof { slimming, source, before: &made, bytes_before };
        let (rewrite, dropped) = proof.prove(applied, progress)?;
        refused.extend(dropped);
        rewrite
    };
    refused.extend(before.refused);
    Ok(Slimmed {
        before: made.built.id,
        after,
        refused,
        bytes_before: before.total_bytes,
        wasted_before: before.wasted_bytes,
        frontier: before.frontier,
        notes: before.notes,
    })
}

impl Slimming<'_> {
    fn make(self, options: &Options, progress: Watcher<'_>) -> Result<Made> {
        let (built, image) = build_unlisted(self.engine, options, self.records, progress)?;
        Ok(Made { built, image })
    }

    fn analyze(self, dockerfile: &[u8], made: &Made, context: Option<Context<'_>>) -> Result<Analysis> {
        let Self { engine, options, wishes, .. } = self;
        let name = dockerfile_name(options);
        let image = options.names.first().map(ToString::to_string);
        let times = Durations::of(&engine.cache);
        Ok(analysis::analyze(
            &made.image,
            &analysis::Options {
                cache: Some(&engine.analysis),
                dockerfile: Some((&name, dockerfile)),
                steps: Some(&made.built.layer_steps),
                base_layers: Some(made.built.base_layers),
                suppressions: wishes.suppressions,
                name: image.as_deref(),
                context,
                caches: wishes.caches,
                times: (wishes.second > 0).then_some(&times),
                second: wishes.second,
                min_saving: wishes.min_saving,
                ..analysis::Options::default()
            },
        )?)
    }

    /// Content bytes of all layers.
    fn bytes(self, made: &Made) -> Result<u64> {
        Ok(Ledger::fold(&LayerIndex::all(made.image.layers(), Some(&self.engine.analysis))?)?.total())
    }
}

/// The suggestions that can be applied together, and the rest.
fn compatible(suggestions: Vec<Suggestion>) -> (Vec<Suggestion>, Vec<Suggestion>) {
    let possible = suggestions.into_iter().filter(Suggestion::is_possible);
    let (mut left, applied): (Vec<_>, Vec<_>) = possible.partition(|suggestion| suggestion.alternative);
    for suggestion in &mut left {
        let reason = "another suggestion that saves more changes the same lines: run slim again after it";
        suggestion.refused = Some(reason.to_owned());
    }
    (applied, left)
}
