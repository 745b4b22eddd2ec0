//! What chaining costs later builds: commands that run again, and bytes that are sent again, because one of their chain
//! changed.
//!
//! With `n` steps, each as likely as any other to be the first that an edit changes, making one layer of the steps `i` to `j`
//! costs a build on average
//!
//! ```text
//! 1/10 · 1/n · Σ(k = i+1 … j) Σ(m = i … k-1) (time of m · worth of a second + bytes of m)
//! ```
//!
//! since a change of step `k` then also repeats the steps of the chain before it. Where a time is not known, the bytes
//! that are saved decide alone.

use std::{fmt, time::Duration};

use serde::Serialize;
use strata_image::DiffId;

use super::{Recipe, compressed::Ratios};
use crate::Ledger;

/// One build in so many is for an edit of a step that makes a layer by a command. The others are for new sources, of which
/// a COPY decides what runs again, chained or not.
const BUILDS_FOR_EDIT: u128 = 10;

/// What a second of a build is worth in bytes by default: 256 KiB, a quarter of what a slow line carries in it. A minute of
/// installation in an image of five steps then weighs as much as 300 KiB saved, and no cleaning up is withheld for it.
pub const SECOND: u64 = 256 << 10;

/// How long steps took.
pub trait Times: fmt::Debug {
    /// The time that the step took which made a layer, where a build recorded it.
    fn of_layer(&self, layer: DiffId) -> Option<Duration>;
}

/// What chaining needs to know of the layers to say what it costs.
#[derive(Clone, Debug, Default)]
pub struct Costs {
    /// For each layer, what it takes to make it again; empty where that does not matter.
    pub layers: Vec<Again>,
    /// What a second is worth, in bytes.
    pub second: u64,
}

/// What a layer takes when it is made again.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Again {
    /// The time of its step, where it is known.
    pub time: Option<Duration>,
    /// Its bytes that an image shows, as the layer is stored: what is sent again.
    pub bytes: u64,
}

/// What a chain costs a later build when only the last of its commands has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cost {
    /// How long the commands before it take, which run again.
    pub rebuild_milliseconds: u64,
    /// Their bytes, as the layers are stored, which are sent again.
    pub transfer_bytes: u64,
}

impl Costs {
    /// Of the layers of an image.
    pub(super) fn of(
        recipe: &Recipe<'_>,
        ledger: &Ledger,
        times: Option<&dyn Times>,
        second: u64,
        ratios: &Ratios<'_>,
    ) -> Self {
        let Some(times) = times else { return Self::default() };
        let layers = ledger.indexes().iter().zip(ledger.layers()).enumerate().map(|(number, (index, totals))| {
            if recipe.steps.get(number).copied().flatten().is_none() {
                return Again::default();
            }
            let time = times.of_layer(index.diff_id());
            Again { time, bytes: ratios.stored(number).apply(totals.total - totals.wasted) }
        });
        Self { layers: layers.collect(), second }
    }

    /// What the layers of a range are worth that are made again, by their numbers in a segment; `None` where a time is not
    /// known.
    pub(super) fn of_segment(&self, first_layer: usize, runs: usize) -> Vec<Option<u64>> {
        let weight = |again: &Again| {
            let time = u128::from(self.second) * again.time?.as_millis() / 1_000;
            Some(u64::try_from(time).unwrap_or(u64::MAX).saturating_add(again.bytes))
        };
        (first_layer..first_layer + runs).map(|layer| self.layers.get(layer).and_then(weight)).collect()
    }

    /// What a chain of these layers costs when its last command has changed.
    pub(super) fn of_chain(&self, first: usize, last: usize) -> Option<Cost> {
        let mut cost = Cost { rebuild_milliseconds: 0, transfer_bytes: 0 };
        for layer in first..=last {
            let again = self.layers.get(layer)?;
            let milliseconds = u64::try_from(again.time?.as_millis()).unwrap_or(u64::MAX);
            if layer < last {
                cost.rebuild_milliseconds = cost.rebuild_milliseconds.saturating_add(milliseconds);
                cost.transfer_bytes = cost.transfer_bytes.saturating_add(again.bytes);
            }
        }
        Some(cost)
    }
}

/// The bytes that a chain must save to be worth it, of a sum of weights of which each is taken once for each later step.
pub(super) fn expected(sum: u128, steps: usize) -> u64 {
    let steps = u128::try_from(steps.max(1)).unwrap_or(u128::MAX);
    u64::try_from(sum / (BUILDS_FOR_EDIT * steps)).unwrap_or(u64::MAX)
}
