//! Waiting for one of two things: most often for the build to be stopped, or for work to end by itself.

use std::os::fd::BorrowedFd;

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

/// Waits until one of two descriptors is readable; whether it is the first.
pub(super) fn first_of(first: BorrowedFd<'_>, second: BorrowedFd<'_>) -> bool {
    let mut fds = [PollFd::from_borrowed_fd(first, PollFlags::IN), PollFd::from_borrowed_fd(second, PollFlags::IN)];
    loop {
        match poll(&mut fds, None) {
            Err(Errno::INTR) => {}
            Err(_) => return false,
            Ok(_) => return fds[1].revents().is_empty() && !fds[0].revents().is_empty(),
        }
    }
}
