//! RUN, CMD, ENTRYPOINT and SHELL: commands in shell or exec form.

use super::{Json, Reader, Takes, json};
use crate::{Heredoc, Network, Run, ShellOrExec, Spanned, joined::Part, mount::RunMount};

const RUN_FLAGS: &[(&str, Takes)] =
    &[("mount", Takes::Values), ("network", Takes::Value), ("security", Takes::Value), ("device", Takes::Values)];

impl Reader<'_, '_, '_> {
    /// RUN. Without a command it is an error: BuildKit runs an empty one, which no one wants.
    pub(super) fn run(&mut self, heredocs: Vec<Heredoc>) -> Option<Run> {
        let flags = self.flags(RUN_FLAGS);
        let command = self.command(self.args());
        let empty = match &command {
            Some(ShellOrExec::Shell(text)) => text.value.is_empty(),
            Some(ShellOrExec::Exec(words)) => words.is_empty(),
            None => false,
        };
        if empty {
            return self.wrong_arguments("requires a command");
        }
        let flags = flags?;
        let mut mounts = Vec::new();
        for text in flags.list("mount") {
            mounts.push(RunMount::read(&text, self.escape, self.diagnostics)?);
        }
        let network = match flags.given("network") {
            None => None,
            Some(mode) => Some(Spanned {
                value: match mode.value.as_str() {
                    "default" => Network::Default,
                    "none" => Network::None,
                    "host" => Network::Host,
                    other => {
                        let message = format!("invalid network mode {other:?}");
                        return self.fail("invalid-flag-value", mode.span, message);
                    }
                },
                span: mode.span,
            }),
        };
        let security = flags.given("security");
        if let Some(mode) = &security
            && !matches!(mode.value.as_str(), "sandbox" | "insecure")
        {
            let message = format!("security {:?} is not valid", mode.value);
            return self.fail("invalid-flag-value", mode.span, message);
        }
        Some(Run {
            command: command?,
            command_span: self.args().span(),
            heredocs,
            mounts,
            network,
            security,
            device: flags.list("device"),
        })
    }

    /// CMD and ENTRYPOINT.
    pub(super) fn command_without_flags(&mut self) -> Option<ShellOrExec> {
        let flags = self.flags(&[]);
        let command = self.command(self.args());
        flags.and(command)
    }

    /// SHELL, which has the exec form only.
    pub(super) fn shell(&mut self) -> Option<Vec<Spanned<String>>> {
        let flags = self.flags(&[]);
        match self.command(self.args())? {
            ShellOrExec::Exec(words) if !words.is_empty() => flags.map(|_| words),
            ShellOrExec::Shell(text) if !text.value.is_empty() => {
                self.wrong_arguments("requires the arguments to be in JSON form")
            }
            _ => self.wrong_arguments("requires at least one argument"),
        }
    }

    pub(super) fn command(&mut self, text: Part<'_>) -> Option<ShellOrExec> {
        match json::read(text) {
            Json::Strings(words) => Some(ShellOrExec::Exec(words)),
            Json::OtherElement(span) => self.not_strings(span),
            Json::No => {
                self.warn_of_broken_json(text, "the shell gets it as it stands");
                Some(ShellOrExec::Shell(text.to_spanned()))
            }
        }
    }
}
