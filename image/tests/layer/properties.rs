//! What holds for all entries and for all bytes.

use std::collections::BTreeMap;

use proptest::prelude::*;
use strata_image::{
    Timestamp,
    layer::{Entry, EntryKind, LayerPath, LayerWriter},
};

use crate::raw::read;

fn any_path() -> impl Strategy<Value = LayerPath> {
    let name = prop_oneof!["[a-z]{1,12}", "[ -.0-~\u{e4}\n]{1,120}", "[a-z]{90,130}"];
    prop::collection::vec(name, 1..5).prop_filter_map("a path", |names| {
        let path = LayerPath::new(names.join("/").as_bytes()).ok()?;
        (!path.is_root()).then_some(path)
    })
}

fn any_kind() -> impl Strategy<Value = (EntryKind, Vec<u8>)> {
    let number = 0..1_u32 << 21;
    prop_oneof![
        prop::collection::vec(any::<u8>(), 0..1500).prop_map(|content| (EntryKind::File, content)),
        any_path().prop_map(|target| (EntryKind::HardLink(target), Vec::new())),
        prop::collection::vec(1..=255_u8, 1..300).prop_map(|target| (EntryKind::Symlink(target.into()), Vec::new())),
        Just((EntryKind::Directory, Vec::new())),
        Just((EntryKind::Fifo, Vec::new())),
        (number.clone(), number).prop_map(|(major, minor)| (EntryKind::CharDevice { major, minor }, Vec::new())),
    ]
}

fn any_entry() -> impl Strategy<Value = (Entry, Vec<u8>)> {
    let id = || prop_oneof![0..3_000_000_u64, 0..1_u64 << 40];
    let name = || prop_oneof![Just(String::new()), "[a-z]{1,40}", "\u{fc}[a-z]{1,5}"];
    let xattrs = prop::collection::btree_map("user\\.[a-z\n]{1,9}", prop::collection::vec(any::<u8>(), 0..80), 0..3);
    let seconds = prop_oneof![0..4_000_000_000_i64, any::<i64>()];
    (any_path(), any_kind(), 0..=0o7777_u32, id(), id(), seconds, xattrs, name(), name()).prop_map(
        |(path, (kind, content), mode, uid, gid, seconds, xattrs, uname, gname)| {
            let xattrs: BTreeMap<_, _> = xattrs.into_iter().map(|(name, value)| (name.into(), value)).collect();
            let (mtime, size) = (Timestamp::from_seconds(seconds), content.len() as u64);
            let (uname, gname) = (uname.into(), gname.into());
            let entry = Entry { mode, uid, gid, mtime, size, xattrs, uname, gname, ..Entry::new(path, kind) };
            (entry, content)
        },
    )
}

fn written(entries: &[(Entry, Vec<u8>)]) -> Vec<u8> {
    let mut writer = LayerWriter::new(Vec::new());
    for (entry, content) in entries {
        writer.append(entry, content.as_slice()).unwrap();
    }
    writer.finish().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_written_is_read_back(entries in prop::collection::vec(any_entry(), 0..6)) {
        let tar = written(&entries);
        prop_assert_eq!(tar.len() % 512, 0);
        let read = read(&tar).unwrap();
        prop_assert_eq!(read.len(), entries.len());
        for ((read, read_content), (entry, content)) in read.into_iter().zip(entries) {
            let at = usize::try_from(read.data_offset).unwrap();
            prop_assert_eq!(&tar[at..at + content.len()], content.as_slice());
            prop_assert_eq!(read_content, content);
            prop_assert_eq!(Entry { header_offset: 0, data_offset: 0, ..read }, entry);
        }
    }

    #[test]
    fn damaged_tars_end_in_an_error_or_in_entries(
        entries in prop::collection::vec(any_entry(), 1..4),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        checksums in any::<bool>(),
    ) {
        let mut tar = written(&entries);
        for (at, byte) in damage {
            let at = at.index(tar.len());
            tar[at] = byte;
        }
        if checksums {
            mend(&mut tar);
        }
        let _ = read(&tar);
    }

    #[test]
    fn arbitrary_bytes_do_not_panic(bytes in prop::collection::vec(any::<u8>(), 0..3000), checksums in any::<bool>()) {
        let mut bytes = bytes;
        if checksums {
            mend(&mut bytes);
        }
        let _ = read(&bytes);
    }

    #[test]
    fn paths_are_clean_and_stay_so(raw in prop::collection::vec(prop_oneof![Just(b'/'), Just(b'.'), 1..=255_u8], 0..60)) {
        let path = LayerPath::new(&raw).unwrap();
        prop_assert_eq!(&LayerPath::new(path.as_bytes()).unwrap(), &path);
        prop_assert!(path.components().all(|name| !matches!(name, b"" | b"." | b"..")));
        let rebuilt = path.components().try_fold(LayerPath::root(), |path, name| path.join(name)).unwrap();
        prop_assert_eq!(&rebuilt, &path);
        prop_assert!(path.parent().is_none_or(|parent| path.starts_with(&parent) && path != parent));
    }
}

/// Gives every block the checksum that a header would have, so that damage gets past it.
fn mend(tar: &mut [u8]) {
    for block in tar.chunks_exact_mut(512).filter(|block| block.iter().any(|&byte| byte != 0)) {
        block[148..156].fill(b' ');
        let sum: u32 = block.iter().map(|&byte| u32::from(byte)).sum();
        block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }
}

#[test]
fn a_directory_starts_its_own_paths_and_not_those_of_its_namesakes() {
    let path = |text: &str| LayerPath::new(text.as_bytes()).unwrap();
    assert!(path("a/b").starts_with(&path("a")) && path("a").starts_with(&path("a")));
    assert!(path("a").starts_with(&LayerPath::root()));
    assert!(!path("ab").starts_with(&path("a")) && !path("a").starts_with(&path("a/b")));
}
