//! Nothing, until something fails.

use std::{collections::BTreeMap, time::Duration};

use strata_builder::{Error, Event};

use super::{
    face::{self, Face, Success},
    kept::Kept,
    steps::title,
};
use crate::look::{say, snippet};

pub(super) struct Quiet<'a> {
    source: snippet::Source<'a>,
    running: BTreeMap<usize, Running>,
}

/// A step under way.
struct Running {
    title: String,
    kept: Kept,
}

impl<'a> Quiet<'a> {
    pub(super) fn new(source: snippet::Source<'a>) -> Self {
        Self { source, running: BTreeMap::new() }
    }
}

impl Face for Quiet<'_> {
    fn show(&mut self, event: &Event<'_>, at: Duration) {
        match event {
            Event::StepStarted { number, total, stage, text } => {
                let running = Running { title: title(stage, *number, *total, text), kept: Kept::new(*number, at) };
                self.running.insert(*number, running);
            }
            Event::Output { number, .. } => {
                if let Some(running) = self.running.get_mut(number) {
                    running.kept.add(event, at);
                }
            }
            Event::StepDone { number, .. } | Event::StepStopped { number } => drop(self.running.remove(number)),
            Event::StepFailed { number } => {
                if let Some(running) = self.running.remove(number) {
                    say(&running.title);
                    running.kept.tell(at);
                }
            }
            Event::Shell { number, begins: true } => {
                self.show(&Event::StepFailed { number: *number }, at);
                say(face::SHELL);
            }
            _ => {}
        }
    }

    fn succeed(&mut self, _success: &Success<'_>, _at: Duration) {}

    fn fail(&mut self, error: &Error, _at: Duration) -> String {
        self.running.clear();
        face::explain(error, &self.source)
    }
}
