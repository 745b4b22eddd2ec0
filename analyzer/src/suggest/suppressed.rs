//! Suggestions that are not made, since suppressions are about all that they would save: who wrote those knows of the bytes, and
//! keeps them.
//!
//! Of a change that can be made for a part of its bytes the other part counts: a chain is as long as what is not suppressed in it
//! asks for, and of a COPY's files those are ignored that nobody wants. What goes along with it is still part of its price.

use serde::Serialize;

use super::{DeadBytes, Scene, Suggestion};
use crate::ledger::Dead;

/// Who says that bytes are to stay, and why.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SuppressedBy {
    /// Where that is said, such as `strata.toml` or `Dockerfile:3`.
    pub by: String,
    /// Why; empty where no reason is given.
    pub reason: String,
}

impl Suggestion {
    /// Leaves it out, and says who wants that.
    fn suppress(&mut self, reasons: Vec<(&str, &str)>) {
        let told = reasons.iter().map(|(by, reason)| match *reason {
            "" => (*by).to_owned(),
            reason => format!("{by}: {reason}"),
        });
        self.leave(format!("suppressed by {}", told.collect::<Vec<_>>().join("; by ")));
        let by = |(by, reason): (&str, &str)| SuppressedBy { by: by.to_owned(), reason: reason.to_owned() };
        self.suppressed = reasons.into_iter().map(by).collect();
    }
}

impl Scene<'_> {
    /// The number of the suppression that is about a dead file.
    pub(super) fn suppression(&self, dead: &Dead) -> Option<usize> {
        self.accepted?.dead(dead)
    }

    /// Leaves a suggestion out that suppressions of these numbers are about; `None` where it would not be made anyway.
    pub(super) fn suppress(&self, mut suggestion: Suggestion, numbers: &[usize]) -> Option<Suggestion> {
        let is_small = !self.min_saving.admits(suggestion.saves_bytes, self.ledger.total());
        if is_small || !suggestion.is_possible() {
            return None;
        }
        suggestion.suppress(self.accepted?.reasons(numbers.iter().copied()));
        Some(suggestion)
    }

    /// The same where a suppression is about each of the dead files that it would save; else the suggestion as it is.
    pub(super) fn heed<'d>(
        &self,
        suggestion: Suggestion,
        dead: impl IntoIterator<Item = &'d Dead>,
    ) -> Option<Suggestion> {
        let numbers: Option<Vec<usize>> = dead.into_iter().map(|dead| self.suppression(dead)).collect();
        match numbers {
            Some(numbers) if !numbers.is_empty() => self.suppress(suggestion, &numbers),
            _ => Some(suggestion),
        }
    }

    /// The dead bytes that suppressions are about, each with the number of its suppression.
    pub(super) fn suppressed_bytes(&self) -> Vec<(DeadBytes, usize)> {
        let Some(accepted) = self.accepted else { return Vec::new() };
        let of = |dead: &Dead| {
            let bytes = DeadBytes { creator: dead.creator(), killer: dead.killer, bytes: dead.bytes };
            Some((bytes, accepted.dead(dead)?))
        };
        self.ledger.dead().iter().filter_map(of).collect()
    }
}
