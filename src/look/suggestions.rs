//! Suggestions as people read them: what each saves, costs and leaves open, and why others are not made.

use std::{collections::HashSet, fmt::Write as _};

use strata_analyzer::{
    size_text,
    suggest::{Basis, MinSaving, Suggestion},
};

use super::{
    palette::{FAINT, STRONG},
    text,
};

/// Tells of suggestions that can be applied, and remembers what it said: a note that holds for several is said once.
#[derive(Default)]
pub(crate) struct Teller {
    notes: HashSet<String>,
}

impl Teller {
    /// Tells of one, without its diff.
    pub(crate) fn told(&mut self, suggestion: &Suggestion) -> String {
        // writing to a string cannot fail
        let mut out = String::new();
        let _ = writeln!(out, "{STRONG}{}{STRONG:#}", text::safe(&suggestion.title));
        if let Some(compressed) = suggestion.saves_compressed {
            let basis = match compressed.basis {
                Basis::LayerRatio => "by what its layer is stored as",
                Basis::Sample => "by what gzip makes of samples of its layer",
            };
            let _ = writeln!(out, "  compressed  about {}, {basis}", size_text(compressed.bytes));
        }
        if let (Some(cost), Some(last)) = (suggestion.cost, suggestion.lines.last()) {
            let _ = writeln!(
                out,
                "  costs       {}.{}s and {} again for a build where of these only line {last} has changed",
                cost.rebuild_milliseconds / 1_000,
                cost.rebuild_milliseconds % 1_000 / 100,
                size_text(cost.transfer_bytes),
            );
        }
        for note in suggestion.notes.iter().filter(|note| self.notes.insert((*note).clone())) {
            let _ = writeln!(out, "  note        {}, and the proof decides", text::safe(note));
        }
        if suggestion.alternative {
            let _ = writeln!(out, "  instead of  a suggestion above, which changes the same lines");
        }
        out
    }
}

/// Tells of those that are not made, with their reasons; of an image of so many bytes, and those that save too little to
/// speak of as a number; last, by who wants that, those that suppressions are about.
pub(crate) fn refused(refused: &[Suggestion], least: MinSaving, total: u64) -> String {
    // writing to a string cannot fail
    let mut out = String::new();
    let (left_out, refused): (Vec<&Suggestion>, Vec<_>) =
        refused.iter().partition(|suggestion| !suggestion.suppressed.is_empty());
    let refused = || refused.iter().copied();
    let is_told = |suggestion: &&Suggestion| suggestion.saves_bytes == 0 || least.admits(suggestion.saves_bytes, total);
    for suggestion in refused().filter(is_told) {
        let title = text::safe(&suggestion.title);
        let reason = text::safe(reason(suggestion));
        // a title that ends in the reason needs it once
        let because = if title.ends_with(&reason) { String::new() } else { format!(": {reason}") };
        let _ = writeln!(out, "{FAINT}not proposed:{FAINT:#} {title}{because}");
    }
    let small = refused().filter(|suggestion| !is_told(suggestion)).count();
    if small > 0 {
        let _ = writeln!(
            out,
            "{FAINT}not proposed: {small} more that would save less than --min-saving; --min-saving 0 says what and \
             why{FAINT:#}"
        );
    }
    suppressed(&left_out, &mut out);
    out
}

fn reason(suggestion: &Suggestion) -> &str {
    suggestion.refused.as_deref().unwrap_or_default()
}

/// One line for each reason, in the order of the first suggestion that has it.
fn suppressed(left_out: &[&Suggestion], out: &mut String) {
    let mut told: Vec<&str> = Vec::new();
    for first in left_out {
        let because = reason(first);
        if told.contains(&because) {
            continue;
        }
        told.push(because);
        let own = || left_out.iter().filter(|suggestion| reason(suggestion) == because);
        let count = text::count(own().count(), "suggestion");
        let bytes = size_text(own().map(|suggestion| suggestion.saves_bytes).sum());
        // writing to a string cannot fail
        let _ = writeln!(out, "{FAINT}{count} left out, {bytes}: {}{FAINT:#}", text::safe(because));
    }
}
