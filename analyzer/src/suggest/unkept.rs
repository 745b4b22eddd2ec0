//! Files of the context that a COPY brings and a later RUN removes: lines for the ignore file, so that they never come.
//!
//! ```text
//! COPY . /app                 .dockerignore: + docs
//! RUN rm -rf /app/docs  ─►    COPY . /app
//! ```
//!
//! Only what the COPY finds below a directory, or by a pattern, can be left out: a file that it names must be there.
//! Whether a command between the two needs the files only a build can tell.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use bstr::ByteSlice;
use strata_dockerfile::{Copy, CopySource, Kind, glob};
use strata_image::layer::LayerPath;

use super::{Scene, Suggestion, enumerate, parts::Parts, places::resolve, priced, target::Target};
use crate::{
    ledger::{Dead, Kind as Death},
    path_text,
};

/// The rule that these suggestions come from.
pub const UNKEPT_FILES: &str = "unkept-files";

/// The context of a build, as its COPYs see it: what the ignore file excludes is not there.
pub trait Files: fmt::Debug {
    /// What is at a path, relative and clean; the empty one is the context itself. A symbolic link is not followed.
    fn look_up(&self, path: &[u8]) -> Option<Found>;
}

/// What is at a path of a context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    /// A directory.
    Directory,
    /// A regular file of so many bytes.
    File(u64),
    /// Anything else.
    Other,
}

/// A context with its ignore file.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Its files.
    pub files: &'a dyn Files,
    /// The name of its ignore file, for the headers of a diff.
    pub ignore_name: &'a str,
    /// What that file says; `None` when there is none yet.
    pub ignore: Option<&'a [u8]>,
}

/// Proposes lines for the ignore file, one suggestion for each COPY and the RUN that removes its files.
pub(super) fn find(scene: &Scene<'_>) -> Vec<Suggestion> {
    let Some(context) = &scene.context else {
        return Vec::new();
    };
    let mut pairs: BTreeMap<(usize, usize), Vec<&Dead>> = BTreeMap::new();
    for dead in scene.ledger.dead().iter().filter(|dead| dead.bytes > 0) {
        let removed = matches!(dead.kind, Death::Whiteout | Death::Opaque);
        let of_context = scene.copy(dead.creator()).is_some_and(|(_, copy)| copy.from.is_none());
        if removed && of_context && scene.run(dead.killer).is_some() {
            pairs.entry((dead.creator(), dead.killer)).or_default().push(dead);
        }
    }
    let mut found = Vec::new();
    for ((creator, killer), dead) in pairs {
        let (Some((index, copy)), Some(run)) = (scene.copy(creator), scene.run(killer)) else {
            continue;
        };
        // files that are to be brought stay out of it, unless there are no others
        let is_wanted = |dead: &&Dead| scene.suppression(dead).is_some();
        let has_unwanted = !dead.iter().all(is_wanted);
        let dead: Vec<&Dead> = dead.into_iter().filter(|dead| !(has_unwanted && is_wanted(dead))).collect();
        let bytes = dead.iter().map(|dead| dead.bytes).sum();
        let layers = vec![creator, killer];
        let lines = scene.lines(&layers);
        let unkept = Unkept { scene, context, index, copy, run };
        let suggestion = match unkept.left_out(&dead) {
            Ok(left_out) => unkept.suggestion(&left_out, bytes, layers, lines),
            Err(reason) => {
                let title = format!(
                    "what the COPY of line {} brings and the RUN of line {} removes cannot be ignored to save {}: {reason}",
                    enumerate(&lines[..1]),
                    enumerate(&lines[1..]),
                    priced(bytes)
                );
                Suggestion { refused: Some(reason), ..Suggestion::new(UNKEPT_FILES, title, bytes, layers, lines) }
            }
        };
        found.extend(scene.heed(suggestion, dead));
    }
    found
}

/// A path of the context and where it came to be in the image.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Pair {
    source: Vec<u8>,
    target: LayerPath,
}

impl Pair {
    /// The directories that hold the two, where they are the same one.
    fn parents(&self) -> Option<(Vec<u8>, LayerPath)> {
        let slash = self.source.rfind_byte(b'/')?;
        let target = self.target.parent().filter(|target| !target.is_root())?;
        let same_name = self.source[..slash].rsplit(|&byte| byte == b'/').next() == target.file_name();
        same_name.then(|| (self.source[..slash].to_vec(), target))
    }
}

struct Unkept<'a> {
    scene: &'a Scene<'a>,
    context: &'a Context<'a>,
    index: usize,
    copy: &'a Copy,
    run: usize,
}

impl Unkept<'_> {
    /// What to leave out of the context: the files, or the topmost directories of which the image shows nothing.
    fn left_out(&self, dead: &[&Dead]) -> Result<Vec<Pair>, String> {
        if self.copy.parents.as_ref().is_some_and(|parents| parents.value) {
            return Err("with --parents it is not known where its files came from".to_owned());
        }
        let view = self.scene.ledger.view();
        let mut left_out = BTreeSet::new();
        for file in dead {
            let mut pair = self.source(&file.path, file.bytes)?;
            // a directory goes as a whole when it is gone as a whole, and is not what the COPY names
            while let Some((source, target)) = pair.parents() {
                if view.get(&target).is_some() || self.is_source(&source) || self.dies_otherwise(&target, dead) {
                    break;
                }
                pair = Pair { source, target };
            }
            left_out.insert(pair);
        }
        for pair in &left_out {
            if let Some(line) = self.other_use(&pair.source) {
                return Err(format!("line {line} uses {} too", pair.source.as_bstr()));
            }
            ignore_line(&pair.source)
                .ok_or_else(|| format!("no ignore file can hold the name {}", path_text(&pair.source)))?;
        }
        Ok(left_out.into_iter().collect())
    }

    /// Whether the COPY brought something below a directory that another RUN removed or changed, or that is to be brought:
    /// its bytes are not part of this price.
    fn dies_otherwise(&self, directory: &LayerPath, dead: &[&Dead]) -> bool {
        let Some(first) = dead.first() else { return false };
        let is_wanted = |dead: &Dead| self.scene.suppression(dead).is_some();
        self.scene.ledger.dead().iter().any(|other| {
            let is_ours = other.killer == first.killer
                && matches!(other.kind, Death::Whiteout | Death::Opaque)
                && is_wanted(other) == is_wanted(first);
            other.creator() == first.creator() && other.bytes > 0 && !is_ours && other.path.starts_with(directory)
        })
    }

    fn words(&self) -> Result<Vec<Vec<u8>>, String> {
        let line = self.scene.recipe.file.instructions[self.index].lines.0;
        let word = |source: &CopySource| match source {
            CopySource::Path(word) => Some(self.scene.literal(word).map(|text| clean(text.as_bytes()))),
            CopySource::Heredoc(_) => None,
        };
        let words: Option<Vec<_>> = self.copy.sources.iter().filter_map(word).collect();
        words.ok_or_else(|| format!("the sources of line {line} have variables"))
    }

    fn is_source(&self, path: &[u8]) -> bool {
        self.words().is_ok_and(|words| words.iter().any(|word| word == path))
    }

    /// Where a file of the image lies in the context.
    fn source(&self, path: &LayerPath, bytes: u64) -> Result<Pair, String> {
        let destination = self.scene.destination(self.index).ok_or("it is not known where the COPY puts its files")?;
        let unknown = || format!("it is not known which file of the context became {}", path_text(path.as_bytes()));
        let inner = match path.as_bytes().strip_prefix(destination.as_bytes()) {
            Some(rest) if destination.is_root() => rest,
            Some(rest) => rest.strip_prefix(b"/").unwrap_or(rest),
            None => return Err(unknown()),
        };
        let is_file = |source: &[u8]| self.context.files.look_up(source) == Some(Found::File(bytes));
        let words = self.words()?;
        for word in words.iter().rev() {
            let pair = |source: Vec<u8>| Pair { source, target: path.clone() };
            if glob::has_meta(word) {
                let (folder, pattern) = match word.rfind_byte(b'/') {
                    Some(slash) => (&word[..slash], &word[slash + 1..]),
                    None => (&b""[..], word.as_slice()),
                };
                let source = join(folder, inner);
                if glob::matches(pattern, inner).unwrap_or(false) && !glob::has_meta(folder) && is_file(&source) {
                    return Ok(pair(source));
                }
            } else if self.context.files.look_up(word) == Some(Found::Directory) {
                let source = join(word, inner);
                if !inner.is_empty() && is_file(&source) {
                    return Ok(pair(source));
                }
            } else if is_file(word) && (inner.is_empty() || word.rsplit(|&byte| byte == b'/').next() == Some(inner)) {
                let reason = "the COPY names it, so it must be there; a RUN --mount=type=bind could read it uncopied";
                return Err(reason.to_owned());
            }
        }
        Err(unknown())
    }

    /// The line of another instruction that takes something of a path from the context.
    fn other_use(&self, path: &[u8]) -> Option<u32> {
        let instructions = self.scene.recipe.file.instructions.iter().enumerate();
        instructions.filter(|(index, _)| *index != self.index).find_map(|(_, instruction)| {
            let uses = match &instruction.kind {
                Kind::Copy(copy) | Kind::Add(copy) if copy.from.is_none() => copy.sources.iter().any(|source| {
                    let CopySource::Path(word) = source else { return false };
                    let word = self.scene.literal(word).map(|text| clean(text.as_bytes()));
                    word.is_none_or(|word| meets(&word, path))
                }),
                Kind::Run(run) => run.mounts.iter().any(|mount| {
                    // the default type is bind, and the default source the whole context
                    let kind = mount.options.iter().find(|option| option.name.value.eq_ignore_ascii_case("type"));
                    let kind = kind.and_then(|kind| kind.value.as_ref()).map_or("bind", |kind| kind.value.as_str());
                    mount.from().is_none() && kind == "bind"
                }),
                _ => false,
            };
            uses.then_some(instruction.lines.0)
        })
    }

    fn suggestion(&self, left_out: &[Pair], bytes: u64, layers: Vec<usize>, lines: Vec<u32>) -> Suggestion {
        let ignore: Vec<String> = left_out.iter().filter_map(|pair| ignore_line(&pair.source)).collect();
        let edits = match self.removal(left_out) {
            Some(parts) => parts.without(&self.scene.recipe, &vec![true; parts.list.len()]),
            None => Vec::new(),
        };
        let what = match ignore.as_slice() {
            [only] => only.clone(),
            all => format!("{} paths", all.len()),
        };
        let rest = if edits.is_empty() { "" } else { ", which then has nothing to do" };
        let title = format!(
            "ignore {what}, which the COPY of line {} brings and the RUN of line {} removes{rest}: saves {}",
            enumerate(&lines[..1]),
            enumerate(&lines[1..]),
            priced(bytes)
        );
        let suggestion = Suggestion { ignore, edits, ..Suggestion::new(UNKEPT_FILES, title, bytes, layers, lines) };
        self.scene.finish(suggestion)
    }

    /// The command of the RUN when it only removes what is left out.
    fn removal(&self, left_out: &[Pair]) -> Option<Parts<'_>> {
        let parts = Parts::of(&self.scene.recipe, self.run).ok()?;
        let workdir = self.scene.workdir(self.run);
        let gone: Vec<Target> = left_out
            .iter()
            .map(|pair| Target { path: pair.target.clone(), is_pattern: false, recursive: true })
            .collect();
        let removes_only = parts.list.iter().all(|part| {
            let Some([name, words @ ..]) = part.words.as_deref() else { return false };
            name.text.rsplit('/').next() == Some("rm")
                && words.iter().filter(|word| !word.text.starts_with('-')).all(|word| {
                    word.certainty == super::shell::Certainty::Literal
                        && resolve(workdir.as_ref(), &word.text)
                            .is_some_and(|path| gone.iter().any(|gone| gone.named(&path).is_some()))
                })
        });
        removes_only.then_some(parts)
    }
}

/// Whether a source word takes something at, above or below a path.
fn meets(word: &[u8], path: &[u8]) -> bool {
    if word.is_empty() {
        return true;
    }
    let is_below = |inner: &[u8], outer: &[u8]| inner.strip_prefix(outer).is_some_and(|rest| rest.starts_with(b"/"));
    if glob::has_meta(word) {
        let depth = word.split(|&byte| byte == b'/').count();
        let prefix: Vec<&[u8]> = path.split(|&byte| byte == b'/').take(depth).collect();
        return prefix.len() < depth || glob::matches(word, &bstr::join("/", prefix)).unwrap_or(true);
    }
    word == path || is_below(path, word) || is_below(word, path)
}

/// A source word as a path below the context.
fn clean(word: &[u8]) -> Vec<u8> {
    LayerPath::new(word).map(|path| path.as_bytes().to_vec()).unwrap_or_default()
}

fn join(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, b"/", name].concat() }
}

/// The line of an ignore file that means one path; `None` for a name that no line can hold.
fn ignore_line(path: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(path).ok().filter(|text| !text.contains(['\n', '\r']) && text.trim() == *text)?;
    let mut line = String::new();
    for (at, character) in text.char_indices() {
        if "*?[]\\".contains(character) || at == 0 && "#!".contains(character) {
            line.push('\\');
        }
        line.push(character);
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_mean_the_path_and_nothing_else() {
        for path in ["docs", "a/b c", "#x", "!x", "a[1]*", "x\\y"] {
            let line = ignore_line(path.as_bytes());
            let set = line.as_deref().map(|line| strata_dockerfile::ignore::IgnoreSet::parse(line.as_bytes()));
            let excluded = matches!(set, Some(Ok(set)) if set.excluded_by(path.as_bytes()).is_some() && set.excluded_by(b"xy").is_none());
            assert!(excluded, "{path} {line:?}");
        }
        assert_eq!(ignore_line(b"a\nb"), None);
        assert_eq!(ignore_line(b" a"), None);
        assert_eq!(ignore_line(b"\xff"), None);
    }

    #[test]
    fn sources_meet_what_they_take_from() {
        for (word, path, expected) in [
            ("", "a", true),
            ("a", "a", true),
            ("a", "a/b", true),
            ("a/b/c", "a/b", true),
            ("ab", "a", false),
            ("*.md", "a.md", true),
            ("*.md", "a/x.md", false),
            ("a/*", "a", true),
            ("*", "a/b", true),
        ] {
            assert_eq!(meets(word.as_bytes(), path.as_bytes()), expected, "{word} {path}");
        }
    }
}
