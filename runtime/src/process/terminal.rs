//! The container's terminal, relayed to ours: keys one way, output the other, and the size of the window.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::{
    event::{PollFd, PollFlags},
    fs::{OFlags, fcntl_getfl, fcntl_setfl},
    io::{Errno, read, write},
    stdio::{stderr, stdin, stdout},
    termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr, tcsetwinsize},
};

use super::{
    failure::kernel,
    plan::TerminalPair,
    running::{Process, Signals, wait_for},
};
use crate::Result;

/// Ends the input of a terminal in canonical mode (`VEOF`).
const END_OF_INPUT: u8 = 4;

/// Bytes moved at once: the kernel's own buffer of a terminal is 4096.
const BUFFER: usize = 4096;

/// Moves bytes between the container's terminal and ours.
pub(super) struct Relay {
    pair: TerminalPair,
    input: Option<Input>,
}

/// Our stdin on its way to the container. What its terminal does not take yet waits here, so that a
/// container that writes and does not read is no deadlock.
struct Input {
    buffer: [u8; BUFFER],
    pending: std::ops::Range<usize>,
    /// What ends a line has been sent last, or nothing at all.
    at_line_start: bool,
    open: bool,
}

impl Relay {
    /// With `relay_stdin` our stdin goes to the container.
    pub(super) fn new(pair: TerminalPair, relay_stdin: bool) -> Result<Self> {
        let relay = Self {
            pair,
            input: relay_stdin.then_some(Input { buffer: [0; BUFFER], pending: 0..0, at_line_start: true, open: true }),
        };
        let leader = &relay.pair.leader;
        fcntl_getfl(leader).and_then(|flags| fcntl_setfl(leader, flags | OFlags::NONBLOCK)).map_err(failed)?;
        Ok(relay)
    }

    /// Relays until the process has ended and all of its output has been written.
    pub(super) fn run(mut self, process: &Process, signals: Option<&Signals>) -> Result<()> {
        let _raw = self.input.is_some().then(|| RawMode::enter(stdin())).flatten();
        loop {
            let input = self.input.as_ref();
            let has_pending = input.is_some_and(|input| !input.pending.is_empty());
            let wants_input = input.is_some_and(|input| input.open && !has_pending);
            let leader_events = if has_pending { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
            let no_events = PollFlags::empty();
            let stdin_events = if wants_input { PollFlags::IN } else { no_events };
            let fallback = self.pair.leader.as_fd();
            let mut ready = [
                process.end(),
                PollFd::new(&self.pair.leader, leader_events),
                // a descriptor that is not wanted would still report its hang-up
                PollFd::from_borrowed_fd(if wants_input { stdin() } else { fallback }, stdin_events),
                PollFd::from_borrowed_fd(
                    signals.map_or(fallback, |signals| signals.fd.as_fd()),
                    if signals.is_some() { PollFlags::IN } else { no_events },
                ),
            ];
            wait_for(&mut ready)?;
            let [ended, leader, from_us, signal] = ready.map(|fd| fd.revents());
            if leader.intersects(PollFlags::IN) {
                self.copy_output()?;
            }
            if let Some(input) = &mut self.input {
                if wants_input && !from_us.is_empty() {
                    input.fill()?;
                }
                input.flush(&self.pair.leader)?;
            }
            if let (Some(signals), true) = (signals, signal.contains(PollFlags::IN)) {
                signals.forward(process, || lend_size(&self.pair.leader))?;
            }
            if !ended.is_empty() {
                return self.drain();
            }
        }
    }

    /// Writes what the container had written before its end.
    fn drain(self) -> Result<()> {
        let TerminalPair { leader, follower } = self.pair;
        drop(follower);
        while copy_once(&leader)? {}
        Ok(())
    }

    fn copy_output(&self) -> Result<()> {
        copy_once(&self.pair.leader).map(drop)
    }
}

/// Gives the container's terminal the size of ours, if we have one.
pub(super) fn lend_size(leader: &OwnedFd) {
    let ours = [stdin(), stdout(), stderr()];
    let size = ours.into_iter().find_map(|stream| tcgetwinsize(stream).ok());
    if let Some(size) = size {
        // a wrong size spoils the look and nothing else
        let _ = tcsetwinsize(leader, size);
    }
}

/// Copies one piece of output; false when there is none.
fn copy_once(leader: &OwnedFd) -> Result<bool> {
    let mut buffer = [0; BUFFER];
    match read(leader, &mut buffer) {
        // EIO: all descriptors of the other end are closed
        Ok(0) | Err(Errno::IO | Errno::AGAIN) => Ok(false),
        Err(Errno::INTR) => Ok(true),
        Err(errno) => Err(failed(errno)),
        Ok(length) => {
            let mut rest = buffer.get(..length).unwrap_or_default();
            while !rest.is_empty() {
                match write(stdout(), rest) {
                    Ok(written) => rest = rest.get(written..).unwrap_or_default(),
                    Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => {
                        wait_for(&mut [PollFd::from_borrowed_fd(stdout(), PollFlags::OUT)])?;
                    }
                    Err(errno) => return Err(kernel("write to", "stdout", errno)),
                }
            }
            Ok(true)
        }
    }
}

impl Input {
    /// Reads from our stdin. Its end is passed on as the key that ends input.
    fn fill(&mut self) -> Result<()> {
        match read(stdin(), &mut self.buffer) {
            Ok(0) | Err(Errno::IO) => {
                self.open = false;
                // in the middle of a line the first only sends the line
                let count = if self.at_line_start { 1 } else { 2 };
                self.buffer[..count].fill(END_OF_INPUT);
                self.pending = 0..count;
            }
            Ok(length) => {
                self.pending = 0..length;
                let last = length.checked_sub(1).and_then(|last| self.buffer.get(last));
                self.at_line_start = last == Some(&b'\n');
            }
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(errno) => return Err(kernel("read from", "stdin", errno)),
        }
        Ok(())
    }

    fn flush(&mut self, leader: &OwnedFd) -> Result<()> {
        while let Some(bytes) = self.buffer.get(self.pending.clone()).filter(|bytes| !bytes.is_empty()) {
            match write(leader, bytes) {
                Ok(written) => self.pending.start += written,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return Ok(()),
                Err(errno) => return Err(failed(errno)),
            }
        }
        Ok(())
    }
}

/// Our terminal in raw mode, so that keys reach the container unchanged; set back when dropped.
struct RawMode {
    terminal: BorrowedFd<'static>,
    before: Termios,
}

impl RawMode {
    /// Nothing when `terminal` is not one.
    fn enter(terminal: BorrowedFd<'static>) -> Option<Self> {
        if !isatty(terminal) {
            return None;
        }
        let before = tcgetattr(terminal).ok()?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(terminal, OptionalActions::Now, &raw).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        // a terminal that is gone needs no mode
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

fn failed(errno: Errno) -> crate::Error {
    kernel("relay", "the container's terminal", errno)
}
