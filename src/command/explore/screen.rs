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

use std::borrow::Cow;

use strata_analyzer::size_text;

use super::{
    pager::Pager,
    shown,
    state::{Focus, Over, State},
};
use crate::look::text::count;

/// Columns from which on both panes are shown; the tree's names need some room beside three columns of numbers.
const WIDE: u16 = 70;
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
        let body = Area { x: 0, y: 1.min(height), width, height: height.saturating_sub(2) };
        let title = Pane { area: Area { x: 0, y: 0, width, height: height.min(1) }, lines: vec![self.title()] };
        let footer = Area { x: 0, y: height.saturating_sub(1), width, height: u16::from(height > 1) };
        let mut panes = vec![title, Pane { area: footer, lines: vec![self.footer(width)] }];
        if let Over::Pager(pager) = &self.over {
            self.page = usize::from(body.height.saturating_sub(1)).max(1);
            panes.push(Pane { area: body, lines: page(pager, self.page) });
            return panes;
        }
        self.page = usize::from(body.height.saturating_sub(1)).max(1);
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

    fn footer(&self, width: u16) -> Line {
        let typed = |what: &str, text: &str| {
            // the end of a long line is what is being typed
            let room = usize::from(width).saturating_sub(shown::width(what) + 2);
            let text = shown::safe(text);
            let skipped = shown::width(&text).saturating_sub(room);
            Line::of(what, Role::Title).and(shown::without(&text, skipped), Role::Plain).and("▏", Role::Plain)
        };
        match (&self.message, &self.over) {
            (_, Over::Extract(prompt)) => {
                let bytes = self.selected().map_or(0, |node| self.scene.bytes(node));
                typed(&format!("extract {} into: ", size_text(bytes)), &prompt.text)
            }
            (_, Over::Overwrite(path)) => {
                let name = self.selected().map(|node| shown::name(self.model.tree.name(node))).unwrap_or_default();
                let directory = shown::safe(&path.display().to_string());
                Line::of(&format!("{directory}/{name} is there: overwrite? y/n"), Role::Modified)
            }
            (_, Over::Waiting(what)) => Line::of(&format!("{what} …  Esc stops"), Role::Title),
            (Some(message), Over::Filter(prompt)) => {
                typed("filter: ", &prompt.text).and(&format!("  {}", shown::safe(message)), Role::Removed)
            }
            (_, Over::Filter(prompt)) => typed("filter: ", &prompt.text),
            (Some(message), _) => Line::of(&shown::safe(message), Role::Modified),
            (None, Over::Pager(_)) => keys(width, &[("q", "back"), ("↑↓", "move"), ("←→", "sideways")]),
            (None, Over::Nothing) if self.focus == Focus::Layers => keys(
                width,
                &[
                    ("?", "help"),
                    ("q", "quit"),
                    ("Tab", "tree"),
                    ("^A", "aggregated"),
                    ("^L", "layer"),
                    ("/", "filter"),
                    ("i", "about"),
                    ("^O", "sort"),
                    ("^U", "unmodified"),
                    ("^B", "attributes"),
                ],
            ),
            (None, Over::Nothing) => keys(
                width,
                &[
                    ("?", "help"),
                    ("q", "quit"),
                    ("Tab", "layers"),
                    ("Space", "fold"),
                    ("/", "filter"),
                    ("^O", "sort"),
                    ("i", "about"),
                    ("Enter", "view"),
                    ("^E", "extract"),
                    ("^U", "unmodified"),
                    ("^A", "added"),
                    ("^R", "removed"),
                    ("m", "modified"),
                    ("^B", "attributes"),
                    ("^P", "wrap"),
                    ("^Space", "fold all"),
                ],
            ),
        }
    }
}

/// As many keys as fit.
fn keys(width: u16, keys: &[(&str, &str)]) -> Line {
    let mut line = Line::default();
    let mut used = 0;
    for (key, what) in keys {
        let length = key.chars().count() + what.chars().count() + 3;
        if used + length > usize::from(width) + 2 {
            break;
        }
        used += length;
        line = line.and(key, Role::Title).and(&format!(" {what}  "), Role::Plain);
    }
    line
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
