//! The tables and their columns: what docs/audit.md says, and what is written.

use std::fmt::Write as _;

#[cfg(feature = "parquet")]
use crate::findings::Level;

/// One table, one file.
#[derive(Debug)]
pub struct Table {
    /// Its name; that of the file is the same with `.parquet` behind it.
    pub name: &'static str,
    /// What a row is.
    pub row: &'static str,
    /// In their order.
    pub columns: &'static [Column],
}

/// One column.
#[derive(Debug)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What its values are.
    pub kind: Kind,
    /// Whether it may be null.
    pub is_optional: bool,
    /// What the values mean.
    pub means: &'static str,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// UTF-8: `BYTE_ARRAY (STRING)`.
    Text,
    /// Whole numbers: `INT64`.
    Count,
    /// Whole numbers of bytes: `INT64`.
    Bytes,
    /// From 0 to 1: `DOUBLE`.
    Share,
    /// Yes or no: `BOOLEAN`.
    Flag,
}

const fn must(name: &'static str, kind: Kind, means: &'static str) -> Column {
    Column { name, kind, is_optional: false, means }
}

const fn may(name: &'static str, kind: Kind, means: &'static str) -> Column {
    Column { name, kind, is_optional: true, means }
}

/// All tables.
pub const TABLES: [&Table; 4] = [&IMAGES, &LAYERS, &FILES, &FINDINGS];

pub(super) const IMAGES: Table = Table {
    name: "images",
    row: "an image; or what could not be read, with `error`, and nothing else but `source`",
    columns: &[
        must("source", Kind::Text, "what names the image for `analyze`"),
        may("name", Kind::Text, "its first name"),
        may("id", Kind::Text, "digest of its config"),
        may("platform", Kind::Text, "such as `linux/arm64/v8`"),
        may("layers", Kind::Count, "how many it has"),
        may("total_bytes", Kind::Bytes, "contents of all its layers"),
        may("stored_bytes", Kind::Bytes, "its layers as stored"),
        may("wasted_bytes", Kind::Bytes, "dead ones"),
        may("own_bytes", Kind::Bytes, "contents of the layers above the base"),
        may("own_wasted_bytes", Kind::Bytes, "dead ones of them"),
        may("efficiency", Kind::Share, "live over total"),
        may("base_name", Kind::Text, "name of its base"),
        may("base_layers", Kind::Count, "how many layers the base has"),
        may("base_bytes", Kind::Bytes, "contents of the base's layers"),
        may("base_wasted_bytes", Kind::Bytes, "made and killed in the base"),
        may("base_killed_bytes", Kind::Bytes, "made in the base, killed above it"),
        may("findings", Kind::Count, "rows of the table `findings`"),
        may("error", Kind::Text, "why it could not be read"),
    ],
};

pub(super) const LAYERS: Table = Table {
    name: "layers",
    row: "a layer of an image: one that several images have is there several times, and stored once",
    columns: &[
        must("source", Kind::Text, "the image, as in `images`"),
        must("position", Kind::Count, "from 0, the bottom"),
        must("diff_id", Kind::Text, "digest of the uncompressed tar"),
        must("size_bytes", Kind::Bytes, "contents of its files"),
        must("entries", Kind::Count, "of the tar"),
        must("wasted_bytes", Kind::Bytes, "made here, and dead in this image"),
        must("killed_bytes", Kind::Bytes, "died here, wherever made"),
        may("base", Kind::Flag, "whether it is the base's; null where that is unknown"),
        may("created_by", Kind::Text, "from the image's history"),
    ],
};

pub(super) const FILES: Table = Table {
    name: "files",
    row: "an entry of a distinct layer, in the order of its tar",
    columns: &[
        must("diff_id", Kind::Text, "the layer, as in `layers`"),
        must("path", Kind::Text, "absolute; of a whiteout what it removes"),
        must(
            "type",
            Kind::Text,
            "`file`, `hard-link`, `symlink`, `directory`, `char-device`, `block-device`, `fifo`, `whiteout`, `opaque`",
        ),
        must("bytes", Kind::Bytes, "of content; 0 for all but files"),
        must("mode", Kind::Count, "12 bits"),
        must("uid", Kind::Count, "owner"),
        must("gid", Kind::Count, "group"),
        may("content", Kind::Text, "of a file: equal for equal contents, and good for nothing else"),
    ],
};

pub(super) const FINDINGS: Table = Table {
    name: "findings",
    row: "a finding of an image that is not its base's own affair",
    columns: &[
        must("source", Kind::Text, "the image, as in `images`"),
        must("rule", Kind::Text, "such as `A3`: docs/rules.md"),
        must("name", Kind::Text, "the rule's name"),
        must("kind", Kind::Text, "one of the rule's kinds"),
        must("level", Kind::Text, "`note`, `warning`, `error`"),
        must("exact", Kind::Flag, "whether the bytes are dead ones, each counted once"),
        must("bytes", Kind::Bytes, "dead, or what the fix is thought to save"),
        must("files", Kind::Count, "how many have them"),
        may("creator", Kind::Text, "`diff_id` of the layer that made them"),
        may("killer", Kind::Text, "`diff_id` of the layer that killed them"),
        must("fixable", Kind::Flag, "none of it lies in the base"),
        must("message", Kind::Text, "in one sentence"),
    ],
};

#[cfg(feature = "parquet")]
pub(super) fn level(level: Level) -> &'static str {
    match level {
        Level::Note => "note",
        Level::Warning => "warning",
        Level::Error => "error",
    }
}

impl Kind {
    /// As Parquet's schema has it.
    #[cfg(feature = "parquet")]
    pub(super) fn physical(self) -> &'static str {
        match self {
            Self::Text => "BYTE_ARRAY",
            Self::Count | Self::Bytes => "INT64",
            Self::Share => "DOUBLE",
            Self::Flag => "BOOLEAN",
        }
    }

    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("string", ""),
            Self::Count => ("int64", "number"),
            Self::Bytes => ("int64", "bytes"),
            Self::Share => ("double", "0 to 1"),
            Self::Flag => ("boolean", ""),
        }
    }
}

#[cfg(feature = "parquet")]
impl Table {
    /// The schema in Parquet's own words.
    pub(super) fn schema(&self) -> String {
        let mut text = format!("message {} {{\n", self.name);
        for column in self.columns {
            let repetition = if column.is_optional { "OPTIONAL" } else { "REQUIRED" };
            let annotation = if column.kind == Kind::Text { " (STRING)" } else { "" };
            // writing to a string cannot fail
            let _ = writeln!(text, "  {repetition} {} {}{annotation};", column.kind.physical(), column.name);
        }
        text + "}"
    }
}

/// The part of docs/audit.md that tells of the tables.
pub fn page() -> String {
    let mut text = String::new();
    for table in TABLES {
        let _ = writeln!(text, "### `{0}.parquet`\n\nA row is {1}.\n", table.name, table.row);
        let _ = writeln!(text, "| column | type | unit | means |\n|---|---|---|---|");
        for column in table.columns {
            let (kind, unit) = column.kind.words();
            let null = if column.is_optional { ", or null" } else { "" };
            let _ = writeln!(text, "| `{}` | {kind}{null} | {unit} | {} |", column.name, column.means);
        }
        text.push('\n');
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}
