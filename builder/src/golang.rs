//! Go's notations, where history and flags are written in them: `%q`, `time.Duration`, `filepath.Clean`.

use std::fmt::Write as _;

/// Quotes as Go's `strconv.Quote`.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        push_escaped(&mut quoted, c, '"');
    }
    quoted.push('"');
    quoted
}

/// Quotes as Go's `strconv.QuoteRune`: what `%q` makes of an integer.
pub(crate) fn quote_rune(value: i64) -> String {
    let c = u32::try_from(value).ok().and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER);
    let mut quoted = String::from("'");
    push_escaped(&mut quoted, c, '\'');
    quoted.push('\'');
    quoted
}

fn push_escaped(out: &mut String, c: char, delimiter: char) {
    match c {
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        '\\' => out.push_str("\\\\"),
        c if c == delimiter => {
            out.push('\\');
            out.push(c);
        }
        ' '..='~' => out.push(c),
        c if c < ' ' || c == '\x7f' => {
            let _ = write!(out, "\\x{:02x}", u32::from(c));
        }
        c if is_printable(c) => out.push(c),
        c if u32::from(c) < 0x1_0000 => {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        }
        c => {
            let _ = write!(out, "\\U{:08x}", u32::from(c));
        }
    }
}

/// Close to Go's `unicode.IsPrint`: no controls, no spaces but the ASCII one, no format or private characters.
fn is_printable(c: char) -> bool {
    !(c.is_control()
        || c.is_whitespace()
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..))
}

/// `[a b]`: `%v` of a list of strings.
pub(crate) fn list<S: AsRef<str>>(items: &[S]) -> String {
    let items: Vec<&str> = items.iter().map(AsRef::as_ref).collect();
    format!("[{}]", items.join(" "))
}

/// `["a" "b"]`: `%q` of a list of strings.
pub(crate) fn quoted_list<S: AsRef<str>>(items: &[S]) -> String {
    let items: Vec<String> = items.iter().map(|item| quote(item.as_ref())).collect();
    list(&items)
}

const NANOS_PER_SECOND: i64 = 1_000_000_000;

/// Writes nanoseconds as Go's `Duration.String`: `1h30m0s`, `1.5s`, `2ms`, `0s`.
pub(crate) fn duration(nanos: i64) -> String {
    if nanos == 0 {
        return "0s".to_owned();
    }
    let sign = if nanos < 0 { "-" } else { "" };
    let nanos = nanos.unsigned_abs();
    let second = NANOS_PER_SECOND.unsigned_abs();
    if nanos < second {
        let (unit, scale) = match nanos {
            ..1_000 => ("ns", 1),
            1_000..1_000_000 => ("µs", 1_000),
            _ => ("ms", 1_000_000),
        };
        return format!("{sign}{}{unit}", with_fraction(nanos, scale));
    }
    let minutes = nanos / (60 * second);
    let seconds = with_fraction(nanos % (60 * second), second);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{sign}{seconds}s"),
        (0, minutes) => format!("{sign}{minutes}m{seconds}s"),
        (hours, minutes) => format!("{sign}{hours}h{minutes}m{seconds}s"),
    }
}

fn with_fraction(value: u64, scale: u64) -> String {
    let (whole, rest) = (value / scale, value % scale);
    if rest == 0 {
        return whole.to_string();
    }
    let width = scale.ilog10() as usize;
    let digits = format!("{rest:0width$}");
    format!("{whole}.{}", digits.trim_end_matches('0'))
}

/// Cleans as Go's `path.Join("/", text)`: absolute, no `.`, no `..`, no doubled or trailing slash.
pub(crate) fn clean_absolute(text: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in text.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_quoted_as_go_quotes_them() {
        for (text, quoted) in [
            ("a b", r#""a b""#),
            ("a\"b\\", r#""a\"b\\""#),
            ("\n\t\x01\x7f", r#""\n\t\x01\x7f""#),
            ("é世", "\"é世\""),
            ("\u{a0}\u{200b}", r#""\u00a0\u200b""#),
            ("'", "\"'\""),
        ] {
            assert_eq!(quote(text), quoted);
        }
        for (value, quoted) in [(0, r"'\x00'"), (2, r"'\x02'"), (10, r"'\n'"), (39, r"'\''"), (65, "'A'")] {
            assert_eq!(quote_rune(value), quoted);
        }
    }

    #[test]
    fn durations_are_written_as_go_writes_them() {
        for (nanos, written) in [
            (5_000_000_000, "5s"),
            (90_000_000_000, "1m30s"),
            (3_600_000_000_000, "1h0m0s"),
            (1_500_000_000, "1.5s"),
            (1_500_000, "1.5ms"),
            (3_723_004_000_000, "1h2m3.004s"),
            (0, "0s"),
            (10, "10ns"),
            (-1_000_000_000, "-1s"),
        ] {
            assert_eq!(duration(nanos), written);
        }
    }

    #[test]
    fn absolute_paths_are_cleaned() {
        for (text, cleaned) in [("", "/"), ("a//b/./c/..", "/a/b"), ("/../..", "/"), ("/x/", "/x")] {
            assert_eq!(clean_absolute(text), cleaned);
        }
    }
}
