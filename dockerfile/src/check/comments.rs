//! The comments above each instruction: some say which checks it is exempt from, some describe it.

use std::collections::BTreeMap;

use super::Config;
use crate::{Dockerfile, Instruction, Span, Spanned, lines::trim_start};

/// What stands above instructions, by the place where they begin.
pub(super) struct Above<'a> {
    last: BTreeMap<usize, &'a str>,
    pub(super) configs: BTreeMap<usize, Config>,
}

/// Finds the comments between each instruction and the one before. An empty one (`#`) ends what was before it; blank lines do
/// not, as in BuildKit.
pub(super) fn above<'a>(source: &'a [u8], file: &Dockerfile) -> Above<'a> {
    let mut above = Above { last: BTreeMap::new(), configs: BTreeMap::new() };
    let mut from = file.directives.last().map_or(0, |(_, value)| value.span.end);
    for instruction in &file.instructions {
        let start = instruction.span.start;
        let comments = comments(source, from, start);
        if let Some(last) = comments.last() {
            above.last.insert(start, last.value);
        }
        // a `check=` that cannot be read turns nothing off
        if let Some(config) =
            comments.iter().find_map(|comment| options(comment.value)).and_then(|text| Config::parse(text).ok())
        {
            above.configs.insert(start, config);
        }
        from = instruction.span.end;
    }
    above
}

/// Gives the comments above each instruction that has any, without their `#`: in the order of the file, with the index of
/// the instruction. An empty comment ends what was before it.
///
/// ```
/// let source = b"FROM a\n# one\n#\n# two\nRUN b\n";
/// let parsed = strata_dockerfile::parse(source);
/// let above = strata_dockerfile::check::comments_above(source, &parsed.file);
/// assert_eq!((above[0].0, above[0].1[0].value), (1, "two"));
/// assert_eq!(&source[above[0].1[0].span.range()], b"two");
/// ```
pub fn comments_above<'a>(source: &'a [u8], file: &Dockerfile) -> Vec<(usize, Vec<Spanned<&'a str>>)> {
    let mut from = file.directives.last().map_or(0, |(_, value)| value.span.end);
    let mut above = Vec::new();
    for (number, instruction) in file.instructions.iter().enumerate() {
        let found = comments(source, from, instruction.span.start);
        if !found.is_empty() {
            above.push((number, found));
        }
        from = instruction.span.end;
    }
    above
}

fn comments(source: &[u8], from: usize, to: usize) -> Vec<Spanned<&str>> {
    let mut comments = Vec::new();
    let mut end = from;
    for line in source.get(from..to).unwrap_or_default().split(|&byte| byte == b'\n') {
        end += line.len();
        let trimmed = trim_start(line);
        match trimmed.strip_prefix(b"#").map(std::str::from_utf8) {
            Some(Ok(comment)) if comment.trim().is_empty() => comments.clear(),
            Some(Ok(comment)) => {
                let start = end - comment.trim_start().len();
                let value = comment.trim();
                comments.push(Spanned { value, span: Span { start, end: start + value.len() } });
            }
            // an instruction that could not be understood
            None if !trimmed.is_empty() => comments.clear(),
            Some(Err(_)) | None => {}
        }
        end += 1;
    }
    comments
}

/// What a comment says after `check=`, up to white space.
fn options(comment: &str) -> Option<&str> {
    let (name, value) = comment.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("check") {
        return None;
    }
    value.split_whitespace().next()
}

impl<'a> Above<'a> {
    /// What the comments above an instruction say about checks.
    pub(super) fn config(&self, instruction: &Instruction) -> Option<&Config> {
        self.configs.get(&instruction.span.start)
    }

    /// The last comment above an instruction.
    pub(super) fn last(&self, instruction: &Instruction) -> Option<&'a str> {
        self.last.get(&instruction.span.start).copied()
    }
}
