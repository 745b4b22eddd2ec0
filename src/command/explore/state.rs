//! What is shown and what a key does to it. Knows nothing of a terminal.

use std::path::PathBuf;

use strata_analyzer::tree::{Changes, NodeIndex, ROOT, Scene, Version};
use strata_image::view::InodeId;

use super::{
    content::Content,
    extract::{self, Outcome},
    key::Key,
    model::Model,
    pager::{Pager, Subject},
    prompt::{Prompt, Typed},
    rows::{Filter, Hidden, Order, Row, Rows},
    shown,
};

/// The pane that keys go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Focus {
    Layers,
    Tree,
}

/// What must be done that is not a matter of the screen.
#[derive(Debug, PartialEq)]
pub(super) enum Effect {
    Nothing,
    Quit,
    Suspend,
    /// Nobody waits for the job that runs.
    Cancel,
    Read(File),
    Extract(extract::Order),
}

/// A file of the image, to be read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct File {
    pub(super) inode: InodeId,
    pub(super) path: Vec<u8>,
    pub(super) size: u64,
}

/// What keys go to before the panes.
pub(super) enum Over {
    Nothing,
    Filter(Prompt),
    Extract(Prompt),
    /// The destination is there already.
    Overwrite(PathBuf),
    /// A job runs: what it does.
    Waiting(String),
    Pager(Pager),
}

/// The whole of it.
pub(super) struct State {
    pub(super) model: Model,
    pub(super) focus: Focus,
    pub(super) layer: usize,
    pub(super) changes: Changes,
    pub(super) scene: Scene,
    pub(super) hidden: Hidden,
    pub(super) filter: Filter,
    pub(super) order: Order,
    /// Whether modes and owners are shown.
    pub(super) attributes: bool,
    /// Whether long names go on in the next line.
    pub(super) wrapped: bool,
    pub(super) collapsed: Vec<bool>,
    pub(super) rows: Vec<Row>,
    pub(super) cursor: usize,
    pub(super) over: Over,
    /// Shown instead of the keys until the next one.
    pub(super) message: Option<String>,
    /// Rows that fit, as drawn the last time.
    pub(super) page: usize,
    /// The first layer, and the first row, that were shown the last time.
    pub(super) layer_top: usize,
    pub(super) tree_top: usize,
    /// Levels of the tree that are out of sight at the left.
    pub(super) tree_left: usize,
}

impl State {
    /// At the lowest layer, with everything open, as dive begins.
    pub(super) fn new(model: Model) -> Self {
        let changes = Changes::default();
        let scene = model.tree.at(0, changes);
        let collapsed = vec![false; model.tree.len()];
        let mut state = Self {
            model,
            focus: Focus::Layers,
            layer: 0,
            changes,
            scene,
            hidden: Hidden::default(),
            filter: Filter::default(),
            order: Order::default(),
            attributes: true,
            wrapped: false,
            collapsed,
            rows: Vec::new(),
            cursor: 0,
            over: Over::Nothing,
            message: None,
            page: 1,
            layer_top: 0,
            tree_top: 0,
            tree_left: 0,
        };
        state.list();
        state
    }

    /// Takes a key.
    pub(super) fn press(&mut self, key: Key) -> Effect {
        self.message = None;
        match key {
            Key::Ctrl('c') => return Effect::Quit,
            Key::Ctrl('z') => return Effect::Suspend,
            _ => {}
        }
        match std::mem::replace(&mut self.over, Over::Nothing) {
            Over::Nothing => return self.browse(key),
            Over::Filter(prompt) => self.type_filter(prompt, key),
            Over::Extract(prompt) => return self.type_destination(prompt, key),
            Over::Overwrite(path) => {
                return if matches!(key, Key::Char('y' | 'Y')) { self.extract(path, true) } else { Effect::Nothing };
            }
            Over::Waiting(what) => {
                if matches!(key, Key::Esc | Key::Char('q')) {
                    self.message = Some("stopped".to_owned());
                    return Effect::Cancel;
                }
                self.over = Over::Waiting(what);
            }
            Over::Pager(mut pager) => {
                if pager.press(key, self.page) {
                    self.over = Over::Pager(pager);
                }
            }
        }
        Effect::Nothing
    }

    fn browse(&mut self, key: Key) -> Effect {
        match key {
            Key::Char('q' | 'Q') => return Effect::Quit,
            Key::Tab => self.focus = if self.focus == Focus::Layers { Focus::Tree } else { Focus::Layers },
            Key::Char('?') => self.over = Over::Pager(Pager::of(Subject::Keys, "Keys")),
            Key::Char('i') => self.tell_all(),
            Key::Ctrl('f' | '/') | Key::Char('/') => self.over = Over::Filter(Prompt::new(&self.filter.text)),
            Key::Esc => self.set_filter(""),
            Key::Ctrl('e') | Key::Char('e') => self.ask_destination(),
            Key::Ctrl('a') if self.focus == Focus::Layers => self.show_changes(Changes::Aggregated),
            Key::Ctrl('l') => self.show_changes(Changes::OfLayer),
            Key::Ctrl('a') => self.hide(|hidden| &mut hidden.added),
            Key::Ctrl('r') => self.hide(|hidden| &mut hidden.removed),
            Key::Ctrl('m') | Key::Char('m') => self.hide(|hidden| &mut hidden.modified),
            Key::Ctrl('u') => self.hide(|hidden| &mut hidden.unmodified),
            Key::Ctrl('b') => self.attributes = !self.attributes,
            Key::Ctrl('p') => self.wrapped = !self.wrapped,
            Key::Ctrl('o') | Key::Char('o') => {
                self.order = self.order.next();
                self.list();
            }
            Key::Ctrl(' ') => self.toggle_all(),
            _ if self.focus == Focus::Layers => self.move_layer(key),
            _ => return self.move_in_tree(key),
        }
        Effect::Nothing
    }

    /// The name that the cursor is on.
    pub(super) fn selected(&self) -> Option<NodeIndex> {
        self.rows.get(self.cursor).map(|row| row.node)
    }

    /// What the name means here; of a removed one, what it meant.
    pub(super) fn version(&self, node: NodeIndex) -> Option<&Version> {
        let tree = &self.model.tree;
        let now = tree.version(node, self.layer)?;
        if now.inode.is_some() { Some(now) } else { tree.last_alive(node, self.layer).or(Some(now)) }
    }

    /// Whether something that is shown is in it.
    pub(super) fn has_children(&self, node: NodeIndex) -> bool {
        use strata_analyzer::tree::Mark;
        self.model.tree.children(node).iter().any(|&child| self.scene.mark(child) != Mark::Absent)
    }

    pub(super) fn is_open(&self, node: NodeIndex) -> bool {
        self.filter.is_set() || !self.collapsed[node as usize]
    }

    /// Closes or opens a directory, shows a file.
    pub(super) fn enter(&mut self) -> Effect {
        let Some(node) = self.selected() else { return Effect::Nothing };
        if self.has_children(node) {
            self.toggle();
            return Effect::Nothing;
        }
        let file = self.version(node).and_then(|version| {
            let is_file = version.kind == strata_analyzer::tree::Type::File;
            let inode = version.inode.filter(|_| is_file)?;
            Some(File { inode, path: self.model.tree.path(node), size: version.size })
        });
        let Some(file) = file else {
            self.message = Some("only regular files have contents".to_owned());
            return Effect::Nothing;
        };
        self.over = Over::Waiting(format!("reading {}", shown::path(&file.path)));
        Effect::Read(file)
    }

    /// Takes what a job has read.
    pub(super) fn show_content(&mut self, content: Result<Content, String>) {
        match content {
            Ok(content) => self.over = Over::Pager(content.pager()),
            Err(problem) => self.fail(problem),
        }
    }

    /// Takes what became of an extraction.
    pub(super) fn say_extracted(&mut self, outcome: Result<Outcome, String>) {
        match outcome {
            Ok(Outcome::Done(text)) => self.fail(text),
            Ok(Outcome::Exists(path)) => self.over = Over::Overwrite(path),
            Err(problem) => self.fail(problem),
        }
    }

    /// Shows all that is known of what is selected.
    pub(super) fn tell_all(&mut self) {
        self.over = Over::Pager(Pager::of(Subject::Selected, "About"));
    }

    fn fail(&mut self, message: String) {
        self.over = Over::Nothing;
        self.message = Some(message);
    }

    fn hide(&mut self, which: fn(&mut Hidden) -> &mut bool) {
        *which(&mut self.hidden) ^= true;
        self.list();
    }

    fn show_changes(&mut self, changes: Changes) {
        if self.changes != changes {
            self.changes = changes;
            self.look();
        }
    }

    pub(super) fn look(&mut self) {
        self.scene = self.model.tree.at(self.layer, self.changes);
        self.list();
    }

    /// Makes the rows again; the cursor stays on its name, or on the next one above that is shown.
    pub(super) fn list(&mut self) {
        let mut wanted = self.selected();
        self.rows = Rows {
            tree: &self.model.tree,
            scene: &self.scene,
            hidden: self.hidden,
            filter: &self.filter,
            order: self.order,
            collapsed: &self.collapsed,
        }
        .list();
        while let Some(node) = wanted.filter(|&node| node != ROOT) {
            if let Some(found) = self.rows.iter().position(|row| row.node == node) {
                self.cursor = found;
                return;
            }
            wanted = Some(self.model.tree.parent(node));
        }
        self.cursor = self.cursor.min(self.rows.len().saturating_sub(1));
    }

    fn set_filter(&mut self, text: &str) {
        match self.filter.set(text, &self.model.tree) {
            Ok(()) => self.list(),
            Err(problem) => self.message = Some(problem),
        }
    }

    fn type_filter(&mut self, mut prompt: Prompt, key: Key) {
        let key = match key {
            // in dive the key that opens the filter closes it, and Tab goes on with the filter kept
            Key::Ctrl('f' | '/') => Key::Esc,
            Key::Tab => Key::Enter,
            key => key,
        };
        match prompt.press(key) {
            Typed::Changed => self.set_filter(&prompt.text),
            Typed::Done => {
                self.set_filter(&prompt.text);
                self.focus = Focus::Tree;
                return;
            }
            Typed::GivenUp => return self.set_filter(""),
            Typed::Nothing => {}
        }
        self.over = Over::Filter(prompt);
    }

    fn ask_destination(&mut self) {
        if self.focus == Focus::Tree && self.selected().is_some() {
            self.over = Over::Extract(Prompt::default());
        } else {
            self.message = Some("Tab goes to the tree: what is selected there is extracted".to_owned());
        }
    }

    fn type_destination(&mut self, mut prompt: Prompt, key: Key) -> Effect {
        match prompt.press(key) {
            Typed::Done if prompt.text.is_empty() => return self.extract(PathBuf::from("."), false),
            Typed::Done => return self.extract(PathBuf::from(prompt.text), false),
            Typed::GivenUp => return Effect::Nothing,
            Typed::Changed | Typed::Nothing => {}
        }
        self.over = Over::Extract(prompt);
        Effect::Nothing
    }

    fn extract(&mut self, directory: PathBuf, overwrite: bool) -> Effect {
        let Some(node) = self.selected() else { return Effect::Nothing };
        let order = extract::Order::of(&self.model, node, self.layer, directory, overwrite);
        self.over = Over::Waiting(format!("extracting {}", shown::path(&self.model.tree.path(node))));
        Effect::Extract(order)
    }
}
