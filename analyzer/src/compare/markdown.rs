//! A comparison as markdown, for the comment of a pull request.

use std::fmt::Write as _;

use super::{
    Comparison, FileDiff,
    outline::{Section, outline, outline_of_file},
};
use crate::markup::{markdown as escaped, seen_lines};

/// Writes a report in GitHub's markdown: the verdict, the notes, a table for each list. `limit` is how many rows of each list
/// are shown, all without one. Whatever an image holds stays text.
pub fn markdown(comparison: &Comparison, limit: Option<usize>) -> String {
    let outline = outline(comparison, limit);
    let mut out = String::new();
    // writing to a string cannot fail
    let _ = writeln!(out, "## Comparison: {}", escaped(&outline.verdict));
    let not_counted = (!outline.not_counted.is_empty()).then_some(&outline.not_counted);
    if not_counted.is_some() || !outline.notes.is_empty() {
        out.push('\n');
    }
    for note in not_counted.into_iter().chain(&outline.notes) {
        let _ = writeln!(out, "- {}", escaped(note));
    }
    for section in &outline.sections {
        push(&mut out, section);
    }
    out
}

fn push(out: &mut String, section: &Section) {
    // writing to a string cannot fail
    let _ = write!(out, "\n### {}", escaped(&section.title));
    if !section.summary.is_empty() {
        let _ = write!(out, ": {}", escaped(&section.summary));
    }
    let names = section.names();
    let edges: String =
        (0..names.len()).map(|column| if section.is_number(column) { "---:|" } else { "---|" }).collect();
    let _ = writeln!(out, "\n\n| | {} |\n|---|{edges}", names.join(" | "));
    for row in &section.rows {
        let cells: Vec<String> = row.cells.iter().map(|cell| escaped(cell)).collect();
        let mark = escaped(row.mark.character().to_string().trim());
        let _ = writeln!(out, "| {mark} | {} |", cells.join(" | "));
    }
    if section.rest > 0 {
        let _ = writeln!(out, "\nand {} more", section.rest);
    }
}

/// Writes one path of both images in GitHub's markdown, the contents as a block of a diff. `lines` is how many lines of that are
/// shown, `rows` how many rows of each list of what differs below a directory; all without one.
pub fn markdown_of_file(found: &FileDiff, lines: Option<usize>, rows: Option<usize>) -> String {
    let verdict = if found.equal { "equal" } else { "different" };
    // writing to a string cannot fail
    let mut out = String::new();
    let _ = writeln!(out, "## Comparison of {}: {verdict}\n", escaped(&found.path));
    for (letter, side) in found.sides() {
        let _ = writeln!(out, "- {letter}: {}", escaped(&side));
    }
    for note in found.notes() {
        let _ = writeln!(out, "- {}", escaped(&note));
    }
    for section in &outline_of_file(found, rows) {
        push(&mut out, section);
    }
    let Some(diff) = &found.diff else { return out };
    let limit = lines.unwrap_or(usize::MAX);
    let lines: Vec<&str> = diff.lines().collect();
    let shown = &lines[..lines.len().min(limit)];
    // a block ends at as many backticks as it begins with, so it begins with more than any line has
    let longest = shown.iter().flat_map(|line| line.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let _ = writeln!(out, "\n{fence}diff");
    for line in shown {
        let _ = writeln!(out, "{}", seen_lines(line));
    }
    let _ = writeln!(out, "{fence}");
    if shown.len() < lines.len() {
        let _ = writeln!(out, "\nand {} more lines", lines.len() - shown.len());
    }
    out
}
