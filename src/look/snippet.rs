//! Problems of a Dockerfile as source snippets.

use std::{borrow::Cow, io::IsTerminal};

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use strata_dockerfile::{Diagnostic, Severity, Span};

/// A Dockerfile as people see it: its name and its text (bytes that are not UTF-8 shown as replacement characters do not
/// move spans, for such a file is rejected before it has any).
pub(crate) struct Source<'a> {
    pub(crate) name: &'a str,
    pub(crate) text: &'a str,
}

/// Prints one diagnostic to standard error.
pub(crate) fn print(source: &Source<'_>, diagnostic: &Diagnostic) {
    let level = match diagnostic.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let label = diagnostic.label.as_deref();
    show(source, level, &diagnostic.message, diagnostic.span, label, diagnostic.help.as_deref());
}

/// Prints a step that failed, with its whole instruction.
pub(crate) fn print_failure(source: &Source<'_>, message: &str, span: Span, hint: Option<&str>) {
    show(source, Level::ERROR, message, span, None, hint);
}

fn show(source: &Source<'_>, level: Level<'_>, message: &str, span: Span, label: Option<&str>, help: Option<&str>) {
    let (name, text, message) = (without_c1(source.name), without_c1(source.text), without_c1(message));
    let (label, help) = (label.map(without_c1), help.map(without_c1));
    let range = span.start.min(text.len())..span.end.min(text.len());
    let mut annotation = AnnotationKind::Primary.span(range);
    if let Some(label) = &label {
        annotation = annotation.label(&**label);
    }
    let snippet = Snippet::source(&*text).path(&*name).annotation(annotation);
    let mut report: Vec<Group<'_>> = vec![level.primary_title(&*message).element(snippet)];
    if let Some(help) = &help {
        report.push(Group::with_title(Level::HELP.secondary_title(&**help)));
    }
    let renderer = if std::io::stderr().is_terminal() { Renderer::styled() } else { Renderer::plain() };
    anstream::eprintln!("{}", renderer.render(&report));
}

/// Replaces the control characters U+0080 to U+009F, which terminals obey too (U+009B is `ESC [`) and the renderer lets
/// through. The stand-in has two bytes as they have, so that spans stay where they are.
fn without_c1(text: &str) -> Cow<'_, str> {
    let is_c1 = |c: char| c.is_control() && !c.is_ascii();
    if text.contains(is_c1) { Cow::Owned(text.replace(is_c1, "·")) } else { Cow::Borrowed(text) }
}

#[cfg(test)]
mod tests {
    use super::without_c1;

    #[test]
    fn control_characters_beyond_ascii_are_replaced_and_move_no_span() {
        assert_eq!(without_c1("é\u{9b}31m\u{85}x"), "é·31m·x");
        assert_eq!(without_c1("é\u{9b}x").len(), "é\u{9b}x".len());
    }
}
