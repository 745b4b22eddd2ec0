//! Splits arguments into words: at white space alone, or with respect for quotes and escapes.

use crate::joined::Part;

/// What separates a keyword from its arguments, and the arguments of FROM, EXPOSE, COPY and others.
const BLANKS: [char; 5] = ['\t', '\x0b', '\x0c', '\r', ' '];

/// Splits at white space and nothing else.
pub(super) fn blank_separated(args: Part<'_>) -> Vec<Part<'_>> {
    let mut words = Vec::new();
    let mut rest = Some(args);
    while let Some(part) = rest {
        let (word, after) = split_once(part);
        if !word.is_empty() {
            words.push(word);
        }
        rest = after;
    }
    words
}

/// The first word, and what follows the white space after it.
pub(super) fn split_once(args: Part<'_>) -> (Part<'_>, Option<Part<'_>>) {
    let text = args.text();
    let Some(end) = text.find(BLANKS) else {
        return (args, None);
    };
    let after = text[end..].trim_start_matches(BLANKS);
    (args.slice(0..end), Some(args.from(text.len() - after.len())))
}

/// Splits at white space outside quotes. Quotes and escapes stay in the words; an escape character
/// that ends the text is dropped.
pub(super) fn quoted(args: Part<'_>, escape: char) -> Vec<Part<'_>> {
    let mut words = Vec::new();
    let mut start = None;
    let mut quote = None;
    let mut end = args.text().len();
    let mut chars = args.text().char_indices();
    while let Some((at, c)) = chars.next() {
        if quote.is_none() && c.is_whitespace() {
            if let Some(start) = start.take() {
                words.push(args.slice(start..at));
            }
            continue;
        }
        start = start.or(Some(at));
        if c == escape && quote != Some('\'') {
            if chars.next().is_none() {
                end = at;
            }
        } else if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '\'' | '"') {
            quote = Some(c);
        }
    }
    if let Some(start) = start.filter(|start| *start < end) {
        words.push(args.slice(start..end));
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::joined::Joined;

    #[test]
    fn quotes_and_escapes_hold_words_together() {
        let cases: [(&str, &[&str]); 9] = [
            ("a b", &["a", "b"]),
            (" a\t\u{a0}b ", &["a", "b"]),
            ("a='b c' d", &["a='b c'", "d"]),
            ("a=\"b \\\" c\" d", &["a=\"b \\\" c\"", "d"]),
            ("a='b\\' c", &["a='b\\'", "c"]),
            ("a=b\\ c", &["a=b\\ c"]),
            ("a=\\\"b c", &["a=\\\"b", "c"]),
            ("a=b\\", &["a=b"]),
            ("a='b c", &["a='b c"]),
        ];
        for (text, expected) in cases {
            let mut joined = Joined::default();
            joined.push(text, 0);
            let words: Vec<&str> = quoted(joined.part(), '\\').iter().map(|w| w.text()).collect();
            assert_eq!(words, expected, "{text:?}");
        }
    }

    #[test]
    fn blanks_alone_separate() {
        let mut joined = Joined::default();
        joined.push("a\x0b\"b  c\"\u{a0}d", 0);
        let words: Vec<&str> = blank_separated(joined.part()).iter().map(|w| w.text()).collect();
        assert_eq!(words, ["a", "\"b", "c\"\u{a0}d"]);
    }
}
