//! B18: layers without anything.

use std::{collections::HashMap, sync::Arc};

use strata_image::layer::{Entry, EntryKind};

use crate::{
    findings::{
        About, Confidence, Hits, Level, Rule, Told,
        live::{Advisory, Whole},
    },
    index::LayerIndex,
};

/// B18.
pub(in crate::findings) struct EmptyLayer;

impl Rule for EmptyLayer {
    fn about(&self) -> &'static About {
        &About {
            id: "B18",
            name: "empty-layer",
            title: "Layers that change nothing",
            explanation: "A layer without changes costs a blob, a request at every pull, and one of the 127 layers \
                          that there may be.",
            detection: "Layers whose tar has no entry, or only directories that lower layers have with the same mode, \
                        owner and attributes. Bytes as stored.",
            fix: "Drop the instruction, or merge it with its neighbour.",
            kinds: &[("empty", "no entry"), ("directories", "only directories that are there")],
            confidence: Confidence::Medium,
            exact: false,
            level: Level::Note,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} makes a layer that changes nothing", told.creator())
    }
}

/// A layer with more directories, and nothing else, is not looked at: none is made by accident.
const MAX_ENTRIES: usize = 1000;

impl Advisory for EmptyLayer {
    fn look(&self, whole: &Whole<'_>, hits: &mut Hits<'_>) {
        let indexes = whole.subject.ledger.indexes();
        for (layer, index) in indexes.iter().enumerate().skip(whole.subject.since()) {
            let kind = if index.is_empty() {
                "empty"
            } else if index.len() <= MAX_ENTRIES && are_there(&indexes[..layer], index) {
                "directories"
            } else {
                continue;
            };
            let stored = whole.subject.image.layers().get(layer).map_or(0, |layer| layer.stored().1);
            hits.add_layer(&EmptyLayer, kind, layer, stored);
        }
    }
}

/// Whether all that a layer has are directories as the latest lower layer that speaks of them has them.
fn are_there(lower: &[Arc<LayerIndex>], index: &LayerIndex) -> bool {
    // known without its entries being made
    if (0..u32::try_from(index.len()).unwrap_or(u32::MAX)).any(|entry| index.hash(entry).is_some()) {
        return false;
    }
    let mut wanted: HashMap<Vec<u8>, Entry> = HashMap::new();
    for entry in index.entries() {
        match entry {
            Ok(entry) if entry.kind == EntryKind::Directory => {
                wanted.insert(entry.path.as_bytes().to_vec(), entry);
            }
            _ => return false,
        }
    }
    for index in lower.iter().rev() {
        for number in (0..u32::try_from(index.len()).unwrap_or(u32::MAX)).rev() {
            let Some(other) = index.path(number).and_then(|path| wanted.remove(&path)) else {
                continue;
            };
            let is_same = index.get(number).is_some_and(|entry| {
                let meta = |entry: &Entry| (entry.mode, entry.uid, entry.gid, entry.xattrs.clone());
                entry.kind == EntryKind::Directory && meta(&entry) == meta(&other)
            });
            if !is_same {
                return false;
            }
        }
        if wanted.is_empty() {
            return true;
        }
    }
    wanted.is_empty()
}
