//! The packages of an rpm database: a header for each, in rpm's own form (rpm's `docs/manual/format_header.md`).
//!
//! | database | form | written by |
//! |---|---|---|
//! | `rpmdb.sqlite` | `SQLite` | Fedora since 33, Red Hat Enterprise Linux since 9, Amazon Linux 2023 |
//! | `Packages.db` | ndb | openSUSE, SUSE Linux Enterprise |
//! | `Packages` | Berkeley DB, a hash | those before: Red Hat Enterprise Linux 5 to 8, Amazon Linux 2 |
//!
//! The first bytes decide, not the name.

use bstr::ByteSlice as _;
use strata_image::layer::MAX_PATH;

use super::{berkeley, ndb, sqlite};
use crate::{facts::MAX_KEPT, packages::MAX_PACKAGES};

/// Tags of rpm's `rpmtag.h`.
const NAME: u32 = 1000;
const VERSION: u32 = 1001;
const RELEASE: u32 = 1002;
const EPOCH: u32 = 1003;
const SIZE: u32 = 1009;
const ARCH: u32 = 1022;
const DIRECTORY_INDEXES: u32 = 1116;
const BASE_NAMES: u32 = 1117;
const DIRECTORY_NAMES: u32 = 1118;
const LONG_SIZE: u32 = 5009;

/// Bytes of lines for each of the database: a file has some hundred in a header, and its path rarely as many.
const MAX_RATIO: usize = 8;
/// Directories of one package: no real one has a tenth of these.
const MAX_DIRECTORIES: usize = 1 << 20;

/// Gives lines: `P`, name, version, architecture and size of a package, then `F` and a path for each of its files, all
/// separated by tabs. Nothing where they are more than anybody has: few bytes can claim very many packages or paths.
pub(super) fn packages(database: &[u8]) -> Option<Vec<u8>> {
    let limit = database.len().saturating_mul(MAX_RATIO).min(MAX_KEPT);
    let mut lines = Vec::new();
    let mut count = 0;
    let mut visit = |blob: &[u8]| {
        if let Some(header) = Header::read(blob).filter(|_| count <= MAX_PACKAGES && lines.len() <= limit) {
            header.write(&mut lines, limit);
            count += 1;
        }
    };
    sqlite::rows(database, "Packages", &mut |row| row.last().copied().into_iter().for_each(&mut visit))
        .or_else(|| ndb::blobs(database, &mut visit))
        .or_else(|| berkeley::values(database, &mut visit))?;
    (count <= MAX_PACKAGES && lines.len() <= limit).then_some(lines)
}

struct Header<'a> {
    entries: &'a [u8],
    data: &'a [u8],
}

impl<'a> Header<'a> {
    fn read(blob: &'a [u8]) -> Option<Self> {
        let count = usize::try_from(number(blob, 0)?).ok()?;
        let length = usize::try_from(number(blob, 4)?).ok()?;
        let entries = blob.get(8..)?.get(..count.checked_mul(16)?)?;
        let data = blob.get(8 + entries.len()..)?.get(..length)?;
        Some(Self { entries, data })
    }

    /// The bytes from where a tag's values begin, and how many values there are.
    fn tag(&self, wanted: u32) -> Option<(&'a [u8], usize)> {
        let entry = self.entries.chunks_exact(16).find(|entry| number(entry, 0) == Some(wanted))?;
        let at = usize::try_from(number(entry, 8)?).ok()?;
        Some((self.data.get(at..)?, usize::try_from(number(entry, 12)?).ok()?))
    }

    fn texts(&self, tag: u32) -> impl Iterator<Item = &'a [u8]> {
        let (bytes, count) = self.tag(tag).unwrap_or_default();
        bytes.split(|&byte| byte == 0).take(count)
    }

    fn text(&self, tag: u32) -> Option<&'a [u8]> {
        self.texts(tag).next().filter(|text| is_field(text))
    }

    /// Writes the lines, and no more of them when they pass the limit.
    fn write(&self, lines: &mut Vec<u8>, limit: usize) {
        let (Some(name), Some(version), Some(release)) = (self.text(NAME), self.text(VERSION), self.text(RELEASE))
        else {
            return;
        };
        let epoch = self.tag(EPOCH).and_then(|(bytes, _)| number(bytes, 0));
        let epoch = epoch.map_or_else(String::new, |epoch| format!("{epoch}:"));
        let long = self
            .tag(LONG_SIZE)
            .and_then(|(bytes, _)| Some(u64::from(number(bytes, 0)?) << 32 | u64::from(number(bytes, 4)?)));
        let short = || self.tag(SIZE).and_then(|(bytes, _)| number(bytes, 0)).map(u64::from);
        let size = long.or_else(short).unwrap_or_default().to_string();
        let version = [epoch.as_bytes(), version, b"-", release].concat();
        write_line(lines, &[b"P", name, &version, self.text(ARCH).unwrap_or_default(), size.as_bytes()]);
        let directories = self.texts(DIRECTORY_NAMES).map(|text| Some(text).filter(|text| is_field(text)));
        let directories: Vec<Option<&[u8]>> = directories.take(MAX_DIRECTORIES).collect();
        let (indexes, _) = self.tag(DIRECTORY_INDEXES).unwrap_or_default();
        for (file, name) in self.texts(BASE_NAMES).enumerate() {
            let index = number(indexes, file * 4).and_then(|index| usize::try_from(index).ok());
            if let Some(Some(directory)) = index.and_then(|index| directories.get(index))
                && is_field(name)
            {
                write_line(lines, &[b"F", &[directory, name].concat()]);
            }
            if lines.len() > limit {
                return;
            }
        }
    }
}

/// Whether a text can stand between tabs in a line, and is no longer than a path can be.
fn is_field(text: &[u8]) -> bool {
    text.len() <= MAX_PATH && text.find_byteset(b"\t\n").is_none()
}

fn write_line(lines: &mut Vec<u8>, fields: &[&[u8]]) {
    lines.extend_from_slice(&fields.join(&b'\t'));
    lines.push(b'\n');
}

/// Numbers are big endian.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
