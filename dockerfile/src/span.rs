//! Byte ranges of the source, the currency in which every word, diagnostic and edit says where it stands.

use std::ops::Range;

/// A half-open byte range of the source file.
///
/// Offsets count every byte of the file, a byte order mark included, so that edits at spans are exact.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: usize,
    /// Offset after the last byte; equal to `start` for a mere place.
    pub end: usize,
}

impl Span {
    /// The range as the standard library writes it, for indexing the source.
    pub fn range(self) -> Range<usize> {
        self.start..self.end
    }
}

/// A value and where it stands.
///
/// The value of a word that crosses a continuation has neither the escape nor the line break; its
/// span reaches from its first to its last source byte.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// What was read.
    pub value: T,
    /// Where it was read.
    pub span: Span,
}
