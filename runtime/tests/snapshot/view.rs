//! What is unpacked is the merged view that the image library has of the same layers.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write,
    fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use strata_image::{
    Timestamp,
    layer::{Change, Entry, EntryKind, LayerReader},
    view::{NodeKind, View},
};

use crate::{
    layers::{path, tar},
    workshop::{Workshop, at},
};

/// Stacks that are compared.
const STACKS: u64 = 100;

/// A small generator of equal numbers on every machine (Steele, Lea, Flood: `SplitMix64`).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[usize::try_from(self.below(from.len() as u64)).unwrap()]
    }

    fn path(&mut self) -> String {
        let parts: Vec<_> = (0..=self.below(3)).map(|_| self.pick(&["a", "b", "c"])).collect();
        parts.join("/")
    }

    fn entry(&mut self, with_links: bool) -> Entry {
        let place = self.path();
        let (parent, name) = place.rsplit_once('/').unwrap_or(("", &place));
        let (place, kind) = match self.below(12) {
            0 => (format!("{parent}/.wh.{name}"), EntryKind::File),
            1 => (format!("{place}/.wh..wh..opq"), EntryKind::File),
            2 if with_links => {
                let target = self.pick(&["a", "b", "/c", "../b", "c/a", "../../..", "missing/x"]);
                (place, EntryKind::Symlink(target.into()))
            }
            // a target above the link would be both a file and a directory
            3 => match path(&self.path()) {
                target if path(&place).starts_with(&target) => (place, EntryKind::File),
                target => (place, EntryKind::HardLink(target)),
            },
            4..=7 => (place, EntryKind::Directory),
            _ => (place, EntryKind::File),
        };
        let mtime = Timestamp { seconds: i64::try_from(self.below(1_000_000)).unwrap(), nanoseconds: 0 };
        let mode = if self.below(2) == 0 { 0o700 } else { 0o755 };
        Entry { mode, mtime, ..Entry::new(path(&place), kind) }
    }

    /// Layers where whiteouts stand anywhere; or where there are symlinks, and whiteouts come first: a layer is unpacked
    /// as it is read, so that what goes through a link before the link's whiteout comes has gone through it.
    fn stack(&mut self) -> Vec<Vec<u8>> {
        let with_links = self.below(2) == 0;
        let layer = |numbers: &mut Self| {
            let mut entries: Vec<_> = (0..=numbers.below(6)).map(|_| (numbers.entry(with_links), "")).collect();
            if with_links {
                entries.sort_by_key(|(entry, _)| matches!(entry.change(), Ok(Change::Add(_))));
            }
            tar(&entries)
        };
        (0..=self.below(3)).map(|_| layer(self)).collect()
    }
}

#[test]
fn a_snapshot_is_the_merged_view_of_its_layers() {
    for workshop in Workshop::each() {
        let mut compared = 0;
        for seed in 0..STACKS {
            let stack = Numbers(seed).stack();
            let said = || stack.iter().map(|layer| crate::layers::raw(layer)).collect::<Vec<_>>();
            let expected = expected(&stack);
            let found = workshop.stack(&stack);
            match (expected, found) {
                (Ok(expected), Ok(snapshot)) => {
                    let view = workshop.snapshots.view(&snapshot).unwrap();
                    assert_eq!(found_in(&at(&view)), expected, "seed {seed}: {:#?}", said());
                    compared += 1;
                }
                (Err(_), Err(_)) => {}
                (expected, found) => panic!("seed {seed}: {:#?}\n{:?}\n{:?}", said(), expected.err(), found.err()),
            }
        }
        assert!(compared > STACKS / 2, "most stacks are possible: {compared}");
    }
}

/// A line for each path: what it is, and the first path of the same file.
fn expected(stack: &[Vec<u8>]) -> Result<Vec<String>, String> {
    let mut view = View::new();
    for layer in stack {
        view.begin_layer();
        let mut reader = LayerReader::new(layer.as_slice());
        while let Some(entry) = reader.next_entry().map_err(|error| error.to_string())? {
            view.apply(&entry).map_err(|error| error.to_string())?;
        }
        view.end_layer(&mut ()).map_err(|error| error.to_string())?;
    }
    let mut firsts = BTreeMap::new();
    let mut lines = Vec::new();
    view.walk(&mut |node| {
        let kind = match &node.meta.kind {
            NodeKind::File => "file".to_owned(),
            NodeKind::Directory => "directory".to_owned(),
            NodeKind::Symlink(target) => format!("-> {target}"),
            other => format!("{other:?}"),
        };
        let place = node.path.to_string();
        // directories that no entry tells of share the inode of the entry below them
        let first = match node.meta.kind {
            NodeKind::Directory => place.clone(),
            _ => firsts.entry(node.inode).or_insert_with(|| place.clone()).clone(),
        };
        lines.push((place, kind, node.meta.mode, node.meta.mtime.seconds, first));
    });
    Ok(told(lines))
}

fn found_in(root: &Path) -> Vec<String> {
    let mut pending = BTreeSet::from([PathBuf::new()]);
    let mut firsts = BTreeMap::new();
    let mut lines = Vec::new();
    let mut all = BTreeSet::new();
    while let Some(directory) = pending.pop_first() {
        for entry in fs::read_dir(root.join(&directory)).unwrap() {
            let place = directory.join(entry.unwrap().file_name());
            if fs::symlink_metadata(root.join(&place)).unwrap().is_dir() {
                pending.insert(place.clone());
            }
            all.insert(place.to_str().unwrap().to_owned());
        }
    }
    for place in all {
        let metadata = fs::symlink_metadata(root.join(&place)).unwrap();
        let kind = if metadata.is_dir() {
            "directory".to_owned()
        } else if metadata.is_symlink() {
            format!("-> {}", fs::read_link(root.join(&place)).unwrap().display())
        } else {
            "file".to_owned()
        };
        let first = firsts.entry(metadata.ino()).or_insert_with(|| place.clone()).clone();
        lines.push((place, kind, metadata.mode() & 0o7777, metadata.mtime(), first));
    }
    told(lines)
}

fn told(lines: Vec<(String, String, u32, i64, String)>) -> Vec<String> {
    let tell = |(place, kind, mode, seconds, first): (String, String, u32, i64, String)| {
        let mut line = format!("{place} {kind}");
        if !kind.starts_with("->") {
            write!(line, " {mode:o}").unwrap();
        }
        write!(line, " {seconds} ({first})").unwrap();
        line
    };
    lines.into_iter().map(tell).collect()
}
