//! All that can happen, from the threads that wait for it.

use std::sync::mpsc::Sender;

use anyhow::{Context, Result};
use nix::{
    sys::signal::{SigSet, Signal, kill},
    unistd::Pid,
};
use ratatui::crossterm::event::{self, Event as Input};

use super::{content::Content, extract::Outcome, key::Key};

/// Something that happened.
pub(super) enum Event {
    Key(Key),
    Resize,
    /// Someone asks us to stop until we are continued.
    Stopped,
    /// Someone asks us to end.
    Ended(Signal),
    /// The terminal cannot be read any more.
    Lost,
    /// A job has read a file: its number, and what it read or why it could not.
    Read(u64, Result<Content, String>),
    /// A job has extracted.
    Extracted(u64, Result<Outcome, String>),
}

/// Those that a terminal, a shell and a service manager send.
const SIGNALS: [Signal; 5] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGTSTP];

/// Blocks the signals that [`watch`] waits for. Must come before any thread is started.
pub(super) fn block_signals() -> Result<()> {
    SIGNALS.into_iter().collect::<SigSet>().thread_block().context("cannot block signals")
}

/// Starts the threads that wait for keys and for signals.
pub(super) fn watch(events: &Sender<Event>) -> Result<()> {
    let keys = events.clone();
    let read = move || {
        loop {
            let event = match event::read() {
                Ok(Input::Key(key)) => Key::of(key).map(Event::Key),
                Ok(Input::Resize(..)) => Some(Event::Resize),
                Ok(_) => None,
                Err(_) => Some(Event::Lost),
            };
            let is_last = matches!(event, Some(Event::Lost));
            if event.is_some_and(|event| keys.send(event).is_err()) || is_last {
                return;
            }
        }
    };
    let signals = events.clone();
    let wait = move || {
        let set: SigSet = SIGNALS.into_iter().collect();
        while let Ok(signal) = set.wait() {
            let event = if signal == Signal::SIGTSTP { Event::Stopped } else { Event::Ended(signal) };
            if signals.send(event).is_err() {
                return;
            }
        }
    };
    for (name, run) in [("keys", Box::new(read) as Box<dyn FnOnce() + Send>), ("signals", Box::new(wait))] {
        std::thread::Builder::new().name(name.to_owned()).spawn(run).context("cannot start a thread")?;
    }
    Ok(())
}

/// Stops everything that the shell started together with us, as Ctrl-Z does where the terminal itself sees it. It comes
/// back to us as [`Event::Stopped`].
pub(super) fn stop_group() {
    // the signal reaches ourselves at least
    let _ = kill(Pid::from_raw(0), Signal::SIGTSTP);
}
