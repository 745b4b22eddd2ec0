//! The kernel calls between making a process and its `execve`: `clone3`, `close_range`,
//! signal dispositions, the loopback interface.
//!
//! Everything here but [`Strings::new`] and [`spawn`] is called in the child of a possibly multi-threaded
//! process: no allocation, no lock, only direct kernel calls.

use std::{
    ffi::{CStr, CString, c_char, c_int, c_long},
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
    ptr,
};

use rustix::{io::Errno, process::Pid};

/// Clears signal handlers of the parent in the child at once (`linux/sched.h`, since Linux 5.5).
const CLONE_CLEAR_SIGHAND: u64 = 0x1_0000_0000;

/// The highest signal number of the kernel (`_NSIG`).
const LAST_SIGNAL: c_int = 64;

/// A child process: its ID, and what stands for it whoever has the ID later.
pub(crate) struct Child {
    pub(crate) pid: Pid,
    pub(crate) pidfd: OwnedFd,
}

/// Makes one child process in new namespaces (`CLONE_NEW*` bits) that runs `child` and nothing else. When `child`
/// returns, the process ends with status 1.
///
/// The child is a copy of the calling thread alone, so `child` must not allocate, lock or panic. It has no signal
/// handlers, unless the kernel or a filter of system calls knows no `clone3`: with `clone` it has those of its parent.
pub(crate) fn spawn(namespaces: c_int, child: &dyn Fn()) -> io::Result<Child> {
    /// Keeps a child that unwinds from returning into its parent's frames.
    struct Exit;
    impl Drop for Exit {
        fn drop(&mut self) {
            exit(1);
        }
    }

    let mut pidfd: c_int = -1;
    // SAFETY: clone_args is plain old data for which all zeroes is the documented default.
    let mut args: libc::clone_args = unsafe { std::mem::zeroed() };
    args.flags = u64::from(namespaces.cast_unsigned()) | libc::CLONE_PIDFD as u64 | CLONE_CLEAR_SIGHAND;
    args.pidfd = ptr::from_mut(&mut pidfd) as u64;
    args.exit_signal = libc::SIGCHLD as u64;
    // SAFETY: the arguments live across the call and have the size given. Without CLONE_VM the child has
    // its own copy of memory and stack, as after fork; what it may do there is the contract of `child`.
    let mut pid = unsafe { libc::syscall(libc::SYS_clone3, &raw mut args, size_of_val(&args)) };
    if pid == -1 && last_errno() == Errno::NOSYS {
        // docker's filter answers so, since a filter cannot look into the arguments of clone3
        let flags = c_long::from(namespaces | libc::CLONE_PIDFD | libc::SIGCHLD);
        // SAFETY: as above; without a new stack the child goes on with its copy of this one, and the third argument
        // is where the pidfd goes. The last two, whose order depends on the machine, are not used.
        pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, &raw mut pidfd, 0, 0) };
    }
    if pid == 0 {
        let _exit = Exit;
        child();
        exit(1)
    }
    match i32::try_from(pid.max(0)).ok().and_then(Pid::from_raw) {
        // SAFETY: the kernel stored a new descriptor there, which nobody else owns.
        Some(pid) => Ok(Child { pid, pidfd: unsafe { OwnedFd::from_raw_fd(pidfd) } }),
        None => Err(io::Error::last_os_error()),
    }
}

/// Ends this process at once, running nothing that was registered for its end.
pub(crate) fn exit(status: c_int) -> ! {
    // SAFETY: _exit has no preconditions.
    unsafe { libc::_exit(status) }
}

/// An array of strings as `execve` takes it, made before the child is.
pub(crate) struct Strings {
    /// Owns what `pointers` point at.
    _strings: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl Strings {
    pub(crate) fn new(strings: Vec<CString>) -> Self {
        let pointers = strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect();
        Self { _strings: strings, pointers }
    }
}

/// Becomes another program. Returns only when that failed, saying why.
pub(crate) fn execute(path: &CStr, args: &Strings, env: &Strings) -> Errno {
    // SAFETY: all three are zero-terminated, and both arrays end with a null pointer.
    let result = unsafe { libc::execve(path.as_ptr(), args.pointers.as_ptr(), env.pointers.as_ptr()) };
    debug_assert_eq!(result, -1, "execve returns only to fail");
    last_errno()
}

/// Closes every descriptor but the standard streams and `kept`, which becomes descriptor 3 and is closed by
/// `execve`. The others are really closed, not only marked: the command might be a path like
/// `/proc/self/fd/7` (CVE-2024-21626).
pub(crate) fn keep_streams_and(kept: BorrowedFd<'_>) -> Result<BorrowedFd<'static>, Errno> {
    const FIRST: c_int = 3;
    // SAFETY: whatever owns these descriptors is in the memory of a process that is about to become another
    // program; the one that is given back stays open until then.
    unsafe {
        if kept.as_raw_fd() != FIRST {
            check(c_long::from(libc::dup3(kept.as_raw_fd(), FIRST, libc::O_CLOEXEC)))?;
        }
        check(libc::syscall(libc::SYS_close_range, FIRST + 1, u32::MAX, 0))?;
        Ok(BorrowedFd::borrow_raw(FIRST))
    }
}

/// Closes every descriptor but the standard streams and `kept`, which is sorted.
///
/// The other threads of the parent had descriptors too: of pipes whose end somebody waits for, of programs being
/// written that somebody is about to execute.
pub(crate) fn close_all_but(kept: &[RawFd]) -> Result<(), Errno> {
    let mut first: RawFd = 3;
    for next in kept.iter().copied().chain([RawFd::MAX]) {
        if first < next {
            // SAFETY: what owns these descriptors is not used in this process.
            check(unsafe { libc::syscall(libc::SYS_close_range, first, next - 1, 0) })?;
        }
        first = next.saturating_add(1).max(first);
    }
    Ok(())
}

/// Closes the standard streams, for a process that has no use for them and might keep a pipe open.
pub(crate) fn close_streams() {
    // SAFETY: nothing in this process owns them. It fails for no descriptor that is open.
    unsafe {
        libc::syscall(libc::SYS_close_range, 0, 2, 0);
    }
}

/// Gives every signal its default disposition and blocks none of them.
pub(crate) fn reset_signals() {
    default_signals();
    set_signal_mask(libc::SIG_SETMASK, 0);
}

/// Gives every signal its default disposition.
pub(crate) fn default_signals() {
    /// A zero handler is `SIG_DFL`; the kernel's structure is handler, flags, restorer and mask, a word each.
    const DEFAULT: [u64; 4] = [0; 4];
    // SAFETY: the structure is large enough for what the kernel reads. libc's own function would leave two
    // signals out that it keeps for itself. KILL and STOP are refused, and stay as they are.
    unsafe {
        for signal in 1..=LAST_SIGNAL {
            libc::syscall(libc::SYS_rt_sigaction, signal, DEFAULT.as_ptr(), ptr::null_mut::<u64>(), MASK_SIZE);
        }
    }
}

/// Bytes of a set of signals as the kernel has it.
const MASK_SIZE: usize = size_of::<u64>();

/// Changes which signals are blocked: those of `mask`, the first being bit 0.
fn set_signal_mask(how: c_int, mask: u64) {
    // SAFETY: the mask lives across the call and has the size given.
    unsafe {
        libc::syscall(libc::SYS_rt_sigprocmask, how, &raw const mask, ptr::null_mut::<u64>(), MASK_SIZE);
    }
}

/// Ends this process as `signal` ends one, whatever else is waiting for it, and without a dump of its memory.
pub(crate) fn end_by_signal(signal: c_int) -> ! {
    default_signals();
    // SAFETY: plain system calls without memory. A process can always signal itself.
    unsafe {
        libc::prctl(libc::PR_SET_DUMPABLE, 0);
        libc::syscall(libc::SYS_kill, libc::getpid(), signal);
    }
    if let 1..=LAST_SIGNAL = signal {
        set_signal_mask(libc::SIG_UNBLOCK, 1 << (signal - 1));
    }
    exit(128 + signal)
}

/// Leaves the caller's session keyring for a new, empty one. Best effort: quotas are small, and keyrings
/// may be missing from the kernel.
pub(crate) fn leave_session_keyring() {
    // SAFETY: a null name asks for an anonymous keyring.
    unsafe {
        libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING, ptr::null::<c_char>());
    }
}

/// Whether the working directory lies beneath the root directory: the kernel names it "(unreachable)…"
/// otherwise (CVE-2024-21626).
pub(crate) fn working_directory_is_reachable() -> Result<bool, Errno> {
    let mut buffer = [0_u8; libc::PATH_MAX as usize];
    // SAFETY: the kernel writes at most the length given into the buffer.
    let length = unsafe { libc::syscall(libc::SYS_getcwd, buffer.as_mut_ptr(), buffer.len()) };
    check(length)?;
    Ok(buffer.first() == Some(&b'/'))
}

/// Brings the interface `lo` of the current network namespace up.
pub(crate) fn loopback_up() -> Result<(), Errno> {
    /// `IFF_UP | IFF_RUNNING` (netdevice(7)).
    const UP: libc::c_short = 0x41;
    // SAFETY: plain system calls; the request structure is plain old data that lives across them, and the
    // descriptor is closed by its owner.
    unsafe {
        let socket = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        check(c_long::from(socket))?;
        let socket = OwnedFd::from_raw_fd(socket);
        let mut request: libc::ifreq = std::mem::zeroed();
        for (to, from) in request.ifr_name.iter_mut().zip(c"lo".to_bytes()) {
            *to = from.cast_signed() as c_char;
        }
        request.ifr_ifru.ifru_flags = UP;
        check(c_long::from(libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request)))
    }
}

fn check(result: c_long) -> Result<(), Errno> {
    if result == -1 { Err(last_errno()) } else { Ok(()) }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)
}
