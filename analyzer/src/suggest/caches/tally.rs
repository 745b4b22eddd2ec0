//! What RUNs left in the caches of package managers, for each what became of it.
//!
//! A RUN that empties a cache at its end saves what the image shows of it, and also what a later layer replaced or
//! removed: the bytes of both are in the layer.

use std::collections::{BTreeMap, HashMap, HashSet};

use strata_image::{layer::LayerPath, view::NodeKind};

use super::places::CACHES;
use crate::{
    ledger::Kind as Death,
    path_text,
    suggest::{Scene, target::Target},
};

/// Bytes of one cache that one RUN made, and that came to the same end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Portion {
    /// The layer of the RUN.
    pub(crate) layer: usize,
    /// The number of the cache.
    pub(super) cache: usize,
    /// The number of the pattern that removes it.
    pub(crate) pattern: usize,
    /// What became of it.
    pub(crate) end: End,
    /// How many.
    pub(crate) bytes: u64,
}

/// What became of files, and in which layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// The image shows them.
    Shown,
    /// Others took their names.
    Replaced(usize),
    /// They were removed, as someone wanted who wrote the Dockerfile.
    Removed(usize),
}

impl End {
    /// The layer that killed the files.
    pub(crate) fn killer(self) -> Option<usize> {
        match self {
            Self::Shown => None,
            Self::Replaced(layer) | Self::Removed(layer) => Some(layer),
        }
    }
}

/// All that is left of all caches.
#[derive(Default)]
pub(in crate::suggest) struct Tally {
    /// In the order of their layers.
    portions: Vec<Portion>,
    /// What to remove: patterns, and the directories that were found.
    patterns: Vec<String>,
    /// For each cache, the RUNs that need it, by their place in the file.
    needing: Vec<Vec<usize>>,
}

impl Tally {
    /// Walks the image, and what died in it.
    pub(in crate::suggest) fn of(scene: &Scene<'_>) -> Self {
        let mut counting = Counting { places: Place::all(), ..Counting::default() };
        let is_run = |layer: usize| scene.run(layer).is_some();
        let mut seen = HashSet::new();
        scene.ledger.view().walk(&mut |node| {
            let layer = node.inode.layer as usize;
            if node.meta.kind != NodeKind::File || node.meta.size == 0 || !is_run(layer) {
                return;
            }
            let Some((cache, pattern)) = counting.place(&node.path) else { return };
            if node.links > 1 && !seen.insert(node.inode) {
                return;
            }
            counting.add(Portion { layer, cache, pattern, end: End::Shown, bytes: node.meta.size });
        });
        for dead in scene.ledger.dead() {
            let layer = dead.creator();
            if dead.bytes == 0 || dead.killer == layer || !is_run(layer) {
                continue;
            }
            let end = match dead.kind {
                Death::Whiteout | Death::Opaque => End::Removed(dead.killer),
                _ => End::Replaced(dead.killer),
            };
            if let Some((cache, pattern)) = counting.place(&dead.path) {
                counting.add(Portion { layer, cache, pattern, end, bytes: dead.bytes });
            }
        }
        let needing = CACHES.iter().map(|cache| cache.needing(scene.recipe.file)).collect();
        Self { needing, ..counting.finish() }
    }

    /// The RUNs after an instruction that need a cache.
    pub(super) fn needing(&self, cache: usize, index: usize) -> &[usize] {
        let all = self.needing.get(cache).map_or(&[][..], Vec::as_slice);
        all.get(all.partition_point(|needing| *needing <= index)..).unwrap_or_default()
    }

    /// The layers that left something, each with its portions.
    pub(super) fn layers(&self) -> impl Iterator<Item = (usize, &[Portion])> {
        let of_layer = |portions: &[Portion]| portions.first().map(|first| first.layer);
        self.portions.chunk_by(|a, b| a.layer == b.layer).filter_map(move |list| Some((of_layer(list)?, list)))
    }

    /// The portions of some layers.
    pub(super) fn within(&self, first: usize, last: usize) -> &[Portion] {
        let start = self.portions.partition_point(|portion| portion.layer < first);
        let end = self.portions.partition_point(|portion| portion.layer <= last);
        self.portions.get(start..end).unwrap_or_default()
    }

    /// A pattern by its number.
    pub(super) fn pattern(&self, number: usize) -> &str {
        self.patterns.get(number).map_or("", String::as_str)
    }
}

/// A pattern of a cache, ready to be matched.
struct Place {
    cache: usize,
    pattern: &'static str,
    target: Target,
    /// Whether its last name is a pattern, which then is what to remove.
    is_listed: bool,
}

impl Place {
    fn all() -> Vec<Self> {
        let patterns = CACHES
            .iter()
            .enumerate()
            .flat_map(|(cache, known)| known.patterns.iter().map(move |pattern| (cache, *pattern)));
        let place = |(cache, pattern): (usize, &'static str)| {
            let is_listed = pattern.rsplit('/').next().is_some_and(|name| name.contains('*'));
            Some(Self { cache, pattern, target: Target::tree(pattern)?, is_listed })
        };
        patterns.filter_map(place).collect()
    }

    /// What removes a file of this cache; `None` where it is none, or where no shell would read the name of the
    /// directory back as one word.
    fn remover(&self, path: &LayerPath) -> Option<String> {
        let named = self.target.named(path)?;
        let is_plain = named.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.+".contains(byte));
        (self.is_listed || is_plain).then(|| if self.is_listed { self.pattern.to_owned() } else { path_text(named) })
    }
}

#[derive(Default)]
struct Counting {
    places: Vec<Place>,
    numbers: HashMap<String, usize>,
    sums: BTreeMap<(usize, usize, usize, End), u64>,
}

impl Counting {
    /// The cache that a file belongs to, and the pattern that removes it, by their numbers.
    fn place(&mut self, path: &LayerPath) -> Option<(usize, usize)> {
        let (cache, pattern) = self.places.iter().find_map(|place| Some((place.cache, place.remover(path)?)))?;
        let next = self.numbers.len();
        Some((cache, *self.numbers.entry(pattern).or_insert(next)))
    }

    fn add(&mut self, portion: Portion) {
        let Portion { layer, cache, pattern, end, bytes } = portion;
        *self.sums.entry((layer, cache, pattern, end)).or_default() += bytes;
    }

    fn finish(self) -> Tally {
        let mut patterns = vec![String::new(); self.numbers.len()];
        for (pattern, number) in self.numbers {
            patterns[number] = pattern;
        }
        let portion = |((layer, cache, pattern, end), bytes)| Portion { layer, cache, pattern, end, bytes };
        Tally { portions: self.sums.into_iter().map(portion).collect(), patterns, needing: Vec::new() }
    }
}
