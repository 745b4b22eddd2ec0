//! Bytes as a registry would hold them: an estimate, since dead files were compressed together with others.
//!
//! A layer that is stored compressed says itself what its bytes became. Of one that is not, as strata's own builds leave
//! them, a sample is compressed to see.

use std::{
    path::Path,
    sync::{Arc, OnceLock},
};

use serde::Serialize;
use strata_image::Layer;

use crate::{Ledger, index::Sample};

/// A tar has a header of as many bytes for each entry, and as many of padding for two.
const HEADER: u64 = 512;

/// Bytes after compression, and how they were estimated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Compressed {
    /// The estimate.
    pub bytes: u64,
    /// What it rests on.
    pub basis: Basis,
}

/// What an estimate of compressed bytes rests on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Basis {
    /// What the layers that made the bytes are stored as, over what they hold.
    LayerRatio,
    /// A layer that made some of them is not stored compressed: what gzip makes of samples of it.
    Sample,
}

/// A part of a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ratio {
    part: u64,
    whole: u64,
    basis: Basis,
}

impl From<Sample> for Ratio {
    fn from(Sample { whole, compressed }: Sample) -> Self {
        Self { part: compressed, whole, basis: Basis::Sample }
    }
}

impl Ratio {
    /// That part of other bytes, rounded up; never more than them.
    pub(super) fn apply(self, bytes: u64) -> u64 {
        if self.whole == 0 {
            return bytes;
        }
        let product = u128::from(bytes) * u128::from(self.part);
        u64::try_from(product.div_ceil(u128::from(self.whole))).unwrap_or(bytes).min(bytes)
    }
}

/// What compression makes of each layer of an image; those that are not compressed are sampled once somebody asks.
pub(super) struct Ratios<'a> {
    layers: &'a [Arc<dyn Layer>],
    ledger: &'a Ledger,
    cache: Option<&'a Path>,
    sampled: Vec<OnceLock<Ratio>>,
}

impl<'a> Ratios<'a> {
    pub(super) fn new(layers: &'a [Arc<dyn Layer>], ledger: &'a Ledger, cache: Option<&'a Path>) -> Self {
        Self { layers, ledger, cache, sampled: layers.iter().map(|_| OnceLock::new()).collect() }
    }

    /// Of bytes that these layers made, each with how many of them.
    pub(super) fn estimate(&self, made: &[(usize, u64)]) -> Compressed {
        let mut estimate = Compressed { bytes: 0, basis: Basis::LayerRatio };
        for &(layer, bytes) in made {
            let ratio = self.of(layer);
            estimate.bytes = estimate.bytes.saturating_add(ratio.apply(bytes));
            estimate.basis = estimate.basis.max(ratio.basis);
        }
        estimate
    }

    fn of(&self, layer: usize) -> Ratio {
        let stored = self.stored(layer);
        if stored.part < stored.whole {
            return stored;
        }
        let Some((layer, sampled)) = self.layers.get(layer).zip(self.sampled.get(layer)) else { return stored };
        // a layer that cannot be read has no finding either: the analysis failed before
        *sampled.get_or_init(|| Sample::cached(layer.as_ref(), self.cache).map_or(stored, Ratio::from))
    }

    /// What a layer is stored as, compressed or not.
    pub(super) fn stored(&self, layer: usize) -> Ratio {
        let totals = self.ledger.layers().get(layer).copied().unwrap_or_default();
        let part = self.layers.get(layer).map_or(0, |layer| layer.stored().1);
        Ratio { part, whole: totals.total.saturating_add(HEADER * totals.entries), basis: Basis::LayerRatio }
    }
}
