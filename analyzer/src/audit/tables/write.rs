//! Writes the rows of the tables.

use std::io::{self, Write};

use strata_image::layer::{Change, Entry, EntryKind};

use super::{
    column::{Cell, Writer},
    describe,
};
use crate::{
    Error, Finding, Result,
    analysis::LayerLine,
    audit::{Audit, ErrorRow, ImageRow, Observer},
    index::{ContentHash, LayerIndex},
    path_text,
};

/// Writes the four tables while an audit goes on.
pub struct Tables<W: Write + Send> {
    images: Writer<W>,
    layers: Writer<W>,
    files: Writer<W>,
    findings: Writer<W>,
}

impl<W: Write + Send> Tables<W> {
    /// Begins the tables in files, in the order of [`TABLES`](super::TABLES).
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn new([images, layers, files, findings]: [W; 4]) -> Result<Self> {
        Ok(Self {
            images: Writer::new(&describe::IMAGES, images)?,
            layers: Writer::new(&describe::LAYERS, layers)?,
            files: Writer::new(&describe::FILES, files)?,
            findings: Writer::new(&describe::FINDINGS, findings)?,
        })
    }

    /// Writes what the report has, and ends the tables.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(mut self, audit: &Audit) -> Result<[W; 4]> {
        audit.images.iter().try_for_each(|row| self.images.push(image(row)))?;
        audit.errors.iter().try_for_each(|row| self.images.push(error(row)))?;
        Ok([self.images.finish()?, self.layers.finish()?, self.files.finish()?, self.findings.finish()?])
    }
}

impl<W: Write + Send> Observer for Tables<W> {
    fn image(&mut self, image: &ImageRow, layers: &[LayerLine], findings: &[Finding]) -> Result<()> {
        layers.iter().try_for_each(|layer| self.layers.push(layer_of(&image.source, layer)))?;
        findings.iter().try_for_each(|finding| self.findings.push(finding_of(&image.source, layers, finding)))
    }

    fn wants_layers(&self) -> bool {
        true
    }

    fn layer(&mut self, index: &LayerIndex) -> Result<()> {
        let diff_id = index.diff_id().to_string();
        for (number, entry) in (0..).zip(index.entries()) {
            self.files.push(file(&diff_id, &entry?, index.hash(number)))?;
        }
        Ok(())
    }
}

fn image(row: &ImageRow) -> Vec<Cell> {
    let base = row.base.as_ref();
    vec![
        Cell::text(&row.source),
        Cell::perhaps(row.name.as_deref()),
        Cell::perhaps(row.id.as_deref()),
        Cell::perhaps(row.platform.as_deref()),
        Cell::count(row.layers.len() as u64),
        Cell::count(row.total_bytes),
        Cell::count(row.stored_bytes),
        Cell::count(row.wasted_bytes),
        Cell::count(row.own_bytes),
        Cell::count(row.own_wasted_bytes),
        Cell::Share(row.efficiency),
        Cell::perhaps(base.and_then(|base| base.name.as_deref())),
        base.map_or(Cell::None, |base| Cell::count(base.layers as u64)),
        base.map_or(Cell::None, |base| Cell::count(base.total_bytes)),
        base.map_or(Cell::None, |base| Cell::count(base.wasted_bytes)),
        base.map_or(Cell::None, |base| Cell::count(base.killed_bytes)),
        Cell::count(row.findings as u64),
        Cell::None,
    ]
}

fn error(row: &ErrorRow) -> Vec<Cell> {
    let mut cells = vec![Cell::text(&row.source)];
    // all but the first and the last
    cells.resize_with(describe::IMAGES.columns.len() - 1, || Cell::None);
    cells.push(Cell::text(&row.message));
    cells
}

fn layer_of(source: &str, layer: &LayerLine) -> Vec<Cell> {
    vec![
        Cell::text(source),
        Cell::count(layer.index as u64),
        Cell::text(&layer.diff_id),
        Cell::count(layer.size_bytes),
        Cell::count(layer.entries),
        Cell::count(layer.wasted_bytes),
        Cell::count(layer.killed_bytes),
        layer.base.map_or(Cell::None, Cell::Flag),
        Cell::perhaps(layer.created_by.as_deref()),
    ]
}

fn file(layer: &str, entry: &Entry, content: Option<&ContentHash>) -> Vec<Cell> {
    let (path, kind) = match entry.change() {
        Ok(Change::Whiteout(path)) => (path, "whiteout"),
        Ok(Change::Opaque(path)) => (path, "opaque"),
        _ => (entry.path.clone(), type_of(&entry.kind)),
    };
    let content = content.map(|hash| hash[..16].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}")));
    vec![
        Cell::text(layer),
        Cell::text(&path_text(path.as_bytes())),
        Cell::text(kind),
        Cell::count(entry.size),
        Cell::count(u64::from(entry.mode)),
        Cell::count(entry.uid),
        Cell::count(entry.gid),
        Cell::perhaps(content.as_deref()),
    ]
}

fn type_of(kind: &EntryKind) -> &'static str {
    match kind {
        EntryKind::File => "file",
        EntryKind::HardLink(_) => "hard-link",
        EntryKind::Symlink(_) => "symlink",
        EntryKind::Directory => "directory",
        EntryKind::CharDevice { .. } => "char-device",
        EntryKind::BlockDevice { .. } => "block-device",
        EntryKind::Fifo => "fifo",
    }
}

fn finding_of(source: &str, layers: &[LayerLine], finding: &Finding) -> Vec<Cell> {
    let layer = |layer: Option<usize>| Cell::perhaps(layer.and_then(|layer| Some(layers.get(layer)?.diff_id.as_str())));
    vec![
        Cell::text(source),
        Cell::text(finding.rule),
        Cell::text(finding.name),
        Cell::text(finding.kind),
        Cell::text(describe::level(finding.level)),
        Cell::Flag(finding.exact),
        Cell::count(finding.bytes),
        Cell::count(finding.files),
        layer(finding.creator),
        layer(finding.killer),
        Cell::Flag(finding.fixable),
        Cell::text(&finding.message),
    ]
}

/// A table that could not be written.
pub(super) fn failed(table: &'static str) -> impl Fn(parquet::errors::ParquetError) -> Error {
    move |source| Error::Table { table, source: io::Error::other(source) }
}
