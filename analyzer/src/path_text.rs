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

fn escape(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        // writing to a string cannot fail
        let _ = write!(text, "\u{fffd}{byte:02x}");
    }
}
