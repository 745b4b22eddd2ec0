//! Paths of an image as text: absolute, and distinct for distinct names.

use std::fmt::Write;

/// Writes a path of an image, relative bytes, as absolute text; the root is `/`.
///
/// Names in a layer are bytes. Text that is valid UTF-8 stays as it is; each byte that is not becomes U+FFFD and the
/// byte's two hexadecimal digits. U+FFFD itself is written the same way, byte by byte, so that no two paths ever give
/// the same text and each can be read back.
///
/// ```
/// use strata_analyzer::path_text;
///
/// assert_eq!(path_text(b"home/50M.file"), "/home/50M.file");
/// assert_eq!(path_text(b""), "/");
/// assert_eq!(path_text(b"caf\xe9"), "/caf\u{fffd}e9");
/// assert_eq!(path_text("\u{fffd}e9".as_bytes()), "/\u{fffd}ef\u{fffd}bf\u{fffd}bde9");
/// ```
pub fn path_text(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len() + 1);
    text.push('/');
    for chunk in path.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                char::REPLACEMENT_CHARACTER => escape(&mut text, "\u{fffd}".as_bytes()),
                other => text.push(other),
            }
        }
        escape(&mut text, chunk.invalid());
    }
    text
}

/// Reads a path back that [`path_text`] wrote; the slash at its beginning stays. What is written otherwise stays too.
pub(crate) fn path_bytes(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let (byte, after) = rest.strip_prefix("\u{fffd}".as_bytes()).and_then(escaped).unwrap_or((first, after));
        bytes.push(byte);
        rest = after;
    }
    bytes
}

/// The byte that two hexadecimal digits are, and what is behind them.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, rest) = text.split_at_checked(2)?;
    let digit = |digit: u8| char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok());
    Some((digit(digits[0])? << 4 | digit(digits[1])?, rest))
}

fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // writing to a string cannot fail
        let _ = write!(text, "\u{fffd}{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for path in [&b""[..], b"a/b", b"caf\xe9", b"\xff\xfe/\xc3\xa9", "\u{fffd}".as_bytes(), "\u{fffd}e9".as_bytes()]
        {
            assert_eq!(path_bytes(path_text(path).as_bytes()), [b"/", path].concat());
        }
        for other in ["a\u{fffd}", "\u{fffd}x9", "\u{fffd}e"] {
            assert_eq!(path_bytes(other.as_bytes()), other.as_bytes());
        }
    }
}
