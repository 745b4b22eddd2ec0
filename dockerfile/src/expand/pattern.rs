//! Shell patterns of `${v#p}`, `${v%p}` and `${v/p/r}`: `*`, `?` and escapes, no classes.
//!
//! `*` and `?` match any character but a line break, as in BuildKit, which makes regular
//! expressions of them.

use super::{
    ExpandError,
    lexer::{MAX_EXPANDED_BYTES, too_long},
};

/// How many comparisons one substitution may take: about a tenth of a second. Replacing is cubic in
/// the worst case, and both pattern and value may be of any length.
const MAX_STEPS: usize = 1 << 24;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Char(char),
    AnyChar,
    AnyString,
}

pub(super) struct Pattern {
    tokens: Vec<Token>,
}

impl Pattern {
    /// Reads a pattern in which the lexer left the escapes. `\/` and `\}` stand for the character,
    /// which had to be escaped within `${}`.
    pub(super) fn parse(text: &str) -> Result<Self, ExpandError> {
        let mut tokens = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            tokens.push(match c {
                '*' if tokens.last() == Some(&Token::AnyString) => continue,
                '*' => Token::AnyString,
                '?' => Token::AnyChar,
                '\\' => match chars.next() {
                    Some(c @ ('*' | '?' | '\\' | '}' | '/')) => Token::Char(c),
                    other => {
                        let escape: String = ['\\'].into_iter().chain(other).collect();
                        return Err(ExpandError::new(format!(
                            "invalid pattern ({text}) in substitution: invalid escape '{escape}'"
                        )));
                    }
                },
                c => Token::Char(c),
            });
        }
        Ok(Self { tokens })
    }

    /// The value without its shortest, or longest, prefix that matches.
    pub(super) fn without_prefix(&self, value: &str, longest: bool) -> Result<String, ExpandError> {
        let chars: Vec<char> = value.chars().collect();
        let matched = Matcher::new(&self.tokens).at_start(&chars, longest)?;
        Ok(chars[matched.unwrap_or(0)..].iter().collect())
    }

    /// The value without its shortest, or longest, suffix that matches: prefixes, read backwards.
    pub(super) fn without_suffix(&self, value: &str, longest: bool) -> Result<String, ExpandError> {
        let tokens: Vec<Token> = self.tokens.iter().rev().copied().collect();
        let chars: Vec<char> = value.chars().rev().collect();
        let matched = Matcher::new(&tokens).at_start(&chars, longest)?;
        Ok(chars[matched.unwrap_or(0)..].iter().rev().collect())
    }

    /// The value with the first match, or all, replaced; matches are as long as they can be.
    ///
    /// An empty match stands between any two characters, but not right behind another match.
    pub(super) fn replace(&self, value: &str, replacement: &str, all: bool) -> Result<String, ExpandError> {
        let chars: Vec<char> = value.chars().collect();
        let mut matcher = Matcher::new(&self.tokens);
        let mut out = String::new();
        let mut copied = 0;
        let mut at = 0;
        while at <= chars.len() {
            let Some(length) = matcher.at_start(&chars[at..], true)? else {
                at += 1;
                continue;
            };
            if length > 0 || at > copied || at == 0 {
                out.extend(&chars[copied..at]);
                out.push_str(replacement);
                if out.len() > MAX_EXPANDED_BYTES {
                    return Err(too_long());
                }
                copied = at + length;
                if !all {
                    break;
                }
            }
            at += length.max(1);
        }
        out.extend(&chars[copied..]);
        Ok(out)
    }
}

/// A simulation of all ways to match at once, so that time is bounded by pattern times value.
struct Matcher<'a> {
    tokens: &'a [Token],
    /// Which tokens may come next; one more entry for the end of the pattern.
    active: Vec<bool>,
    steps: usize,
}

impl<'a> Matcher<'a> {
    fn new(tokens: &'a [Token]) -> Self {
        Self { tokens, active: vec![false; tokens.len() + 1], steps: 0 }
    }

    /// How many characters from the start on match, if any number does.
    fn at_start(&mut self, chars: &[char], longest: bool) -> Result<Option<usize>, ExpandError> {
        self.active.fill(false);
        self.active[0] = true;
        let mut found = None;
        for at in 0..=chars.len() {
            self.steps += self.active.len();
            if self.steps > MAX_STEPS {
                return Err(ExpandError::new("the pattern takes too long to match"));
            }
            self.skip_empty_strings();
            if self.active[self.tokens.len()] {
                found = Some(at);
            }
            let done = found.is_some() && !longest;
            if done || at == chars.len() || !self.advance(chars[at]) {
                break;
            }
        }
        Ok(found)
    }

    fn skip_empty_strings(&mut self) {
        for (index, token) in self.tokens.iter().enumerate() {
            if self.active[index] && *token == Token::AnyString {
                self.active[index + 1] = true;
            }
        }
    }

    /// Takes one character, and says whether any way is left.
    fn advance(&mut self, c: char) -> bool {
        let mut any = false;
        let mut came = false;
        for index in 0..self.active.len() {
            let was = self.active[index];
            let (stays, goes) = match self.tokens.get(index) {
                Some(Token::AnyString) => (was && c != '\n', false),
                Some(Token::AnyChar) => (false, was && c != '\n'),
                Some(Token::Char(wanted)) => (false, was && c == *wanted),
                None => (false, false),
            };
            self.active[index] = stays || came;
            any |= self.active[index];
            came = goes;
        }
        any
    }
}
