//! HEALTHCHECK: `NONE`, or flags and `CMD` with a command.

use std::time::Duration;

use super::{Flags, Reader, Takes};
use crate::{Healthcheck, ShellOrExec, duration};

const FLAGS: &[(&str, Takes)] = &[
    ("interval", Takes::Value),
    ("timeout", Takes::Value),
    ("start-period", Takes::Value),
    ("start-interval", Takes::Value),
    ("retries", Takes::Value),
];

const DURATIONS: [&str; 4] = ["interval", "timeout", "start-period", "start-interval"];

/// The shortest duration that is not zero; docker's daemon refuses shorter ones.
const SHORTEST: Duration = Duration::from_millis(1);

impl Reader<'_, '_, '_> {
    pub(super) fn healthcheck(&mut self) -> Option<Healthcheck> {
        let args = self.args();
        let end = args.text().find(char::is_whitespace).unwrap_or(args.text().len());
        let word = args.slice(0..end);
        let rest = args.from(end).trim();
        match word.text().to_ascii_uppercase().as_str() {
            "" => self.wrong_arguments("requires at least one argument"),
            "NONE" if !rest.is_empty() => {
                self.fail("wrong-arguments", rest.span(), "HEALTHCHECK NONE takes no arguments")
            }
            "NONE" => {
                self.ignored_flags();
                Some(Healthcheck::None)
            }
            "CMD" => {
                let flags = self.flags(FLAGS);
                let command = self.command(rest)?;
                let empty = match &command {
                    ShellOrExec::Shell(text) => text.value.is_empty(),
                    ShellOrExec::Exec(words) => words.is_empty(),
                };
                if empty {
                    let span = self.statement.span();
                    let message = "missing command after HEALTHCHECK CMD";
                    return self.fail("wrong-arguments", span, message);
                }
                let flags = flags?;
                self.check_values(&flags)?;
                Some(Healthcheck::Check {
                    command,
                    interval: flags.value("interval"),
                    timeout: flags.value("timeout"),
                    start_period: flags.value("start-period"),
                    start_interval: flags.value("start-interval"),
                    retries: flags.value("retries"),
                })
            }
            other => {
                let message = format!("unknown type {other:?} in HEALTHCHECK (try CMD)");
                self.fail("unknown-healthcheck", word.span(), message)
            }
        }
    }

    fn check_values(&mut self, flags: &Flags) -> Option<()> {
        let before = self.diagnostics.len();
        for name in DURATIONS {
            let Some(value) = flags.value(name) else {
                continue;
            };
            let problem = match duration::parse(&value.value) {
                Ok(duration) if duration < SHORTEST && !duration.is_zero() => {
                    format!("--{name} cannot be less than 1ms")
                }
                Ok(_) => continue,
                Err(error) => error.to_string(),
            };
            self.fail::<()>("invalid-flag-value", value.span, problem);
        }
        if let Some(retries) = flags.value("retries") {
            match retries.value.parse::<i32>() {
                Ok(0..) => {}
                Ok(negative) => {
                    let message = format!("--retries cannot be negative ({negative})");
                    self.fail::<()>("invalid-flag-value", retries.span, message);
                }
                Err(_) => {
                    let message = format!("--retries is not a number: {:?}", retries.value);
                    self.fail::<()>("invalid-flag-value", retries.span, message);
                }
            }
        }
        (self.diagnostics.len() == before).then_some(())
    }
}
