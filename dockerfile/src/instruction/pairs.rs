//! ENV, LABEL and ARG: `key=value` pairs, the legacy `key value`, and bare names.

use super::{Reader, words};
use crate::{ArgDecl, Pair, joined::Part};

impl<'a> Reader<'_, 'a, '_> {
    /// ENV and LABEL. The first word decides: without `=` in it, it is the key, and all that follows
    /// is the value.
    pub(super) fn pairs(&mut self) -> Option<Vec<Pair>> {
        let flags = self.flags(&[]);
        let words = words::quoted(self.args(), self.escape);
        let pairs = match words.first() {
            None => return self.wrong_arguments("requires at least one argument"),
            Some(first) if !first.text().contains('=') => vec![self.legacy_pair()?],
            // every word is looked at, so that all problems are found
            Some(_) => {
                let pairs: Vec<Option<Pair>> = words.into_iter().map(|word| self.pair(word)).collect();
                pairs.into_iter().collect::<Option<_>>()?
            }
        };
        flags.map(|_| pairs)
    }

    fn legacy_pair(&mut self) -> Option<Pair> {
        let (key, Some(value)) = words::split_once(self.args()) else {
            return self.wrong_arguments("must have two arguments");
        };
        Some(Pair { key: key.to_spanned(), value: value.to_spanned(), legacy: true })
    }

    fn pair(&mut self, word: Part<'a>) -> Option<Pair> {
        let Some((key, value)) = self.key_and_value(word)? else {
            let message = format!("can't find = in {:?}: must be of the form: name=value", word.text());
            return self.fail("missing-equals", word.span(), message);
        };
        Some(Pair { key: key.to_spanned(), value: value.to_spanned(), legacy: false })
    }

    pub(super) fn arg(&mut self) -> Option<Vec<ArgDecl>> {
        self.ignored_flags();
        let words = words::quoted(self.args(), self.escape);
        if words.is_empty() {
            return self.wrong_arguments("requires at least one argument");
        }
        let names: Vec<Option<ArgDecl>> = words
            .into_iter()
            .map(|word| {
                Some(match self.key_and_value(word)? {
                    Some((key, value)) => ArgDecl { name: key.to_spanned(), default: Some(value.to_spanned()) },
                    None => ArgDecl { name: word.to_spanned(), default: None },
                })
            })
            .collect();
        names.into_iter().collect()
    }

    /// Cuts a word at its first `=`; `Some(None)` without one, `None` after a diagnostic.
    #[expect(clippy::option_option, reason = "the outer one says that an error was reported")]
    fn key_and_value(&mut self, word: Part<'a>) -> Option<Option<(Part<'a>, Part<'a>)>> {
        let Some(equals) = word.text().find('=') else {
            return Some(None);
        };
        if equals == 0 {
            let message = format!("{} names can not be blank", self.statement.name);
            return self.fail("blank-name", word.span(), message);
        }
        Some(Some((word.slice(0..equals), word.from(equals + 1))))
    }
}
