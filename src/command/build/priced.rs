//! What the rules about size found, priced by the image that was built.

use anyhow::Result;
use strata_analyzer::{
    checks::{self, SizeFinding},
    index::LayerIndex,
    size_text,
};
use strata_builder::{Built, Options};
use strata_dockerfile::Span;
use strata_image::Image;

use crate::places::Places;

/// A line for each finding that costs bytes in this image, the dearest first.
pub(super) fn lines(
    findings: &[SizeFinding],
    options: &Options,
    built: &Built,
    image: &dyn Image,
    places: &Places,
) -> Result<Vec<String>> {
    if findings.is_empty() {
        return Ok(Vec::new());
    }
    let file = strata_dockerfile::parse(&options.dockerfile).file;
    let number = |span: Span| file.instructions.iter().position(|instruction| instruction.span == span);
    let mut priced = Vec::new();
    for finding in findings {
        let Some(number) = number(finding.instruction) else { continue };
        let Some(index) = built.layer_steps.iter().position(|step| *step == Some(number)) else { continue };
        let Some(layer) = image.layers().get(index) else { continue };
        let bytes = checks::price(finding, &*LayerIndex::cached(layer.as_ref(), places.analysis().as_deref())?)?;
        if bytes > 0 {
            let line = file.instructions[number].lines.0;
            let message = &finding.diagnostic.message;
            let text =
                format!("line {line}: {}: {message}: this cost {} in layer {index}", finding.rule, size_text(bytes));
            priced.push((bytes, text));
        }
    }
    priced.sort_by_key(|(bytes, _)| std::cmp::Reverse(*bytes));
    Ok(priced.into_iter().map(|(_, line)| line).collect())
}
