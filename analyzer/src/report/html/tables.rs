//! The tables of layers, of the gate and of duplicates.

use std::{
    collections::BTreeMap,
    fmt::{Result, Write as _},
};

use super::{super::Report, plural, text};
use crate::{gate::Status, size_text};

/// Layers that a page lists; the kernel mounts no more of them than 500.
const MAX_LAYERS: usize = 1_000;
/// Layers that are named as killers, or creators, of another one.
const MAX_OTHERS: usize = 3;
/// Groups of duplicates, and paths of one.
const MAX_GROUPS: usize = 50;
const MAX_COPIES: usize = 5;
/// Units of a bar's width: a part shows from a thousandth on.
const WIDTH: u64 = 1_000;

/// Draws shares of a whole side by side: live, duplicated and dead bytes.
pub(super) fn bar(out: &mut String, parts: [u64; 3], whole: u64, class: &str) -> Result {
    let share =
        |bytes: u64| u64::try_from(u128::from(bytes) * u128::from(WIDTH) / u128::from(whole.max(1))).unwrap_or(WIDTH);
    write!(
        out,
        "<svg class=\"bar {class}\" viewBox=\"0 0 {WIDTH} 10\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
    )?;
    let mut at = 0;
    for (bytes, kind) in parts.into_iter().zip(["live", "copy", "dead"]) {
        let width = share(bytes).max(u64::from(bytes > 0) * 2).min(WIDTH - at);
        if width > 0 {
            write!(out, "<rect class=\"{kind}\" x=\"{at}\" width=\"{width}\" height=\"10\"/>")?;
        }
        at += width;
    }
    writeln!(out, "</svg>")
}

pub(super) fn gate(report: &Report<'_>, out: &mut String) -> Result {
    let Some(gate) = report.gate else { return Ok(()) };
    let verdict = if gate.passed { ("pass", "passed") } else { ("fail", "failed") };
    writeln!(
        out,
        "<section id=\"gate\">\n<h2>Gate <span class=\"mark {}\">{}</span></h2>\n<p class=\"faint\">Counted: {}.</p>\n\
         <div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Rule</th><th scope=\"col\">Result</th>\
         <th scope=\"col\" class=\"number\">Measured</th><th scope=\"col\" class=\"number\">Limit</th><th scope=\"col\">Note</th></tr></thead>\n<tbody>",
        verdict.0,
        verdict.1,
        text(&gate.counted_text())
    )?;
    let amount = |amount: &Option<_>| {
        amount.as_ref().map_or_else(String::new, |amount: &crate::gate::Amount| text(&amount.to_string()))
    };
    for judged in gate.rules.iter().filter(|judged| judged.status != Status::Skip) {
        writeln!(
            out,
            "<tr><th scope=\"row\">{}</th><td><span class=\"mark {word}\">{word}</span></td><td class=\"number\">{}</td>\
             <td class=\"number\">{}</td><td>{}</td></tr>",
            judged.rule,
            amount(&judged.measured),
            amount(&judged.limit),
            judged.note.as_deref().map_or_else(String::new, text),
            word = judged.status.word()
        )?;
    }
    writeln!(out, "</tbody>\n</table></div>\n</section>")
}

/// `copied` is how many bytes of each layer are those of another file.
pub(super) fn layers(report: &Report<'_>, copied: &[u64], out: &mut String) -> Result {
    let analysis = report.analysis;
    let (killers, creators) = blame(report);
    let most = analysis.layers.iter().map(|layer| layer.size_bytes).max().unwrap_or(0);
    writeln!(
        out,
        "<section id=\"layers\">\n<h2>Layers</h2>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\">Layer</th>\
         <th scope=\"col\">Instruction</th><th scope=\"col\" class=\"number\">Size</th><th scope=\"col\">Share of the largest</th>\
         <th scope=\"col\" class=\"number\">Wasted, by</th><th scope=\"col\" class=\"number\">Killed, of</th></tr></thead>\n<tbody>"
    )?;
    for layer in analysis.layers.iter().take(MAX_LAYERS) {
        let line = layer.line.map_or_else(String::new, |line| format!(" <span class=\"tag\">line {line}</span>"));
        let base = if layer.base == Some(true) { " <span class=\"tag\">base</span>" } else { "" };
        let instruction = layer.created_by.as_deref().unwrap_or("unknown");
        write!(
            out,
            "<tr data-layer=\"{index}\"><th scope=\"row\">{index}</th><td class=\"instruction\"><code>{}</code>{line}{base}</td>\
             <td class=\"number\" title=\"{size} bytes in {} entries\">{}</td><td>",
            text(instruction),
            layer.entries,
            size_text(layer.size_bytes),
            index = layer.index,
            size = layer.size_bytes,
        )?;
        let copies = copied.get(layer.index).copied().unwrap_or(0);
        let once = layer.size_bytes.saturating_sub(layer.wasted_bytes).saturating_sub(copies);
        bar(out, [once, copies, layer.wasted_bytes], most, "")?;
        for (bytes, others) in [(layer.wasted_bytes, &killers), (layer.killed_bytes, &creators)] {
            write!(out, "</td><td class=\"number\"{}>", if bytes > 0 { "" } else { " data-none" })?;
            others_text(out, bytes, others.get(&layer.index))?;
        }
        writeln!(out, "</td></tr>")?;
    }
    writeln!(out, "</tbody>\n</table></div>")?;
    more(out, analysis.layers.len(), MAX_LAYERS)?;
    writeln!(out, "</section>")
}

/// Bytes by the other layer, the most first.
type Others = Vec<(usize, u64)>;

/// For each layer, who killed what it made, and who made what it killed.
fn blame(report: &Report<'_>) -> (BTreeMap<usize, Others>, BTreeMap<usize, Others>) {
    let mut pairs = BTreeMap::<(usize, usize), u64>::new();
    for waste in &report.analysis.waste {
        *pairs.entry((waste.creator, waste.killer)).or_default() += waste.bytes;
    }
    let (mut killers, mut creators) = (BTreeMap::<usize, Others>::new(), BTreeMap::<usize, Others>::new());
    for ((creator, killer), bytes) in pairs {
        killers.entry(creator).or_default().push((killer, bytes));
        creators.entry(killer).or_default().push((creator, bytes));
    }
    for others in killers.values_mut().chain(creators.values_mut()) {
        others.sort_by_key(|&(layer, bytes)| (std::cmp::Reverse(bytes), layer));
    }
    (killers, creators)
}

fn others_text(out: &mut String, bytes: u64, others: Option<&Others>) -> Result {
    write!(out, "{}", size_text(bytes))?;
    let Some(others) = others.filter(|_| bytes > 0) else { return Ok(()) };
    let named: Vec<String> = others.iter().take(MAX_OTHERS).map(|(layer, _)| layer.to_string()).collect();
    let rest = others.len().saturating_sub(MAX_OTHERS);
    let rest = if rest > 0 { format!(" and {rest} more") } else { String::new() };
    write!(out, "<small>layer{} {}{rest}</small>", plural(others.len()), named.join(", "))
}

pub(super) fn duplicates(report: &Report<'_>, out: &mut String) -> Result {
    let groups = &report.analysis.duplicates;
    if groups.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<section id=\"duplicates\">\n<h2>Duplicates <span class=\"faint\">{}</span></h2>\n\
         <p class=\"faint\">Live files of the same content. A hard link, or a symlink, would cost nothing.</p>\n\
         <details>\n<summary>The groups that could save most</summary>\n<div class=\"wide\"><table>\n<thead><tr><th scope=\"col\" class=\"number\">Could save</th>\
         <th scope=\"col\" class=\"number\">Each</th><th scope=\"col\">Files</th></tr></thead>\n<tbody>",
        size_text(report.analysis.duplicates_total_bytes)
    )?;
    for group in groups.iter().take(MAX_GROUPS) {
        write!(
            out,
            "<tr><td class=\"number\">{}</td><td class=\"number\">{}</td><td><ul class=\"paths\">",
            size_text(group.wasted_bytes),
            size_text(group.size)
        )?;
        for path in group.paths.iter().take(MAX_COPIES) {
            write!(out, "<li><code class=\"path\">{}</code></li>", super::path(path))?;
        }
        write!(out, "</ul>")?;
        let files = usize::try_from(group.wasted_bytes / group.size.max(1) + 1).unwrap_or(usize::MAX);
        more(out, files, MAX_COPIES)?;
        writeln!(out, "</td></tr>")?;
    }
    writeln!(out, "</tbody>\n</table></div>")?;
    more(out, groups.len(), MAX_GROUPS)?;
    writeln!(out, "</details>\n</section>")
}

/// Says how many are not shown.
pub(super) fn more(out: &mut String, count: usize, shown: usize) -> Result {
    if count > shown { write!(out, "<p class=\"faint\">and {} more</p>", count - shown) } else { Ok(()) }
}
