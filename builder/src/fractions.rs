//! Fractions of a second that a layer does not say, kept beside it: layers have whole seconds, as builders write them, and a
//! `make` in a later step compares times more finely.
//!
//! ```text
//! <root>/cache/times/<digest of the layer>     length of a path (u32), path, nanoseconds (u32) ...
//! ```
//!
//! They are of the build that made the layer. Without the file times are whole seconds.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use bstr::BString;
use strata_image::Digest;

use crate::cache::{Cache, TIMES, read_whole, write_whole};

/// Bytes of a file of fractions that are read: those of a layer of a million files.
const LIMIT: u64 = 256 << 20;

/// Nanoseconds by path.
pub(crate) type Fractions = HashMap<BString, u32>;

/// Where those of a layer are kept.
pub(crate) fn place(cache: &Path, layer: &Digest) -> PathBuf {
    cache.join(TIMES).join(layer.hex())
}

/// Keeps the fractions of a layer that was just made. What cannot be written is missed by nobody but a fast `make`.
pub(crate) fn keep(cache: &Cache, layer: &Digest, fractions: &Fractions) {
    let path = place(cache.dir(), layer);
    if fractions.is_empty() || path.exists() {
        return;
    }
    let mut bytes = Vec::new();
    for (path, nanoseconds) in fractions {
        bytes.extend_from_slice(&u32::try_from(path.len()).unwrap_or_default().to_le_bytes());
        bytes.extend_from_slice(path);
        bytes.extend_from_slice(&nanoseconds.to_le_bytes());
    }
    let _ = write_whole(&cache.partial(), &path, &bytes);
}

/// The fractions that are kept; none where the file is missing or damaged.
pub(crate) fn read(path: &Path) -> Fractions {
    parse(path).unwrap_or_default()
}

fn parse(path: &Path) -> Option<Fractions> {
    let bytes = read_whole(path, LIMIT)?;
    let mut fractions = Fractions::new();
    let mut rest = bytes.as_slice();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk::<4>()?;
        let (path, after) = after.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
        let (nanoseconds, after) = after.split_first_chunk::<4>()?;
        fractions.insert(path.into(), u32::from_le_bytes(*nanoseconds).min(999_999_999));
        rest = after;
    }
    Some(fractions)
}
