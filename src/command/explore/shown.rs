//! What an image says, as text that cannot drive the terminal nor turn a line around.

use std::fmt::Write as _;

use strata_analyzer::path_text;

use crate::look::text;

/// Cells between two stops of the tabulator.
const TAB: usize = 8;

/// Text of an image: control characters, and the marks that change the direction of writing, are escaped.
pub(super) fn safe(text: &str) -> String {
    let text = text::safe(text);
    if !text.contains(turns) {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if turns(c) {
            let _ = write!(out, "\\u{{{:x}}}", c as u32);
        } else {
            out.push(c);
        }
    }
    out
}

/// Whether a character makes what follows run the other way: `gpj.exe` would be shown as `exe.jpg`.
fn turns(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}')
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
    let mut width = 0;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\t' {
                let spaces = TAB - width % TAB;
                out.extend(std::iter::repeat_n(' ', spaces));
                width += spaces;
            } else {
                let shown = safe(c.encode_utf8(&mut [0; 4]));
                width += shown.chars().count();
                out.push_str(&shown);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
            width += 4;
        }
    }
    out
}

/// Breaks text into lines of at most `width` characters, between words where it can.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(String::new());
            used = 0;
        }
        if let Some(line) = lines.last_mut().filter(|_| used > 0) {
            line.push(' ');
            used += 1;
        }
        for c in word.chars() {
            if used == width {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push(c);
            }
            used += 1;
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
    fn tabs_of_a_file_are_spaces_and_other_control_characters_are_seen() {
        assert_eq!(line(b"a\tb\x07\xff"), "a       b\\u{7}\\xff");
    }

    #[test]
    fn text_breaks_between_words_and_within_long_ones() {
        assert_eq!(wrap("RUN apt-get update", 8), ["RUN", "apt-get", "update"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
    }
}
