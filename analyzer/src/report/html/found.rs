//! Findings: each with its bytes, what to do, who made and who killed them, and where they are.

use std::fmt::{Result, Write as _};

use super::{super::Report, path, plural, tables::more, text};
use crate::{
    Finding,
    findings::{Confidence, Level},
    size_text,
};

/// Findings that a page lists, unless more are errors.
const MAX_FINDINGS: usize = 300;
/// Paths of one finding, and of all: with names as long as can be, 12 MB.
const MAX_PATHS: usize = 100;
const MAX_ALL_PATHS: usize = 3_000;
/// Findings that are open when the page is.
const OPEN: usize = 1;

pub(super) fn findings(report: &Report<'_>, out: &mut String) -> Result {
    let findings = &report.analysis.findings;
    writeln!(out, "<section id=\"findings\">\n<h2>Findings <span class=\"faint\">{}</span></h2>", findings.len())?;
    if findings.is_empty() {
        return writeln!(out, "<p>Nothing was found that costs bytes.</p>\n</section>");
    }
    let mut left = MAX_ALL_PATHS;
    let chosen = report.chosen_findings(MAX_FINDINGS);
    for (place, finding) in chosen.iter().enumerate() {
        let open = if place < OPEN { " open" } else { "" };
        write!(out, "<details class=\"finding {}\"{open}>\n<summary>", level(finding.level))?;
        summary(finding, out)?;
        writeln!(out, "</summary>")?;
        body(report, finding, &mut left, out)?;
        writeln!(out, "</details>")?;
    }
    more(out, findings.len(), chosen.len())?;
    writeln!(out, "</section>")
}

fn level(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

fn summary(finding: &Finding, out: &mut String) -> Result {
    let about = if finding.exact { "" } else { "about " };
    write!(
        out,
        "<span class=\"bytes\">{about}{}</span> <span class=\"rule\">{} {}",
        size_text(finding.bytes),
        finding.rule,
        finding.name,
    )?;
    if finding.level == Level::Error {
        write!(out, " <span class=\"mark fail\">error</span>")?;
    }
    if finding.base {
        write!(out, " <span class=\"tag\">base</span>")?;
    }
    write!(out, "</span> <span class=\"message\">{}</span>", text(&finding.message))
}

fn body(report: &Report<'_>, finding: &Finding, left: &mut usize, out: &mut String) -> Result {
    let sure = match finding.confidence {
        Confidence::High => "high: nobody can need the bytes",
        Confidence::Medium => "medium: most likely nobody needs the bytes",
        Confidence::Low => "low: someone may need the bytes",
    };
    writeln!(out, "<dl class=\"facts\">\n<dt>Fix</dt><dd>{}</dd>", text(&finding.fix))?;
    writeln!(out, "<dt>Confidence</dt><dd>{sure}</dd>")?;
    let bytes = if finding.exact { "dead bytes, counted exactly" } else { "an estimate of what the fix saves" };
    let files = match finding.files {
        0 => String::new(),
        1 => " in 1 file".to_owned(),
        files => format!(" in {files} files"),
    };
    writeln!(out, "<dt>Bytes</dt><dd>{}{files}: {bytes}</dd>", finding.bytes)?;
    for (word, layer) in [("Made by", finding.creator), ("Killed by", finding.killer)] {
        if let Some(layer) = layer {
            writeln!(out, "<dt>{word}</dt><dd>{}</dd>", maker(report, layer))?;
        }
    }
    writeln!(out, "</dl>")?;
    paths(finding, left, out)
}

/// A layer with its instruction.
pub(super) fn maker(report: &Report<'_>, layer: usize) -> String {
    let line = report.analysis.layers.get(layer);
    let instruction = line.and_then(|layer| layer.created_by.as_deref());
    let instruction = instruction.map_or_else(String::new, |by| format!(" <code>{}</code>", text(by)));
    let place = line.and_then(|layer| layer.line).map_or_else(String::new, |line| format!(", line {line}"));
    format!("layer {layer}{place}{instruction}")
}

fn paths(finding: &Finding, left: &mut usize, out: &mut String) -> Result {
    let shown = finding.paths.len().min(MAX_PATHS).min(*left);
    if shown == 0 {
        return Ok(());
    }
    *left -= shown;
    writeln!(
        out,
        "<div class=\"wide\"><table class=\"places\">\n<thead><tr><th scope=\"col\" class=\"number\">Bytes</th>\
         <th scope=\"col\">Path</th></tr></thead>\n<tbody>"
    )?;
    for place in finding.paths.iter().take(shown) {
        write!(
            out,
            "<tr><td class=\"number\">{}</td><td><code class=\"path\">{}</code>",
            size_text(place.bytes),
            path(&place.path)
        )?;
        if place.files > 1 {
            write!(out, " <span class=\"faint\">{} files</span>", place.files)?;
        }
        for also in [&place.other, &place.package].into_iter().flatten() {
            write!(out, " <span class=\"faint\">{}</span>", text(also))?;
        }
        writeln!(out, "</td></tr>")?;
    }
    writeln!(out, "</tbody>\n</table></div>")?;
    more(out, usize::try_from(finding.paths_total).unwrap_or(usize::MAX), shown)
}

pub(super) fn suppressed(report: &Report<'_>, out: &mut String) -> Result {
    let suppressed = &report.analysis.suppressed;
    if suppressed.is_empty() {
        return Ok(());
    }
    let count = suppressed.len();
    writeln!(
        out,
        "<section id=\"suppressed\">\n<h2>Suppressed <span class=\"faint\">{count} finding{}</span></h2>\n\
         <div class=\"wide\"><table>\n<thead><tr><th scope=\"col\" class=\"number\">Bytes</th><th scope=\"col\">Rule</th>\
         <th scope=\"col\">Reason</th><th scope=\"col\">Said by</th></tr></thead>\n<tbody>",
        plural(count)
    )?;
    for one in suppressed.iter().take(MAX_FINDINGS) {
        writeln!(
            out,
            "<tr><td class=\"number\">{}</td><td>{} {}</td><td>{}</td><td>{}</td></tr>",
            size_text(one.finding.bytes),
            one.finding.rule,
            one.finding.name,
            text(&one.reason),
            text(&one.by)
        )?;
    }
    writeln!(out, "</tbody>\n</table></div>")?;
    more(out, count, MAX_FINDINGS)?;
    writeln!(out, "</section>")
}
