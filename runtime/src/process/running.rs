//! A container's process from our side: waiting for it, passing signals on to it, and its end.

use std::{
    marker::PhantomData,
    os::fd::{AsFd, OwnedFd},
};

use nix::sys::{
    signal::{SigSet, SigmaskHow, Signal},
    signalfd::{SfdFlags, SignalFd},
};
use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
    process::{WaitId, WaitIdOptions, pidfd_send_signal, waitid},
};

use super::{Exit, cgroup::Groups, failure::kernel, plan::Guests, terminal::Relay};
use crate::Result;

/// Signals that stay ours: `CHLD`, `PIPE` and `URG` say something about us; `WINCH` is for the terminal;
/// `TTIN` and `TTOU` stop a background job from using its terminal; the rest are faults of our own.
const NOT_FORWARDED: [Signal; 13] = [
    Signal::SIGCHLD,
    Signal::SIGPIPE,
    Signal::SIGURG,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGKILL,
    Signal::SIGSTOP,
    Signal::SIGSEGV,
    Signal::SIGBUS,
    Signal::SIGILL,
    Signal::SIGFPE,
    Signal::SIGTRAP,
    Signal::SIGSYS,
];

/// A started process. Dropping it kills the whole container and waits for its end.
///
/// It belongs to the thread that started it: the kernel kills the container when that thread ends, so that
/// nothing of it survives us, however we end.
pub struct Running {
    /// Removed after the process's end, in the order of the fields.
    process: Process,
    guests: Guests,
    _groups: Groups,
    relay: Option<Relay>,
    signals: Option<Signals>,
    output: Option<(OwnedFd, OwnedFd)>,
    _this_thread: PhantomData<*const ()>,
}

/// The first process, killed and reaped when it is dropped.
pub(super) struct Process {
    pidfd: OwnedFd,
    /// The signal at which all of the container ends.
    end: rustix::process::Signal,
    reaped: bool,
}

impl Running {
    pub(super) fn new(
        process: Process,
        guests: Guests,
        groups: Groups,
        relay: Option<Relay>,
        signals: Option<Signals>,
        output: Option<(OwnedFd, OwnedFd)>,
    ) -> Self {
        Self { process, guests, _groups: groups, relay, signals, output, _this_thread: PhantomData }
    }

    /// The read ends of stdout and stderr, the first time, of a container started with
    /// [`Stdio::Piped`](super::Stdio::Piped).
    pub fn take_output(&mut self) -> Option<(OwnedFd, OwnedFd)> {
        self.output.take()
    }

    /// Waits for the process's end, relaying its terminal when it has one. What was made for its mounts is
    /// taken away when this returns.
    ///
    /// # Errors
    /// A wait or a relay that the kernel refuses: the container is killed then. With chroot isolation also what cannot be
    /// copied back.
    pub fn wait(mut self) -> Result<Exit> {
        match (self.relay.take(), &self.signals) {
            (None, None) => {}
            (None, Some(signals)) => self.forward_until_end(signals)?,
            (Some(relay), signals) => relay.run(&self.process, signals.as_ref())?,
        }
        let exit = self.process.reap()?;
        self.guests.settle()?;
        Ok(exit)
    }

    /// Kills the container: its first process and all others.
    pub fn kill(&self) -> Result<()> {
        self.process.kill()
    }

    fn forward_until_end(&self, signals: &Signals) -> Result<()> {
        loop {
            let mut ready = [PollFd::new(&self.process.pidfd, PollFlags::IN), PollFd::new(&signals.fd, PollFlags::IN)];
            wait_for(&mut ready)?;
            if !ready[0].revents().is_empty() {
                return Ok(());
            }
            signals.forward(&self.process, || {})?;
        }
    }
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("pidfd", &self.process.pidfd).finish_non_exhaustive()
    }
}

impl Process {
    pub(super) fn new(pidfd: OwnedFd, end: rustix::process::Signal) -> Self {
        Self { pidfd, end, reaped: false }
    }

    /// Readable when the process has ended.
    pub(super) fn end(&self) -> PollFd<'_> {
        PollFd::new(&self.pidfd, PollFlags::IN)
    }

    fn kill(&self) -> Result<()> {
        self.signal(self.end)
    }

    /// A process that has ended needs no signal.
    fn signal(&self, signal: rustix::process::Signal) -> Result<()> {
        match pidfd_send_signal(&self.pidfd, signal) {
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(kernel("signal", "the container", errno)),
        }
    }

    /// Waits for the end. It comes after that of every other process of the container.
    pub(super) fn reap(&mut self) -> Result<Exit> {
        let status = loop {
            match waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED) {
                Ok(Some(status)) => break status,
                Ok(None) | Err(Errno::INTR) => {}
                Err(errno) => return Err(kernel("wait for", "the container", errno)),
            }
        };
        self.reaped = true;
        let code = status.exit_status().and_then(|code| u8::try_from(code).ok());
        Ok(match (code, status.terminating_signal()) {
            (Some(code), _) => Exit::Code(code),
            (None, signal) => Exit::Signal(signal.unwrap_or_default()),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if !self.reaped {
            // nobody is left to tell; when the kill fails, there is nothing to wait for
            let _ = self.kill().and_then(|()| self.reap());
        }
    }
}

/// Signals of this thread, read from a descriptor while it lives.
pub(super) struct Signals {
    pub(super) fd: SignalFd,
    before: SigSet,
    forward: bool,
}

impl Signals {
    /// Takes the signals that are to be forwarded, and `WINCH` for a terminal; `None` when there are none.
    ///
    /// To be called before the process starts: one that came between its start and this would end us instead.
    pub(super) fn take(forward: bool, terminal: bool) -> Result<Option<Self>> {
        let failed = |errno: nix::Error| kernel("take over", "signals", errno);
        let mut set = SigSet::empty();
        if forward {
            set = SigSet::all();
            for signal in NOT_FORWARDED {
                set.remove(signal);
            }
        } else if terminal {
            set.add(Signal::SIGWINCH);
        } else {
            return Ok(None);
        }
        let flags = SfdFlags::SFD_CLOEXEC | SfdFlags::SFD_NONBLOCK;
        let fd = SignalFd::with_flags(&set, flags).map_err(failed)?;
        let before = set.thread_swap_mask(SigmaskHow::SIG_BLOCK).map_err(failed)?;
        Ok(Some(Self { fd, before, forward }))
    }

    /// Passes on what has arrived; calls `resized` for `WINCH`.
    pub(super) fn forward(&self, process: &Process, resized: impl Fn()) -> Result<()> {
        let read = || self.fd.read_signal().map_err(|errno| kernel("read", "a signal", errno));
        while let Some(info) = read()? {
            let number = i32::try_from(info.ssi_signo).unwrap_or_default();
            match rustix::process::Signal::from_named_raw(number) {
                Some(rustix::process::Signal::WINCH) => resized(),
                Some(signal) if self.forward => process.signal(signal)?,
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        // setting a mask that was in force cannot be refused
        let _ = self.before.thread_set_mask();
    }
}

/// Waits until one of the descriptors is ready.
pub(super) fn wait_for(ready: &mut [PollFd<'_>]) -> Result<()> {
    loop {
        match poll(ready, None) {
            Ok(_) => return Ok(()),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(kernel("wait for", "the container", errno)),
        }
    }
}
