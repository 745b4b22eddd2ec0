//! A store with images that are made entry by entry, and a folder beside it.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};

use strata_builder::{
    Cancel,
    output::{self, Output, OutputError, Written},
};
use strata_image::{
    DiffId, ImageConfig, ImageId, Store, Timestamp,
    config::RootFs,
    layer::{Entry, EntryKind, LayerPath, LayerReader, LayerWriter},
    manifest::{Descriptor, OCI_LAYER},
};
use tempfile::TempDir;

pub(crate) struct Made {
    pub(crate) dir: TempDir,
    pub(crate) store: Store,
}

impl Made {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("root")).unwrap();
        Self { dir, store }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Puts an image of such layers into the store.
    pub(crate) fn image(&self, architecture: &str, layers: &[Vec<(Entry, &str)>]) -> ImageId {
        let mut diff_ids = Vec::new();
        let mut blobs = Vec::new();
        for entries in layers {
            let mut tar = LayerWriter::new(Vec::new());
            for (entry, content) in entries {
                let entry = Entry { size: content.len() as u64, ..entry.clone() };
                tar.append(&entry, content.as_bytes()).unwrap();
            }
            let bytes = tar.finish().unwrap();
            blobs.push(Descriptor::new(OCI_LAYER, self.store.put(&bytes).unwrap(), bytes.len() as u64));
            diff_ids.push(DiffId::of(&bytes));
        }
        let config = ImageConfig {
            created: Some("2024-01-02T03:04:05Z".to_owned()),
            architecture: architecture.to_owned(),
            os: "linux".to_owned(),
            rootfs: RootFs { diff_ids, ..RootFs::default() },
            ..ImageConfig::default()
        };
        self.store.put_image(&config, &blobs, &[]).unwrap()
    }

    /// Writes images as `-o` asks, `@` in it standing for the folder.
    pub(crate) fn write(&self, images: &[ImageId], output: &str) -> Result<Written, String> {
        let output = output.replace('@', self.dir.path().to_str().unwrap());
        let output: Output = output.parse().map_err(|error: OutputError| error.to_string())?;
        output::write(&self.store, images, &[], &output, &Cancel::default()).map_err(|error| chain(&error))
    }

    /// Lists a folder: a line for each path with its type, permissions, and content or target.
    pub(crate) fn list(&self, folder: &str) -> Vec<String> {
        let mut lines = Vec::new();
        list(&self.path(folder), "", &mut lines);
        lines
    }
}

fn list(folder: &Path, inside: &str, lines: &mut Vec<String>) {
    let mut names: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    for name in names {
        let path = folder.join(&name);
        let shown = format!("{inside}{}", name.to_str().unwrap());
        let metadata = fs::symlink_metadata(&path).unwrap();
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.is_symlink() {
            lines.push(format!("{shown} -> {}", fs::read_link(&path).unwrap().display()));
        } else if metadata.is_dir() {
            lines.push(format!("{shown}/ {mode:o}"));
            list(&path, &format!("{shown}/"), lines);
        } else if metadata.is_file() {
            lines.push(format!("{shown} {mode:o} {:?}", fs::read_to_string(&path).unwrap()));
        } else {
            lines.push(format!("{shown} {mode:o} special"));
        }
    }
}

/// Lists a tar: the paths of its entries.
pub(crate) fn tar_paths(bytes: &[u8]) -> Vec<String> {
    let mut reader = LayerReader::new(bytes);
    let mut paths = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        paths.push(entry.path.to_string());
        io::copy(&mut reader.by_ref(), &mut io::sink()).unwrap();
    }
    paths
}

pub(crate) fn time(path: &Path) -> i64 {
    fs::symlink_metadata(path).unwrap().mtime()
}

fn at(path: &str) -> LayerPath {
    LayerPath::new(path.as_bytes()).unwrap()
}

/// An entry of root's, of second 1000.
fn entry(path: &str, kind: EntryKind, mode: u32) -> Entry {
    Entry { mode, mtime: Timestamp::from_seconds(1000), ..Entry::new(at(path), kind) }
}

pub(crate) fn file<'a>(path: &str, content: &'a str) -> (Entry, &'a str) {
    (entry(path, EntryKind::File, 0o644), content)
}

pub(crate) fn directory(path: &str, mode: u32) -> (Entry, &'static str) {
    (entry(path, EntryKind::Directory, mode), "")
}

pub(crate) fn symlink(path: &str, target: &str) -> (Entry, &'static str) {
    (entry(path, EntryKind::Symlink(target.into()), 0o777), "")
}

pub(crate) fn hard_link(path: &str, target: &str) -> (Entry, &'static str) {
    (entry(path, EntryKind::HardLink(at(target)), 0o644), "")
}

pub(crate) fn special(path: &str, kind: EntryKind) -> (Entry, &'static str) {
    (entry(path, kind, 0o666), "")
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {}", chain(cause)),
        None => error.to_string(),
    }
}
