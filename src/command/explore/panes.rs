//! The two panes in lines: layers, and names with what they weigh.
//!
//! A narrow pane leaves columns out before it cuts names. A tree that is deeper than it is wide is moved to the left, with a
//! `‹` before the names whose place is further left.

use strata_analyzer::{
    size_text,
    tree::{Changes, Mark, Type},
};

use super::{
    rows::Row,
    screen::{Area, Line, Role},
    shown,
    state::{Focus, State},
};

/// Columns of a pane from which on modes and owners are shown.
const ROOM_FOR_ATTRIBUTES: u16 = 60;
/// From which on wasted bytes are.
const ROOM_FOR_WASTED: u16 = 32;
/// And sizes.
const ROOM_FOR_SIZE: u16 = 24;
/// Columns between a directory and what is in it.
const STEP: usize = 2;
/// The least that a wrapped name has for itself.
const ROOM_FOR_NAME: usize = 12;

/// The colour of a mark.
pub(super) fn role_of(mark: Mark) -> Role {
    match mark {
        Mark::Absent | Mark::Unmodified => Role::Plain,
        Mark::Added => Role::Added,
        Mark::Modified => Role::Modified,
        Mark::Metadata => Role::Metadata,
        Mark::Removed => Role::Removed,
    }
}

fn letter(mark: Mark) -> char {
    match mark {
        Mark::Absent | Mark::Unmodified => ' ',
        Mark::Added => 'A',
        Mark::Modified => 'M',
        Mark::Metadata => 'P',
        Mark::Removed => 'R',
    }
}

/// Which columns a pane has room for.
#[derive(Clone, Copy)]
struct Columns {
    width: usize,
    size: bool,
    wasted: bool,
    attributes: bool,
}

impl Columns {
    fn of(area: Area) -> Self {
        Self {
            width: usize::from(area.width),
            size: area.width >= ROOM_FOR_SIZE,
            wasted: area.width >= ROOM_FOR_WASTED,
            attributes: area.width >= ROOM_FOR_ATTRIBUTES,
        }
    }
}

impl State {
    pub(super) fn layer_lines(&mut self, area: Area) -> Vec<Line> {
        let rows = usize::from(area.height.saturating_sub(1));
        let active = self.focus == Focus::Layers;
        let columns = Columns::of(area);
        let part = |shown, text: &str| if shown { text.to_owned() } else { String::new() };
        let size = |bytes| if columns.size { format!("{:>7} ", size_text(bytes)) } else { String::new() };
        let head = format!("  # {}{} LAYER", part(columns.size, "   SIZE "), part(columns.wasted, " WASTED "));
        let mut lines = vec![Line::of(&head, head_role(active))];
        let all = self.model.analysis.layers.len();
        // the first layer that is shown moves as little as can be
        let least = (self.layer + 1).saturating_sub(rows);
        self.layer_top = self.layer_top.clamp(least.min(self.layer), self.layer).min(all.saturating_sub(rows));
        for layer in self.model.analysis.layers.iter().skip(self.layer_top).take(rows) {
            let by = shown::safe(layer.created_by.as_deref().unwrap_or_default());
            let wasted = if layer.wasted_bytes > 0 { size_text(layer.wasted_bytes) } else { String::new() };
            let mut line = Line::of(&format!("{:>3} {}", layer.index, size(layer.size_bytes)), Role::Plain);
            line = line.and(&part(columns.wasted, &format!("{wasted:>7} ")), Role::Removed);
            line = line.and(&format!(" {by}"), Role::Plain);
            line.cursor = (layer.index == self.layer).then_some(active);
            lines.push(line);
        }
        lines
    }

    pub(super) fn tree_lines(&mut self, area: Area) -> Vec<Line> {
        let height = usize::from(area.height.saturating_sub(1));
        let active = self.focus == Focus::Tree;
        let columns = Columns { attributes: self.attributes && area.width >= ROOM_FOR_ATTRIBUTES, ..Columns::of(area) };
        let mut lines = vec![self.tree_head(active, columns)];
        if self.rows.is_empty() {
            lines.push(Line::of("nothing to show", Role::Faint));
            return lines;
        }
        self.move_sideways(columns);
        // from the cursor up to the row that was the first before, so that it moves as little as can be
        let mut first = self.cursor;
        let mut body = self.row_lines(self.cursor, columns, height);
        while let Some(above) = first.checked_sub(1).filter(|above| *above >= self.tree_top) {
            let mut before = self.row_lines(above, columns, height);
            if before.len() + body.len() > height {
                break;
            }
            before.append(&mut body);
            (body, first) = (before, above);
        }
        let mut next = self.cursor + 1;
        while body.len() < height && next < self.rows.len() {
            body.extend(self.row_lines(next, columns, height));
            next += 1;
        }
        // the end of the tree stands at the end of the screen
        while let Some(above) = first.checked_sub(1) {
            let mut before = self.row_lines(above, columns, height);
            if before.len() + body.len() > height {
                break;
            }
            before.append(&mut body);
            (body, first) = (before, above);
        }
        self.tree_top = first;
        lines.extend(body.into_iter().take(height));
        lines
    }

    fn tree_head(&self, active: bool, columns: Columns) -> Line {
        let mut head = "  ".to_owned();
        for (shown, column) in
            [(columns.size, "   SIZE "), (columns.wasted, " WASTED "), (columns.attributes, " MODE       OWNER   ")]
        {
            head.push_str(if shown { column } else { "" });
        }
        let what = match self.changes {
            Changes::OfLayer => format!("LAYER {}", self.layer),
            Changes::Aggregated => format!("LAYERS 0-{}", self.layer),
        };
        let mut notes = vec![what, format!("by {}", self.order.word())];
        if self.filter.is_set() {
            notes.push(format!("filter {}", shown::safe(&self.filter.text)));
        }
        let hidden = self.hidden.words();
        if !hidden.is_empty() {
            notes.push(format!("without {}", hidden.join(", ")));
        }
        Line::of(&head, head_role(active)).and(&format!(" {}", notes.join(" · ")), head_role(active))
    }

    /// Moves a deep tree so that at least half of the room is left for the name that the cursor is on.
    fn move_sideways(&mut self, columns: Columns) {
        let depth = self.rows.get(self.cursor).map_or(0, |row| usize::from(row.depth));
        let most = (columns.width.saturating_sub(prefix_width(columns)) / 2 / STEP).max(1);
        self.tree_left = self.tree_left.clamp(depth.saturating_sub(most), depth.saturating_sub(most / 2));
    }

    /// One row, of which the first so many lines matter.
    fn row_lines(&self, place: usize, columns: Columns, height: usize) -> Vec<Line> {
        let Some(&row) = self.rows.get(place) else { return Vec::new() };
        let (prefix, indent) = (self.prefix(row, columns), self.indent(row));
        let name = self.name_line(row);
        let mut lines = if self.wrapped { wrapped(&prefix, &indent, name, columns.width, height) } else { Vec::new() };
        if lines.is_empty() {
            let line = self
                .name_line(row)
                .spans
                .iter()
                .fold(prefix.and(&indent, Role::Faint), |line, span| line.and(&span.text, span.role));
            lines.push(line);
        }
        if place == self.cursor {
            for line in &mut lines {
                line.cursor = Some(self.focus == Focus::Tree);
            }
        }
        lines
    }

    /// All columns before the name.
    fn prefix(&self, row: Row, columns: Columns) -> Line {
        let mark = self.scene.mark(row.node);
        let bytes = if columns.size { format!("{:>7} ", size_text(self.scene.bytes(row.node))) } else { String::new() };
        let mut line = Line::of(&format!("{} {bytes}", letter(mark)), role_of(mark));
        if columns.wasted {
            let wasted = match self.scene.wasted(row.node) {
                0 => String::new(),
                wasted => size_text(wasted),
            };
            line = line.and(&format!("{wasted:>7} "), Role::Removed);
        }
        if columns.attributes {
            line = line.and(&format!(" {:19}", self.model.attributes(self.version(row.node))), Role::Faint);
        }
        line.and(" ", Role::Plain)
    }

    fn indent(&self, row: Row) -> String {
        let depth = usize::from(row.depth);
        match depth.checked_sub(self.tree_left) {
            _ if self.tree_left == 0 => " ".repeat(depth * STEP),
            None => "‹ ".to_owned(),
            Some(depth) => " ".repeat((depth + 1) * STEP),
        }
    }

    /// The sign of a directory, the name, and where it leads.
    fn name_line(&self, row: Row) -> Line {
        let role = role_of(self.scene.mark(row.node));
        let version = self.version(row.node);
        let sign = match self.has_children(row.node) {
            true if self.is_open(row.node) => "▾ ",
            true => "▸ ",
            false => "  ",
        };
        let mut name = shown::name(self.model.tree.name(row.node));
        if version.is_some_and(|version| version.kind == Type::Directory) {
            name.push('/');
        }
        let line = Line::of(sign, role).and(&name, role);
        match version.and_then(|version| self.model.target(version)) {
            Some(target) => line.and(&format!(" -> {}", shown::name(&target)), Role::Faint),
            None => line,
        }
    }
}

fn head_role(active: bool) -> Role {
    if active { Role::Title } else { Role::Faint }
}

fn prefix_width(columns: Columns) -> usize {
    3 + if columns.size { 8 } else { 0 } + if columns.wasted { 8 } else { 0 } + if columns.attributes { 20 } else { 0 }
}

/// A row in as many lines as its name needs, at most `height`; what does not fit on the first stands below its beginning.
fn wrapped(prefix: &Line, indent: &str, name: Line, width: usize, height: usize) -> Vec<Line> {
    let before = prefix.spans.iter().map(|span| shown::width(&span.text)).sum::<usize>() + shown::width(indent);
    let hang = (before + STEP).min(width.saturating_sub(ROOM_FOR_NAME));
    let mut lines = Vec::new();
    let mut line = prefix.clone().and(indent, Role::Faint);
    let mut left = width.saturating_sub(before);
    for span in name.spans {
        let mut rest = span.text.as_str();
        loop {
            let (text, more) = shown::split(rest, left);
            line = line.and(text, span.role);
            left -= shown::width(text);
            if more.is_empty() {
                break;
            }
            lines.push(std::mem::replace(&mut line, Line::of(&" ".repeat(hang), Role::Plain)));
            left = width.saturating_sub(hang);
            if lines.len() >= height || left < 2 {
                return lines;
            }
            rest = more;
        }
    }
    lines.push(line);
    lines
}
