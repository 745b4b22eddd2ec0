//! The process between us and the command, which sees to it that none is left: it adopts every process that loses its
//! parent (`PR_SET_CHILD_SUBREAPER`), and kills them all when the command has ended, when we ask for it and when we die.
//!
//! It is a copy of one thread of a process that may have had many, as the command's own first steps are
//! ([`super::super::init`]): nothing here allocates, locks or panics.

use std::{
    convert::Infallible,
    ffi::CStr,
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
};

use nix::sys::{
    signal::SigSet,
    signalfd::{SfdFlags, SignalFd},
};
use rustix::{
    fs::{CWD, Mode, OFlags, openat},
    io::{Errno, pread},
    process::{
        Pid, Signal, WaitOptions, WaitStatus, chdir, getpid, kill_process, pidfd_send_signal, set_child_subreaper,
        setsid, wait,
    },
};

use super::super::{
    failure::{At as _, Failure, Program, Step, send},
    init,
    plan::Plan,
};
use crate::sys::process::{self as sys, Child};

/// Asks the keeper to end everything. It is a signal that is never passed on to a command.
pub(in super::super) const END: Signal = Signal::URG;

/// Where the kernel lists the children of the thread that reads it (`proc_tid_children(5)`): their numbers, a blank after
/// each.
const CHILDREN: &CStr = c"/proc/thread-self/children";

/// Bytes of the list that are read at a time; what does not fit comes with the next reading.
const LIST: usize = 4096;

/// Runs in the keeper: starts the command and ends as it ends, or reports why it cannot be started.
pub(super) fn run(plan: &Plan, report: BorrowedFd<'_>) {
    let Err(failure) = keep(plan, report);
    send(report, failure, &Program::MISSING);
}

fn keep(plan: &Plan, report: BorrowedFd<'_>) -> Result<Infallible, Failure> {
    sys::close_all_but(&plan.descriptors).at(Step::Descriptors)?;
    // ignored children would be gone before they can be waited for
    sys::default_signals();
    // our terminal's signals are for the command, and come from us
    setsid().at(Step::Session)?;
    init::end_with_parent(plan, END).at(Step::Parent)?;
    set_child_subreaper(Some(getpid())).at(Step::Keeper)?;
    chdir(c"/").at(Step::Keeper)?;
    let children = openat(CWD, CHILDREN, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).at(Step::Keeper)?;
    let signals = SignalFd::with_flags(&SigSet::all(), SfdFlags::SFD_CLOEXEC)
        .map_err(|errno| Errno::from_raw_os_error(errno as i32))
        .at(Step::Keeper)?;
    let command = sys::spawn(0, &|| init::run(plan, report))
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
        .at(Step::Keeper)?;

    // the pipes of the command end with its processes
    sys::close_streams();
    let mut kept = [children.as_raw_fd(), signals.as_raw_fd(), command.pidfd.as_raw_fd()];
    kept.sort_unstable();
    // a report that stays open would have our parent wait for the end
    sys::close_all_but(&kept).at(Step::Descriptors)?;
    let end = watch(&signals, &command);
    end_all(children.as_fd());
    match end {
        Some(End::Code(code)) => sys::exit(code),
        Some(End::Signal(signal)) => sys::end_by_signal(signal),
        None => sys::end_by_signal(Signal::KILL.as_raw()),
    }
}

/// How the command ended.
enum End {
    Code(i32),
    Signal(i32),
}

/// Passes signals on until the command has ended; `None` when it is to end now.
fn watch(signals: &SignalFd, command: &Child) -> Option<End> {
    loop {
        let Ok(Some(info)) = signals.read_signal() else {
            return None;
        };
        let number = i32::try_from(info.ssi_signo).unwrap_or_default();
        match Signal::from_named_raw(number) {
            Some(Signal::CHILD) => {
                if let Some(end) = reap(command.pid) {
                    return Some(end);
                }
            }
            Some(END) => return None,
            Some(signal) => {
                // one that has ended needs no signal
                let _ = pidfd_send_signal(&command.pidfd, signal);
            }
            None => {}
        }
    }
}

/// Buries who has ended; how the command did, if it was among them.
fn reap(command: Pid) -> Option<End> {
    let mut end = None;
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG) {
        if pid == command {
            end = end_of(status);
        }
    }
    end
}

fn end_of(status: WaitStatus) -> Option<End> {
    status.exit_status().map(End::Code).or_else(|| status.terminating_signal().map(End::Signal))
}

/// Kills every process that came of the command. The children of each become ours as it dies, so that the last round
/// finds none.
fn end_all(children: BorrowedFd<'_>) {
    loop {
        kill_listed(children);
        match wait(WaitOptions::empty()) {
            // more may have ended, and more may have come
            Ok(_) => while let Ok(Some(_)) = wait(WaitOptions::NOHANG) {},
            Err(Errno::INTR) => {}
            Err(_) => return,
        }
    }
}

/// Kills the children that the kernel lists. Nobody but us buries them, so that each number is still theirs.
fn kill_listed(children: BorrowedFd<'_>) {
    let mut list = [0_u8; LIST];
    let length = pread(children, &mut list, 0).unwrap_or_default();
    let mut number = 0_i32;
    for byte in list.iter().take(length) {
        if byte.is_ascii_digit() {
            number = number.wrapping_mul(10).wrapping_add(i32::from(byte - b'0'));
            continue;
        }
        // a number without a blank after it may go on beyond what was read
        if let Some(pid) = Pid::from_raw(number) {
            // one that has ended needs no signal
            let _ = kill_process(pid, Signal::KILL);
        }
        number = 0;
    }
}
