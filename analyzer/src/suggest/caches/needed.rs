//! Caches that a later RUN needs again: they cannot go before it, but at the end of a chain that has both.

use super::{
    super::{DeadBytes, Recipe, segment::Run},
    Along, Caches, End, Portion, Scene, Tally, left, removal,
};

/// What chains could remove at their end.
#[derive(Default)]
pub(in crate::suggest) struct Needed<'t> {
    tally: Option<&'t Tally>,
    list: Vec<Reach>,
}

/// From the RUN that left a cache to the last one that needs it.
struct Reach {
    made: usize,
    needed: usize,
    patterns: Vec<usize>,
    bytes: u64,
}

impl<'t> Needed<'t> {
    /// Where caches are cleaned up: with a mount in both, the later RUN finds them without a chain.
    pub(in crate::suggest) fn of(scene: &Scene<'_>, tally: &'t Tally) -> Self {
        let mut list = Vec::new();
        for (layer, portions) in tally.layers().filter(|_| scene.caches == Caches::CleanUp) {
            for left in
                left(scene, tally, layer, portions).iter().filter(|left| left.is_shown() && !left.is_suppressed())
            {
                let Some(last) = left.needing.last() else { continue };
                let shown = || left.portions.iter().filter(|portion| portion.end == End::Shown);
                let reach = |needed| Reach {
                    made: layer,
                    needed,
                    patterns: shown().map(|portion| portion.pattern).collect(),
                    bytes: shown().map(|portion| portion.bytes).sum(),
                };
                list.extend(scene.recipe.steps.iter().rposition(|step| step == &Some(*last)).map(reach));
            }
        }
        Self { tally: Some(tally), list }
    }

    /// The caches, as if the RUN that needs them last had killed them.
    pub(in crate::suggest) fn dead(&self) -> Vec<DeadBytes> {
        let dead = |reach: &Reach| DeadBytes { creator: reach.made, killer: reach.needed, bytes: reach.bytes };
        self.list.iter().map(dead).collect()
    }

    /// What a chain of these layers can remove at its end, after its last RUN; `None` where that is nothing, or nothing
    /// can follow that RUN.
    pub(in crate::suggest) fn at_end(
        &self,
        recipe: &Recipe<'_>,
        (first, last): (usize, usize),
        run: &Run<'_>,
    ) -> Option<Along> {
        let within = self.list.iter().filter(|reach| first <= reach.made && reach.needed <= last);
        let mut numbers: Vec<usize> = within.flat_map(|reach| reach.patterns.iter().copied()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let tally = self.tally.filter(|_| !numbers.is_empty())?;
        let patterns: Vec<&str> = numbers.iter().map(|number| tally.pattern(*number)).collect();
        let (_, text) = removal(recipe, run, &patterns).ok()?;
        // what dies within the chain is part of its price already
        let is_left = |portion: &&Portion| {
            numbers.contains(&portion.pattern) && portion.end.killer().is_none_or(|killer| killer > last)
        };
        let left = tally.within(first, last).iter().filter(is_left).copied().collect();
        Some(Along {
            title: format!(", and remove {} at the end", patterns.join(" ")),
            removes: patterns.into_iter().map(str::to_owned).collect(),
            left,
            text,
            ..Along::default()
        })
    }
}
