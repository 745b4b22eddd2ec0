//! Suggestions beside each other: which of them can be applied together, and what they save then.
//!
//! A cache that one RUN leaves and the next one overwrites is gone when either the two are chained or the first one
//! removes it: each of both suggestions saves those bytes, and both together save them once. Where a chain ends in a RUN
//! that removes a cache, what its other RUNs left there goes too.

use std::collections::BTreeSet;

use strata_dockerfile::edit::Edit;

use super::{CHAIN_RUNS, Caches, PACKAGE_CACHES, Suggestion};

/// Content bytes that these suggestions save when all of them are applied, exactly.
pub fn together<'s>(suggestions: impl Iterator<Item = &'s Suggestion>) -> u64 {
    let suggestions: Vec<&Suggestion> = suggestions.collect();
    let mut chains: Vec<(usize, usize)> = suggestions
        .iter()
        .filter(|made| made.rule == CHAIN_RUNS)
        .filter_map(|chain| Some((*chain.layers.first()?, *chain.layers.last()?)))
        .collect();
    chains.sort_unstable();
    // chains do not overlap
    let chain_of = |layer: usize| {
        let before = chains.partition_point(|(first, _)| *first <= layer).checked_sub(1)?;
        chains.get(before).filter(|(_, last)| layer <= *last)
    };
    let is_one = |a: usize, b: usize| a == b || chain_of(a).is_some_and(|chain| chain_of(b) == Some(chain));
    let mut counted = BTreeSet::new();
    let mut sum = 0_u64;
    for suggestion in suggestions {
        let own: u64 = suggestion.left.iter().filter(|left| suggestion.holds(left.layer)).map(|left| left.bytes).sum();
        sum = sum.saturating_add(suggestion.saves_bytes.saturating_sub(own));
        let Some(last) = suggestion.layers.last() else { continue };
        for left in suggestion.left.iter().filter(|left| is_one(left.layer, *last)) {
            // what dies within a chain is part of its price
            let dies_within = left.end.killer().is_some_and(|killer| is_one(left.layer, killer));
            if !dies_within && counted.insert(*left) {
                sum = sum.saturating_add(left.bytes);
            }
        }
    }
    sum
}

/// What a suggestion saves beside others, as far as these can be applied.
pub(super) fn saves_beside(suggestion: &Suggestion, others: &[Suggestion]) -> u64 {
    let others = || others.iter().filter(|other| other.is_possible());
    together(others().chain([suggestion])).saturating_sub(together(others()))
}

/// Marks each suggestion that changes what one before it changes, unless that is an alternative itself.
pub(super) fn mark_alternatives(suggestions: &mut [Suggestion], caches: Caches) {
    for place in 1..suggestions.len() {
        let (before, rest) = suggestions.split_at_mut(place);
        let mut applied = before.iter().filter(|other| !other.alternative && other.is_possible());
        let is_alternative = |other: &Suggestion| meet(other, &rest[0]) || exclude(other, &rest[0], caches);
        rest[0].alternative = rest[0].is_possible() && applied.any(is_alternative);
    }
}

/// Drops alternatives that save nothing more: of a cache in the middle of a chain, what the chain's end removes.
pub(super) fn drop_repeated(suggestions: &mut Vec<Suggestion>) {
    let applied: Vec<Suggestion> =
        suggestions.iter().filter(|made| made.is_possible() && !made.alternative).cloned().collect();
    let is_alternative = |made: &Suggestion| made.alternative && made.rule == PACKAGE_CACHES;
    suggestions.retain(|made| !is_alternative(made) || saves_beside(made, &applied) > 0);
}

/// Whether both change the same lines, or one adds to the end of what the other takes away.
fn meet(one: &Suggestion, other: &Suggestion) -> bool {
    let is_within = |a: &Edit, b: &Edit| a.span.start < b.span.end && b.span.start < a.span.end;
    let is_insertion = |edit: &Edit| edit.span.start == edit.span.end;
    let adds_to = |a: &Edit, b: &Edit| is_insertion(a) && a.span.start == b.span.end && b.replacement.is_empty();
    let meet = |a: &Edit, b: &Edit| is_within(a, b) || adds_to(a, b) || adds_to(b, a);
    one.edits.iter().any(|a| other.edits.iter().any(|b| meet(a, b)))
}

/// Whether a chain and what is done for the cache of one of its RUNs would do more together than each says: a mount would
/// be there for all of the chain, and what is inserted where the chain goes on would come after it.
fn exclude(one: &Suggestion, other: &Suggestion, caches: Caches) -> bool {
    let (chain, cache) = match (one.rule, other.rule) {
        (CHAIN_RUNS, PACKAGE_CACHES) => (one, other),
        (PACKAGE_CACHES, CHAIN_RUNS) => (other, one),
        _ => return false,
    };
    let goes_on_there =
        |at: &Edit| at.span.start == at.span.end && chain.edits.iter().any(|edit| edit.span.end == at.span.end);
    let is_part = cache.layers.iter().any(|layer| chain.holds(*layer));
    is_part
        && (caches == Caches::Mount
            || cache.layers.last() != chain.layers.last() && cache.edits.iter().any(goes_on_there))
}

impl Suggestion {
    /// Whether a layer is one of its layers.
    pub(super) fn holds(&self, layer: usize) -> bool {
        self.layers.contains(&layer)
    }
}
