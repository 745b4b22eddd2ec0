//! A build with its progress shown, which signals stop.

use anyhow::Result;
use strata_builder::{Event, Watcher};
use strata_dockerfile::Diagnostic;

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
    /// Told when the build is over.
    warnings: Vec<Diagnostic>,
    /// What to do when a process fails.
    shell: Option<String>,
}

impl<'a> Shown<'a> {
    /// `explain`: whether it is told why steps were not in the cache.
    pub(crate) fn new(request: &'a Request, mode: Mode, explain: bool, signals: &Signals) -> Result<Self> {
        let source = snippet::Source::new(&request.dockerfile, &request.options.dockerfile);
        let progress = Progress::new(mode, explain, source)?;
        Ok(Self { progress, signals: signals.clone(), warnings: Vec::new(), shell: None })
    }

    /// Advises who sees a process fail.
    pub(crate) fn advise(&mut self, shell: String) {
        self.shell = Some(shell);
    }

    /// Takes what the checks found: warnings stay for the end. Errors, and warnings where the Dockerfile wants none, are told
    /// at once, and end with status 1.
    pub(crate) fn check(&mut self, diagnostics: Vec<Diagnostic>, failure: Option<&str>) -> Result<()> {
        let stop = |source| Err(Failure { status: Status::No, source }.into());
        if diagnostics.iter().any(Diagnostic::is_error) {
            let rest = self.progress.fail(&strata_builder::Error::Dockerfile { diagnostics });
            return stop(anyhow::anyhow!(rest));
        }
        self.warnings = diagnostics;
        let Some(failure) = failure else {
            return Ok(());
        };
        self.warn();
        stop(anyhow::anyhow!("{failure}\nhint: `strata check` shows them; `# check=error=true` asks for this"))
    }

    /// Tells what the checks warn of, once.
    pub(crate) fn warn(&mut self) {
        self.progress.warn(&std::mem::take(&mut self.warnings));
    }

    /// Runs something that builds. Its failures are shown, and end with status 1; a signal that stopped it, with its own.
    pub(crate) fn build<T>(&mut self, build: impl FnOnce(Watcher<'_>) -> strata_builder::Result<T>) -> Result<T> {
        use strata_builder::Error;
        let progress = &mut self.progress;
        let outcome = build(&mut |event| match event {
            // the checks say the same, and more
            Event::Diagnostic(_) => {}
            event => progress.show(&event),
        });
        outcome.map_err(|mut error| {
            if let Some(stopped) = self.signals.failure() {
                self.progress.settle();
                return stopped.into();
            }
            if let Error::Step { hint: hint @ None, has_shell: true, .. } = &mut error {
                hint.clone_from(&self.shell);
            }
            self.warn();
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
