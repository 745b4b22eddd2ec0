//! A whole file: logical lines one after another, each with its heredocs; then what only the file as
//! a whole can get wrong.

use crate::{
    Diagnostic, Dockerfile, Instruction, Span, directive, heredoc,
    instruction::{Place, Statement},
    lines, logical,
};

/// A logical line that was read, understood or not.
struct Found {
    /// Its keyword in upper case, or the one it was perhaps meant to be.
    name: String,
    span: Span,
    instruction: Option<Instruction>,
}

/// What one reading of a file gives: as much of it as could be understood, and all that is wrong
/// with it.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// The instructions that could be understood; those with errors are not among them.
    pub file: Dockerfile,
    /// In the order of the source.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// Whether any diagnostic is an error: the file must not be built then.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(Diagnostic::is_error)
    }
}

/// Reads a Dockerfile's bytes as BuildKit does. Never stops at the first problem.
///
/// Bytes that are not UTF-8 are errors in instructions and heredocs, since the image's config, which
/// is JSON, cannot carry them; in comments they are nothing.
pub fn parse(source: &[u8]) -> Parsed {
    let mut diagnostics = Vec::new();
    let (file, found) = read(source, &mut diagnostics);
    diagnostics.extend(missing_stage(source, &found));
    diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
    Parsed {
        file: Dockerfile { instructions: found.into_iter().filter_map(|found| found.instruction).collect(), ..file },
        diagnostics,
    }
}

/// Reads an ONBUILD trigger from a base image's config: one instruction, heredoc bodies included.
///
/// Spans index the trigger's text; its escape character is `\`.
///
/// # Errors
/// All problems of the text, when there is an error among them: BuildKit's, and FROM, ONBUILD and
/// MAINTAINER, which cannot be triggers.
pub fn parse_trigger(text: &str) -> Result<Instruction, Vec<Diagnostic>> {
    let mut diagnostics = Vec::new();
    let (_, mut found) = read(text.as_bytes(), &mut diagnostics);
    let all = Span { start: 0, end: text.len() };
    if found.len() != 1 {
        diagnostics.push(Diagnostic::error("invalid-trigger", all, "onbuild trigger should be a single expression"));
    } else if let Some(name @ ("FROM" | "ONBUILD" | "MAINTAINER")) = found.first().map(|found| found.name.as_str()) {
        diagnostics.push(Diagnostic::error(
            "invalid-trigger",
            all,
            format!("{name} isn't allowed as an ONBUILD trigger"),
        ));
    }
    match found.pop().and_then(|found| found.instruction) {
        Some(instruction) if !diagnostics.iter().any(Diagnostic::is_error) => Ok(instruction),
        _ => Err(diagnostics),
    }
}

/// Reads all logical lines; the file given has no instructions yet.
fn read(source: &[u8], diagnostics: &mut Vec<Diagnostic>) -> (Dockerfile, Vec<Found>) {
    let lines = lines::split(source, diagnostics);
    let directives = directive::read(source, &lines, diagnostics);
    let escape = directives.escape;
    let mut found = Vec::new();
    let mut index = 0;
    loop {
        let before = diagnostics.len();
        let Some(logical) = logical::read(source, &lines, index, escape, diagnostics) else {
            break;
        };
        index = logical.next;
        let statement = Statement::cut(logical.text.part(), escape);
        let mut heredocs = Vec::new();
        if statement.takes_heredocs(escape) {
            for marker in heredoc::markers(statement.line(), diagnostics) {
                let (body, next) = heredoc::read(source, &lines, index, marker, diagnostics);
                heredocs.push(body);
                index = next;
            }
        }
        let place = Place {
            end: lines[index - 1].end,
            lines: (line_number(logical.first), line_number(index - 1)),
            comments: logical.comments,
            continued: logical.continued,
        };
        let name = statement.meant().unwrap_or(statement.name()).to_owned();
        let span = statement.span();
        let instruction = statement
            .read(heredocs, place, escape, diagnostics)
            .filter(|_| !diagnostics[before..].iter().any(Diagnostic::is_error));
        found.push(Found { name, span, instruction });
    }
    let file = Dockerfile { escape, directives: directives.found, instructions: Vec::new() };
    (file, found)
}

fn line_number(index: usize) -> u32 {
    u32::try_from(index + 1).unwrap_or(u32::MAX)
}

/// Finds the error of a file without a stage, or of the first instruction before one.
fn missing_stage(source: &[u8], found: &[Found]) -> Option<Diagnostic> {
    let all = Span { start: 0, end: source.len() };
    if source.is_empty() {
        let message = "the Dockerfile cannot be empty";
        return Some(Diagnostic::error("empty-file", all, message));
    }
    if found.is_empty() {
        let message = "file with no instructions";
        return Some(Diagnostic::error("no-instructions", all, message));
    }
    match found.iter().find(|found| found.name != "ARG") {
        None => Some(Diagnostic::error("no-stages", all, "dockerfile contains no stages to build")),
        Some(first) if first.name == "FROM" => None,
        Some(first) => Some(
            Diagnostic::error("no-build-stage", first.span, "no build stage in current context")
                .labelled("only ARG may come before the first FROM"),
        ),
    }
}
