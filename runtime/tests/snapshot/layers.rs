//! Layers made in code, and what a layer says in short lines.

use std::io::{self, Cursor, Read};

use strata_image::{
    Digest, Layer,
    digest::{DiffId, VerifyingReader},
    layer::{Change, Entry, EntryKind, LayerPath, LayerReader, LayerWriter},
};

/// A layer in memory.
pub(crate) struct MemoryLayer {
    bytes: Vec<u8>,
    diff_id: DiffId,
}

impl MemoryLayer {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        let diff_id = DiffId::of(&bytes);
        Self { bytes, diff_id }
    }

    /// One whose bytes are not those of its diff ID.
    pub(crate) fn false_one(bytes: Vec<u8>) -> Self {
        Self { bytes, diff_id: DiffId::of(b"something else") }
    }
}

impl Layer for MemoryLayer {
    fn diff_id(&self) -> DiffId {
        self.diff_id
    }

    fn media_type(&self) -> &'static str {
        "application/vnd.oci.image.layer.v1.tar"
    }

    fn stored(&self) -> (Digest, u64) {
        (self.diff_id.into(), self.bytes.len() as u64)
    }

    fn open(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        let expected = self.diff_id.into();
        Ok(Box::new(VerifyingReader::new(Cursor::new(self.bytes.clone()), expected, None, "a layer")))
    }

    fn open_stored(&self) -> strata_image::Result<Box<dyn Read + Send>> {
        self.open()
    }
}

/// The bytes of a layer with these entries; files hold the text that goes with them.
pub(crate) fn tar(entries: &[(Entry, &str)]) -> Vec<u8> {
    let mut writer = LayerWriter::new(Vec::new());
    for (entry, content) in entries {
        let entry = Entry { size: content.len() as u64, ..entry.clone() };
        writer.append(&entry, content.as_bytes()).unwrap();
    }
    writer.finish().unwrap()
}

pub(crate) fn path(text: &str) -> LayerPath {
    LayerPath::new(text.as_bytes()).unwrap()
}

pub(crate) fn file<'a>(name: &str, content: &'a str) -> (Entry, &'a str) {
    (Entry::new(path(name), EntryKind::File), content)
}

pub(crate) fn directory(name: &str) -> (Entry, &'static str) {
    (Entry::new(path(name), EntryKind::Directory), "")
}

pub(crate) fn symlink(name: &str, target: &str) -> (Entry, &'static str) {
    (Entry::new(path(name), EntryKind::Symlink(target.into())), "")
}

pub(crate) fn hard_link(name: &str, target: &str) -> (Entry, &'static str) {
    (Entry::new(path(name), EntryKind::HardLink(path(target))), "")
}

pub(crate) fn node(name: &str, kind: EntryKind) -> (Entry, &'static str) {
    (Entry::new(path(name), kind), "")
}

/// The entries of a layer, a line each: `-`, `d`, `l`, `h`, `c`, `b`, `p` or `x` for a whiteout, and the path.
pub(crate) fn said(bytes: &[u8]) -> Vec<String> {
    entries(bytes).iter().map(line).collect()
}

pub(crate) fn entries(bytes: &[u8]) -> Vec<Entry> {
    let mut reader = LayerReader::new(bytes);
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        io::copy(&mut reader, &mut io::sink()).unwrap();
        entries.push(entry);
    }
    entries
}

fn line(entry: &Entry) -> String {
    let path = match entry.change().unwrap() {
        Change::Whiteout(gone) => return format!("x {gone}"),
        Change::Opaque(directory) => return format!("o {directory}"),
        Change::Nothing => return format!("? {}", entry.path),
        Change::Add(entry) => &entry.path,
    };
    match &entry.kind {
        EntryKind::File => format!("- {path}"),
        EntryKind::Directory => format!("d {path}"),
        EntryKind::Symlink(target) => format!("l {path} -> {target}"),
        EntryKind::HardLink(target) => format!("h {path} = {target}"),
        EntryKind::CharDevice { major, minor } => format!("c {path} {major}:{minor}"),
        EntryKind::BlockDevice { major, minor } => format!("b {path} {major}:{minor}"),
        EntryKind::Fifo => format!("p {path}"),
    }
}

/// The entries of a layer as they are, whatever their names.
pub(crate) fn raw(bytes: &[u8]) -> Vec<String> {
    entries(bytes)
        .iter()
        .map(|entry| format!("{} {:?} {:o} {}", entry.path, entry.kind, entry.mode, entry.mtime.seconds))
        .collect()
}
