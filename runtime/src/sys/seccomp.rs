//! `seccomp(2)`: a filter of system calls for the calling process and its children.

use std::{io, ptr};

use rustix::io::Errno;

/// Loads a filter, which needs `CAP_SYS_ADMIN` in the process's user namespace; without "no new privileges", so that
/// programs with setuid bits keep working. Allocates nothing.
pub(crate) fn load(program: &[libc::sock_filter]) -> Result<(), Errno> {
    let length = u16::try_from(program.len()).map_err(|_| Errno::INVAL)?;
    let program = libc::sock_fprog { len: length, filter: program.as_ptr().cast_mut() };
    // SAFETY: the kernel copies the program, which lives across the call and has the length given; it writes nothing.
    let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, ptr::from_ref(&program)) };
    if result == 0 { Ok(()) } else { Err(Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::IO)) }
}
