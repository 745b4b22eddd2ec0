//! `--parents` of COPY: which part of a source's path appears below the destination.
//!
//! ```text
//! a/b/f.txt          root /    pattern a/b/f.txt      →  DEST/a/b/f.txt
//! a/./b/*.txt        root a    pattern b/*.txt        →  DEST/b/f1.txt ...
//! **/*.md            root /    pattern **/*.md        →  at any depth, which other COPYs do not do
//! ```

use crate::{
    glob::{self, BadPattern},
    ignore,
    ignore::IgnoreSet,
};

/// A source of a COPY with `--parents`.
#[derive(Clone, Debug)]
pub struct Parents {
    /// The directory that paths are seen from, before the first `/./`, itself perhaps with wildcards; `/` without one.
    pub root: String,
    /// Whether something must match: there are no wildcards.
    pub required: bool,
    /// What is seen from there, cleaned, without a slash at its start; empty for everything.
    pub pattern: String,
    set: IgnoreSet,
}

impl Parents {
    /// Reads a source, its variables expanded.
    ///
    /// # Errors
    /// The part after the pivot is no pattern.
    pub fn new(source: &str) -> Result<Self, BadPattern> {
        let (root, pattern) = source.split_once("/./").unwrap_or(("/", source));
        // seen from the root, so that `..` cannot leave it
        let cleaned = ignore::clean(format!("/{pattern}").as_bytes());
        let cleaned = cleaned.strip_prefix(b"/").unwrap_or(&cleaned);
        let mut set = IgnoreSet::default();
        set.push(1, false, if cleaned.is_empty() { b"**" } else { cleaned })?;
        Ok(Self {
            root: if root.is_empty() { "/".to_owned() } else { root.to_owned() },
            required: !glob::has_meta(root.as_bytes()) && !glob::has_meta(cleaned),
            pattern: String::from_utf8_lossy(cleaned).into_owned(),
            set,
        })
    }

    /// Whether a path below the root is copied: it, or a directory that it lies in, matches.
    pub fn includes(&self, path: &[u8]) -> bool {
        !path.is_empty() && self.set.excluded_by(path).is_some()
    }

    /// Whether anything below a directory could be copied; otherwise a walk need not enter it.
    pub fn may_include_below(&self, dir: &[u8]) -> bool {
        dir.is_empty() || self.includes(dir) || self.set.may_match_below(dir)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_first_pivot_cuts_the_source() {
        for (source, root, pattern, required) in [
            ("a/b/f.txt", "/", "a/b/f.txt", true),
            ("/a/b", "/", "a/b", true),
            ("a/./b/f.txt", "a", "b/f.txt", true),
            ("a/./b/./c", "a", "b/c", true),
            ("/./b", "/", "b", true),
            ("./b", "/", "b", true),
            ("a/./", "a", "", true),
            (".", "/", "", true),
            ("../../b", "/", "b", true),
            ("a/./../b", "a", "b", true),
            ("*/./b", "*", "b", false),
            ("a/**/*.md", "/", "a/**/*.md", false),
        ] {
            let parents = Parents::new(source).unwrap();
            let found = (parents.root.as_str(), parents.pattern.as_str(), parents.required);
            assert_eq!(found, (root, pattern, required), "{source}");
        }
    }

    #[test]
    fn paths_are_copied_with_the_directories_that_match() {
        for (source, path, expected) in [
            ("a/b", "a/b", true),
            ("a/b", "a/b/c/d", true),
            ("a/b", "a", false),
            ("a/b", "a/bc", false),
            ("*.md", "d/a.md", false),
            ("**/*.md", "d/e/a.md", true),
            ("**/*.md", "a.md", true),
            ("a/./b/*", "b/c", true),
            (".", "any/thing", true),
        ] {
            assert_eq!(Parents::new(source).unwrap().includes(path.as_bytes()), expected, "{source} {path}");
        }
    }

    #[test]
    fn only_directories_that_can_hold_a_match_need_a_visit() {
        for (source, dir, expected) in [
            ("a/b", "", true),
            ("a/b", "a", true),
            ("a/b", "c", false),
            ("a/b", "a/b/c", true),
            ("a/*.md", "a/x", false),
            ("**/*.md", "x/y", true),
        ] {
            assert_eq!(Parents::new(source).unwrap().may_include_below(dir.as_bytes()), expected, "{source} {dir}");
        }
    }

    #[test]
    fn a_bad_pattern_is_an_error() {
        assert!(Parents::new("a/[").is_err());
    }
}
