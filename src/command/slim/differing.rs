//! Why a rewrite is not applied: the paths that its image would have otherwise, each with the instruction that made it.

use std::fmt::Write as _;

use strata_analyzer::{Comparison, compare::LayerFacts};
use strata_builder::slim::Rewrite;

use crate::look::{
    palette::{ERROR, FAINT},
    text,
};

/// Paths that are told; the others are in the JSON.
const MAX_PATHS: usize = 20;
/// Columns of an instruction.
const MAX_INSTRUCTION: usize = 80;

/// Tells what differs, of all that does.
pub(super) fn told(rewrite: &Rewrite, differing: &[String]) -> String {
    let mut out =
        format!("proof      {ERROR}different:{ERROR:#} nothing is written, since the image would not be the same\n");
    for path in differing.iter().take(MAX_PATHS) {
        let (what, maker) = of(&rewrite.comparison, path);
        // writing to a string cannot fail
        let _ = write!(out, "           {}  {what}", text::safe(path));
        if let Some(maker) = maker {
            let _ = write!(out, "{FAINT}, made by {}{FAINT:#}", text::ellipsis(&text::safe(maker), MAX_INSTRUCTION));
        }
        out.push('\n');
    }
    let more = differing.len().saturating_sub(MAX_PATHS);
    if more > 0 {
        let _ = writeln!(out, "           and {more} more, which --format json lists");
    }
    out
}

/// What differs in a path, and the instruction that it is from: that of the image before where it is gone.
fn of<'a>(comparison: &'a Comparison, path: &str) -> (String, Option<&'a str>) {
    let (rootfs, layers) = (&comparison.rootfs, &comparison.layers);
    if let Some(changed) = rootfs.changed.iter().find(|changed| changed.path == path) {
        let what: Vec<&str> = changed.what.iter().map(|what| what.word()).collect();
        return (what.join(", "), created_by(&layers.b, changed.layer_b));
    }
    if let Some(added) = rootfs.added.iter().find(|added| added.path == path) {
        return ("is new".to_owned(), created_by(&layers.b, added.layer));
    }
    if let Some(removed) = rootfs.removed.iter().find(|removed| removed.path == path) {
        return ("is gone".to_owned(), created_by(&layers.a, removed.layer));
    }
    if rootfs.renamed.iter().any(|moved| moved.from == path) {
        return ("is gone".to_owned(), None);
    }
    if rootfs.renamed.iter().chain(&rootfs.copied).any(|moved| moved.to == path) {
        return ("is new".to_owned(), None);
    }
    ("differs".to_owned(), None)
}

fn created_by(layers: &[LayerFacts], layer: u32) -> Option<&str> {
    layers.get(usize::try_from(layer).ok()?)?.created_by.as_deref()
}
