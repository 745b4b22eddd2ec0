//! All rules together: what they look at, and what becomes of their answers.

use std::cmp::Reverse;

use strata_dockerfile::edit;

use super::{CHAIN_RUNS, Caches, Context, Evidence, Recipe, Suggestion, caches, chain, copy_flags, unkept};
use crate::{Ledger, Result};

/// Everything that the rules look at.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The Dockerfile.
    pub recipe: Recipe<'a>,
    /// The account of the image that it made.
    pub ledger: &'a Ledger,
    /// The `WorkingDir` of the image.
    pub workdir: Option<&'a str>,
    /// What its COPYs took from, where that is at hand.
    pub context: Option<Context<'a>>,
    /// What is proposed for the caches of package managers.
    pub caches: Caches,
}

/// Proposes everything that saves bytes: the possible suggestions first, then the refused ones, each by bytes saved.
///
/// Suggestions of different rules may change the same lines; who applies them has to choose.
///
/// # Errors
/// Fails when a layer cannot be applied below another one than its own.
pub fn all(scene: &Scene<'_>) -> Result<Vec<Suggestion>> {
    let mut found = copy_flags::find(scene)?;
    found.extend(unkept::find(scene));
    let is_answered = |chained: &Suggestion| {
        found.iter().any(|other| chained.layers.iter().all(|layer| other.layers.contains(layer)))
    };
    // where another rule has an answer, that two instructions cannot be chained is none
    let chained: Vec<Suggestion> = chain(&scene.recipe, &Evidence::of(scene.ledger))
        .into_iter()
        .filter(|chained| chained.refused.is_none() || !is_answered(chained))
        .collect();
    found.extend(chained);
    found.extend(caches::find(scene));
    found.sort_by_key(|suggestion| {
        let is_last = suggestion.rule == CHAIN_RUNS;
        (suggestion.refused.is_some(), Reverse(suggestion.saves_bytes), is_last, suggestion.layers.clone())
    });
    Ok(found)
}

impl Scene<'_> {
    /// The first line of the instruction of each layer.
    pub(super) fn lines(&self, layers: &[usize]) -> Vec<u32> {
        let line = |layer: &usize| {
            let index = self.recipe.steps.get(*layer).copied().flatten()?;
            Some(self.recipe.file.instructions.get(index)?.lines.0)
        };
        layers.iter().filter_map(line).collect()
    }

    /// Adds the diff to a suggestion, or the reason why there is none: the edited file must read back.
    pub(super) fn finish(&self, mut suggestion: Suggestion) -> Suggestion {
        let refused = match edit::apply(self.recipe.source, &suggestion.edits) {
            Err(overlap) => overlap.to_string(),
            Ok(after) if strata_dockerfile::parse(&after).has_errors() => {
                "the edited file would not read back as it was meant".to_owned()
            }
            Ok(after) => {
                let mut diff = edit::unified_diff(self.recipe.diff_name(), self.recipe.source, &after);
                if let Some(context) = &self.context {
                    diff.push_str(&context.diff(&suggestion.ignore));
                }
                suggestion.edit = Some(diff);
                return suggestion;
            }
        };
        suggestion.title = format!("{}, but {refused}", suggestion.title);
        suggestion.edits.clear();
        suggestion.ignore.clear();
        suggestion.refused = Some(refused);
        suggestion
    }
}

impl Context<'_> {
    /// The ignore file with lines added to its end. A new one also hides itself, since it was in no image before.
    pub fn ignoring(&self, lines: &[String]) -> Vec<u8> {
        let mut text = match self.ignore {
            Some(text) => text.to_vec(),
            None => format!("{}\n", self.ignore_name).into_bytes(),
        };
        if !text.is_empty() && !text.ends_with(b"\n") {
            text.push(b'\n');
        }
        for line in lines {
            text.extend_from_slice(line.as_bytes());
            text.push(b'\n');
        }
        text
    }

    /// The change of the ignore file that adds lines, as a unified diff; empty when there are none.
    pub fn diff(&self, lines: &[String]) -> String {
        if lines.is_empty() {
            return String::new();
        }
        let after = self.ignoring(lines);
        match self.ignore {
            Some(before) => edit::unified_diff(self.ignore_name, before, &after),
            None => edit::new_file_diff(self.ignore_name, &after),
        }
    }
}
