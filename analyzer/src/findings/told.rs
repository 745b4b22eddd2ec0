//! The words that messages are made of: which files, which layers.

use super::Finding;
use crate::{analysis::LayerLine, size_text};

/// A finding that wants its sentence.
#[derive(Clone, Copy, Debug)]
pub struct Told<'a> {
    pub(super) finding: &'a Finding,
    pub(super) layers: &'a [LayerLine],
}

impl Told<'_> {
    /// The finding's kind.
    pub(super) fn kind(&self) -> &'static str {
        self.finding.kind
    }

    /// `/a`, or `3 files, such as /a`, with their size.
    pub(super) fn files(&self) -> String {
        self.counted("file", "files")
    }

    /// `/a`, or `3 directories, such as /a`, with their size.
    pub(super) fn directories(&self) -> String {
        self.counted("directory", "directories")
    }

    /// `gcc`, or `3 packages, such as gcc`, with their size.
    pub(super) fn packages(&self) -> String {
        let size = size_text(self.finding.bytes);
        let first = self.finding.paths.first().and_then(|place| place.package.as_deref()).unwrap_or_default();
        match self.finding.paths_total {
            1 => format!("{first} ({size})"),
            count => format!("{count} packages, such as {first} ({size})"),
        }
    }

    /// Their size.
    pub(super) fn bytes(&self) -> String {
        size_text(self.finding.bytes)
    }

    /// How long the step took that made the layer, where the history tells.
    pub(super) fn seconds(&self) -> Option<f64> {
        self.layers.get(self.finding.creator?)?.seconds
    }

    /// Where the first of them is too.
    pub(super) fn other(&self) -> Option<&str> {
        self.finding.paths.first()?.other.as_deref()
    }

    fn counted(&self, one: &str, many: &str) -> String {
        let size = size_text(self.finding.bytes);
        match (self.finding.paths_total, self.finding.paths.first()) {
            (1, Some(place)) => format!("{} ({size})", place.path),
            (count, Some(place)) => format!("{count} {many}, such as {} ({size})", place.path),
            (count, None) => format!("{count} {} ({size})", if count == 1 { one } else { many }),
        }
    }

    /// Who made it.
    pub(super) fn creator(&self) -> String {
        self.place(self.finding.creator)
    }

    /// Who killed it.
    pub(super) fn killer(&self) -> String {
        self.place(self.finding.killer)
    }

    /// `line 4`, `layer 3`, `layer 0 (base)`.
    fn place(&self, layer: Option<usize>) -> String {
        match (layer, layer.and_then(|layer| self.layers.get(layer))) {
            (None, _) => "the image".to_owned(),
            (Some(_), Some(LayerLine { line: Some(line), .. })) => format!("line {line}"),
            (Some(layer), Some(line)) if line.base == Some(true) => format!("layer {layer} of the base image"),
            (Some(layer), _) => format!("layer {layer}"),
        }
    }
}
