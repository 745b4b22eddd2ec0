//! What is suggested for whole images.
#![allow(missing_docs, clippy::unwrap_used)]

mod mounted;
mod suppressed;

use strata_analyzer::{Analysis, analysis::Options, analyze, suggest::Suggestion};
use strata_fixtures::stack::Stack;

/// Analyses an image, of which each layer but the first is of a RUN or COPY of the Dockerfile, in their order.
pub(crate) fn analyzed(layers: &str, dockerfile: &str, options: &Options<'_>) -> Analysis {
    let image = Stack::parse("app:1", layers).unwrap();
    let parsed = strata_dockerfile::parse(dockerfile.as_bytes());
    let makes_layer = |keyword: &str| ["RUN", "COPY"].contains(&keyword);
    let instructions = parsed.file.instructions.iter().enumerate();
    let steps = instructions.filter(|(_, instruction)| makes_layer(&instruction.keyword.value)).map(|(at, _)| Some(at));
    let steps: Vec<Option<usize>> = [None].into_iter().chain(steps).collect();
    let options = Options { dockerfile: Some(("Dockerfile", dockerfile.as_bytes())), steps: Some(&steps), ..*options };
    analyze(&image, &options).unwrap()
}

/// Its suggestions, and those that are left out: rule, lines and bytes, and of the latter the reason.
pub(crate) fn told(analysis: &Analysis) -> (Vec<String>, Vec<String>) {
    let made = analysis.suggestions.iter().filter(|made| !made.alternative);
    let row = |made: &Suggestion| format!("{} {:?} {}", made.rule, made.lines, made.saves_bytes);
    let left_out = analysis.refused.iter().filter(|refused| !refused.suppressed.is_empty());
    let because = |refused: &Suggestion| format!("{} {}", row(refused), refused.refused.clone().unwrap());
    (made.map(row).collect(), left_out.map(because).collect())
}
