//! Instructions that change the config and nothing else: what they do to it, and what history says of them.

use std::collections::BTreeMap;

use strata_dockerfile::{Healthcheck, Kind, Onbuild, Pair, ShellOrExec, Spanned, duration, expand};
use strata_image::config;

use crate::{
    cause::Cause,
    golang, port,
    state::{State, member},
    vars::{ArgSources, Vars, declare, word},
};

/// Applies one instruction. Gives its history text, or `None` for what leaves no entry.
/// Instructions that make layers are not for this function and do nothing.
pub(crate) fn apply(kind: &Kind, state: &mut State, sources: ArgSources<'_>) -> Result<Option<String>, Cause> {
    let escape = sources.escape;
    let text = match kind {
        Kind::Arg(decls) => {
            let mut shown = Vec::new();
            for decl in decls {
                let declared = declare(decl, sources, &state.vars)?;
                if let Some(value) = &declared.value {
                    state.vars.set(&declared.name, value.clone());
                }
                shown.push(declared.history.clone());
                state.args.push(declared);
            }
            format!("ARG {}", shown.join(" "))
        }
        Kind::Env(pairs) => {
            let pairs = expand_pairs(pairs, escape, &state.vars)?;
            let mut env = Vars::from_lines(state.config.env.as_deref().unwrap_or_default());
            for (name, value) in &pairs {
                state.vars.set(name, value.clone());
                env.set(name, value.clone());
            }
            state.config.env = Some(env.lines());
            format!("ENV {}", joined(&pairs))
        }
        Kind::Label(pairs) => {
            let pairs = expand_pairs(pairs, escape, &state.vars)?;
            state.config.labels.get_or_insert_default().extend(pairs.iter().cloned());
            format!("LABEL {}", joined(&pairs))
        }
        Kind::Expose(words) => {
            let mut ports = Vec::new();
            for spec in words {
                let expanded = expand::words(&spec.value, escape, &state.vars)
                    .map_err(|source| Cause::Expand { text: spec.value.clone(), source })?;
                for port in expanded {
                    ports.extend(port::parse(&port).map_err(|cause| cause.at(spec.span))?);
                }
            }
            ports.sort_unstable();
            ports.dedup();
            let exposed = state.config.exposed_ports.get_or_insert_default();
            exposed.extend(ports.iter().map(|port| (port.clone(), member())));
            format!("EXPOSE {}", golang::list(&ports))
        }
        Kind::Volume(words) => {
            let volumes = expand_words(words, escape, &state.vars)?;
            if volumes.iter().any(String::is_empty) {
                return Err(Cause::Value {
                    what: "VOLUME",
                    text: String::new(),
                    reason: "a volume's path can not be blank".to_owned(),
                });
            }
            let known = state.config.volumes.get_or_insert_default();
            known.extend(volumes.iter().map(|volume| (volume.clone(), member())));
            format!("VOLUME {}", golang::list(&volumes))
        }
        Kind::User(user) => {
            let user = word(user, escape, &state.vars)?;
            state.config.user = Some(user.clone());
            format!("USER {user}")
        }
        Kind::Cmd(command) => {
            let args = arguments(command, state);
            let text = format!("CMD {}", golang::quoted_list(&args));
            state.config.cmd = Some(args);
            state.config.args_escaped = Some(true);
            state.own_cmd = true;
            text
        }
        Kind::Entrypoint(command) => {
            let args = arguments(command, state);
            let text = format!("ENTRYPOINT {}", golang::quoted_list(&args));
            state.config.entrypoint = Some(args);
            if !state.own_cmd {
                state.config.cmd = None;
            }
            text
        }
        Kind::Shell(words) => {
            let shell: Vec<String> = words.iter().map(|word| word.value.clone()).collect();
            let text = format!("SHELL {}", golang::list(&shell));
            state.config.shell = Some(shell);
            text
        }
        Kind::StopSignal(signal) => {
            let signal = word(signal, escape, &state.vars)?;
            if !is_signal(&signal) {
                return Err(Cause::Value { what: "STOPSIGNAL", text: signal, reason: "no such signal".to_owned() });
            }
            state.config.stop_signal = Some(signal.clone());
            format!("STOPSIGNAL {signal}")
        }
        Kind::Maintainer(author) => {
            state.author = Some(author.value.clone());
            format!("MAINTAINER {}", author.value)
        }
        Kind::Healthcheck(check) => {
            let check = healthcheck(check)?;
            let text = healthcheck_text(&check);
            state.config.healthcheck = Some(check);
            text
        }
        Kind::Onbuild(Onbuild { trigger, .. }) => {
            state.config.on_build.get_or_insert_default().push(trigger.clone());
            return Ok(None);
        }
        Kind::From(_) | Kind::Run(_) | Kind::Copy(_) | Kind::Add(_) | Kind::Workdir(_) => {
            return Ok(None);
        }
    };
    Ok(Some(text))
}

/// All pairs see the variables as they were before the instruction.
fn expand_pairs(pairs: &[Pair], escape: char, vars: &Vars) -> Result<Vec<(String, String)>, Cause> {
    pairs
        .iter()
        .map(|pair| {
            let key = word(&pair.key, escape, vars)?;
            if key.is_empty() {
                return Err(Cause::Value {
                    what: "a name",
                    text: pair.key.value.clone(),
                    reason: "names can not be blank".to_owned(),
                });
            }
            Ok((key, word(&pair.value, escape, vars)?))
        })
        .collect()
}

fn expand_words(words: &[Spanned<String>], escape: char, vars: &Vars) -> Result<Vec<String>, Cause> {
    words.iter().map(|text| word(text, escape, vars)).collect()
}

fn joined(pairs: &[(String, String)]) -> String {
    let lines: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
    lines.join(" ")
}

fn arguments(command: &ShellOrExec, state: &State) -> Vec<String> {
    match command {
        ShellOrExec::Exec(words) => words.iter().map(|word| word.value.clone()).collect(),
        ShellOrExec::Shell(text) => state.shell().into_iter().chain([text.value.clone()]).collect(),
    }
}

fn healthcheck(check: &Healthcheck) -> Result<config::Healthcheck, Cause> {
    let Healthcheck::Check { command, interval, timeout, start_period, start_interval, retries } = check else {
        return Ok(config::Healthcheck { test: Some(vec!["NONE".to_owned()]), ..config::Healthcheck::default() });
    };
    let test = match command {
        ShellOrExec::Shell(text) => vec!["CMD-SHELL".to_owned(), text.value.clone()],
        ShellOrExec::Exec(words) => {
            std::iter::once("CMD".to_owned()).chain(words.iter().map(|word| word.value.clone())).collect()
        }
    };
    Ok(config::Healthcheck {
        test: Some(test),
        interval: flag_duration("--interval", interval.as_ref())?,
        timeout: flag_duration("--timeout", timeout.as_ref())?,
        start_period: flag_duration("--start-period", start_period.as_ref())?,
        start_interval: flag_duration("--start-interval", start_interval.as_ref())?,
        retries: flag_retries(retries.as_ref())?,
        other: BTreeMap::new(),
    })
}

/// Nanoseconds of a flag that the parser has checked.
fn flag_duration(what: &'static str, text: Option<&Spanned<String>>) -> Result<Option<i64>, Cause> {
    let Some(text) = text.filter(|text| !text.value.is_empty()) else {
        return Ok(None);
    };
    let invalid = |reason: String| Cause::Value { what, text: text.value.clone(), reason };
    let parsed = duration::parse(&text.value).map_err(|error| invalid(error.to_string()))?;
    let nanos = i64::try_from(parsed.as_nanos()).map_err(|_| invalid("it is too long".to_owned()))?;
    Ok(non_zero(nanos))
}

fn flag_retries(text: Option<&Spanned<String>>) -> Result<Option<i64>, Cause> {
    let Some(text) = text.filter(|text| !text.value.is_empty()) else {
        return Ok(None);
    };
    let retries = text.value.parse().map_err(|_| Cause::Value {
        what: "--retries",
        text: text.value.clone(),
        reason: "it must be a number".to_owned(),
    })?;
    Ok(non_zero(retries))
}

/// Zero means inherited, and is not written.
fn non_zero(value: i64) -> Option<i64> {
    (value != 0).then_some(value)
}

/// Go's `%q` of a pointer to the struct.
fn healthcheck_text(check: &config::Healthcheck) -> String {
    let time = |nanos: Option<i64>| golang::quote(&golang::duration(nanos.unwrap_or_default()));
    format!(
        "HEALTHCHECK &{{{} {} {} {} {} {}}}",
        golang::quoted_list(check.test.as_deref().unwrap_or_default()),
        time(check.interval),
        time(check.timeout),
        time(check.start_period),
        time(check.start_interval),
        golang::quote_rune(check.retries.unwrap_or_default()),
    )
}

/// Linux's names, as `kill -l` gives them.
const SIGNALS: [&str; 35] = [
    "ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE", "POLL",
    "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU", "URG", "USR1",
    "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN",
];

fn is_signal(text: &str) -> bool {
    if let Ok(number) = text.parse::<u32>() {
        return (1..=64).contains(&number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    let within = |prefix: &str, limit: u32| {
        name.strip_prefix(prefix)
            .and_then(|offset| offset.parse::<u32>().ok())
            .is_some_and(|offset| (1..=limit).contains(&offset))
    };
    SIGNALS.contains(&name) || name == "RTMAX" || within("RTMIN+", 15) || within("RTMAX-", 14)
}

#[cfg(test)]
mod tests;
