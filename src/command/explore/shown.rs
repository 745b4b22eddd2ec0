//! What an image says, as text that cannot drive the terminal nor turn a line around.

use std::fmt::Write as _;

use strata_analyzer::path_text;
use unicode_width::UnicodeWidthChar as _;

/// Cells between two stops of the tabulator.
const TAB: usize = 8;

/// Marks that may stand on one letter: more than any writing has, and few enough to stay within their line.
const MARKS: usize = 4;

/// Text of an image: what could drive the terminal, turn a line around, hide, or be as wide as no two terminals agree on, is
/// escaped.
pub(super) fn safe(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    // a mark that begins a text would stand on whatever is before it
    let mut marks = MARKS;
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() || is_unseen(c) || is_wide_for_some(c) || (cells(c) == 0 && marks == MARKS) => {
                let _ = write!(out, "\\u{{{:x}}}", c as u32);
                continue;
            }
            c => out.push(c),
        }
        marks = if cells(c) == 0 { marks + 1 } else { 0 };
    }
    out
}

/// Whether nobody sees a character: it turns what follows around, so that `gpj.exe` is shown as `exe.jpg`, or it only joins,
/// parts or varies others (Unicode's `Default_Ignorable_Code_Point`, and the two separators of lines).
fn is_unseen(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Whether some terminals make one picture of a character and the one before it, and others two: colours of skin, and the
/// letters that flags are made of. A row would be shifted where we are wrong.
fn is_wide_for_some(c: char) -> bool {
    matches!(c, '\u{1f3fb}'..='\u{1f3ff}' | '\u{1f1e6}'..='\u{1f1ff}')
}

/// Columns of the screen that a character takes: 0, 1 or 2.
pub(super) fn cells(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// Columns of the screen that a text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(cells).sum()
}

/// As much of a text as fits into so many columns, and the rest.
pub(super) fn split(text: &str, columns: usize) -> (&str, &str) {
    let mut used = 0;
    let end = text.char_indices().find(|&(_, c)| {
        used += cells(c);
        used > columns
    });
    text.split_at(end.map_or(text.len(), |(end, _)| end))
}

/// A text without so many columns at its left.
pub(super) fn without(text: &str, columns: usize) -> &str {
    let mut used = 0;
    let start = text.char_indices().find(|&(_, c)| {
        let before = used;
        used += cells(c);
        before >= columns && cells(c) > 0
    });
    start.map_or("", |(start, _)| &text[start..])
}

/// A name of an image.
pub(super) fn name(bytes: &[u8]) -> String {
    safe(path_text(bytes).strip_prefix('/').unwrap_or_default())
}

/// A path of an image, absolute.
pub(super) fn path(bytes: &[u8]) -> String {
    safe(&path_text(bytes))
}

/// A line of a file; tabs are spaces, and bytes that are no UTF-8 are `\xNN`.
pub(super) fn line(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    let mut used = 0;
    for chunk in bytes.utf8_chunks() {
        for (number, text) in chunk.valid().split('\t').enumerate() {
            if number > 0 {
                let spaces = TAB - used % TAB;
                out.extend(std::iter::repeat_n(' ', spaces));
                used += spaces;
            }
            let shown = safe(text);
            used += width(&shown);
            out.push_str(&shown);
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
            used += 4;
        }
    }
    out
}

/// Breaks text into lines of at most `columns`, between words where it can.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    // a wide character must have a place
    let columns = columns.max(2);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        if used > 0 && used + 1 + width(word) > columns {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut().filter(|_| used > 0) {
            line.push(' ');
            used += 1;
        }
        for c in word.chars() {
            if used + cells(c) > columns {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += cells(c);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::{line, name, wrap};

    #[test]
    fn no_name_drives_the_terminal_or_turns_the_line() {
        assert_eq!(name(b"a\x1b[2J"), "a\\u{1b}[2J");
        assert_eq!(name("a\u{202e}gpj.exe".as_bytes()), "a\\u{202e}gpj.exe");
        assert_eq!(name(b"caf\xe9"), "caf\u{fffd}e9");
    }

    #[test]
    fn what_nobody_sees_is_seen_and_marks_stay_on_their_letter() {
        let cases = [
            ("a\u{200d}b", "a\\u{200d}b"),
            ("\u{2764}\u{fe0f}", "\u{2764}\\u{fe0f}"),
            ("\u{1f44d}\u{1f3fd}", "\u{1f44d}\\u{1f3fd}"),
            ("e\u{301}", "e\u{301}"),
            ("\u{301}e", "\\u{301}e"),
            ("a\u{301}\u{301}\u{301}\u{301}\u{301}b", "a\u{301}\u{301}\u{301}\u{301}\\u{301}b"),
            ("名前", "名前"),
        ];
        for (bytes, shown) in cases {
            assert_eq!(name(bytes.as_bytes()), shown);
        }
    }

    #[test]
    fn tabs_of_a_file_are_spaces_and_other_control_characters_are_seen() {
        assert_eq!(line(b"a\tb\x07\xff"), "a       b\\u{7}\\xff");
    }

    #[test]
    fn text_breaks_between_words_and_within_long_ones() {
        assert_eq!(wrap("RUN apt-get update", 8), ["RUN", "apt-get", "update"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("名前名", 5), ["名前", "名"]);
        assert_eq!(wrap("e\u{301}e\u{301}e", 2), ["e\u{301}e\u{301}", "e"]);
    }
}
