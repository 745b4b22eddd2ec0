//! Physical lines into logical ones: continuations joined, comments and blank lines dropped.

use crate::{
    Diagnostic, Span,
    joined::Joined,
    lines::{Line, trim_start},
};

/// Several physical lines that make one instruction, heredoc bodies not among them.
pub(crate) struct Logical {
    pub(crate) text: Joined,
    /// Indices of its first line, and of the line after its last.
    pub(crate) first: usize,
    pub(crate) next: usize,
    /// Comments among the continuation lines.
    pub(crate) comments: Vec<Span>,
    pub(crate) continued: bool,
}

/// Reads the logical line that begins at the line `index` or after; `None` at the end of the file.
pub(crate) fn read(
    source: &[u8],
    lines: &[Line],
    mut index: usize,
    escape: char,
    diagnostics: &mut Vec<Diagnostic>,
) -> Option<Logical> {
    let (mut piece, mut open) = loop {
        let line = lines.get(index)?;
        let (piece, open) = before_continuation(trimmed(source, *line), source, escape);
        if !is_comment(source, *line) && (open || piece.start < piece.end) {
            break (piece, open);
        }
        index += 1;
    };
    let mut logical =
        Logical { text: Joined::default(), first: index, next: index + 1, comments: Vec::new(), continued: open };
    let mut blank = None;
    push(&mut logical.text, source, piece, diagnostics);
    while open && let Some(line) = lines.get(logical.next) {
        logical.next += 1;
        let text = trimmed(source, *line);
        if is_comment(source, *line) {
            logical.comments.push(text);
        } else if text.start == text.end {
            blank = blank.or(Some(line.span()));
        } else {
            (piece, open) = before_continuation(line.span(), source, escape);
            push(&mut logical.text, source, piece, diagnostics);
        }
    }
    if let Some(span) = blank {
        diagnostics.push(
            Diagnostic::warning("NoEmptyContinuation", span, "Empty continuation line")
                .helped(Some("remove the line, or put a comment there".to_owned())),
        );
    }
    Some(logical)
}

/// The line without its leading white space.
fn trimmed(source: &[u8], line: Line) -> Span {
    let text = trim_start(&source[line.start..line.end]);
    Span { start: line.end - text.len(), end: line.end }
}

fn is_comment(source: &[u8], line: Line) -> bool {
    source[trimmed(source, line).range()].first() == Some(&b'#')
}

/// Cuts the escape character off that ends a line, white space after it allowed, and says whether
/// there was one. After another escape character it is text.
fn before_continuation(line: Span, source: &[u8], escape: char) -> (Span, bool) {
    let text = &source[line.range()];
    let blanks = |byte: &&u8| matches!(**byte, b' ' | b'\t');
    let length = text.len() - text.iter().rev().take_while(blanks).count();
    let is_escape = |at: usize| char::from(text[at]) == escape;
    if length == 0 || !is_escape(length - 1) || (length > 1 && is_escape(length - 2)) {
        return (line, false);
    }
    let end = line.start + length - 1;
    (Span { end, ..line }, true)
}

/// Appends a piece. Bytes that are not UTF-8 are an error: a config, which is JSON, cannot carry
/// them. They are replaced one by one, so that all offsets stay.
fn push(text: &mut Joined, source: &[u8], piece: Span, diagnostics: &mut Vec<Diagnostic>) {
    text.push(&utf8(source, piece, diagnostics), piece.start);
}

/// The source as text, with a diagnostic for each run of bytes that are not UTF-8.
pub(crate) fn utf8(source: &[u8], span: Span, diagnostics: &mut Vec<Diagnostic>) -> String {
    let mut text = String::with_capacity(span.end - span.start);
    let mut at = span.start;
    let mut bad_until = None;
    for chunk in source[span.range()].utf8_chunks() {
        text.push_str(chunk.valid());
        at += chunk.valid().len();
        let bad = chunk.invalid().len();
        if bad == 0 {
            continue;
        }
        if chunk.valid().is_empty() && bad_until == Some(at) {
            if let Some(diagnostic) = diagnostics.last_mut() {
                diagnostic.span.end = at + bad;
            }
        } else {
            diagnostics.push(Diagnostic::error(
                "not-utf8",
                Span { start: at, end: at + bad },
                format!("not UTF-8 at byte {at}"),
            ));
        }
        text.extend(std::iter::repeat_n('?', bad));
        at += bad;
        bad_until = Some(at);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(source: &[u8], escape: char) -> (Vec<String>, Vec<Diagnostic>) {
        let mut diagnostics = Vec::new();
        let lines = crate::lines::split(source, &mut diagnostics);
        let mut texts = Vec::new();
        let mut index = 0;
        while let Some(logical) = read(source, &lines, index, escape, &mut diagnostics) {
            texts.push(logical.text.part().text().to_owned());
            index = logical.next;
        }
        (texts, diagnostics)
    }

    #[test]
    fn continuations_join_as_in_buildkit() {
        let cases: [(&str, &[&str]); 16] = [
            ("A \\\n b\n", &["A  b"]),
            ("A\\\nB", &["AB"]),
            ("A \\ \t\n b\n", &["A  b"]),
            ("A \\\n# c\n b\n", &["A  b"]),
            ("A \\\n  # c \\\n b\n", &["A  b"]),
            ("A \\\n\n \t\n b\n", &["A  b"]),
            ("A \\\n# c\n\nRUN b\n", &["A RUN b"]),
            ("A \\\\\nB\n", &["A \\\\", "B"]),
            ("A \\\\\\\nB\n", &["A \\\\\\", "B"]),
            ("A \\", &["A "]),
            ("A \\\n", &["A "]),
            ("\\\nA\n", &["A"]),
            ("A \\\n\\\n b", &["A  b"]),
            ("# c\n\n  A\n", &["A"]),
            ("A # c\n", &["A # c"]),
            ("A \\\r\n b\r\n", &["A  b"]),
        ];
        for (source, expected) in cases {
            assert_eq!(read_all(source.as_bytes(), '\\').0, expected, "{source:?}");
        }
        assert_eq!(read_all(b"A c:\\\nB `\n C\n", '`').0, ["A c:\\", "B  C"], "with the backtick");
    }

    #[test]
    fn blank_lines_in_a_continuation_are_warned_of_once() {
        let (_, diagnostics) = read_all(b"A \\\n\n\n b\nC\n\nD\n", '\\');
        let codes: Vec<_> = diagnostics.iter().map(|d| (d.code, d.span.start)).collect();
        assert_eq!(codes, [("NoEmptyContinuation", 4)]);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_named_and_keep_their_place() {
        let (texts, diagnostics) = read_all(b"# \xff\nA \xe9\xe8b\nC\n", '\\');
        assert_eq!(texts, ["A ??b", "C"]);
        let found: Vec<_> = diagnostics.iter().map(|d| (d.message.as_str(), d.span.range())).collect();
        assert_eq!(found, [("not UTF-8 at byte 6", 6..8)]);
    }
}
