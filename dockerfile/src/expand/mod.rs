//! Late expansion of variables, quotes and escapes, as BuildKit's shell lexer does it.
//!
//! ```text
//! word      'a b'"$V" \$x   →  a b<value> $x        one word out, quotes and escapes gone
//! words     "$P" 80 $Q      →  split at white space outside quotes, after expansion
//! heredoc   '$V' \$x        →  '<value>' $x         quotes are text
//! ```
//!
//! Variables: `$v`, `${v}` and the modifiers `:-` `-` `:+` `+` `:?` `?` `#` `##` `%` `%%` `/` `//`,
//! whose words may hold variables again. Names are letters, digits and `_`; special parameters
//! (`$@`, `$?`, `$1`, ...) are never set.

mod lexer;
mod pattern;
mod words;

use std::{
    collections::{BTreeMap, HashMap},
    hash::BuildHasher,
};

pub(crate) use lexer::{Lexer, Mode};
pub(crate) use words::Word;

/// Looks a variable up.
pub trait Env {
    /// The variable's value; `None` when it is not set, which differs from empty.
    fn get(&self, name: &str) -> Option<String>;
}

impl<F: Fn(&str) -> Option<String>> Env for F {
    fn get(&self, name: &str) -> Option<String> {
        self(name)
    }
}

impl Env for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name).cloned()
    }
}

impl<S: BuildHasher> Env for HashMap<String, String, S> {
    fn get(&self, name: &str) -> Option<String> {
        HashMap::get(self, name).cloned()
    }
}

/// Why a text could not be expanded: a syntax error, or a `:?` that found nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ExpandError {
    /// BuildKit's wording, without the text that was expanded.
    pub message: String,
}

impl ExpandError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// What an expansion gave, and which variables it asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expanded {
    /// The text.
    pub text: String,
    /// Each variable that was asked for, once, in the order of the first time.
    pub used: Vec<String>,
    /// Those of them that are not set.
    pub unset: Vec<String>,
}

/// Expands variables and removes quotes and escapes: one word out, white space kept.
///
/// # Errors
/// An unmatched quote, a bad substitution, a `?` modifier on an unset variable.
pub fn word(text: &str, escape: char, env: &dyn Env) -> Result<Expanded, ExpandError> {
    Lexer::new(text, escape, Mode::default(), env).text()
}

/// Does the same, and splits at white space outside quotes: EXPOSE.
///
/// # Errors
/// As [`word`].
pub fn words(text: &str, escape: char, env: &dyn Env) -> Result<Vec<String>, ExpandError> {
    let words = Lexer::new(text, escape, Mode::default(), env).words()?;
    Ok(words.into_iter().map(|word| word.text).collect())
}

/// Expands variables and removes escapes, but keeps quotes, which mean nothing here: the bodies of
/// COPY's heredocs.
///
/// The escape character of bodies is always `\`, whatever the file's directive says.
///
/// # Errors
/// A bad substitution, a `?` modifier on an unset variable.
pub fn heredoc(text: &str, env: &dyn Env) -> Result<Expanded, ExpandError> {
    let mode = Mode { quotes_are_text: true, ..Mode::default() };
    Lexer::new(text, '\\', mode, env).text()
}

#[cfg(test)]
mod tests;
