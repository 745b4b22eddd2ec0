//! Suppressions in comments of a Dockerfile, each about the layer of the instruction below it:
//!
//! ```text
//! # strata ignore=A3,B7 the manuals are what this image is for
//! RUN apt-get install -y man-db
//! ```

use std::fmt;

use strata_dockerfile::{Diagnostic, Dockerfile, Severity, Span, check::comments_above, suggest::nearest};

use super::{Note, Resolved, number, numbers};
use crate::{Result, findings::Level};

/// The one word that means something behind `strata`.
const WORD: &str = "ignore";

/// What a comment that begins with `strata` says.
enum Said<'a> {
    Ignore { rules: Vec<&'a str>, reason: &'a str },
    Mistake(Mistake<'a>),
}

/// A comment that would suppress something, were it written so that it means it.
struct Mistake<'a> {
    /// What it has instead of `ignore=`.
    written: &'a str,
    /// The rules that it most likely is about.
    rules: Option<&'a str>,
}

impl fmt::Display for Mistake<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}` suppresses nothing", self.written)
    }
}

impl Mistake<'_> {
    fn help(&self) -> String {
        match self.rules {
            Some(rules) => format!("did you mean `# strata {WORD}={rules}`?"),
            None => format!("`# strata {WORD}=RULE,RULE REASON` does"),
        }
    }
}

/// The suppressions in comments of a Dockerfile, for the layers that its instructions made, and what is wrong with others.
///
/// # Errors
/// [`crate::Error::UnknownRule`].
pub(crate) fn in_comments(
    name: &str,
    source: &[u8],
    file: &Dockerfile,
    steps: &[Option<usize>],
) -> Result<(Vec<Resolved>, Vec<Note>)> {
    let (mut found, mut notes) = (Vec::new(), Vec::new());
    let (mut line, mut at) = (1, 0);
    for (instruction, span, said) in said(source, file) {
        line += source[at..span.start].split(|&byte| byte == b'\n').count() - 1;
        at = span.start;
        let by = format!("{name}:{line}");
        match said {
            Said::Mistake(mistake) => {
                notes.push(Note { level: Level::Warning, by, message: format!("{mistake}; {}", mistake.help()) });
            }
            Said::Ignore { rules, reason } => {
                let what = format!("`{WORD}={}`", rules.join(","));
                let rules: Vec<String> = rules.into_iter().map(str::to_owned).collect();
                let layers = steps.iter().enumerate().filter(|(_, step)| **step == Some(instruction));
                found.push(Resolved {
                    rules: numbers(&rules, &by)?,
                    paths: None,
                    layers: Some(layers.map(|(layer, _)| layer).collect()),
                    reason: reason.to_owned(),
                    by,
                    what,
                    is_comment: true,
                });
            }
        }
    }
    Ok((found, notes))
}

/// What is wrong with the comments of a Dockerfile that suppress findings.
pub fn comment_problems(source: &[u8], file: &Dockerfile) -> Vec<Diagnostic> {
    let problem = |span, message, help| Diagnostic {
        severity: Severity::Warning,
        code: "invalid-suppression",
        message,
        span,
        label: None,
        help,
    };
    let mut problems = Vec::new();
    for (_, span, said) in said(source, file) {
        match said {
            Said::Mistake(mistake) => problems.push(problem(span, mistake.to_string(), Some(mistake.help()))),
            Said::Ignore { rules, .. } => problems.extend(rules.iter().filter_map(|rule| {
                let nearest = number(rule).err()?.map(|nearest| format!("did you mean {nearest}?"));
                Some(problem(span, format!("there is no rule {rule:?}"), nearest))
            })),
        }
    }
    problems
}

/// Whether a comment, from its `#` on, is meant to suppress findings.
pub(crate) fn is_suppression(comment: &str) -> bool {
    comment.strip_prefix('#').is_some_and(|text| read(text.trim()).is_some())
}

/// Every comment that is meant for strata, with the number of the instruction below it and its place.
fn said<'a>(source: &'a [u8], file: &Dockerfile) -> Vec<(usize, Span, Said<'a>)> {
    let above = comments_above(source, file).into_iter();
    above
        .flat_map(|(instruction, comments)| {
            comments.into_iter().filter_map(move |comment| Some((instruction, comment.span, read(comment.value)?)))
        })
        .collect()
}

/// Reads a comment; `None` where it is prose. What begins as a suppression and is none is a mistake: it would be silent.
fn read(comment: &str) -> Option<Said<'_>> {
    let rest = comment.strip_prefix("strata")?;
    let (colon, rest) = rest.strip_prefix(':').map_or((false, rest), |rest| (true, rest));
    if !colon && !rest.starts_with(char::is_whitespace) {
        return None;
    }
    let rest = rest.trim_start();
    let end = rest.find(|c: char| c.is_whitespace() || matches!(c, '=' | ':')).unwrap_or(rest.len());
    let (word, value) = rest.split_at(end);
    if let Some(value) = value.strip_prefix('=').filter(|_| word == WORD && !colon) {
        let (list, reason) = value.split_once(char::is_whitespace).unwrap_or((value, ""));
        let rules: Vec<&str> = list.split(',').collect();
        if rules.iter().all(|rule| !rule.is_empty()) {
            return Some(Said::Ignore { rules, reason: reason.trim() });
        }
    }
    let is_assigned = value.trim_start().starts_with(['=', ':']);
    let list = value.trim_start().trim_start_matches(['=', ':']).split_whitespace().next();
    let rules = list.map(|list| list.trim_matches(',')).filter(|list| list.split(',').all(|rule| number(rule).is_ok()));
    let is_near = word.eq_ignore_ascii_case(WORD) || nearest(&word.to_ascii_lowercase(), &[WORD]).is_some();
    let is_meant = word == WORD || is_near && (is_assigned || rules.is_some()) || value.starts_with('=');
    let written = &comment[..comment.len() - value.len()];
    is_meant.then_some(Said::Mistake(Mistake { written, rules }))
}

#[cfg(test)]
mod tests {
    use super::{Said, read};

    #[test]
    fn what_is_meant_for_strata_is_told_from_prose() {
        let told = |comment: &str| match read(comment) {
            None => "prose".to_owned(),
            Some(Said::Ignore { rules, reason }) => format!("{} {reason}", rules.join("+")),
            Some(Said::Mistake(mistake)) => format!("{mistake}; {}", mistake.help()),
        };
        let does = "`# strata ignore=RULE,RULE REASON` does";
        for (comment, expected) in [
            ("strata ignore=A3,deleted-file it is  known ", "A3+deleted-file it is  known"),
            ("strata  ignore=A3", "A3 "),
            ("strata ignore=none-such", "none-such "),
            ("strata ingore=A7", "`strata ingore` suppresses nothing; did you mean `# strata ignore=A7`?"),
            ("strata ignore A4", "`strata ignore` suppresses nothing; did you mean `# strata ignore=A4`?"),
            ("strata ignore: A4 why", "`strata ignore` suppresses nothing; did you mean `# strata ignore=A4`?"),
            ("strata: ignore=A4", "`strata: ignore` suppresses nothing; did you mean `# strata ignore=A4`?"),
            ("strata ignore = A4,B7", "`strata ignore` suppresses nothing; did you mean `# strata ignore=A4,B7`?"),
            ("strata Ignore=A4", "`strata Ignore` suppresses nothing; did you mean `# strata ignore=A4`?"),
            ("strata ignore=A4, B7", "`strata ignore` suppresses nothing; did you mean `# strata ignore=A4`?"),
            ("strata ignore=", &format!("`strata ignore` suppresses nothing; {does}")),
            ("strata ignore", &format!("`strata ignore` suppresses nothing; {does}")),
            ("strata skip=all", &format!("`strata skip` suppresses nothing; {does}")),
            ("strata builds this", "prose"),
            ("strata ignored A3 here", "`strata ignored` suppresses nothing; did you mean `# strata ignore=A3`?"),
            ("strata ignores this", "prose"),
            ("strata: see the docs", "prose"),
            ("stratagem ignore=A3", "prose"),
            ("strata", "prose"),
            ("check=skip=all", "prose"),
        ] {
            assert_eq!(told(comment), expected, "{comment}");
        }
    }
}
