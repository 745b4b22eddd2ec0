//! Many images at once: what each of them wastes, and what they share.
//!
//! ```text
//! images of sources ─► Gathering::take ─► images without their contents │ an index for each distinct layer
//!                                                      │
//!          in the order of their layers: a trie ◄──────┘
//!                └─► the account of the layers below a fork is made once, and goes on from there in each way
//!                      ├─► rows of images ─► bases
//!                      └─► layers ─► instructions, duplicates, packages ─► Audit
//! ```
//!
//! What this costs grows with distinct layers: each is opened and indexed once, and folded once where images have the same
//! layers below it. An image by itself costs what its own layers cost, and a copy of the account that it goes on from.

mod bases;
mod duplicates;
mod gather;
mod indexes;
mod instructions;
mod layers;
mod markdown;
mod packages;
mod report;
mod row;
mod stacks;
pub mod tables;

use std::path::Path;

pub use gather::Gathering;
pub use markdown::markdown;
pub use report::{
    Audit, BaseOf, BaseRow, Biggest, DuplicateRow, ErrorRow, ImageRow, InstructionRow, LayerRow, PackageRow, PlaceRow,
    Totals,
};

use crate::{
    Finding, Result,
    analysis::{self, Candidate, LayerLine},
    index::LayerIndex,
};

/// What helps an audit beyond the images themselves.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Images that may be the base of others, beside the audited ones.
    pub bases: &'a [Candidate],
    /// How many of the instructions and of the packages are listed.
    pub top: usize,
}

/// Hears of everything while it is found: for who writes more than a report holds, or shows how far it is.
pub trait Observer {
    /// So many of so many images were looked at.
    fn progress(&mut self, done: usize, of: usize) {
        let _ = (done, of);
    }

    /// What there is to say about an image: its row, which has no numbers of layers yet, its layers, and what was found
    /// above its base.
    ///
    /// # Errors
    /// Whatever the observer failed at: the audit ends with it.
    fn image(&mut self, image: &ImageRow, layers: &[LayerLine], findings: &[Finding]) -> Result<()> {
        let _ = (image, layers, findings);
        Ok(())
    }

    /// Whether [`Observer::layer`] is to be called, for which indexes may have to be loaded once more.
    fn wants_layers(&self) -> bool {
        false
    }

    /// The index of a distinct layer, in the order of the report.
    ///
    /// # Errors
    /// As [`Observer::image`].
    fn layer(&mut self, index: &LayerIndex) -> Result<()> {
        let _ = index;
        Ok(())
    }
}

/// For who only wants the report.
impl Observer for () {}

impl Gathering {
    /// Looks at everything that was gathered.
    ///
    /// # Errors
    /// Those of the observer. An image whose layers do not go together is an error row.
    pub fn audit(self, options: &Options<'_>, observer: &mut dyn Observer) -> Result<Audit> {
        let Self { indexes, mut images, mut failed } = self;
        images.sort_by(|a, b| (&a.diff_ids, &a.source).cmp(&(&b.diff_ids, &b.source)));
        let candidates = bases::Candidates::of(&images, options.bases);
        let mut layers = layers::Layers::default();
        let mut bases = bases::Bases::default();
        let mut rows = Vec::new();
        let mut stacks = stacks::Stacks::new(&indexes);
        for number in 0..images.len() {
            let gathered = &images[number];
            let known = candidates.below(gathered);
            let found = analysis::find_base(&gathered.image, &known);
            let next = images.get(number + 1).map(|next| next.diff_ids.as_slice());
            let keep = found.as_ref().map_or(0, |found| found.layers);
            let outcome = rayon::scope(|_| stacks.fold(&gathered.diff_ids, next, keep));
            observer.progress(number + 1, images.len());
            match outcome {
                Ok(stacked) => {
                    // within the pool, so that its threads hand each other work without waking one
                    let (row, lines, findings) = rayon::scope(|_| row::of(gathered, &stacked, found, &mut stacks));
                    observer.image(&row, &lines, &findings)?;
                    layers.add(gathered, &stacked.ledger, number);
                    bases.add(&row, &gathered.diff_ids);
                    rows.push((row, number));
                }
                Err(message) => failed.push(ErrorRow { source: gathered.source.clone(), message }),
            }
        }
        let packages = stacks.finish();
        let parts = report::Parts { images: &images, rows, failed, layers, bases, packages };
        let (audit, ids) = report::put_together(parts, &indexes, options.top)?;
        if observer.wants_layers() {
            ids.into_iter().try_for_each(|id| observer.layer(indexes.get(id)?.as_ref()))?;
        }
        indexes.trim();
        Ok(audit)
    }
}

/// Where indexes are kept; `None` where every layer is read.
type Cache<'a> = Option<&'a Path>;
