//! What there is to see, in lines of spans; where they go on a screen of a given size.
//!
//! ```text
//! wide                         narrow: the pane that keys go to
//! title                        title
//! layers   │ tree              tree
//! ─────────│
//! details  │
//! keys                         keys
//! ```
//!
//! Keys and messages have as many lines as they need, if the screen is high enough for these.

use std::borrow::Cow;

use strata_analyzer::size_text;

use super::{
    help,
    pager::{Pager, Subject},
    shown,
    state::{Focus, Over, State},
};
use crate::look::text::count;

/// Columns from which on both panes are shown; the tree's names need some room beside three columns of numbers.
const WIDE: u16 = 70;
/// Lines of a screen for each that keys may have.
const LINES_FOR_KEYS: u16 = 8;
/// The widest left pane.
const LEFT: u16 = 56;

/// What a text is, for its colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    #[default]
    Plain,
    Strong,
    Faint,
    Title,
    Added,
    Modified,
    Metadata,
    Removed,
}

/// A piece of a line.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Span {
    pub(super) text: String,
    pub(super) role: Role,
}

/// A line; of what does not fit, an ellipsis stands at the right.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Line {
    pub(super) spans: Vec<Span>,
    /// Whether the cursor is on it; `Some(true)` where keys go to its pane.
    pub(super) cursor: Option<bool>,
}

impl Line {
    pub(super) fn of(text: &str, role: Role) -> Self {
        Self::default().and(text, role)
    }

    pub(super) fn and(mut self, text: &str, role: Role) -> Self {
        self.spans.push(Span { text: text.to_owned(), role });
        self
    }

    /// As much of it as fits into so many columns.
    pub(super) fn cut(&self, columns: u16) -> Cow<'_, Self> {
        let columns = usize::from(columns);
        if self.spans.iter().map(|span| shown::width(&span.text)).sum::<usize>() <= columns {
            return Cow::Borrowed(self);
        }
        let mut cut = Self { spans: Vec::new(), cursor: self.cursor };
        let mut left = columns.saturating_sub(1);
        for span in &self.spans {
            let (text, _) = shown::split(&span.text, left);
            cut = cut.and(text, span.role);
            if text.len() < span.text.len() {
                break;
            }
            left -= shown::width(text);
        }
        Cow::Owned(if columns > 0 { cut.and("…", Role::Faint) } else { cut })
    }
}

/// A rectangle of the screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Area {
    pub(super) x: u16,
    pub(super) y: u16,
    pub(super) width: u16,
    pub(super) height: u16,
}

/// Lines and where they go.
pub(super) struct Pane {
    pub(super) area: Area,
    pub(super) lines: Vec<Line>,
}

impl State {
    /// Everything on a screen of this size. Also notes how many rows fit, for the keys that move by pages.
    pub(super) fn screen(&mut self, width: u16, height: u16) -> Vec<Pane> {
        let below = if height > 1 { footer_rows(width, height) } else { 0 };
        let body = Area { x: 0, y: 1.min(height), width, height: height.saturating_sub(1 + below) };
        let title = Pane { area: Area { x: 0, y: 0, width, height: height.min(1) }, lines: vec![self.title()] };
        let footer = Area { x: 0, y: height - below, width, height: below };
        let mut panes = vec![title, Pane { area: footer, lines: self.footer(width, usize::from(below)) }];
        self.page = usize::from(body.height.saturating_sub(1)).max(1);
        let rows = self.page;
        if let Some(pager) = self.filled(width) {
            panes.push(Pane { area: body, lines: page(pager, rows) });
            return panes;
        }
        if width < WIDE {
            let lines = match self.focus {
                Focus::Layers => self.layer_lines(body),
                Focus::Tree => self.tree_lines(body),
            };
            panes.push(Pane { area: body, lines });
            return panes;
        }
        let left = (width * 2 / 5).min(LEFT);
        let rows = u16::try_from(self.model.tree.layers() + 1).unwrap_or(u16::MAX);
        let above = rows.min(body.height.div_ceil(2));
        let layers = Area { width: left, height: above, ..body };
        let details = Area { y: body.y + above, width: left, height: body.height - above, ..body };
        let rule = Area { x: left, width: 1, ..body };
        let tree = Area { x: left + 1, width: width - left - 1, ..body };
        let mut about = vec![Line::of(&"─".repeat(usize::from(left)), Role::Faint)];
        about.extend(self.details(usize::from(left)));
        if about.len() > usize::from(details.height) {
            about.truncate(usize::from(details.height).saturating_sub(1));
            about.push(Line::of("i shows more", Role::Faint));
        }
        panes.push(Pane { area: layers, lines: self.layer_lines(layers) });
        panes.push(Pane { area: details, lines: about });
        panes.push(Pane { area: rule, lines: vec![Line::of("│", Role::Faint); usize::from(body.height)] });
        panes.push(Pane { area: tree, lines: self.tree_lines(tree) });
        panes
    }

    /// The text that fills the screen, if one does, with its lines as wide as the screen.
    fn filled(&mut self, width: u16) -> Option<&Pager> {
        let Over::Pager(pager) = &self.over else { return None };
        let lines = match pager.subject {
            Subject::Keys => Some(help::lines(usize::from(width))),
            Subject::Selected => Some(self.details(usize::from(width))),
            Subject::File => None,
        };
        let Over::Pager(pager) = &mut self.over else { return None };
        if let Some(lines) = lines {
            pager.fill(lines, self.page);
        }
        Some(pager)
    }

    fn title(&self) -> Line {
        let analysis = &self.model.analysis;
        let facts = format!(
            "  {} in {}, {} wasted",
            size_text(analysis.total_bytes),
            count(analysis.layers.len(), "layer"),
            size_text(analysis.wasted_bytes)
        );
        Line::of(&shown::safe(&self.model.name), Role::Strong).and(&facts, Role::Plain)
    }

    /// What stands at the bottom: keys, or what is asked and said.
    fn footer(&self, width: u16, rows: usize) -> Vec<Line> {
        let typed = |what: &str, text: &str, or: &str| {
            // the end of a long line is what is being typed
            let room = usize::from(width).saturating_sub(shown::width(what) + 2);
            let text = shown::safe(text);
            let skipped = shown::width(&text).saturating_sub(room);
            let line =
                Line::of(what, Role::Title).and(shown::without(&text, skipped), Role::Plain).and("▏", Role::Plain);
            if text.is_empty() { line.and(or, Role::Faint) } else { line }
        };
        match (&self.message, &self.over) {
            (_, Over::Extract(prompt)) => {
                let bytes = self.selected().map_or(0, |node| self.scene.bytes(node));
                vec![typed(&format!("extract {} into: ", size_text(bytes)), &prompt.text, "the current directory")]
            }
            (_, Over::Overwrite(path)) => {
                let name = self.selected().map(|node| shown::name(self.model.tree.name(node))).unwrap_or_default();
                let directory = shown::safe(&path.display().to_string());
                said(&format!("overwrite? y/n  {directory}/{name} is there"), Role::Modified, width, rows)
            }
            (_, Over::Waiting(what)) => said(&format!("Esc stops  {what} …"), Role::Title, width, rows),
            (Some(message), Over::Filter(prompt)) => {
                vec![typed("filter: ", &prompt.text, "").and(&format!("  {}", shown::safe(message)), Role::Removed)]
            }
            (_, Over::Filter(prompt)) => vec![typed("filter: ", &prompt.text, "")],
            (Some(message), _) => said(&shown::safe(message), Role::Modified, width, rows),
            (None, Over::Pager(_)) => keys(width, rows, &PAGER_KEYS),
            (None, Over::Nothing) if self.focus == Focus::Layers => keys(width, rows, &LAYER_KEYS),
            (None, Over::Nothing) => keys(width, rows, &TREE_KEYS),
        }
    }
}

/// Between two keys.
const KEY_GAP: &str = "  ";
const PAGER_KEYS: [(&str, &str); 3] = [("q", "back"), ("↑↓", "move"), ("←→", "sideways")];
const LAYER_KEYS: [(&str, &str); 10] = [
    ("?", "help"),
    ("q", "quit"),
    ("Tab", "tree"),
    ("^A", "aggregated"),
    ("^L", "layer"),
    ("/", "filter"),
    ("i", "about"),
    ("^O", "sort"),
    ("^U", "unmodified"),
    ("^B", "modes"),
];
/// More than those of the layers: they say how high the bottom is, so that nothing moves when keys go to the other pane.
const TREE_KEYS: [(&str, &str); 13] = [
    ("?", "help"),
    ("q", "quit"),
    ("Tab", "layers"),
    ("Space", "fold"),
    ("^Space", "all"),
    ("/", "filter"),
    ("^O", "sort"),
    ("i", "about"),
    ("Enter", "view"),
    ("^E", "extract"),
    ("^A ^R m ^U", "hide"),
    ("^B", "modes"),
    ("^P", "wrap"),
];

/// Lines at the bottom of a screen.
fn footer_rows(width: u16, height: u16) -> u16 {
    let most = (height / LINES_FOR_KEYS).max(1);
    u16::try_from(keys(width, usize::from(most), &TREE_KEYS).len()).unwrap_or(1)
}

/// As many keys as fit into so many lines.
fn keys(width: u16, rows: usize, keys: &[(&str, &str)]) -> Vec<Line> {
    let mut lines = vec![Line::default()];
    let mut used = 0;
    for (key, what) in keys {
        let length = shown::width(key) + 1 + shown::width(what);
        let mut gap = if used > 0 { KEY_GAP } else { "" };
        if used > 0 && used + gap.len() + length > usize::from(width) {
            if lines.len() == rows {
                break;
            }
            lines.push(Line::default());
            (used, gap) = (0, "");
        }
        used += gap.len() + length;
        if let Some(line) = lines.pop() {
            lines.push(line.and(gap, Role::Plain).and(key, Role::Title).and(&format!(" {what}"), Role::Plain));
        }
    }
    lines
}

/// A message in so many lines; what does not fit is at the end of the last one.
fn said(text: &str, role: Role, width: u16, rows: usize) -> Vec<Line> {
    let mut lines = shown::wrap(text, usize::from(width));
    if lines.len() > rows {
        let rest = lines.split_off(rows.saturating_sub(1)).join(" ");
        lines.push(rest);
    }
    lines.iter().map(|line| Line::of(line, role)).collect()
}

fn page(pager: &Pager, rows: usize) -> Vec<Line> {
    let last = (pager.top + rows).min(pager.lines.len());
    let place = format!("{}  {}-{} of {}", pager.title, (pager.top + 1).min(last), last, pager.lines.len());
    let mut lines = vec![Line::of(&place, Role::Title)];
    for line in pager.lines.iter().skip(pager.top).take(rows) {
        let mut left = pager.left;
        let mut cut = Line::default();
        for span in &line.spans {
            cut = cut.and(shown::without(&span.text, left), span.role);
            left = left.saturating_sub(shown::width(&span.text));
        }
        lines.push(cut);
    }
    lines
}
