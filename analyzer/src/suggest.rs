//! Suggestions: changes of a Dockerfile, or of its ignore file, that save bytes, each with its price.
//!
//! | rule | what it does | price |
//! |---|---|---|
//! | [`CHAIN_RUNS`] | makes one RUN of several | bytes that one of them made and another killed |
//! | [`COPY_FLAGS`] | gives files their modes and owners where they are copied | bytes that a `chmod` or `chown` copied |
//! | [`MOVED_COPY`] | has a COPY put its files where a RUN moves them | bytes that the `mv` copied |
//! | [`PACKAGE_CACHES`] | keeps caches of package managers out of a layer | bytes of them that the layer has |
//! | [`UNKEPT_FILES`] | leaves files out of the context that a RUN removes | bytes that a COPY made and the RUN killed |
//!
//! Chaining:
//!
//! ```text
//! Dockerfile ─► segments of RUNs without a barrier ─► ranges that save bytes ─► edit at spans ─► read again
//!                    ▲ shell scanner                      ▲ dead inodes, broken links
//! ```
//!
//! Chaining layers `i` to `j` saves exactly the bytes of the inodes that were made in `i` or later and died in `j` or
//! earlier, in another layer than the one that made them. Against that stands what it costs later builds, where the times of
//! the steps are known. What would change the result is refused in words; that commands may not be deterministic is said
//! beside a suggestion, and is for a proof to decide.

mod attributes;
mod caches;
mod chance;
mod compressed;
mod copy_flags;
mod cost;
mod moved;
mod overlap;
mod partition;
mod parts;
mod places;
mod rewrite;
mod scene;
mod segment;
pub(crate) mod shell;
mod target;
mod unkept;
mod unshipped;
mod worth;

use std::{cmp::Reverse, collections::BTreeMap};

use serde::Serialize;
use strata_dockerfile::{
    Dockerfile,
    edit::{self, Edit},
};

use crate::{Ledger, ledger::BrokenLink, size_text};
use caches::{AtEnd, Needed, Portion};
pub use caches::{Caches, PACKAGE_CACHES};
pub use compressed::{Basis, Compressed};
pub use copy_flags::COPY_FLAGS;
pub use cost::{Again, Cost, Costs, SECOND, Times};
pub use moved::MOVED_COPY;
pub use overlap::together;
pub use partition::Point;
pub use scene::{Proposals, Scene, all};
use segment::{Plan, Segment};
pub use target::is_removed;
pub use unkept::{Context, Files, Found, UNKEPT_FILES};
pub use worth::MinSaving;

/// The rule of chaining.
pub const CHAIN_RUNS: &str = "chain-runs";

/// A change of the Dockerfile that saves bytes, or why there is none.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suggestion {
    /// One of the rules above.
    pub rule: &'static str,
    /// For people.
    pub title: String,
    /// Content bytes that the image no longer has afterwards, exactly. Of several see [`together`].
    pub saves_bytes: u64,
    /// What a registry no longer holds, as an estimate; `None` where nothing is saved.
    pub saves_compressed: Option<Compressed>,
    /// The layers that become one, or those that made the bytes and, last, the one that killed or copied them.
    pub layers: Vec<usize>,
    /// The first line of each of their instructions.
    pub lines: Vec<u32>,
    /// A unified diff of the Dockerfile, and of the ignore file; `None` where it is refused.
    pub edit: Option<String>,
    /// Files that the image loses by it, as patterns that [`is_removed`] reads. All else stays as it is.
    pub removes: Vec<String>,
    /// Lines for the end of the ignore file.
    pub ignore: Vec<String>,
    /// What is to be known beside it, each a sentence: commands that need not give the same when a proof runs them again.
    pub notes: Vec<String>,
    /// What a chain costs later builds; `None` for other rules, and where times are not known.
    pub cost: Option<Cost>,
    /// Whether another suggestion before it changes the same lines, so that its bytes are not to be added to theirs.
    pub alternative: bool,
    /// Why there is no edit, in words.
    #[serde(rename = "reason", skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// What changes in the Dockerfile. Edits of one rule's suggestions do not overlap.
    #[serde(skip)]
    pub edits: Vec<Edit>,
    /// The layers that made the bytes, each with how many.
    #[serde(skip)]
    pub(crate) made: Vec<(usize, u64)>,
    /// What it removes of caches: part of its price where it is of its own layers, and of what it saves beside a chain
    /// where it is of another RUN of that.
    #[serde(skip)]
    pub(crate) left: Vec<Portion>,
}

impl Suggestion {
    /// One that changes nothing yet.
    fn new(rule: &'static str, title: String, saves_bytes: u64, layers: Vec<usize>, lines: Vec<u32>) -> Self {
        Self {
            rule,
            title,
            saves_bytes,
            saves_compressed: None,
            made: layers.first().map(|layer| (*layer, saves_bytes)).into_iter().collect(),
            layers,
            lines,
            edit: None,
            removes: Vec::new(),
            ignore: Vec::new(),
            notes: Vec::new(),
            cost: None,
            alternative: false,
            refused: None,
            edits: Vec::new(),
            left: Vec::new(),
        }
    }

    /// Makes one that changes nothing of it, and says why.
    pub fn refuse(&mut self, reason: String) {
        self.title = format!("{}, but {reason}", self.title);
        self.refused = Some(reason);
        self.edit = None;
        self.edits.clear();
        self.ignore.clear();
        self.removes.clear();
        self.left.clear();
    }

    /// Whether there is something to apply.
    pub fn is_possible(&self) -> bool {
        self.refused.is_none() && !(self.edits.is_empty() && self.ignore.is_empty())
    }
}

/// A Dockerfile and what it made.
#[derive(Clone, Copy, Debug)]
pub struct Recipe<'a> {
    /// The Dockerfile's name, for the headers of the diff.
    pub name: &'a str,
    /// Its bytes.
    pub source: &'a [u8],
    /// What they say. A file with errors gives no suggestions that could be trusted.
    pub file: &'a Dockerfile,
    /// For each layer of the image, bottom first, the index of the instruction that made it; `None` for a base's.
    pub steps: &'a [Option<usize>],
    /// The base image's `Shell`, or the built image's where no SHELL instruction stands; `None` is docker's default.
    pub base_shell: Option<&'a [String]>,
}

impl Recipe<'_> {
    /// The name as `patch` takes it, which is never absolute and begins with no `./`.
    fn diff_name(&self) -> &str {
        self.name.trim_start_matches("./").trim_start_matches('/')
    }
}

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

/// What the rule of caches does, as far as it matters to chaining.
#[derive(Default)]
struct Beside<'t> {
    /// Dead bytes that it saves anyway: no reason to chain, but part of what a chain saves.
    saved: Vec<DeadBytes>,
    needed: Needed<'t>,
}

fn chain_beside(recipe: &Recipe<'_>, evidence: &Evidence, beside: &Beside<'_>) -> Vec<Suggestion> {
    let plan = Plan::of(recipe);
    let mut suggestions: Vec<Suggestion> = Vec::new();
    for segment in &plan.segments {
        let reasons = segment.local(&[evidence.dead.as_slice(), &beside.needed.dead()].concat());
        let dead = segment.local(&[evidence.dead.as_slice(), &beside.saved].concat());
        let ranges = partition::best(&segment.row(recipe, evidence, &reasons));
        let chain = |range| propose(recipe, segment, (evidence, beside), &dead, range);
        suggestions.extend(ranges.into_iter().filter_map(chain));
    }
    let is_answered = |dead: &DeadBytes| {
        let has_both = |layers: &[usize]| layers.contains(&dead.creator) && layers.contains(&dead.killer);
        suggestions.iter().any(|suggestion| has_both(&suggestion.layers))
    };
    let rest: Vec<DeadBytes> = evidence.dead.iter().copied().filter(|dead| !is_answered(dead)).collect();
    suggestions.extend(rest.iter().filter_map(|dead| refuse(recipe, &plan, evidence, *dead)));
    suggestions.extend(refuse_base(recipe, &rest));
    suggestions.extend(unshipped::find(recipe));
    suggestions.sort_by_key(|suggestion| {
        (suggestion.refused.is_some(), Reverse(suggestion.saves_bytes), suggestion.layers.clone())
    });
    suggestions
}

/// How many bytes chaining can save by merging so many steps into others, at best: no two points of equal bytes.
pub(crate) fn frontier(recipe: &Recipe<'_>, evidence: &Evidence) -> Vec<Point> {
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
    let AtEnd { removes, left, text } = beside.needed.at_end(recipe, (first, last), runs.last()?).unwrap_or_default();
    made.extend(left.iter().map(|left| (left.layer, left.bytes)));
    let saves = made.iter().map(|(_, bytes)| bytes).sum();
    let then =
        if removes.is_empty() { String::new() } else { format!(", and remove {} at the end", removes.join(" ")) };
    let title = format!("chain the RUNs of lines {}{then}: saves {}", enumerate(&lines), priced(saves));
    let cost = evidence.costs.of_chain(first, last);
    let chained =
        Suggestion { cost, made, ..Suggestion::new(CHAIN_RUNS, title, saves, (first..=last).collect(), lines) };
    let suggestion = match rewrite::edits(recipe, runs, &text) {
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

/// `4 and 5`, `4, 5 and 6`.
fn enumerate(lines: &[u32]) -> String {
    let words: Vec<String> = lines.iter().map(ToString::to_string).collect();
    match words.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} and {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// `52.4MB (52428800 bytes)`, and plain bytes below one kB.
fn priced(bytes: u64) -> String {
    match bytes {
        ..1_000 => format!("{bytes} bytes"),
        _ => format!("{} ({bytes} bytes)", size_text(bytes)),
    }
}
