//! How layers are aligned and compared, down to the last byte of their tars.

use std::sync::Arc;

use strata_analyzer::compare::{Comparison, Depth, LayerDiff, Options, What, compare};
use strata_fixtures::stack::Stack;
use strata_image::{
    History, Image as _, ImageConfig, Layer,
    layer::{Entry, EntryKind, LayerWriter},
};

use crate::{
    memory::{self, Memory, MemoryLayer, entry, file},
    stack,
};

pub(crate) fn at(depth: Depth) -> Options<'static> {
    Options { depth, ..Options::default() }
}

fn layered(a: &str, b: &str) -> Comparison {
    let [a, b] = [a, b].map(|text| Stack::parse("any:1", text).unwrap());
    compare(&a, &b, &at(Depth::Layers)).unwrap()
}

/// `0=0 digest`, `1~1 history`, `2- `, `-2`.
fn pairs(comparison: &Comparison) -> Vec<String> {
    let number = |layer: Option<usize>| layer.map_or("-".to_owned(), |layer| layer.to_string());
    let by = |by| serde_json::to_value(by).unwrap().as_str().unwrap_or_default().to_owned();
    let pairs = comparison.layers.pairs.iter();
    pairs.map(|pair| format!("{}{} {}", number(pair.a), number(pair.b), by(pair.by)).trim_end().to_owned()).collect()
}

/// `+path`, `-path`, `path: what what`, and what belongs to no path.
pub(crate) fn told(diff: &LayerDiff) -> Vec<String> {
    let words = |what: &[What]| what.iter().map(|what| what.word()).collect::<Vec<_>>().join(" ");
    let added = diff.added.iter().map(|single| format!("+{}", single.path));
    let removed = diff.removed.iter().map(|single| format!("-{}", single.path));
    let changed = diff.changed.iter().map(|changed| format!("{}: {}", changed.path, words(&changed.what)));
    let whole = diff.whole.iter().map(|what| what.word().to_owned());
    added.chain(removed).chain(changed).chain(whole).collect()
}

#[test]
fn layers_belong_together_by_digest_then_history_then_content() {
    let comparison = layered("base:9 / x:1 / z:5", "base:9 / new:3 / more:1 / z:5");
    assert_eq!(pairs(&comparison), ["00 diff-id", "11 history", "-2", "23 diff-id"]);

    let without_history = |layers: &[&[&str]]| {
        let entries: Vec<Vec<(Entry, &[u8])>> =
            layers.iter().map(|names| names.iter().map(|name| file(name, name.as_bytes())).collect()).collect();
        let entries: Vec<&[(Entry, &[u8])]> = entries.iter().map(Vec::as_slice).collect();
        Memory::new(&entries)
    };
    let a = without_history(&[&["base"], &["a", "b", "c"], &["x", "y", "z"]]);
    let b = without_history(&[&["base"], &["new"], &["x", "y"], &["other"]]);
    let comparison = compare(&a, &b, &at(Depth::Layers)).unwrap();
    assert_eq!(pairs(&comparison), ["00 diff-id", "1-", "-1", "22 content", "-3"]);
    assert_eq!(told(comparison.layers.pairs[3].diff.as_ref().unwrap()), ["-/z"]);
    assert!(!comparison.equal);
}

#[test]
fn what_differs_in_a_layer_is_told_entry_by_entry() {
    for (a, b, expected) in [
        ("a:1 b:1", "a:2 b:1 c:1", vec!["+/c", "/a: content"]),
        ("a:1@0644 d/", "a:1@0755 d/x:1", vec!["+/d/x", "-/d", "/a: mode"]),
        ("a:1 l->a -x", "a:1 l->b -y", vec!["+/.wh.y", "-/.wh.x", "/l: link"]),
        ("a:1 b=a c=a", "a:1 b:1a c=b", vec!["/b: hardlinks", "/c: hardlinks"]),
        ("a:1 d!", "a:1", vec!["-/d/.wh..wh..opq"]),
        // the order is that of the tar, which does not count yet
        ("a:1 b:1", "b:1 a:1", vec![]),
    ] {
        let comparison = layered(a, b);
        assert_eq!(told(comparison.layers.pairs[0].diff.as_ref().unwrap()), expected, "{a} and {b}");
    }
    let comparison = layered("a:1@0644", "b:2 a:1@0755");
    let details = &comparison.layers.pairs[0].diff.as_ref().unwrap().changed[0].details;
    assert_eq!(details.iter().map(ToString::to_string).collect::<Vec<_>>(), ["mode 0644 → 0755"]);
    assert!(layered("a:1 b:1", "b:1 a:1").equal);
    assert!(!layered("a:1 b:1", "a:1 / b:1").equal);
    let merged = compare(&stack("a:1 b:1"), &stack("a:1 / b:1"), &Options::default()).unwrap();
    assert!(merged.equal);
    let expected = "the root filesystems are equal, though the layers are not: 1 changed, 1 only in the second image";
    assert_eq!(merged.notes[0], expected);
}

#[test]
fn a_layer_that_stands_elsewhere_moved() {
    let layers = |names: &[&'static str]| {
        let layers =
            names.iter().map(|name| Arc::new(MemoryLayer::of(&[file(name, name.as_bytes())])) as Arc<dyn Layer>);
        Memory::of_layers(layers.collect()).and_config(ImageConfig::default())
    };
    let (a, b) = (layers(&["a", "b", "c"]), layers(&["b", "a", "c"]));
    let comparison = compare(&a, &b, &at(Depth::Layers)).unwrap();
    assert_eq!(pairs(&comparison), ["10 diff-id", "01 diff-id", "22 diff-id"]);
    let moved: Vec<bool> = comparison.layers.pairs.iter().map(|pair| pair.moved).collect();
    assert_eq!((moved, comparison.equal), (vec![false, true, false], false));
    assert_eq!(comparison.notes, ["the root filesystems are equal, though the layers are not: 1 moved"]);
    assert!(compare(&a, &b, &Options::default()).unwrap().equal);
    assert!(compare(&a, &b, &Options { ignore: vec![What::Layers], ..at(Depth::Layers) }).unwrap().equal);
}

pub(crate) fn image(layer: MemoryLayer) -> Memory {
    Memory::of_layers(vec![Arc::new(layer)])
}

/// A tar of one file `a` that holds `x`, with its 512 bytes of header changed.
fn tar(change: impl Fn(&mut Vec<u8>)) -> MemoryLayer {
    let mut tar = LayerWriter::new(Vec::new());
    let (entry, content) = file("a", b"x");
    tar.append(&entry, content).unwrap();
    let mut tar = tar.finish().unwrap();
    change(&mut tar);
    let sum: u32 = tar[..512]
        .iter()
        .enumerate()
        .map(|(at, &byte)| if (148..156).contains(&at) { 32 } else { u32::from(byte) })
        .sum();
    tar[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    MemoryLayer::raw(tar)
}

/// A tar of `a` with one PAX record before it.
fn pax(key: &str, value: &str) -> MemoryLayer {
    let plain = tar(|_| {});
    let body = key.len() + value.len() + 3;
    let length = body + (body + 2).to_string().len();
    let record = format!("{length} {key}={value}\n");
    let mut header = plain.bytes()[..512].to_vec();
    header[124..136].copy_from_slice(format!("{:011o}\0", record.len()).as_bytes());
    header[156] = b'x';
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header.extend_from_slice(record.as_bytes());
    header.resize(1024, 0);
    header.extend_from_slice(plain.bytes());
    MemoryLayer::raw(header)
}

#[test]
fn every_byte_of_a_tar_has_its_word() {
    let gnu = |tar: &mut Vec<u8>| tar[257..265].copy_from_slice(b"ustar  \0");
    let plain = || tar(|_| {});
    for (a, b, expected) in [
        (plain(), tar(|tar| tar[265..268].copy_from_slice(b"bob")), vec!["/a: uname"]),
        (plain(), tar(|tar| tar[297..300].copy_from_slice(b"bob")), vec!["/a: gname"]),
        (plain(), tar(|tar| tar[136..147].copy_from_slice(b"00000000007")), vec!["/a: mtime"]),
        (plain(), tar(|tar| tar[100..107].copy_from_slice(b"0100644")), vec!["/a: mode-bits"]),
        (plain(), tar(|tar| tar[100..107].copy_from_slice(b"0000755")), vec!["/a: mode"]),
        (plain(), tar(|tar| tar[100..107].copy_from_slice(b"    644")), vec!["/a: header"]),
        (plain(), tar(gnu), vec!["/a: format"]),
        (plain(), tar(|tar| tar[257..265].fill(0)), vec!["/a: format"]),
        (plain(), tar(|tar| tar[0..3].copy_from_slice(b"./a")), vec!["/a: path-form"]),
        (plain(), tar(|tar| tar[512] = b'y'), vec!["/a: content"]),
        (plain(), tar(|tar| tar.extend_from_slice(&[0; 1024])), vec!["padding"]),
        (plain(), tar(|tar| tar[600] = 1), vec!["padding"]),
        (
            tar(gnu),
            tar(|tar| {
                gnu(tar);
                tar[345..356].copy_from_slice(b"00000000007");
            }),
            vec!["/a: atime"],
        ),
        (pax("comment", "x"), pax("comment", "y"), vec!["/a: pax"]),
        (pax("atime", "1"), pax("atime", "2"), vec!["/a: atime"]),
        (pax("ctime", "1.5"), pax("ctime", "1.25"), vec!["/a: ctime"]),
        (pax("uname", "bob"), pax("uname", "eve"), vec!["/a: uname"]),
        // the format is another only where no record tells why
        (plain(), pax("comment", "x"), vec!["/a: pax"]),
        (plain(), pax("atime", "1"), vec!["/a: atime"]),
        (plain(), pax("mtime", "0"), vec!["/a: format"]),
    ] {
        let (a, b) = (image(a), image(b));
        let comparison = compare(&a, &b, &at(Depth::Exact)).unwrap();
        let diff = comparison.layers.pairs[0].diff.as_ref().unwrap();
        assert_eq!(told(diff), expected);
        assert!(!comparison.equal, "{expected:?}");
        // each has its own word
        let words = diff.changed.iter().flat_map(|changed| &changed.what).chain(&diff.whole);
        let ignore: Vec<What> = words.copied().collect();
        for what in &ignore {
            let all_but = ignore.iter().copied().filter(|other| other != what).collect();
            let found = compare(&a, &b, &Options { ignore: all_but, ..at(Depth::Exact) }).unwrap();
            assert!(!found.equal, "{what}");
        }
        let found = compare(&a, &b, &Options { ignore: ignore.clone(), ..at(Depth::Exact) }).unwrap();
        assert!(found.equal, "{ignore:?}: {found:?}");
        assert_eq!(found.ignored, {
            let mut sorted = ignore.clone();
            sorted.sort_unstable();
            sorted.dedup();
            sorted
        });
        // what cannot matter is what a container does not see
        let semantic = compare(&a, &b, &Options { semantic: true, ..at(Depth::Exact) }).unwrap();
        assert_eq!(semantic.equal, compare(&a, &b, &Options::default()).unwrap().equal, "{expected:?}");
    }
}

#[test]
fn order_and_duplicates_are_told_once() {
    let exact = |a: &str, b: &str| compare(&stack(a), &stack(b), &at(Depth::Exact)).unwrap();
    let comparison = exact("a:1 b:1 c:1 d:1", "b:1 c:1 d:1 a:1");
    let diff = comparison.layers.pairs[0].diff.as_ref().unwrap();
    assert_eq!((told(diff), diff.out_of_order), (vec!["order".to_owned()], 1));
    // one more entry does not put the others out of order
    let comparison = exact("a:1 b:1", "new:3 a:1 b:1");
    assert_eq!(told(comparison.layers.pairs[0].diff.as_ref().unwrap()), ["+/new"]);
    let comparison = exact("a:1 b:1", "a:1 b:1 a:1");
    assert_eq!(told(comparison.layers.pairs[0].diff.as_ref().unwrap()), ["/a: duplicates"]);
    // the first with the first, the second with the second
    let comparison = exact("a:1x a:1y", "a:1x a:1z");
    assert_eq!(told(comparison.layers.pairs[0].diff.as_ref().unwrap()), ["/a: content"]);
    assert!(
        compare(&stack("a:1 b:1"), &stack("b:1 a:1 a:1"), &Options { semantic: true, ..at(Depth::Exact) })
            .unwrap()
            .equal
    );
}

#[test]
fn one_tar_in_two_compressions_is_one_layer() {
    let mut packed = tar(|_| {});
    packed.media_type = "application/vnd.oci.image.layer.v1.tar+gzip";
    let (a, b) = (image(tar(|_| {})), image(packed));
    assert!(compare(&a, &b, &at(Depth::Layers)).unwrap().equal);
    let comparison = compare(&a, &b, &at(Depth::Exact)).unwrap();
    assert_eq!(told(comparison.layers.pairs[0].diff.as_ref().unwrap()), ["compression"]);
    assert!(compare(&a, &b, &Options { semantic: true, ..at(Depth::Exact) }).unwrap().equal);
}

#[test]
fn layers_of_equal_digests_are_opened_at_no_depth() {
    let image = stack("a:1 / b:2");
    let unread = Memory::unreadable(image.layers());
    for depth in [Depth::Merged, Depth::Layers, Depth::Exact] {
        let comparison = compare(&unread, &image, &at(depth)).unwrap();
        assert!(comparison.layers.equal && comparison.rootfs.is_empty(), "{depth:?}");
    }
    // a layer that was seen before is not opened again, and never compared
    let cache = tempfile::tempdir().unwrap();
    let options = Options { cache: Some(cache.path()), ..at(Depth::Exact) };
    let (a, b) = (stack("base:9 / x:1"), stack("base:9 / y:1"));
    let expected = compare(&a, &b, &options).unwrap();
    let with_unreadable_base = |image: &Stack| {
        let mut layers: Vec<Arc<dyn Layer>> = image.layers().to_vec();
        layers[0] = memory::unreadable(layers[0].as_ref());
        Memory::of_layers(layers).and_config(image.config().unwrap().clone())
    };
    let found = compare(&with_unreadable_base(&a), &with_unreadable_base(&b), &options).unwrap();
    assert_eq!(found.layers.pairs, expected.layers.pairs);
    assert_eq!(found.rootfs, expected.rootfs);
    assert!(compare(&with_unreadable_base(&a), &with_unreadable_base(&b), &at(Depth::Exact)).is_err());
}

#[test]
fn what_an_export_lost_is_said() {
    let capable = || {
        let mut entry = entry("bin/ping", EntryKind::File);
        entry.xattrs.insert("security.capability".into(), b"\x01".to_vec());
        entry
    };
    let mut plain = capable();
    plain.xattrs.clear();
    let link = entry("bin/ping6", EntryKind::HardLink("bin/ping".parse_path()));
    let saved = Memory::new(&[&[(capable(), b""), (link, b"")]]).and_config(ImageConfig {
        config: Some(serde_json::from_str(r#"{"Cmd":["ping"],"Env":["A=1"]}"#).unwrap()),
        history: vec![History::default()],
        ..ImageConfig::default()
    });
    let mark = entry(".dockerenv", EntryKind::File);
    let exported =
        Memory::new(&[&[(mark, b""), (plain.clone(), b""), (Entry { path: "bin/ping6".parse_path(), ..plain }, b"")]]);
    let notes = compare(&saved, &exported, &Options::default()).unwrap().notes;
    assert_eq!(
        notes,
        [
            "the second image is a root filesystem: it has no config (which sets Env, Cmd in the first image), no history (1 step)",
            "the second image has no extended attributes, the first image has them on 2 paths; \
             2 are file capabilities (security.capability), as that of /bin/ping",
            "the second image has no hard links, the first image has 1 file with several names",
            "the second image was exported by docker: one path is the container's and not the image's",
        ]
    );
}

trait ParsePath {
    fn parse_path(&self) -> strata_image::layer::LayerPath;
}

impl ParsePath for str {
    fn parse_path(&self) -> strata_image::layer::LayerPath {
        strata_image::layer::LayerPath::new(self.as_bytes()).unwrap()
    }
}
