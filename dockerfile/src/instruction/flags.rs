//! Flags: cut from the start of the arguments, then checked against those that an instruction has.

use crate::{
    Diagnostic, Span, Spanned,
    joined::Part,
    suggest::{did_you_mean, nearest},
};

/// A flag as cut: quotes and escapes removed from the text, the value's span as written.
pub(super) struct RawFlag {
    pub(super) text: Spanned<String>,
    value_span: Span,
}

/// Cuts the words that begin with `--` from the start of the arguments; the word `--` alone ends
/// them. Gives the flags, and the arguments that remain.
pub(super) fn cut(args: Part<'_>, escape: char) -> (Vec<RawFlag>, Part<'_>) {
    let mut flags = Vec::new();
    let mut rest = args.trim();
    while rest.text().starts_with("--") {
        let (word, after) = first_word(rest, escape);
        let written = rest.slice(0..rest.text().len() - after.text().len());
        rest = after.trim();
        if word == "--" {
            break;
        }
        let value_at = written.text().find('=').map(|at| at + 1);
        flags.push(RawFlag {
            text: Spanned { value: word, span: written.span() },
            value_span: written.from(value_at.unwrap_or(written.text().len())).span(),
        });
    }
    (flags, rest)
}

/// Reads a word up to white space outside quotes, removing quotes and escapes.
fn first_word(args: Part<'_>, escape: char) -> (String, Part<'_>) {
    let mut word = String::new();
    let mut quote = None;
    let mut chars = args.text().char_indices();
    while let Some((at, c)) = chars.next() {
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && c.is_whitespace() {
            return (word, args.from(at));
        } else if quote.is_none() && matches!(c, '\'' | '"') {
            quote = Some(c);
        } else if c == escape {
            word.extend(chars.next().map(|(_, escaped)| escaped));
        } else {
            word.push(c);
        }
    }
    (word, args.from(args.text().len()))
}

/// What a flag takes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Takes {
    /// Nothing, or `=true` or `=false`.
    Switch,
    /// A value, and it comes once.
    Value,
    /// A value, any number of times.
    Values,
}

/// The flags that were given and are as they should be.
pub(super) struct Flags {
    given: Vec<(&'static str, Spanned<String>)>,
}

impl Flags {
    /// Checks flags against the known ones; each that is wrong is a diagnostic and is left out.
    pub(super) fn check(raw: &[RawFlag], known: &[(&'static str, Takes)], diagnostics: &mut Vec<Diagnostic>) -> Self {
        let mut given = Vec::new();
        let mut given_once = Vec::new();
        for flag in raw {
            let span = flag.text.span;
            let (name, value) = match flag.text.value.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (flag.text.value.as_str(), None),
            };
            let bare = name.strip_prefix("--").unwrap_or(name);
            let Some((known_name, takes)) = known.iter().find(|(known, _)| *known == bare) else {
                let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
                diagnostics.push(
                    Diagnostic::error("unknown-flag", span, format!("unknown flag: {name}"))
                        .helped(did_you_mean(nearest(bare, &names))),
                );
                continue;
            };
            let repeated = given_once.contains(known_name);
            let lower = value.map(str::to_lowercase);
            let problem = match (takes, lower.as_deref()) {
                (Takes::Switch | Takes::Value, _) if repeated => {
                    Some(("duplicate-flag", format!("duplicate flag specified: {name}")))
                }
                (Takes::Switch, Some("")) | (Takes::Value | Takes::Values, None) => {
                    Some(("flag-without-value", format!("missing a value on flag: {name}")))
                }
                (Takes::Switch, Some(other)) if !matches!(other, "true" | "false") => Some((
                    "invalid-flag-value",
                    format!("expecting boolean value for flag {name}, not: {}", value.unwrap_or_default()),
                )),
                _ => None,
            };
            if let Some((code, message)) = problem {
                diagnostics.push(Diagnostic::error(code, span, message));
                continue;
            }
            let value = Spanned {
                value: value.unwrap_or("true").to_owned(),
                span: if value.is_some() { flag.value_span } else { span },
            };
            if *takes != Takes::Values {
                given_once.push(*known_name);
            }
            given.push((*known_name, value));
        }
        Self { given }
    }

    /// The value of a flag, an empty one too.
    pub(super) fn given(&self, name: &str) -> Option<Spanned<String>> {
        self.list(name).into_iter().next()
    }

    /// The value of a flag; an empty value is none.
    pub(super) fn value(&self, name: &str) -> Option<Spanned<String>> {
        self.given(name).filter(|value| !value.value.is_empty())
    }

    pub(super) fn switch(&self, name: &str) -> Option<Spanned<bool>> {
        self.given(name).map(|value| Spanned { value: value.value.eq_ignore_ascii_case("true"), span: value.span })
    }

    /// The values of a flag that may come many times.
    pub(super) fn list(&self, name: &str) -> Vec<Spanned<String>> {
        let named = self.given.iter().filter(|(given, _)| *given == name);
        named.map(|(_, value)| value.clone()).collect()
    }
}
