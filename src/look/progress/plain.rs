//! A line for each thing that happens. Each begins with the number of its step, as in `BuildKit`'s plain progress:
//!
//! ```text
//! #2 [build 2/5] RUN make
//! #2 0.312 cc -o app app.c
//! #2 DONE 1.2s
//! #3 [build 3/5] RUN make check
//! #3 CACHED
//! ```

use std::{io::Write, time::Duration};

use strata_builder::{Error, Event};

use super::{
    face::{self, Face, Success},
    lines,
    steps::{Steps, clock, title, took},
};
use crate::look::{
    palette::{ERROR, FAINT, WARNING},
    snippet, text,
};

/// Lines go out whole, so that nothing else gets between their parts, and those that come together in one write.
pub(super) struct Plain<'a, W> {
    out: W,
    /// `None` for a part of a build, which knows nothing of the Dockerfile.
    source: Option<snippet::Source<'a>>,
    explain: bool,
    steps: Steps,
}

impl<'a, W: Write> Plain<'a, W> {
    pub(super) fn new(out: W, source: Option<snippet::Source<'a>>, explain: bool) -> Self {
        Self { out, source, explain, steps: Steps::default() }
    }

    pub(super) fn into_inner(self) -> W {
        self.out
    }

    fn line(&mut self, line: &str) {
        self.write(&format!("{line}\n"));
    }

    /// A progress that cannot be shown stops no build.
    fn write(&mut self, lines: &str) {
        let _ = self.out.write_all(lines.as_bytes());
    }

    /// A step begins of which only the output is shown.
    pub(super) fn begin(&mut self, number: usize, at: Duration) {
        self.steps.start(number, at);
    }

    /// Shows what a step printed and did not end its line after.
    pub(super) fn flush(&mut self, number: usize, at: Duration) {
        let step = self.steps.get(number);
        let age = step.age(at);
        let mut lines = String::new();
        for stderr in [false, true] {
            step.stream(stderr).flush(&mut |line| lines.push_str(&said(number, age, line)));
        }
        self.write(&lines);
    }
}

impl<W: Write + Send> Face for Plain<'_, W> {
    fn show(&mut self, event: &Event<'_>, at: Duration) {
        match event {
            Event::Diagnostic(diagnostic) => {
                if let Some(source) = &self.source {
                    snippet::print(source, diagnostic);
                }
            }
            Event::Note(note) => self.line(&face::note(note)),
            Event::StepStarted { number, total, stage, text } => {
                self.steps.start(*number, at);
                self.line(&title(stage, *number, *total, text));
            }
            Event::StepCached { number } => {
                self.steps.get(*number).is_cached = true;
                self.line(&format!("#{number} {FAINT}CACHED{FAINT:#}"));
            }
            Event::StepMissed { number, reasons } if self.explain => {
                for reason in face::reasons(*number, reasons) {
                    self.line(&reason);
                }
            }
            Event::Output { number, stderr, bytes } => {
                let step = self.steps.get(*number);
                let age = step.age(at);
                let mut lines = String::new();
                step.stream(*stderr).push(bytes, &mut |line| lines.push_str(&said(*number, age, line)));
                self.write(&lines);
            }
            Event::StepDone { number, elapsed } => {
                self.flush(*number, at);
                if !self.steps.end(*number).is_cached {
                    self.line(&format!("#{number} {FAINT}DONE {}{FAINT:#}", took(*elapsed)));
                }
            }
            Event::StepFailed { number } => {
                self.flush(*number, at);
                self.steps.end(*number);
                self.line(&format!("#{number} {ERROR}ERROR{ERROR:#}"));
            }
            Event::StepStopped { number } => {
                self.flush(*number, at);
                self.steps.end(*number);
                self.line(&format!("#{number} {WARNING}CANCELED{WARNING:#}"));
            }
            Event::Shell { number, begins: true } => {
                self.flush(*number, at);
                self.line(face::SHELL);
            }
            _ => {}
        }
    }

    fn warned(&mut self, warnings: usize) {
        self.line(&face::warned(warnings));
    }

    fn succeed(&mut self, success: &Success<'_>, _at: Duration) {
        self.line(&success.line());
    }

    fn fail(&mut self, error: &Error, at: Duration) -> String {
        for number in self.steps.running() {
            self.show(&Event::StepStopped { number }, at);
        }
        self.source.as_ref().map(|source| face::explain(error, source)).unwrap_or_default()
    }
}

/// A line of a step's output.
fn said(number: usize, age: Duration, line: &[u8]) -> String {
    format!("#{number} {} {}\n", clock(age), text::output(lines::without_end(line)))
}

#[cfg(test)]
mod tests;
