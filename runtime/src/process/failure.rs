//! How a container's first process says what failed before it became the command: one fixed-size message
//! through a pipe that `execve` closes.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _},
    os::{
        fd::{BorrowedFd, OwnedFd},
        unix::ffi::OsStrExt,
    },
    path::Path,
};

use rustix::{io::Errno, process::getrlimit};

use super::{Spec, executable, plan::Plan, rlimits::PlannedLimit};
use crate::{Error, Result};

/// What the first process was doing. The order is that of [`super::init`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Step {
    Parent,
    Session,
    Group,
    /// Of the process between us and the command, see [`super::chroot`].
    Keeper,
    Unshare,
    Propagation,
    Root,
    /// With the mount's place in the plan.
    Mount,
    Pivot,
    Terminal,
    Streams,
    Hostname,
    Loopback,
    /// With the limit's place in the plan.
    Rlimit,
    Filter,
    Bounding,
    Groups,
    Gid,
    Uid,
    Capabilities,
    WorkingDirectory,
    /// The working directory is not beneath the root.
    Outside,
    Descriptors,
    /// With the candidate's place in the plan.
    Execute,
    /// A candidate leads through a magic link of `/proc`.
    MagicLink,
}

const STEPS: [Step; 25] = [
    Step::Parent,
    Step::Session,
    Step::Group,
    Step::Keeper,
    Step::Unshare,
    Step::Propagation,
    Step::Root,
    Step::Mount,
    Step::Pivot,
    Step::Terminal,
    Step::Streams,
    Step::Hostname,
    Step::Loopback,
    Step::Rlimit,
    Step::Filter,
    Step::Bounding,
    Step::Groups,
    Step::Gid,
    Step::Uid,
    Step::Capabilities,
    Step::WorkingDirectory,
    Step::Outside,
    Step::Descriptors,
    Step::Execute,
    Step::MagicLink,
];

/// Bytes of a program's beginning that are sent along when it could not be executed: enough for the `#!`
/// line (256 bytes in the kernel) and for where linkers put the name of the loader.
pub(super) const HEAD: usize = 2048;

/// A step that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    pub(super) step: Step,
    pub(super) item: u32,
    pub(super) errno: Errno,
}

/// Names the step of a call that may fail.
pub(super) trait At<T> {
    fn at(self, step: Step) -> Result<T, Failure>;
    fn at_item(self, step: Step, item: usize) -> Result<T, Failure>;
}

impl<T> At<T> for Result<T, Errno> {
    fn at(self, step: Step) -> Result<T, Failure> {
        self.at_item(step, 0)
    }

    fn at_item(self, step: Step, item: usize) -> Result<T, Failure> {
        self.map_err(|errno| Failure { step, item: u32::try_from(item).unwrap_or(u32::MAX), errno })
    }
}

/// What could be seen of a program that could not be executed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Program {
    /// `st_mode`, or 0 when there is no such file.
    pub(super) mode: u32,
    /// Whether it is on a mount that forbids execution.
    pub(super) no_exec: bool,
    pub(super) head: [u8; HEAD],
    pub(super) head_length: usize,
}

impl Program {
    pub(super) const MISSING: Self = Self { mode: 0, no_exec: false, head: [0; HEAD], head_length: 0 };

    pub(super) fn head(&self) -> &[u8] {
        self.head.get(..self.head_length).unwrap_or_default()
    }
}

/// Step, whether on a no-exec mount, item, error number, mode; then the program's head.
const HEADER: usize = 16;

/// Sends a failure. Called in the first process: no allocation. A message is smaller than `PIPE_BUF`, so
/// it arrives whole.
pub(super) fn send(pipe: BorrowedFd<'_>, failure: Failure, program: &Program) {
    let mut message = [0_u8; HEADER + HEAD];
    message[0] = failure.step as u8;
    message[1] = program.no_exec.into();
    message[4..8].copy_from_slice(&failure.item.to_ne_bytes());
    message[8..12].copy_from_slice(&failure.errno.raw_os_error().to_ne_bytes());
    message[12..16].copy_from_slice(&program.mode.to_ne_bytes());
    let head = program.head();
    message[HEADER..HEADER + head.len()].copy_from_slice(head);
    // the parent reads, or is dead; there is nobody else to tell
    let _ = rustix::io::write(pipe, &message[..HEADER + head.len()]);
}

/// Waits for the first process to become the command, or to say why it cannot.
pub(super) fn receive(pipe: OwnedFd) -> io::Result<Option<(Failure, Program)>> {
    let mut message = Vec::with_capacity(HEADER + HEAD);
    File::from(pipe).take((HEADER + HEAD) as u64).read_to_end(&mut message)?;
    let Some((header, head)) = message.split_first_chunk::<HEADER>() else {
        return Ok(None);
    };
    let word = |at: usize| {
        let mut bytes = [0; 4];
        bytes.copy_from_slice(&header[at..at + 4]);
        u32::from_ne_bytes(bytes)
    };
    let Some(&step) = STEPS.get(usize::from(header[0])) else {
        return Err(io::ErrorKind::InvalidData.into());
    };
    let failure = Failure { step, item: word(4), errno: Errno::from_raw_os_error(word(8).cast_signed()) };
    let mut program = Program { mode: word(12), no_exec: header[1] != 0, head_length: head.len(), ..Program::MISSING };
    program.head[..head.len()].copy_from_slice(head);
    Ok(Some((failure, program)))
}

impl Failure {
    /// The failure in the terms of who asked for the container.
    pub(super) fn into_error(self, program: &Program, spec: &Spec, plan: &Plan) -> Error {
        let errno = self.errno;
        let user = &spec.user;
        let item = self.item as usize;
        match self.step {
            Step::Parent => kernel("tie to this process", "the container", errno),
            Step::Session => kernel("make", "a session for the container", errno),
            Step::Group => kernel("enter", "the control group that holds the container's limits", errno),
            Step::Keeper => kernel("watch over", "the processes of a step", errno),
            Step::Unshare => kernel("make", "mount and cgroup namespaces", errno),
            Step::Propagation => kernel("separate", "the container's mounts", errno),
            Step::Root => kernel("mount", "the root filesystem", errno),
            Step::Mount => {
                let target = plan.mounts.get(item).map(|mount| mount.target.to_bytes());
                let target = Path::new("/").join(OsStr::from_bytes(target.unwrap_or_default()));
                kernel("mount", target, errno)
            }
            Step::Pivot => kernel("change the root to", "the root filesystem", errno),
            Step::Terminal => kernel("take", "the container's terminal", errno),
            Step::Streams => kernel("connect", "the standard streams", errno),
            Step::Hostname => kernel("set the hostname", &spec.hostname, errno),
            Step::Loopback => kernel("bring up", "the loopback interface", errno),
            Step::Rlimit => match plan.rlimits.get(item) {
                Some(PlannedLimit { name, resource, limit }) if errno == Errno::PERM => {
                    let own = getrlimit(*resource).maximum;
                    let number = |value: Option<u64>| value.unwrap_or(u64::MAX);
                    Error::UlimitForbidden { name, hard: number(limit.maximum), own: number(own) }
                }
                planned => kernel("set the limit", planned.map_or("", |planned| planned.name), errno),
            },
            Step::Filter => kernel("load", "the system call filter of the sandbox", errno),
            Step::Bounding | Step::Capabilities => kernel("drop", "capabilities", errno),
            Step::Groups => kernel("set the supplementary groups", format!("{:?}", user.groups), errno),
            Step::Gid => kernel("become", unmapped("group", user.gid, errno), errno),
            Step::Uid => kernel("become", unmapped("user", user.uid, errno), errno),
            Step::WorkingDirectory => kernel("change to the working directory", &spec.cwd, errno),
            Step::Outside => Error::OutsideRoot { path: spec.cwd.clone() },
            Step::Descriptors => kernel("close", "inherited descriptors", errno),
            Step::Execute | Step::MagicLink => {
                let cause = executable::cause(self, program);
                let path = plan.candidates.get(item).map(|path| path.to_bytes());
                let name = spec.args.first().map(|name| name.as_bytes());
                let name = path.filter(|_| program.mode != 0).or(name).unwrap_or_default();
                Error::Exec { program: OsStr::from_bytes(name).into(), status: cause.status(), cause }
            }
        }
    }
}

/// The id, and that there is no such in the user namespace when the kernel says so (`user_namespaces(7)`).
pub(super) fn unmapped(what: &str, id: u32, errno: Errno) -> String {
    match errno {
        Errno::INVAL => {
            format!("{what} {id}, an id that this user namespace does not have (/etc/subuid and /etc/subgid give more)")
        }
        _ => format!("{what} {id}"),
    }
}

/// A kernel call that failed, in words.
pub(super) fn kernel(operation: &'static str, object: impl AsRef<Path>, source: impl Into<io::Error>) -> Error {
    Error::Kernel { operation, object: object.as_ref().display().to_string(), source: source.into() }
}
