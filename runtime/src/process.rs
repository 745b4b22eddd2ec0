//! One process in its container: namespaces, mounts, a root of its own, ids and capabilities.
//!
//! ```text
//! Spec ─► plan (everything that can be made ahead) ─► clone3 ─► init (in the child: direct kernel calls only) ─► execve
//!                                                        │         │ what failed, through a pipe
//!                                                        └► Running ◄──────────────────────────────────┘
//! ```

mod executable;
mod failure;
mod init;
mod mount_points;
mod mounts;
mod plan;
mod running;
mod terminal;

use std::{
    ffi::OsString,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
    path::PathBuf,
};

pub use self::{executable::ExecFailure, running::Running};
use self::{
    failure::kernel,
    running::{Process, Signals},
    terminal::Relay,
};
use crate::{Result, sys, user::User};

/// The network that a container sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The caller's.
    Host,
    /// A network namespace of its own with nothing but the loopback interface, which is up.
    None,
}

/// A file or directory of the host that is seen in the container, with everything mounted beneath it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The path on the host.
    pub source: PathBuf,
    /// The path in the container. Links in it never lead out of the container's root. It is made when it is
    /// missing, and removed afterwards.
    pub destination: PathBuf,
    /// Whether the container may not write to it, nor to any mount beneath it.
    pub read_only: bool,
}

/// What a container is to run, and how. All of it is checked, and what can be is made, before a process is.
#[derive(Clone, Debug)]
pub struct Spec {
    /// The command and its arguments. A command without a slash is looked for in the container's `PATH`.
    pub args: Vec<OsString>,
    /// The whole environment, as `K=V`: nothing is added.
    pub env: Vec<OsString>,
    /// The working directory, made for the user when it is missing.
    pub cwd: PathBuf,
    /// Who runs it. Other users than root have no capabilities.
    pub user: User,
    /// The name of the machine.
    pub hostname: String,
    /// What network it has.
    pub network: Network,
    /// What it sees of the host.
    pub binds: Vec<Bind>,
    /// Whether its root filesystem is read-only.
    pub read_only: bool,
    /// Whether it has private copies of `/etc/hosts` (localhost and its hostname) and `/etc/resolv.conf` (the
    /// host's). Writes to them go nowhere.
    ///
    /// Files and directories that had to be made in the root filesystem to mount something on are removed
    /// afterwards, without a trace in the times of the directories they stood in. Only `/dev`, `/proc` and
    /// `/sys` stay, as docker leaves them in layers.
    pub hosts: bool,
    /// Whether the signals that the starting thread gets are passed on to the process, from its start to its end: all but
    /// those that concern only ourselves. Other threads of the caller must have them blocked.
    pub forward_signals: bool,
    /// Where its standard streams go.
    pub stdio: Stdio,
}

/// Where a container's standard streams go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdio {
    /// They are the caller's.
    Inherit {
        /// Whether stdin is too; it is an empty pipe otherwise.
        stdin: bool,
    },
    /// They are a terminal of the container's own, relayed to the caller's stdin and stdout, which need not be
    /// a terminal.
    Terminal {
        /// Whether the caller's stdin is relayed too.
        stdin: bool,
    },
    /// stdout and stderr are pipes, see [`Running::take_output`]; stdin is an empty one.
    Piped,
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with a status.
    Code(u8),
    /// A signal killed it.
    Signal(i32),
}

impl Exit {
    /// The status as shells give it: the process's own, or 128 and the signal's number.
    ///
    /// ```
    /// use strata_runtime::process::Exit;
    ///
    /// assert_eq!(Exit::Code(3).status(), 3);
    /// assert_eq!(Exit::Signal(9).status(), 137);
    /// ```
    pub fn status(self) -> i32 {
        match self {
            Self::Code(code) => code.into(),
            Self::Signal(signal) => 128 + signal,
        }
    }
}

/// Starts a command in a container whose root filesystem is the mount that `root` is the root directory of,
/// usually a detached one. It returns when the command itself runs, as the first process of its namespaces.
///
/// The container dies with the calling thread: the kernel sees to it, whatever ends the thread or its
/// process.
///
/// # Errors
/// [`Error::Exec`](crate::Error::Exec) when the command cannot be executed, with the cause and the status that
/// docker would exit with; otherwise what could not be made or what in `spec` cannot be. No process is
/// left, and nothing in the root filesystem, then.
pub fn start(root: BorrowedFd<'_>, spec: &Spec) -> Result<Running> {
    let (mut plan, ours, stubs) = plan::prepare(root, spec)?;
    let failed = |source: std::io::Error| kernel("make", "the container's first process", source);
    let (receiver, sender) = std::io::pipe().map_err(failed)?;
    let sender = OwnedFd::from(sender);
    plan.keep_open(sender.as_fd());

    let mut namespaces = libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    if spec.network == Network::None {
        namespaces |= libc::CLONE_NEWNET;
    }
    let signals = Signals::take(spec.forward_signals, matches!(spec.stdio, Stdio::Terminal { .. }))?;
    let pidfd = sys::process::spawn(namespaces, &|| init::run(&plan, sender.as_fd())).map_err(failed)?;
    let process = Process::new(pidfd);
    drop(sender);
    if let Some((failure, program)) = failure::receive(receiver.into()).map_err(failed)? {
        return Err(failure.into_error(&program, spec, &plan));
    }
    let relay_stdin = matches!(spec.stdio, Stdio::Terminal { stdin: true });
    let relay = ours.terminal.map(|pair| Relay::new(pair, relay_stdin)).transpose()?;
    Ok(Running::new(process, stubs, relay, signals, ours.output))
}
