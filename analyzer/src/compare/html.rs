//! A comparison as one HTML file: nothing is loaded, no script, light and dark as the reader has it.

use std::fmt::Write as _;

use super::{
    Comparison, FileDiff,
    outline::{Mark, Section, outline, outline_of_file},
};
use crate::{
    markup::{html as escaped, html_lines},
    page,
};

/// Rows up to which a list is open when the page is.
const OPEN: usize = 50;

/// Colours are named once, for light and for dark; both have a contrast of at least 4.5 to 1.
const STYLE: &str = "\
:root{color-scheme:light dark;--text:#1c1e21;--back:#fff;--faint:#5a6068;--line:#d9dce1;--good:#0a6b2d;--bad:#a8201a;--other:#7a5200}\
@media(prefers-color-scheme:dark){:root{--text:#e4e6ea;--back:#16181c;--faint:#9aa1ab;--line:#33373e;--good:#6fd08c;--bad:#ff8a80;--other:#e2b75f}}\
body{font:15px/1.5 system-ui,sans-serif;color:var(--text);background:var(--back);max-width:75rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.4rem}h1 .equal{color:var(--good)}h1 .different{color:var(--bad)}\
details{margin:1rem 0;border-top:1px solid var(--line);padding-top:.5rem}\
summary{cursor:pointer;font-weight:600}summary span{color:var(--faint);font-weight:400}\
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;margin-top:.5rem}\
th,td{text-align:left;padding:.15rem .75rem .15rem 0;vertical-align:top}\
th{color:var(--faint);font-weight:500;font-size:.85rem}\
td{font-family:ui-monospace,monospace;font-size:.85rem;overflow-wrap:anywhere}\
td:first-child{width:1ch;font-weight:700}\
th.number,td.number{text-align:right;white-space:nowrap}\
.added td:first-child{color:var(--good)}.removed td:first-child{color:var(--bad)}\
.changed td:first-child,.moved td:first-child{color:var(--other)}\
p.rest{color:var(--faint)}\
pre{overflow-x:auto;border-top:1px solid var(--line);padding-top:.5rem;font-size:.85rem;tab-size:8}\
pre ins,pre del{text-decoration:none}pre ins{color:var(--good)}pre del{color:var(--bad)}pre span{color:var(--faint)}";

/// Writes a report as a page of its own. `limit` is how many rows of each list are shown, all without one. Whatever an image
/// holds stays text.
pub fn html(comparison: &Comparison, limit: Option<usize>) -> String {
    let outline = outline(comparison, limit);
    let name = |image: &super::ImageFacts| image.name.clone().or_else(|| image.id.clone()).unwrap_or_default();
    let (a, b) = (name(&comparison.a), name(&comparison.b));
    let title = if a.is_empty() || b.is_empty() { "Two images".to_owned() } else { format!("{a} and {b}") };
    let mut out = head(&title, comparison.equal, &outline.verdict);
    let not_counted = (!outline.not_counted.is_empty()).then_some(&outline.not_counted);
    push_list(&mut out, &not_counted.into_iter().chain(&outline.notes).cloned().collect::<Vec<_>>());
    for section in &outline.sections {
        push(&mut out, section);
    }
    out.push_str(END);
    out
}

/// Writes one path of both images as a page of its own, the contents as a diff. `limit` is how many rows of each list are shown
/// of what differs below a directory, all without one.
pub fn html_of_file(found: &FileDiff, limit: Option<usize>) -> String {
    let mut out = head(&found.path, found.equal, if found.equal { "equal" } else { "different" });
    let sides = found.sides().map(|(letter, side)| format!("{letter}: {side}"));
    push_list(&mut out, &[sides.to_vec(), found.notes()].concat());
    if let Some(diff) = &found.diff {
        out.push_str("<pre tabindex=\"0\" aria-label=\"what differs in the content\">");
        for line in diff.lines() {
            let text = html_lines(line);
            // writing to a string cannot fail
            let _ = match line.as_bytes() {
                [b'-', b'-', b'-', b' ', ..] | [b'+', b'+', b'+', b' ', ..] => writeln!(out, "<b>{text}</b>"),
                [b'@', ..] => writeln!(out, "<span>{text}</span>"),
                [b'-', ..] => writeln!(out, "<del>{text}</del>"),
                [b'+', ..] => writeln!(out, "<ins>{text}</ins>"),
                _ => writeln!(out, "{text}"),
            };
        }
        out.push_str("</pre>\n");
    }
    for section in &outline_of_file(found, limit) {
        push(&mut out, section);
    }
    out.push_str(END);
    out
}

/// The end of every page.
const END: &str = "</main>\n</body>\n</html>\n";

/// The beginning of a page up to its heading.
fn head(title: &str, equal: bool, verdict: &str) -> String {
    let class = if equal { "equal" } else { "different" };
    let mut out = page::head(&format!("{title}: {class}"), STYLE, None);
    // writing to a string cannot fail
    let _ = writeln!(
        out,
        "<body>\n<main>\n<h1>{title}: <span class=\"{class}\">{verdict}</span></h1>",
        title = escaped(title),
        verdict = escaped(verdict),
    );
    out
}

fn push_list(out: &mut String, items: &[String]) {
    if items.is_empty() {
        return;
    }
    out.push_str("<ul>\n");
    for item in items {
        let _ = writeln!(out, "<li>{}</li>", escaped(item));
    }
    out.push_str("</ul>\n");
}

fn push(out: &mut String, section: &Section) {
    let open = if section.rows.len() <= OPEN { " open" } else { "" };
    let _ = writeln!(
        out,
        "<details{open}>\n<summary>{} <span>{}</span></summary>\n<div class=\"wide\"><table>\n<thead><tr><th></th>",
        escaped(&section.title),
        escaped(&section.summary)
    );
    let class = |column: usize| if section.is_number(column) { " class=\"number\"" } else { "" };
    for (column, name) in section.names().iter().enumerate() {
        let _ = write!(out, "<th scope=\"col\"{}>{}</th>", class(column), escaped(name));
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for row in &section.rows {
        let attributes = match row.mark {
            Mark::Added => ("added", "+"),
            Mark::Removed => ("removed", "-"),
            Mark::Changed => ("changed", "~"),
            Mark::Moved => ("moved", "&gt;"),
            Mark::None => ("", ""),
        };
        let _ = match attributes {
            ("", _) => write!(out, "<tr><td></td>"),
            (word, mark) => write!(out, "<tr class=\"{word}\"><td aria-label=\"{word}\">{mark}</td>"),
        };
        for (column, cell) in row.cells.iter().enumerate() {
            let _ = write!(out, "<td{}>{}</td>", class(column), escaped(cell));
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody>\n</table></div>\n");
    if section.rest > 0 {
        let _ = writeln!(out, "<p class=\"rest\">and {} more</p>", section.rest);
    }
    out.push_str("</details>\n");
}
