//! A terminal: finished steps are a line each, with their time; below them the running ones, with the last lines of their
//! output.
//!
//! ```text
//! CACHED #1 [1/4] FROM busybox
//!   0.4s #2 [2/4] RUN make deps
//!   3.1s #3 [3/4] RUN make              ⠹
//!        │ cc -c a.c
//!        │ cc -c b.c
//! ```

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use strata_builder::{Error, Event};

use super::{
    face::{self, Face, Success},
    kept::Kept,
    lines::{Lines, without_end},
    steps::{title, took},
};
use crate::look::{
    palette::{ERROR, FAINT, GOOD, WARNING},
    say, snippet, text,
};

/// Lines of a running step's output that are shown.
const TAIL: usize = 6;
/// Between two looks of what moves.
const TICK: Duration = Duration::from_millis(100);
/// What stands before a running step's output.
const MARGIN: &str = "       │ ";

pub(super) struct Live<'a> {
    source: snippet::Source<'a>,
    explain: bool,
    bars: MultiProgress,
    running: BTreeMap<usize, Running>,
}

/// A step under way.
struct Running {
    title: String,
    is_cached: bool,
    kept: Kept,
    bar: ProgressBar,
    tail: Tail,
}

impl<'a> Live<'a> {
    pub(super) fn new(source: snippet::Source<'a>, explain: bool) -> Self {
        let bars = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
        Self { source, explain, bars, running: BTreeMap::new() }
    }

    fn started(&mut self, number: usize, title: String, at: Duration) {
        let (_, width) = size();
        let bar = ProgressBar::no_length().with_style(style());
        let bar = self.bars.add(bar);
        let plain = anstream::adapter::strip_str(&title).to_string();
        bar.set_prefix(text::ellipsis(&plain, width.saturating_sub(MARGIN.len())));
        bar.enable_steady_tick(TICK);
        let kept = Kept::new(number, at);
        self.running.insert(number, Running { title, is_cached: false, kept, bar, tail: Tail::default() });
    }

    fn output(&mut self, event: &Event<'_>, number: usize, stderr: bool, bytes: &[u8], at: Duration) {
        // what all of them show must fit on the terminal, with a line left
        let (height, width) = size();
        let shown = (height.saturating_sub(1) / self.running.len().max(1)).saturating_sub(1).min(TAIL);
        if let Some(running) = self.running.get_mut(&number) {
            running.kept.add(event, at);
            running.tail.push(stderr, bytes);
            running.bar.set_message(running.tail.shown(shown, width));
        }
    }

    fn end(&mut self, number: usize) -> Option<Running> {
        let running = self.running.remove(&number)?;
        running.bar.finish_and_clear();
        self.bars.remove(&running.bar);
        Some(running)
    }

    fn done(&mut self, number: usize, elapsed: Duration) {
        let Some(running) = self.end(number) else { return };
        let (time, title) = (took(elapsed), &running.title);
        if running.is_cached {
            self.line(&format!("{GOOD}CACHED{GOOD:#} {title}"));
        } else {
            self.line(&format!("{FAINT}{time:>6}{FAINT:#} {title}"));
        }
    }

    fn failed(&mut self, number: usize, at: Duration) {
        let Some(running) = self.end(number) else { return };
        self.line(&format!("{ERROR}FAILED{ERROR:#} {}", running.title));
        self.bars.suspend(|| running.kept.tell(at));
    }

    /// What it printed explains nothing, and is not shown.
    fn stopped(&mut self, number: usize) {
        let Some(running) = self.end(number) else { return };
        self.line(&format!("{WARNING}CANCELED{WARNING:#} {}", running.title));
    }

    /// A line above what moves.
    fn line(&self, line: &str) {
        self.bars.suspend(|| say(line));
    }
}

impl Face for Live<'_> {
    fn show(&mut self, event: &Event<'_>, at: Duration) {
        match event {
            Event::Diagnostic(diagnostic) => self.bars.suspend(|| snippet::print(&self.source, diagnostic)),
            Event::Note(note) => self.line(&face::note(note)),
            Event::StepStarted { number, total, stage, text } => {
                self.started(*number, title(stage, *number, *total, text), at);
            }
            Event::StepCached { number } => {
                if let Some(running) = self.running.get_mut(number) {
                    running.is_cached = true;
                }
            }
            Event::StepMissed { number, reasons } if self.explain => {
                for reason in face::reasons(*number, reasons) {
                    self.line(&reason);
                }
            }
            Event::Output { number, stderr, bytes } => self.output(event, *number, *stderr, bytes, at),
            Event::StepDone { number, elapsed } => self.done(*number, *elapsed),
            Event::StepFailed { number } => self.failed(*number, at),
            Event::StepStopped { number } => self.stopped(*number),
            Event::Shell { number, begins: true } => {
                self.failed(*number, at);
                // what moves would write into the shell
                let _ = self.bars.clear();
                self.bars.set_draw_target(ProgressDrawTarget::hidden());
                say(face::SHELL);
            }
            Event::Shell { begins: false, .. } => self.bars.set_draw_target(ProgressDrawTarget::stderr()),
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
        let running: Vec<usize> = self.running.keys().copied().collect();
        for number in running {
            self.show(&Event::StepStopped { number }, at);
        }
        face::explain(error, &self.source)
    }

    fn settle(&mut self) {
        for (_, running) in std::mem::take(&mut self.running) {
            running.bar.finish_and_clear();
        }
        // the terminal may be gone
        let _ = self.bars.clear();
    }
}

/// The last lines that a step printed.
#[derive(Debug, Default)]
struct Tail {
    lines: VecDeque<String>,
    out: Lines,
    err: Lines,
    /// The last line is one that a progress bar overwrites.
    is_overwritten: bool,
}

impl Tail {
    fn push(&mut self, stderr: bool, bytes: &[u8]) {
        let Self { lines, out, err, is_overwritten } = self;
        let stream = if stderr { err } else { out };
        stream.push(bytes, &mut |line| {
            if *is_overwritten {
                lines.pop_back();
            }
            *is_overwritten = line.ends_with(b"\r");
            lines.push_back(printable(line));
            if lines.len() > TAIL {
                lines.pop_front();
            }
        });
    }

    /// The last `number` lines, each on a line of its own; among them those that have no end yet.
    fn shown(&self, number: usize, width: usize) -> String {
        let unfinished = [&self.out, &self.err].map(Lines::pending).into_iter().filter(|line| !line.is_empty());
        let lines: Vec<String> = self.lines.iter().cloned().chain(unfinished.map(printable)).collect();
        let shown = &lines[lines.len().saturating_sub(number)..];
        let room = width.saturating_sub(MARGIN.chars().count());
        let with_margin = |line: &String| format!("\n{FAINT}{MARGIN}{}{FAINT:#}", text::ellipsis(line, room));
        shown.iter().map(with_margin).collect::<Vec<_>>().concat()
    }
}

/// A line as text without colours, of which a terminal shows as many columns as it has characters, where they are narrow.
fn printable(line: &[u8]) -> String {
    let line = text::output(without_end(line)).replace('\t', "    ");
    anstream::adapter::strip_str(&line).to_string()
}

/// A running step: its time, its name, and below them what [`Tail::shown`] gives.
fn style() -> ProgressStyle {
    let template = ProgressStyle::with_template("{seconds} {prefix} {spinner}{msg}");
    template.unwrap_or_else(|_| ProgressStyle::default_spinner()).with_key(
        "seconds",
        |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            // a formatter that fails shows nothing
            let _ = write!(out, "{:>6}", took(state.elapsed()));
        },
    )
}

/// Lines and columns of the terminal.
fn size() -> (usize, usize) {
    match rustix::termios::tcgetwinsize(std::io::stderr()) {
        Ok(size) if size.ws_row > 0 && size.ws_col > 0 => (size.ws_row.into(), size.ws_col.into()),
        _ => (24, 80),
    }
}

#[cfg(test)]
mod tests {
    use super::Tail;

    fn shown(chunks: &[(bool, &str)], number: usize, width: usize) -> String {
        let mut tail = Tail::default();
        for (stderr, chunk) in chunks {
            tail.push(*stderr, chunk.as_bytes());
        }
        anstream::adapter::strip_str(&tail.shown(number, width)).to_string()
    }

    #[test]
    fn the_last_lines_are_shown_and_cut_to_the_terminal() {
        let text = "line 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\nline 9\n";
        assert_eq!(shown(&[(false, text)], 2, 80), "\n       │ line 8\n       │ line 9");
        assert_eq!(shown(&[(false, text)], 1, 14), "\n       │ line…");
        assert_eq!(shown(&[(false, text)], 0, 80), "");
    }

    #[test]
    fn a_line_without_an_end_is_shown_and_a_progress_bar_overwrites_itself() {
        assert_eq!(shown(&[(false, "one\ndots...")], 6, 80), "\n       │ one\n       │ dots...");
        assert_eq!(shown(&[(true, "10%\r20%\r30%\rdone\n")], 6, 80), "\n       │ done");
    }

    #[test]
    fn colours_and_control_characters_do_not_reach_the_moving_part() {
        assert_eq!(shown(&[(false, "\u{1b}[31mred\u{1b}[2J\n")], 6, 80), "\n       │ red\\u{1b}[2J");
    }
}
