//! The packages of an rpm database: a header for each, in rpm's own form (rpm's `docs/manual/format_header.md`).

use std::fmt::Write as _;

use super::sqlite;

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

/// Gives lines: `P`, name, version, architecture and size of a package, then `F` and a path for each of its files, all
/// separated by tabs.
pub(super) fn packages(database: &[u8]) -> Option<Vec<u8>> {
    let mut lines = String::new();
    sqlite::rows(database, "Packages", &mut |row| {
        if let Some(header) = row.last().and_then(|blob| Header::read(blob)) {
            header.write(&mut lines);
        }
    })?;
    Some(lines.into_bytes())
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

    fn text(&self, tag: u32) -> Option<String> {
        self.texts(tag).next().map(|text| String::from_utf8_lossy(text).replace(['\t', '\n'], " "))
    }

    fn write(&self, lines: &mut String) {
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
        let size = long.or_else(short).unwrap_or_default();
        let arch = self.text(ARCH).unwrap_or_default();
        // writing to a string cannot fail
        let _ = writeln!(lines, "P\t{name}\t{epoch}{version}-{release}\t{arch}\t{size}");
        let directories: Vec<&[u8]> = self.texts(DIRECTORY_NAMES).collect();
        let (indexes, _) = self.tag(DIRECTORY_INDEXES).unwrap_or_default();
        for (file, name) in self.texts(BASE_NAMES).enumerate() {
            let directory = number(indexes, file * 4).and_then(|index| directories.get(usize::try_from(index).ok()?));
            if let Some(directory) = directory {
                let path = [directory, name].concat();
                let _ = writeln!(lines, "F\t{}", String::from_utf8_lossy(&path).replace(['\t', '\n'], " "));
            }
        }
    }
}

/// Numbers are big endian.
fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}
