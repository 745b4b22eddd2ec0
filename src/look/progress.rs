//! What a build shows while it runs, on standard error: a line a step, the step's output below it. On a terminal a spinner
//! names the step that is running; elsewhere nothing moves.

use std::{io::Write, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use strata_builder::Event;

use super::{palette::FAINT, snippet, text};

/// What the builder calls the stage of a Dockerfile that has one and does not name it: nothing to tell stages apart by.
const ONLY_STAGE: &str = "stage-0";

/// Shows the events of one build.
pub(crate) struct Progress<'a> {
    source: snippet::Source<'a>,
    quiet: bool,
    spinner: ProgressBar,
    /// The last output did not end its line.
    open_line: bool,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(source: snippet::Source<'a>, quiet: bool) -> Self {
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        let spinner = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} {elapsed}") {
            spinner.set_style(style);
        }
        Self { source, quiet, spinner, open_line: false }
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, event: &Event<'_>) {
        match event {
            Event::Diagnostic(diagnostic) if !self.quiet => self.above(|this| snippet::print(&this.source, diagnostic)),
            Event::Note(note) if !self.quiet => {
                self.above(|_| anstream::eprintln!("{FAINT}{}{FAINT:#}", text::safe(note)));
            }
            Event::StepStarted { number, total, stage, text } => self.started(*number, *total, stage, text),
            Event::StepCached { .. } if !self.quiet => {
                self.above(|_| anstream::eprintln!("      {FAINT}cached{FAINT:#}"));
            }
            Event::Output { bytes, .. } if !self.quiet => self.output(bytes),
            Event::StepDone { elapsed, .. } if !self.quiet => self.done(*elapsed),
            _ => {}
        }
    }

    /// Takes the spinner away; what follows is printed by others.
    pub(crate) fn finish(mut self) {
        self.end_line();
        self.spinner.finish_and_clear();
    }

    fn started(&mut self, number: usize, total: usize, stage: &str, instruction: &str) {
        if self.quiet {
            return;
        }
        let first = text::safe(instruction.lines().next().unwrap_or_default());
        let stage = if stage == ONLY_STAGE { String::new() } else { format!("{stage} ") };
        let line = format!("[{stage}{number}/{total}] {first}");
        self.above(|_| anstream::eprintln!("{line}"));
        self.spinner.set_message(line);
        self.spinner.enable_steady_tick(Duration::from_millis(120));
    }

    fn output(&mut self, bytes: &[u8]) {
        let starts_line = !self.open_line;
        self.spinner.suspend(|| {
            let mut err = std::io::stderr().lock();
            let mut at_start = starts_line;
            for line in bytes.split_inclusive(|&byte| byte == b'\n') {
                let prefix: &[u8] = if at_start { b"      | " } else { b"" };
                // a step's output that cannot be shown does not stop the step
                let _ = err.write_all(prefix).and_then(|()| err.write_all(line));
                at_start = line.ends_with(b"\n");
            }
        });
        self.open_line = bytes.last().is_some_and(|&byte| byte != b'\n');
    }

    fn done(&mut self, elapsed: Duration) {
        self.above(|_| {
            if elapsed >= Duration::from_millis(10) {
                anstream::eprintln!("      {FAINT}{:.2}s{FAINT:#}", elapsed.as_secs_f64());
            }
        });
    }

    fn above(&mut self, print: impl FnOnce(&Self)) {
        self.end_line();
        self.spinner.suspend(|| print(self));
    }

    fn end_line(&mut self) {
        if std::mem::take(&mut self.open_line) {
            anstream::eprintln!();
        }
    }
}
