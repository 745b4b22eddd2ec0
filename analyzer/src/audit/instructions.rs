//! The instructions that cost most: distinct layers by what made them.

use std::{cmp::Reverse, collections::BTreeMap};

use super::{InstructionRow, LayerRow};

/// The `top` instructions whose layers weigh most.
pub(super) fn rows(layers: &[LayerRow], top: usize) -> Vec<InstructionRow> {
    let mut rows: BTreeMap<&str, InstructionRow> = BTreeMap::new();
    for (number, layer) in layers.iter().enumerate() {
        let Some(text) = layer.created_by.as_deref() else { continue };
        let row = rows.entry(text).or_insert_with(|| InstructionRow {
            created_by: text.to_owned(),
            size_bytes: 0,
            wasted_bytes: 0,
            layers: Vec::new(),
        });
        row.size_bytes += layer.size_bytes;
        row.wasted_bytes += layer.wasted_bytes;
        row.layers.push(number);
    }
    let mut rows: Vec<InstructionRow> = rows.into_values().collect();
    rows.sort_by_key(|row| Reverse((row.size_bytes, row.wasted_bytes)));
    rows.truncate(top);
    rows
}
