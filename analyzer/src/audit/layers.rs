//! The distinct layers of all images: each with what it weighs, once, and how many images have it.

use std::collections::HashMap;

use strata_image::{DiffId, Image as _, ImageConfig};

use super::gather::Gathered;
use crate::Ledger;

/// The layers so far.
#[derive(Default)]
pub(super) struct Layers {
    pub(super) by_id: HashMap<DiffId, Layer>,
}

/// One layer.
pub(super) struct Layer {
    pub(super) size_bytes: u64,
    /// As the first image has it.
    pub(super) stored_bytes: u64,
    pub(super) entries: u64,
    /// The most that an image wastes of it.
    pub(super) wasted_bytes: u64,
    /// Numbers of the images that have it, in order.
    pub(super) images: Vec<u32>,
    /// As the first image tells that tells it.
    pub(super) created_by: Option<String>,
}

impl Layers {
    /// Counts the layers of an image.
    pub(super) fn add(&mut self, gathered: &Gathered, ledger: &Ledger, image: usize) {
        let image = u32::try_from(image).unwrap_or(u32::MAX);
        let history = gathered.image.config().and_then(ImageConfig::layer_history);
        for (place, (layer, totals)) in gathered.image.layers().iter().zip(ledger.layers()).enumerate() {
            let id = layer.diff_id();
            let sum = self.by_id.entry(id).or_insert_with(|| Layer {
                size_bytes: totals.total,
                stored_bytes: layer.stored().1,
                entries: totals.entries,
                wasted_bytes: 0,
                images: Vec::new(),
                created_by: None,
            });
            sum.wasted_bytes = sum.wasted_bytes.max(totals.wasted);
            // one image may have a layer twice
            if sum.images.last() != Some(&image) {
                sum.images.push(image);
            }
            if sum.created_by.is_none() {
                sum.created_by = history.as_ref().and_then(|history| history.get(place)?.created_by.clone());
            }
        }
    }
}
