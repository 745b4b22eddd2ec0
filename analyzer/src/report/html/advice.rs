//! Suggestions: what each saves and costs, and its edit; and what is not proposed, with the reason.

use std::{
    collections::HashSet,
    fmt::{Result, Write as _},
};

use super::{super::Report, tables::more, text};
use crate::{
    markup::{cut, html_lines},
    size_text,
    suggest::{Basis, Suggestion},
};

/// Suggestions that a page lists, and as many that are not proposed.
const MAX_SUGGESTIONS: usize = 100;
/// Characters of one edit.
const MAX_EDIT: usize = 20_000;

pub(super) fn suggestions(report: &Report<'_>, out: &mut String) -> Result {
    let analysis = report.analysis;
    writeln!(
        out,
        "<section id=\"suggestions\">\n<h2>Suggestions <span class=\"faint\">{}</span></h2>",
        if analysis.suggestions.is_empty() {
            String::new()
        } else {
            format!("save {}", size_text(analysis.saves_bytes))
        }
    )?;
    if analysis.suggestions.is_empty() {
        let why =
            if report.dockerfile.is_some() { "None that saves bytes." } else { "Suggestions need the Dockerfile." };
        writeln!(out, "<p>{why}</p>")?;
    }
    // a note that holds for several is said once
    let mut said = HashSet::new();
    for suggestion in analysis.suggestions.iter().take(MAX_SUGGESTIONS) {
        let notes = suggestion.notes.iter().map(String::as_str).filter(|note| said.insert(*note)).collect::<Vec<_>>();
        one(suggestion, &notes, out)?;
    }
    more(out, analysis.suggestions.len(), MAX_SUGGESTIONS)?;
    refused(&analysis.refused, out)?;
    writeln!(out, "</section>")
}

fn one(suggestion: &Suggestion, notes: &[&str], out: &mut String) -> Result {
    writeln!(
        out,
        "<details class=\"suggestion\" open>\n<summary><span class=\"bytes\">{}</span> <span class=\"rule\">{}</span> \
         <span class=\"message\">{}</span></summary>\n<dl class=\"facts\">\n<dt>Saves</dt><dd>{} bytes</dd>",
        size_text(suggestion.saves_bytes),
        suggestion.rule,
        text(&suggestion.title),
        suggestion.saves_bytes
    )?;
    if let Some(compressed) = suggestion.saves_compressed {
        let basis = match compressed.basis {
            Basis::LayerRatio => "by what its layer is stored as",
            Basis::Sample => "by what gzip makes of samples of its layer",
        };
        writeln!(out, "<dt>Compressed</dt><dd>about {}, {basis}</dd>", size_text(compressed.bytes))?;
    }
    if let (Some(cost), Some(last)) = (suggestion.cost, suggestion.lines.last()) {
        writeln!(
            out,
            "<dt>Costs</dt><dd>{}.{}s and {} again for a build where of these only line {last} has changed</dd>",
            cost.rebuild_milliseconds / 1_000,
            cost.rebuild_milliseconds % 1_000 / 100,
            size_text(cost.transfer_bytes)
        )?;
    }
    for note in notes {
        writeln!(out, "<dt>Note</dt><dd>{}, and the proof decides</dd>", text(note))?;
    }
    if suggestion.alternative {
        writeln!(out, "<dt>Instead of</dt><dd>a suggestion above, which changes the same lines</dd>")?;
    }
    writeln!(out, "</dl>")?;
    if let Some(edit) = &suggestion.edit {
        let edit = cut(edit, MAX_EDIT);
        writeln!(out, "<pre class=\"edit\" tabindex=\"0\" aria-label=\"Edit of the Dockerfile\">")?;
        for line in edit.lines() {
            let class = match line.as_bytes() {
                [b'+', b'+', b'+', ..] | [b'-', b'-', b'-', ..] | [b'@', ..] => "place",
                [b'+', ..] => "added",
                [b'-', ..] => "removed",
                _ => "same",
            };
            writeln!(out, "<span class=\"{class}\">{}</span>", html_lines(line))?;
        }
        writeln!(out, "</pre>")?;
    }
    writeln!(out, "</details>")
}

fn refused(refused: &[Suggestion], out: &mut String) -> Result {
    if refused.is_empty() {
        return Ok(());
    }
    let count = refused.len();
    writeln!(out, "<details>\n<summary>{count} not proposed, and why</summary>\n<ul class=\"refused\">")?;
    for suggestion in refused.iter().take(MAX_SUGGESTIONS) {
        let reason = suggestion.refused.as_deref().unwrap_or_default();
        // a title that ends in the reason needs it once
        let because = if suggestion.title.ends_with(reason) { String::new() } else { format!(": {}", text(reason)) };
        writeln!(out, "<li>{}{because}</li>", text(&suggestion.title))?;
    }
    writeln!(out, "</ul>")?;
    more(out, count, MAX_SUGGESTIONS)?;
    writeln!(out, "</details>")
}
