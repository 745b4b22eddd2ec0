//! Bytes into physical lines: where each begins and ends, line breaks and byte order mark set aside.

use crate::{Diagnostic, Span};

/// The longest line, without its `\n`, that BuildKit's line scanner reads (its buffer is 64 KiB).
pub(crate) const MAX_LINE_BYTES: usize = 65_535;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A physical line.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line {
    /// The first byte, after a byte order mark.
    pub(crate) start: usize,
    /// The end of the text, line break (`\n`, `\r\n`, more carriage returns) excluded.
    pub(crate) end: usize,
}

impl Line {
    /// The text without its line break.
    pub(crate) fn span(self) -> Span {
        Span { start: self.start, end: self.end }
    }
}

/// Cuts the source into lines; the last one need not end in a line break.
pub(crate) fn split(source: &[u8], diagnostics: &mut Vec<Diagnostic>) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut start = 0;
    while start < source.len() {
        let newline = source[start..].iter().position(|&byte| byte == b'\n');
        let (end, next) = newline.map_or((source.len(), source.len()), |at| (start + at, start + at + 1));
        let text = &source[start..end];
        if text.len() > MAX_LINE_BYTES {
            diagnostics.push(Diagnostic::error(
                "line-too-long",
                Span { start: start + MAX_LINE_BYTES, end },
                format!("dockerfile line greater than max allowed size of {MAX_LINE_BYTES}"),
            ));
        }
        let returns = text.iter().rev().take_while(|&&byte| byte == b'\r').count();
        let mark = if start == 0 && text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len() } else { 0 };
        lines.push(Line { start: start + mark, end: (end - returns).max(start + mark) });
        start = next;
    }
    lines
}

/// The bytes after leading white space, the non-ASCII kind included.
pub(crate) fn trim_start(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    while let Some((first, length)) = first_char(rest) {
        if !first.is_whitespace() {
            break;
        }
        rest = &rest[length..];
    }
    rest
}

/// Decodes the first character and gives it with its length; a byte that begins none counts as
/// U+FFFD of length one, as in Go.
pub(crate) fn first_char(bytes: &[u8]) -> Option<(char, usize)> {
    let first = *bytes.first()?;
    if first.is_ascii() {
        return Some((char::from(first), 1));
    }
    let window = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(window) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&window[..error.valid_up_to()]).unwrap_or_default(),
    };
    Some(valid.chars().next().map_or((char::REPLACEMENT_CHARACTER, 1), |c| (c, c.len_utf8())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: &[u8]) -> Vec<&[u8]> {
        let mut diagnostics = Vec::new();
        let lines = split(source, &mut diagnostics);
        assert!(diagnostics.is_empty());
        lines.iter().map(|line| &source[line.span().range()]).collect()
    }

    #[test]
    fn line_breaks_and_the_byte_order_mark_are_no_text() {
        let cases: [(&[u8], &[&[u8]]); 7] = [
            (b"", &[]),
            (b"a", &[b"a"]),
            (b"a\n\nb\n", &[b"a", b"", b"b"]),
            (b"a\r\nb\r\r\n", &[b"a", b"b"]),
            (b"a\rb\r", &[b"a\rb"]),
            (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", &[b"a", b"\xef\xbb\xbfb"]),
            (b"\xef\xbb\xbf", &[b""]),
        ];
        for (source, expected) in cases {
            assert_eq!(texts(source), expected, "{source:?}");
        }
    }

    #[test]
    fn a_line_of_65535_bytes_passes_and_of_65536_does_not() {
        for (length, problems) in [(65_535, 0), (65_536, 1)] {
            let mut source = vec![b'a'; length];
            source.push(b'\n');
            let mut diagnostics = Vec::new();
            split(&source, &mut diagnostics);
            assert_eq!(diagnostics.len(), problems, "{length}");
        }
    }

    #[test]
    fn a_character_is_decoded_as_go_does() {
        let cases: [(&[u8], _); 6] = [
            (b"", None),
            (b"ab", Some(('a', 1))),
            ("é".as_bytes(), Some(('é', 2))),
            ("☺x".as_bytes(), Some(('☺', 3))),
            (b"\xff\xfe", Some((char::REPLACEMENT_CHARACTER, 1))),
            (b"\xe2\x98", Some((char::REPLACEMENT_CHARACTER, 1))),
        ];
        for (bytes, expected) in cases {
            assert_eq!(first_char(bytes), expected, "{bytes:?}");
        }
    }
}
