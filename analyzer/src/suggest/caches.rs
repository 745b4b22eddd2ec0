//! What package managers leave in the layer of a RUN and nobody asks for again: lists, archives, caches.
//!
//! ```text
//! RUN apt-get update && apt-get install -y curl \
//!  && rm -rf /var/lib/apt/lists/*                     or, where asked for:  RUN --mount=type=cache,target=…
//! ```
//!
//! The price is that of the files that the image still shows and this RUN wrote. The root filesystem loses them, so a
//! suggestion says which ones it removes, and a proof may excuse these and no others.

mod places;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use strata_dockerfile::{Instruction, Kind, Span, edit::Edit};
use strata_image::{layer::LayerPath, view::NodeKind};

use super::{
    Recipe, Scene, Suggestion, enumerate, parts::Parts, priced, rewrite::newline, segment::Run, shell::PlainWord,
};
use crate::path_text;
use places::{CACHES, Cache};

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

/// What a RUN left of one cache.
#[derive(Default)]
struct Left {
    bytes: u64,
    /// What to remove: patterns, and the directories that were found.
    patterns: BTreeSet<String>,
}

/// Proposes to keep caches out of the layers of this Dockerfile's RUNs.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Suggestion> {
    let mut left: BTreeMap<(usize, usize), Left> = BTreeMap::new();
    let mut counted = HashSet::new();
    scene.ledger.view().walk(&mut |node| {
        let layer = node.inode.layer as usize;
        if node.meta.kind != NodeKind::File || node.meta.size == 0 || scene.run(layer).is_none() {
            return;
        }
        if let Some((number, pattern)) = place(&node.path)
            && counted.insert(node.inode)
        {
            let left = left.entry((layer, number)).or_default();
            left.bytes += node.meta.size;
            left.patterns.insert(pattern);
        }
    });
    let layers: BTreeSet<usize> = left.keys().map(|(layer, _)| *layer).collect();
    let of_layer =
        |layer: usize| left.range((layer, 0)..(layer + 1, 0)).map(|((_, cache), left)| (&CACHES[*cache], left));
    layers.into_iter().filter_map(|layer| suggestion(scene, layer, &of_layer(layer).collect::<Vec<_>>())).collect()
}

/// The cache that a file belongs to, and what to remove.
fn place(path: &LayerPath) -> Option<(usize, String)> {
    CACHES.iter().enumerate().find_map(|(number, cache)| {
        cache.patterns.iter().find_map(|pattern| {
            let named = super::target::Target::tree(pattern)?.named(path)?;
            let is_listed = pattern.rsplit('/').next().is_some_and(|name| name.contains('*'));
            let is_plain = named.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/-_.+".contains(byte));
            // a home that no shell would read back as one word is left alone
            (is_listed || is_plain).then(|| (number, if is_listed { (*pattern).to_owned() } else { path_text(named) }))
        })
    })
}

fn suggestion(scene: &Scene<'_>, layer: usize, left: &[(&Cache, &Left)]) -> Option<Suggestion> {
    let index = scene.run(layer)?;
    let instruction = &scene.recipe.file.instructions[index];
    let (mut wanted, mut needed) = (Vec::new(), None);
    for &(cache, left) in left {
        match cache.needed_later(later_runs(scene, index)) {
            Some(line) => needed = Some((cache, line)),
            None => wanted.push((cache, left)),
        }
    }
    let names = |caches: &[(&Cache, &Left)]| caches.iter().map(|(cache, _)| cache.name).collect::<Vec<_>>().join(", ");
    let sum = |caches: &[(&Cache, &Left)]| caches.iter().map(|(_, left)| left.bytes).sum::<u64>();
    let refuse = |caches: &[(&Cache, &Left)], reason: String| {
        let title = format!(
            "the {} of line {} cannot be kept out to save {}: {reason}",
            names(caches),
            instruction.lines.0,
            priced(sum(caches))
        );
        let lines = vec![instruction.lines.0];
        let suggestion = Suggestion::new(PACKAGE_CACHES, title, sum(caches), vec![layer], lines);
        Suggestion { refused: Some(reason), ..suggestion }
    };
    if let (true, Some((cache, line))) = (wanted.is_empty(), needed) {
        return Some(refuse(left, format!("the RUN of line {line} needs the {} again", cache.name)));
    }
    let edits = match edits(scene, index, &wanted) {
        Ok(edits) => edits,
        Err(reason) => return Some(refuse(&wanted, reason)),
    };
    let verb = match scene.caches {
        Caches::CleanUp => "out of the layer",
        Caches::Mount => "in a cache mount",
    };
    let title = format!(
        "keep the {} of the RUN of line {} {verb}: saves {}",
        names(&wanted),
        enumerate(&[instruction.lines.0]),
        priced(sum(&wanted))
    );
    let removes: BTreeSet<String> = match scene.caches {
        Caches::CleanUp => wanted.iter().flat_map(|(_, left)| left.patterns.iter().cloned()).collect(),
        Caches::Mount => mounts(&wanted).into_iter().map(|(target, _)| format!("{target}/*")).collect(),
    };
    let suggestion = Suggestion {
        edits,
        removes: removes.into_iter().collect(),
        ..Suggestion::new(PACKAGE_CACHES, title, sum(&wanted), vec![layer], vec![instruction.lines.0])
    };
    Some(scene.finish(suggestion))
}

/// The RUNs that come after one: in its stage, and in all stages below, which may start from it.
fn later_runs<'a>(scene: &Scene<'a>, index: usize) -> impl Iterator<Item = &'a Instruction> {
    scene.recipe.file.instructions[index + 1..].iter().filter(|later| matches!(later.kind, Kind::Run(_)))
}

fn edits(scene: &Scene<'_>, index: usize, left: &[(&Cache, &Left)]) -> Result<Vec<Edit>, String> {
    let recipe = &scene.recipe;
    let instruction = &recipe.file.instructions[index];
    let insert = |at: usize, text: String| Edit { span: Span { start: at, end: at }, replacement: text };
    if scene.caches == Caches::Mount {
        let flags = mounts(left).into_iter().map(|(target, is_locked)| {
            let sharing = if is_locked { ",sharing=locked" } else { "" };
            format!(" --mount=type=cache,target={target}{sharing}")
        });
        return Ok(vec![insert(instruction.keyword.span.end, flags.collect())]);
    }
    let Kind::Run(words) = &instruction.kind else {
        return Err("it is no RUN".to_owned());
    };
    let (run, _) = Run::read(recipe, index, instruction, words)?;
    let parts = Parts::of(recipe, index).ok();
    let mut edits = Vec::new();
    let mut patterns = BTreeSet::new();
    for (cache, left) in left {
        match parts.as_ref().and_then(|parts| cache.option(recipe, parts)) {
            Some((places, option)) => {
                edits.extend(places.into_iter().map(|word| insert(word.range.end, format!(" {option}"))));
            }
            None => patterns.extend(&left.patterns),
        }
    }
    if patterns.is_empty() {
        return Ok(edits);
    }
    if run.body.comment {
        return Err("it ends in a comment, after which nothing can be added".to_owned());
    }
    if run.body.background {
        return Err("it leaves something running, which its own end stops".to_owned());
    }
    let source = recipe.source.get(run.span.start..run.span.end).ok_or("its text is not there")?;
    let end = run.span.start + source.trim_ascii_end().len();
    let continuation = format!(" {}{}", recipe.file.escape, newline(&recipe.source[end..]));
    let patterns: Vec<&str> = patterns.into_iter().map(String::as_str).collect();
    edits.push(insert(end, format!("{continuation} && rm -rf {}", patterns.join(" "))));
    Ok(edits)
}

/// The directories to mount caches over, none below another, and whether one build at a time may have each.
fn mounts<'l>(left: &[(&Cache, &'l Left)]) -> Vec<(&'l str, bool)> {
    let all: Vec<(&str, bool)> = left
        .iter()
        .flat_map(|(cache, left)| left.patterns.iter().map(|pattern| (directory(pattern), cache.is_locked)))
        .collect();
    let is_below = |inner: &str, outer: &str| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'));
    let mut outermost: Vec<(&str, bool)> =
        all.iter().copied().filter(|(inner, _)| !all.iter().any(|(outer, _)| is_below(inner, outer))).collect();
    outermost.sort_unstable();
    outermost.dedup();
    outermost
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
    /// The line of a later RUN that finds something missing when this cache is gone.
    fn needed_later<'a>(&self, mut later: impl Iterator<Item = &'a Instruction>) -> Option<u32> {
        later.find_map(|instruction| {
            let words: Vec<&str> = command_words(&instruction.original).collect();
            let uses = words.iter().any(|word| self.needed_by.contains(word));
            let refreshes = self.refreshed_by.is_some_and(|word| words.contains(&word));
            (uses && !refreshes).then_some(instruction.lines.0)
        })
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
