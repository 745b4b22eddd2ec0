//! What a path or pattern of a command reaches in the image.

use strata_dockerfile::glob;
use strata_image::layer::LayerPath;

/// A path of a command line, absolute.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    /// The path, or the pattern, cleaned.
    pub(super) path: LayerPath,
    pub(super) is_pattern: bool,
    /// Whether it means what is below it too.
    pub(super) recursive: bool,
}

impl Target {
    /// A file, or a pattern of files, with all that is below them; `None` for what is no path.
    pub(super) fn tree(pattern: &str) -> Option<Self> {
        let path = LayerPath::new(pattern.as_bytes()).ok()?;
        Some(Self { path, is_pattern: glob::has_meta(pattern.as_bytes()), recursive: true })
    }

    /// The part of a path that this names; `None` when it does not reach the path.
    pub(super) fn named<'p>(&self, path: &'p LayerPath) -> Option<&'p [u8]> {
        let bytes = path.as_bytes();
        let depth = self.path.components().count();
        let mut ends =
            bytes.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at).chain([bytes.len()]);
        let end = if depth == 0 { 0 } else { ends.nth(depth - 1)? };
        let named = &bytes[..end];
        let reaches = (self.recursive || end == bytes.len())
            && if self.is_pattern { self.matches(named) } else { named == self.path.as_bytes() };
        reaches.then_some(named)
    }

    /// As a shell does: a wildcard at the start of a name does not stand for a dot.
    fn matches(&self, named: &[u8]) -> bool {
        let is_hidden = |(pattern, name): (&[u8], &[u8])| name.starts_with(b".") && !pattern.starts_with(b".");
        let names = named.split(|&byte| byte == b'/');
        glob::matches(self.path.as_bytes(), named).unwrap_or(false) && !self.path.components().zip(names).any(is_hidden)
    }
}

/// Whether a path of the image is one that a suggestion's pattern of [`removes`](super::Suggestion::removes) means: the
/// files that the pattern names and everything below them.
///
/// ```
/// use strata_analyzer::suggest::is_removed;
/// assert!(is_removed("/var/lib/apt/lists/*", "/var/lib/apt/lists/partial/x"));
/// assert!(!is_removed("/var/lib/apt/lists/*", "/var/lib/apt/lists"));
/// ```
pub fn is_removed(pattern: &str, path: &str) -> bool {
    let path = LayerPath::new(path.as_bytes());
    Target::tree(pattern).zip(path.ok()).is_some_and(|(target, path)| target.named(&path).is_some())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_target_reaches_what_a_shell_would_name() {
        for (pattern, recursive, path, named) in [
            ("/a/b", false, "a/b", Some("a/b")),
            ("/a/b", false, "a/b/c", None),
            ("/a/b", true, "a/b/c", Some("a/b")),
            ("/a/b", true, "a/bc", None),
            ("/a/*", false, "a/b", Some("a/b")),
            ("/a/*", false, "a/.b", None),
            ("/a/.*", false, "a/.b", Some("a/.b")),
            ("/a/*.sh", true, "a/d.sh/x", Some("a/d.sh")),
            ("/a/*", false, "a", None),
            ("/", true, "a/b", Some("")),
            ("/*/c", false, "a/c", Some("a/c")),
        ] {
            let target = Target { recursive, ..Target::tree(pattern).unwrap() };
            let path = LayerPath::new(path.as_bytes()).unwrap();
            assert_eq!(target.named(&path), named.map(str::as_bytes), "{pattern} {path}");
        }
    }
}
