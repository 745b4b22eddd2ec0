//! The exec form: a JSON array of strings, each with its span.
//!
//! Whether an argument *is* JSON decides between two meanings, so the whole grammar is checked: a
//! text that begins like an array and is none is a shell command, an array of other things than
//! strings is an error.

use crate::{Span, Spanned, joined::Part};

/// What arguments are, read as JSON.
pub(super) enum Json {
    Strings(Vec<Spanned<String>>),
    /// An array with something else in it, which stands here.
    OtherElement(Span),
    /// No array.
    No,
}

pub(super) fn read(args: Part<'_>) -> Json {
    let mut scanner = Scanner { text: args.text(), at: 0 };
    scanner.array(args).unwrap_or(Json::No)
}

/// Every method gives `None` where the text is not JSON.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl Scanner<'_> {
    /// The whole text as one array.
    fn array(&mut self, args: Part<'_>) -> Option<Json> {
        let mut strings = Vec::new();
        let mut other = None;
        self.expect(b'[')?;
        if !self.take_after_space(b']') {
            loop {
                self.skip_space();
                let start = self.at;
                if self.peek() == Some(b'"') {
                    let value = self.string()?;
                    let span = args.slice(start..self.at).span();
                    strings.push(Spanned { value, span });
                } else {
                    self.value()?;
                    other = other.or(Some(args.slice(start..self.at).span()));
                }
                if self.take_after_space(b']') {
                    break;
                }
                self.expect(b',')?;
            }
        }
        self.skip_space();
        if self.at < self.text.len() {
            return None;
        }
        Some(other.map_or(Json::Strings(strings), Json::OtherElement))
    }

    /// Skips any value. What is open is kept on the heap: there is no limit to nesting.
    fn value(&mut self) -> Option<()> {
        let mut open = Vec::new();
        loop {
            self.skip_space();
            match self.peek()? {
                b'[' => {
                    self.at += 1;
                    if !self.take_after_space(b']') {
                        open.push(b']');
                        continue;
                    }
                }
                b'{' => {
                    self.at += 1;
                    if !self.take_after_space(b'}') {
                        self.key()?;
                        open.push(b'}');
                        continue;
                    }
                }
                b'"' => {
                    self.string()?;
                }
                b't' => self.word("true")?,
                b'f' => self.word("false")?,
                b'n' => self.word("null")?,
                _ => self.number()?,
            }
            while let Some(&closing) = open.last() {
                if self.take_after_space(closing) {
                    open.pop();
                    continue;
                }
                self.expect(b',')?;
                if closing == b'}' {
                    self.key()?;
                }
                break;
            }
            if open.is_empty() {
                return Some(());
            }
        }
    }

    fn key(&mut self) -> Option<()> {
        self.skip_space();
        self.string()?;
        self.take_after_space(b':').then_some(())
    }

    fn number(&mut self) -> Option<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        let start = self.at;
        let whole = self.digits()?;
        if whole > 1 && self.text.as_bytes()[start] == b'0' {
            return None;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(())
    }

    /// Skips at least one digit.
    fn digits(&mut self) -> Option<usize> {
        let rest = &self.text[self.at..];
        let count = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        self.at += count;
        (count > 0).then_some(count)
    }

    fn string(&mut self) -> Option<String> {
        self.expect(b'"')?;
        let mut value = String::new();
        loop {
            let c = self.text[self.at..].chars().next()?;
            self.at += c.len_utf8();
            match c {
                '"' => return Some(value),
                '\\' => value.push(self.escaped()?),
                '\0'..='\x1f' => return None,
                c => value.push(c),
            }
        }
    }

    /// What follows a backslash. Half a surrogate pair becomes U+FFFD, as in Go.
    fn escaped(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(match c {
            b'"' | b'\\' | b'/' => char::from(c),
            b'b' => '\x08',
            b'f' => '\x0c',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.hex()?;
                char::from_u32(unit).unwrap_or_else(|| self.second_half(unit))
            }
            _ => return None,
        })
    }

    /// The character of a surrogate pair, whose second half is consumed if it is one.
    fn second_half(&mut self, first: u32) -> char {
        let before = self.at;
        let second = self.text[self.at..].starts_with("\\u").then(|| {
            self.at += 2;
            self.hex()
        });
        if let (0xd800..=0xdbff, Some(low @ 0xdc00..=0xdfff)) = (first, second.flatten()) {
            let code = 0x10000 + ((first - 0xd800) << 10) + (low - 0xdc00);
            return char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
        }
        self.at = before;
        char::REPLACEMENT_CHARACTER
    }

    fn hex(&mut self) -> Option<u32> {
        let digits = self.text.get(self.at..self.at + 4)?;
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        self.at += 4;
        u32::from_str_radix(digits, 16).ok()
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text[self.at..].starts_with(word).then(|| self.at += word.len())
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, wanted: u8) -> Option<()> {
        (self.peek() == Some(wanted)).then(|| self.at += 1)
    }

    fn take_after_space(&mut self, wanted: u8) -> bool {
        self.skip_space();
        self.expect(wanted).is_some()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::joined::Joined;

    fn read_text(text: &str) -> Json {
        let mut joined = Joined::default();
        joined.push(text, 0);
        read(joined.part())
    }

    #[test]
    fn arrays_of_strings_are_the_exec_form() {
        let cases: [(&str, &[&str]); 8] = [
            ("[]", &[]),
            ("[ ]", &[]),
            (r#"["a"]"#, &["a"]),
            (r#"[ "a" ,"b c" ]"#, &["a", "b c"]),
            (r#"["\"\\\/\b\f\n\r\t"]"#, &["\"\\/\x08\x0c\n\r\t"]),
            (r#"["\u00e9\uD83D\uDE00"]"#, &["é😀"]),
            (r#"["\ud83dx\ud83d\u0041"]"#, &["\u{fffd}x\u{fffd}A"]),
            (r#"["é"]"#, &["é"]),
        ];
        for (text, expected) in cases {
            let Json::Strings(strings) = read_text(text) else {
                panic!("not an array: {text}");
            };
            let values: Vec<&str> = strings.iter().map(|s| s.value.as_str()).collect();
            assert_eq!(values, expected, "{text}");
            for string in strings {
                assert!(text[string.span.range()].starts_with('"'));
            }
        }
    }

    #[test]
    fn arrays_of_other_things_are_an_error() {
        for text in
            [r#"["a", 1]"#, r#"["a",["b"]]"#, "[null]", "[true,false]", r#"[{"a":[{}],"b":-1.5e+3}]"#, "[[],{}]", "[0]"]
        {
            assert!(matches!(read_text(text), Json::OtherElement(_)), "{text}");
        }
        let Json::OtherElement(span) = read_text(r#"["a", 12]"#) else {
            panic!("an array of strings");
        };
        assert_eq!(span.range(), 6..8);
    }

    #[test]
    fn anything_else_is_no_array() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            "a",
            "[",
            "['a']",
            "[a]",
            r#"["a"] && b"#,
            r#"["a",]"#,
            r#"["a" "b"]"#,
            r#"["a"#,
            r#"["\x"]"#,
            r#"["\u12"]"#,
            r#"["\u+123"]"#,
            "[\"\t\"]",
            "[01]",
            "[1.]",
            "[-]",
            "[tru]",
            r#"[{"a"}]"#,
            "[{1:2}]",
            "[] random",
            deep.as_str(),
        ] {
            assert!(matches!(read_text(text), Json::No), "{text}");
        }
    }
}
