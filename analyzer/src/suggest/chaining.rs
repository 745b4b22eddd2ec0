//! Which RUNs to make one, and why others are not: chains for bytes that die between RUNs, each with its price.

use std::{cmp::Reverse, collections::BTreeMap};

use strata_dockerfile::edit;

use super::{
    CHAIN_RUNS, Costs, Recipe, Suggestion,
    caches::{Along, Mounted, Needed},
    enumerate,
    partition::{self, Point},
    priced, rewrite,
    segment::{Plan, Segment},
    unshipped,
};
use crate::{Ledger, ledger::BrokenLink};

/// Bytes that one layer made and another killed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DeadBytes {
    /// The layer that made them.
    pub creator: usize,
    /// The layer that killed them.
    pub killer: usize,
    /// How many.
    pub bytes: u64,
}

/// What the layers show: the price of chaining, and where it would change the result.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// Dead bytes, one entry for each creator and killer.
    pub dead: Vec<DeadBytes>,
    /// Links that stayed together in one layer, and broke between two.
    pub broken_links: Vec<BrokenLink>,
    /// What it takes to make the layers again.
    pub costs: Costs,
}

impl Evidence {
    /// Takes from a ledger what chaining needs.
    pub fn of(ledger: &Ledger) -> Self {
        let mut dead = BTreeMap::new();
        for inode in ledger.dead() {
            *dead.entry((inode.creator(), inode.killer)).or_default() += inode.bytes;
        }
        let dead = dead.into_iter().map(|((creator, killer), bytes)| DeadBytes { creator, killer, bytes }).collect();
        Self { dead, broken_links: ledger.broken_links().to_vec(), costs: Costs::default() }
    }
}

/// Proposes which RUN instructions to chain: the possible suggestions first, then the refused ones, each by bytes saved.
///
/// Every range is as short as its saving allows, and what saves nothing is not proposed.
///
/// ```
/// use strata_analyzer::suggest::{chain, DeadBytes, Evidence, Recipe};
///
/// let source = b"FROM busybox\nRUN dd if=/dev/zero of=50M.file bs=1M count=50\nRUN rm -rf 50M.file\n";
/// let parsed = strata_dockerfile::parse(source);
/// let recipe = Recipe {
///     name: "Dockerfile",
///     source,
///     file: &parsed.file,
///     steps: &[None, Some(1), Some(2)],
///     base_shell: None,
/// };
/// let dead = vec![DeadBytes { creator: 1, killer: 2, bytes: 52_428_800 }];
/// let suggestions = chain(&recipe, &Evidence { dead, ..Evidence::default() });
///
/// assert_eq!(suggestions[0].saves_bytes, 52_428_800);
/// assert_eq!(suggestions[0].title, "chain the RUNs of lines 2 and 3: saves 52.4MB (52428800 bytes)");
/// assert_eq!(
///     strata_dockerfile::edit::apply(source, &suggestions[0].edits).unwrap(),
///     b"FROM busybox\nRUN dd if=/dev/zero of=50M.file bs=1M count=50 \\\n && rm -rf 50M.file\n",
/// );
/// ```
pub fn chain(recipe: &Recipe<'_>, evidence: &Evidence) -> Vec<Suggestion> {
    chain_beside(recipe, evidence, &Beside::default())
}

/// What matters to chaining beside the layers.
#[derive(Default)]
pub(super) struct Beside<'t> {
    /// Dead bytes that the rule of caches saves anyway, or that suppressions are about: no reason to chain, but part of what
    /// a chain saves.
    pub(super) saved: Vec<DeadBytes>,
    pub(super) needed: Needed<'t>,
    pub(super) mounted: Mounted<'t>,
    /// Those of suppressions, each with the number of its own.
    pub(super) suppressed: Vec<(DeadBytes, usize)>,
}

pub(super) fn chain_beside(recipe: &Recipe<'_>, evidence: &Evidence, beside: &Beside<'_>) -> Vec<Suggestion> {
    let plan = Plan::of(recipe);
    let mut suggestions: Vec<Suggestion> = Vec::new();
    for segment in &plan.segments {
        let reasons = segment.local(&[evidence.dead.as_slice(), &beside.needed.dead()].concat());
        suggestions.extend(chains_for(recipe, segment, (evidence, beside), &reasons));
    }
    let rest: Vec<DeadBytes> = evidence.dead.iter().copied().filter(|dead| !is_answered(&suggestions, *dead)).collect();
    suggestions.extend(rest.iter().filter_map(|dead| refuse(recipe, &plan, evidence, *dead)));
    suggestions.extend(refuse_base(recipe, &rest));
    suggestions.extend(unshipped::find(recipe));
    suggestions.sort_by_key(|suggestion| {
        (suggestion.refused.is_some(), Reverse(suggestion.saves_bytes), suggestion.layers.clone())
    });
    suggestions
}

/// The chains that would be proposed for bytes that suppressions are about and none of these chains saves, each with the numbers
/// of its suppressions.
pub(super) fn suppressed_chains(
    recipe: &Recipe<'_>,
    evidence: &Evidence,
    beside: &Beside<'_>,
    chains: &[Suggestion],
) -> Vec<(Suggestion, Vec<usize>)> {
    let left: Vec<(DeadBytes, usize)> =
        beside.suppressed.iter().copied().filter(|(dead, _)| !is_answered(chains, *dead)).collect();
    let dead: Vec<DeadBytes> = left.iter().map(|(dead, _)| *dead).collect();
    let mut suggestions = Vec::new();
    for segment in &Plan::of(recipe).segments {
        suggestions.extend(chains_for(recipe, segment, (evidence, beside), &segment.local(&dead)));
    }
    let numbers = |chain: &Suggestion| {
        let own = left.iter().filter(|(dead, _)| is_answered(std::slice::from_ref(chain), *dead));
        own.map(|(_, number)| *number).collect()
    };
    let with_numbers = |chain: Suggestion| {
        let numbers = numbers(&chain);
        (chain, numbers)
    };
    suggestions.into_iter().map(with_numbers).collect()
}

/// Whether one of these chains has the layer that made the bytes, and the one that killed them.
fn is_answered(chains: &[Suggestion], dead: DeadBytes) -> bool {
    chains.iter().any(|chain| chain.holds(dead.creator) && chain.holds(dead.killer))
}

/// The best chains of a segment for these reasons, dead bytes by its own numbers.
fn chains_for(
    recipe: &Recipe<'_>,
    segment: &Segment<'_>,
    (evidence, beside): (&Evidence, &Beside<'_>),
    reasons: &[DeadBytes],
) -> Vec<Suggestion> {
    let dead = segment.local(&[evidence.dead.as_slice(), &beside.saved].concat());
    let ranges = partition::best(&segment.row(recipe, evidence, reasons));
    let chain = |range| propose(recipe, segment, (evidence, beside), &dead, range);
    ranges.into_iter().filter_map(chain).collect()
}

/// How many bytes chaining can save by merging so many steps into others, at best: no two points of equal bytes.
pub(super) fn frontier(recipe: &Recipe<'_>, evidence: &Evidence) -> Vec<Point> {
    let rows: Vec<_> = Plan::of(recipe)
        .segments
        .iter()
        .map(|segment| partition::frontier(&segment.row(recipe, evidence, &segment.local(&evidence.dead))))
        .collect();
    partition::joined(&rows)
}

/// Writes the edit for one range; refused when the edited file would not read back as meant, and `None` where it saves
/// nothing after all.
fn propose(
    recipe: &Recipe<'_>,
    segment: &Segment<'_>,
    (evidence, beside): (&Evidence, &Beside<'_>),
    dead: &[DeadBytes],
    range: partition::Range,
) -> Option<Suggestion> {
    let runs = &segment.runs[range.first..=range.last];
    let lines: Vec<u32> = runs.iter().map(|run| run.instruction.lines.0).collect();
    let (first, last) = (segment.first_layer + range.first, segment.first_layer + range.last);
    let is_inside =
        |dead: &&DeadBytes| range.first <= dead.creator && dead.creator < dead.killer && dead.killer <= range.last;
    let mut made: Vec<(usize, u64)> =
        dead.iter().filter(is_inside).map(|dead| (segment.first_layer + dead.creator, dead.bytes)).collect();
    let at_end = beside.needed.at_end(recipe, (first, last), runs.last()?);
    let along = at_end.or_else(|| beside.mounted.of_chain((first, last))).unwrap_or_default();
    let Along { title: also, removes, left, text, flags } = along;
    made.extend(left.iter().map(|left| (left.layer, left.bytes)));
    let saves = made.iter().map(|(_, bytes)| bytes).sum();
    let title = format!("chain the RUNs of lines {}{also}: saves {}", enumerate(&lines), priced(saves));
    let cost = evidence.costs.of_chain(first, last);
    let chained =
        Suggestion { cost, made, ..Suggestion::new(CHAIN_RUNS, title, saves, (first..=last).collect(), lines) };
    let suggestion = match rewrite::edits(recipe, runs, &flags, &text) {
        Ok((edits, after)) => {
            let edit = Some(edit::unified_diff(recipe.diff_name(), recipe.source, &after));
            Suggestion { edit, removes, edits, left, ..chained }
        }
        Err(reason) => {
            Suggestion { title: format!("{}, but {reason}", chained.title), refused: Some(reason), ..chained }
        }
    };
    (saves > 0).then_some(suggestion)
}

/// Says why bytes that one instruction made and another killed cannot be saved by chaining the two.
fn refuse(recipe: &Recipe<'_>, plan: &Plan<'_>, evidence: &Evidence, dead: DeadBytes) -> Option<Suggestion> {
    if dead.creator == dead.killer || dead.bytes == 0 {
        return None;
    }
    let step = |layer: usize| recipe.steps.get(layer).copied().flatten();
    let (made, killed) = (step(dead.creator)?, step(dead.killer)?);
    let cost = evidence.costs.of_chain(dead.creator, dead.killer);
    let reason = plan.reason(made, killed, dead, &evidence.broken_links, cost);
    let line = |instruction: usize| Some(recipe.file.instructions.get(instruction)?.lines.0);
    let lines = vec![line(made)?, line(killed)?];
    let title = format!("lines {} cannot be chained to save {}: {reason}", enumerate(&lines), priced(dead.bytes));
    let suggestion = Suggestion::new(CHAIN_RUNS, title, dead.bytes, vec![dead.creator, dead.killer], lines);
    Some(Suggestion { refused: Some(reason), cost, ..suggestion })
}

/// Says of each instruction how many bytes of the base image it killed, which no chain can save.
fn refuse_base(recipe: &Recipe<'_>, dead: &[DeadBytes]) -> Vec<Suggestion> {
    let step = |layer: usize| recipe.steps.get(layer).copied().flatten();
    let mut killed: BTreeMap<usize, Vec<(usize, u64)>> = BTreeMap::new();
    for dead in dead.iter().filter(|dead| dead.bytes > 0 && step(dead.creator).is_none()) {
        killed.entry(dead.killer).or_default().push((dead.creator, dead.bytes));
    }
    let refused = |(killer, made): (usize, Vec<(usize, u64)>)| {
        let line = recipe.file.instructions.get(step(killer)?)?.lines.0;
        let bytes = made.iter().map(|(_, bytes)| bytes).sum();
        let reason = "the base image has them, and keeps them whatever is built on it: another base, or a COPY of what \
                      is wanted into a stage of its own, would not";
        let title = format!("line {line} cannot save {} of the base image: {reason}", priced(bytes));
        let layers = made.iter().map(|(layer, _)| *layer).chain([killer]).collect();
        let suggestion = Suggestion::new(CHAIN_RUNS, title, bytes, layers, vec![line]);
        Some(Suggestion { refused: Some(reason.to_owned()), made, ..suggestion })
    };
    killed.into_iter().filter_map(refused).collect()
}
