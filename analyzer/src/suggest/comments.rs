//! The comments above an instruction, which go where it goes: some are for people, some suppress findings, some turn off checks.
//!
//! What is about an instruction is as its readers have it ([`comments_above`](strata_dockerfile::check::comments_above)): all that
//! stands between it and the one before it, but what an empty comment ends. Blank lines end nothing.

use strata_dockerfile::{Span, Spanned, edit::Edit};

use super::{
    Recipe,
    rewrite::{after_newline, newline},
};
use crate::findings::is_suppression;

/// What stands above an instruction, each comment from its `#` to the end of its text, at its place.
pub(super) struct Comments<'a> {
    /// Those that an empty comment ends, with this one.
    pub(super) apart: Vec<&'a str>,
    /// Those about the instruction.
    pub(super) own: Vec<Spanned<&'a str>>,
}

impl<'a> Comments<'a> {
    /// `None` for the first instruction of a file, and where something is not UTF-8.
    pub(super) fn above(recipe: &Recipe<'a>, index: usize) -> Option<Self> {
        let from = recipe.file.instructions.get(index.checked_sub(1)?)?.span.end;
        let keyword = recipe.file.instructions.get(index)?.keyword.span;
        let text = std::str::from_utf8(recipe.source.get(from..keyword.start)?).ok()?;
        let (mut apart, mut own) = (Vec::new(), Vec::<Spanned<&str>>::new());
        let mut at = from;
        for line in text.split_inclusive('\n') {
            let (start, comment) = (at, line.trim());
            at += line.len();
            let Some(said) = comment.strip_prefix('#') else { continue };
            if said.trim().is_empty() {
                apart.extend(own.drain(..).map(|comment| comment.value));
                apart.push(comment);
                continue;
            }
            let start = start + line.len() - line.trim_start().len();
            own.push(Spanned { value: comment, span: Span { start, end: start + comment.len() } });
        }
        Some(Self { apart, own })
    }

    /// Edits that take those away that programs read: without the instruction they would be about the next one.
    pub(super) fn without_options(&self, recipe: &Recipe<'_>) -> Vec<Edit> {
        let is_option = |comment: &&Spanned<&str>| is_check(comment.value) || is_suppression(comment.value);
        let removal = |comment: &Spanned<&str>| {
            let span = Span {
                start: line_start(recipe.source, comment.span.start),
                end: after_newline(recipe.source, comment.span.end),
            };
            Edit { span, replacement: String::new() }
        };
        self.own.iter().filter(is_option).map(removal).collect()
    }
}

/// The edits that put comments above an instruction: first those that are about none, then its own, then `own`.
pub(super) fn put_above(recipe: &Recipe<'_>, index: usize, apart: &[&str], own: &[&str]) -> Option<Vec<Edit>> {
    let keyword = recipe.file.instructions.get(index)?.keyword.span;
    let places = match Comments::above(recipe, index)?.own.first() {
        None => vec![(keyword, [apart, own].concat())],
        Some(first) => vec![(first.span, apart.to_vec()), (keyword, own.to_vec())],
    };
    let places = places.into_iter().filter(|(_, comments)| !comments.is_empty());
    places.map(|(place, comments)| before(recipe, place, &comments)).collect()
}

/// Puts comments before what begins its line. That is written again with them, since an insertion alone could lie at the end
/// of what another suggestion takes away.
fn before(recipe: &Recipe<'_>, place: Span, comments: &[&str]) -> Option<Edit> {
    let start = line_start(recipe.source, place.start);
    let indent = std::str::from_utf8(&recipe.source[start..place.start]).ok()?;
    let newline = newline(&recipe.source[place.start..]);
    let mut replacement = String::new();
    for comment in comments {
        replacement.extend([comment, newline, indent]);
    }
    replacement.push_str(std::str::from_utf8(recipe.source.get(place.range())?).ok()?);
    Some(Edit { span: place, replacement })
}

/// Where the line of a place starts.
pub(super) fn line_start(source: &[u8], place: usize) -> usize {
    source[..place].iter().rposition(|&byte| byte == b'\n').map_or(0, |newline| newline + 1)
}

/// Whether a comment turns off checks: of several above one instruction the first alone counts.
pub(super) fn is_check(comment: &str) -> bool {
    let name = comment.trim_start_matches('#').split_once('=').map(|(name, _)| name.trim());
    name.is_some_and(|name| name.eq_ignore_ascii_case("check"))
}
