//! One process in its container: namespaces, mounts, a root of its own, limits, a system call filter, ids and
//! capabilities.
//!
//! ```text
//! Spec ─► plan (everything that can be made ahead) ─► clone3 ─► init (in the child: direct kernel calls only) ─► execve
//!                                                        │         │ what failed, through a pipe
//!                                                        └► Running ◄──────────────────────────────────┘
//! ```

mod cgroup;
mod chroot;
mod devices;
mod executable;
mod failure;
mod file_system;
mod filter;
mod hosts;
mod init;
mod isolation;
mod mount_points;
mod mounts;
mod plan;
mod private;
mod requested;
mod rlimits;
mod running;
mod spec;
mod terminal;

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};

use rustix::process::Signal;

pub use self::{
    cgroup::LimitFailure,
    executable::ExecFailure,
    running::Running,
    spec::{Isolation, Limits, Mount, MountSource, Security, Spec, Ulimit},
};
use self::{
    failure::kernel,
    running::{Process, Signals},
    terminal::Relay,
};
use crate::{Result, sys};

/// The network that a container sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Network {
    /// The caller's.
    Host,
    /// A network namespace of its own with nothing but the loopback interface, which is up.
    None,
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
/// With [`Isolation::Chroot`] `root` can be any directory, and nothing is first in anything: the command is a child of a
/// process of ours that ends what the command leaves behind.
///
/// The container dies with the calling thread: the kernel sees to it, whatever ends the thread or its
/// process.
///
/// # Errors
/// [`Error::Exec`](crate::Error::Exec) when the command cannot be executed, with the cause and the status that
/// docker would exit with; otherwise what could not be made or what in `spec` cannot be. No process is
/// left, and nothing in the root filesystem, then.
pub fn start(root: BorrowedFd<'_>, spec: &Spec) -> Result<Running> {
    let (mut plan, ours, guests) = plan::prepare(root, spec)?;
    let failed = |source: std::io::Error| kernel("make", "the container's first process", source);
    let (receiver, sender) = std::io::pipe().map_err(failed)?;
    let sender = OwnedFd::from(sender);
    plan.keep_open(sender.as_fd());

    let signals = Signals::take(spec.forward_signals, matches!(spec.stdio, Stdio::Terminal { .. }))?;
    let process = match spec.isolation {
        Isolation::Namespaces => {
            let child = sys::process::spawn(namespaces(spec), &|| init::run(&plan, sender.as_fd()));
            Process::new(child.map_err(failed)?.pidfd, Signal::KILL)
        }
        Isolation::Chroot => Process::new(chroot::spawn(&plan, sender.as_fd())?, chroot::END),
    };
    drop(sender);
    if let Some((failure, program)) = failure::receive(receiver.into()).map_err(failed)? {
        return Err(failure.into_error(&program, spec, &plan));
    }
    let relay_stdin = matches!(spec.stdio, Stdio::Terminal { stdin: true });
    let relay = ours.terminal.map(|pair| Relay::new(pair, relay_stdin)).transpose()?;
    Ok(Running::new(process, guests, ours.groups, relay, signals, ours.output))
}

fn namespaces(spec: &Spec) -> libc::c_int {
    let all = libc::CLONE_NEWPID | libc::CLONE_NEWIPC | libc::CLONE_NEWUTS;
    match spec.network {
        Network::Host => all,
        Network::None => all | libc::CLONE_NEWNET,
    }
}
