//! What `slim` says of its work: to people, and to programs (docs/FORMATS.md).

use std::path::Path;

use serde::Serialize;
use strata_analyzer::{
    findings::Note,
    size_text,
    suggest::{MinSaving, Point, Suggestion},
};
use strata_builder::slim::{Removal, Rewrite, Slimmed, Verdict};

use super::differing;
use crate::look::{
    palette::{ERROR, FAINT, GOOD, WARNING},
    suggestions, text,
};

/// `slim --format json`.
#[derive(Serialize)]
pub(super) struct Report<'a> {
    schema: u32,
    bytes_before: u64,
    wasted_before: u64,
    bytes_after: Option<u64>,
    saved_bytes: u64,
    predicted_bytes: u64,
    verdict: Option<&'static str>,
    differing: &'a [String],
    removed: &'a [Removal],
    suggestions: &'a [Suggestion],
    refused: &'a [Suggestion],
    patch: Option<&'a str>,
    written: bool,
    frontier: &'a [Point],
    notes: &'a [Note],
}

impl<'a> Report<'a> {
    pub(super) fn of(slimmed: &'a Slimmed, written: bool) -> Self {
        let after = slimmed.after.as_ref();
        Self {
            schema: 1,
            bytes_before: slimmed.bytes_before,
            wasted_before: slimmed.wasted_before,
            bytes_after: after.map(|after| after.bytes_after),
            saved_bytes: after.map_or(0, |after| saved(slimmed, after)),
            predicted_bytes: after.map_or(0, |after| after.predicted_saving),
            verdict: after.map(|after| match after.verdict {
                Verdict::Identical => "identical",
                Verdict::IdenticalBut(_) => "identical-but",
                Verdict::EqualExcept(_) => "equal-except",
                Verdict::Different(_) => "different",
            }),
            differing: after.map_or(&[], |after| differing(&after.verdict)),
            removed: after.map_or(&[], |after| &after.removed),
            suggestions: after.map_or(&[], |after| &after.suggestions),
            refused: &slimmed.refused,
            patch: after.map(|after| after.patch.as_str()),
            written,
            frontier: &slimmed.frontier,
            notes: &slimmed.notes,
        }
    }
}

fn saved(slimmed: &Slimmed, after: &Rewrite) -> u64 {
    slimmed.bytes_before.saturating_sub(after.bytes_after)
}

fn differing(verdict: &Verdict) -> &[String] {
    match verdict {
        Verdict::Identical | Verdict::IdenticalBut(_) => &[],
        Verdict::EqualExcept(paths) | Verdict::Different(paths) => paths,
    }
}

/// Prints the result; `written` says, where it was asked for, whether the Dockerfile at a path was rewritten.
pub(super) fn show(slimmed: &Slimmed, least: MinSaving, written: Option<(bool, &std::path::PathBuf)>) {
    anstream::print!("{}", suggestions::refused(&slimmed.refused, least, slimmed.bytes_before));
    let Some(rewrite) = &slimmed.after else {
        anstream::println!(
            "nothing to change: {} bytes wasted ({})",
            slimmed.wasted_before,
            size_text(slimmed.wasted_before)
        );
        return;
    };
    changes(slimmed, rewrite);
    proof(rewrite);
    if let Some((is_written, dockerfile)) = written {
        let what = if is_written { "is rewritten" } else { "is left as it was" };
        let ignore = rewrite.ignore.as_ref().map(|ignore| ignore.path.as_path());
        for path in [Some(dockerfile.as_path()), ignore].into_iter().flatten() {
            say(path, what);
        }
    }
}

fn say(path: &Path, what: &str) {
    anstream::println!("{} {what}", path.display());
}

fn changes(slimmed: &Slimmed, rewrite: &Rewrite) {
    let mut teller = suggestions::Teller::default();
    for suggestion in &rewrite.suggestions {
        anstream::print!("{}", teller.told(suggestion));
    }
    for line in rewrite.patch.lines() {
        let style = match line.as_bytes().first() {
            Some(b'+') => GOOD,
            Some(b'-') => ERROR,
            _ => FAINT,
        };
        anstream::println!("{style}{line}{style:#}");
    }
    for (what, bytes) in [
        ("before", slimmed.bytes_before),
        ("after", rewrite.bytes_after),
        ("saved", saved(slimmed, rewrite)),
        ("predicted", rewrite.predicted_saving),
    ] {
        anstream::println!("{what:<10} {bytes:>12} bytes  {:>7}", size_text(bytes));
    }
    let sum: u64 = rewrite.suggestions.iter().map(|suggestion| suggestion.saves_bytes).sum();
    if rewrite.predicted_saving < sum {
        anstream::println!("{FAINT}           what two suggestions save counts once{FAINT:#}");
    }
}

fn proof(rewrite: &Rewrite) {
    let removals = || {
        let one = |removal: &Removal| {
            format!("{} of {} that the edit removes", text::count(removal.paths, "path"), text::safe(&removal.place))
        };
        rewrite.removed.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    let list = |paths: &[String]| text::safe(&paths.join(", "));
    match &rewrite.verdict {
        Verdict::Identical => anstream::println!(
            "proof      {GOOD}identical{GOOD:#}: every path of both root filesystems, and the configs"
        ),
        Verdict::IdenticalBut(_) => anstream::println!("proof      {GOOD}identical but{GOOD:#} for {}", removals()),
        Verdict::EqualExcept(paths) if rewrite.removed.is_empty() => {
            anstream::println!("proof      {WARNING}equal except:{WARNING:#} {}", list(paths));
        }
        Verdict::EqualExcept(paths) => {
            anstream::println!("proof      {WARNING}equal except:{WARNING:#} {}, and {}", list(paths), removals());
        }
        Verdict::Different(paths) => anstream::print!("{}", differing::told(rewrite, paths)),
    }
}
