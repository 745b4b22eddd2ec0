//! Text from images, made safe for a terminal.

use std::fmt::Write as _;

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

/// `1 layer`, `2 layers`.
pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// The first twelve digits of an image's ID, as docker shows it; any other text as it is.
pub(crate) fn short_id(id: &str) -> String {
    id.strip_prefix("sha256:").map_or_else(|| id.to_owned(), |hex| hex.chars().take(12).collect())
}

/// The first `width` characters, the last of them an ellipsis when something was cut.
pub(crate) fn ellipsis(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::{ellipsis, safe};

    #[test]
    fn escape_sequences_of_an_image_never_reach_the_terminal() {
        assert_eq!(safe("a\u{1b}[2Jb\n\tc\u{9b}"), "a\\u{1b}[2Jb\\n\\tc\\u{9b}");
    }

    #[test]
    fn long_text_ends_in_an_ellipsis() {
        assert_eq!(ellipsis("abcdef", 6), "abcdef");
        assert_eq!(ellipsis("abcdefg", 6), "abcde…");
    }
}
