//! Stopping a build from another thread: a flag, and a descriptor that whoever waits for other descriptors can wait for too.

use std::{
    os::fd::{AsFd, BorrowedFd, OwnedFd},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use rustix::event::{EventfdFlags, eventfd};

/// A build's off switch. Clones are the same switch.
#[derive(Clone, Debug)]
pub struct Cancel(Arc<Switch>);

#[derive(Debug)]
struct Switch {
    is_off: AtomicBool,
    /// Readable once the switch is off; `None` where the kernel has no descriptor left.
    signal: Option<OwnedFd>,
}

impl Default for Cancel {
    fn default() -> Self {
        let signal = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok();
        Self(Arc::new(Switch { is_off: AtomicBool::new(false), signal }))
    }
}

impl Cancel {
    /// Stops the build: running steps are killed, no other begins, and what they made is removed.
    pub fn cancel(&self) {
        self.0.is_off.store(true, Ordering::SeqCst);
        if let Some(signal) = &self.0.signal {
            // a counter that is full is readable already
            let _ = rustix::io::write(signal, &1_u64.to_ne_bytes());
        }
    }

    /// Whether it was stopped.
    pub fn is_cancelled(&self) -> bool {
        self.0.is_off.load(Ordering::SeqCst)
    }

    /// Readable once it was stopped.
    pub(crate) fn signal(&self) -> Option<BorrowedFd<'_>> {
        self.0.signal.as_ref().map(AsFd::as_fd)
    }
}
