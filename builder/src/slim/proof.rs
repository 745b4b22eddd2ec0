//! Rewrites a Dockerfile as suggested, builds it and compares, until what is left is proved.

use std::path::{Path, PathBuf};

use strata_analyzer::{
    compare,
    suggest::{Suggestion, together},
};
use strata_dockerfile::edit::{self, Edit};

use super::{
    IgnoreFile, Made, Rewrite, Slimming, Verdict,
    source::{Source, dockerfile_name},
    verdict::verdict,
};
use crate::{
    Error, Result,
    build::{Event, Watcher},
    options::{NoCache, Options},
};

/// What came of an attempt.
enum Attempt {
    Built(Box<Rewrite>),
    /// The rewritten file does not build, and why.
    Failed(String),
}

/// The image to compare with.
pub(super) struct Proof<'a> {
    pub(super) slimming: Slimming<'a>,
    pub(super) source: Option<&'a Source>,
    pub(super) before: &'a Made,
    pub(super) bytes_before: u64,
}

impl Proof<'_> {
    /// Applies all suggestions together. When that makes the image different, or does not build, one after the other:
    /// those that do so by themselves are dropped. Where every one does, the first attempt that built stays, and its
    /// verdict says so.
    pub(super) fn prove(
        &self,
        suggestions: Vec<Suggestion>,
        progress: Watcher<'_>,
    ) -> Result<(Option<Rewrite>, Vec<Suggestion>)> {
        let is_alone = suggestions.len() == 1;
        let mut different = None;
        match self.attempt(suggestions.clone(), progress)? {
            Attempt::Built(all) if self.holds(&all, None) => return Ok((Some(*all), Vec::new())),
            Attempt::Built(all) if is_alone && matches!(all.verdict, Verdict::Different(_)) => {
                return Ok((Some(*all), Vec::new()));
            }
            Attempt::Built(all) => different = Some(*all),
            Attempt::Failed(reason) if is_alone => return Ok((None, refused(suggestions, &reason))),
            Attempt::Failed(_) => {}
        }
        let mut proved: Option<Rewrite> = None;
        let mut dropped = Vec::new();
        for suggestion in suggestions {
            let mut tried = proved.as_ref().map_or_else(Vec::new, |proved| proved.suggestions.clone());
            tried.push(suggestion.clone());
            let reason = match self.attempt(tried, progress)? {
                Attempt::Built(attempt) if self.holds(&attempt, proved.as_ref()) => {
                    proved = Some(*attempt);
                    continue;
                }
                Attempt::Built(attempt) if matches!(attempt.verdict, Verdict::Different(_)) => {
                    different.get_or_insert(*attempt);
                    "the image would not be the same".to_owned()
                }
                Attempt::Built(_) => "the image would not be smaller".to_owned(),
                Attempt::Failed(reason) => reason,
            };
            dropped.extend(refused(vec![suggestion], &reason));
        }
        let is_different = |rewrite: &Rewrite| matches!(rewrite.verdict, Verdict::Different(_));
        Ok(match (proved, different.filter(is_different)) {
            (Some(proved), _) => (Some(proved), dropped),
            (None, Some(different)) => {
                dropped.retain(|dropped| !different.suggestions.iter().any(|tried| tried.title == dropped.title));
                (Some(different), dropped)
            }
            (None, None) => (None, dropped),
        })
    }

    /// Whether an attempt gives the same image, but smaller than the one so far.
    fn holds(&self, attempt: &Rewrite, so_far: Option<&Rewrite>) -> bool {
        let bytes = so_far.map_or(self.bytes_before, |so_far| so_far.bytes_after);
        !matches!(attempt.verdict, Verdict::Different(_)) && attempt.bytes_after < bytes
    }

    fn attempt(&self, suggestions: Vec<Suggestion>, progress: Watcher<'_>) -> Result<Attempt> {
        let Slimming { engine, options, .. } = self.slimming;
        let edits: Vec<Edit> = suggestions.iter().flat_map(|suggestion| suggestion.edits.iter().cloned()).collect();
        let source = edit::apply(&options.dockerfile, &edits)?;
        let mut lines: Vec<String> = Vec::new();
        for line in suggestions.iter().flat_map(|suggestion| &suggestion.ignore) {
            if !lines.contains(line) {
                lines.push(line.clone());
            }
        }
        let ignore = self.source.filter(|_| !lines.is_empty()).map(|source| IgnoreFile {
            path: source.ignore_path.clone(),
            before: source.context().ignore.map(<[u8]>::to_vec),
            bytes: source.context().ignoring(&lines),
        });
        let mut rewritten = Options {
            dockerfile: source.clone(),
            names: Vec::new(),
            // the predecessors have just been made: made again they would be others
            no_cache: NoCache::Nothing,
            ..options.clone()
        };
        // the ignore file beside a Dockerfile goes before that of the context, so that neither needs to be touched
        let beside = ignore.as_ref().map(|ignore| Beside::new(&ignore.bytes)).transpose()?;
        if let Some(beside) = &beside {
            rewritten.dockerfile_path = beside.dockerfile();
        }
        progress(Event::Note("building the rewritten Dockerfile"));
        let made = match self.slimming.make(&rewritten, progress) {
            Ok(made) => made,
            Err(Error::Step { message, .. }) if !options.cancel.is_cancelled() => {
                return Ok(Attempt::Failed(format!("it would not build: {message}")));
            }
            Err(error) => return Err(error),
        };
        let bytes_after = self.slimming.bytes(&made)?;
        let comparison = compare::compare(
            &self.before.image,
            &made.image,
            &compare::Options { cache: Some(&engine.analysis), ..compare::Options::default() },
        )?;
        let removes: Vec<String> =
            suggestions.iter().flat_map(|suggestion| suggestion.removes.iter().cloned()).collect();
        let (verdict, removed) = verdict(&comparison, &removes);
        let mut patch = edit::unified_diff(&dockerfile_name(options), &options.dockerfile, &source);
        if let Some(source) = self.source {
            patch.push_str(&source.context().diff(&lines));
        }
        Ok(Attempt::Built(Box::new(Rewrite {
            image: made.built.id,
            source,
            ignore,
            patch,
            bytes_after,
            predicted_saving: together(suggestions.iter()),
            verdict,
            removed,
            comparison,
            suggestions,
        })))
    }
}

fn refused(mut suggestions: Vec<Suggestion>, reason: &str) -> Vec<Suggestion> {
    for suggestion in &mut suggestions {
        suggestion.refused = Some(reason.to_owned());
    }
    suggestions
}

/// A folder with an ignore file for a Dockerfile that is not there.
struct Beside(tempfile::TempDir);

impl Beside {
    fn new(ignore: &[u8]) -> Result<Self> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| Error::Context { operation: "write an ignore file in", path, source }
        };
        let temporary = std::env::temp_dir();
        let folder = tempfile::tempdir().map_err(failed(&temporary))?;
        std::fs::write(folder.path().join("Dockerfile.dockerignore"), ignore).map_err(failed(folder.path()))?;
        Ok(Self(folder))
    }

    fn dockerfile(&self) -> PathBuf {
        self.0.path().join("Dockerfile")
    }
}
