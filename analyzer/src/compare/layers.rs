//! The layers of both images, which belong together, and what differs between those that do.

use std::sync::Arc;

use serde::Serialize;
use strata_image::{DiffId, Image, ImageConfig, Layer, layer::EntryKind};

use super::{
    align::{self, Aligned, By, SKETCH, Signs, Sketch},
    entries::{Item, LayerDiff, Pairing},
    exact, history,
    rootfs::Uncounted,
    what::{Depth, Set, What},
};
use crate::{Result, index::LayerIndex};

/// The stacks of both images.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LayersDiff {
    /// Whether the diff IDs are the same, in the same order.
    pub equal: bool,
    /// The first image's layers, bottom first.
    pub a: Vec<LayerFacts>,
    /// The second image's.
    pub b: Vec<LayerFacts>,
    /// Which belong together, in the order of the stacks; those that are alone too.
    pub pairs: Vec<LayerPair>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerFacts {
    /// The digest of the uncompressed tar.
    pub diff_id: String,
    /// The step of the history that made it, as a Dockerfile has it.
    pub created_by: Option<String>,
    /// How it is stored.
    pub media_type: String,
    /// Digest of the bytes as stored.
    pub digest: String,
    /// Bytes as stored, perhaps compressed.
    pub stored_bytes: u64,
    /// Content bytes; `None` where the layer was not looked into.
    pub content_bytes: Option<u64>,
    /// Entries of the tar; `None` where the layer was not looked into.
    pub entries: Option<usize>,
}

/// Two layers that belong together, or one that is alone.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerPair {
    /// Number of the first image's layer, from 0.
    pub a: Option<usize>,
    /// Number of the second image's.
    pub b: Option<usize>,
    /// Why they belong together.
    pub by: Option<By>,
    /// Whether they are the same layer, and stand between others.
    pub moved: bool,
    /// What differs; `None` where the layers are the same, and where they were not compared.
    pub diff: Option<LayerDiff>,
}

impl LayerPair {
    /// Whether it counts as a difference at the depth at which it was compared.
    fn differs(&self) -> bool {
        self.by.is_none() || self.moved || self.diff.as_ref().is_some_and(|diff| !diff.is_empty())
    }
}

impl LayersDiff {
    /// Whether the layers differ in something that counts.
    pub(super) fn counts(&self, counts: Set) -> bool {
        counts.has(What::Layers) && self.pairs.iter().any(LayerPair::differs)
    }

    /// What became of the layers that are not the same in both stacks, in words: `1 changed, 2 only in the second image`.
    pub(super) fn differences(&self) -> String {
        let count = |is: fn(&LayerPair) -> bool| self.pairs.iter().filter(|pair| is(pair)).count();
        let counts = [
            (count(|pair| pair.by.is_some_and(|by| by != By::DiffId)), "changed"),
            (count(|pair| pair.moved), "moved"),
            (count(|pair| pair.b.is_none()), "only in the first image"),
            (count(|pair| pair.a.is_none()), "only in the second image"),
        ];
        let told = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}"));
        told.collect::<Vec<_>>().join(", ")
    }
}

/// Layers that are the same in both at the bottom.
pub(super) fn shared(a: &dyn Image, b: &dyn Image) -> usize {
    a.layers().iter().zip(b.layers()).take_while(|(a, b)| a.diff_id() == b.diff_id()).count()
}

/// The indexes of a stack, bottom first.
pub(super) type Indexes<'a> = &'a [Arc<LayerIndex>];

/// Aligns the layers, and compares those that belong together as deep as is asked, if layers count. `indexes` are those of both
/// stacks, or none where the stacks are the same.
pub(super) fn compare(
    (a, b): (&dyn Image, &dyn Image),
    indexes: Option<(Indexes<'_>, Indexes<'_>)>,
    counts: Set,
    depth: Depth,
    uncounted: &Uncounted,
) -> Result<LayersDiff> {
    // what two layers hold is not looked at where nobody wants to know
    let depth = if counts.has(What::Layers) { depth } else { Depth::Merged };
    let (index_a, index_b) = indexes.unzip();
    let (of_a, of_b) = (Stack::new(a), Stack::new(b));
    let mut diff = LayersDiff {
        equal: of_a.diff_ids == of_b.diff_ids,
        a: of_a.facts(a, index_a),
        b: of_b.facts(b, index_b),
        pairs: Vec::new(),
    };
    let (sketch_a, sketch_b) = (sketch_in(index_a), sketch_in(index_b));
    for aligned in align::align(&of_a.signs(&sketch_a), &of_b.signs(&sketch_b)) {
        let Aligned { a: at_a, b: at_b, by, moved } = aligned;
        let mut pair = LayerPair { a: at_a, b: at_b, by, moved, diff: None };
        if let (Some(at_a), Some(at_b)) = (at_a, at_b) {
            let (layer_a, layer_b) = (a.layers()[at_a].as_ref(), b.layers()[at_b].as_ref());
            let pairing = Pairing::new(counts, [number(at_a), number(at_b)], uncounted);
            let is_same = by == Some(By::DiffId);
            let mut found = match (depth, index_a, index_b) {
                (Depth::Layers, Some(a), Some(b)) if !is_same => of_indexes(&a[at_a], &b[at_b], pairing)?,
                (Depth::Exact, ..) if !is_same => exact::compare(layer_a, layer_b, pairing, counts)?,
                _ => LayerDiff::default(),
            };
            if depth == Depth::Exact && counts.has(What::Compression) && is_stored_differently(layer_a, layer_b) {
                found.whole.push(What::Compression);
            }
            let is_told = depth > Depth::Merged && (!is_same || !found.is_empty());
            pair.diff = is_told.then_some(found);
        }
        diff.pairs.push(pair);
    }
    Ok(diff)
}

/// Whether one tar lies in two blobs, or is called by two media types.
fn is_stored_differently(a: &dyn Layer, b: &dyn Layer) -> bool {
    let is_same_tar = a.diff_id() == b.diff_id();
    is_same_tar && a.stored() != b.stored() || a.media_type() != b.media_type()
}

fn number(layer: usize) -> u32 {
    u32::try_from(layer).unwrap_or(u32::MAX)
}

/// What the indexes of two layers tell, which is all but the form of their tars.
fn of_indexes(a: &LayerIndex, b: &LayerIndex, mut pairing: Pairing<'_>) -> Result<LayerDiff> {
    let (mut of_a, mut of_b) = (items(a), items(b));
    pairing.read(|| of_a.next().transpose(), || of_b.next().transpose())?;
    Ok(pairing.finish().0)
}

fn items(index: &LayerIndex) -> impl Iterator<Item = Result<Item>> + '_ {
    index.entries().zip(0..).map(|(entry, number)| {
        let entry = entry?;
        Ok(Item { entry, content: index.hash(number).copied(), header: None })
    })
}

/// What layers are aligned by.
struct Stack {
    diff_ids: Vec<DiffId>,
    steps: Vec<String>,
}

impl Stack {
    fn new(image: &dyn Image) -> Self {
        let history = image.config().and_then(ImageConfig::layer_history).unwrap_or_default();
        Self {
            diff_ids: image.layers().iter().map(|layer| layer.diff_id()).collect(),
            steps: history
                .iter()
                .map(|step| history::instruction(step.created_by.as_deref().unwrap_or_default()))
                .collect(),
        }
    }

    fn signs<'a>(&'a self, sketch: &'a dyn Fn(usize) -> Sketch) -> Signs<'a, DiffId> {
        Signs { diff_ids: &self.diff_ids, steps: &self.steps, sketch }
    }

    fn facts(&self, image: &dyn Image, indexes: Option<Indexes<'_>>) -> Vec<LayerFacts> {
        let of_layer = |(number, layer): (usize, &Arc<dyn Layer>)| {
            let index = indexes.and_then(|indexes| indexes.get(number));
            let (digest, stored_bytes) = layer.stored();
            LayerFacts {
                diff_id: layer.diff_id().to_string(),
                created_by: self.steps.get(number).cloned(),
                media_type: layer.media_type().to_owned(),
                digest: digest.to_string(),
                stored_bytes,
                content_bytes: index.map(|index| content_bytes(index)),
                entries: index.map(|index| index.len()),
            }
        };
        image.layers().iter().enumerate().map(of_layer).collect()
    }
}

/// Content bytes of all entries of a layer.
fn content_bytes(index: &LayerIndex) -> u64 {
    (0..number(index.len())).map(|entry| index.size(entry)).sum()
}

fn sketch_in(indexes: Option<Indexes<'_>>) -> impl Fn(usize) -> Sketch + '_ {
    move |layer| indexes.and_then(|indexes| indexes.get(layer)).map(|index| sketch(index)).unwrap_or_default()
}

/// The smallest hashes of a layer's paths, and of its paths with their contents.
fn sketch(index: &LayerIndex) -> Sketch {
    let mut hashes: Vec<u64> = Vec::new();
    for (entry, number) in index.entries().zip(0..) {
        // an index that was read gives all its entries
        let Ok(entry) = entry else { continue };
        let mut hasher = blake3::Hasher::new();
        hasher.update(entry.path.as_bytes());
        hashes.push(head(&hasher));
        if entry.kind == EntryKind::File
            && let Some(content) = index.hash(number)
        {
            hasher.update(b"\0").update(content);
            hashes.push(head(&hasher));
        }
        // what is beyond the sketch need not be kept
        if hashes.len() > 16 * SKETCH {
            shorten(&mut hashes);
        }
    }
    shorten(&mut hashes);
    hashes
}

fn shorten(hashes: &mut Sketch) {
    hashes.sort_unstable();
    hashes.dedup();
    hashes.truncate(SKETCH);
}

fn head(hasher: &blake3::Hasher) -> u64 {
    let mut bytes = [0; 8];
    hasher.finalize_xof().fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
