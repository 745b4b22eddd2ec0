//! Problems of a Dockerfile as source snippets.

use std::{borrow::Cow, io::IsTerminal};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use strata_dockerfile::{Diagnostic, Severity, Span};

use super::say;

/// A Dockerfile as people see it: its name and its text.
#[derive(Clone, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    text: Cow<'a, str>,
}

impl<'a> Source<'a> {
    pub(crate) fn new(name: &'a str, bytes: &'a [u8]) -> Self {
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => Cow::Owned(dockerfile(bytes)),
        };
        Self { name, text }
    }

    pub(crate) fn text(&self) -> &str {
        &self.text
    }

    /// The line, from 1, on which a place begins.
    pub(crate) fn line(&self, span: Span) -> usize {
        1 + self.text.bytes().take(span.start).filter(|&byte| byte == b'\n').count()
    }
}

/// Gives the text of a Dockerfile. Each byte that is no UTF-8 is shown by one that is, so that spans stay where they are.
fn dockerfile(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '?'));
    }
    text
}

/// Prints one diagnostic to standard error.
pub(crate) fn print(source: &Source<'_>, diagnostic: &Diagnostic) {
    say(&render(source, diagnostic, std::io::stderr().is_terminal()));
}

/// The text of one diagnostic, coloured or not.
pub(crate) fn render(source: &Source<'_>, diagnostic: &Diagnostic, styled: bool) -> String {
    let label = diagnostic.label.as_deref();
    let help = diagnostic.help.as_deref().map(|help| (Level::HELP, help));
    text(source, level(diagnostic), &diagnostic.message, diagnostic.span, label, help, styled)
}

fn level(diagnostic: &Diagnostic) -> Level<'static> {
    match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    }
}

/// Prints a step that failed, with its whole instruction.
pub(crate) fn print_failure(source: &Source<'_>, message: &str, span: Span, hint: Option<&str>) {
    let hint = hint.map(|hint| (Level::HELP.with_name("hint"), hint));
    say(&text(source, Level::ERROR, message, span, None, hint, std::io::stderr().is_terminal()));
}

/// How much of an instruction is shown, and of the line that it ends in: far more than anybody writes, and little enough that
/// a line of megabytes costs no minute.
const MAX_SHOWN: usize = 1 << 16;

fn text(
    source: &Source<'_>,
    level: Level<'_>,
    message: &str,
    span: Span,
    label: Option<&str>,
    help: Option<(Level<'_>, &str)>,
    styled: bool,
) -> String {
    let end = span.end.min(span.start.saturating_add(MAX_SHOWN));
    let shown = upto(&source.text, end.saturating_add(MAX_SHOWN));
    let (name, text, message) = (without_c1(source.name), without_c1(shown), without_c1(message));
    let (label, help) = (label.map(without_c1), help.map(|(level, help)| (level, without_c1(help))));
    let range = upto(&text, span.start).len()..upto(&text, end).len();
    let mut annotation = AnnotationKind::Primary.span(range);
    if let Some(label) = &label {
        annotation = annotation.label(&**label);
    }
    let snippet = Snippet::source(&*text).path(&*name).annotation(annotation);
    let mut report: Vec<Group<'_>> = vec![level.primary_title(&*message).element(snippet)];
    if let Some((level, help)) = &help {
        report.push(Group::with_title(level.clone().secondary_title(&**help)));
    }
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() };
    renderer.render(&report)
}

/// Gives the text before an offset, or before the character that the offset is inside of.
fn upto(text: &str, offset: usize) -> &str {
    let boundary = (0..=offset.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
    &text[..boundary.unwrap_or_default()]
}

/// Replaces the control characters U+0080 to U+009F, which terminals obey too (U+009B is `ESC [`) and the renderer lets
/// through. The stand-in has two bytes as they have, so that spans stay where they are.
fn without_c1(text: &str) -> Cow<'_, str> {
    let is_c1 = |c: char| c.is_control() && !c.is_ascii();
    if text.contains(is_c1) { Cow::Owned(text.replace(is_c1, "·")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::{dockerfile, upto, without_c1};

    #[test]
    fn bytes_that_are_no_text_move_no_span() {
        assert_eq!(dockerfile(b"a\xff\xc3\xa9\xe2\x82b"), "a?é??b");
    }

    #[test]
    fn no_character_is_cut() {
        assert_eq!(["", "a", "a", "aé", "aéb", "aéb"], [0, 1, 2, 3, 4, 9].map(|offset| upto("aéb", offset)));
    }

    #[test]
    fn control_characters_beyond_ascii_are_replaced_and_move_no_span() {
        assert_eq!(without_c1("é\u{9b}31m\u{85}x"), "é·31m·x");
        assert_eq!(without_c1("é\u{9b}x").len(), "é\u{9b}x".len());
    }
}
