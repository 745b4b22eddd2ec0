//! Text that fills the screen.

use super::{key::Key, screen::Line};

/// Columns that a key moves to the side.
const SIDEWAYS: usize = 8;

/// Lines, and where one is in them.
pub(super) struct Pager {
    pub(super) title: String,
    pub(super) lines: Vec<Line>,
    pub(super) top: usize,
    /// Columns that are left out at the left.
    pub(super) left: usize,
}

impl Pager {
    pub(super) fn new(title: String, lines: Vec<Line>) -> Self {
        Self { title, lines, top: 0, left: 0 }
    }

    /// Takes a key; whether the text is still to be shown. `page` is the number of lines that fit.
    pub(super) fn press(&mut self, key: Key, page: usize) -> bool {
        let last = self.lines.len().saturating_sub(page.max(1));
        let step = page.saturating_sub(1).max(1);
        self.top = match key {
            Key::Esc | Key::Char('q' | 'Q' | '?' | 'i') => return false,
            Key::Up | Key::Char('k') => self.top.saturating_sub(1),
            Key::Down | Key::Char('j') | Key::Enter => self.top + 1,
            Key::PageUp | Key::Char('u' | 'b') => self.top.saturating_sub(step),
            Key::PageDown | Key::Char('d' | ' ') => self.top.saturating_add(step),
            Key::Home | Key::Char('g') => 0,
            Key::End | Key::Char('G') => last,
            _ => self.top,
        }
        .min(last);
        match key {
            Key::Left | Key::Char('h') => self.left = self.left.saturating_sub(SIDEWAYS),
            Key::Right | Key::Char('l') => self.left += SIDEWAYS,
            _ => {}
        }
        true
    }
}
