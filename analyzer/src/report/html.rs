//! The report as one HTML file: tables for whoever blocks scripts, and a map and a search of every file.
//!
//! ```text
//! analysis, verdict ─► tables: numbers, gate, layers, findings, suggestions, duplicates ─┐
//! ledger ─► names ─► data: columns of JSON ──────────────────────────────────────────────┴─► page
//! html/page.css, html/*.js ──────────────────────────────────────────────────────────────┘
//! ```
//!
//! What an image holds reaches the page in two ways: escaped by [`crate::markup`] in the tables, and as JSON without `<`,
//! of which the script makes text nodes alone.

mod advice;
mod data;
mod found;
mod growing;
mod names;
mod records;
mod tables;

use std::fmt::Write as _;

pub use names::{MAX_NAMES, MAX_TEXT};

use super::Report;
use crate::{Ledger, markup, page, size_text};
use names::Names;

const STYLE: &str = include_str!("html/page.css");
/// One script in four parts: a later one uses what those before it define.
const SCRIPT: &str = concat!(
    include_str!("html/tree.js"),
    include_str!("html/map.js"),
    include_str!("html/search.js"),
    include_str!("html/page.js")
);

pub(super) fn write(report: &Report<'_>, ledger: Option<&Ledger>) -> String {
    let names = ledger.map(Names::of);
    let mut out = page::head(&format!("{}: strata", report.name()), STYLE, names.as_ref().map(|_| SCRIPT));
    out.push_str("<body>\n<a class=\"skip\" href=\"#layers\">Skip to the tables</a>\n");
    // writing to a string cannot fail
    let _ = top(report, names.is_some(), &mut out);
    out.push_str("<main>\n");
    let _ = numbers(report, &mut out);
    let _ = tables::gate(report, &mut out);
    if names.is_some() {
        out.push_str(include_str!("html/map.html"));
    }
    let copied = names.as_ref().map_or_else(Vec::new, |names| names.copied(report.analysis.layers.len()));
    let _ = tables::layers(report, &copied, &mut out);
    let _ = found::findings(report, &mut out);
    let _ = advice::suggestions(report, &mut out);
    let _ = tables::duplicates(report, &mut out);
    let _ = found::suppressed(report, &mut out);
    let _ = writeln!(
        out,
        "</main>\n<footer>Made by <code>strata analyze --format html</code>, {version}. Bytes are those of regular files in the \
         layers, uncompressed.</footer>",
        version = env!("CARGO_PKG_VERSION"),
    );
    if let Some(names) = &names {
        let data = data::json(names, report.analysis);
        let _ =
            writeln!(out, "<script type=\"application/json\" id=\"data\">{data}</script>\n<script>{SCRIPT}</script>");
    }
    out.push_str("</body>\n</html>\n");
    out
}

fn top(report: &Report<'_>, has_map: bool, out: &mut String) -> std::fmt::Result {
    let image = &report.analysis.image;
    write!(out, "<header>\n<div><h1>{}</h1>\n<p class=\"faint\">", text(report.name()))?;
    let layers = report.analysis.layers.len();
    write!(out, "{layers} layer{}", plural(layers))?;
    if let Some(platform) = &image.platform {
        write!(out, " · {}", text(platform))?;
    }
    if let Some(id) = &image.id {
        write!(out, " · <code>{}</code>", text(id.get(..19).unwrap_or(id)))?;
    }
    let map = if has_map { "<a href=\"#map\">Map</a> <a href=\"#search\">Search</a> " } else { "" };
    writeln!(
        out,
        "</p></div>\n<nav aria-label=\"Parts of the report\">{map}<a href=\"#layers\">Layers</a> \
         <a href=\"#findings\">Findings</a> <a href=\"#suggestions\">Suggestions</a></nav>\n\
         <button id=\"theme\" type=\"button\" hidden></button>\n</header>"
    )
}

/// The account of the image: what is shown once, what is shown twice, and what is not shown.
fn numbers(report: &Report<'_>, out: &mut String) -> std::fmt::Result {
    let analysis = report.analysis;
    let copies = analysis.duplicates_total_bytes.min(analysis.live_bytes);
    let once = analysis.live_bytes - copies;
    let tile = |out: &mut String, class: &str, name: &str, value: &str, note: &str| {
        writeln!(
            out,
            "<div class=\"tile {class}\"><dt>{name}</dt><dd>{value}</dd><dd class=\"faint\">{note}</dd></div>"
        )
    };
    writeln!(out, "<section aria-label=\"Summary\">\n<dl class=\"tiles\">")?;
    let bytes = |bytes: u64| format!("{bytes} bytes");
    tile(out, "", "Total", &size_text(analysis.total_bytes), &bytes(analysis.total_bytes))?;
    tile(out, "live", "Live", &size_text(analysis.live_bytes), "what a container sees")?;
    tile(out, "copy", "Duplicated", &size_text(copies), "live, with content that is there already")?;
    tile(out, "dead", "Wasted", &size_text(analysis.wasted_bytes), &bytes(analysis.wasted_bytes))?;
    // never rounded up: 100% means that nothing is wasted
    let percent = (analysis.efficiency * 10_000.0).floor() / 100.0;
    tile(out, "", "Efficiency", &format!("{percent}%"), "live bytes of all")?;
    let count = analysis.suggestions.len();
    let note = format!("by {count} suggestion{}", plural(count));
    tile(out, "", "Can be saved", &size_text(analysis.saves_bytes), &note)?;
    out.push_str("</dl>\n");
    tables::bar(out, [once, copies, analysis.wasted_bytes], analysis.total_bytes, "all")?;
    if let Some(base) = &analysis.base {
        let name =
            base.name.as_deref().map_or_else(|| "the base image".to_owned(), |name| format!("the base {}", text(name)));
        writeln!(
            out,
            "<p class=\"faint\">Of it {name}: {} in {} layer{}, {} wasted by itself, {} by the layers above.</p>",
            size_text(base.total_bytes),
            base.layers,
            plural(base.layers),
            size_text(base.wasted_bytes),
            size_text(base.killed_bytes)
        )?;
    }
    if let Some(compat) = report.compat {
        let dive = compat.dive;
        let ratio = |ratio| text(&crate::gate::Amount::Share(ratio).to_string());
        writeln!(
            out,
            "<p class=\"faint\">By dive's formula: efficiency {}, {} wasted, userWastedPercent {}.</p>",
            ratio(dive.efficiency),
            size_text(dive.wasted_bytes),
            ratio(dive.user_wasted_percent)
        )?;
    }
    out.push_str("</section>\n");
    Ok(())
}

/// Characters of one text of the image in a table.
const MAX_CHARACTERS: usize = 1_000;

fn text(text: &str) -> String {
    markup::html(&markup::cut(text, MAX_CHARACTERS))
}

/// A path, whole: the script finds the file by it.
fn path(path: &str) -> String {
    markup::html(path)
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}
