//! The command of a RUN cut into its parts, each at its place in the source, and the edit that leaves some of them out.
//!
//! ```text
//! RUN a \              a  ─┐
//!     # why b              ├─ without b ─►  RUN a
//!     && b             b  ─┘
//! ```

use strata_dockerfile::{Kind, Span, edit::Edit};

use super::{
    Recipe,
    comments::{Comments, line_start},
    rewrite::after_newline,
    segment::Run,
    shell::{self, PlainWord},
};

/// A RUN whose command is a list joined by `&&`.
pub(super) struct Parts<'a> {
    pub(super) run: Run<'a>,
    pub(super) list: Vec<Part>,
}

/// One command of the list.
pub(super) struct Part {
    /// Where it stands in the source.
    pub(super) span: Span,
    /// Its words, their places in the source too; `None` where it is more than one simple command.
    pub(super) words: Option<Vec<PlainWord>>,
}

impl<'a> Parts<'a> {
    /// Cuts the command of a RUN, or says why it cannot be.
    pub(super) fn of(recipe: &Recipe<'a>, index: usize) -> Result<Self, String> {
        let instruction = &recipe.file.instructions[index];
        let Kind::Run(words) = &instruction.kind else {
            return Err(format!("line {} is no RUN", instruction.lines.0));
        };
        let (run, _) = Run::read(recipe, index, instruction, words)?;
        match cut(recipe, &run) {
            Some(list) => Ok(Self { run, list }),
            None => Err(format!("the RUN of line {} is no plain list of commands joined by `&&`", instruction.lines.0)),
        }
    }

    /// The edits that leave parts out; the whole instruction goes when none is kept.
    pub(super) fn without(&self, recipe: &Recipe<'_>, gone: &[bool]) -> Vec<Edit> {
        let removal = |start, end| Edit { span: Span { start, end }, replacement: String::new() };
        if gone.iter().all(|gone| *gone) {
            let Span { start, end } = self.run.instruction.span;
            let own = removal(line_start(recipe.source, start), after_newline(recipe.source, end));
            let comments = Comments::above(recipe, self.run.index);
            return comments.iter().flat_map(|it| it.without_options(recipe)).chain([own]).collect();
        }
        let mut edits = Vec::new();
        let mut kept: Option<&Part> = None;
        let mut at = 0;
        while at < self.list.len() {
            if !gone[at] {
                kept = Some(&self.list[at]);
                at += 1;
                continue;
            }
            let first = at;
            at += gone[at..].iter().take_while(|gone| **gone).count();
            // the `&&` goes that joined what is gone: the one before it, or, at the start, the one after it
            edits.extend(match (kept, self.list.get(at)) {
                (Some(kept), _) => Some(removal(kept.span.end, self.list[at - 1].span.end)),
                (None, Some(next)) => Some(removal(self.list[first].span.start, next.span.start)),
                (None, None) => None,
            });
        }
        edits
    }
}

fn cut(recipe: &Recipe<'_>, run: &Run<'_>) -> Option<Vec<Part>> {
    if !run.body.and_list {
        return None;
    }
    let source = recipe.source.get(run.span.start..run.span.end)?;
    let links = shell::list(&blank_continuations(source, recipe.file.escape)?, run.bash)?;
    // the words in their places must be those that the shell is given
    let meant = shell::list(run.command.as_bytes(), run.bash)?;
    let texts = |words: &Option<Vec<PlainWord>>| {
        words.as_ref().map(|words| words.iter().map(|word| word.text.clone()).collect::<Vec<_>>())
    };
    if !links.iter().map(|link| texts(&link.words)).eq(meant.iter().map(|link| texts(&link.words))) {
        return None;
    }
    let at = run.span.start;
    let parts = links.into_iter().map(|link| {
        let words = link.words.map(|words| {
            let moved = |word: PlainWord| PlainWord { range: word.range.start + at..word.range.end + at, ..word };
            words.into_iter().map(moved).collect()
        });
        Part { span: Span { start: link.range.start + at, end: link.range.end + at }, words }
    });
    Some(parts.collect())
}

/// The source of a command with every continuation, and the comment and empty lines among them, as blanks: each word
/// stays where it is.
fn blank_continuations(source: &[u8], escape: char) -> Option<Vec<u8>> {
    let escape = u8::try_from(escape).ok()?;
    let mut text = Vec::with_capacity(source.len());
    let mut lines = source.split_inclusive(|&byte| byte == b'\n').enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let content = line.trim_ascii();
        let start = text.len();
        text.extend_from_slice(line);
        if number > 0 && (content.is_empty() || content.starts_with(b"#")) {
            text[start..].fill(b' ');
        } else if let Some(before) = line.trim_ascii_end().strip_suffix(&[escape]) {
            text[start + before.len()..].fill(b' ');
        } else if lines.peek().is_some() {
            return None;
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::blank_continuations;

    #[test]
    fn words_stay_where_they_are() {
        for (source, expected) in [
            ("a && b", Some("a && b")),
            ("a \\\n && b", Some("a    && b")),
            ("a \\  \r\n # c\n\n && b", Some("a             && b")),
            ("a `\n && b", None),
        ] {
            let blank = blank_continuations(source.as_bytes(), '\\');
            assert_eq!(blank.as_deref(), expected.map(str::as_bytes), "{source:?}");
        }
        assert_eq!(blank_continuations(b"a `\n && b", '`').as_deref(), Some(&b"a    && b"[..]));
    }
}
