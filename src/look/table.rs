//! Aligned tables without rules, as docker prints them.

use comfy_table::{CellAlignment, ColumnConstraint, Table, presets};

use super::text;

/// Blanks between two columns.
const GAP: u16 = 3;
/// The least that a last column has, however narrow the terminal is: less says nothing.
const LEAST: usize = 20;

/// A table with upper-case heads; columns are as wide as their longest cell and three spaces apart.
pub(crate) struct Columns {
    heads: Vec<String>,
    rows: Vec<Vec<String>>,
    right: Vec<usize>,
    /// Where the last column is cut, if it is.
    cut: Option<Cut>,
}

/// Where a last column is cut, which holds text of any length.
#[derive(Clone, Copy)]
struct Cut {
    /// The width of the terminal that the table goes to.
    terminal: Option<usize>,
    /// Columns of a cell where it goes to none.
    without: usize,
}

impl Columns {
    pub(crate) fn new(heads: &[&str]) -> Self {
        let heads = heads.iter().map(|head| (*head).to_owned()).collect();
        Self { heads, rows: Vec::new(), right: Vec::new(), cut: None }
    }

    /// Numbers in this column stand at its right edge.
    pub(crate) fn right(mut self, index: usize) -> Self {
        self.right.push(index);
        self
    }

    /// The last column goes to the edge of a terminal that is so wide, and is cut there; where there is no terminal, its cells
    /// are cut at `without` columns.
    pub(crate) fn cut_last(mut self, terminal: Option<usize>, without: usize) -> Self {
        self.cut = Some(Cut { terminal, without });
        self
    }

    pub(crate) fn row<I: IntoIterator<Item = String>>(&mut self, cells: I) {
        self.rows.push(cells.into_iter().map(|cell| text::safe(&cell)).collect());
    }

    /// Writes the lines, without trailing blanks.
    pub(crate) fn write(&self, out: &mut String) {
        for line in self.table().lines() {
            out.push_str(line.trim_end());
            out.push('\n');
        }
    }

    /// Prints the lines, without trailing blanks, to standard output.
    pub(crate) fn print(&self) {
        for line in self.table().lines() {
            anstream::println!("{}", line.trim_end());
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(&self.heads);
        for (index, column) in table.column_iter_mut().enumerate() {
            column.set_padding((0, GAP)).set_constraint(ColumnConstraint::ContentWidth);
            if self.right.contains(&index) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let most = self.cut.map(|cut| self.room(cut));
        for row in &self.rows {
            let last = row.len().saturating_sub(1);
            table.add_row(row.iter().enumerate().map(|(index, cell)| match most {
                Some(most) if index == last => text::ellipsis(cell, most),
                _ => cell.clone(),
            }));
        }
        table
    }

    /// Columns of the terminal that the last column of the table has for itself.
    fn room(&self, cut: Cut) -> usize {
        let Some(terminal) = cut.terminal else { return cut.without };
        let width = |index: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(index)).map(|cell| text::width(cell));
            cells.chain([text::width(&self.heads[index])]).max().unwrap_or_default() + usize::from(GAP)
        };
        let others: usize = (0..self.heads.len().saturating_sub(1)).map(width).sum();
        terminal.saturating_sub(others).max(LEAST)
    }
}

/// The width of the terminal that standard output is; `None` where it is none.
pub(crate) fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|&width| width > 0)
}

#[cfg(test)]
mod tests {
    use super::Columns;

    fn lines(terminal: Option<usize>) -> Vec<usize> {
        let mut columns = Columns::new(&["SIZE", "CREATED BY"]).right(0).cut_last(terminal, 60);
        for length in [5, 200] {
            columns.row(["1.5MB".to_owned(), "x".repeat(length)]);
        }
        let mut out = String::new();
        columns.write(&mut out);
        out.lines().map(|line| line.chars().count()).collect()
    }

    #[test]
    fn the_last_column_goes_to_the_edge_of_the_terminal() {
        assert_eq!(lines(None), [18, 13, 68]);
        assert_eq!(lines(Some(80)), [18, 13, 80]);
        assert_eq!(lines(Some(300)), [18, 13, 208]);
        // so narrow that it would say nothing
        assert_eq!(lines(Some(10)), [18, 13, 28]);
    }
}
