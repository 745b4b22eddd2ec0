//! `fork(2)` for the one helper process that maps the ids of a new user namespace from outside.

use std::{fs, io};

use nix::{
    errno::Errno,
    sys::wait::{WaitStatus, waitpid},
    unistd::{ForkResult, Pid, fork},
};

/// Which of the two processes goes on here.
pub(crate) enum Forked {
    /// The one that forked, with the other.
    Parent(Helper),
    /// The new one: it must end by `std::process::exit`.
    Child,
}

/// A forked copy of this process that has not been waited for.
pub(crate) struct Helper(Pid);

/// Forks this process.
///
/// # Errors
/// `EBUSY` when the process has more than one thread.
pub(crate) fn fork_single_threaded() -> io::Result<Forked> {
    if fs::read_dir("/proc/self/task")?.count() != 1 {
        return Err(Errno::EBUSY.into());
    }
    // SAFETY: there is one thread, which has just been checked, so that no lock can be held by a thread that the
    // child does not have, and the child may do what its parent may.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => Ok(Forked::Parent(Helper(child))),
        ForkResult::Child => Ok(Forked::Child),
    }
}

impl Helper {
    /// Waits for its end; its exit status, or `None` when a signal ended it.
    pub(crate) fn wait(self) -> io::Result<Option<i32>> {
        loop {
            match waitpid(self.0, None) {
                Ok(WaitStatus::Exited(_, status)) => return Ok(Some(status)),
                Ok(WaitStatus::Signaled(..)) => return Ok(None),
                Ok(_) | Err(Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
    }
}
