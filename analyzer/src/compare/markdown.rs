//! A comparison as markdown, for the comment of a pull request.

use std::fmt::Write as _;

use super::{Comparison, outline::outline};

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

/// Text in which nothing is markup: no HTML, no links, no mentions, no breaks of a table.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            // a mention, or the number of an issue
            '@' => out.push_str("&#64;"),
            '#' => out.push_str("&#35;"),
            // what a table cell cannot hold even behind a backslash in every renderer
            '|' => out.push_str("&#124;"),
            '`' | '*' | '_' | '[' | ']' | '\\' | '~' | '!' | '$' | '+' | '-' | ':' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn no_name_is_markup() {
        for (text, expected) in [
            ("/a b", "/a b"),
            ("a|b\n", "a&#124;b\\\\n"),
            ("<img src=x>", "&lt;img src=x&gt;"),
            ("[x](http://y)", "\\[x\\](http\\://y)"),
            ("@everyone `x` *y*", "&#64;everyone \\`x\\` \\*y\\*"),
            ("\u{1b}[31m", "\\\\u{1b}\\[31m"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }
}
