//! RUN: one process in a container on the step's root filesystem.

use std::{
    ffi::OsString,
    io::{self, Write as _},
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::fs::PermissionsExt as _,
    },
    path::{Path, PathBuf},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};
use strata_dockerfile::{self as dockerfile, Run as Instruction, ShellOrExec};
use strata_image::{ChainId, config::DEFAULT_PATH};
use strata_runtime::{
    process::{self, Bind, Exit, Network, Spec, Stdio},
    user::{self, User},
};
use tempfile::{NamedTempFile, TempPath};

use crate::{
    cause::Cause,
    key::{CacheKey, KeyWriter},
    state::State,
    step::{Scope, Step},
};

/// What a build step's `hostname` says, as in `BuildKit`.
const HOSTNAME: &str = "buildkitsandbox";
/// Where the body of a heredoc that begins with `#!` can be executed, as in `BuildKit`.
const SCRIPT_DIR: &str = "/dev/pipes";
/// Bytes read at once from a step's output.
const OUTPUT_CHUNK: usize = 32 * 1024;

/// A RUN with everything that its process gets.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) args: Vec<String>,
    /// `NAME=VALUE`.
    pub(crate) env: Vec<String>,
    /// Not in the key: they change nothing about the result.
    pub(crate) proxies: Vec<String>,
    pub(crate) cwd: String,
    /// The config's user, empty for root.
    pub(crate) user: String,
    pub(crate) network: Network,
    pub(crate) script: Option<Script>,
}

/// A heredoc that begins with `#!`: it is a program.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Script {
    pub(crate) name: String,
    pub(crate) content: String,
}

/// What a RUN instruction executes: its arguments, and the script that they name.
pub(crate) fn command_line(run: &Instruction, shell: &[String]) -> (Vec<String>, Option<Script>) {
    let in_shell = |command: String| shell.iter().cloned().chain([command]).collect();
    match (run.script(), &run.command) {
        (Some(dockerfile::Script::File { name, content }), _) => {
            let script = Script { name: name.to_owned(), content: content.to_owned() };
            (in_shell(format!("{SCRIPT_DIR}/{name}")), Some(script))
        }
        (Some(dockerfile::Script::Text(text)), _) => (in_shell(text.into_owned()), None),
        (None, ShellOrExec::Exec(words)) => (words.iter().map(|word| word.value.clone()).collect(), None),
        (None, ShellOrExec::Shell(text)) => (in_shell(text.value.clone()), None),
    }
}

/// History's text of a RUN: the ARGs so far, counted, then the arguments.
pub(crate) fn history_text(args: &[String], state: &State) -> String {
    let mut shown: Vec<(&str, String)> = Vec::new();
    for arg in &state.args {
        if shown.iter().any(|(name, _)| *name == arg.name) {
            continue;
        }
        let value = state.vars.lookup(&arg.name).unwrap_or_default();
        shown.push((&arg.name, format!("{}={value}", arg.name)));
    }
    let mut words = Vec::new();
    if !shown.is_empty() {
        words.push(format!("|{}", shown.len()));
    }
    words.extend(shown.into_iter().map(|(_, line)| line));
    words.extend(args.iter().cloned());
    format!("RUN {} # buildkit", words.join(" "))
}

impl Step for Run {
    fn key(&self, parent: Option<ChainId>) -> Result<CacheKey, Cause> {
        let mut key = KeyWriter::on("run", parent);
        key.list(&self.args).list(&self.env);
        key.field(self.cwd.as_bytes()).field(self.user.as_bytes());
        key.field(match self.network {
            Network::Host => b"host",
            Network::None => b"none",
        });
        key.optional(self.script.as_ref().map(|script| script.name.as_bytes()));
        key.optional(self.script.as_ref().map(|script| script.content.as_bytes()));
        Ok(key.finish())
    }

    fn run(&self, scope: &mut Scope<'_>) -> Result<(), Cause> {
        let user = self.resolve_user(scope)?;
        let script = self
            .script
            .as_ref()
            .map(|script| write_script(script, scope.partial))
            .transpose()
            .map_err(|source| Cause::Host { operation: "write the script of a heredoc", source })?;
        let binds = match (&self.script, &script) {
            (Some(script), Some(file)) => vec![Bind {
                source: file.to_path_buf(),
                destination: PathBuf::from(SCRIPT_DIR).join(&script.name),
                read_only: true,
            }],
            _ => Vec::new(),
        };
        let spec = Spec {
            args: self.args.iter().map(OsString::from).collect(),
            env: self.environment(&user),
            cwd: PathBuf::from(&self.cwd),
            user,
            hostname: HOSTNAME.to_owned(),
            network: self.network,
            binds,
            read_only: false,
            hosts: true,
            stdio: Stdio::Piped,
            forward_signals: false,
        };
        let command = self.args.join(" ");
        let mut running = process::start(scope.root, &spec).map_err(|error| not_started(command.clone(), error))?;
        if let Some((out, err)) = running.take_output() {
            relay(out, err, scope.output)
                .map_err(|source| Cause::Host { operation: "read the output of a step", source })?;
        }
        match running.wait()? {
            Exit::Code(0) => Ok(()),
            Exit::Code(code) => Err(Cause::Exit { command, code: code.into() }),
            Exit::Signal(signal) => Err(Cause::Signal { command, signal }),
        }
    }
}

impl Run {
    fn resolve_user(&self, scope: &Scope<'_>) -> Result<User, Cause> {
        let text = if self.user.is_empty() { "0" } else { &self.user };
        let mut user =
            user::resolve(scope.root, text).map_err(|source| Cause::User { text: text.to_owned(), source })?;
        if self.user.is_empty() {
            // only a USER that is named gets the groups of the image
            user.groups.clear();
        }
        Ok(user)
    }

    fn environment(&self, user: &User) -> Vec<OsString> {
        let mut env = self.env.clone();
        let has = |env: &[String], name: &str| {
            env.iter().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))
        };
        for line in &self.proxies {
            let name = line.split('=').next().unwrap_or_default();
            if !has(&env, name) {
                env.push(line.clone());
            }
        }
        if !has(&env, "PATH") {
            env.push(format!("PATH={DEFAULT_PATH}"));
        }
        if !has(&env, "HOME") {
            env.push(format!("HOME={}", user.home));
        }
        env.into_iter().map(OsString::from).collect()
    }
}

fn not_started(command: String, source: strata_runtime::Error) -> Cause {
    match source {
        strata_runtime::Error::Exec { status, .. } => Cause::NotExecuted { command, code: status.into(), source },
        source => Cause::Start { command, source },
    }
}

/// A file is closed before it is executed: one that is open for writing cannot be.
fn write_script(script: &Script, dir: &Path) -> io::Result<TempPath> {
    let mut file = NamedTempFile::new_in(dir)?;
    file.write_all(script.content.as_bytes())?;
    file.flush()?;
    let readable_by_all = std::fs::Permissions::from_mode(0o755);
    file.as_file().set_permissions(readable_by_all)?;
    Ok(file.into_temp_path())
}

/// Passes both streams on as they come, until both are closed.
fn relay(out: OwnedFd, err: OwnedFd, output: &mut dyn FnMut(bool, &[u8])) -> io::Result<()> {
    let mut streams = vec![(false, out), (true, err)];
    let mut buffer = vec![0; OUTPUT_CHUNK];
    while !streams.is_empty() {
        let ready: Vec<bool> = {
            let mut polled: Vec<PollFd<'_>> =
                streams.iter().map(|(_, fd)| PollFd::from_borrowed_fd(fd.as_fd(), PollFlags::IN)).collect();
            match poll(&mut polled, None) {
                Err(Errno::INTR) => continue,
                result => result?,
            };
            polled.iter().map(|fd| !fd.revents().is_empty()).collect()
        };
        let mut closed = Vec::new();
        for (index, (is_stderr, fd)) in streams.iter().enumerate() {
            if !ready[index] {
                continue;
            }
            match rustix::io::read(fd, &mut buffer) {
                Ok(0) => closed.push(index),
                Ok(read) => output(*is_stderr, &buffer[..read]),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        for index in closed.into_iter().rev() {
            streams.remove(index);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
