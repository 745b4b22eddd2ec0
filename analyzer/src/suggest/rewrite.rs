//! The edit that makes one RUN of several.
//!
//! ```text
//! # why a               # why a
//! RUN a                 # why b
//! LABEL l=1             RUN a \
//! # why b        ─►      && b
//! RUN b                 LABEL l=1
//! ```
//!
//! The merged RUN stands where the first one stood, whose text stays to the byte: what builders keep in their caches for
//! the lines before it stays valid, and what moves up moves only over instructions that write metadata, which no command
//! can see. The comments above each RUN come to stand above the chain, where those find them who look above an instruction;
//! those within a command stay where they are.

use std::collections::BTreeMap;

use strata_dockerfile::{
    Dockerfile, Kind, ShellOrExec, Span, Spanned,
    check::comments_above,
    edit::{self, Edit},
};

use super::{
    Recipe,
    comments::{Comments, is_check, line_start, put_above},
    segment::Run,
};

/// Gives the edits, and the file as they leave it; or says why there are none. `flags` follow the keyword, `more` the last
/// command.
///
/// The edited file is read again: its commands must be the ones that were there, and all else must be as it was.
pub(super) fn edits(
    recipe: &Recipe<'_>,
    runs: &[Run<'_>],
    flags: &str,
    more: &str,
) -> Result<(Vec<Edit>, Vec<u8>), String> {
    if checks(recipe, runs) > 1 {
        return Err("of the comments above its RUNs that turn off checks the first alone would count".to_owned());
    }
    let mut edits = write(recipe, runs).ok_or("its text is not UTF-8")?;
    let apply = |edits: &[Edit]| edit::apply(recipe.source, edits).map_err(|overlap| overlap.to_string());
    let after = apply(&edits)?;
    if !reads_back(recipe, runs, &after) {
        return Err("the chained command would not read back as it was meant".to_owned());
    }
    if flags.is_empty() && more.is_empty() {
        return Ok((edits, after));
    }
    if let Some(main) = edits.first_mut() {
        main.replacement.push_str(more);
    }
    let keyword = runs.first().map(|run| run.instruction.keyword.span.end).filter(|_| !flags.is_empty());
    edits.extend(keyword.map(|at| Edit { span: Span { start: at, end: at }, replacement: flags.to_owned() }));
    let after = apply(&edits)?;
    if strata_dockerfile::parse(&after).has_errors() {
        return Err("the chained command would not read back as it was meant".to_owned());
    }
    Ok((edits, after))
}

/// How many of the RUNs have comments that turn off checks.
fn checks(recipe: &Recipe<'_>, runs: &[Run<'_>]) -> usize {
    let comments = runs.iter().filter_map(|run| Comments::above(recipe, run.index));
    comments.filter(|comments| comments.own.iter().any(|comment| is_check(comment.value))).count()
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
    let (mut apart, mut own) = (Vec::new(), Vec::new());
    let mut before = first.index;
    for (run, isolated) in links {
        let comments = Comments::above(recipe, run.index)?;
        let follows = before + 1 == run.index;
        before = run.index;
        if follows {
            apart.extend(comments.apart);
        }
        let first = comments.own.first().map_or(run.instruction.span.start, |comment| comment.span.start);
        own.extend(comments.own.into_iter().map(|comment| comment.value));
        let text = command(recipe, run)?;
        main.replacement.push_str(&continuation);
        main.replacement.push_str(" && ");
        main.replacement.push_str(&if isolated { isolate(run, text) } else { text.to_owned() });

        let end = after_newline(recipe.source, run.instruction.span.end);
        match removals.last_mut() {
            Some(removal) if follows => removal.span.end = end,
            None if follows => main.span.end = run.span.start + text.len(),
            _ => {
                removals.push(Edit {
                    span: Span { start: line_start(recipe.source, first), end },
                    replacement: String::new(),
                });
            }
        }
    }
    let mut edits = vec![main];
    edits.extend(put_above(recipe, first.index, &apart, &own)?);
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
    same && expected.next().is_none() && !parsed.has_errors() && comments_read_back(recipe, runs, after, &parsed.file)
}

/// Whether the comments above the chain are those of all its RUNs, and all others stand where they stood.
fn comments_read_back(recipe: &Recipe<'_>, runs: &[Run<'_>], after: &[u8], file: &Dockerfile) -> bool {
    // an instruction of the edited file, by its place in the original one
    let chained: Vec<usize> = runs.iter().skip(1).map(|run| run.index).collect();
    let kept: Vec<usize> = (0..recipe.file.instructions.len()).filter(|index| !chained.contains(index)).collect();
    let values = |comments: Vec<Spanned<&str>>| comments.into_iter().map(|it| it.value.to_owned()).collect::<Vec<_>>();
    let mut expected: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (index, comments) in comments_above(recipe.source, recipe.file) {
        let index = if chained.contains(&index) { runs[0].index } else { index };
        expected.entry(index).or_default().extend(values(comments));
    }
    let found = comments_above(after, file).into_iter();
    found
        .map(|(index, comments)| (kept.get(index).copied(), values(comments)))
        .eq(expected.into_iter().map(|(index, comments)| (Some(index), comments)))
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
