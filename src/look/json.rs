//! JSON on standard output: indented, byte-identical for equal input, safe for a terminal.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
};

use anyhow::Result;

pub(crate) fn print<T: serde::Serialize>(value: &T) -> Result<()> {
    io::stdout().lock().write_all(text(value)?.as_bytes())?;
    Ok(())
}

/// The same as text.
pub(crate) fn text<T: serde::Serialize>(value: &T) -> Result<String> {
    Ok(escaped(&serde_json::to_string_pretty(value)?))
}

/// A document with a line end, in which the control characters that JSON allows as they are, U+007F to U+009F, are escaped,
/// since terminals obey them (U+009B is `ESC [`). They occur in strings alone.
pub(crate) fn escaped(json: &str) -> String {
    let mut out = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if c.is_control() && c != '\n' {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::escaped;

    #[test]
    fn control_characters_are_escaped_and_mean_the_same() {
        let value = serde_json::json!({"\u{9b}31m": "é\u{7f}\u{1b}\n"});
        let text = escaped(&serde_json::to_string_pretty(&value).unwrap());
        assert_eq!(text, "{\n  \"\\u009b31m\": \"é\\u007f\\u001b\\n\"\n}\n");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
