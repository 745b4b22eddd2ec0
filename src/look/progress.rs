//! What a build shows while it runs, on standard error, in one of four faces.
//!
//! | face | for |
//! |---|---|
//! | [`live`] | a terminal: finished steps are a line each, running ones move |
//! | [`plain`] | everything else: a line for each thing that happens, which begins with the number of its step |
//! | [`json`] | programs: a JSON object a line |
//! | [`quiet`] | nobody, until something fails |
//!
//! What a step prints is never lost: plain and json show it as it comes, the others keep it until the step is done, and show
//! all of it when it fails.

mod face;
mod json;
mod kept;
mod lines;
mod live;
mod plain;
mod quiet;
mod steps;

use std::{
    io::IsTerminal,
    time::{Duration, Instant},
};

use anyhow::{Result, bail};
use strata_builder::{Error, Event};
use strata_dockerfile::Diagnostic;

use self::face::Face;
pub(crate) use self::face::Success;
use super::snippet;

/// How the progress of a build is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Mode {
    /// `tty` on a terminal, else `plain`
    #[default]
    Auto,
    /// A line for each thing that happens, beginning with the number of its step
    Plain,
    /// Running steps with the last lines of their output, finished ones as one line
    Tty,
    /// A JSON object a line, described in docs/FORMATS.md
    #[value(alias = "rawjson")]
    Json,
    /// Nothing but errors
    #[value(alias = "none")]
    Quiet,
}

impl Mode {
    /// What `auto` stands for here.
    fn settled(self) -> Result<Self> {
        let can_move = std::io::stderr().is_terminal() && std::env::var_os("TERM").is_none_or(|term| term != "dumb");
        Ok(match self {
            Self::Auto if can_move => Self::Tty,
            Self::Auto => Self::Plain,
            Self::Tty if !can_move => {
                bail!("--progress tty needs a terminal, and standard error is none\nhint: --progress plain does not")
            }
            mode => mode,
        })
    }
}

/// Shows the events of one build, and how it ended.
pub(crate) struct Progress<'a> {
    begun: Instant,
    face: Box<dyn Face + 'a>,
}

impl<'a> Progress<'a> {
    /// `explain`: whether it is told why steps were not in the cache.
    pub(crate) fn new(mode: Mode, explain: bool, source: snippet::Source<'a>) -> Result<Self> {
        let face: Box<dyn Face + 'a> = match mode.settled()? {
            Mode::Auto | Mode::Plain => Box::new(plain::Plain::new(stderr(), Some(source), explain)),
            Mode::Tty => Box::new(live::Live::new(source, explain)),
            Mode::Json => Box::new(json::Json::new(std::io::stderr(), source)),
            Mode::Quiet => Box::new(quiet::Quiet::new(source)),
        };
        Ok(Self { begun: Instant::now(), face })
    }

    /// Shows one event.
    pub(crate) fn show(&mut self, event: &Event<'_>) {
        let at = self.elapsed();
        self.face.show(event, at);
    }

    /// Shows what the checks warn of, once the build is over.
    pub(crate) fn warn(&mut self, warnings: &[Diagnostic]) {
        for warning in warnings {
            self.show(&Event::Diagnostic(warning));
        }
        if !warnings.is_empty() {
            self.face.warned(warnings.len());
        }
    }

    /// Shows what the build made.
    pub(crate) fn succeed(&mut self, success: &Success<'_>) {
        let at = self.elapsed();
        self.face.succeed(success, at);
    }

    /// Shows why it failed, and gives what is left to say as the last line: empty where all is said.
    pub(crate) fn fail(&mut self, error: &Error) -> String {
        let at = self.elapsed();
        self.face.fail(error, at)
    }

    /// Takes away what moves. What follows is printed by others.
    pub(crate) fn settle(&mut self) {
        self.face.settle();
    }

    fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }
}

/// Says as JSON why nothing was built.
pub(crate) fn tell_error(error: &anyhow::Error) {
    json::tell_error(&mut std::io::stderr(), error);
}

/// Standard error, without colours where it does not want them.
fn stderr() -> anstream::AutoStream<std::io::Stderr> {
    anstream::AutoStream::auto(std::io::stderr())
}
