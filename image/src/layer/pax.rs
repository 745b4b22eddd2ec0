//! PAX records: what an extended header says about the entry that follows it.

use std::collections::BTreeMap;

use bstr::{BString, ByteSlice};

use super::{Problem, error::excerpt};
use crate::time::Timestamp;

/// Keyword of an extended attribute, its name and value raw (Go, GNU tar, bsdtar).
pub(super) const SCHILY_XATTR: &[u8] = b"SCHILY.xattr.";
/// Keyword of an extended attribute with its name percent-encoded and its value in base64 (bsdtar).
const LIBARCHIVE_XATTR: &[u8] = b"LIBARCHIVE.xattr.";
/// Attributes that steer overlayfs: opaque directories, redirections, whiteouts. A layer that could set them could show
/// files of other directories, so they are dropped (Docker does the same).
const OVERLAY_XATTRS: [&[u8]; 2] = [b"trusted.overlay.", b"user.overlay."];

/// The records of one extended header. What is `None` the header block says. An empty value takes a record back.
#[derive(Default)]
pub(super) struct Records {
    pub(super) path: Option<BString>,
    pub(super) link: Option<BString>,
    pub(super) size: Option<u64>,
    pub(super) uid: Option<u64>,
    pub(super) gid: Option<u64>,
    pub(super) mtime: Option<Timestamp>,
    pub(super) uname: Option<BString>,
    pub(super) gname: Option<BString>,
    pub(super) xattrs: BTreeMap<BString, Vec<u8>>,
    pub(super) sparse: SparseRecords,
}

/// GNU's description of a sparse file, as it stands.
#[derive(Default)]
pub(super) struct SparseRecords {
    pub(super) major: Option<u64>,
    pub(super) minor: Option<u64>,
    pub(super) name: Option<BString>,
    pub(super) size: Option<u64>,
    /// Format 0.1: offsets and lengths by turns, with commas between.
    pub(super) map: Option<BString>,
    /// Format 0.0: the same numbers, each in a record of its own.
    pub(super) pairs: Vec<u64>,
}

impl Records {
    /// Walks the records by their lengths, so that a line feed within a value is no more than a byte of it.
    pub(super) fn parse(mut data: &[u8]) -> Result<Self, Problem> {
        let mut records = Self::default();
        let mut encoded = BTreeMap::new();
        while !data.is_empty() {
            let (record, rest) = split(data).ok_or_else(|| Problem::PaxRecord(excerpt(data)))?;
            let malformed = || Problem::PaxRecord(excerpt(record));
            let (key, value) = record.split_once_str("=").ok_or_else(malformed)?;
            if let Some(name) = key.strip_prefix(LIBARCHIVE_XATTR) {
                let value = base64(value).ok_or_else(malformed)?;
                encoded.insert(percent_decoded(name).ok_or_else(malformed)?, value);
            } else {
                records.set(key, value).ok_or_else(malformed)?;
            }
            data = rest;
        }
        // the raw form came first and is the one that Go reads
        for (name, value) in encoded {
            records.xattrs.entry(name).or_insert(value);
        }
        records.xattrs.retain(|name, _| !OVERLAY_XATTRS.iter().any(|prefix| name.starts_with(prefix)));
        Ok(records)
    }

    /// Takes one record; `None` when its value is malformed.
    fn set(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        match key {
            b"path" => self.path = text(value)?,
            b"linkpath" => self.link = text(value)?,
            b"uname" => self.uname = text(value)?,
            b"gname" => self.gname = text(value)?,
            b"size" => self.size = decimal(value)?,
            b"uid" => self.uid = decimal(value)?,
            b"gid" => self.gid = decimal(value)?,
            b"mtime" => self.mtime = if value.is_empty() { None } else { Some(time(value)?) },
            b"GNU.sparse.major" => self.sparse.major = decimal(value)?,
            b"GNU.sparse.minor" => self.sparse.minor = decimal(value)?,
            b"GNU.sparse.name" => self.sparse.name = text(value)?,
            b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.sparse.size = decimal(value)?,
            b"GNU.sparse.map" => self.sparse.map = text(value)?,
            b"GNU.sparse.offset" | b"GNU.sparse.numbytes" => {
                // an offset begins a pair and a length ends it
                let begins = self.sparse.pairs.len().is_multiple_of(2);
                if begins != (key == b"GNU.sparse.offset") {
                    return None;
                }
                self.sparse.pairs.push(decimal(value)??);
            }
            _ => {
                if let Some(name) = key.strip_prefix(SCHILY_XATTR) {
                    if name.is_empty() || name.contains(&0) {
                        return None;
                    }
                    self.xattrs.insert(name.into(), value.to_vec());
                }
            }
        }
        Some(())
    }
}

/// The records as they stand, up to the first that is malformed.
pub(super) fn pairs(mut data: &[u8]) -> Vec<(BString, BString)> {
    let mut pairs = Vec::new();
    while let Some((record, rest)) = split(data)
        && let Some((key, value)) = record.split_once_str("=")
    {
        pairs.push((key.into(), value.into()));
        data = rest;
    }
    pairs
}

/// Splits `LENGTH KEY=VALUE\n` off; the length counts the whole record, itself too.
fn split(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, _) = data.split_once_str(" ")?;
    let end = usize::try_from(decimal(length)??).ok()?;
    let record = data.get(length.len() + 1..end)?.strip_suffix(b"\n")?;
    Some((record, &data[end..]))
}

/// A path or name: `Some(None)` when empty, `None` when it holds a NUL.
#[expect(clippy::option_option, reason = "malformed and taken back are different answers")]
fn text(value: &[u8]) -> Option<Option<BString>> {
    if value.contains(&0) {
        return None;
    }
    Some((!value.is_empty()).then(|| value.into()))
}

/// A decimal number: `Some(None)` when empty, `None` when malformed, negative or beyond what a file can have.
#[expect(clippy::option_option, reason = "malformed and taken back are different answers")]
pub(super) fn decimal(value: &[u8]) -> Option<Option<u64>> {
    if value.is_empty() {
        return Some(None);
    }
    if !value.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = value.to_str().ok()?.parse().ok()?;
    i64::try_from(number).ok().map(|_| Some(number))
}

/// `-SECONDS.FRACTION`; digits beyond the nanosecond are dropped.
pub(super) fn time(value: &[u8]) -> Option<Timestamp> {
    let (whole, fraction) = value.split_once_str(".").unwrap_or((value, b"".as_slice()));
    let seconds: i64 = whole.to_str().ok()?.parse().ok()?;
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = fraction.iter().copied().chain(std::iter::repeat(b'0')).take(9);
    let nanoseconds = digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0'));
    if whole.starts_with(b"-") && nanoseconds > 0 {
        return Some(Timestamp { seconds: seconds.checked_sub(1)?, nanoseconds: 1_000_000_000 - nanoseconds });
    }
    Some(Timestamp { seconds, nanoseconds })
}

/// bsdtar's encoding of attribute names.
fn percent_decoded(name: &[u8]) -> Option<BString> {
    let mut decoded = Vec::with_capacity(name.len());
    let mut rest = name;
    while let [first, tail @ ..] = rest {
        if *first == b'%' {
            let hex = tail.get(..2)?.to_str().ok()?;
            decoded.push(u8::from_str_radix(hex, 16).ok()?);
            rest = &tail[2..];
        } else {
            decoded.push(*first);
            rest = tail;
        }
    }
    (!decoded.is_empty() && !decoded.contains(&0)).then(|| decoded.into())
}

/// Base64 in the usual alphabet, with or without its padding (bsdtar writes none).
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.trim_end_with(|c| c == '=');
    let mut decoded = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for chunk in text.chunks(4) {
        let mut bits = 0_u32;
        for &character in chunk {
            let value = match character {
                b'A'..=b'Z' => character - b'A',
                b'a'..=b'z' => character - b'a' + 26,
                b'0'..=b'9' => character - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            bits = bits << 6 | u32::from(value);
        }
        // a last group of two or three characters carries one or two bytes
        let bytes = (bits << (6 * (4 - chunk.len()))).to_be_bytes();
        decoded.extend_from_slice(bytes.get(1..chunk.len()).filter(|bytes| !bytes.is_empty())?);
    }
    Some(decoded)
}

/// Appends `LENGTH KEY=VALUE\n` to the data of an extended header.
pub(super) fn push_record(data: &mut Vec<u8>, key: &[u8], value: &[u8]) {
    let body = key.len() + value.len() + 3; // the space, the equals sign, the line feed
    let mut length = body + body.to_string().len();
    // the length's own digits can add one more
    length = body + length.to_string().len();
    data.extend_from_slice(length.to_string().as_bytes());
    data.push(b' ');
    data.extend_from_slice(key);
    data.push(b'=');
    data.extend_from_slice(value);
    data.push(b'\n');
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn record(key: &str, value: &[u8]) -> Vec<u8> {
        let mut data = Vec::new();
        push_record(&mut data, key.as_bytes(), value);
        data
    }

    #[test]
    fn a_record_counts_its_own_length() {
        for size in 0..1200 {
            let data = record("path", &vec![b'x'; size]);
            let (length, _) = data.split_once_str(" ").unwrap();
            assert_eq!(length.to_str().unwrap().parse(), Ok(data.len()));
            assert_eq!(split(&data).unwrap().0.len(), "path=".len() + size);
        }
    }

    #[test]
    fn times_are_floored_to_the_nanosecond() {
        let cases = [
            ("1700000000", Some((1_700_000_000, 0))),
            ("1700000000.5", Some((1_700_000_000, 500_000_000))),
            ("1700000000.1234567899", Some((1_700_000_000, 123_456_789))),
            ("-3600", Some((-3600, 0))),
            ("-3600.25", Some((-3601, 750_000_000))),
            ("-0.5", Some((-1, 500_000_000))),
            ("5.", Some((5, 0))),
            (".5", None),
            ("1e9", None),
            ("1.-5", None),
            ("9223372036854775808", None),
            ("-9223372036854775808.5", None),
        ];
        for (text, expected) in cases {
            let time = time(text.as_bytes()).map(|time| (time.seconds, time.nanoseconds));
            assert_eq!(time, expected, "{text}");
        }
    }

    #[test]
    fn malformed_records_are_errors() {
        let cases: [&[u8]; 16] = [
            b"x",
            b"5",
            b" path=x\n",
            b"11 path=x\n",
            b"9 path=x",
            b"9 path=xx",
            b"3 \n",
            b"7 path\n",
            b"-9 path=x\n",
            b"+9 path=x\n",
            b"99999999999999999999 path=x\n",
            b"11 path=a\0\n",
            b"11 size=-1\n",
            b"28 size=9223372036854775808\n",
            b"19 SCHILY.xattr.=x\n",
            b"12 mtime=no\n",
        ];
        for data in cases {
            assert!(matches!(Records::parse(data), Err(Problem::PaxRecord(_))), "{:?}", data.as_bstr());
        }
    }

    #[test]
    fn an_empty_value_takes_a_record_back() {
        let data = [record("path", b"one"), record("path", b""), record("uid", b"7"), record("uid", b"")].concat();
        let records = Records::parse(&data).unwrap();
        assert_eq!((records.path, records.uid), (None, None));
    }

    #[test]
    fn bsdtars_attributes_are_decoded_and_yield_to_raw_ones() {
        let data = [
            record("LIBARCHIVE.xattr.user.a%3Db", b"AAH/"),
            record("LIBARCHIVE.xattr.user.both", b"Zm9v"),
            record("SCHILY.xattr.user.both", b"raw"),
            record("LIBARCHIVE.xattr.user.one", b"QQ"),
            record("LIBARCHIVE.xattr.user.two", b"QUI="),
        ];
        let xattrs = Records::parse(&data.concat()).unwrap().xattrs;
        let expected: [(&str, &[u8]); 4] =
            [("user.a=b", &[0, 1, 255]), ("user.both", b"raw"), ("user.one", b"A"), ("user.two", b"AB")];
        assert_eq!(xattrs, expected.map(|(name, value)| (name.into(), value.to_vec())).into());
        for bad in [
            record("LIBARCHIVE.xattr.a", b"Q"),
            record("LIBARCHIVE.xattr.a", b"*A=="),
            record("LIBARCHIVE.xattr.%4", b""),
        ] {
            assert!(Records::parse(&bad).is_err());
        }
    }

    #[test]
    fn attributes_that_steer_overlayfs_are_dropped() {
        let data = [
            record("SCHILY.xattr.trusted.overlay.opaque", b"y"),
            record("SCHILY.xattr.user.overlay.redirect", b"/etc"),
            record("LIBARCHIVE.xattr.trusted.overlay.whiteout", b"eQ"),
            record("SCHILY.xattr.user.overlays", b"kept"),
        ];
        let names: Vec<_> = Records::parse(&data.concat()).unwrap().xattrs.into_keys().collect();
        assert_eq!(names, ["user.overlays"]);
    }
}
