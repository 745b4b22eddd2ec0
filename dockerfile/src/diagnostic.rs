//! Problems of a Dockerfile: values with spans, which the binary draws as source snippets.

use crate::Span;

/// How bad a [`Diagnostic`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The file must not be built.
    Error,
    /// The file means something, but perhaps not what its author thinks.
    Warning,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the file can be built in spite of it.
    pub severity: Severity,
    /// Stable name of the kind of problem: in kebab case, or the name of the rule that found it ([`crate::check`]).
    pub code: &'static str,
    /// What is wrong, in one line; BuildKit's wording where users know it.
    pub message: String,
    /// Where.
    pub span: Span,
    /// A few words to stand under the span.
    pub label: Option<String>,
    /// What to do about it: `did you mean FROM?`
    pub help: Option<String>,
}

impl Diagnostic {
    /// Whether it forbids to build the file.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }

    pub(crate) fn error(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Error, code, message: message.into(), span, label: None, help: None }
    }

    pub(crate) fn warning(code: &'static str, span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(code, span, message) }
    }

    pub(crate) fn labelled(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }

    pub(crate) fn helped(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }
}
