//! The report of an audit: schema 1 of `audit --format json` (docs/FORMATS.md), as plain data.
//!
//! The fields stand in the order in which they are written. Equal images give equal reports, byte for byte.

use std::{
    cmp::Reverse,
    collections::{HashMap, HashSet},
};

use serde::Serialize;
use strata_image::DiffId;

use super::{
    bases::Bases, duplicates, gather::Gathered, indexes::Indexes, instructions, layers::Layers, packages::Sums,
};
use crate::{Finding, Result, analysis::FoundBy, findings::Level, packages::Manager};

/// The version of the report's form.
const SCHEMA: u32 = 1;

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Audit {
    /// Always 1.
    pub schema: u32,
    /// Over all images.
    pub totals: Totals,
    /// The most wasteful first: by own wasted bytes, then by all, then by what names them.
    pub images: Vec<ImageRow>,
    /// What could not be read.
    pub errors: Vec<ErrorRow>,
    /// What the images are built on: the most wasteful first.
    pub bases: Vec<BaseRow>,
    /// Distinct layers: those that save most by being stored once, first; then the largest.
    pub layers: Vec<LayerRow>,
    /// Contents that several layers have, which not all the same images have: those that cost most first, at most 1,000.
    pub duplicates: Vec<DuplicateRow>,
    /// What all of them cost, also those that are not listed.
    pub duplicates_total_bytes: u64,
    /// How many they are.
    pub duplicates_total_count: u64,
    /// The instructions whose layers weigh most.
    pub instructions: Vec<InstructionRow>,
    /// The packages that cost most.
    pub packages: Vec<PackageRow>,
}

/// Sums over all images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Totals {
    /// Images that were looked at.
    pub images: u64,
    /// Sources that could not be read.
    pub errors: u64,
    /// Distinct layers.
    pub layers: u64,
    /// Content bytes of all images, those of a layer as often as there are images that have it.
    pub image_bytes: u64,
    /// Content bytes of distinct layers.
    pub layer_bytes: u64,
    /// What is stored once though several images have it: the difference of the two.
    pub shared_bytes: u64,
    /// Distinct layers as they are stored.
    pub stored_bytes: u64,
    /// Dead bytes of all images: own ones, and those of a base once for each image that is built on it.
    pub wasted_bytes: u64,
    /// Those of them that were made above the bases.
    pub own_wasted_bytes: u64,
}

/// One image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ImageRow {
    /// Its first name, where it has one.
    pub name: Option<String>,
    /// What names it for `analyze`.
    pub source: String,
    /// The digest of its config; a root filesystem has none.
    pub id: Option<String>,
    /// Such as `linux/arm64/v8`.
    pub platform: Option<String>,
    /// Numbers of its layers in the report's list, bottom first.
    pub layers: Vec<usize>,
    /// Content bytes of all its layers.
    pub total_bytes: u64,
    /// Bytes of its layers as they are stored.
    pub stored_bytes: u64,
    /// Dead bytes.
    pub wasted_bytes: u64,
    /// Content bytes of the layers above the base; all of them where none is known.
    pub own_bytes: u64,
    /// Those of them that are dead.
    pub own_wasted_bytes: u64,
    /// Live over total; 1.0 for an empty image.
    pub efficiency: f64,
    /// What it is built on, where that is known.
    pub base: Option<BaseOf>,
    /// Findings that are not the base's own affair.
    pub findings: usize,
    /// The one of them that weighs most: of the highest level, and of those the one with the most bytes.
    pub biggest: Option<Biggest>,
}

/// The base of one image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaseOf {
    /// Its name, where it is known.
    pub name: Option<String>,
    /// How many layers it has.
    pub layers: usize,
    /// How that is known.
    pub found_by: FoundBy,
    /// Content bytes of its layers.
    pub total_bytes: u64,
    /// Those that a layer of its own killed.
    pub wasted_bytes: u64,
    /// Those that a layer above it killed.
    pub killed_bytes: u64,
}

/// The finding of an image that weighs most.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Biggest {
    /// The rule's number.
    pub rule: &'static str,
    /// The rule's name.
    pub name: &'static str,
    /// How much it weighs.
    pub level: Level,
    /// Bytes.
    pub bytes: u64,
    /// What was found, in one sentence.
    pub message: String,
}

impl Biggest {
    pub(super) fn of(finding: &Finding) -> Self {
        let &Finding { rule, name, level, bytes, .. } = finding;
        Self { rule, name, level, bytes, message: finding.message.clone() }
    }
}

/// What could not be read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct ErrorRow {
    /// What names it.
    pub source: String,
    /// Why, with all causes.
    pub message: String,
}

/// What images are built on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaseRow {
    /// Its name, where it is known.
    pub name: Option<String>,
    /// How many layers it has; `None` in the row of the images of which no base is known.
    pub layers: Option<usize>,
    /// Images that are built on it.
    pub images: u64,
    /// Content bytes of its layers.
    pub total_bytes: u64,
    /// Those of them that a layer of its own killed.
    pub wasted_bytes: u64,
    /// Those that layers above it killed, summed over the images.
    pub killed_bytes: u64,
    /// Content bytes of the layers above it, summed over the images.
    pub own_bytes: u64,
    /// Those of them that are dead.
    pub own_wasted_bytes: u64,
}

/// A distinct layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerRow {
    /// Digest of the uncompressed tar.
    pub diff_id: String,
    /// Content bytes of its regular files.
    pub size_bytes: u64,
    /// Its bytes as they are stored.
    pub stored_bytes: u64,
    /// Entries of the tar.
    pub entries: u64,
    /// The most that an image wastes of it.
    pub wasted_bytes: u64,
    /// Images that have it.
    pub images: u64,
    /// What it saves by being stored once: its size for each image but one.
    pub shared_bytes: u64,
    /// From the history of the first image that tells.
    pub created_by: Option<String>,
}

/// A content that several layers have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct DuplicateRow {
    /// What a layer that all of them share would save: the size for each layer but one.
    pub bytes: u64,
    /// Bytes of the content.
    pub size: u64,
    /// How many distinct layers have it.
    pub layers: u64,
    /// How many images have one of these.
    pub images: u64,
    /// Where it is: the first place in each layer, at most 10.
    pub places: Vec<PlaceRow>,
}

/// A file of a layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlaceRow {
    /// Number of the layer in the report's list.
    pub layer: usize,
    /// As [`path_text`](crate::path_text) writes it.
    pub path: String,
}

/// A package, in all its versions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PackageRow {
    /// Who keeps account of it.
    pub manager: Manager,
    /// Its name.
    pub name: String,
    /// Those that are installed somewhere, in the order of their text.
    pub versions: Vec<String>,
    /// Bytes that it says it has installed, or else those of its files, for each stack of layers in which it came.
    pub bytes: u64,
    /// How many such stacks there are. What images have in common from the bottom is one.
    pub stacks: u64,
    /// Images that have it.
    pub images: u64,
}

/// An instruction, and all distinct layers that it made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct InstructionRow {
    /// As the history has it.
    pub created_by: String,
    /// Content bytes of the layers.
    pub size_bytes: u64,
    /// The most that images waste of them.
    pub wasted_bytes: u64,
    /// Numbers of the layers in the report's list.
    pub layers: Vec<usize>,
}

/// What a report is made from.
pub(super) struct Parts<'a> {
    pub(super) images: &'a [Gathered],
    /// With the number of the image.
    pub(super) rows: Vec<(ImageRow, usize)>,
    pub(super) failed: Vec<ErrorRow>,
    pub(super) layers: Layers,
    pub(super) bases: Bases,
    pub(super) packages: Sums,
}

pub(super) fn put_together(parts: Parts<'_>, indexes: &Indexes, top: usize) -> Result<(Audit, Vec<DiffId>)> {
    let Parts { images, mut rows, failed: mut errors, layers, bases, packages } = parts;
    let listed = layer_rows(layers);
    let members: Vec<_> = listed.iter().map(|(id, row, images)| duplicates::Member { id: *id, row, images }).collect();
    let duplicates::Duplicates { rows: duplicates, bytes: duplicates_total_bytes, count: duplicates_total_count } =
        duplicates::find(indexes, &members)?;
    let order: Vec<DiffId> = listed.iter().map(|(id, ..)| *id).collect();
    let ids: HashMap<DiffId, usize> = listed.iter().enumerate().map(|(number, (id, ..))| (*id, number)).collect();
    let layers: Vec<LayerRow> = listed.into_iter().map(|(_, row, _)| row).collect();
    for (row, number) in &mut rows {
        row.layers = images[*number].diff_ids.iter().filter_map(|id| ids.get(id).copied()).collect();
    }
    let mut rows: Vec<ImageRow> = rows.into_iter().map(|(row, _)| row).collect();
    rows.sort_by(|a, b| {
        let key = |row: &ImageRow| Reverse((row.own_wasted_bytes, row.wasted_bytes));
        (key(a), &a.name, &a.source).cmp(&(key(b), &b.name, &b.source))
    });
    errors.sort();
    let sum = |of: &dyn Fn(&ImageRow) -> u64| rows.iter().map(of).sum::<u64>();
    let layer_sum = |of: &dyn Fn(&LayerRow) -> u64| layers.iter().map(of).sum::<u64>();
    let totals = Totals {
        images: rows.len() as u64,
        errors: errors.len() as u64,
        layers: layers.len() as u64,
        image_bytes: sum(&|row| distinct(&row.layers).map(|layer| layers[layer].size_bytes).sum()),
        layer_bytes: layer_sum(&|layer| layer.size_bytes),
        shared_bytes: layer_sum(&|layer| layer.shared_bytes),
        stored_bytes: layer_sum(&|layer| layer.stored_bytes),
        wasted_bytes: sum(&|row| row.wasted_bytes),
        own_wasted_bytes: sum(&|row| row.own_wasted_bytes),
    };
    let audit = Audit {
        schema: SCHEMA,
        totals,
        images: rows,
        errors,
        bases: bases.rows(),
        instructions: instructions::rows(&layers, top),
        layers,
        duplicates,
        duplicates_total_bytes,
        duplicates_total_count,
        packages: packages.rows(top),
    };
    Ok((audit, order))
}

/// An image may have a layer twice, which is stored once.
fn distinct(layers: &[usize]) -> impl Iterator<Item = usize> {
    layers.iter().copied().collect::<HashSet<usize>>().into_iter()
}

/// The layers in the order of the report, with the numbers of the images that have them.
fn layer_rows(layers: Layers) -> Vec<(DiffId, LayerRow, Vec<u32>)> {
    let mut rows: Vec<(DiffId, LayerRow, Vec<u32>)> = layers
        .by_id
        .into_iter()
        .map(|(id, layer)| {
            let row = LayerRow {
                diff_id: id.to_string(),
                size_bytes: layer.size_bytes,
                stored_bytes: layer.stored_bytes,
                entries: layer.entries,
                wasted_bytes: layer.wasted_bytes,
                images: layer.images.len() as u64,
                shared_bytes: layer.size_bytes.saturating_mul((layer.images.len() as u64).saturating_sub(1)),
                created_by: layer.created_by,
            };
            (id, row, layer.images)
        })
        .collect();
    rows.sort_by_key(|(id, row, _)| (Reverse((row.shared_bytes, row.size_bytes)), *id));
    rows
}
