//! What `--verify-reproducible` says.

use anyhow::Result;
use strata_analyzer::compare::{Comparison, LayerFacts, What};
use strata_builder::{Built, Engine, Options, reproduce::reproduce};
use strata_image::{ImageId, store::StoredImage};

use super::shown::Shown;
use crate::look::text::count;

/// Differences that are told one by one; who wants more has `strata compare`.
const TOLD: usize = 100;

/// Builds twice, every step run both times, and gives the first image and what differs from it in the second, a line each.
/// The second image is removed.
pub(super) fn build(engine: &Engine, options: &Options, shown: &mut Shown<'_>) -> Result<(Built, Vec<String>)> {
    let existed: Vec<ImageId> = engine.store.images()?.iter().map(StoredImage::image_id).collect();
    let reproduced = shown.build(|progress| reproduce(engine, options, progress))?;
    let second = reproduced.second.id;
    if second != reproduced.first.id && !existed.contains(&second) {
        engine.store.remove(&second, false)?;
    }
    let has_epoch = options.epoch.is_some() || options.build_args.contains_key("SOURCE_DATE_EPOCH");
    if !has_epoch {
        shown.note("times are not compared: they are the clock's, for SOURCE_DATE_EPOCH is not set");
    }
    let differences = reproduced.difference.as_ref().map(|comparison| lines(comparison, has_epoch));
    Ok((reproduced.first, differences.unwrap_or_default()))
}

fn lines(comparison: &Comparison, has_epoch: bool) -> Vec<String> {
    let rootfs = &comparison.rootfs;
    let mut lines: Vec<String> = rootfs.gone().iter().map(|path| format!("{path}: only in the first image")).collect();
    lines.extend(rootfs.new_paths().iter().map(|path| format!("{path}: only in the second image")));
    for changed in &rootfs.changed {
        let counts = |what: &&What| has_epoch || **what != What::Mtime;
        let what: Vec<&str> = changed.what.iter().filter(counts).map(|what| what.word()).collect();
        if !what.is_empty() {
            lines.push(format!("{}: {}", changed.path, what.join(", ")));
        }
    }
    lines.extend(comparison.config.iter().map(|field| format!("config {}: {} and {}", field.field, field.a, field.b)));
    // with an epoch the images are equal to the last bit, or they are not reproducible
    if has_epoch && lines.is_empty() {
        let (a, b) = (&comparison.layers.a, &comparison.layers.b);
        let diff_id = |layers: &[LayerFacts], index: usize| layers.get(index).map(|layer| layer.diff_id.clone());
        let differ = (0..a.len().max(b.len())).filter(|&index| diff_id(a, index) != diff_id(b, index));
        lines.extend(differ.map(|index| format!("layer {index}: its tar differs, what it holds does not")));
        if lines.is_empty() {
            lines.push("the times or the history of the config".to_owned());
        }
    }
    if lines.len() > TOLD {
        let more = lines.len() - TOLD;
        lines.truncate(TOLD);
        lines.push(format!("and {} more", count(more, "difference")));
    }
    lines
}
