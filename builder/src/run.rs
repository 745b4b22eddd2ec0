//! RUN: one process in a container on the step's root filesystem.

mod agent;
mod cache_mount;
pub(crate) mod mounts;
mod relay;

use std::{
    ffi::OsString,
    io::{self, Write as _},
    os::{fd::BorrowedFd, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
};

use strata_dockerfile::{self as dockerfile, Run as Instruction, ShellOrExec};
use strata_image::config::DEFAULT_PATH;
use strata_runtime::{
    process::{self, Exit, Mount, MountSource, Network, Security, Spec, Stdio},
    user::{self, User},
};
use tempfile::{NamedTempFile, TempPath};

use crate::{
    cache::Cache, cancel::Cancel, cause::Cause, engine::Engine, inputs::Inputs, options::Options, stack::Stack,
    state::State,
};
use mounts::{Mounted, Prepared};

/// What a build step's `hostname` says, as in `BuildKit`.
const HOSTNAME: &str = "buildkitsandbox";
/// What `--debug-shell` opens: the one shell that images have.
const SHELL: &str = "/bin/sh";
/// Where the body of a heredoc that begins with `#!` can be executed, as in `BuildKit`.
const SCRIPT_DIR: &str = "/dev/pipes";
/// A RUN with everything that its process gets.
pub(crate) struct Run<'a> {
    pub(crate) args: Vec<String>,
    /// `NAME=VALUE`.
    pub(crate) env: Vec<String>,
    /// Not in the key: they change nothing about the result.
    pub(crate) proxies: Vec<String>,
    pub(crate) cwd: String,
    /// The config's user, empty for root.
    pub(crate) user: String,
    pub(crate) network: Network,
    pub(crate) security: Security,
    pub(crate) script: Option<Script>,
    pub(crate) mounts: Vec<Mounted<'a>>,
    /// `BUILDKIT_SANDBOX_HOSTNAME`, where the build has one.
    pub(crate) hostname: Option<String>,
}

/// What a RUN may use while it runs.
pub(crate) struct Scope<'s> {
    pub(crate) engine: &'s Engine,
    pub(crate) cache: &'s Cache,
    pub(crate) options: &'s Options,
    /// The root of the active snapshot.
    pub(crate) root: BorrowedFd<'s>,
    /// A directory for files that only live while the step runs.
    pub(crate) partial: &'s Path,
    /// Either stops the process.
    pub(crate) stop: [&'s Cancel; 2],
    /// Takes what the process says; `true`: on stderr.
    pub(crate) output: &'s mut dyn FnMut(bool, &[u8]),
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

impl Run<'_> {
    /// What decides what it does on top of a stack.
    pub(crate) fn inputs(&self, below: &Stack) -> Result<Inputs, Cause> {
        let mut inputs = Inputs::new("run", below.identity());
        inputs.list("the command", &self.args);
        for line in &self.env {
            let (name, value) = line.split_once('=').unwrap_or((line, ""));
            inputs.text(&format!("the variable {name}"), value);
        }
        inputs.text("the working directory", &self.cwd).text("the user", &self.user);
        inputs.text("the network", if self.network == Network::None { "none" } else { "host" });
        inputs.text("the security mode", if self.security == Security::Insecure { "insecure" } else { "sandbox" });
        inputs.optional("the hostname", self.hostname.as_deref());
        if let Some(script) = &self.script {
            inputs.text("the name of the script", &script.name).text("the script", &script.content);
        }
        for mount in &self.mounts {
            mount.inputs(&mut inputs)?;
        }
        Ok(inputs)
    }

    /// Changes the root filesystem.
    pub(crate) fn run(&self, scope: &mut Scope<'_>) -> Result<(), Cause> {
        let prepared = mounts::prepare(&self.mounts, &self.cwd, scope)?;
        let (spec, _script) = self.spec(scope, &prepared)?;
        let command = self.args.join(" ");
        let mut running = process::start(scope.root, &spec).map_err(|error| not_started(command.clone(), error))?;
        if let Some((out, err)) = running.take_output() {
            let finished = relay::relay(out, err, scope.stop, scope.output)
                .map_err(|source| Cause::Host { operation: "read the output of a step", source })?;
            if !finished {
                running.kill()?;
                running.wait()?;
                return Err(Cause::Stopped);
            }
        }
        match running.wait()? {
            Exit::Code(0) => Ok(()),
            Exit::Code(code) => Err(Cause::Exit { command, code: code.into() }),
            Exit::Signal(signal) => Err(Cause::Signal { command, signal }),
        }
    }

    /// A shell on the caller's terminal instead of the command.
    pub(crate) fn shell(&self, scope: &Scope<'_>) -> Result<(), Cause> {
        let prepared = mounts::prepare(&self.mounts, &self.cwd, scope)?;
        let (spec, _script) = self.spec(scope, &prepared)?;
        let spec = Spec { args: vec![SHELL.into()], stdio: Stdio::Terminal { stdin: true }, ..spec };
        let running = process::start(scope.root, &spec).map_err(|error| not_started(SHELL.to_owned(), error))?;
        running.wait()?;
        Ok(())
    }

    /// What its process is started as; the script lives as long as what is given with it.
    fn spec(&self, scope: &Scope<'_>, prepared: &Prepared) -> Result<(Spec, Option<TempPath>), Cause> {
        let user = self.resolve_user(scope.root)?;
        let script = self
            .script
            .as_ref()
            .map(|script| write_script(script, scope.partial))
            .transpose()
            .map_err(|source| Cause::Host { operation: "write the script of a heredoc", source })?;
        let mut mounts = prepared.mounts.clone();
        if let (Some(script), Some(file)) = (&self.script, &script) {
            mounts.push(Mount {
                source: MountSource::Host(file.to_path_buf()),
                destination: PathBuf::from(SCRIPT_DIR).join(&script.name),
                read_only: true,
            });
        }
        let spec = Spec {
            args: self.args.iter().map(OsString::from).collect(),
            env: self.environment(&user, &prepared.env),
            cwd: PathBuf::from(&self.cwd),
            user,
            hostname: self.hostname.clone().unwrap_or_else(|| HOSTNAME.to_owned()),
            network: self.network,
            mounts,
            extra_hosts: scope.options.add_hosts.clone(),
            security: self.security,
            isolation: scope.options.isolation,
            limits: scope.options.limits.clone(),
            ..Spec::default()
        };
        Ok((spec, script))
    }

    fn resolve_user(&self, root: BorrowedFd<'_>) -> Result<User, Cause> {
        let text = if self.user.is_empty() { "0" } else { &self.user };
        let mut user = user::resolve(root, text).map_err(|source| Cause::User { text: text.to_owned(), source })?;
        if self.user.is_empty() {
            // only a USER that is named gets the groups of the image
            user.groups.clear();
        }
        Ok(user)
    }

    /// The variables of the stage; those of secrets go before them.
    fn environment(&self, user: &User, secrets: &[(String, OsString)]) -> Vec<OsString> {
        let hidden = |line: &&String| {
            let name = line.split('=').next().unwrap_or_default();
            secrets.iter().all(|(secret, _)| secret != name)
        };
        let mut env: Vec<String> = self.env.iter().filter(hidden).cloned().collect();
        let has = |env: &[String], name: &str| {
            env.iter().any(|line| line.strip_prefix(name).is_some_and(|rest| rest.starts_with('=')))
        };
        for line in &self.proxies {
            let name = line.split('=').next().unwrap_or_default();
            if !has(&env, name) {
                env.push(line.clone());
            }
        }
        let given = |env: &[String], name: &str| has(env, name) || secrets.iter().any(|(secret, _)| secret == name);
        if !given(&env, "PATH") {
            env.push(format!("PATH={DEFAULT_PATH}"));
        }
        if !given(&env, "HOME") {
            env.push(format!("HOME={}", user.home));
        }
        let mut env: Vec<OsString> = env.into_iter().map(OsString::from).collect();
        for (name, value) in secrets {
            let mut line = OsString::from(format!("{name}="));
            line.push(value);
            env.push(line);
        }
        env
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

#[cfg(test)]
mod tests;
