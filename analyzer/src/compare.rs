//! Comparison of any two images: merged root filesystems and configs decide, history and layers are told.
//!
//! ```text
//! image ─► indexes ─► ledger ─► view ─┐
//!                                     ├─ path by path ─► added, removed, changed     ┐
//! image ─► indexes ─► ledger ─► view ─┘                                              ├─► equal, or not
//! config ─► the fields that a container starts with ─► field by field                ┘
//! ```
//!
//! What one of the two cannot carry, as a root filesystem has no config, is noted and does not count.

mod config;
mod rootfs;

use std::{fmt, path::Path, str::FromStr};

use serde::{Serialize, Serializer};
use serde_json::Value;
use strata_image::Image;

use crate::Result;

/// The version of the report's form.
const SCHEMA: u32 = 1;

/// What can differ in one path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum What {
    /// File, directory, symlink, device or fifo; where it differs, content, link and device are not looked at.
    Type,
    /// A regular file's bytes.
    Content,
    /// The 12 permission bits; a symlink has none that count.
    Mode,
    /// The owner's number.
    Uid,
    /// The group's number.
    Gid,
    /// The time of the last change; looked at only when asked for.
    Mtime,
    /// Extended attributes, names and values.
    Xattrs,
    /// A symlink's target.
    Link,
    /// A device's numbers.
    Device,
    /// The set of paths that share the inode.
    Hardlinks,
}

impl What {
    /// All of them, in the order in which reports list them.
    pub const ALL: [Self; 10] = [
        Self::Type,
        Self::Content,
        Self::Mode,
        Self::Uid,
        Self::Gid,
        Self::Mtime,
        Self::Xattrs,
        Self::Link,
        Self::Device,
        Self::Hardlinks,
    ];

    /// The word that reports and options use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Content => "content",
            Self::Mode => "mode",
            Self::Uid => "uid",
            Self::Gid => "gid",
            Self::Mtime => "mtime",
            Self::Xattrs => "xattrs",
            Self::Link => "link",
            Self::Device => "device",
            Self::Hardlinks => "hardlinks",
        }
    }
}

/// Writes [`What::word`].
impl fmt::Display for What {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.word())
    }
}

impl Serialize for What {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// The word is none of [`What::ALL`].
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{word:?} is none of type, content, mode, uid, gid, mtime, xattrs, link, device, hardlinks")]
pub struct UnknownWhat {
    /// What was given instead.
    pub word: String,
}

impl FromStr for What {
    type Err = UnknownWhat;

    fn from_str(word: &str) -> Result<Self, UnknownWhat> {
        let found = Self::ALL.into_iter().find(|what| what.word() == word);
        found.ok_or_else(|| UnknownWhat { word: word.to_owned() })
    }
}

/// What counts.
#[derive(Clone, Debug, Default)]
pub struct Options<'a> {
    /// Whether times of last change count.
    pub mtime: bool,
    /// What does not count.
    pub ignore: Vec<What>,
    /// The directory where layer indexes are kept; without one every layer is read.
    pub cache: Option<&'a Path>,
}

/// The report: schema 1 of `compare --format json` (docs/FORMATS.md).
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Always 1.
    pub schema: u32,
    /// Whether root filesystems and configs are equal, in all that counts.
    pub equal: bool,
    /// What the two show that differs.
    pub rootfs: RootfsDiff,
    /// The fields of the configs that differ.
    pub config: Vec<FieldDiff>,
    /// The instructions that each history tells. Does not count.
    pub history: Lists,
    /// Diff IDs, bottom first. Does not count.
    pub layers: Lists,
    /// What a source cannot carry, in words.
    pub notes: Vec<String>,
}

/// Paths that differ, as [`crate::path_text`] writes them, in byte order.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RootfsDiff {
    /// In the second image alone.
    pub added: Vec<String>,
    /// In the first image alone.
    pub removed: Vec<String>,
    /// In both, and not equal.
    pub changed: Vec<Changed>,
}

impl RootfsDiff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

/// A path that both images have.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Changed {
    /// As [`crate::path_text`] writes it.
    pub path: String,
    /// What differs, in the order of [`What::ALL`]; never empty.
    pub what: Vec<What>,
}

/// A field of the config.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct FieldDiff {
    /// As the config spells it: `Env`, `architecture`.
    pub field: String,
    /// The first image's value; null where it has none.
    pub a: Value,
    /// The second image's value; null where it has none.
    pub b: Value,
}

/// Two lists that are told but do not count.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Lists {
    /// Whether they are equal.
    pub equal: bool,
    /// The first image's.
    pub a: Vec<String>,
    /// The second image's.
    pub b: Vec<String>,
}

impl Lists {
    fn of(a: Vec<String>, b: Vec<String>) -> Self {
        Self { equal: a == b, a, b }
    }
}

/// Compares two images.
///
/// Where both have the same layers their root filesystems are equal, and no layer is read.
///
/// # Errors
/// Fails when a layer cannot be read.
pub fn compare(a: &dyn Image, b: &dyn Image, options: &Options<'_>) -> Result<Comparison> {
    let layers = Lists::of(diff_ids(a), diff_ids(b));
    let rootfs = if layers.equal { RootfsDiff::default() } else { rootfs::compare(a, b, options)? };
    let config = match (a.config(), b.config()) {
        (Some(a), Some(b)) => config::compare(a, b),
        _ => Vec::new(),
    };
    Ok(Comparison {
        schema: SCHEMA,
        equal: rootfs.is_empty() && config.is_empty(),
        rootfs,
        config,
        history: Lists::of(history(a), history(b)),
        layers,
        notes: notes(a, b),
    })
}

fn diff_ids(image: &dyn Image) -> Vec<String> {
    image.layers().iter().map(|layer| layer.diff_id().to_string()).collect()
}

fn history(image: &dyn Image) -> Vec<String> {
    let entries = image.config().map(|config| config.history.as_slice()).unwrap_or_default();
    entries.iter().map(|entry| entry.created_by.clone().unwrap_or_default()).collect()
}

fn notes(a: &dyn Image, b: &dyn Image) -> Vec<String> {
    let without = |image: &dyn Image| image.config().is_none();
    let who = match (without(a), without(b)) {
        (false, false) => return Vec::new(),
        (true, true) => "neither image has a config",
        (true, false) => "the first image is a root filesystem without a config",
        (false, true) => "the second image is a root filesystem without a config",
    };
    vec![format!("{who}: configs were not compared")]
}
