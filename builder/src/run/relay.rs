//! A process's output, passed on as it comes.

use std::{
    io,
    os::fd::{AsFd as _, BorrowedFd, OwnedFd},
};

use rustix::{
    event::{PollFd, PollFlags, poll},
    io::Errno,
};

use crate::cancel::Cancel;

/// Bytes read at once from a step's output.
const OUTPUT_CHUNK: usize = 32 * 1024;

/// Passes both streams on until both are closed; `false` when something stopped it before.
pub(super) fn relay(
    out: OwnedFd,
    err: OwnedFd,
    stop: [&Cancel; 2],
    output: &mut dyn FnMut(bool, &[u8]),
) -> io::Result<bool> {
    let mut streams = vec![(false, out), (true, err)];
    let signals: Vec<BorrowedFd<'_>> = stop.iter().filter_map(|cancel| cancel.signal()).collect();
    let mut buffer = vec![0; OUTPUT_CHUNK];
    while !streams.is_empty() {
        let ready: Vec<bool> = {
            let watched = streams.iter().map(|(_, fd)| fd.as_fd()).chain(signals.iter().copied());
            let mut polled: Vec<PollFd<'_>> = watched.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
            match poll(&mut polled, None) {
                Err(Errno::INTR) => continue,
                result => result?,
            };
            polled.iter().map(|fd| !fd.revents().is_empty()).collect()
        };
        if stop.iter().any(|cancel| cancel.is_cancelled()) {
            return Ok(false);
        }
        let mut closed = Vec::new();
        for (index, (is_stderr, fd)) in streams.iter().enumerate() {
            if !ready[index] {
                continue;
            }
            match rustix::io::read(fd, &mut buffer) {
                Ok(0) => closed.push(index),
                Ok(read) => output(*is_stderr, &buffer[..read]),
                Err(Errno::INTR | Errno::AGAIN) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        for index in closed.into_iter().rev() {
            streams.remove(index);
        }
    }
    Ok(true)
}
