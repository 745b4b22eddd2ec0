//! A list of commands joined by `&&`, cut into them, each with its words and its place.

use std::ops::Range;

use super::lexer::{Lexer, Token};

/// One command of a list.
#[derive(Debug, PartialEq)]
pub(in crate::suggest) struct Link {
    /// Where it stands in the text.
    pub(in crate::suggest) range: Range<usize>,
    /// What it says; `None` for a pipeline, and for a command that sets variables or redirects.
    pub(in crate::suggest) words: Option<Vec<PlainWord>>,
}

/// A word with its quotes removed.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::suggest) struct PlainWord {
    pub(in crate::suggest) text: String,
    pub(in crate::suggest) range: Range<usize>,
    pub(in crate::suggest) certainty: Certainty,
}

/// How much of a word is known before it is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::suggest) enum Certainty {
    /// All of it.
    Literal,
    /// It is a pattern of file names, free of quotes.
    Pattern,
    /// It is whatever its expansion gives.
    Unknown,
}

/// Cuts a text at its `&&`s; `None` when it is joined in another way too, or cannot be read.
pub(in crate::suggest) fn list(text: &[u8], bash: bool) -> Option<Vec<Link>> {
    let mut lexer = Lexer::new(text, bash, 0);
    let mut links = Vec::new();
    let mut current: Option<Link> = None;
    loop {
        let token = lexer.token().ok()?;
        let range = lexer.range();
        match token {
            Token::End => break,
            Token::Operator("&&") => links.push(current.take()?),
            Token::Operator("|") => current.as_mut()?.words = None,
            Token::Operator(_) => return None,
            Token::Redirect => extend(&mut current, range).words = None,
            Token::Word(word) => {
                let certainty = certainty(&text[range.clone()], word.dynamic);
                let plain = String::from_utf8(word.text).ok().filter(|_| !word.assignment);
                let link = extend(&mut current, range.clone());
                match (plain, &mut link.words) {
                    (Some(text), Some(words)) => words.push(PlainWord { text, range, certainty }),
                    _ => link.words = None,
                }
            }
        }
    }
    links.push(current?);
    Some(links)
}

/// The command that a token belongs to, now reaching to its end.
fn extend(current: &mut Option<Link>, token: Range<usize>) -> &mut Link {
    let link = current.get_or_insert(Link { range: token.clone(), words: Some(Vec::new()) });
    link.range.end = token.end;
    link
}

fn certainty(raw: &[u8], dynamic: bool) -> Certainty {
    match raw.iter().any(|byte| b"$`{~\\'\"".contains(byte)) {
        _ if !dynamic => Certainty::Literal,
        true => Certainty::Unknown,
        false => Certainty::Pattern,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn links(text: &str) -> Option<Vec<(&str, Option<usize>)>> {
        let links = list(text.as_bytes(), false)?;
        Some(links.into_iter().map(|link| (&text[link.range], link.words.map(|words| words.len()))).collect())
    }

    #[test]
    fn commands_are_cut_where_they_are_joined() {
        assert_eq!(links("a b  && c"), Some(vec![("a b", Some(2)), ("c", Some(1))]));
        assert_eq!(links(" a 'b && c' # d && e"), Some(vec![("a 'b && c'", Some(2))]));
        assert_eq!(links("a $(b && c) && d"), Some(vec![("a $(b && c)", Some(2)), ("d", Some(1))]));
        assert_eq!(links("a | b && c"), Some(vec![("a | b", None), ("c", Some(1))]));
        assert_eq!(links("X=1 a && b >c"), Some(vec![("X=1 a", None), ("b >c", None)]));
        for other in ["a; b", "a || b", "a &", "(a)", "a &&", "&& a", "", "a 'b"] {
            assert_eq!(links(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_word_becomes_is_known_or_not() {
        let words = list(b"a 'b*' c*.d $e \"$f\" g\\ h {i,j} ~ \"k\"*", false).unwrap().remove(0).words.unwrap();
        let known: String = words
            .iter()
            .map(|word| match word.certainty {
                Certainty::Literal => 'L',
                Certainty::Pattern => 'P',
                Certainty::Unknown => 'U',
            })
            .collect();
        assert_eq!(known, "LLPUULUUU");
        assert_eq!((words[1].text.as_str(), words[5].text.as_str()), ("b*", "g h"));
    }
}
