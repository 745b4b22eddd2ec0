//! Text that fills the screen.

use super::{key::Key, screen::Line};

/// Columns that a key moves to the side.
const SIDEWAYS: usize = 8;

/// What the text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// All keys, in lines as wide as the screen.
    Keys,
    /// All that is known of what is selected, likewise.
    Selected,
    /// A file, in its own lines.
    File,
}

/// Lines, and where one is in them.
pub(super) struct Pager {
    pub(super) subject: Subject,
    pub(super) title: String,
    pub(super) lines: Vec<Line>,
    pub(super) top: usize,
    /// Columns that are left out at the left.
    pub(super) left: usize,
}

impl Pager {
    /// A file.
    pub(super) fn of_file(title: String, lines: Vec<Line>) -> Self {
        Self { subject: Subject::File, title, lines, top: 0, left: 0 }
    }

    /// What gets its lines when it is drawn.
    pub(super) fn of(subject: Subject, title: &str) -> Self {
        Self { subject, title: title.to_owned(), lines: Vec::new(), top: 0, left: 0 }
    }

    /// Takes the lines that it has on a screen of which `page` lines are its own.
    pub(super) fn fill(&mut self, lines: Vec<Line>, page: usize) {
        self.top = self.top.min(lines.len().saturating_sub(page.max(1)));
        self.lines = lines;
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
