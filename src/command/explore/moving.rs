//! Where the cursor goes, and what opens and closes on the way.

use strata_analyzer::tree::ROOT;

use super::{
    key::Key,
    state::{Effect, Focus, State},
};

impl State {
    /// In the layers.
    pub(super) fn move_layer(&mut self, key: Key) {
        let last = self.model.tree.layers().saturating_sub(1);
        let layer = match key {
            Key::Up | Key::Char('k') => self.layer.saturating_sub(1),
            Key::Down | Key::Char('j') => self.layer + 1,
            Key::PageUp | Key::Char('u') => self.layer.saturating_sub(self.page),
            Key::PageDown | Key::Char('d') => self.layer.saturating_add(self.page),
            Key::Home | Key::Char('g') => 0,
            Key::End | Key::Char('G') => last,
            // dive goes to its panes of details, whose text is this
            Key::Left | Key::Right | Key::Char('h' | 'l') => return self.tell_all(),
            Key::Enter => {
                self.focus = Focus::Tree;
                return;
            }
            _ => return,
        };
        let layer = layer.min(last);
        if layer != self.layer {
            self.layer = layer;
            self.look();
        }
    }

    /// In the tree.
    pub(super) fn move_in_tree(&mut self, key: Key) -> Effect {
        let last = self.rows.len().saturating_sub(1);
        self.cursor = match key {
            Key::Up | Key::Char('k') => self.cursor.saturating_sub(1),
            Key::Down | Key::Char('j') => self.cursor.saturating_add(1),
            Key::PageUp | Key::Char('u') => self.cursor.saturating_sub(self.page),
            Key::PageDown | Key::Char('d') => self.cursor.saturating_add(self.page),
            Key::Home | Key::Char('g') => 0,
            Key::End | Key::Char('G') => last,
            Key::Left | Key::Char('h') => self.above(),
            Key::Right | Key::Char('l') => {
                self.open();
                self.cursor
            }
            Key::Char(' ') => {
                self.toggle();
                self.cursor
            }
            Key::Enter | Key::Char('v') => return self.enter(),
            _ => return Effect::Nothing,
        }
        .min(self.rows.len().saturating_sub(1));
        Effect::Nothing
    }

    /// The row of the directory that holds the one under the cursor.
    fn above(&self) -> usize {
        let Some(row) = self.rows.get(self.cursor) else { return 0 };
        self.rows[..self.cursor].iter().rposition(|other| other.depth < row.depth).unwrap_or(self.cursor)
    }

    /// Goes into a directory, which is opened if it is closed.
    fn open(&mut self) {
        let Some(node) = self.selected().filter(|&node| self.has_children(node)) else { return };
        if !self.is_open(node) {
            self.toggle();
        }
        let depth = |place: usize| self.rows.get(place).map(|row| row.depth);
        if depth(self.cursor + 1) > depth(self.cursor) {
            self.cursor += 1;
        }
    }

    /// Closes or opens the directory under the cursor.
    pub(super) fn toggle(&mut self) {
        if self.filter.is_set() {
            self.message = Some("a filter shows all that it matches: Esc drops it".to_owned());
        } else if let Some(node) = self.selected().filter(|&node| self.has_children(node)) {
            self.collapsed[node as usize] ^= true;
            self.list();
        }
    }

    /// Closes every directory, or opens them all when the selected one, or the first, is closed.
    pub(super) fn toggle_all(&mut self) {
        let tree = &self.model.tree;
        let close =
            tree.children(ROOT).iter().any(|&node| !tree.children(node).is_empty() && !self.collapsed[node as usize]);
        self.collapsed.fill(close);
        self.list();
    }
}
