//! dive's two numbers by dive's own formula, defects and all, for who has thresholds that were set by them.
//!
//! ```text
//! layer tar ─► tree of its paths ─► leaves ─► per path: sum C, minimum m, count k ─► E = Σm / ΣC, W = ΣC where k > 1
//!                   └────► stacked on those below, for the size of a removed directory
//! ```
//!
//! The formula is that of dive 0.13 (`dive/filetree`, `dive/image`), found by running it. What it gets wrong is kept: the
//! copy that is alive counts as wasted; a removed directory is free; opaque markers are ignored; a whiteout of what is
//! not there ends the count of its layer and leaves -1 as that path's minimum. The true numbers are those of
//! [`crate::Ledger`]. dive restacks all lower layers for every whiteout; here each layer is stacked once.

mod tree;

use std::{collections::HashMap, ops::ControlFlow, sync::Arc};

use serde::{Serialize, Serializer};
use strata_image::layer::EntryKind;

use crate::index::LayerIndex;
use tree::{Payload, Tree};

/// What dive says about an image.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Dive {
    /// Its score: 1.0 for an image without bytes.
    #[serde(serialize_with = "number")]
    pub efficiency: f64,
    /// Bytes of all copies, living ones too, of paths that more than one layer has.
    pub wasted_bytes: u64,
    /// Those over `user_bytes`: may be above 1, infinite and NaN. A ratio, in spite of its name.
    #[serde(serialize_with = "number")]
    pub user_wasted_percent: f64,
    /// Bytes that the headers of all tars tell.
    pub size_bytes: u64,
    /// The same without the first layer.
    pub user_bytes: u64,
}

impl Dive {
    /// Says what dive says about a stack of layers, bottom first.
    ///
    /// ```
    /// use strata_analyzer::{dive::Dive, index::LayerIndex};
    /// use strata_fixtures::stack::Stack;
    /// use strata_image::Image as _;
    ///
    /// // 100 bytes are wasted; dive counts the copy that is alive too
    /// let image = Stack::parse("app:1", "a:100 / a:100")?;
    /// let dive = Dive::of(&LayerIndex::all(image.layers(), None)?);
    /// assert_eq!((dive.efficiency, dive.wasted_bytes, dive.user_wasted_percent), (0.5, 200, 2.0));
    /// # anyhow::Ok(())
    /// ```
    pub fn of(layers: &[Arc<LayerIndex>]) -> Self {
        let mut paths = HashMap::new();
        let mut stacked = Tree::default();
        let (mut size_bytes, mut user_bytes) = (0_u64, 0_u64);
        for (number, index) in layers.iter().enumerate() {
            let (tree, bytes) = tree_of(index);
            size_bytes = size_bytes.saturating_add(bytes);
            if number == 0 {
                // dive's stack begins with a copy of the first layer, its whiteout files included
                stacked = tree.clone();
            } else {
                user_bytes = user_bytes.saturating_add(bytes);
            }
            count(&tree, &stacked, &mut paths);
            stacked.stack(&tree);
        }
        let (mut minimum, mut total, mut wasted) = (0_i128, 0_i128, 0_i128);
        for seen in paths.values() {
            minimum += seen.minimum;
            total += seen.total;
            wasted += if seen.count > 1 { seen.total } else { 0 };
        }
        #[expect(clippy::cast_precision_loss, reason = "dive divides doubles")]
        let ratio = |a: i128, b: i128| a as f64 / b as f64;
        Self {
            efficiency: if total == 0 { 1.0 } else { ratio(minimum, total) },
            wasted_bytes: u64::try_from(wasted).unwrap_or(u64::MAX),
            user_wasted_percent: ratio(wasted, user_bytes.into()),
            size_bytes,
            user_bytes,
        }
    }
}

/// What is known of a path after some layers.
struct Seen {
    total: i128,
    minimum: i128,
    count: u64,
}

/// A layer's tree, and the bytes of all its headers, of entries that a later one replaces too.
fn tree_of(index: &LayerIndex) -> (Tree, u64) {
    let mut tree = Tree::default();
    let mut bytes = 0_u64;
    for number in 0..u32::try_from(index.len()).unwrap_or(u32::MAX) {
        let Some(entry) = index.get(number) else { continue };
        let size = if entry.kind == EntryKind::File { entry.size } else { 0 };
        bytes = bytes.saturating_add(size);
        tree.add(entry.path.as_bytes(), Payload { size, is_directory: entry.kind == EntryKind::Directory });
    }
    (tree, bytes)
}

/// Counts the leaves of a layer; at a whiteout of what is not below, it stops, as dive does.
fn count(layer: &Tree, below: &Tree, paths: &mut HashMap<Vec<u8>, Seen>) {
    layer.visit(|leaf, path| {
        if !leaf.is_leaf() {
            return ControlFlow::Continue(());
        }
        let seen = paths.entry(path.to_vec()).or_insert(Seen { total: 0, minimum: -1, count: 0 });
        let size = if leaf.is_whiteout() {
            match below.get(path) {
                Some(removed) if removed.payload().is_directory => removed.bytes_below(),
                Some(_) => 0,
                None => return ControlFlow::Break(()),
            }
        } else {
            leaf.payload().size
        };
        let size = i128::from(size);
        seen.total += size;
        if seen.minimum < 0 || size < seen.minimum {
            seen.minimum = size;
        }
        seen.count += 1;
        ControlFlow::Continue(())
    });
}

/// Writes a number as Go does where JSON has none: `+Inf`, `NaN`.
pub fn number_text(number: f64) -> String {
    if number.is_nan() {
        "NaN".to_owned()
    } else if number.is_infinite() {
        if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        number.to_string()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn number<S: Serializer>(number: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if number.is_finite() { serializer.serialize_f64(*number) } else { serializer.serialize_str(&number_text(*number)) }
}
