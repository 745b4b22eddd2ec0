//! Text from images, made safe for a terminal.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

/// Escapes control characters, so that no name, label or command of an image can drive the terminal it is shown on.
pub(crate) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
            }
            c => out.push(c),
        }
    }
    out
}

/// Escapes what a step printed as [`safe`] does, but lets tabs and colours pass. Bytes that are not UTF-8 are shown as
/// `\xNN`. A colour ends with the line.
pub(crate) fn output(line: &[u8]) -> String {
    let mut out = String::with_capacity(line.len());
    let mut is_coloured = false;
    for chunk in line.utf8_chunks() {
        let mut rest = chunk.valid();
        while let Some(c) = rest.chars().next() {
            let length = colour(rest).unwrap_or(0);
            if length > 0 {
                is_coloured = true;
                out.push_str(&rest[..length]);
                rest = &rest[length..];
                continue;
            }
            match c {
                '\t' => out.push('\t'),
                c if c.is_control() => out.push_str(&safe(c.encode_utf8(&mut [0; 4]))),
                c => out.push(c),
            }
            rest = &rest[c.len_utf8()..];
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    if is_coloured {
        out.push_str("\u{1b}[0m");
    }
    out
}

/// The length of the sequence that sets colours (SGR: `ESC [ 1;31 m`), where the text begins with one.
fn colour(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && !matches!(c, ';' | ':'))?;
    parameters[end..].starts_with('m').then_some(text.len() - parameters.len() + end + 1)
}

/// `1 layer`, `2 layers`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The first twelve digits of an image's ID, as docker shows it; any other text as it is.
pub(crate) fn short_id(id: &str) -> String {
    id.strip_prefix("sha256:").map_or_else(|| id.to_owned(), |hex| hex.chars().take(12).collect())
}

/// Columns of a terminal that a text takes.
pub(crate) fn width(text: &str) -> usize {
    text.width()
}

/// As much of a text as fits into so many columns of a terminal, the last of them an ellipsis when something was cut. Characters
/// without a width count as one column, so that they have an end too.
pub(crate) fn ellipsis(text: &str, columns: usize) -> String {
    let mut used = 0;
    let mut end = 0;
    for (at, c) in text.char_indices() {
        if used < columns {
            end = at;
        }
        used += c.width().unwrap_or(0).max(1);
        if used > columns {
            return format!("{}…", &text[..end]);
        }
    }
    text.to_owned()
}

/// Columns of a line of prose.
const WIDTH: usize = 110;

/// Breaks prose between words; all lines but the first begin with `indent` blanks, and the first has as much before it.
pub(crate) fn prose(text: &str, indent: usize) -> String {
    let mut out = String::new();
    let mut width = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > indent && width + 1 + length > WIDTH {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent));
            width = indent;
        } else if width > indent {
            out.push(' ');
            width += 1;
        }
        out.push_str(word);
        width += length;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{ellipsis, output, prose, safe};

    #[test]
    fn prose_is_broken_between_words_and_indented() {
        assert_eq!(prose("a few words", 7), "a few words");
        let long = vec!["word"; 40].join(" ");
        let lines: Vec<String> = prose(&long, 7).lines().map(str::to_owned).collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].len() <= 103, "{lines:?}");
        assert!(lines[1].starts_with("       word"), "{lines:?}");
        assert_eq!(lines.join(" ").split_whitespace().count(), 40);
    }

    #[test]
    fn escape_sequences_of_an_image_never_reach_the_terminal() {
        assert_eq!(safe("a\u{1b}[2Jb\n\tc\u{9b}"), "a\\u{1b}[2Jb\\n\\tc\\u{9b}");
    }

    #[test]
    fn of_a_steps_output_only_tabs_and_colours_pass() {
        let cases = [
            ("a\tb", "a\tb"),
            ("\u{1b}[1;31mred", "\u{1b}[1;31mred\u{1b}[0m"),
            ("\u{1b}[2J\u{1b}[m", "\\u{1b}[2J\u{1b}[m\u{1b}[0m"),
            ("\u{1b}]0;title\u{7}", "\\u{1b}]0;title\\u{7}"),
            ("\u{1b}[31", "\\u{1b}[31"),
            ("\u{9b}31mé", "\\u{9b}31mé"),
        ];
        for (text, shown) in cases {
            assert_eq!(output(text.as_bytes()), shown);
        }
        assert_eq!(output(b"caf\xe9!"), "caf\\xe9!");
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        assert_eq!(ellipsis("abcdef", 6), "abcdef");
        assert_eq!(ellipsis("abcdefg", 6), "abcde…");
        assert_eq!(ellipsis("名前名前", 7), "名前名…");
        assert_eq!(ellipsis("名前名前", 6), "名前…");
        assert_eq!(ellipsis(&"\u{301}".repeat(100), 3), "\u{301}\u{301}…");
    }
}
