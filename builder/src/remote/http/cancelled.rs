//! Stopping a transfer that waits for its server: another thread waits for the switch, and shuts the connections.

use std::{
    os::fd::{AsFd as _, OwnedFd},
    thread,
};

use rustix::{
    event::{EventfdFlags, eventfd},
    io::write,
};
use ureq::Agent;

use crate::{cancel::Cancel, remote::wait};

/// Does something with an agent; `None` when it was stopped before it succeeded.
pub(super) fn watched<T, E>(
    agent: &Agent,
    cancel: &Cancel,
    work: impl FnOnce() -> Result<T, E>,
) -> Option<Result<T, E>> {
    if cancel.is_cancelled() {
        return None;
    }
    let outcome = match (cancel.signal(), eventfd(0, EventfdFlags::CLOEXEC)) {
        (Some(signal), Ok(done)) => thread::scope(|scope| {
            let watcher = done.as_fd();
            scope.spawn(move || {
                if wait::first_of(signal, watcher) {
                    agent.clone().shutdown();
                }
            });
            let _done = Done(&done);
            work()
        }),
        // without a descriptor to wait for, timeouts end it
        _ => work(),
    };
    match outcome {
        Err(_) if cancel.is_cancelled() => None,
        outcome => Some(outcome),
    }
}

/// Ends the watcher, however the work ends.
struct Done<'a>(&'a OwnedFd);

impl Drop for Done<'_> {
    fn drop(&mut self) {
        // a counter of zero takes this without waiting
        let _ = write(self.0, &1_u64.to_ne_bytes());
    }
}
