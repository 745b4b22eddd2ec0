//! The report for people: the images, what they share, what costs most.

use std::{
    collections::HashMap,
    fmt::{Result, Write as _},
};

use strata_analyzer::{
    audit::{Audit, BaseOf, BaseRow, Biggest, ImageRow},
    size_text,
};

use crate::look::{
    palette::{ERROR, FAINT, STRONG},
    table::Columns,
    text,
};

/// Columns of the last cell of a row where there is no terminal.
const CREATED_BY: usize = 70;
const FILE: usize = 80;
const INSTRUCTION: usize = 80;
const VERSIONS: usize = 40;

/// The report, coloured. `terminal` is how wide the terminal is that it goes to.
pub(super) fn text(audit: &Audit, top: usize, terminal: Option<usize>) -> std::result::Result<String, std::fmt::Error> {
    let mut out = String::new();
    write(audit, top, terminal, &mut out)?;
    Ok(out)
}

fn write(audit: &Audit, top: usize, terminal: Option<usize>, out: &mut String) -> Result {
    let totals = &audit.totals;
    if audit.images.is_empty() {
        writeln!(out, "{STRONG}no images{STRONG:#}")?;
        return errors(audit, out);
    }
    writeln!(
        out,
        "{STRONG}{}{STRONG:#}  {} in {}, {} stored once though in several images; wasted {} in own layers, {} in all",
        text::count(audit.images.len(), "image"),
        size_text(totals.layer_bytes),
        text::count(audit.layers.len(), "distinct layer"),
        size_text(totals.shared_bytes),
        size_text(totals.own_wasted_bytes),
        size_text(totals.wasted_bytes),
    )?;
    writeln!(out)?;
    images(audit, out);
    if !audit.bases.is_empty() {
        bases(&audit.bases, out)?;
    }
    layers(audit, top, terminal, out)?;
    duplicates(audit, top, terminal, out)?;
    instructions(audit, terminal, out)?;
    packages(audit, terminal, out)?;
    errors(audit, out)
}

/// What to call each image: its name, unless another one has the same.
fn names(rows: &[ImageRow]) -> Vec<&str> {
    let mut counts: HashMap<&str, usize> = HashMap::new();
    for name in rows.iter().filter_map(|row| row.name.as_deref()) {
        *counts.entry(name).or_default() += 1;
    }
    let alone = |row: &'_ &str| counts.get(row) == Some(&1);
    rows.iter().map(|row| row.name.as_deref().filter(alone).unwrap_or(&row.source)).collect()
}

fn images(audit: &Audit, out: &mut String) {
    let heads = ["IMAGE", "LAYERS", "SIZE", "WASTED", "OF BASE", "EFFICIENCY", "BASE", "FINDINGS", "WORST FINDING"];
    let mut columns = Columns::new(&heads).right(1).right(2).right(3).right(4).right(5).right(7);
    for (row, name) in audit.images.iter().zip(names(&audit.images)) {
        let of_base = row.base.as_ref().map_or(0, |base| base.wasted_bytes + base.killed_bytes);
        columns.row([
            text::ellipsis(name, 50),
            row.layers.len().to_string(),
            size_text(row.total_bytes),
            size_text(row.own_wasted_bytes),
            size_text(of_base),
            format!("{:.2}%", (row.efficiency * 10_000.0).floor() / 100.0),
            row.base.as_ref().map_or_else(String::new, base_name),
            row.findings.to_string(),
            row.biggest.as_ref().map_or_else(String::new, biggest),
        ]);
    }
    columns.write(out);
}

fn base_name(base: &BaseOf) -> String {
    base.name.as_deref().map_or_else(|| text::count(base.layers, "layer"), |name| text::ellipsis(name, 40))
}

fn biggest(biggest: &Biggest) -> String {
    format!("{} {} {}", biggest.rule, biggest.name, size_text(biggest.bytes))
}

fn bases(bases: &[BaseRow], out: &mut String) -> Result {
    writeln!(out, "\n{STRONG}Bases{STRONG:#}, with what is wasted of them and above them")?;
    let heads = ["BASE", "LAYERS", "IMAGES", "SIZE", "WASTED", "KILLED ABOVE", "WASTED ABOVE"];
    let mut columns = Columns::new(&heads).right(1).right(2).right(3).right(4).right(5).right(6);
    for base in bases {
        let unknown = if base.layers.is_some() { "(no name)" } else { "(none known)" };
        columns.row([
            base.name.as_deref().map_or_else(|| unknown.to_owned(), |name| text::ellipsis(name, 50)),
            base.layers.map_or_else(String::new, |layers| layers.to_string()),
            base.images.to_string(),
            size_text(base.total_bytes),
            size_text(base.wasted_bytes),
            size_text(base.killed_bytes),
            size_text(base.own_wasted_bytes),
        ]);
    }
    columns.write(out);
    Ok(())
}

fn layers(audit: &Audit, top: usize, terminal: Option<usize>, out: &mut String) -> Result {
    let shared: Vec<_> = audit.layers.iter().filter(|layer| layer.images > 1).collect();
    if shared.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{STRONG}Layers{STRONG:#} that several images have, stored once")?;
    let columns = Columns::new(&["LAYER", "IMAGES", "SIZE", "SAVED", "CREATED BY"]);
    let mut columns = columns.right(1).right(2).right(3).cut_last(terminal, CREATED_BY);
    for layer in shared.iter().take(top) {
        columns.row([
            text::short_id(&layer.diff_id),
            layer.images.to_string(),
            size_text(layer.size_bytes),
            size_text(layer.shared_bytes),
            layer.created_by.clone().unwrap_or_default(),
        ]);
    }
    columns.write(out);
    more(shared.len(), top, out)
}

fn duplicates(audit: &Audit, top: usize, terminal: Option<usize>, out: &mut String) -> Result {
    if audit.duplicates.is_empty() {
        return Ok(());
    }
    let total = size_text(audit.duplicates_total_bytes);
    writeln!(
        out,
        "\n{STRONG}Files{STRONG:#} that layers of different images have: one shared layer would save {total}"
    )?;
    let columns = Columns::new(&["COSTS", "SIZE", "LAYERS", "IMAGES", "FILE"]);
    let mut columns = columns.right(0).right(1).right(2).right(3).cut_last(terminal, FILE);
    for row in audit.duplicates.iter().take(top) {
        columns.row([
            size_text(row.bytes),
            size_text(row.size),
            row.layers.to_string(),
            row.images.to_string(),
            row.places.first().map_or_else(String::new, |place| place.path.clone()),
        ]);
    }
    columns.write(out);
    let shown = top.min(audit.duplicates.len());
    let more = usize::try_from(audit.duplicates_total_count).unwrap_or(usize::MAX).saturating_sub(shown);
    match more {
        0 => Ok(()),
        _ if shown < audit.duplicates.len() => writeln!(out, "{FAINT}and {more} more: --top N lists N{FAINT:#}"),
        _ => writeln!(out, "{FAINT}and {more} more{FAINT:#}"),
    }
}

fn packages(audit: &Audit, terminal: Option<usize>, out: &mut String) -> Result {
    if audit.packages.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "\n{STRONG}Packages{STRONG:#} that cost most, each counted once for every stack of layers that it came in"
    )?;
    let heads = ["SIZE", "STACKS", "IMAGES", "PACKAGE", "VERSIONS"];
    let mut columns = Columns::new(&heads).right(0).right(1).right(2).cut_last(terminal, VERSIONS);
    for row in &audit.packages {
        columns.row([
            size_text(row.bytes),
            row.stacks.to_string(),
            row.images.to_string(),
            format!("{} ({})", text::ellipsis(&row.name, 50), row.manager),
            row.versions.join(", "),
        ]);
    }
    columns.write(out);
    Ok(())
}

fn instructions(audit: &Audit, terminal: Option<usize>, out: &mut String) -> Result {
    if audit.instructions.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{STRONG}Instructions{STRONG:#} whose layers weigh most")?;
    let columns = Columns::new(&["SIZE", "WASTED", "LAYERS", "INSTRUCTION"]);
    let mut columns = columns.right(0).right(1).right(2).cut_last(terminal, INSTRUCTION);
    for row in &audit.instructions {
        columns.row([
            size_text(row.size_bytes),
            size_text(row.wasted_bytes),
            row.layers.len().to_string(),
            row.created_by.clone(),
        ]);
    }
    columns.write(out);
    Ok(())
}

fn errors(audit: &Audit, out: &mut String) -> Result {
    if audit.errors.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{ERROR}Not read{ERROR:#}")?;
    for error in &audit.errors {
        writeln!(out, "{ERROR}{}:{ERROR:#} {}", text::safe(&error.source), text::safe(&error.message))?;
    }
    Ok(())
}

fn more(count: usize, top: usize, out: &mut String) -> Result {
    if count > top {
        writeln!(out, "{FAINT}and {} more: --top N lists N{FAINT:#}", count - top)?;
    }
    Ok(())
}
