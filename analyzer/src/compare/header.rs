//! What only the headers of a tar say: the dialect, PAX records, times that nobody unpacks, spellings.

use std::collections::BTreeSet;

use bstr::BString;
use strata_image::{
    Timestamp,
    layer::{Format, RawEntry},
};

use super::what::{Set, What};

/// What the keys of extended attributes begin with.
const ATTRIBUTES: [&[u8]; 2] = [b"SCHILY.xattr.", b"LIBARCHIVE.xattr."];

/// The kinds of difference that a PAX record can make, by its key.
fn meanings(key: &BString) -> &'static [What] {
    match key.as_slice() {
        b"path" => &[What::PathForm],
        b"linkpath" => &[What::Link, What::Hardlinks, What::Type],
        b"size" | b"SCHILY.realsize" => &[What::Content, What::Hardlinks, What::Type],
        b"uid" => &[What::Uid],
        b"gid" => &[What::Gid],
        b"uname" => &[What::Uname],
        b"gname" => &[What::Gname],
        b"mtime" => &[What::Mtime],
        b"atime" => &[What::Atime],
        b"ctime" => &[What::Ctime],
        key if ATTRIBUTES.iter().any(|prefix| key.starts_with(prefix)) => &[What::Xattrs],
        _ => &[What::Pax],
    }
}

/// Fields of a header block, and the kinds that explain a difference in them.
const FIELDS: [(std::ops::Range<usize>, &[What]); 13] = [
    (0..100, &[What::PathForm, What::Type]),
    (100..108, &[What::Mode, What::ModeBits, What::Type]),
    (108..116, &[What::Uid]),
    (116..124, &[What::Gid]),
    (124..136, &[What::Content, What::Type, What::Hardlinks]),
    (136..148, &[What::Mtime]),
    (156..157, &[What::Type, What::Hardlinks]),
    (157..257, &[What::Type, What::Link, What::Hardlinks]),
    (265..297, &[What::Uname]),
    (297..329, &[What::Gname]),
    (329..345, &[What::Type, What::Device]),
    (345..369, &[What::PathForm, What::Atime, What::Ctime]),
    (369..500, &[What::PathForm]),
];

/// The checksum, which differs when anything does.
const CHECKSUM: std::ops::Range<usize> = 148..156;

/// The headers of one entry.
pub(super) struct HeaderFacts {
    format: Format,
    path: BString,
    mode_bits: i64,
    atime: Option<Timestamp>,
    ctime: Option<Timestamp>,
    /// Keys of PAX records.
    keys: BTreeSet<BString>,
    /// Those of the records that are compared as they are.
    records: BTreeSet<(BString, BString)>,
    block: [u8; 512],
}

impl HeaderFacts {
    pub(super) fn of(raw: &RawEntry) -> Self {
        Self {
            format: raw.format(),
            // a directory may end in a slash or not
            path: raw.path.strip_suffix(b"/").unwrap_or(&raw.path).into(),
            mode_bits: raw.mode_bits(),
            atime: raw.atime(),
            ctime: raw.ctime(),
            keys: raw.records.iter().map(|(key, _)| key.clone()).collect(),
            records: raw.records.iter().filter(|(key, _)| meanings(key) == [What::Pax]).cloned().collect(),
            block: raw.header,
        }
    }

    /// Adds what differs to what is known to.
    pub(super) fn differences(&self, other: &Self, found: &mut Set) {
        found.insert_if(What::PathForm, self.path != other.path);
        found.insert_if(What::ModeBits, self.mode_bits != other.mode_bits);
        found.insert_if(What::Atime, self.atime != other.atime);
        found.insert_if(What::Ctime, self.ctime != other.ctime);
        found.insert_if(What::Pax, self.records != other.records);
        let has_other_format = self.format != other.format && !self.differs_by_records(other, *found);
        found.insert_if(What::Format, has_other_format);
        // two dialects write nothing alike
        found.insert_if(What::Header, !has_other_format && self.rest(*found) != other.rest(*found));
    }

    /// Whether one is the ustar of the other, without PAX records that say what is known to differ.
    fn differs_by_records(&self, other: &Self, known: Set) -> bool {
        let formats = [self.format, other.format];
        let is_explained = |key: &BString| meanings(key).iter().any(|what| known.has(*what));
        formats.contains(&Format::Ustar)
            && formats.contains(&Format::Pax)
            && self.keys.symmetric_difference(&other.keys).all(is_explained)
    }

    /// The block without the fields whose difference is known.
    fn rest(&self, known: Set) -> [u8; 512] {
        let mut block = self.block;
        block[CHECKSUM].fill(0);
        for (field, kinds) in FIELDS {
            if kinds.iter().any(|kind| known.has(*kind)) {
                block[field].fill(0);
            }
        }
        block
    }
}
