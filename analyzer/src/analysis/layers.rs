//! The lines of layers: what each weighs, who made it, and how long that took.

use strata_dockerfile::{Dockerfile, Instruction};
use strata_image::{Image, ImageConfig, Timestamp};

use super::{LayerLine, Read};
use crate::{Ledger, attribution::Attribution};

/// Steps that took longer are none: between two times of a history may lie months.
const MAX_SECONDS: f64 = 86_400.0;

/// One line a layer, bottom first.
pub(super) fn lines(
    image: &dyn Image,
    ledger: &Ledger,
    base_layers: Option<usize>,
    origin: Option<&Attribution>,
    file: Option<&Dockerfile>,
) -> Vec<LayerLine> {
    let history = image.config().and_then(ImageConfig::layer_history);
    let seconds = seconds(image, base_layers.unwrap_or(0));
    image
        .layers()
        .iter()
        .zip(ledger.layers())
        .enumerate()
        .map(|(index, (layer, totals))| {
            let step = origin.and_then(|origin| *origin.steps.get(index)?);
            let lines = step.and_then(|step| Some(file?.instructions.get(step)?.lines));
            LayerLine {
                index,
                diff_id: layer.diff_id().to_string(),
                size_bytes: totals.total,
                entries: totals.entries,
                created_by: history.as_ref().and_then(|history| history.get(index)?.created_by.clone()),
                line: lines.map(|lines| lines.0),
                wasted_bytes: totals.wasted,
                killed_bytes: totals.killed,
                base: base_layers.map(|count| index < count),
                last_line: lines.map(|lines| lines.1),
                seconds: seconds.get(index).copied().flatten(),
            }
        })
        .collect()
}

/// The instruction that made each layer.
pub(super) fn instructions<'a>(
    layers: &[LayerLine],
    origin: Option<&Attribution>,
    recipe: Option<&'a Read<'_>>,
) -> Vec<Option<&'a Instruction>> {
    let instruction = |layer: usize| {
        let step = (*origin?.steps.get(layer)?)?;
        recipe?.2.file.instructions.get(step)
    };
    (0..layers.len()).map(instruction).collect()
}

/// Seconds between the time of each layer and that of the line before it in the history. Nothing is known of the base's
/// layers, of the first layer above them, and where the clock stood still.
fn seconds(image: &dyn Image, base_layers: usize) -> Vec<Option<f64>> {
    let mut seconds = Vec::new();
    let mut before: Option<Timestamp> = None;
    for line in image.config().map(|config| config.history.as_slice()).unwrap_or_default() {
        let time: Option<Timestamp> = line.created.as_deref().and_then(|created| created.parse().ok());
        if !line.empty_layer {
            let is_known = seconds.len() > base_layers;
            let took = before.zip(time).map(|(before, time)| between(before, time));
            seconds.push(took.filter(|took| is_known && *took > 0.0 && *took < MAX_SECONDS));
        }
        before = time;
    }
    seconds
}

#[expect(clippy::cast_precision_loss, reason = "seconds of a day")]
fn between(before: Timestamp, after: Timestamp) -> f64 {
    let whole = after.seconds.saturating_sub(before.seconds) as f64;
    whole + (f64::from(after.nanoseconds) - f64::from(before.nanoseconds)) / 1e9
}
