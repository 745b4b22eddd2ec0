//! A build with its progress shown, which signals stop.

use anyhow::Result;
use strata_builder::{Event, Watcher};

use super::input::Request;
use crate::{
    exit::{Failure, Status},
    look::{
        progress::{Mode, Progress, Success},
        snippet,
    },
    signals::Signals,
};

/// A build, or several of one Dockerfile.
pub(crate) struct Shown<'a> {
    progress: Progress<'a>,
    signals: Signals,
}

impl<'a> Shown<'a> {
    /// `explain`: whether it is told why steps were not in the cache.
    pub(crate) fn new(request: &'a Request, mode: Mode, explain: bool, signals: &Signals) -> Result<Self> {
        let source = snippet::Source::new(&request.dockerfile, &request.options.dockerfile);
        Ok(Self { progress: Progress::new(mode, explain, source)?, signals: signals.clone() })
    }

    /// Runs something that builds. Its failures are shown, and end with status 1; a signal that stopped it, with its own.
    pub(crate) fn build<T>(&mut self, build: impl FnOnce(Watcher<'_>) -> strata_builder::Result<T>) -> Result<T> {
        use strata_builder::Error;
        let progress = &mut self.progress;
        let outcome = build(&mut |event| progress.show(&event));
        outcome.map_err(|error| {
            if let Some(stopped) = self.signals.failure() {
                self.progress.settle();
                return stopped.into();
            }
            let rest = self.progress.fail(&error);
            match error {
                Error::Dockerfile { .. } | Error::Step { .. } => {
                    Failure { status: Status::No, source: anyhow::anyhow!(rest) }.into()
                }
                error => error.into(),
            }
        })
    }

    /// Says something once.
    pub(crate) fn note(&mut self, note: &str) {
        self.progress.show(&Event::Note(note));
    }

    /// Says what was built.
    pub(crate) fn succeed(&mut self, success: &Success<'_>) {
        self.progress.succeed(success);
    }
}
