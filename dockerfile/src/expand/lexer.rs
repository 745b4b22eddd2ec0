//! The shell lexer: one pass over the characters, recursion at `${name:-word}`.

use super::{
    Env, ExpandError, Expanded,
    pattern::Pattern,
    words::{Word, Words},
};

/// How deep `${a:-${b:-...}}` may nest. BuildKit's stack grows on the heap; ours does not, and no
/// one writes more than three.
const MAX_NESTING: usize = 100;

/// How long a text may become. `ENV a=$a$a` doubles at each use, and `${a//x/$b}` multiplies; the
/// kernel takes no variable longer than 128 KiB, and a heredoc of this size is no text any more.
pub(super) const MAX_EXPANDED_BYTES: usize = 16 << 20;

/// The error of a text that becomes longer than [`MAX_EXPANDED_BYTES`].
pub(super) fn too_long() -> ExpandError {
    ExpandError::new(format!("expands to more than {MAX_EXPANDED_BYTES} bytes"))
}

/// What the lexer leaves in place.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mode {
    /// Quotes do their work but stay in the text.
    pub(crate) keep_quotes: bool,
    /// Escape characters do their work but stay in the text.
    pub(crate) keep_escapes: bool,
    /// Quotes are ordinary characters.
    pub(crate) quotes_are_text: bool,
    /// A variable that is not set stays as written.
    pub(crate) keep_unset: bool,
}

pub(crate) struct Lexer<'a> {
    input: &'a str,
    at: usize,
    escape: char,
    mode: Mode,
    env: &'a dyn Env,
    nesting: usize,
    used: Vec<String>,
    unset: Vec<String>,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(input: &'a str, escape: char, mode: Mode, env: &'a dyn Env) -> Self {
        Self { input, at: 0, escape, mode, env, nesting: 0, used: Vec::new(), unset: Vec::new() }
    }

    /// The whole input as one text.
    pub(crate) fn text(mut self) -> Result<Expanded, ExpandError> {
        let text = self.until(None, &mut Words::default())?;
        Ok(Expanded { text, used: self.used, unset: self.unset })
    }

    /// The whole input as words.
    pub(crate) fn words(mut self) -> Result<Vec<Word>, ExpandError> {
        let mut words = Words::wanted();
        self.until(None, &mut words)?;
        Ok(words.into_done())
    }

    fn peek(&self) -> Option<char> {
        self.input[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let found = self.peek() == Some(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    /// Reads up to the stop character, which is consumed, or to the end when there is none.
    fn until(&mut self, stop: Option<char>, words: &mut Words) -> Result<String, ExpandError> {
        let mut text = String::new();
        loop {
            let start = self.at;
            let Some(c) = self.next() else {
                break;
            };
            if Some(c) == stop {
                return Ok(text);
            }
            match c {
                '$' => {
                    let value = self.dollar()?;
                    if text.len() + value.len() > MAX_EXPANDED_BYTES {
                        return Err(too_long());
                    }
                    words.add(&value, start, self.at);
                    text.push_str(&value);
                }
                '\'' | '"' if !self.mode.quotes_are_text => {
                    let mut quoted = String::new();
                    self.quoted(c, &mut quoted)?;
                    words.add_whole(&quoted, start, self.at);
                    text.push_str(&quoted);
                }
                '<' => {
                    self.less();
                    let marker = &self.input[start..self.at];
                    words.add_whole(marker, start, self.at);
                    text.push_str(marker);
                }
                c if c == self.escape => {
                    let escaped = self.at;
                    self.next();
                    let kept = if self.mode.keep_escapes { start } else { escaped };
                    let kept = &self.input[kept..self.at];
                    if !kept.is_empty() {
                        words.add_whole(kept, start, self.at);
                    }
                    text.push_str(kept);
                }
                _ => {
                    words.add(&self.input[start..self.at], start, self.at);
                    text.push(c);
                }
            }
        }
        match stop {
            None => Ok(text),
            Some(stop) => {
                Err(ExpandError::new(format!("unexpected end of statement while looking for matching {stop}")))
            }
        }
    }

    /// Reads from after an opening quote to after the closing one. Double quotes expand variables,
    /// and escape the quote, `$` and the escape character; single quotes do nothing at all.
    fn quoted(&mut self, quote: char, text: &mut String) -> Result<(), ExpandError> {
        if self.mode.keep_quotes {
            text.push(quote);
        }
        loop {
            let Some(c) = self.next() else {
                let name = if quote == '"' { "double" } else { "single" };
                return Err(ExpandError::new(format!(
                    "unexpected end of statement while looking for matching {name}-quote"
                )));
            };
            if c == quote {
                if self.mode.keep_quotes {
                    text.push(quote);
                }
                return Ok(());
            }
            if quote == '\'' {
                text.push(c);
            } else if c == '$' {
                text.push_str(&self.dollar()?);
                if text.len() > MAX_EXPANDED_BYTES {
                    return Err(too_long());
                }
            } else if c == self.escape {
                if self.mode.keep_escapes {
                    text.push(c);
                }
                match self.peek() {
                    None => {}
                    Some(next) if next == '"' || next == '$' || next == self.escape => {
                        text.push(next);
                        self.at += next.len_utf8();
                    }
                    Some(_) => text.push(c),
                }
            } else {
                text.push(c);
            }
        }
    }

    /// Consumes what follows a first `<` if the two begin a heredoc marker: the white space before
    /// its delimiter belongs to it.
    fn less(&mut self) {
        if self.take_if('<') {
            while matches!(self.peek(), Some('\t' | '\r' | ' ')) {
                self.next();
            }
        }
    }

    /// Reads what follows a `$`.
    fn dollar(&mut self) -> Result<String, ExpandError> {
        if self.nesting == MAX_NESTING {
            return Err(ExpandError::new(format!("substitutions are nested deeper than {MAX_NESTING}")));
        }
        self.nesting += 1;
        let value = if self.take_if('{') {
            self.braced()
        } else {
            let name = self.name();
            Ok(if name.is_empty() {
                "$".to_owned()
            } else {
                self.lookup(name).unwrap_or_else(|| self.unset_as(format!("${name}")))
            })
        };
        self.nesting -= 1;
        value
    }

    /// Reads what follows a `${`.
    fn braced(&mut self) -> Result<String, ExpandError> {
        match self.peek() {
            None => return Err(missing('}')),
            Some('{' | '}' | ':') => {
                return Err(ExpandError::new("syntax error: bad substitution"));
            }
            Some(_) => {}
        }
        let name = self.name();
        let Some(modifier) = self.next() else {
            return Err(missing('}'));
        };
        match modifier {
            '}' => Ok(self.lookup(name).unwrap_or_else(|| self.unset_as(format!("${{{name}}}")))),
            ':' => {
                let modifier = self.next().ok_or_else(|| missing('}'))?;
                self.with_default(name, modifier, true)
            }
            '-' | '+' | '?' => self.with_default(name, modifier, false),
            '#' | '%' => self.trimmed(name, modifier),
            '/' => self.replaced(name),
            other => Err(unsupported(&other.to_string())),
        }
    }

    /// `-`, `+` and `?`; after a colon an empty value counts as none.
    fn with_default(&mut self, name: &str, modifier: char, empty_is_unset: bool) -> Result<String, ExpandError> {
        let colon = if empty_is_unset { ":" } else { "" };
        if matches!(modifier, '#' | '%') {
            return Err(unsupported(&format!("{colon}{modifier}")));
        }
        let word = self.operand('}', false)?;
        let value = self.lookup(name);
        if value.is_none() && self.mode.keep_unset {
            return Ok(format!("${{{name}{colon}{modifier}{word}}}"));
        }
        let is_set = value.is_some();
        let usable = value.filter(|value| !(empty_is_unset && value.is_empty()));
        match (modifier, usable) {
            ('-', usable) => Ok(usable.unwrap_or(word)),
            ('+', usable) => Ok(usable.map(|_| word).unwrap_or_default()),
            ('?', Some(value)) => Ok(value),
            ('?', None) if !word.is_empty() => Err(ExpandError::new(format!("{name}: {word}"))),
            ('?', None) => {
                let state = if is_set { "empty" } else { "unset" };
                Err(ExpandError::new(format!("{name}: is not allowed to be {state}")))
            }
            _ => Err(unsupported(&format!("{colon}{modifier}"))),
        }
    }

    /// `#` and `%`, doubled for the longest match.
    fn trimmed(&mut self, name: &str, modifier: char) -> Result<String, ExpandError> {
        let word = self.operand('}', true)?;
        let Some(value) = self.lookup(name) else {
            return Ok(self.unset_as(format!("${{{name}{modifier}{word}}}")));
        };
        let longest = word.strip_prefix(modifier);
        let pattern = Pattern::parse(longest.unwrap_or(&word))?;
        if modifier == '#' {
            pattern.without_prefix(&value, longest.is_some())
        } else {
            pattern.without_suffix(&value, longest.is_some())
        }
    }

    /// `/pattern/replacement`, the slash doubled for all matches.
    fn replaced(&mut self, name: &str) -> Result<String, ExpandError> {
        let all = self.take_if('/');
        let pattern = self.operand('/', true)?;
        let replacement = self.operand('}', true)?;
        let Some(value) = self.lookup(name) else {
            return Ok(self.unset_as(format!("${{{name}/{pattern}/{replacement}}}")));
        };
        Pattern::parse(&pattern)?.replace(&value, &replacement, all)
    }

    /// Reads an operand of a modifier, up to its stop character.
    fn operand(&mut self, stop: char, keep_escapes: bool) -> Result<String, ExpandError> {
        let outer = std::mem::replace(&mut self.mode.keep_escapes, keep_escapes);
        let operand = self.until(Some(stop), &mut Words::default());
        self.mode.keep_escapes = outer;
        operand.map_err(|error| if self.at == self.input.len() { missing(stop) } else { error })
    }

    /// Reads a name: all digits from a digit on, one special parameter, or letters, digits and `_`.
    fn name(&mut self) -> &'a str {
        let rest = &self.input[self.at..];
        let length = match rest.chars().next() {
            Some('@' | '*' | '#' | '?' | '-' | '$' | '!') => 1,
            Some(c) if c.is_numeric() => rest.find(|c: char| !c.is_numeric()).unwrap_or(rest.len()),
            _ => rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len()),
        };
        self.at += length;
        &rest[..length]
    }

    fn lookup(&mut self, name: &str) -> Option<String> {
        let value = self.env.get(name);
        let note = |list: &mut Vec<String>| {
            if !list.iter().any(|seen| seen == name) {
                list.push(name.to_owned());
            }
        };
        note(&mut self.used);
        if value.is_none() {
            note(&mut self.unset);
        }
        value
    }

    fn unset_as(&self, written: String) -> String {
        if self.mode.keep_unset { written } else { String::new() }
    }
}

fn missing(closing: char) -> ExpandError {
    ExpandError::new(match closing {
        '/' => "syntax error: missing '/' in ${}",
        _ => "syntax error: missing '}'",
    })
}

fn unsupported(modifier: &str) -> ExpandError {
    ExpandError::new(format!("unsupported modifier ({modifier}) in substitution"))
}
