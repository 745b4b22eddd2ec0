//! Bytes as a registry would hold them: an estimate, since dead files were compressed together with others.
//!
//! A layer that is stored compressed says itself what its bytes became. Of one that is not, as strata's own builds leave
//! them, every eighth block is compressed to see.

use std::{
    io::{self, Read, Write},
    sync::{Arc, OnceLock},
};

use serde::Serialize;
use strata_image::{
    Layer,
    compression::{self, Compression, Effort},
};

use crate::Ledger;

/// Bytes of a block that is compressed to see what the layer would become: gzip sees no further than half of it.
const BLOCK: u64 = 64 << 10;
/// Of so many blocks one is compressed: a layer that is read at the speed of memory is then not held up by gzip.
const EVERY: u64 = 8;
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

/// What compression makes of each layer of an image; those that are not compressed are read once somebody asks.
pub(super) struct Ratios<'a> {
    layers: &'a [Arc<dyn Layer>],
    ledger: &'a Ledger,
    sampled: Vec<OnceLock<Ratio>>,
}

impl<'a> Ratios<'a> {
    pub(super) fn new(layers: &'a [Arc<dyn Layer>], ledger: &'a Ledger) -> Self {
        Self { layers, ledger, sampled: layers.iter().map(|_| OnceLock::new()).collect() }
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
        *sampled.get_or_init(|| sample(layer.as_ref()).unwrap_or(stored))
    }

    /// What a layer is stored as, compressed or not.
    pub(super) fn stored(&self, layer: usize) -> Ratio {
        let totals = self.ledger.layers().get(layer).copied().unwrap_or_default();
        let part = self.layers.get(layer).map_or(0, |layer| layer.stored().1);
        Ratio { part, whole: totals.total.saturating_add(HEADER * totals.entries), basis: Basis::LayerRatio }
    }
}

fn sample(layer: &dyn Layer) -> io::Result<Ratio> {
    let mut tar = layer.open().map_err(io::Error::other)?;
    let effort = Effort { threads: std::num::NonZero::new(1), ..Effort::default() };
    let mut writer = compression::writer(Compression::Gzip, effort, Counted(0))?;
    let mut whole = 0;
    loop {
        let taken = io::copy(&mut tar.by_ref().take(BLOCK), &mut writer)?;
        whole += taken;
        let passed = io::copy(&mut tar.by_ref().take(BLOCK * (EVERY - 1)), &mut io::sink())?;
        if taken < BLOCK || passed < BLOCK * (EVERY - 1) {
            break;
        }
    }
    Ok(Ratio { part: writer.finish()?.0, whole, basis: Basis::Sample })
}

/// Counts what is written.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
