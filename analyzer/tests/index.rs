//! A layer is read once, and its index says again what its tar said.
#![allow(clippy::unwrap_used)]

mod memory;

use std::{
    fs,
    io::Read as _,
    sync::{Arc, atomic::Ordering},
};

use strata_analyzer::{
    Error,
    index::{LayerIndex, content_hash},
};
use strata_image::{
    Layer,
    layer::{Entry, EntryKind, LayerPath, LayerReader},
};

use memory::{Memory, MemoryLayer, entry, file};

/// One entry of every kind, with odd names and numbers.
fn entries() -> Vec<(Entry, &'static [u8])> {
    let link = LayerPath::new(b"usr/bin/a").unwrap();
    let mut odd = file("usr/bin/a", b"content");
    odd.0.mode = 0o6755;
    odd.0.uid = 4_000_000_000;
    odd.0.gid = 1 << 40;
    odd.0.mtime.seconds = -3600;
    odd.0.xattrs.insert("security.capability".into(), b"\x01\n\0".to_vec());
    odd.0.xattrs.insert("user.empty".into(), Vec::new());
    let mut bytes = file("x", b"");
    bytes.0.path = LayerPath::new(b"caf\xe9/\xff\n").unwrap();
    let plain = |path: &str, kind| (entry(path, kind), b"".as_slice());
    vec![
        plain("", EntryKind::Directory),
        plain("usr", EntryKind::Directory),
        odd,
        plain("usr/bin/b", EntryKind::HardLink(link)),
        plain("usr/bin/l", EntryKind::Symlink("../\u{e9}".into())),
        plain("dev/null", EntryKind::CharDevice { major: 1, minor: 3 }),
        plain("dev/sda", EntryKind::BlockDevice { major: 8, minor: u32::from(u16::MAX) }),
        plain("run/fifo", EntryKind::Fifo),
        bytes,
        file("usr/.wh.gone", b""),
        file("usr/.wh..wh..opq", b""),
    ]
}

/// Contents of many sizes, in a tar of some chunks that are read ahead.
fn large() -> MemoryLayer {
    let sizes = [0, 1, 700, 2047, 2048, 5000, 32 << 10, (32 << 10) + 1, 70_000].into_iter().cycle().take(900);
    let contents: Vec<(String, Vec<u8>)> = sizes
        .zip(0_u32..)
        .map(|(size, number)| (number.to_string(), number.to_le_bytes().into_iter().cycle().take(size).collect()))
        .collect();
    let files: Vec<_> = contents.iter().map(|(name, content)| file(name, content)).collect();
    MemoryLayer::of(&files)
}

#[test]
fn contents_have_their_hashes_however_many_processors_share_the_work() {
    let layer = large();
    assert!(layer.bytes().len() > 8 << 20, "it is read ahead");
    let mut reader = LayerReader::new(layer.open().unwrap());
    let mut expected = Vec::new();
    while reader.next_entry().unwrap().is_some() {
        let mut content = Vec::new();
        reader.read_to_end(&mut content).unwrap();
        expected.push(content_hash(&content));
    }
    for processors in [1, 2, 3, 8] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(processors).build().unwrap();
        let index = pool.install(|| LayerIndex::read(&layer)).unwrap();
        let hashes: Vec<_> = (0..900).map(|number| *index.hash(number).unwrap()).collect();
        assert!(hashes == expected, "{processors}");
    }
}

/// What the tar reader gives, but for what an index does not keep.
fn read_directly(layer: &dyn Layer) -> Vec<Entry> {
    let mut reader = LayerReader::new(layer.open().unwrap());
    let mut entries = Vec::new();
    while let Some(mut entry) = reader.next_entry().unwrap() {
        (entry.header_offset, entry.data_offset) = (0, 0);
        entry.uname.clear();
        entry.gname.clear();
        entries.push(entry);
    }
    entries
}

fn again(index: &LayerIndex) -> Vec<Entry> {
    index.entries().collect::<Result<_, _>>().unwrap()
}

#[test]
fn an_index_gives_back_every_entry() {
    let layer = MemoryLayer::of(&entries());
    let index = LayerIndex::read(&layer).unwrap();
    let direct = read_directly(&layer);
    assert_eq!(again(&index), direct);
    assert_eq!(index.len(), 11);
    assert!(!index.is_empty());
    assert_eq!(index.diff_id(), layer.diff_id());
    assert_eq!((index.size(2), index.hash(2)), (7, Some(&content_hash(b"content"))));
    assert_eq!((index.size(1), index.hash(1)), (0, None));
    assert_eq!((index.size(99), index.hash(99)), (0, None));
}

#[test]
fn an_index_on_disk_is_the_index() {
    let cache = tempfile::tempdir().unwrap();
    let directory = cache.path().join("not/yet/there");
    let layer = MemoryLayer::of(&entries());
    let first = LayerIndex::cached(&layer, Some(&directory)).unwrap();
    let second = LayerIndex::cached(&layer, Some(&directory)).unwrap();
    assert_eq!(first, second);
    assert_eq!(again(&second), read_directly_uncounted(&layer));
    assert_eq!(layer.reads.load(Ordering::Relaxed), 1, "the second one comes from the cache");
    let files: Vec<_> = fs::read_dir(&directory).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(files, [layer.diff_id().hex().as_str()], "no temporary file is left");
}

fn read_directly_uncounted(layer: &MemoryLayer) -> Vec<Entry> {
    let entries = read_directly(layer);
    layer.reads.fetch_sub(1, Ordering::Relaxed);
    entries
}

#[test]
fn a_damaged_index_is_read_again_and_mended() {
    let cache = tempfile::tempdir().unwrap();
    let layer = MemoryLayer::of(&entries());
    let sound = LayerIndex::cached(&layer, Some(cache.path())).unwrap();
    let path = cache.path().join(layer.diff_id().hex());
    let bytes = fs::read(&path).unwrap();
    let other = MemoryLayer::of(&[file("other", b"1")]);
    LayerIndex::cached(&other, Some(cache.path())).unwrap();
    let others = fs::read(cache.path().join(other.diff_id().hex())).unwrap();

    let flipped = |at: usize| {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        bytes
    };
    let mut damaged: Vec<(String, Vec<u8>)> =
        (0..bytes.len()).step_by(3).map(|at| (format!("bit of byte {at}"), flipped(at))).collect();
    damaged.extend((0..bytes.len()).map(|length| (format!("cut to {length}"), bytes[..length].to_vec())));
    damaged.push(("longer".to_owned(), [bytes.as_slice(), b"x"].concat()));
    damaged.push(("another layer's".to_owned(), others));
    damaged.push(("older".to_owned(), [b"strata-index 0\n\0", &bytes[16..]].concat()));
    for (number, (name, bytes)) in damaged.iter().enumerate() {
        fs::write(&path, bytes).unwrap();
        assert_eq!(LayerIndex::cached(&layer, Some(cache.path())).unwrap(), sound, "{name}");
        assert_eq!(layer.reads.load(Ordering::Relaxed), number + 2, "{name}: the layer itself was read");
    }
    assert_eq!(fs::read(&path).unwrap(), bytes, "the damaged file was replaced");
}

#[test]
fn a_checksum_does_not_make_nonsense_an_index() {
    let cache = tempfile::tempdir().unwrap();
    let layer = MemoryLayer::of(&entries());
    let sound = LayerIndex::cached(&layer, Some(cache.path())).unwrap();
    let path = cache.path().join(layer.diff_id().hex());
    let file = fs::read(&path).unwrap();
    let (version, lengths, payload) = (&file[..16], &file[16..32], &file[64..]);
    for at in 0..payload.len() {
        for value in [0, 0x7f, 0xff] {
            let mut payload = payload.to_vec();
            payload[at] = value;
            let hash = *blake3::hash(&payload).as_bytes();
            fs::write(&path, [version, lengths, &hash, &payload].concat()).unwrap();
            // whatever it gives, it must neither panic nor ask for more memory than the file has
            let read = LayerIndex::cached(&layer, Some(cache.path())).unwrap();
            assert_eq!(read.diff_id(), sound.diff_id());
            let _ = read.entries().count();
            let _ = (0..12).filter_map(|entry| read.get(entry)).count();
        }
    }
}

/// A cache's file with a part of its front replaced, whose checksum fits.
fn forged(sound: &[u8], part: &[u8], by: &[u8]) -> Vec<u8> {
    let front = usize::try_from(u64::from_le_bytes(sound[16..24].try_into().unwrap())).unwrap();
    let (front, records) = sound[64..].split_at(front);
    let at = front.windows(part.len()).position(|window| window == part).unwrap();
    let front = [&front[..at], by, &front[at + part.len()..]].concat();
    let lengths = [front.len(), records.len()].map(|length| (length as u64).to_le_bytes()).concat();
    let payload = [&front, records].concat();
    [&sound[..16], &lengths, blake3::hash(&payload).as_bytes(), &payload].concat()
}

#[test]
fn an_index_that_claims_what_no_layer_has_is_none() {
    let zeros = vec![0; 200_000];
    let program = strata_fixtures::content::elf(2, &[(".debug_info", &[7; 100])], false);
    let archive = strata_fixtures::content::zip(&[("a", b"first member"), ("b", b"second member")], true).unwrap();
    let layer = MemoryLayer::of(&[file("zeros", &zeros), file("program", &program), file("a.zip", &archive)]);
    let cache = tempfile::tempdir().unwrap();
    let sound = LayerIndex::cached(&layer, Some(cache.path())).unwrap();
    let path = cache.path().join(layer.diff_id().hex());
    let bytes = fs::read(&path).unwrap();
    let sizes = [&3_u64.to_le_bytes()[..], &200_000_u32.to_le_bytes()].concat();
    let many = [&3_u64.to_le_bytes()[..], &u32::MAX.to_le_bytes()].concat();
    let none_large = [&u32::try_from(archive.len()).unwrap().to_le_bytes()[..], &[0; 8]].concat();
    let large = [&none_large[..4], &1_u64.to_le_bytes(), &[0; 4], &u64::MAX.to_le_bytes()].concat();
    let member = |size: u64| size.to_le_bytes();
    let forgeries = [
        ("a size", forged(&forged(&bytes, &sizes, &many), &none_large, &large)),
        ("zeros", forged(&bytes, &[&[1][..], &200_000_u64.to_le_bytes()].concat(), &[&[1][..], &[255; 8]].concat())),
        ("debug sections", forged(&bytes, &100_u64.to_le_bytes(), &[255; 8])),
        ("members", forged(&forged(&bytes, &member(12), &[255; 8]), &member(13), &[255; 8])),
    ];
    for (number, (claim, forged)) in forgeries.iter().enumerate() {
        fs::write(&path, forged).unwrap();
        assert_eq!(LayerIndex::cached(&layer, Some(cache.path())).unwrap(), sound, "{claim}");
        assert_eq!(layer.reads.load(Ordering::Relaxed), number + 2, "{claim}: the layer itself was read");
    }
}

/// A layer of so many files that its records stay in the cache's file.
fn many_files() -> MemoryLayer {
    let paths: Vec<String> = (0..20_000).map(|number| format!("usr/lib/{}/file-{number}", number / 50)).collect();
    let mut entries: Vec<_> = paths.iter().map(|path| file(path, path.as_bytes())).collect();
    for (number, (entry, _)) in (0..).zip(&mut entries) {
        entry.mtime.seconds = number * number * 1_000;
        entry.uid = u64::from(number % 3 == 0);
    }
    MemoryLayer::of(&entries)
}

#[test]
fn an_index_of_many_entries_gives_back_every_one_from_its_file() {
    let cache = tempfile::tempdir().unwrap();
    let layer = many_files();
    let direct = read_directly_uncounted(&layer);
    let read = LayerIndex::read(&layer).unwrap();
    let saved = LayerIndex::cached(&layer, Some(cache.path())).unwrap();
    let loaded = LayerIndex::cached(&layer, Some(cache.path())).unwrap();
    // who has it open keeps it
    fs::remove_file(cache.path().join(layer.diff_id().hex())).unwrap();
    for (name, index) in [("read", &read), ("saved", &saved), ("loaded", &loaded)] {
        assert_eq!(*index, read, "{name}");
        assert!(again(index) == direct, "{name}");
        for number in [0, 1, 31, 32, 33, 2047, 2048, 19_999] {
            assert_eq!(index.get(number).as_ref(), direct.get(number as usize), "{name} {number}");
            assert_eq!(index.path(number).unwrap(), direct[number as usize].path.as_bytes(), "{name} {number}");
        }
        assert_eq!((index.get(20_000), index.path(20_000)), (None, None), "{name}");
    }
}

#[test]
fn what_was_not_used_for_the_longest_leaves_a_full_cache_first() {
    let cache = tempfile::tempdir().unwrap();
    let layers: Vec<Arc<dyn Layer>> = (0..4_u64)
        .map(|number| {
            let (name, content) = (format!("file-{number}"), vec![1; 10]);
            Arc::new(MemoryLayer::of(&[file(&name, &content)])) as Arc<dyn Layer>
        })
        .collect();
    let path = |number: usize| cache.path().join(layers[number].diff_id().hex());
    fs::write(cache.path().join("a file of someone else"), vec![0; 100_000]).unwrap();
    LayerIndex::all(&layers[..3], Some(cache.path())).unwrap();
    for (number, age) in [(0, 30), (1, 20), (2, 10)] {
        let used = std::time::SystemTime::now() - std::time::Duration::from_secs(age * 24 * 60 * 60);
        fs::File::open(path(number)).unwrap().set_modified(used).unwrap();
    }
    // the oldest is used again
    LayerIndex::all(&layers[..1], Some(cache.path())).unwrap();
    let size = fs::metadata(path(0)).unwrap().len();
    LayerIndex::all_within(&layers[3..], Some(cache.path()), 3 * size).unwrap();
    assert_eq!([0, 1, 2, 3].map(|number| path(number).exists()), [true, false, true, true]);
    assert!(cache.path().join("a file of someone else").exists());
}

#[test]
fn a_cache_that_cannot_be_written_costs_nothing_but_time() {
    let place = tempfile::tempdir().unwrap();
    let file_in_the_way = place.path().join("file");
    fs::write(&file_in_the_way, b"").unwrap();
    let layer = MemoryLayer::of(&entries());
    let index = LayerIndex::cached(&layer, Some(&file_in_the_way)).unwrap();
    assert_eq!(*index, LayerIndex::read(&layer).unwrap());
}

#[test]
fn many_layers_come_in_order_and_each_is_read_once() {
    let layers: Vec<Arc<MemoryLayer>> =
        ["a", "b", "c"].iter().map(|name| Arc::new(MemoryLayer::of(&[file(name, b"1")]))).collect();
    let order = [2, 0, 1, 0, 2];
    let stack: Vec<Arc<dyn Layer>> = order.iter().map(|&layer| Arc::clone(&layers[layer]) as Arc<dyn Layer>).collect();
    let indexes = LayerIndex::all(&stack, None).unwrap();
    let found: Vec<_> = indexes.iter().map(|index| index.diff_id()).collect();
    assert_eq!(found, order.map(|layer| layers[layer].diff_id()));
    for layer in &layers {
        assert_eq!(layer.reads.load(Ordering::Relaxed), 1);
    }
}

#[test]
fn a_layer_that_cannot_be_read_is_named_and_not_cached() {
    let cache = tempfile::tempdir().unwrap();
    let mut tar = Vec::new();
    memory::MemoryLayer::of(&[file("a", &[7; 2000])]).open().unwrap().read_to_end(&mut tar).unwrap();
    tar.truncate(1500);
    let layer = MemoryLayer::raw(tar);
    let error = LayerIndex::cached(&layer, Some(cache.path())).unwrap_err();
    assert!(
        matches!(&error, Error::Content { layer: named, path, .. } if *named == layer.diff_id() && path == "/a"),
        "{error:?}"
    );
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);

    let garbage = MemoryLayer::raw(vec![0x55; 1024]);
    let error = LayerIndex::read(&garbage).unwrap_err();
    assert!(matches!(&error, Error::Layer { layer: named, .. } if *named == garbage.diff_id()), "{error:?}");
}

#[test]
fn the_first_layer_that_fails_is_the_one_that_is_named() {
    let good = Memory::new(&[&[file("a", b"1")]]);
    let bad: Vec<Arc<dyn Layer>> =
        (0..8_u8).map(|byte| Arc::new(MemoryLayer::raw(vec![byte + 1; 1024])) as Arc<dyn Layer>).collect();
    let layers: Vec<Arc<dyn Layer>> = strata_image::Image::layers(&good).iter().chain(&bad).cloned().collect();
    for _ in 0..20 {
        let error = LayerIndex::all(&layers, None).unwrap_err();
        assert!(matches!(&error, Error::Layer { layer, .. } if *layer == bad[0].diff_id()), "{error:?}");
    }
}
