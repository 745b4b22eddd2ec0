//! Cache mounts of a whole chain: what one of its RUNs leaves in a cache is then in no layer, and neither is what the others
//! leave there.
//!
//! A mount also hides what was there before the chain, and takes along whatever else is written below it. Where a RUN of the chain
//! removes the one, or writes the other, the mount is none of the chain's.

use std::collections::BTreeSet;

use super::{
    super::{MinSaving, Suggestion},
    Along, CACHES, Caches, Portion, Scene, Tally, Wanted, is_below, left, mount_flags, mounts,
};

/// What chains could mount.
#[derive(Default)]
pub(in crate::suggest) struct Mounted<'t> {
    tally: Option<&'t Tally>,
    list: Vec<Cached>,
    /// RUNs that mount what they leave, by their layers: nobody finds it after them.
    mounting: Vec<usize>,
    min_saving: MinSaving,
    total: u64,
}

/// What one RUN leaves in one cache.
struct Cached {
    layer: usize,
    cache: usize,
    /// The layer of the last RUN that needs it.
    needed: Option<usize>,
}

impl<'t> Mounted<'t> {
    /// Where mounts are asked for. `kept` are those of RUNs by themselves.
    pub(in crate::suggest) fn of(scene: &Scene<'_>, tally: &'t Tally, kept: &[Suggestion]) -> Self {
        let mut list = Vec::new();
        for (layer, portions) in tally.layers().filter(|_| scene.caches == Caches::Mount) {
            for left in left(scene, tally, layer, portions).iter().filter(|left| !left.is_suppressed()) {
                let layer_of = |run: &usize| scene.recipe.steps.iter().rposition(|step| step == &Some(*run));
                let needing: Option<Vec<usize>> = left.needing.iter().map(layer_of).collect();
                // a RUN of another stage can be in no chain with it
                let (Some(needing), Some(portion)) = (needing, left.portions.first()) else { continue };
                list.push(Cached { layer, cache: portion.cache, needed: needing.into_iter().max() });
            }
        }
        let mounting = kept.iter().filter(|made| made.is_possible()).flat_map(|made| made.layers.iter().copied());
        Self {
            tally: Some(tally),
            list,
            mounting: mounting.collect(),
            min_saving: scene.min_saving,
            total: scene.ledger.total(),
        }
    }

    /// What a chain of these layers can mount; `None` where that is nothing, or would do more than it should.
    pub(in crate::suggest) fn of_chain(&self, (first, last): (usize, usize)) -> Option<Along> {
        let tally = self.tally?;
        // what dies within the chain is part of its price already
        let is_left = |portion: &&Portion| portion.end.killer().is_none_or(|killer| killer > last);
        let left = || tally.within(first, last).iter().filter(is_left);
        let is_within = |cached: &&Cached| {
            (first..=last).contains(&cached.layer) && cached.needed.is_none_or(|needed| needed <= last)
        };
        let within: BTreeSet<usize> = self.list.iter().filter(is_within).map(|cached| cached.cache).collect();
        let wanted: Vec<Wanted<'_>> = within
            .into_iter()
            .map(|cache| Wanted {
                cache: &CACHES[cache],
                patterns: left()
                    .filter(|portion| portion.cache == cache)
                    .map(|portion| tally.pattern(portion.pattern))
                    .collect(),
            })
            .filter(|wanted| !wanted.patterns.is_empty())
            .collect();
        let targets: Vec<&str> = mounts(&wanted).into_iter().map(|(target, _)| target).collect();
        let is_mounted = |path: &str| targets.iter().any(|target| is_below(path, target));
        let is_found = |creator: usize| creator < first && !self.mounting.contains(&creator);
        let kills = tally.killed_by(first, last).any(|(creator, path)| is_found(creator) && is_mounted(path));
        if kills || tally.stray(first, last, &is_mounted).is_some() {
            return None;
        }
        let left: Vec<Portion> = left().filter(|portion| is_mounted(tally.pattern(portion.pattern))).copied().collect();
        let saves: u64 = left.iter().map(|portion| portion.bytes).sum();
        (saves > 0 && self.min_saving.admits(saves, self.total)).then(|| Along {
            title: format!(", with cache mounts over {}", targets.join(" ")),
            removes: targets.iter().map(|target| format!("{target}/*")).collect(),
            flags: mount_flags(&wanted),
            left,
            ..Along::default()
        })
    }
}
