//! A comparison as markdown, for the comment of a pull request.

use std::fmt::Write as _;

use super::{Comparison, outline::outline};
use crate::markup::markdown as escaped;

/// Writes a report in GitHub's markdown: the verdict, the notes, a table for each list. `limit` is how many rows of each list
/// are shown, all without one. Whatever an image holds stays text.
pub fn markdown(comparison: &Comparison, limit: Option<usize>) -> String {
    let outline = outline(comparison, limit);
    let mut out = String::new();
    // writing to a string cannot fail
    let _ = writeln!(out, "## Comparison: {}", escaped(&outline.verdict));
    if !outline.notes.is_empty() {
        out.push('\n');
    }
    for note in &outline.notes {
        let _ = writeln!(out, "- {}", escaped(note));
    }
    for section in &outline.sections {
        let _ = write!(out, "\n### {}", escaped(&section.title));
        if !section.summary.is_empty() {
            let _ = write!(out, ": {}", escaped(&section.summary));
        }
        let heads: Vec<String> = section.heads.iter().map(|head| (*head).to_lowercase()).collect();
        let _ = writeln!(out, "\n\n| | {} |\n|---|{}", heads.join(" | "), "---|".repeat(heads.len()));
        for row in &section.rows {
            let cells: Vec<String> = row.cells.iter().map(|cell| escaped(cell)).collect();
            let mark = escaped(row.mark.character().to_string().trim());
            let _ = writeln!(out, "| {mark} | {} |", cells.join(" | "));
        }
        if section.rest > 0 {
            let _ = writeln!(out, "\nand {} more", section.rest);
        }
    }
    out
}
