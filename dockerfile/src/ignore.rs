//! `.dockerignore`: which files of a context are left out, as moby's patternmatcher decides.
//!
//! Patterns are anchored at the context's root and match whole paths or a parent of them; `*` and
//! `?` stop at slashes, `**` does not; `!` includes again what an earlier pattern excluded; the last
//! pattern that matches decides.
//!
//! `\` takes the meaning from the character after it, any character. (moby goes through regular
//! expressions, where `\d` happens to be a digit; that is not followed.)

use crate::{
    glob::{self, BadPattern, Token},
    lines::MAX_LINE_BYTES,
};

/// The patterns of an ignore file.
#[derive(Clone, Debug, Default)]
pub struct IgnoreSet {
    patterns: Vec<Pattern>,
}

/// A line that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct IgnoreError {
    /// Counted from 1.
    pub line: u32,
    /// What is wrong with it.
    pub message: String,
}

impl IgnoreSet {
    /// Reads an ignore file.
    ///
    /// A byte order mark and white space around a pattern are nothing; `#` begins a comment in the
    /// first column only; patterns are cleaned as paths (`./a/../b/` is `b`), and a leading slash is
    /// dropped.
    ///
    /// # Errors
    /// The first line that is a lone `!`, not a pattern, or longer than 65535 bytes.
    pub fn parse(text: &[u8]) -> Result<Self, IgnoreError> {
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        let mut set = Self::default();
        for (line, bytes) in (1..).zip(text.split(|&byte| byte == b'\n')) {
            let fail = |message: String| IgnoreError { line, message };
            if bytes.len() > MAX_LINE_BYTES {
                return Err(fail(format!("longer than {MAX_LINE_BYTES} bytes")));
            }
            if bytes.starts_with(b"#") {
                continue;
            }
            let pattern = trim(bytes);
            let (includes, pattern) = match pattern.strip_prefix(b"!") {
                Some(rest) => (true, trim(rest)),
                None => (false, pattern),
            };
            if pattern.is_empty() {
                if includes {
                    return Err(fail("illegal exclusion pattern: \"!\"".to_owned()));
                }
                continue;
            }
            set.push(line, includes, &clean(pattern)).map_err(|error| fail(error.to_string()))?;
        }
        Ok(set)
    }

    /// Appends a pattern that is cleaned as a path.
    pub(crate) fn push(&mut self, line: u32, includes: bool, cleaned: &[u8]) -> Result<(), BadPattern> {
        let tokens = glob::parse(cleaned)?;
        self.patterns.push(Pattern { line, includes, matcher: Matcher::new(cleaned, tokens) });
        Ok(())
    }

    /// Whether a slash-separated path relative to the context is excluded; gives the line, counted
    /// from 1, of the pattern that decided so.
    ///
    /// A pattern that matches a parent directory matches the path too, provided that the pattern was
    /// in force at that directory: `d/f` with `!d` after it still excludes `d/f`, since the `!d` had
    /// nothing to include again at `d`.
    pub fn excluded_by(&self, path: &[u8]) -> Option<u32> {
        let mut matched_parent = vec![false; self.patterns.len()];
        let mut excluded = None;
        let slashes = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        for end in slashes.map(|(at, _)| at).chain([path.len()]) {
            excluded = None;
            for (pattern, matched) in self.patterns.iter().zip(&mut matched_parent) {
                if !*matched && pattern.includes == excluded.is_some() {
                    *matched = pattern.matcher.matches(&path[..end]);
                }
                if *matched {
                    excluded = (!pattern.includes).then_some(pattern.line);
                }
            }
        }
        excluded
    }

    /// Whether anything below this excluded directory could be included again by a `!` pattern;
    /// otherwise a walk need not enter it.
    pub fn may_reinclude_below(&self, dir: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| pattern.includes && pattern.matcher.may_match_below(dir))
    }

    /// Whether a pattern that excludes could match a path below the directory.
    pub(crate) fn may_match_below(&self, dir: &[u8]) -> bool {
        self.patterns.iter().any(|pattern| !pattern.includes && pattern.matcher.may_match_below(dir))
    }

    /// Whether there is a `!` pattern.
    pub fn has_exceptions(&self) -> bool {
        self.patterns.iter().any(|pattern| pattern.includes)
    }

    /// The line of a pattern that excludes all that the context has, such as `*`.
    pub fn excludes_everything(&self) -> Option<u32> {
        let everything = self.patterns.iter().find(|pattern| !pattern.includes && pattern.matcher.is_everything());
        everything.map(|pattern| pattern.line)
    }

    /// Whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }
}

#[derive(Clone, Debug)]
struct Pattern {
    line: u32,
    includes: bool,
    matcher: Matcher,
}

/// How a pattern is compared. The first three are what moby does with patterns that have no other
/// wildcard; they are more than a speed-up: `**file` matches `dir/xfile`, as no other pattern with
/// `**` in its first place would.
#[derive(Clone, Debug)]
enum Matcher {
    /// No wildcard.
    Exact(Vec<u8>),
    /// `text**`
    Prefix(Vec<u8>),
    /// `**text` or `**/text`
    Suffix(Vec<u8>),
    /// Any other.
    Steps(Vec<Step>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    One(Token),
    /// `**` and the slash after it: nothing, or anything that ends in a slash.
    Directories,
    /// `**` at the end: anything.
    Anything,
}

impl Matcher {
    fn new(pattern: &[u8], tokens: Vec<Token>) -> Self {
        let is_plain = |text: &[u8]| !glob::has_meta(text);
        if is_plain(pattern) {
            return Self::Exact(pattern.to_vec());
        }
        if let Some(prefix) = pattern.strip_suffix(b"**").filter(|text| is_plain(text)) {
            return Self::Prefix(prefix.to_vec());
        }
        if let Some(suffix) = pattern.strip_prefix(b"**").filter(|text| is_plain(text)) {
            return Self::Suffix(suffix.to_vec());
        }
        Self::Steps(steps(tokens))
    }

    fn matches(&self, path: &[u8]) -> bool {
        match self {
            Self::Exact(text) => path == text,
            Self::Prefix(text) => path.starts_with(text),
            Self::Suffix(text) => path.ends_with(text) || text.strip_prefix(b"/") == Some(path),
            Self::Steps(steps) => explore(steps, path, |left| left == 0),
        }
    }

    /// `*`, `**` and `**/*`
    fn is_everything(&self) -> bool {
        match self {
            Self::Exact(_) | Self::Suffix(_) => false,
            Self::Prefix(text) => text.is_empty(),
            Self::Steps(steps) => {
                let last = steps.last() == Some(&Step::One(Token::AnyBytes));
                last && steps[..steps.len() - 1].iter().all(|step| *step == Step::Directories)
            }
        }
    }

    /// Whether the pattern could match a path below the directory.
    fn may_match_below(&self, dir: &[u8]) -> bool {
        match self {
            Self::Exact(text) => text.strip_prefix(dir).is_some_and(|rest| rest.starts_with(b"/")),
            Self::Prefix(text) => {
                let below = [dir, b"/"].concat();
                below.starts_with(text) || text.starts_with(&below)
            }
            Self::Suffix(_) => true,
            Self::Steps(steps) => explore(steps, &[dir, b"/"].concat(), |left| left > 0),
        }
    }
}

/// Puts the `**` together that the glob reader, for which they are nothing special, left apart.
fn steps(tokens: Vec<Token>) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        if token != Token::AnyBytes || tokens.next_if_eq(&Token::AnyBytes).is_none() {
            steps.push(Step::One(token));
            continue;
        }
        tokens.next_if_eq(&Token::Byte(b'/'));
        steps.push(if tokens.peek().is_none() { Step::Anything } else { Step::Directories });
    }
    steps
}

/// Tries all ways to take the whole text by steps, and says whether one of them leaves a number of
/// steps that the caller accepts. No pair of step and place is looked at twice, so the time is bounded
/// by the product of the lengths.
fn explore(steps: &[Step], text: &[u8], accepts: impl Fn(usize) -> bool) -> bool {
    let mut seen = vec![false; (steps.len() + 1) * (text.len() + 1)];
    let mut open = vec![(0, 0)];
    while let Some((step, at)) = open.pop() {
        if std::mem::replace(&mut seen[step * (text.len() + 1) + at], true) {
            continue;
        }
        if at == text.len() && accepts(steps.len() - step) {
            return true;
        }
        let rest = &text[at..];
        match steps.get(step) {
            None => {}
            Some(Step::Anything) => return true,
            Some(Step::Directories) => {
                let slash = rest.iter().position(|&byte| byte == b'/');
                open.extend(slash.map(|slash| (step, at + slash + 1)));
                open.push((step + 1, at));
            }
            Some(Step::One(Token::AnyBytes)) => {
                if rest.first().is_some_and(|&byte| byte != b'/') {
                    open.push((step, at + 1));
                }
                open.push((step + 1, at));
            }
            Some(Step::One(token)) => {
                let after = token.take(rest);
                open.extend(after.map(|after| (step + 1, text.len() - after.len())));
            }
        }
    }
    false
}

fn trim(bytes: &[u8]) -> &[u8] {
    let is_space = |byte: &u8| matches!(byte, b'\t'..=b'\r' | b' ');
    let start = bytes.iter().position(|byte| !is_space(byte));
    let end = bytes.iter().rposition(|byte| !is_space(byte));
    match (start, end) {
        (Some(start), Some(end)) => &bytes[start..=end],
        _ => &[],
    }
}

/// The shortest path that means the same: no `.`, no empty names, `..` resolved where it can be, no
/// slash at the end, none at the start.
pub(crate) fn clean(path: &[u8]) -> Vec<u8> {
    let is_absolute = path.starts_with(b"/");
    let mut names: Vec<&[u8]> = Vec::new();
    for name in path.split(|&byte| byte == b'/') {
        match name {
            b"" | b"." => {}
            b".." if names.last().is_some_and(|last| *last != b"..") => {
                names.pop();
            }
            b".." if is_absolute => {}
            _ => names.push(name),
        }
    }
    match (names.is_empty(), is_absolute) {
        (false, _) => names.join(&b'/'),
        (true, true) => b"/".to_vec(),
        (true, false) => b".".to_vec(),
    }
}

#[cfg(test)]
mod tests;
