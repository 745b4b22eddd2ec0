//! An audit as markdown, for an issue or a page of a wiki.

use std::fmt::{Result, Write as _};

use super::Audit;
use crate::{
    report::{code, plain},
    size_text,
};

/// Images that are listed: the most wasteful ones.
const MAX_IMAGES: usize = 100;

/// Writes a report in GitHub's markdown, `top` rows of each list but that of the images. Whatever an image holds stays text.
pub fn markdown(audit: &Audit, top: usize) -> String {
    let mut out = String::new();
    // writing to a string cannot fail
    let _ = head(audit, &mut out);
    let _ = images(audit, &mut out);
    let _ = bases(audit, top, &mut out);
    let _ = layers(audit, top, &mut out);
    let _ = costs(audit, top, &mut out);
    let _ = errors(audit, &mut out);
    out
}

fn head(audit: &Audit, out: &mut String) -> Result {
    let totals = &audit.totals;
    if audit.images.is_empty() {
        return writeln!(out, "### strata: no images");
    }
    writeln!(
        out,
        "### strata: {} image{}\n\n{} in {} distinct layer{}, {} stored once though in several images; **{} wasted** in own \
         layers, {} in all",
        totals.images,
        plural(totals.images),
        size_text(totals.layer_bytes),
        totals.layers,
        plural(totals.layers),
        size_text(totals.shared_bytes),
        size_text(totals.own_wasted_bytes),
        size_text(totals.wasted_bytes),
    )
}

fn images(audit: &Audit, out: &mut String) -> Result {
    if audit.images.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n| image | layers | size | wasted | of base | efficiency | base | findings | worst finding |")?;
    writeln!(out, "|---|---:|---:|---:|---:|---:|---|---:|---|")?;
    for row in audit.images.iter().take(MAX_IMAGES) {
        let base = row.base.as_ref();
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {:.2}% | {} | {} | {} |",
            code(row.name.as_deref().unwrap_or(&row.source)),
            row.layers.len(),
            size_text(row.total_bytes),
            size_text(row.own_wasted_bytes),
            size_text(base.map_or(0, |base| base.wasted_bytes + base.killed_bytes)),
            (row.efficiency * 10_000.0).floor() / 100.0,
            base.and_then(|base| base.name.as_deref()).map_or_else(String::new, code),
            row.findings,
            row.biggest.as_ref().map_or_else(String::new, |found| format!("{} {}", found.rule, plain(&found.message))),
        )?;
    }
    more(audit.images.len(), MAX_IMAGES, out)
}

fn bases(audit: &Audit, top: usize, out: &mut String) -> Result {
    if audit.bases.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n| base | images | size | wasted | killed above | wasted above |\n|---|---:|---:|---:|---:|---:|")?;
    for base in audit.bases.iter().take(top) {
        let unknown = if base.layers.is_some() { "(no name)" } else { "(none known)" };
        writeln!(
            out,
            "| {} | {} | {} | {} | {} | {} |",
            base.name.as_deref().map_or_else(|| unknown.to_owned(), code),
            base.images,
            size_text(base.total_bytes),
            size_text(base.wasted_bytes),
            size_text(base.killed_bytes),
            size_text(base.own_wasted_bytes),
        )?;
    }
    more(audit.bases.len(), top, out)
}

fn layers(audit: &Audit, top: usize, out: &mut String) -> Result {
    let shared: Vec<_> = audit.layers.iter().filter(|layer| layer.images > 1).collect();
    if shared.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n| shared layer | images | size | saved | created by |\n|---|---:|---:|---:|---|")?;
    for layer in shared.iter().take(top) {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            code(layer.diff_id.get(7..19).unwrap_or_default()),
            layer.images,
            size_text(layer.size_bytes),
            size_text(layer.shared_bytes),
            layer.created_by.as_deref().map_or_else(String::new, code),
        )?;
    }
    more(shared.len(), top, out)
}

/// Files, instructions, packages.
fn costs(audit: &Audit, top: usize, out: &mut String) -> Result {
    if !audit.duplicates.is_empty() {
        writeln!(out, "\n| costs | file of several layers | size | layers | images |\n|---:|---|---:|---:|---:|")?;
    }
    for row in audit.duplicates.iter().take(top) {
        let path = row.places.first().map_or("", |place| &place.path);
        let (bytes, size) = (size_text(row.bytes), size_text(row.size));
        writeln!(out, "| {bytes} | {} | {size} | {} | {} |", code(path), row.layers, row.images)?;
    }
    more(usize::try_from(audit.duplicates_total_count).unwrap_or(usize::MAX), top.min(audit.duplicates.len()), out)?;
    if !audit.instructions.is_empty() {
        writeln!(out, "\n| size | instruction | wasted | layers |\n|---:|---|---:|---:|")?;
    }
    for row in &audit.instructions {
        let (size, wasted) = (size_text(row.size_bytes), size_text(row.wasted_bytes));
        writeln!(out, "| {size} | {} | {wasted} | {} |", code(&row.created_by), row.layers.len())?;
    }
    if !audit.packages.is_empty() {
        writeln!(out, "\n| size | package | manager | stacks | images |\n|---:|---|---|---:|---:|")?;
    }
    for row in &audit.packages {
        let (size, name) = (size_text(row.bytes), code(&row.name));
        writeln!(out, "| {size} | {name} | {} | {} | {} |", row.manager, row.stacks, row.images)?;
    }
    Ok(())
}

fn errors(audit: &Audit, out: &mut String) -> Result {
    if !audit.errors.is_empty() {
        writeln!(out, "\n**Not read:**\n")?;
    }
    for error in &audit.errors {
        writeln!(out, "- {}: {}", code(&error.source), plain(&error.message))?;
    }
    Ok(())
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn more(count: usize, shown: usize, out: &mut String) -> Result {
    if count > shown { writeln!(out, "\nand {} more", count - shown) } else { Ok(()) }
}
