//! A line that is being typed.

use super::key::Key;

/// The longest line: longer than any path.
const LONGEST: usize = 4096;

/// What has been typed so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Prompt {
    pub(super) text: String,
}

/// What a key did to the line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Typed {
    Changed,
    Done,
    GivenUp,
    Nothing,
}

impl Prompt {
    pub(super) fn new(text: &str) -> Self {
        Self { text: text.to_owned() }
    }

    pub(super) fn press(&mut self, key: Key) -> Typed {
        match key {
            Key::Char(c) if !c.is_control() && self.text.len() < LONGEST => self.text.push(c),
            Key::Backspace | Key::Ctrl('h') => drop(self.text.pop()),
            Key::Ctrl('u') => self.text.clear(),
            Key::Enter => return Typed::Done,
            Key::Esc => return Typed::GivenUp,
            _ => return Typed::Nothing,
        }
        Typed::Changed
    }
}
