//! Here-documents: markers among the words of a logical line, bodies among the lines after it.
//!
//! A marker is a *word* of the form `[fd]<<[-]delimiter`: `cat<<EOF` and `<<<word` are none,
//! `<< EOF` and, as in BuildKit, the `<< 2))` of `$((1 << 2))` are.

use crate::{
    Diagnostic, Heredoc, Span,
    expand::{ExpandError, Lexer, Mode, Word},
    joined::Part,
    lines::Line,
    logical::utf8,
};

/// What a word says about the heredoc that it begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Marker {
    pub(crate) name: String,
    pub(crate) fd: Option<u32>,
    pub(crate) expand: bool,
    pub(crate) strip_tabs: bool,
}

impl Marker {
    /// Reads a word as a marker; `None` if it is none, an error if its delimiter has a quote that
    /// does not end.
    pub(crate) fn parse(word: &str) -> Result<Option<Self>, ExpandError> {
        let digits = word.len() - word.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (digits, rest) = word.split_at(digits);
        let Some(rest) = rest.strip_prefix("<<") else {
            return Ok(None);
        };
        let strip_tabs = rest.starts_with('-');
        let delimiter = rest[usize::from(strip_tabs)..].trim_start_matches(['\t', '\n', '\x0c', '\r', ' ']);
        if delimiter.is_empty() || delimiter.contains('<') {
            return Ok(None);
        }
        let mut words = lex(delimiter, Mode::default())?;
        let (Some(Word { text: name, .. }), []) = (words.pop(), words.as_slice()) else {
            return Ok(None);
        };
        let quotes = |text: &str| text.matches(['\'', '"']).count();
        let with_quotes = Mode { keep_quotes: true, ..Mode::default() };
        let quoted = lex(delimiter, with_quotes)?.iter().map(|word| quotes(&word.text)).sum();
        Ok(Some(Self {
            expand: quotes(&name) == quoted,
            name,
            // a number that no descriptor can have is none
            fd: digits.parse().ok(),
            strip_tabs,
        }))
    }
}

/// Splits into words with the escape `\`, whatever the file's directive says, as BuildKit does.
fn lex(text: &str, mode: Mode) -> Result<Vec<Word>, ExpandError> {
    let nothing_is_set = |_: &str| None;
    let mode = Mode { keep_unset: true, ..mode };
    Lexer::new(text, '\\', mode, &nothing_is_set).words()
}

/// Whether a command is one heredoc marker and nothing else.
pub(crate) fn is_marker(command: &str) -> bool {
    matches!(Marker::parse(command), Ok(Some(_)))
}

/// The command with the bodies below it, as the shell reads them.
pub(crate) fn reconstitute(command: &str, heredocs: &[Heredoc]) -> String {
    let mut text = command.to_owned();
    for heredoc in heredocs {
        text.push('\n');
        text.push_str(&heredoc.raw);
        text.push_str(&heredoc.name);
    }
    text
}

/// Finds the markers in the whole text of an instruction. A text that the shell lexer cannot read
/// (a quote that does not end) has none.
pub(crate) fn markers<'a>(line: Part<'a>, diagnostics: &mut Vec<Diagnostic>) -> Vec<(Marker, Part<'a>)> {
    let raw = Mode { keep_quotes: true, keep_escapes: true, ..Mode::default() };
    let mut found = Vec::new();
    for word in lex(line.text(), raw).unwrap_or_default() {
        let part = line.slice(word.start..word.end);
        match Marker::parse(&word.text) {
            Ok(None) => {}
            Ok(Some(marker)) => found.push((marker, part)),
            Err(error) => diagnostics.push(Diagnostic::error("invalid-heredoc", part.span(), error.message)),
        }
    }
    found
}

/// Reads the body of a marker from the line `index` on, and gives the line after its terminator.
pub(crate) fn read(
    source: &[u8],
    lines: &[Line],
    index: usize,
    (marker, part): (Marker, Part<'_>),
    diagnostics: &mut Vec<Diagnostic>,
) -> (Heredoc, usize) {
    let is_terminator = |line: &Line| {
        let text = &source[line.span().range()];
        let tabs = text.iter().take_while(|&&byte| byte == b'\t').count();
        text[if marker.strip_tabs { tabs } else { 0 }..] == *marker.name.as_bytes()
    };
    let length = lines[index..].iter().position(is_terminator);
    let after = length.map_or(lines.len(), |length| index + length);
    // without a terminator, up to where the instruction ends: before the last line break
    let last = lines.last().map_or(0, |line| line.end);
    let start_of = |index: usize| lines.get(index).map_or(last, |line| line.start);
    let body = Span { start: start_of(index), end: start_of(after) };
    if length.is_none() {
        diagnostics.push(
            Diagnostic::error("unterminated-heredoc", part.span(), "unterminated heredoc")
                .labelled(format!("no line `{}` follows", marker.name)),
        );
    }
    let raw = utf8(source, body, diagnostics);
    let heredoc = Heredoc {
        content: if marker.strip_tabs { without_leading_tabs(&raw) } else { raw.clone() },
        raw,
        name: marker.name,
        fd: marker.fd,
        expand: marker.expand,
        strip_tabs: marker.strip_tabs,
        marker: part.span(),
        body,
    };
    (heredoc, (after + 1).min(lines.len()))
}

fn without_leading_tabs(text: &str) -> String {
    text.split_inclusive('\n').map(|line| line.trim_start_matches('\t')).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::joined::Joined;

    fn names(line: &str) -> Vec<String> {
        let mut joined = Joined::default();
        joined.push(line, 0);
        let mut diagnostics = Vec::new();
        markers(joined.part(), &mut diagnostics)
            .into_iter()
            .map(|(marker, part)| {
                assert_eq!(Marker::parse(part.text()).unwrap().as_ref(), Some(&marker));
                marker.name
            })
            .collect()
    }

    #[test]
    fn only_words_are_markers() {
        let cases: [(&str, &[&str]); 20] = [
            ("RUN <<EOF", &["EOF"]),
            ("RUN echo \"<<EOF\"", &[]),
            ("RUN echo $((1 << 2))", &["2))"]),
            ("RUN cat <<< word", &[]),
            ("RUN cat <<<word", &[]),
            ("RUN 3<<EOF cat <&3", &["EOF"]),
            ("RUN cat << EOF", &["EOF"]),
            ("RUN cat<<EOF", &[]),
            ("RUN <<-'E O' sh", &["E O"]),
            ("RUN <<\"E\"'F'", &["EF"]),
            ("RUN <<A <<B", &["A", "B"]),
            ("RUN <<A; cat <<B", &["A;", "B"]),
            ("RUN \\<<EOF", &[]),
            ("RUN <\\<EOF", &[]),
            ("RUN it's <<EOF", &[]),
            ("RUN cat <<EOF > ${X:=y}", &["EOF"]),
            ("RUN cat <<EOF > ${X:#y}", &[]),
            ("RUN <<$X", &["$X"]),
            ("RUN << ", &[]),
            ("RUN <<E\\ F", &["E F"]),
        ];
        for (line, expected) in cases {
            assert_eq!(names(line), expected, "{line}");
        }
    }

    #[test]
    fn a_marker_says_descriptor_quoting_and_tabs() {
        for (word, fd, expand, strip_tabs) in [
            ("<<E", None, true, false),
            ("3<<-E", Some(3), true, true),
            ("<<'E'", None, false, false),
            ("<<-\"E\"", None, false, true),
            ("<<\\'E", None, true, false),
        ] {
            let marker = Marker::parse(word).unwrap().unwrap();
            assert_eq!((marker.fd, marker.expand, marker.strip_tabs), (fd, expand, strip_tabs), "{word}");
        }
        assert!(Marker::parse("<<'E").is_err());
    }
}
