//! Bytes that suppressions are about: who knows of them and keeps them is not told to save them.

use std::collections::HashMap;

use strata_image::view::InodeId;

use super::{Resolved, suppression};
use crate::ledger::Dead;

/// What suppressions say of the files of one image.
pub(crate) struct Accepted<'s> {
    suppressions: &'s [Resolved],
    /// Of dead files that a suppression is about, its number.
    dead: HashMap<InodeId, usize>,
}

impl<'s> Accepted<'s> {
    pub(super) fn new(suppressions: &'s [Resolved], dead: HashMap<InodeId, usize>) -> Self {
        Self { suppressions, dead }
    }

    /// The number of the suppression that is about a dead file, by the rule that it belongs to.
    pub(crate) fn dead(&self, dead: &Dead) -> Option<usize> {
        self.dead.get(&dead.inode).copied()
    }

    /// That of the one that is about a file which the image shows, as far as a rule speaks of it.
    pub(crate) fn live(&self, rule: &str, layer: usize, path: &[u8]) -> Option<usize> {
        let rule = suppression::number(rule).ok()?;
        self.suppressions.iter().position(|suppression| suppression.covers(rule, [Some(layer), None], path))
    }

    /// Where suppressions stand, and why, each once.
    pub(crate) fn reasons(&self, numbers: impl IntoIterator<Item = usize>) -> Vec<(&'s str, &'s str)> {
        let mut reasons = Vec::new();
        for Resolved { by, reason, .. } in numbers.into_iter().filter_map(|number| self.suppressions.get(number)) {
            if !reasons.contains(&(by.as_str(), reason.as_str())) {
                reasons.push((by.as_str(), reason.as_str()));
            }
        }
        reasons
    }
}
