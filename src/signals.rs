//! Signals that end a build: the first one stops it in order, a second one at once.
//!
//! They are blocked before any thread is started, so that every thread has them blocked and one waits for them.

use std::sync::{
    Arc,
    atomic::{AtomicI32, Ordering},
};

use anyhow::{Context, Result};
use nix::sys::signal::{SigSet, Signal};
use strata_builder::Cancel;

use crate::exit::{Failure, Status};

/// What a person, a service manager and a terminal that closes send.
const ENDING: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP];

/// Blocks the signals that end a build. Must come before any thread is started.
pub(crate) fn block() -> Result<()> {
    set()?.thread_block().context("cannot block signals")
}

/// A thread that waits for them.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    cancel: Cancel,
    /// The first one that came; 0 before.
    caught: Arc<AtomicI32>,
}

impl Signals {
    /// From now on the first signal cancels, and the second one ends this process.
    pub(crate) fn watch() -> Result<Self> {
        let (set, cancel) = (set()?, Cancel::default());
        let caught = Arc::new(AtomicI32::new(0));
        let (first, switch) = (Arc::clone(&caught), cancel.clone());
        let wait = move || {
            let Ok(signal) = set.wait() else { return };
            first.store(signal as i32, Ordering::SeqCst);
            switch.cancel();
            if let Ok(signal) = set.wait() {
                std::process::exit(128 + signal as i32);
            }
        };
        std::thread::Builder::new().name("signals".to_owned()).spawn(wait).context("cannot start a thread")?;
        Ok(Self { cancel, caught })
    }

    /// The switch that the first signal turns off.
    pub(crate) fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// The failure that a stopped build ends with: 128 and the signal, as shells have it.
    pub(crate) fn failure(&self) -> Option<Failure> {
        let signal = Signal::try_from(self.caught.load(Ordering::SeqCst)).ok()?;
        Some(Failure { status: status(signal), source: anyhow::anyhow!("stopped by {signal}") })
    }
}

/// What a command ends with that a signal ended: 128 and its number, as shells have it.
pub(crate) fn status(signal: Signal) -> Status {
    Status::Process(u8::try_from(128 + signal as i32).unwrap_or(u8::MAX))
}

/// Those that this process was not told to ignore, as `nohup` and shells do with what runs in the background: a signal that
/// is blocked would come all the same.
fn set() -> Result<SigSet> {
    let status = std::fs::read_to_string("/proc/self/status").context("cannot read /proc/self/status")?;
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    Ok(ENDING.into_iter().filter(|signal| ignored & (1 << (*signal as i32 - 1)) == 0).collect())
}
