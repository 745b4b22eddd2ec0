//! The edit that makes one RUN of several.
//!
//! ```text
//! RUN a                 RUN a \
//! LABEL l=1             # why b
//! # why b        ─►      && b
//! RUN b                 LABEL l=1
//! ```
//!
//! The merged RUN stands where the first one stood, whose text stays to the byte: what builders keep in their caches for
//! the lines before it stays valid, and what moves up moves only over instructions that write metadata, which no command
//! can see. Comments between two RUNs stay between them; those right above a RUN that moves go with it.

use strata_dockerfile::{
    Kind, ShellOrExec, Span,
    edit::{self, Edit},
};

use super::{Recipe, segment::Run};

/// Gives the edits, and the file as they leave it; or says why there are none. `more` follows the last command.
///
/// The edited file is read again: its commands must be the ones that were there, and all else must be as it was.
pub(super) fn edits(recipe: &Recipe<'_>, runs: &[Run<'_>], more: &str) -> Result<(Vec<Edit>, Vec<u8>), String> {
    let mut edits = write(recipe, runs).ok_or("its text is not UTF-8")?;
    let apply = |edits: &[Edit]| edit::apply(recipe.source, edits).map_err(|overlap| overlap.to_string());
    let after = apply(&edits)?;
    if !reads_back(recipe, runs, &after) {
        return Err("the chained command would not read back as it was meant".to_owned());
    }
    let Some(main) = edits.first_mut().filter(|_| !more.is_empty()) else { return Ok((edits, after)) };
    main.replacement.push_str(more);
    let after = apply(&edits)?;
    if strata_dockerfile::parse(&after).has_errors() {
        return Err("the chained command would not read back as it was meant".to_owned());
    }
    Ok((edits, after))
}

/// Whether a command of a chain is given to a shell of its own, so that what it does to its shell ends with it.
///
/// A subshell, `( … )`, would not do: on the left of `&&` it ignores `set -e` (POSIX.1-2024, XCU 2.15, `set`).
fn is_isolated(run: &Run<'_>, last: bool) -> bool {
    !run.body.and_list || !last && (run.body.changes_shell || run.body.comment)
}

/// Each RUN with whether it is isolated.
fn links<'r, 'a>(runs: &'r [Run<'a>]) -> impl Iterator<Item = (&'r Run<'a>, bool)> {
    runs.iter().enumerate().map(|(number, run)| (run, is_isolated(run, number + 1 == runs.len())))
}

fn write(recipe: &Recipe<'_>, runs: &[Run<'_>]) -> Option<Vec<Edit>> {
    let mut links = links(runs);
    let (first, isolated) = links.next()?;
    let first_text = command(recipe, first)?;
    let end = first.span.start + first_text.len();
    let mut main = if isolated {
        Edit { span: Span { start: first.span.start, end }, replacement: isolate(first, first_text) }
    } else {
        Edit { span: Span { start: end, end }, replacement: String::new() }
    };
    let continuation = format!(" {}{}", recipe.file.escape, newline(&recipe.source[end..]));
    let mut removals: Vec<Edit> = Vec::new();
    let mut before = first.index;
    for (run, isolated) in links {
        let gap = Gap::before(recipe, run)?;
        let follows = before + 1 == run.index;
        before = run.index;
        let comments = if follows { gap.comments() } else { gap.comments_right_above() };
        let text = command(recipe, run)?;
        main.replacement.push_str(&continuation);
        for comment in &comments {
            main.replacement.push_str(comment);
        }
        main.replacement.push_str(" && ");
        main.replacement.push_str(&if isolated { isolate(run, text) } else { text.to_owned() });

        let end = after_newline(recipe.source, run.instruction.span.end);
        match removals.last_mut() {
            Some(removal) if follows => removal.span.end = end,
            None if follows => main.span.end = run.span.start + text.len(),
            _ => {
                let start = gap.end - gap.indent() - comments.iter().map(|comment| comment.len()).sum::<usize>();
                removals.push(Edit { span: Span { start, end }, replacement: String::new() });
            }
        }
    }
    let mut edits = vec![main];
    edits.extend(removals);
    Some(edits)
}

/// A RUN's command as it stands in the source, continuations and comments in it included.
fn command<'a>(recipe: &Recipe<'a>, run: &Run<'_>) -> Option<&'a str> {
    let bytes = recipe.source.get(run.span.start..run.span.end)?;
    std::str::from_utf8(bytes).ok().map(str::trim_end)
}

/// Gives a command's source text to a shell of its own. Comment lines are no part of the command, and stay as they are.
fn isolate(run: &Run<'_>, text: &str) -> String {
    let lines = text.split_inclusive('\n').enumerate();
    let quoted =
        lines.map(
            |(number, line)| {
                if number > 0 && line.trim_start().starts_with('#') { line.to_owned() } else { escape_quotes(line) }
            },
        );
    format!("{} '{}'", shell_words(run), quoted.collect::<String>())
}

fn escape_quotes(text: &str) -> String {
    text.replace('\'', r"'\''")
}

/// SHELL's words as a shell reads them back.
fn shell_words(run: &Run<'_>) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.+=:,@%".contains(&byte);
    let words = run.shell.iter().map(|word| {
        if !word.is_empty() && word.bytes().all(is_plain) { word.clone() } else { format!("'{}'", escape_quotes(word)) }
    });
    words.collect::<Vec<_>>().join(" ")
}

/// What stands between an instruction and a RUN after it: blank lines and comments.
struct Gap<'a> {
    text: &'a str,
    /// Where the RUN's keyword starts.
    end: usize,
}

impl<'a> Gap<'a> {
    fn before(recipe: &Recipe<'a>, run: &Run<'_>) -> Option<Self> {
        let start = recipe.file.instructions.get(run.index.checked_sub(1)?)?.span.end;
        let end = run.instruction.span.start;
        Some(Self { text: std::str::from_utf8(recipe.source.get(start..end)?).ok()?, end })
    }

    /// Whole lines, their ends included.
    fn lines(&self) -> impl DoubleEndedIterator<Item = &'a str> {
        self.text.split_inclusive('\n').filter(|line| line.ends_with('\n'))
    }

    fn comments(&self) -> Vec<&'a str> {
        self.lines().filter(|line| is_comment(line)).collect()
    }

    fn comments_right_above(&self) -> Vec<&'a str> {
        let mut comments: Vec<&str> = self.lines().rev().take_while(|line| is_comment(line)).collect();
        comments.reverse();
        comments
    }

    /// Bytes before the keyword on its own line.
    fn indent(&self) -> usize {
        self.text.len() - self.text.rfind('\n').map_or(0, |newline| newline + 1)
    }
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

/// How the first line of a text ends.
pub(super) fn newline(text: &[u8]) -> &'static str {
    let end = text.iter().position(|&byte| byte == b'\n');
    if end.is_some_and(|end| text[..end].ends_with(b"\r")) { "\r\n" } else { "\n" }
}

pub(super) fn after_newline(source: &[u8], place: usize) -> usize {
    let rest = &source[place..];
    let line = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |newline| newline + 1);
    if rest[..line].trim_ascii().is_empty() { place + line } else { place }
}

/// Whether the edited file says what the original said, with the runs chained.
fn reads_back(recipe: &Recipe<'_>, runs: &[Run<'_>], after: &[u8]) -> bool {
    let parsed = strata_dockerfile::parse(after);
    let merged = |index: usize| runs[1..].iter().any(|run| run.index == index);
    let mut expected = recipe.file.instructions.iter().enumerate().filter(|(index, _)| !merged(*index));
    let same = parsed.file.instructions.iter().all(|found| {
        expected.next().is_some_and(|(index, was)| {
            if index == runs[0].index {
                is_chain(&found.kind, runs) && found.flags.len() == was.flags.len()
            } else {
                found.original == was.original
            }
        })
    });
    same && expected.next().is_none() && !parsed.has_errors()
}

fn is_chain(kind: &Kind, runs: &[Run<'_>]) -> bool {
    let Kind::Run(found) = kind else { return false };
    let ShellOrExec::Shell(text) = &found.command else {
        return false;
    };
    let commands = links(runs).map(|(run, isolated)| {
        if isolated { format!("{} '{}'", shell_words(run), escape_quotes(run.command)) } else { run.command.to_owned() }
    });
    // a space stands before each continuation, and one after it
    found.heredocs.is_empty() && text.value.trim() == commands.collect::<Vec<_>>().join("  && ")
}
