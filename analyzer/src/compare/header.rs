//! What only the headers of a tar say: the dialect, PAX records, times that nobody unpacks, spellings.

use std::collections::BTreeSet;

use bstr::BString;
use strata_image::{
    Timestamp,
    layer::{Format, RawEntry},
};

use super::what::{Set, What};

/// PAX keys that are compared as what they say.
const UNDERSTOOD: [&[u8]; 11] = [
    b"path",
    b"linkpath",
    b"size",
    b"uid",
    b"gid",
    b"uname",
    b"gname",
    b"mtime",
    b"atime",
    b"ctime",
    b"SCHILY.realsize",
];
/// What the keys of extended attributes begin with.
const ATTRIBUTES: [&[u8]; 2] = [b"SCHILY.xattr.", b"LIBARCHIVE.xattr."];

/// Fields of a header block, and the kinds that explain a difference in them.
const FIELDS: [(std::ops::Range<usize>, &[What]); 13] = [
    (0..100, &[What::PathForm]),
    (100..108, &[What::Mode, What::ModeBits]),
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
    records: BTreeSet<(BString, BString)>,
    block: [u8; 512],
}

impl HeaderFacts {
    pub(super) fn of(raw: &RawEntry) -> Self {
        let is_understood = |key: &BString| {
            UNDERSTOOD.contains(&key.as_slice()) || ATTRIBUTES.iter().any(|prefix| key.starts_with(prefix))
        };
        Self {
            format: raw.format(),
            // a directory may end in a slash or not
            path: raw.path.strip_suffix(b"/").unwrap_or(&raw.path).into(),
            mode_bits: raw.mode_bits(),
            atime: raw.atime(),
            ctime: raw.ctime(),
            records: raw.records.iter().filter(|(key, _)| !is_understood(key)).cloned().collect(),
            block: raw.header,
        }
    }

    /// Adds what differs to what is known to.
    pub(super) fn differences(&self, other: &Self, found: &mut Set) {
        let has_other_format = self.format != other.format;
        found.insert_if(What::Format, has_other_format);
        found.insert_if(What::PathForm, self.path != other.path);
        found.insert_if(What::ModeBits, self.mode_bits != other.mode_bits);
        found.insert_if(What::Atime, self.atime != other.atime);
        found.insert_if(What::Ctime, self.ctime != other.ctime);
        found.insert_if(What::Pax, self.records != other.records);
        // two dialects write nothing alike
        found.insert_if(What::Header, !has_other_format && self.rest(*found) != other.rest(*found));
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
