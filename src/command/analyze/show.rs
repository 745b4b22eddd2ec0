//! The report for people: the layers, what was found by rule, what can be done.

use std::fmt::{Result, Write as _};

use strata_analyzer::{
    analysis::{Analysis, BaseLine, FoundBy},
    size_text,
    suggest::MinSaving,
};

use super::findings;
use crate::look::{
    palette::{FAINT, STRONG},
    suggestions,
    table::Columns,
    text,
};

/// Writes the report; `terminal` is how wide the terminal is that it goes to.
pub(super) fn write(
    analysis: &Analysis,
    least: MinSaving,
    all: bool,
    terminal: Option<usize>,
    out: &mut String,
) -> Result {
    let name = analysis.image.name.as_deref().or(analysis.image.id.as_deref()).unwrap_or("image");
    writeln!(
        out,
        "{STRONG}{}{STRONG:#}  {} in {}, {} bytes wasted ({}), efficiency {:.2}%",
        text::safe(name),
        size_text(analysis.total_bytes),
        text::count(analysis.layers.len(), "layer"),
        analysis.wasted_bytes,
        size_text(analysis.wasted_bytes),
        floor_percent(analysis.efficiency),
    )?;
    if let Some(line) = &analysis.base {
        base(line, out)?;
    }
    writeln!(out)?;
    layers(analysis, terminal, out);
    findings::write(analysis, all, out)?;
    let mut teller = suggestions::Teller::default();
    for suggestion in &analysis.suggestions {
        writeln!(out)?;
        out.push_str(&teller.told(suggestion));
        if let Some(edit) = &suggestion.edit {
            write!(out, "{FAINT}{edit}{FAINT:#}")?;
        }
    }
    if !analysis.refused.is_empty() {
        writeln!(out)?;
        out.push_str(&suggestions::refused(&analysis.refused, least, analysis.total_bytes));
    }
    Ok(())
}

/// Percent with two decimals, never rounded up: 100.00 means that nothing is wasted.
fn floor_percent(efficiency: f64) -> f64 {
    (efficiency * 10_000.0).floor() / 100.0
}

fn base(line: &BaseLine, out: &mut String) -> Result {
    let name = line.name.as_deref().map_or_else(String::new, |name| format!(" {}", text::safe(name)));
    let how = match line.found_by {
        FoundBy::Asked | FoundBy::Build => "",
        FoundBy::Dockerfile => " (as the Dockerfile tells)",
        FoundBy::Annotation => " (as the image's annotations tell)",
        FoundBy::Layers => " (as the layers tell)",
        FoundBy::History => " (guessed from the history)",
    };
    writeln!(
        out,
        "{FAINT}of it the base{name}: {} in {}{how}, {} wasted by itself, {} by the layers above{FAINT:#}",
        size_text(line.total_bytes),
        text::count(line.layers, "layer"),
        size_text(line.wasted_bytes),
        size_text(line.killed_bytes),
    )?;
    Ok(())
}

/// Columns of an instruction where there is no terminal.
const INSTRUCTION: usize = 60;

fn layers(analysis: &Analysis, terminal: Option<usize>, out: &mut String) {
    let columns = Columns::new(&["LAYER", "LINE", "SIZE", "WASTED", "KILLED", "CREATED BY"]);
    let mut columns = columns.right(2).right(3).right(4).cut_last(terminal, INSTRUCTION);
    for layer in &analysis.layers {
        columns.row([
            layer.index.to_string(),
            layer.line.map_or_else(String::new, |line| line.to_string()),
            size_text(layer.size_bytes),
            size_text(layer.wasted_bytes),
            size_text(layer.killed_bytes),
            layer.created_by.clone().unwrap_or_default(),
        ]);
    }
    columns.write(out);
}
