//! What RUNs left in the caches of package managers, for each what became of it.
//!
//! A RUN that empties a cache at its end saves what the image shows of it, and also what a later layer replaced or
//! removed: the bytes of both are in the layer.

use std::collections::{BTreeMap, HashMap, HashSet};

use strata_image::{layer::LayerPath, view::NodeKind};

use super::{Caches, directory, linked::Linked, places::CACHES};
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
    /// The number of the suppression that is about it.
    pub(crate) suppressed: Option<usize>,
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
    /// Files with content that RUNs wrote in directories of caches, and that are of none: the layer, and where.
    strays: Vec<(usize, String)>,
    /// What layers killed in those directories: who made it, who killed it, and where.
    killed: Vec<(usize, usize, String)>,
}

impl Tally {
    /// Walks the image, and what died in it.
    pub(in crate::suggest) fn of(scene: &Scene<'_>) -> Self {
        let places = Places::all();
        let cache = |path: &LayerPath| places.find(path).map(|(cache, _)| cache);
        let mut linked = Linked::of(scene.ledger);
        let mut counting = Counting::default();
        let is_run = |layer: usize| scene.run(layer).is_some();
        let is_mounting = scene.caches == Caches::Mount;
        let (mut strays, mut killed) = (Vec::new(), Vec::new());
        let mut seen = HashSet::new();
        scene.ledger.view().walk(&mut |node| {
            let layer = node.inode.layer as usize;
            if node.meta.kind != NodeKind::File || node.meta.size == 0 || !is_run(layer) {
                return;
            }
            let Some((number, pattern)) = places.find(&node.path) else {
                if is_mounting && places.is_near(&node.path) {
                    strays.push((layer, path_text(node.path.as_bytes())));
                }
                return;
            };
            if node.links > 1 && !seen.insert(node.inode) || linked.keeps(node.inode, &cache) {
                return;
            }
            let rule = CACHES[number].rule;
            let suppressed = scene.accepted.and_then(|it| it.live(rule, layer, node.path.as_bytes()));
            counting.add((layer, number, pattern), End::Shown, suppressed, node.meta.size);
        });
        for dead in scene.ledger.dead() {
            let layer = dead.creator();
            let found = places.find(&dead.path);
            if is_mounting && (found.is_some() || places.is_near(&dead.path)) {
                killed.push((layer, dead.killer, path_text(dead.path.as_bytes())));
            }
            if dead.bytes == 0 || dead.killer == layer || !is_run(layer) {
                continue;
            }
            let end = match dead.kind {
                Death::Whiteout | Death::Opaque => End::Removed(dead.killer),
                _ => End::Replaced(dead.killer),
            };
            match found {
                Some(_) if linked.keeps(dead.inode, &cache) => {}
                Some((number, pattern)) => {
                    counting.add((layer, number, pattern), end, scene.suppression(dead), dead.bytes);
                }
                None if is_mounting && places.is_near(&dead.path) => {
                    strays.push((layer, path_text(dead.path.as_bytes())));
                }
                None => {}
            }
        }
        let needing = CACHES.iter().map(|cache| cache.needing(scene.recipe.file)).collect();
        Self { needing, strays, killed, ..counting.finish() }
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

    /// A file of these layers that is of no cache, in one of the directories that are meant.
    pub(super) fn stray(&self, first: usize, last: usize, is_meant: &dyn Fn(&str) -> bool) -> Option<&str> {
        let is_stray = |(layer, path): &&(usize, String)| (first..=last).contains(layer) && is_meant(path);
        self.strays.iter().find(is_stray).map(|(_, path)| path.as_str())
    }

    /// What these layers killed there: who made it, and where.
    pub(super) fn killed_by(&self, first: usize, last: usize) -> impl Iterator<Item = (usize, &str)> {
        let killed = self.killed.iter().filter(move |(_, killer, _)| (first..=last).contains(killer));
        killed.map(|(creator, _, path)| (*creator, path.as_str()))
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

/// All of them.
struct Places {
    list: Vec<Place>,
    /// Directories that hold caches among other things.
    directories: Vec<Target>,
}

impl Places {
    fn all() -> Self {
        let patterns = CACHES
            .iter()
            .enumerate()
            .flat_map(|(cache, known)| known.patterns.iter().map(move |pattern| (cache, *pattern)));
        let place = |(cache, pattern): (usize, &'static str)| {
            let is_listed = pattern.rsplit('/').next().is_some_and(|name| name.contains('*'));
            Some(Place { cache, pattern, target: Target::tree(pattern)?, is_listed })
        };
        let list: Vec<Place> = patterns.filter_map(place).collect();
        let listed = list.iter().filter(|place| place.is_listed);
        let directories = listed.filter_map(|place| Target::tree(directory(place.pattern))).collect();
        Self { list, directories }
    }

    /// The number of the cache that a file belongs to, and the pattern that removes it.
    fn find(&self, path: &LayerPath) -> Option<(usize, String)> {
        self.list.iter().find_map(|place| Some((place.cache, place.remover(path)?)))
    }

    /// Whether a file lies in a directory that holds caches among other things.
    fn is_near(&self, path: &LayerPath) -> bool {
        self.directories.iter().any(|directory| directory.named(path).is_some())
    }
}

impl Place {
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
    numbers: HashMap<String, usize>,
    sums: BTreeMap<(usize, usize, usize, End, Option<usize>), u64>,
}

impl Counting {
    /// Adds bytes that a layer has of a cache, which a pattern removes.
    fn add(
        &mut self,
        (layer, cache, pattern): (usize, usize, String),
        end: End,
        suppressed: Option<usize>,
        bytes: u64,
    ) {
        let next = self.numbers.len();
        let pattern = *self.numbers.entry(pattern).or_insert(next);
        *self.sums.entry((layer, cache, pattern, end, suppressed)).or_default() += bytes;
    }

    fn finish(self) -> Tally {
        let mut patterns = vec![String::new(); self.numbers.len()];
        for (pattern, number) in self.numbers {
            patterns[number] = pattern;
        }
        let portion = |((layer, cache, pattern, end, suppressed), bytes)| Portion {
            layer,
            cache,
            pattern,
            end,
            suppressed,
            bytes,
        };
        Tally { portions: self.sums.into_iter().map(portion).collect(), patterns, ..Tally::default() }
    }
}
