//! COPY followed by a RUN that changes modes or owners: the flags of COPY that give the files what they get later.
//!
//! ```text
//! COPY app /app                 COPY --chown=web:web app /app
//! RUN chown -R web:web /app ─►
//! ```
//!
//! A `chmod` in a later layer holds a second copy of every file. What the layers show decides, not what the command
//! seems to say: the files that the RUN changed, what they were and what they became. The flags are proposed when they
//! make of everything that the COPY brings, also of the directories on the way, exactly that.

mod evidence;

use std::collections::BTreeMap;

use strata_dockerfile::{Copy, Kind, Span, edit::Edit, mode::ModeChange};
use strata_image::{
    layer::{Change as LayerChange, EntryKind, LayerPath},
    view::{Node, NodeKind},
};

use super::{
    Scene, Suggestion,
    attributes::{Attribute, Change, attribute, chown_flag},
    enumerate,
    parts::Parts,
    priced,
};
use evidence::{Brought, Touched, same_but_for_attributes};

use crate::{
    Error, Ledger, Result,
    ledger::{Dead, Kind as Death},
    path_text,
};

/// The rule that these suggestions come from.
pub const COPY_FLAGS: &str = "copy-flags";

/// Why there is no suggestion: for people, or because something could not be read.
enum Refusal {
    Reason(String),
    Failed(Error),
}

impl From<String> for Refusal {
    fn from(reason: String) -> Self {
        Self::Reason(reason)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Proposes flags for every COPY whose files a RUN rewrote with other modes or owners.
pub(super) fn find(scene: &Scene<'_>) -> Result<Vec<Suggestion>> {
    let mut rewritten: BTreeMap<usize, Vec<&Dead>> = BTreeMap::new();
    for dead in scene.ledger.dead().iter().filter(|dead| dead.kind == Death::Rewrite && dead.bytes > 0) {
        if scene.copy(dead.creator()).is_some() && dead.creator() < dead.killer {
            rewritten.entry(dead.killer).or_default().push(dead);
        }
    }
    let mut found = Vec::new();
    for (layer, dead) in rewritten {
        let Some(index) = scene.run(layer).filter(|index| scene.changes_attributes(*index)) else {
            continue;
        };
        let refused = |reason: String| {
            let bytes = dead.iter().map(|dead| dead.bytes).sum();
            let mut layers: Vec<usize> = dead.iter().map(|dead| dead.creator()).collect();
            layers.sort_unstable();
            layers.dedup();
            layers.push(layer);
            let lines = scene.lines(&layers);
            let title = format!(
                "line {} cannot become flags of COPY to save {}: {reason}",
                enumerate(&lines[lines.len() - 1..]),
                priced(bytes)
            );
            Suggestion { refused: Some(reason), ..Suggestion::new(COPY_FLAGS, title, bytes, layers, lines) }
        };
        let suggestion = match Rewrite::of(scene, layer, index).and_then(Rewrite::suggestion) {
            Ok(suggestion) => suggestion,
            Err(Refusal::Reason(reason)) => refused(reason),
            Err(Refusal::Failed(error)) => return Err(error),
        };
        found.extend(scene.heed(suggestion, dead.iter().copied()));
    }
    Ok(found)
}

impl Scene<'_> {
    /// The COPY or ADD that made a layer.
    pub(super) fn copy(&self, layer: usize) -> Option<(usize, &Copy)> {
        let index = self.recipe.steps.get(layer).copied().flatten()?;
        match &self.recipe.file.instructions.get(index)?.kind {
            Kind::Copy(copy) | Kind::Add(copy) => Some((index, copy)),
            _ => None,
        }
    }

    /// The index of the RUN that made a layer.
    pub(super) fn run(&self, layer: usize) -> Option<usize> {
        let index = self.recipe.steps.get(layer).copied().flatten()?;
        matches!(self.recipe.file.instructions.get(index)?.kind, Kind::Run(_)).then_some(index)
    }

    fn changes_attributes(&self, index: usize) -> bool {
        let span = self.recipe.file.instructions[index].span;
        let text = String::from_utf8_lossy(&self.recipe.source[span.range()]);
        text.split(|c: char| !c.is_ascii_alphanumeric()).any(|word| matches!(word, "chmod" | "chown" | "chgrp"))
    }

    /// What the image would show without the layers from this one on.
    pub(super) fn below(&self, layer: usize) -> Result<Ledger> {
        Ledger::fold(&self.ledger.indexes()[..layer])
    }
}

/// The RUN and what it did.
struct Rewrite<'a> {
    scene: &'a Scene<'a>,
    layer: usize,
    parts: Parts<'a>,
    /// For each part, what it changes, if that is all it does.
    changes: Vec<Option<Change>>,
    touched: Vec<Touched>,
    after: Ledger,
}

impl<'a> Rewrite<'a> {
    fn of(scene: &'a Scene<'a>, layer: usize, index: usize) -> Result<Self, Refusal> {
        let parts = Parts::of(&scene.recipe, index)?;
        let workdir = if parts.run.body.changes_shell { None } else { scene.workdir(index) };
        let mut changes = Vec::new();
        for part in &parts.list {
            let words = part.words.as_deref().unwrap_or_default();
            changes.push(match attribute(words) {
                Some(attribute) => Some(Change::of(attribute, words, workdir.as_ref())?),
                None => None,
            });
        }
        if changes.iter().all(Option::is_none) {
            return Err("its chmod or chown is part of another command".to_owned().into());
        }
        let (before, after) = (scene.below(layer)?, scene.below(layer + 1)?);
        let mut rewrite = Self { scene, layer, parts, changes, touched: Vec::new(), after };
        rewrite.touched = rewrite.touched(&before)?;
        Ok(rewrite)
    }

    /// Whether the RUN does nothing else.
    fn is_whole(&self) -> bool {
        self.changes.iter().all(Option::is_some)
    }

    fn touched(&self, before: &Ledger) -> Result<Vec<Touched>, Refusal> {
        let mut touched = Vec::new();
        for entry in self.scene.ledger.indexes()[self.layer].entries() {
            let entry = entry?;
            let change =
                entry.change().map_err(crate::error::in_layer(self.scene.ledger.indexes()[self.layer].diff_id()))?;
            let covered = |path: &LayerPath| self.changes.iter().flatten().any(|change| change.covers(path));
            let path = match change {
                LayerChange::Add(entry) if entry.path.is_root() => continue,
                LayerChange::Add(entry) if self.is_whole() || covered(&entry.path) => &entry.path,
                LayerChange::Whiteout(path) | LayerChange::Opaque(path) if self.is_whole() => {
                    return Err(format!("it also removes {}", path_text(path.as_bytes())).into());
                }
                _ => continue,
            };
            let (Some(was), Some(is)) = (before.view().get(path), self.after.view().get(path)) else {
                return Err(format!("it also makes {}", path_text(path.as_bytes())).into());
            };
            if !same_but_for_attributes(before, &was, &self.after, &is) {
                return Err(format!("it also writes {}", path_text(path.as_bytes())).into());
            }
            touched.push(Touched {
                path: path.clone(),
                mode: was.meta.mode != is.meta.mode && !matches!(is.meta.kind, NodeKind::Symlink(_)),
                owner: (was.meta.uid, was.meta.gid) != (is.meta.uid, is.meta.gid),
                bytes: if entry.kind == EntryKind::File { entry.size } else { 0 },
            });
        }
        Ok(touched)
    }

    /// The COPYs of the RUN's stage that brought what it touched, and what none of them did.
    fn brought(&self) -> Result<(Vec<Brought>, Vec<&Touched>), Refusal> {
        let file = self.scene.recipe.file;
        let own = self.parts.run.index;
        let from = file.instructions[..own].iter().rposition(|instruction| matches!(instruction.kind, Kind::From(_)));
        let changed = || self.touched.iter().filter(|touched| touched.mode || touched.owner);
        let mut strays: Vec<&Touched> = changed().collect();
        let mut brought: Vec<Brought> = Vec::new();
        for layer in (0..self.layer).rev() {
            let Some((index, _)) = self.scene.copy(layer).filter(|(index, _)| Some(*index) > from && *index < own)
            else {
                continue;
            };
            let found = Brought::of(self.scene, layer, index)?;
            let before = strays.len();
            strays.retain(|touched| !found.paths.contains_key(&touched.path));
            if strays.len() < before {
                brought.push(found);
            }
        }
        brought.reverse();
        Ok((brought, strays))
    }

    fn suggestion(self) -> Result<Suggestion, Refusal> {
        let (brought, strays) = self.brought()?;
        if brought.is_empty() {
            return Err("no COPY of its stage brought what it changes".to_owned().into());
        }
        let mut edits = Vec::new();
        for copy in &brought {
            for (name, value) in self.flags(copy)? {
                edits.push(self.flag(copy, name, &value));
            }
        }
        let narrow = self.narrow(&strays)?;
        let bytes = |touched: &Touched| touched.bytes;
        let saves = match (&narrow, self.is_whole()) {
            (None, true) => self.scene.ledger.layers()[self.layer].total,
            _ => self.touched.iter().map(bytes).sum::<u64>() - strays.iter().map(|touched| touched.bytes).sum::<u64>(),
        };
        if saves == 0 {
            return Err("it would save nothing".to_owned().into());
        }
        let rest = if narrow.is_some() {
            "keeps to the directory itself"
        } else if self.is_whole() {
            "goes"
        } else {
            "loses that part"
        };
        if let Some(edit) = narrow {
            edits.push(edit);
        } else {
            let gone: Vec<bool> = self.changes.iter().map(Option::is_some).collect();
            edits.extend(self.parts.without(&self.scene.recipe, &gone));
        }
        let layers: Vec<usize> = brought.iter().map(|copy| copy.layer).chain([self.layer]).collect();
        let lines = self.scene.lines(&layers);
        let title = format!(
            "give the files of the COPY of line {} their modes and owners there, and the RUN of line {} {rest}: saves {}",
            enumerate(&lines[..lines.len() - 1]),
            enumerate(&lines[lines.len() - 1..]),
            priced(saves),
        );
        let made = vec![(self.layer, saves)];
        let suggestion = Suggestion { edits, made, ..Suggestion::new(COPY_FLAGS, title, saves, layers, lines) };
        Ok(self.scene.finish(suggestion))
    }

    /// The flags that give everything a COPY brings what the RUN gave to a part of it.
    fn flags(&self, copy: &Brought) -> Result<Vec<(&'static str, String)>, Refusal> {
        let touched = || self.touched.iter().filter(|touched| copy.paths.contains_key(&touched.path));
        let node = |path: &LayerPath| self.after.view().get(path);
        let line = self.scene.recipe.file.instructions[copy.index].lines.0;
        let mut flags = Vec::new();
        if let Some(first) = touched().find(|touched| touched.owner) {
            let owner = |node: Node<'_>| (node.meta.uid, node.meta.gid);
            let Some(wanted) = node(&first.path).map(owner) else {
                return Err("what it changes is gone".to_owned().into());
            };
            let other = copy.paths.keys().find_map(|path| {
                let found = owner(node(path)?);
                (found != wanted).then(|| (path_text(path.as_bytes()), found))
            });
            if let Some((path, found)) = other {
                let reason =
                    format!("the COPY of line {line} also brings {path}, which ends with {}:{}", found.0, found.1);
                return Err(reason.into());
            }
            let changes: Vec<&Change> = self.changes.iter().flatten().collect();
            let names_resolve = !(copy.layer + 1..self.layer).any(|layer| self.scene.run(layer).is_some());
            flags.push(("--chown=", chown_flag(&changes, wanted, names_resolve)));
        }
        if let Some(first) = touched().find(|touched| touched.mode) {
            let Some(wanted) = node(&first.path).map(|node| node.meta.mode) else {
                return Err("what it changes is gone".to_owned().into());
            };
            let other = copy.paths.keys().find_map(|path| {
                let node = node(path).filter(|node| !matches!(node.meta.kind, NodeKind::Symlink(_)))?;
                (node.meta.mode != wanted).then(|| (path_text(path.as_bytes()), node.meta.mode))
            });
            flags.push(match (other, self.symbolic(copy)) {
                (None, _) => ("--chmod=", format!("{wanted:o}")),
                (Some(_), Some(mode)) => ("--chmod=", mode),
                (Some((path, mode)), None) => {
                    let reason = format!("the COPY of line {line} also brings {path}, which ends with mode {mode:o}");
                    return Err(reason.into());
                }
            });
        }
        Ok(flags)
    }

    /// The symbolic mode that makes of all that a COPY brings what the RUN made of it, if the RUN has one.
    fn symbolic(&self, copy: &Brought) -> Option<String> {
        let mut modes = self.changes.iter().flatten().filter(|change| change.attribute == Attribute::Mode);
        let (Some(change), None) = (modes.next(), modes.next()) else {
            return None;
        };
        // without a class the umask decides, of which a flag knows nothing
        let bare = change.value.starts_with(['+', '-', '=']);
        let mode = if bare { format!("a{}", change.value) } else { change.value.clone() };
        let flag = ModeChange::parse(&mode).ok()?;
        let destination = self.scene.destination(copy.index);
        let all = copy.paths.iter().all(|(path, was)| match self.after.view().get(path) {
            Some(node) if !matches!(node.meta.kind, NodeKind::Symlink(_)) => {
                let is_directory = node.meta.kind == NodeKind::Directory;
                // the directories that COPY makes to have a place for its files
                let is_made = is_directory && destination.as_ref().is_some_and(|place| place.starts_with(path));
                let becomes = if is_made { flag.of_made_directory() } else { flag.apply(*was, is_directory) };
                becomes == node.meta.mode
            }
            _ => true,
        });
        all.then_some(mode)
    }

    fn flag(&self, copy: &Brought, name: &str, value: &str) -> Edit {
        let instruction = &self.scene.recipe.file.instructions[copy.index];
        if let Some(flag) = instruction.flags.iter().find(|flag| flag.value.starts_with(name)) {
            return Edit { span: flag.span, replacement: format!("{name}{value}") };
        }
        let at = instruction.keyword.span.end;
        Edit { span: Span { start: at, end: at }, replacement: format!(" {name}{value}") }
    }

    /// The edit that takes `-R` away from a command whose directory was there before the COPY, where that is all that
    /// is left to change; `None` when nothing is left.
    fn narrow(&self, strays: &[&Touched]) -> Result<Option<Edit>, Refusal> {
        let Some(stray) = strays.first() else {
            return Ok(None);
        };
        if let [Some(Change { recursive: Some(word), .. })] = self.changes.as_slice()
            && self.changes.iter().flatten().all(|change| strays.iter().all(|stray| change.names(&stray.path)))
        {
            let span = Span { start: word.start, end: word.end };
            return Ok(Some(Edit { span, replacement: String::new() }));
        }
        Err(format!("it also changes {}, which no COPY of its stage brought", path_text(stray.path.as_bytes())).into())
    }
}
