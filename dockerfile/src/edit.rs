//! Edits of the source at spans, and their unified diff.

use similar::TextDiff;

use crate::Span;

/// A replacement of a range of the source; an empty range is an insertion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What goes.
    pub span: Span,
    /// What comes.
    pub replacement: String,
}

/// Edits that cannot be applied together, or not to this source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// Two edits replace the same byte.
    #[error("edits overlap at byte {at}")]
    Overlap {
        /// The first such byte.
        at: usize,
    },
    /// An edit's span is not within the source.
    #[error("an edit of bytes {start} to {end} does not fit a source of {length} bytes")]
    OutOfBounds {
        /// Where the span starts.
        start: usize,
        /// Where it ends.
        end: usize,
        /// The length of the source.
        length: usize,
    },
}

/// Applies edits that do not overlap, in any order; everything outside their spans is untouched, to
/// the byte. Insertions at the same place keep their order, and come before a replacement that
/// starts there.
///
/// # Errors
/// Two spans overlap, or a span is none of this source.
pub fn apply(source: &[u8], edits: &[Edit]) -> Result<Vec<u8>, EditError> {
    let mut sorted: Vec<&Edit> = edits.iter().collect();
    sorted.sort_by_key(|edit| edit.span);
    let mut edited = Vec::with_capacity(source.len());
    let mut copied = 0;
    for Edit { span, replacement } in sorted {
        let &Span { start, end } = span;
        if start > end || end > source.len() {
            return Err(EditError::OutOfBounds { start, end, length: source.len() });
        }
        if start < copied {
            return Err(EditError::Overlap { at: start });
        }
        edited.extend_from_slice(&source[copied..start]);
        edited.extend_from_slice(replacement.as_bytes());
        copied = end;
    }
    edited.extend_from_slice(&source[copied..]);
    Ok(edited)
}

/// A unified diff with three lines of context and the headers `a/NAME` and `b/NAME`, as `patch -p1`
/// takes it; empty when the two are equal.
///
/// Bytes that are not UTF-8 are replaced: such a diff can be read but not applied.
pub fn unified_diff(name: &str, before: &[u8], after: &[u8]) -> String {
    diff(before, after, (&format!("a/{name}"), &format!("b/{name}")))
}

/// The same for a file that is not there yet.
pub fn new_file_diff(name: &str, after: &[u8]) -> String {
    diff(b"", after, ("/dev/null", &format!("b/{name}")))
}

fn diff(before: &[u8], after: &[u8], (old_name, new_name): (&str, &str)) -> String {
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    // lines end at line feeds only: a lone carriage return is text, to patch too
    let old: Vec<&str> = before.split_inclusive('\n').collect();
    let new: Vec<&str> = after.split_inclusive('\n').collect();
    TextDiff::configure()
        .newline_terminated(true)
        .diff_slices(&old, &new)
        .unified_diff()
        .context_radius(3)
        .header(old_name, new_name)
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(start: usize, end: usize, replacement: &str) -> Edit {
        Edit { span: Span { start, end }, replacement: replacement.to_owned() }
    }

    #[test]
    fn edits_touch_their_spans_only() {
        let source = b"\xef\xbb\xbfRUN a\r\nRUN b\r\n";
        for (edits, expected) in [
            (vec![], &source[..]),
            (vec![edit(8, 14, " && ")], b"\xef\xbb\xbfRUN a && b\r\n"),
            (vec![edit(14, 15, "c"), edit(3, 6, "CMD")], b"\xef\xbb\xbfCMD a\r\nRUN c\r\n"),
            (vec![edit(17, 17, "x"), edit(17, 17, "y")], b"\xef\xbb\xbfRUN a\r\nRUN b\r\nxy"),
            (vec![edit(3, 6, "B"), edit(3, 3, "A")], b"\xef\xbb\xbfAB a\r\nRUN b\r\n"),
            (vec![edit(3, 6, "A"), edit(6, 7, "B")], b"\xef\xbb\xbfABa\r\nRUN b\r\n"),
        ] {
            assert_eq!(apply(source, &edits).as_deref(), Ok(expected), "{edits:?}");
        }
    }

    #[test]
    fn edits_that_overlap_or_do_not_fit_are_refused() {
        let source = b"abcdef";
        for (edits, at) in [([edit(2, 4, ""), edit(0, 3, "")], 2), ([edit(0, 3, ""), edit(0, 3, "")], 0)] {
            assert_eq!(apply(source, &edits), Err(EditError::Overlap { at }));
        }
        for (start, end) in [(5, 7), (7, 7), (3, 2)] {
            assert_eq!(apply(source, &[edit(start, end, "")]), Err(EditError::OutOfBounds { start, end, length: 6 }));
        }
    }

    #[test]
    fn a_diff_has_three_lines_of_context() {
        let before = b"1\n2\n3\n4\n5\n6\n7\n8\n9";
        let after = b"1\n2\n3\n4\nfive\n6\n7\n8\n9";
        insta::assert_snapshot!(unified_diff("Dockerfile", before, after), @r"
        --- a/Dockerfile
        +++ b/Dockerfile
        @@ -2,7 +2,7 @@
         2
         3
         4
        -5
        +five
         6
         7
         8
        ");
        assert_eq!(unified_diff("Dockerfile", before, before), "");
    }

    #[test]
    fn a_new_file_comes_from_nowhere() {
        assert_eq!(new_file_diff("d", b"a\nb\n"), "--- /dev/null\n+++ b/d\n@@ -0,0 +1,2 @@\n+a\n+b\n");
    }

    #[test]
    fn a_missing_last_line_break_and_lone_carriage_returns_survive() {
        let diff = unified_diff("d", b"a\rb\nc", b"a\rb\nd");
        assert_eq!(
            diff,
            "--- a/d\n+++ b/d\n@@ -1,2 +1,2 @@\n a\rb\n-c\n\\ No newline at end of file\n+d\n\\ No newline at end of file\n"
        );
    }
}
