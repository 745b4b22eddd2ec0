//! The terminal: taken over, and always given back as it was: at the end, after a panic, and while the program is stopped.

use std::io::{self, Stdout};

use anyhow::Result;
use nix::sys::signal::{SigSet, Signal, raise};
use ratatui::{
    Terminal as Screen,
    backend::CrosstermBackend,
    crossterm::{
        cursor::{Hide, Show},
        execute,
        terminal::{Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
    },
};

use super::{draw, state::State};

/// A terminal that is taken over.
pub(super) struct Terminal {
    screen: Screen<CrosstermBackend<Stdout>>,
    is_coloured: bool,
}

impl Terminal {
    pub(super) fn enter() -> Result<Self> {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            // the program may abort without unwinding, and what it says must be read on the screen of before
            give_back();
            before(panic);
        }));
        let is_coloured = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let screen = Screen::new(CrosstermBackend::new(io::stdout()))?;
        let terminal = Self { screen, is_coloured };
        take()?;
        Ok(terminal)
    }

    pub(super) fn draw(&mut self, state: &mut State) -> io::Result<()> {
        let is_coloured = self.is_coloured;
        self.screen.draw(|frame| draw::draw(frame, state, is_coloured))?;
        Ok(())
    }

    /// Gives the terminal back and stops, as the signal asks that brought us here, until someone continues us.
    pub(super) fn suspend(&mut self) -> Result<()> {
        give_back();
        let stop = SigSet::from(Signal::SIGTSTP);
        // blocked in every thread, it is taken by this one as soon as this one lets it
        raise(Signal::SIGTSTP)?;
        stop.thread_unblock()?;
        stop.thread_block()?;
        take()?;
        // a new one draws everything; `clear` would ask the terminal for its cursor, while another thread reads the answers
        self.screen = Screen::new(CrosstermBackend::new(io::stdout()))?;
        Ok(())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    execute!(io::stdout(), EnterAlternateScreen, Clear(ClearType::All), Hide)
}

/// A terminal that is gone cannot be given back.
fn give_back() {
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}
