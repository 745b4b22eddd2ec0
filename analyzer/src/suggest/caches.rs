//! What package managers leave in the layer of a RUN and nobody asks for again: lists, archives, caches.
//!
//! ```text
//! RUN apt-get update && apt-get install -y curl \
//!  && rm -rf /var/lib/apt/lists/*                     or, where asked for:  RUN --mount=type=cache,target=…
//! ```
//!
//! The price is that of the files that this RUN wrote, whether the image shows them or a later layer has killed them. The
//! root filesystem loses them, so a suggestion says which ones it removes, and a proof may excuse these and no others.
//! What a later RUN needs can go at the end of a chain that has both.

mod linked;
mod mounted;
mod needed;
mod places;
mod tally;

use std::collections::BTreeSet;

use strata_dockerfile::{Dockerfile, Instruction, Kind, Span, edit::Edit};

use super::{
    CHAIN_RUNS, Recipe, Scene, Suggestion, enumerate,
    parts::Parts,
    priced,
    rewrite::newline,
    segment::{Plan, Run},
    shell::PlainWord,
};
pub(super) use mounted::Mounted;
pub(super) use needed::Needed;
use places::{CACHES, Cache};
pub(super) use tally::{End, Portion, Tally};

/// The rule that these suggestions come from.
pub const PACKAGE_CACHES: &str = "package-caches";

/// How a RUN is kept from leaving caches in its layer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Caches {
    /// It removes them itself, or does not make them: every builder can do that.
    #[default]
    CleanUp,
    /// It has a cache mount where they lie, which also keeps them for the next build.
    Mount,
}

/// What a chain does for caches that its RUNs leave.
#[derive(Default)]
pub(super) struct Along {
    /// For its title.
    pub(super) title: String,
    pub(super) removes: Vec<String>,
    /// What goes by it.
    pub(super) left: Vec<Portion>,
    /// What follows its last command.
    pub(super) text: String,
    /// What follows its keyword.
    pub(super) flags: String,
}

/// What a RUN left of one cache.
struct Left<'t> {
    cache: &'static Cache,
    portions: &'t [Portion],
    /// The later RUNs that need it again, by their place in the file.
    needing: &'t [usize],
}

impl Left<'_> {
    fn is_shown(&self) -> bool {
        self.portions.iter().any(|portion| portion.end == End::Shown)
    }

    /// Whether all of it was removed later, as someone wanted who wrote the Dockerfile.
    fn is_removed(&self) -> bool {
        self.portions.iter().all(|portion| matches!(portion.end, End::Removed(_)))
    }

    /// Whether suppressions are about all of it. What goes of a cache is all of it or nothing.
    fn is_suppressed(&self) -> bool {
        self.portions.iter().all(|portion| portion.suppressed.is_some())
    }
}

/// Proposes to keep caches out of the layers of this Dockerfile's RUNs, where no later layer removes them.
pub(super) fn find(scene: &Scene<'_>, tally: &Tally) -> Vec<Suggestion> {
    let of_layer = |(layer, portions)| {
        let kept: Vec<Left<'_>> = left(scene, tally, layer, portions)
            .into_iter()
            .filter(|left| left.needing.is_empty() && !left.is_removed())
            .collect();
        suggestions(scene, tally, layer, kept)
    };
    tally.layers().flat_map(of_layer).collect()
}

/// Proposes it where a later layer removes them and no chain has both, and says why others cannot be kept out.
pub(super) fn rest(scene: &Scene<'_>, tally: &Tally, found: &[Suggestion]) -> Vec<Suggestion> {
    let is_made = |made: &Suggestion| made.is_possible() || !made.suppressed.is_empty();
    let chains: Vec<&Suggestion> = found.iter().filter(|made| made.rule == CHAIN_RUNS && is_made(made)).collect();
    let is_chained = |portion: &Portion| {
        let killer = portion.end.killer();
        chains.iter().any(|chain| chain.holds(portion.layer) && killer.is_some_and(|killer| chain.holds(killer)))
    };
    let goes_at_an_end =
        |left: &Left<'_>| chains.iter().any(|chain| left.portions.iter().any(|portion| chain.left.contains(portion)));
    let plan = Plan::of(&scene.recipe);
    let mut rest = Vec::new();
    for (layer, portions) in tally.layers() {
        let (wanted, needed): (Vec<_>, Vec<_>) =
            left(scene, tally, layer, portions).into_iter().partition(|left| left.needing.is_empty());
        let removed: Vec<Left<'_>> =
            wanted.into_iter().filter(|left| left.is_removed() && !left.portions.iter().all(is_chained)).collect();
        rest.extend(suggestions(scene, tally, layer, removed));
        let needed = needed.into_iter().filter(|left| left.is_shown() && !left.is_suppressed());
        for left in needed.filter(|left| !goes_at_an_end(left)) {
            let Some((made, (first, last))) = scene.run(layer).zip(left.needing.first().zip(left.needing.last()))
            else {
                continue;
            };
            let line = scene.recipe.file.instructions[*first].lines.0;
            let apart = plan
                .obstacle(made, *last)
                .map_or_else(String::new, |why| format!(", and cannot be chained to it: {why}"));
            let reason = format!("the RUN of line {line} needs the {} again{apart}", left.cache.name);
            rest.extend(refusal(scene, layer, &[left], reason));
        }
    }
    rest
}

/// Whether these suggestions save all that two RUNs, which cannot be chained, would have.
pub(super) fn answers(suggestions: &[Suggestion], refused: &Suggestion) -> bool {
    let (CHAIN_RUNS, Some(_), [creator, killer]) = (refused.rule, &refused.refused, refused.layers.as_slice()) else {
        return false;
    };
    let possible = suggestions.iter().filter(|made| made.is_possible());
    let left = possible.flat_map(|made| &made.left);
    let left = left.filter(|left| left.layer == *creator && left.suppressed.is_none());
    let saved: u64 = left.filter(|left| left.end.killer() == Some(*killer)).map(|left| left.bytes).sum();
    saved > 0 && saved >= refused.saves_bytes
}

/// To what a RUN at the end of a chain removes, adds what the other RUNs of the chain left there.
pub(super) fn reach_over_chains(tally: &Tally, found: &mut [Suggestion]) {
    let ends: Vec<(usize, usize)> = found
        .iter()
        .filter(|made| made.rule == CHAIN_RUNS && made.is_possible())
        .filter_map(|chain| Some((*chain.layers.first()?, *chain.layers.last()?)))
        .collect();
    for made in found.iter_mut().filter(|made| made.rule == PACKAGE_CACHES && made.is_possible()) {
        let chain = ends.iter().find(|(_, last)| made.layers.last() == Some(last));
        if let Some((first, last)) = chain.filter(|(first, last)| first < last) {
            let others = tally.within(*first, last - 1).iter();
            made.left.extend(others.filter(|other| made.removes.iter().any(|it| it == tally.pattern(other.pattern))));
        }
    }
}

/// What a RUN left, cache by cache.
fn left<'t>(scene: &Scene<'_>, tally: &'t Tally, layer: usize, portions: &'t [Portion]) -> Vec<Left<'t>> {
    let Some(index) = scene.run(layer) else { return Vec::new() };
    let of_cache = |portions: &'t [Portion]| {
        let number = portions.first()?.cache;
        Some(Left { cache: CACHES.get(number)?, portions, needing: tally.needing(number, index) })
    };
    portions.chunk_by(|a, b| a.cache == b.cache).filter_map(of_cache).collect()
}

fn names(left: &[Left<'_>]) -> String {
    left.iter().map(|left| left.cache.name).collect::<Vec<_>>().join(", ")
}

fn bytes(left: &[Left<'_>]) -> u64 {
    left.iter().flat_map(|left| left.portions).map(|portion| portion.bytes).sum()
}

fn refusal(scene: &Scene<'_>, layer: usize, left: &[Left<'_>], reason: String) -> Option<Suggestion> {
    let lines = scene.lines(&[layer]);
    let title = format!(
        "the {} of line {} cannot be kept out to save {}: {reason}",
        names(left),
        enumerate(&lines),
        priced(bytes(left))
    );
    // of what the image does not show it is said elsewhere why it stays
    left.iter().any(Left::is_shown).then(|| Suggestion {
        refused: Some(reason),
        ..Suggestion::new(PACKAGE_CACHES, title, bytes(left), vec![layer], lines)
    })
}

/// One for what is to go, and one that is left out for what suppressions are about.
fn suggestions(
    scene: &Scene<'_>,
    tally: &Tally,
    layer: usize,
    left: Vec<Left<'_>>,
) -> impl Iterator<Item = Suggestion> {
    let (suppressed, left): (Vec<_>, Vec<_>) = left.into_iter().partition(Left::is_suppressed);
    let numbers: Vec<usize> =
        suppressed.iter().flat_map(|left| left.portions).filter_map(|portion| portion.suppressed).collect();
    let untold =
        suggestion(scene, tally, layer, &suppressed).and_then(|suggestion| scene.suppress(suggestion, &numbers));
    suggestion(scene, tally, layer, &left).into_iter().chain(untold)
}

fn suggestion(scene: &Scene<'_>, tally: &Tally, layer: usize, left: &[Left<'_>]) -> Option<Suggestion> {
    let index = scene.run(layer).filter(|_| !left.is_empty())?;
    let wanted: Vec<Wanted<'_>> = left.iter().map(|left| Wanted::of(tally, left)).collect();
    let targets: Vec<&str> = mounts(&wanted).into_iter().map(|(target, _)| target).collect();
    let hidden = tally.stray(layer, layer, &|path| targets.iter().any(|target| is_below(path, target)));
    let edits = match (hidden, edits(scene, index, &wanted)) {
        (Some(path), _) => Err(format!("a mount would also take {path}, which is none of them")),
        (None, edits) => edits,
    };
    let edits = match edits {
        Ok(edits) => edits,
        Err(reason) => return refusal(scene, layer, left, reason),
    };
    let verb = match scene.caches {
        Caches::CleanUp => "out of the layer",
        Caches::Mount => "in a cache mount",
    };
    let lines = scene.lines(&[layer]);
    let title = format!(
        "keep the {} of the RUN of line {} {verb}: saves {}",
        names(left),
        enumerate(&lines),
        priced(bytes(left))
    );
    let removes: BTreeSet<String> = match scene.caches {
        Caches::CleanUp => wanted.iter().flat_map(|wanted| &wanted.patterns).map(|it| (*it).to_owned()).collect(),
        Caches::Mount => targets.iter().map(|target| format!("{target}/*")).collect(),
    };
    let suggestion = Suggestion {
        edits,
        removes: removes.into_iter().collect(),
        left: left.iter().flat_map(|left| left.portions).copied().collect(),
        ..Suggestion::new(PACKAGE_CACHES, title, bytes(left), vec![layer], lines)
    };
    Some(scene.finish(suggestion))
}

/// A cache that is to go, and what removes it.
struct Wanted<'t> {
    cache: &'static Cache,
    patterns: BTreeSet<&'t str>,
}

impl<'t> Wanted<'t> {
    fn of(tally: &'t Tally, left: &Left<'_>) -> Self {
        let patterns = left.portions.iter().map(|portion| tally.pattern(portion.pattern)).collect();
        Self { cache: left.cache, patterns }
    }
}

/// Has a RUN remove files at its end: the text, and where it goes.
pub(super) fn removal(recipe: &Recipe<'_>, run: &Run<'_>, patterns: &[&str]) -> Result<(usize, String), String> {
    if run.body.comment {
        return Err("it ends in a comment, after which nothing can be added".to_owned());
    }
    if run.body.background {
        return Err("it leaves something running, which its own end stops".to_owned());
    }
    let source = recipe.source.get(run.span.start..run.span.end).ok_or("its text is not there")?;
    let end = run.span.start + source.trim_ascii_end().len();
    let continuation = format!(" {}{}", recipe.file.escape, newline(&recipe.source[end..]));
    Ok((end, format!("{continuation} && rm -rf {}", patterns.join(" "))))
}

fn edits(scene: &Scene<'_>, index: usize, wanted: &[Wanted<'_>]) -> Result<Vec<Edit>, String> {
    let recipe = &scene.recipe;
    let instruction = &recipe.file.instructions[index];
    let insert = |at: usize, text: String| Edit { span: Span { start: at, end: at }, replacement: text };
    if scene.caches == Caches::Mount {
        return Ok(vec![insert(instruction.keyword.span.end, mount_flags(wanted))]);
    }
    let Kind::Run(words) = &instruction.kind else {
        return Err("it is no RUN".to_owned());
    };
    let (run, _) = Run::read(recipe, index, instruction, words)?;
    let parts = Parts::of(recipe, index).ok();
    let mut edits = Vec::new();
    let mut patterns = BTreeSet::new();
    for Wanted { cache, patterns: of_cache } in wanted {
        match parts.as_ref().and_then(|parts| cache.option(recipe, parts)) {
            Some((places, option)) => {
                edits.extend(places.into_iter().map(|word| insert(word.range.end, format!(" {option}"))));
            }
            None => patterns.extend(of_cache),
        }
    }
    if !patterns.is_empty() {
        let (end, text) = removal(recipe, &run, &patterns.into_iter().collect::<Vec<_>>())?;
        edits.push(insert(end, text));
    }
    Ok(edits)
}

/// The flags that mount caches.
fn mount_flags(wanted: &[Wanted<'_>]) -> String {
    let flag = |(target, is_locked): (&str, bool)| {
        let sharing = if is_locked { ",sharing=locked" } else { "" };
        format!(" --mount=type=cache,target={target}{sharing}")
    };
    mounts(wanted).into_iter().map(flag).collect()
}

/// The directories to mount caches over, none below another, and whether one build at a time may have each.
fn mounts<'t>(wanted: &[Wanted<'t>]) -> Vec<(&'t str, bool)> {
    let all: Vec<(&str, bool)> = wanted
        .iter()
        .flat_map(|wanted| wanted.patterns.iter().map(|pattern| (directory(pattern), wanted.cache.is_locked)))
        .collect();
    let is_inner = |inner: &str| all.iter().any(|(outer, _)| inner != *outer && is_below(inner, outer));
    let mut outermost: Vec<(&str, bool)> = all.iter().copied().filter(|(inner, _)| !is_inner(inner)).collect();
    outermost.sort_unstable();
    outermost.dedup();
    outermost
}

/// Whether all that a pattern means, or a path, lies in a directory.
fn is_below(pattern: &str, outer: &str) -> bool {
    let rest = directory(pattern).strip_prefix(outer);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The directory that holds everything a pattern means.
fn directory(pattern: &str) -> &str {
    match pattern.rsplit_once('/') {
        Some((directory, name)) if name.contains('*') => directory,
        _ => pattern,
    }
}

/// The words of a shell's text, roughly: quotes stay, of paths the last name.
fn command_words(text: &str) -> impl Iterator<Item = &str> {
    let words = text.split(|c: char| c.is_ascii_whitespace() || ";&|()<>{}`$\"'".contains(c));
    words.filter_map(|word| word.rsplit('/').next()).filter(|word| !word.is_empty())
}

impl Cache {
    /// The RUNs that find something missing when this cache is gone, by their place in the file: those of other stages
    /// too, which may start from the one that has it.
    fn needing(&self, file: &Dockerfile) -> Vec<usize> {
        let needs = |instruction: &Instruction| {
            let words: Vec<&str> = command_words(&instruction.original).collect();
            let uses = words.iter().any(|word| self.needed_by.contains(word));
            let refreshes = self.refreshed_by.is_some_and(|word| words.contains(&word));
            matches!(instruction.kind, Kind::Run(_)) && uses && !refreshes
        };
        let instructions = file.instructions.iter().enumerate().filter(|_| !self.needed_by.is_empty());
        instructions.filter(|(_, instruction)| needs(instruction)).map(|(index, _)| index).collect()
    }

    /// The option that keeps the cache from being made, and the words of the command that it follows: only where every
    /// use of the program is seen.
    fn option<'p>(&self, recipe: &Recipe<'_>, parts: &'p Parts<'_>) -> Option<(Vec<&'p PlainWord>, &'static str)> {
        let (programs, subcommand, option) = self.option?;
        let mut places = Vec::new();
        for part in &parts.list {
            let Some(words) = &part.words else {
                let text = String::from_utf8_lossy(&recipe.source[part.span.range()]);
                if command_words(&text).any(|word| programs.contains(&word)) {
                    return None;
                }
                continue;
            };
            let is_program = |word: &PlainWord| programs.contains(&word.text.rsplit('/').next().unwrap_or_default());
            let Some(at) = words.iter().position(is_program) else {
                continue;
            };
            if words.iter().any(|word| word.text == option) {
                continue;
            }
            // what comes before the subcommand are options, and, for `python -m pip`, the program's own words
            places.push(words[at + 1..].iter().find(|word| !word.text.starts_with('-'))?);
            if places.last().is_some_and(|word| word.text != subcommand) {
                return None;
            }
        }
        (!places.is_empty()).then_some((places, option))
    }
}
