//! Exit statuses, the same for every command but `run`.

use std::{ffi::OsString, process::ExitCode};

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// Done, or the answer is yes.
    Yes,
    /// The answer is no: images differ, a Dockerfile has errors, a build step failed.
    No,
    /// The question could not be answered: usage, bad input, environment.
    Trouble,
    /// `run`: the process's own status, or docker's 125, 126, 127. A build that a signal stopped: 128 and its number.
    Process(u8),
}

/// docker's status for what fails before a command of `run` is executed.
pub(crate) const ENGINE_FAILED: u8 = 125;

/// An error that carries the exit status it must lead to, where that is not [`Status::Trouble`].
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: Status,
    pub(crate) source: anyhow::Error,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.source.fmt(f)
    }
}

impl std::error::Error for Failure {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.source()
    }
}

impl Status {
    /// The status that an error leads to.
    pub(crate) fn of_error(error: &anyhow::Error) -> Self {
        error.downcast_ref::<Failure>().map_or(Self::Trouble, |failure| failure.status)
    }

    /// The status that an error in the command line, or a wish for help, leads to. `run` keeps docker's statuses apart from
    /// those of the command that it runs.
    pub(crate) fn of_usage(usage: &clap::Error, words: impl IntoIterator<Item = OsString>) -> Self {
        if !usage.use_stderr() {
            return Self::Yes;
        }
        let mut words = words.into_iter().skip(1);
        let command = loop {
            match words.next() {
                Some(word) if word == "--root" => drop(words.next()),
                Some(word) if word.as_encoded_bytes().starts_with(b"-") => {}
                command => break command,
            }
        };
        if command.is_some_and(|command| command == "run") { Self::Process(ENGINE_FAILED) } else { Self::Trouble }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Yes => 0,
            Status::No => 1,
            Status::Trouble => 2,
            Status::Process(code) => code,
        })
    }
}
