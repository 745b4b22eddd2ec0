//! Where the paths that a Dockerfile writes are in the image, as far as its text alone can tell.

use strata_dockerfile::{Instruction, Kind, Spanned, expand};
use strata_image::layer::LayerPath;

use super::Scene;
use crate::attribution::parent;

impl Scene<'_> {
    /// The directory that the instruction of this index works in; `None` where the file does not say it.
    pub(super) fn workdir(&self, index: usize) -> Option<LayerPath> {
        let dirs: Vec<&Spanned<String>> = self
            .lineage(index)
            .into_iter()
            .filter_map(|instruction| match &instruction.kind {
                Kind::Workdir(dir) => Some(dir),
                _ => None,
            })
            .collect();
        // where no stage sets it, that of the base is the image's own
        let base = dirs.is_empty().then(|| self.workdir.unwrap_or("/")).and_then(absolute);
        dirs.into_iter().fold(base, |at, dir| {
            let dir = self.literal(dir)?;
            resolve(at.as_ref(), &dir)
        })
    }

    /// Where the COPY or ADD of this index puts its files; `None` where the file does not say it.
    pub(super) fn destination(&self, index: usize) -> Option<LayerPath> {
        let (Kind::Copy(copy) | Kind::Add(copy)) = &self.recipe.file.instructions.get(index)?.kind else {
            return None;
        };
        resolve(self.workdir(index).as_ref(), &self.literal(&copy.destination)?)
    }

    /// What stands before an instruction, in its stage and in the stages that it starts from, in the order of the file.
    fn lineage(&self, index: usize) -> Vec<&Instruction> {
        let file = self.recipe.file;
        let stages = file.stages().stages;
        let place = file.instructions[index].span;
        let mut stage = stages.iter().rposition(|stage| stage.from_instruction.span.start <= place.start);
        let mut end = place.start;
        let mut before = Vec::new();
        while let Some(at) = stage {
            let instructions = stages[at].instructions.iter().rev();
            before.extend(instructions.copied().filter(|instruction| instruction.span.start < end));
            stage = parent(&stages, at);
            end = usize::MAX;
        }
        before.reverse();
        before
    }

    /// A word of an instruction without its quotes and escapes; `None` where it has a variable.
    pub(super) fn literal(&self, word: &Spanned<String>) -> Option<String> {
        let expanded = expand::word(&word.value, self.recipe.file.escape, &|_: &str| None).ok()?;
        expanded.used.is_empty().then_some(expanded.text)
    }
}

/// A path as a command in that directory means it; `None` for a relative one in an unknown directory.
pub(super) fn resolve(workdir: Option<&LayerPath>, text: &str) -> Option<LayerPath> {
    if text.starts_with('/') { absolute(text) } else { workdir?.join(text.as_bytes()).ok() }
}

fn absolute(text: &str) -> Option<LayerPath> {
    LayerPath::new(text.as_bytes()).ok()
}
