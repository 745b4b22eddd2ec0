//! The records themselves: what a step made, and what the files hold that a step takes.

use std::{
    collections::BTreeMap,
    fs::File,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use strata_image::{ChainId, Digest};

use super::{read_limited, read_whole};

/// Version of the records' form.
pub(super) const SCHEMA: u32 = 2;
/// A record is a few hundred bytes; what is larger is not one.
const RECORD_LIMIT: u64 = 64 * 1024;

/// Records that builds found or wrote, by key. Builds that share them find what one of them found or made, whatever others
/// write meanwhile: two runs of a step need not give the same.
#[derive(Clone, Debug, Default)]
pub(crate) struct Records(Arc<Mutex<BTreeMap<String, serde_json::Value>>>);

impl Records {
    pub(super) fn locked(&self) -> MutexGuard<'_, BTreeMap<String, serde_json::Value>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a step made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct LayerRecord {
    schema: u32,
    /// What stands for it together with what is below: the name of its snapshot, and what the keys of later steps say.
    pub(crate) identity: ChainId,
    /// `None`: it was never packed, and is a snapshot only.
    pub(crate) layer: Option<LayerBlob>,
    /// When the step ran, RFC 3339: history keeps it, so that an unchanged rebuild gives the same image ID.
    pub(crate) created: String,
    /// How long that took; records of earlier versions do not say it. No key depends on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) milliseconds: Option<u64>,
}

/// A layer in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LayerBlob {
    /// Diff ID, and digest of the blob, which is not compressed.
    pub(crate) digest: Digest,
    /// Bytes of the blob.
    pub(crate) size: u64,
}

impl LayerRecord {
    pub(crate) fn new(identity: ChainId, layer: Option<LayerBlob>, created: String) -> Self {
        Self { schema: SCHEMA, identity, layer, created, milliseconds: None }
    }

    /// The same, with how long the step took.
    pub(crate) fn lasted(self, time: Duration) -> Self {
        Self { milliseconds: u64::try_from(time.as_millis()).ok(), ..self }
    }
}

/// The content digest of files selected from a tree that never changes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ContentRecord {
    schema: u32,
    /// BLAKE3, hex.
    pub(crate) content: String,
}

impl ContentRecord {
    pub(crate) fn new(content: String) -> Self {
        Self { schema: SCHEMA, content }
    }
}

/// Reads a record, which counts as a use of it.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    of_value(serde_json::from_slice(&read_whole(path, RECORD_LIMIT)?).ok()?)
}

/// The same for who looks at the cache, and does not use it.
pub(super) fn peek<T: DeserializeOwned>(path: &Path) -> Option<T> {
    of_value(serde_json::from_slice(&read_limited(&File::open(path).ok()?, RECORD_LIMIT)?).ok()?)
}

/// A record of this version.
pub(super) fn of_value<T: DeserializeOwned>(value: serde_json::Value) -> Option<T> {
    if value.get("schema")?.as_u64()? != u64::from(SCHEMA) {
        return None;
    }
    serde_json::from_value(value).ok()
}
