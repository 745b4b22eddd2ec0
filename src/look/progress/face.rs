//! What every face can show.

use std::time::Duration;

use strata_analyzer::size_text;
use strata_builder::{Error, Event};
use strata_dockerfile::Span;

use crate::look::{
    palette::{FAINT, WARNING},
    snippet, text,
};

/// What `--debug-shell` says when it opens one.
pub(super) const SHELL: &str = "a shell in the state before the step; `exit` ends it";

/// One way to show a build. `at` is the time since it began.
pub(super) trait Face: Send {
    fn show(&mut self, event: &Event<'_>, at: Duration);

    /// Says how many warnings were shown.
    fn warned(&mut self, _warnings: usize) {}

    fn succeed(&mut self, success: &Success<'_>, at: Duration);

    /// Gives what is left to say.
    fn fail(&mut self, error: &Error, at: Duration) -> String;

    fn settle(&mut self) {}
}

/// What a build made.
#[derive(Debug)]
pub(crate) struct Success<'a> {
    pub(crate) id: &'a str,
    pub(crate) names: &'a [String],
    /// Of all layers, as they are stored.
    pub(crate) bytes: u64,
}

impl Success<'_> {
    /// The line for people.
    pub(super) fn line(&self) -> String {
        let names = self.names.join(", ");
        let named = if names.is_empty() { String::new() } else { format!("{names}  ") };
        format!("built {named}{}  {}", self.id, size_text(self.bytes))
    }
}

/// A step that failed, in words.
pub(super) struct Failed<'a> {
    /// What happened and why, in one line.
    pub(super) message: String,
    pub(super) span: Span,
    pub(super) hint: Option<&'a str>,
}

impl<'a> Failed<'a> {
    /// `None` for other errors than that of a step.
    pub(super) fn of(error: &'a Error) -> Option<Self> {
        let Error::Step { message, span, hint, source, .. } = error else {
            return None;
        };
        let first = source.as_deref().map(|cause| cause as &dyn std::error::Error);
        let causes = std::iter::successors(first, |cause| cause.source());
        let message = causes.fold(message.clone(), |message, cause| format!("{message}: {cause}"));
        Some(Self { message, span: *span, hint: hint.as_deref() })
    }
}

/// Shows an error to people, as snippets where it has a place in the Dockerfile.
pub(super) fn explain(error: &Error, source: &snippet::Source<'_>) -> String {
    if let Error::Dockerfile { diagnostics } = error {
        for diagnostic in diagnostics {
            snippet::print(source, diagnostic);
        }
        return format!("{} cannot be built", source.name);
    }
    if let Some(Failed { message, span, hint }) = Failed::of(error) {
        snippet::print_failure(source, &message, span, hint);
        return "the build stopped at this step".to_owned();
    }
    String::new()
}

/// How many warnings there are, in docker's words.
pub(super) fn warned(warnings: usize) -> String {
    format!("{WARNING}{} found{WARNING:#}", text::count(warnings, "warning"))
}

/// A note as a line.
pub(super) fn note(note: &str) -> String {
    format!("{FAINT}note: {}{FAINT:#}", text::safe(note))
}

/// Why a step was not in the cache, a line each.
pub(super) fn reasons(number: usize, reasons: &[String]) -> Vec<String> {
    let line = |reason: &String| format!("#{number} {WARNING}not cached:{WARNING:#} {}", text::safe(reason));
    reasons.iter().map(line).collect()
}
