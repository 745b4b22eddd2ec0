//! Go's `path/filepath.Match`, on bytes: the wildcards of COPY and ADD.
//!
//! ```text
//! *        any bytes but /            [a-z]  [^a]  one character of a class, or not of it
//! ?        one character but /        \x           the character x
//! ```
//!
//! `**` means nothing more than `*`. A character is one of UTF-8, or a byte that is part of none.

use crate::lines::first_char;

/// A pattern that is none: a class or an escape that does not end, an empty class, a bad range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("syntax error in pattern {pattern:?}")]
pub struct BadPattern {
    /// The pattern, bytes that are not UTF-8 replaced.
    pub pattern: String,
}

/// Whether `name` matches `pattern`, all of it.
///
/// Takes time proportional to the product of the lengths at most.
///
/// # Errors
/// The pattern is bad, whether or not the name would have matched up to there.
pub fn matches(pattern: &[u8], name: &[u8]) -> Result<bool, BadPattern> {
    Ok(tokens_match(&parse(pattern)?, name))
}

/// Whether a path has any of `*?[` or the escape `\`, so that it is to be matched and not looked up.
pub fn has_meta(pattern: &[u8]) -> bool {
    pattern.iter().any(|byte| b"*?[\\".contains(byte))
}

/// One element of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Byte(u8),
    /// `?`
    AnyChar,
    /// `*`
    AnyBytes,
    /// `[...]`; alone of the wildcards it may match a slash
    Class {
        negated: bool,
        ranges: Vec<(char, char)>,
    },
}

impl Token {
    /// Takes what this token matches off the front of a name; not for `AnyBytes`, which has many
    /// ways to match.
    pub(crate) fn take<'n>(&self, name: &'n [u8]) -> Option<&'n [u8]> {
        let (first, length) = first_char(name)?;
        match self {
            Self::Byte(byte) => name.strip_prefix(&[*byte]),
            Self::AnyChar => (first != '/').then(|| &name[length..]),
            Self::AnyBytes => None,
            Self::Class { negated, ranges } => {
                let within = ranges.iter().any(|(low, high)| (*low..=*high).contains(&first));
                (within != *negated).then(|| &name[length..])
            }
        }
    }
}

/// Reads a pattern.
pub(crate) fn parse(pattern: &[u8]) -> Result<Vec<Token>, BadPattern> {
    let bad = || BadPattern { pattern: String::from_utf8_lossy(pattern).into_owned() };
    let mut tokens = Vec::new();
    let mut rest = pattern;
    while let [first, after @ ..] = rest {
        rest = after;
        tokens.push(match first {
            b'*' => Token::AnyBytes,
            b'?' => Token::AnyChar,
            b'[' => class(&mut rest).ok_or_else(bad)?,
            b'\\' => {
                let (escaped, after) = rest.split_first().ok_or_else(bad)?;
                rest = after;
                Token::Byte(*escaped)
            }
            byte => Token::Byte(*byte),
        });
    }
    Ok(tokens)
}

/// Reads what follows a `[`.
fn class(rest: &mut &[u8]) -> Option<Token> {
    let negated = rest.starts_with(b"^");
    *rest = &rest[usize::from(negated)..];
    let mut ranges = Vec::new();
    loop {
        if let Some(after) = rest.strip_prefix(b"]")
            && !ranges.is_empty()
        {
            *rest = after;
            return Some(Token::Class { negated, ranges });
        }
        let low = class_char(rest)?;
        let mut high = low;
        if let Some(after) = rest.strip_prefix(b"-") {
            *rest = after;
            high = class_char(rest)?;
        }
        ranges.push((low, high));
    }
}

/// Reads a character of a class, perhaps escaped; something must follow it.
fn class_char(rest: &mut &[u8]) -> Option<char> {
    if rest.starts_with(b"-") || rest.starts_with(b"]") {
        return None;
    }
    if let Some(after) = rest.strip_prefix(b"\\") {
        *rest = after;
    }
    let (c, length) = first_char(rest)?;
    if c == char::REPLACEMENT_CHARACTER && length == 1 {
        return None;
    }
    *rest = &rest[length..];
    (!rest.is_empty()).then_some(c)
}

/// Matches with one way back: to the last `*`, which takes one more byte. Earlier ones need not be
/// tried again, since whatever they could take more of, the last one can take too.
fn tokens_match(tokens: &[Token], name: &[u8]) -> bool {
    let (mut tokens, mut name) = (tokens, name);
    let mut way_back = None;
    loop {
        match tokens.split_first() {
            Some((Token::AnyBytes, after)) => {
                tokens = after;
                way_back = Some((after, name));
                continue;
            }
            None if name.is_empty() => return true,
            Some((token, after)) => {
                if let Some(rest) = token.take(name) {
                    (tokens, name) = (after, rest);
                    continue;
                }
            }
            None => {}
        }
        let Some((after, [skipped, rest @ ..])) = way_back else {
            return false;
        };
        if *skipped == b'/' {
            return false;
        }
        way_back = Some((after, rest));
        (tokens, name) = (after, rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_go() {
        for (pattern, name, expected) in [
            ("abc", "abc", true),
            ("*", "abc", true),
            ("*c", "abc", true),
            ("a*", "a", true),
            ("a*", "abc", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[b-d]", "abc", true),
            ("ab[e-g]", "abc", false),
            ("ab[^c]", "abc", false),
            ("ab[^b-d]", "abc", false),
            ("ab[^e-g]", "abc", true),
            ("a\\*b", "a*b", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("a[^a][^a][^a]b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("a*b", "a/b", false),
            ("a[^x]b", "a/b", true),
            ("[\\]a]", "]", true),
            ("[\\-]", "-", true),
            ("[x\\-]", "-", true),
            ("[x\\-]", "z", false),
            ("[\\-x]", "a", false),
            ("[z-a]", "b", false),
            ("[^z-a]", "b", true),
            ("*x", "xxx", true),
            ("[[]", "[", true),
            ("[*]", "*", true),
            ("[*]", "a", false),
            ("**", "a/b", false),
            ("**/c", "a/c", true),
            (".*", ".a", true),
            ("*", "", true),
            ("*", ".a", true),
            ("", "", true),
            ("", "a", false),
            ("a", "", false),
            ("?", "", false),
            ("{a,b}", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), Ok(expected), "{pattern} {name}");
        }
        assert_eq!(matches(b"a?", b"a\xff"), Ok(true), "a byte that is no UTF-8");
        assert_eq!(matches(b"\xff*", b"\xff\xfe"), Ok(true), "bytes as they are");
    }

    #[test]
    fn bad_patterns_are_errors_wherever_the_name_ends() {
        for pattern in [
            "[]a]", "[-]", "[x-]", "[-x]", "[\\-x", "[a-b-c]", "[", "[^", "[^bc", "a[", "a[\\", "a\\", "[]", "[^]",
            "zzz[", "zzz\\", "[a-\\",
        ] {
            for name in ["", "a", "ab", "x"] {
                assert!(matches(pattern.as_bytes(), name.as_bytes()).is_err(), "{pattern} {name}");
            }
        }
    }

    #[test]
    fn many_stars_do_not_take_forever() {
        let pattern = "*a".repeat(2_000) + "b";
        let name = "a".repeat(20_000);
        assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), Ok(false));
    }

    #[test]
    fn meta_characters_are_seen() {
        for (pattern, expected) in [("a/b", false), ("a*", true), ("a?", true), ("[", true), ("\\a", true)] {
            assert_eq!(has_meta(pattern.as_bytes()), expected, "{pattern}");
        }
    }
}
