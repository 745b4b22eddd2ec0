//! A ledger that is not finished: layers can still come on top, and in more than one way.

use std::sync::Arc;

use strata_image::{
    layer::{Change, EntryKind},
    view::View,
};

use super::{Dead, Deaths, Follower, LayerTotals, Ledger, Links};
use crate::{Result, error::in_layer, index::LayerIndex};

/// The account of the layers so far.
#[derive(Default)]
pub struct Folding {
    indexes: Vec<Arc<LayerIndex>>,
    layers: Vec<LayerTotals>,
    dead: Vec<Dead>,
    links: Links,
    view: View,
}

impl Folding {
    /// Folds the next layer up.
    ///
    /// # Errors
    /// Fails when the view refuses an entry, such as a whiteout without a name; the account is of no use after that.
    pub fn push(&mut self, index: &Arc<LayerIndex>) -> Result<()> {
        self.push_followed(index, &mut ())
    }

    /// The same, while someone follows.
    pub(super) fn push_followed(&mut self, index: &Arc<LayerIndex>, follower: &mut dyn Follower) -> Result<()> {
        let layer = index.diff_id();
        self.indexes.push(Arc::clone(index));
        let mut totals = LayerTotals { entries: index.len() as u64, ..LayerTotals::default() };
        let Self { links, view, .. } = self;
        let number = view.begin_layer();
        if number == 0 {
            // nothing is there yet that the layer could only change
            view.reserve(index.len());
        }
        index.each_entry(&mut |entry| {
            let change = entry.change().map_err(in_layer(layer))?;
            if let (Change::Add(_), EntryKind::File) = (&change, &entry.kind) {
                totals.total += entry.size;
            }
            links.apply(&change, number);
            follower.changes(&change);
            view.apply(entry).map_err(in_layer(layer))
        })?;
        let mut deaths = Deaths { indexes: &self.indexes, dead: &mut self.dead };
        self.view.end_layer(&mut deaths).map_err(in_layer(layer))?;
        self.links.end_layer(number, &self.indexes, &self.view);
        follower.layer_ended(&self.view);
        self.layers.push(totals);
        Ok(())
    }

    /// The layers that were folded, bottom first.
    pub(crate) fn indexes(&self) -> &[Arc<LayerIndex>] {
        &self.indexes
    }

    /// What they show.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// How many layers were folded.
    pub fn len(&self) -> usize {
        self.indexes.len()
    }

    /// Whether no layer was folded.
    pub fn is_empty(&self) -> bool {
        self.indexes.is_empty()
    }

    /// A second account of the same layers, which goes its own way from here.
    #[must_use]
    pub fn fork(&self) -> Self {
        let Self { indexes, layers, dead, links, view } = self;
        Self {
            indexes: indexes.clone(),
            layers: layers.clone(),
            dead: dead.clone(),
            links: links.clone(),
            view: view.fork(),
        }
    }

    /// The ledger of the layers that were folded.
    pub fn finish(self) -> Ledger {
        let Self { indexes, mut layers, dead, links, view } = self;
        for dead in &dead {
            layers[dead.creator()].wasted += dead.bytes;
            layers[dead.killer].killed += dead.bytes;
        }
        Ledger { indexes, layers, dead, broken_links: links.broken, view }
    }
}
