//! The images that others are built on: which they are, and what is wasted of them.

use std::collections::{BTreeMap, HashMap};

use strata_image::{ChainId, DiffId, Image as _};

use super::{BaseRow, ImageRow, gather::Gathered};
use crate::analysis::Candidate;

/// Images that may be the base of others, by their layers.
pub(super) struct Candidates {
    by_layers: HashMap<ChainId, Vec<Candidate>>,
}

impl Candidates {
    /// The audited images, and others that are known.
    pub(super) fn of(images: &[Gathered], known: &[Candidate]) -> Self {
        let audited = images.iter().map(|gathered| {
            let name = gathered.image.names().first().map(ToString::to_string);
            Candidate {
                name: name.unwrap_or_else(|| gathered.source.clone()),
                digest: None,
                diff_ids: gathered.diff_ids.clone(),
            }
        });
        let mut by_layers: HashMap<ChainId, Vec<Candidate>> = HashMap::new();
        for candidate in known.iter().cloned().chain(audited) {
            if let Some(chain) = chains(&candidate.diff_ids).last() {
                by_layers.entry(chain).or_default().push(candidate);
            }
        }
        Self { by_layers }
    }

    /// Those whose layers are at the bottom of an image.
    pub(super) fn below(&self, gathered: &Gathered) -> Vec<Candidate> {
        let lower = gathered.diff_ids.split_last().map_or(&[][..], |(_, lower)| lower);
        chains(lower).filter_map(|chain| self.by_layers.get(&chain)).flatten().cloned().collect()
    }
}

/// The chain IDs of the lower parts of a stack, the lowest first.
fn chains(layers: &[DiffId]) -> impl Iterator<Item = ChainId> {
    let next = |chain: &mut Option<ChainId>, layer: &DiffId| {
        *chain = Some(chain.map_or_else(|| ChainId::first(*layer), |chain| chain.then(*layer)));
        *chain
    };
    layers.iter().scan(None, next)
}

/// The bases so far, by their layers.
#[derive(Default)]
pub(super) struct Bases {
    by_layers: BTreeMap<Vec<DiffId>, BaseRow>,
    /// Images of which no base is known.
    none: Option<BaseRow>,
}

impl Bases {
    /// Counts an image.
    pub(super) fn add(&mut self, image: &ImageRow, diff_ids: &[DiffId]) {
        let new = || BaseRow {
            name: None,
            layers: None,
            images: 0,
            total_bytes: 0,
            wasted_bytes: 0,
            killed_bytes: 0,
            own_bytes: 0,
            own_wasted_bytes: 0,
        };
        let row = match &image.base {
            None => self.none.get_or_insert_with(new),
            Some(base) => {
                let row = self.by_layers.entry(diff_ids[..base.layers].to_vec()).or_insert_with(|| BaseRow {
                    layers: Some(base.layers),
                    total_bytes: base.total_bytes,
                    wasted_bytes: base.wasted_bytes,
                    ..new()
                });
                // of several names the first
                if let Some(name) = &base.name
                    && row.name.as_ref().is_none_or(|known| name < known)
                {
                    row.name = Some(name.clone());
                }
                row.killed_bytes += base.killed_bytes;
                row
            }
        };
        row.images += 1;
        row.own_bytes += image.own_bytes;
        row.own_wasted_bytes += image.own_wasted_bytes;
    }

    /// Those whose images waste most, first.
    pub(super) fn rows(self) -> Vec<BaseRow> {
        let mut rows: Vec<BaseRow> = self.by_layers.into_values().chain(self.none).collect();
        let wasted = |row: &BaseRow| row.wasted_bytes + row.killed_bytes + row.own_wasted_bytes;
        rows.sort_by(|a, b| (wasted(b), b.images, &a.name).cmp(&(wasted(a), a.images, &b.name)));
        rows
    }
}
