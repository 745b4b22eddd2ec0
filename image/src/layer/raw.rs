//! An entry's headers as they stand in the tar: for who compares tars, not what they hold.

use bstr::BString;

use super::{header::number, pax};
use crate::time::Timestamp;

/// The dialect that an entry's headers are written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Before POSIX: no magic.
    V7,
    /// POSIX 1988.
    Ustar,
    /// POSIX 2001: a ustar header with an extended one before it.
    Pax,
    /// GNU tar's own.
    Gnu,
}

/// The headers of one entry. [`LayerReader::keep_raw`](super::LayerReader::keep_raw) makes the reader keep them.
#[derive(Clone, Debug, PartialEq)]
pub struct RawEntry {
    /// The header block itself, not those of its extensions.
    pub header: [u8; 512],
    /// The path before it was cleaned.
    pub path: BString,
    /// PAX records in their order, those of global headers since the entry before first.
    pub records: Vec<(BString, BString)>,
    /// Whether names came in GNU's own extensions.
    pub long_names: bool,
}

impl RawEntry {
    pub(super) fn new() -> Self {
        Self { header: [0; 512], path: BString::default(), records: Vec::new(), long_names: false }
    }

    /// Takes the records of an extended header; what is malformed the reader has refused, or does not look at.
    pub(super) fn take_records(&mut self, data: &[u8]) {
        self.records.extend(pax::pairs(data));
    }

    /// Gives the dialect.
    pub fn format(&self) -> Format {
        match &self.header[257..265] {
            b"ustar  \0" => Format::Gnu,
            [b'u', b's', b't', b'a', b'r', 0, ..] if self.records.is_empty() => Format::Ustar,
            [b'u', b's', b't', b'a', b'r', 0, ..] => Format::Pax,
            _ => Format::V7,
        }
    }

    /// Gives the bits of the mode beyond the twelve that permissions have: older writers put the type there.
    pub fn mode_bits(&self) -> i64 {
        number("mode", &self.header[100..108]).unwrap_or_default() & !0o7777
    }

    /// Gives the time of the last reading, where the tar has it: a PAX record, or a field of GNU's header.
    pub fn atime(&self) -> Option<Timestamp> {
        self.time(b"atime", 345)
    }

    /// Gives the time of the inode's last change, where the tar has it.
    pub fn ctime(&self) -> Option<Timestamp> {
        self.time(b"ctime", 357)
    }

    fn time(&self, key: &[u8], field: usize) -> Option<Timestamp> {
        let record = self.records.iter().rev().find(|(name, _)| name == key);
        if let Some((_, value)) = record {
            return pax::time(value);
        }
        let field = &self.header[field..field + 12];
        let is_set = self.format() == Format::Gnu && field.iter().any(|&byte| byte != 0);
        is_set.then(|| number("time", field).ok().map(Timestamp::from_seconds))?
    }
}
