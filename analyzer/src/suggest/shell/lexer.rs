//! Words and operators of a shell command (POSIX.1-2024, XCU 2.2 to 2.6), with what their expansions do.

use std::ops::Range;

/// Why a command's words cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub(in crate::suggest) enum Unreadable {
    #[error("a quote in it is never closed")]
    Quote,
    #[error("an expansion in it is never closed")]
    Expansion,
    #[error("it ends in a backslash")]
    Backslash,
    #[error("it has a here-document without a body")]
    HereDocument,
    #[error("it has a case inside a command substitution")]
    Case,
    #[error("its $'…' has an escaped quote, which shells read differently")]
    AnsiQuote,
    #[error("its $((…)) can be read in two ways")]
    Arithmetic,
    #[error("it is nested too deeply")]
    Depth,
}

/// Substitutions within substitutions: no person writes ten, and each level costs stack.
const MAX_DEPTH: usize = 32;

pub(super) enum Token {
    Word(Word),
    Redirect,
    Operator(&'static str),
    End,
}

/// A word with its quotes removed, as far as that is known before it is expanded.
#[derive(Default)]
pub(super) struct Word {
    pub(super) text: Vec<u8>,
    /// It has an expansion or a pattern: what it is shows only when it runs.
    pub(super) dynamic: bool,
    /// `NAME=…`, with NAME and `=` unquoted.
    pub(super) assignment: bool,
}

pub(super) struct Lexer<'a> {
    text: &'a [u8],
    at: usize,
    /// Where the last token starts.
    start: usize,
    bash: bool,
    depth: usize,
    pub(super) comment: bool,
    /// A substitution leaves something running.
    pub(super) background: bool,
    /// An expansion sets a variable: `${x:=1}`, `$((x += 1))`.
    pub(super) assigns: bool,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a [u8], bash: bool, depth: usize) -> Self {
        Self { text, at: 0, start: 0, bash, depth, comment: false, background: false, assigns: false }
    }

    /// Where the last token stands.
    pub(super) fn range(&self) -> Range<usize> {
        self.start..self.at
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    pub(super) fn token(&mut self) -> Result<Token, Unreadable> {
        loop {
            match self.peek() {
                None => return Ok(Token::End),
                Some(b' ' | b'\t') => self.at += 1,
                Some(b'#') => {
                    self.comment = true;
                    self.at += self.rest().iter().position(|&byte| byte == b'\n').unwrap_or(self.rest().len());
                }
                Some(_) => break,
            }
        }
        let start = self.at;
        // `2>file`: the number belongs to the redirection, and is no word
        let digits = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        if matches!(self.rest().get(digits), Some(b'<' | b'>')) {
            self.at += digits;
        }
        let token = match self.operator()? {
            Some(token) => token,
            None => self.word().map(Token::Word)?,
        };
        self.start = start;
        Ok(token)
    }

    fn operator(&mut self) -> Result<Option<Token>, Unreadable> {
        const OPERATORS: &[&str] = &["&&", "||", ";;", "|&", ";", "&", "|", "(", ")", "\n"];
        const REDIRECTS: &[&str] = &["<<<", "<<", "<&", ">&", "<>", ">|", ">>", "<", ">"];
        const BASH_REDIRECTS: &[&str] = &["&>>", "&>"];
        let rest = self.rest();
        let starts = |operator: &&&str| rest.starts_with(operator.as_bytes());
        let bash_redirect = BASH_REDIRECTS.iter().find(starts).filter(|_| self.bash);
        if let Some(redirect) = bash_redirect.or_else(|| REDIRECTS.iter().find(starts)) {
            self.at += redirect.len();
            if *redirect == "<<" || (*redirect == "<<<" && !self.bash) {
                return Err(Unreadable::HereDocument);
            }
            if self.peek() == Some(b'(') {
                // a process substitution runs beside the command, and may outlive it
                self.background = true;
            }
            return Ok(Some(Token::Redirect));
        }
        let found = OPERATORS.iter().find(starts);
        Ok(found.map(|operator| {
            self.at += operator.len();
            Token::Operator(operator)
        }))
    }

    fn word(&mut self) -> Result<Word, Unreadable> {
        let start = self.at;
        let name = self.rest().iter().take_while(|byte| is_name_byte(**byte)).count();
        let mut word = Word::default();
        let mut quoted = false;
        while let Some(byte) = self.peek() {
            match byte {
                b' ' | b'\t' | b'\n' | b';' | b'&' | b'|' | b'(' | b')' | b'<' | b'>' => break,
                b'\\' => {
                    self.at += 1;
                    quoted = true;
                    word.text.push(self.next().ok_or(Unreadable::Backslash)?);
                }
                b'\'' => {
                    self.at += 1;
                    quoted = true;
                    word.text.extend_from_slice(self.single_quoted()?);
                }
                b'"' => {
                    self.at += 1;
                    quoted = true;
                    self.double_quoted(&mut word)?;
                }
                b'$' => {
                    word.dynamic = true;
                    self.dollar(false)?;
                }
                b'`' => {
                    word.dynamic = true;
                    self.backquoted()?;
                }
                b'=' if !quoted && !word.assignment => {
                    word.assignment = is_assignable(&self.text[start..self.at], name);
                    word.text.push(byte);
                    self.at += 1;
                }
                _ => {
                    word.dynamic |= matches!(byte, b'*' | b'?' | b'[' | b'{' | b'~');
                    word.text.push(byte);
                    self.at += 1;
                }
            }
        }
        Ok(word)
    }

    fn single_quoted(&mut self) -> Result<&'a [u8], Unreadable> {
        let rest = self.rest();
        let end = rest.iter().position(|&byte| byte == b'\'').ok_or(Unreadable::Quote)?;
        self.at += end + 1;
        Ok(&rest[..end])
    }

    fn double_quoted(&mut self, word: &mut Word) -> Result<(), Unreadable> {
        loop {
            match self.peek().ok_or(Unreadable::Quote)? {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    self.at += 1;
                    word.text.push(self.next().ok_or(Unreadable::Quote)?);
                }
                b'$' => {
                    word.dynamic = true;
                    self.dollar(true)?;
                }
                b'`' => {
                    word.dynamic = true;
                    self.backquoted()?;
                }
                byte => {
                    word.text.push(byte);
                    self.at += 1;
                }
            }
        }
    }

    /// Passes an expansion, or the dollar sign alone where it begins none that has an end of its own.
    fn dollar(&mut self, in_quotes: bool) -> Result<(), Unreadable> {
        self.at += 1;
        if self.rest().starts_with(b"((") {
            self.at += 2;
            return self.arithmetic();
        }
        match self.peek() {
            Some(b'(') => {
                self.at += 1;
                self.substitution()
            }
            Some(b'{') => {
                self.at += 1;
                self.parameter(in_quotes)
            }
            Some(b'\'') if !in_quotes => {
                self.at += 1;
                self.ansi_quoted()
            }
            _ => Ok(()),
        }
    }

    /// `$(…)`, whose end only its own words can tell.
    fn substitution(&mut self) -> Result<(), Unreadable> {
        self.deeper()?;
        let mut open = 1;
        loop {
            match self.token()? {
                Token::End => return Err(Unreadable::Expansion),
                Token::Operator("(") => open += 1,
                Token::Operator(")") => {
                    open -= 1;
                    if open == 0 {
                        self.depth -= 1;
                        self.comment = false;
                        return Ok(());
                    }
                }
                Token::Operator("&") => self.background = true,
                // the parentheses of its patterns do not pair
                Token::Word(word) if word.text == b"case" => return Err(Unreadable::Case),
                Token::Word(_) | Token::Redirect | Token::Operator(_) => {}
            }
        }
    }

    fn arithmetic(&mut self) -> Result<(), Unreadable> {
        let start = self.at;
        let mut open = 2;
        while open > 0 {
            match self.next().ok_or(Unreadable::Expansion)? {
                b'(' => open += 1,
                b')' => {
                    open -= 1;
                    if open == 1 && self.peek() != Some(b')') {
                        return Err(Unreadable::Arithmetic);
                    }
                }
                b'\'' | b'"' | b'`' | b'\\' => return Err(Unreadable::Arithmetic),
                b'$' if self.peek() == Some(b'(') => return Err(Unreadable::Arithmetic),
                _ => {}
            }
        }
        let text = &self.text[start..self.at];
        self.assigns |= text.windows(2).any(|pair| pair == b"++" || pair == b"--");
        self.assigns |= text.iter().enumerate().any(|(index, &byte)| {
            let before = index.checked_sub(1).map_or(b' ', |before| text[before]);
            byte == b'=' && text.get(index + 1) != Some(&b'=') && !matches!(before, b'=' | b'!' | b'<' | b'>')
                || text[index..].starts_with(b"<<=")
                || text[index..].starts_with(b">>=")
        });
        Ok(())
    }

    fn parameter(&mut self, in_quotes: bool) -> Result<(), Unreadable> {
        self.deeper()?;
        let name = self.rest().iter().take_while(|byte| is_name_byte(**byte)).count();
        let operator = &self.rest()[name..];
        self.assigns |= operator.starts_with(b"=") || operator.starts_with(b":=");
        loop {
            match self.next().ok_or(Unreadable::Expansion)? {
                b'}' => {
                    self.depth -= 1;
                    return Ok(());
                }
                b'\\' => {
                    self.next().ok_or(Unreadable::Expansion)?;
                }
                b'\'' if !in_quotes => {
                    self.single_quoted()?;
                }
                b'"' => self.double_quoted(&mut Word::default())?,
                b'$' => {
                    self.at -= 1;
                    self.dollar(in_quotes)?;
                }
                b'`' => {
                    self.at -= 1;
                    self.backquoted()?;
                }
                _ => {}
            }
        }
    }

    /// `` `…` ``, which is read on its own once a level of backslashes is gone.
    fn backquoted(&mut self) -> Result<(), Unreadable> {
        self.at += 1;
        let mut inner = Vec::new();
        loop {
            match self.next().ok_or(Unreadable::Expansion)? {
                b'`' => break,
                b'\\' => match self.next().ok_or(Unreadable::Expansion)? {
                    byte @ (b'`' | b'\\' | b'$') => inner.push(byte),
                    byte => inner.extend_from_slice(&[b'\\', byte]),
                },
                byte => inner.push(byte),
            }
        }
        self.deeper()?;
        let mut lexer = Lexer::new(&inner, self.bash, self.depth);
        loop {
            match lexer.token()? {
                Token::End => break,
                Token::Operator("&") => self.background = true,
                Token::Word(_) | Token::Redirect | Token::Operator(_) => {}
            }
        }
        self.background |= lexer.background;
        self.depth -= 1;
        Ok(())
    }

    /// `$'…'`: bash ends it at the first quote without a backslash, others at the first quote.
    fn ansi_quoted(&mut self) -> Result<(), Unreadable> {
        loop {
            match self.next().ok_or(Unreadable::Quote)? {
                b'\'' => return Ok(()),
                b'\\' => match self.next().ok_or(Unreadable::Quote)? {
                    b'\'' if !self.bash => return Err(Unreadable::AnsiQuote),
                    _ => {}
                },
                _ => {}
            }
        }
    }

    fn deeper(&mut self) -> Result<(), Unreadable> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(Unreadable::Depth) } else { Ok(()) }
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Whether what stands before a `=` makes the word an assignment: `NAME`, `NAME+`, `NAME[…]`. Of it the first `name` bytes
/// may be a name; the rest is only looked at from its ends, since a word may have very many `=`.
fn is_assignable(before: &[u8], name: usize) -> bool {
    let (name, rest) = before.split_at(name);
    let subscript = rest.strip_suffix(b"+").unwrap_or(rest);
    name.first().is_some_and(|byte| !byte.is_ascii_digit())
        && (subscript.is_empty() || subscript.starts_with(b"[") && subscript.ends_with(b"]"))
}
