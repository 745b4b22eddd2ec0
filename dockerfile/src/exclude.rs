//! `--exclude` of COPY and ADD: which files below a source are left out.
//!
//! The patterns are those of `.dockerignore`, seen from each source: `*.txt` concerns the files that lie directly in it,
//! `**/*.txt` those at any depth, and `!` takes back in. A file that is itself a source is never excluded, and with
//! `--parents` the place that patterns are seen from is [`crate::parents::Parents::root`]. Two things differ from a file of
//! patterns, as in BuildKit: nothing is a comment, and a pattern that begins with a slash matches nothing.

use crate::{glob::BadPattern, ignore, ignore::IgnoreSet};

/// The patterns of one instruction, in their order.
#[derive(Clone, Debug, Default)]
pub struct Excludes {
    set: IgnoreSet,
}

/// A value of `--exclude` that is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadExclude {
    /// A `!` with nothing after it.
    #[error("illegal exclusion pattern: \"!\"")]
    LoneBang,
    /// A class or an escape that does not end.
    #[error(transparent)]
    Pattern(#[from] BadPattern),
}

impl Excludes {
    /// Reads the values of the flags, their variables expanded.
    ///
    /// # Errors
    /// The first that is no pattern.
    pub fn new<T: AsRef<str>>(patterns: impl IntoIterator<Item = T>) -> Result<Self, BadExclude> {
        let mut set = IgnoreSet::default();
        for (line, pattern) in (1..).zip(patterns) {
            let pattern = pattern.as_ref().trim();
            if pattern.is_empty() {
                continue;
            }
            let mut cleaned = ignore::clean(pattern.as_bytes());
            if pattern.starts_with('/') && !cleaned.starts_with(b"/") {
                cleaned.insert(0, b'/');
            }
            let includes = cleaned.first() == Some(&b'!');
            let cleaned = &cleaned[usize::from(includes)..];
            if cleaned.is_empty() {
                return Err(BadExclude::LoneBang);
            }
            set.push(line, includes, cleaned)?;
        }
        Ok(Self { set })
    }

    /// Whether a slash-separated path below a source is left out; the source itself, whose path is empty, never is.
    pub fn excludes(&self, path: &[u8]) -> bool {
        !path.is_empty() && self.set.excluded_by(path).is_some()
    }

    /// Whether anything below this excluded directory could be taken back in; otherwise a walk need not enter it.
    pub fn may_reinclude_below(&self, dir: &[u8]) -> bool {
        self.set.may_reinclude_below(dir)
    }

    /// Whether there are no patterns.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn patterns_are_seen_from_the_source() {
        for (patterns, path, expected) in [
            (&["*.txt"][..], "f1.txt", true),
            (&["*.txt"], "b/f3.txt", false),
            (&["**/*.txt"], "b/f3.txt", true),
            (&["b/c"], "b/c/d", true),
            (&["b/c"], "c", false),
            (&["f1.txt"], "", false),
            (&["*"], "", false),
            (&["*", "!*.md"], "a.md", false),
            (&["*", "!*.md"], "a.txt", true),
            (&["*", "!*.md"], "d/a.md", true),
            (&["/a"], "a", false),
            (&["./a/"], "a/b", true),
            (&["# a"], "# a", true),
            (&[" a ", ""], "a", true),
            (&["!./a", "b"], "b", true),
        ] {
            let excludes = Excludes::new(patterns).unwrap();
            assert_eq!(excludes.excludes(path.as_bytes()), expected, "{patterns:?} {path}");
        }
    }

    #[test]
    fn an_excluded_directory_is_entered_only_for_what_comes_back() {
        let excludes = Excludes::new(["a", "!a/b"]).unwrap();
        assert!(excludes.may_reinclude_below(b"a"));
        assert!(!Excludes::new(["a"]).unwrap().may_reinclude_below(b"a"));
        assert!(Excludes::new([""]).unwrap().is_empty());
    }

    #[test]
    fn values_that_are_no_patterns_are_errors() {
        assert_eq!(Excludes::new(["a", "!"]).unwrap_err(), BadExclude::LoneBang);
        assert!(matches!(Excludes::new(["[a"]), Err(BadExclude::Pattern(_))));
    }
}
