//! The text of a logical line, and the map from each of its bytes back to the source.
//!
//! ```text
//! source   RUN a \⏎  # why⏎  b     (escape, line breaks and the comment are not in the text)
//!          ├────┤           ├─┤
//! joined   "RUN a   b"             pieces: 0 → 0, 6 → 15
//! ```

use std::ops::Range;

use crate::{Span, Spanned};

/// Text joined from pieces of the source.
#[derive(Debug, Default)]
pub(crate) struct Joined {
    text: String,
    pieces: Vec<Piece>,
    /// Where the source of the last piece ends.
    end: usize,
}

#[derive(Debug)]
struct Piece {
    at: usize,
    source: usize,
}

impl Joined {
    /// Appends a piece whose bytes lie in the source from `source` on.
    pub(crate) fn push(&mut self, text: &str, source: usize) {
        if !text.is_empty() {
            self.pieces.push(Piece { at: self.text.len(), source });
            self.text.push_str(text);
        }
        self.end = source + text.len();
    }

    /// The whole text.
    pub(crate) fn part(&self) -> Part<'_> {
        Part { joined: self, start: 0, end: self.text.len() }
    }

    /// From the source byte of the range's first byte to that of its last.
    fn span(&self, range: Range<usize>) -> Span {
        let start = self.source_of(range.start);
        let end = if range.is_empty() { start } else { self.source_of(range.end - 1) + 1 };
        Span { start, end }
    }

    fn source_of(&self, at: usize) -> usize {
        if at >= self.text.len() {
            return self.end;
        }
        let after = self.pieces.partition_point(|piece| piece.at <= at);
        let piece = &self.pieces[after - 1];
        piece.source + (at - piece.at)
    }
}

/// A part of a joined text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Part<'a> {
    joined: &'a Joined,
    start: usize,
    end: usize,
}

impl<'a> Part<'a> {
    pub(crate) fn text(self) -> &'a str {
        &self.joined.text[self.start..self.end]
    }

    pub(crate) fn span(self) -> Span {
        self.joined.span(self.start..self.end)
    }

    pub(crate) fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// A part of this part, by offsets in its text.
    pub(crate) fn slice(self, range: Range<usize>) -> Self {
        debug_assert!(range.start <= range.end && self.start + range.end <= self.end);
        Self { start: self.start + range.start, end: self.start + range.end, ..self }
    }

    /// Everything from an offset in this part's text on.
    pub(crate) fn from(self, start: usize) -> Self {
        self.slice(start..self.end - self.start)
    }

    /// Without the white space (Unicode's) at both ends.
    pub(crate) fn trim(self) -> Self {
        let text = self.text();
        let leading = text.len() - text.trim_start().len();
        self.slice(leading..leading + text.trim().len())
    }

    pub(crate) fn to_spanned(self) -> Spanned<String> {
        Spanned { value: self.text().to_owned(), span: self.span() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_spans_from_its_first_to_its_last_source_byte() {
        let mut joined = Joined::default();
        joined.push("RUN a ", 0);
        joined.push("", 9);
        joined.push("  b", 15);
        let whole = joined.part();
        assert_eq!(whole.text(), "RUN a   b");
        for (range, expected) in
            [(0..3, 0..3), (4..5, 4..5), (4..9, 4..18), (6..9, 15..18), (6..6, 15..15), (9..9, 18..18)]
        {
            assert_eq!(whole.slice(range.clone()).span().range(), expected, "{range:?}");
        }
    }

    #[test]
    fn trimming_keeps_the_map() {
        let mut joined = Joined::default();
        joined.push("  a ", 10);
        assert_eq!(joined.part().trim().span(), Span { start: 12, end: 13 });
        let mut blank = Joined::default();
        blank.push("  ", 10);
        assert!(blank.part().trim().is_empty());
    }
}
