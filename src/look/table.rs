//! Aligned tables without rules, as docker prints them.

use comfy_table::{CellAlignment, ColumnConstraint, Table, presets};

/// A table with upper-case heads; columns are as wide as their longest cell and three spaces apart.
pub(crate) struct Columns {
    table: Table,
}

impl Columns {
    pub(crate) fn new(heads: &[&str]) -> Self {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(heads);
        for column in table.column_iter_mut() {
            column.set_padding((0, 3)).set_constraint(ColumnConstraint::ContentWidth);
        }
        Self { table }
    }

    /// Numbers in this column stand at its right edge.
    pub(crate) fn right(mut self, index: usize) -> Self {
        if let Some(column) = self.table.column_mut(index) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        self
    }

    pub(crate) fn row<I: IntoIterator<Item = String>>(&mut self, cells: I) {
        self.table.add_row(cells.into_iter().map(|cell| super::text::safe(&cell)));
    }

    /// Writes the lines, without trailing blanks.
    pub(crate) fn write(&self, out: &mut String) {
        for line in self.table.lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }

    /// Prints the lines, without trailing blanks, to standard output.
    pub(crate) fn print(&self) {
        for line in self.table.lines() {
            anstream::println!("{}", line.trim_end());
        }
    }
}
