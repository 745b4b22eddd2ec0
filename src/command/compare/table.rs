//! A comparison as aligned tables.

use std::io::Write;

use anstyle::Style;
use anyhow::Result;
use strata_analyzer::compare::{Comparison, Mark, Section, outline};

use crate::look::{
    palette::{ERROR, FAINT, GOOD, STRONG, WARNING},
    text,
};

/// Characters of a cell that are shown without `--all`; the last column is never cut.
const CELL: usize = 60;
/// Between two columns.
const GAP: usize = 3;

pub(super) fn write(out: &mut dyn Write, comparison: &Comparison, limit: Option<usize>) -> Result<()> {
    let outline = outline(comparison, limit);
    let style = if comparison.equal { GOOD } else { WARNING };
    for section in &outline.sections {
        list(out, section, limit.is_some())?;
        writeln!(out)?;
    }
    for note in &outline.notes {
        writeln!(out, "{FAINT}note: {}{FAINT:#}", text::prose(&text::safe(note), "note: ".len()))?;
    }
    let end = match outline.not_counted.as_str() {
        "" => outline.verdict.clone(),
        words => text::prose(&format!("{}; {words}", outline.verdict), 2),
    };
    // the verdict is short enough for a line
    let (verdict, not_counted) = end.split_at(outline.verdict.len());
    writeln!(out, "{style}{verdict}{style:#}{FAINT}{not_counted}{FAINT:#}")?;
    Ok(())
}

pub(super) fn list(out: &mut dyn Write, section: &Section, is_short: bool) -> Result<()> {
    let rows: Vec<(Mark, Vec<String>)> = section
        .rows
        .iter()
        .map(|row| (row.mark, row.cells.iter().map(|cell| shown(cell, is_short)).collect()))
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().map(|(_, cells)| cells[column].chars().count());
        cells.chain([section.heads[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..section.heads.len()).map(width).collect();
    write!(out, "{STRONG}{}{STRONG:#}", text::safe(&section.title))?;
    if !section.summary.is_empty() {
        write!(out, "  {FAINT}{}{FAINT:#}", text::safe(&section.summary))?;
    }
    let heads: Vec<String> = section.heads.iter().map(|head| (*head).to_owned()).collect();
    writeln!(out, "\n  {FAINT}{}{FAINT:#}", line(&heads, &widths, section))?;
    for (mark, cells) in &rows {
        let (style, character) = (style(*mark), mark.character());
        let cells = line(cells, &widths, section);
        writeln!(out, "{style}{character}{style:#} {cells}")?;
    }
    if section.rest > 0 {
        writeln!(out, "  {FAINT}and {} more, which --all lists{FAINT:#}", section.rest)?;
    }
    Ok(())
}

fn shown(cell: &str, is_short: bool) -> String {
    let cell = text::safe(cell);
    if is_short { text::ellipsis(&cell, CELL) } else { cell }
}

fn line(cells: &[String], widths: &[usize], section: &Section) -> String {
    let mut line = String::new();
    for (column, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let blanks = " ".repeat(width - cell.chars().count());
        if section.is_number(column) {
            line.push_str(&blanks);
            line.push_str(cell);
        } else {
            line.push_str(cell);
            line.push_str(&blanks);
        }
        line.push_str(&" ".repeat(GAP));
    }
    line.trim_end().to_owned()
}

fn style(mark: Mark) -> Style {
    match mark {
        Mark::Added => GOOD,
        Mark::Removed => ERROR,
        Mark::Changed | Mark::Moved => WARNING,
        Mark::None => FAINT,
    }
}
