//! What makes two images equal, and how differences are named.
#![allow(clippy::unwrap_used)]

mod classes;
mod consequences;
mod forms;
mod history;
mod image;
mod layers;
#[path = "../memory/mod.rs"]
mod memory;
mod semantic;

use strata_analyzer::compare::{Comparison, Depth, Moved, Options, What, compare, outline};
use strata_fixtures::stack::Stack;
use strata_image::{
    Timestamp,
    layer::{Entry, EntryKind},
};

use memory::{Memory, entry, file};

fn stack(layers: &str) -> Stack {
    Stack::parse("any:1", layers).unwrap()
}

fn compared(a: &str, b: &str) -> Comparison {
    compare(&stack(a), &stack(b), &Options::default()).unwrap()
}

/// `+path`, `-path`, `path: what what`, `path>path what`, `path*path what`.
fn told(comparison: &Comparison) -> Vec<String> {
    let rootfs = &comparison.rootfs;
    let words = |what: &[What]| what.iter().map(|what| what.word()).collect::<Vec<_>>().join(" ");
    let added = rootfs.added.iter().map(|single| format!("+{}", single.path));
    let removed = rootfs.removed.iter().map(|single| format!("-{}", single.path));
    let changed = rootfs.changed.iter().map(|changed| format!("{}: {}", changed.path, words(&changed.what)));
    let moved = |sign: &'static str| {
        move |moved: &Moved| format!("{}{sign}{} {}", moved.from, moved.to, words(&moved.what)).trim_end().to_owned()
    };
    let renamed = rootfs.renamed.iter().map(moved(">"));
    let copied = rootfs.copied.iter().map(moved("*"));
    added.chain(removed).chain(changed).chain(renamed).chain(copied).collect()
}

#[test]
fn how_the_bytes_lie_in_layers_does_not_count() {
    for (a, b) in [
        ("a:1 b:2", "a:1 / b:2"),
        ("a:1", "a:1 x:9 / -x"),
        ("a:1", "a:9 / a:1"),
        ("d/ d/a:1", "d/a:1"),
        ("a:1 b=a", "b:1a a=b"),
        ("d/a:1", "d/x:5 / d! d/a:1"),
        ("a:1", "-z a:1"),
    ] {
        let comparison = compared(a, b);
        assert!(comparison.equal, "{a} and {b}: {:?}", told(&comparison));
        assert!(!comparison.layers.equal, "{a} and {b}");
    }
}

#[test]
fn differences_are_named_by_path_and_kind() {
    for (a, b, expected) in [
        ("a:1", "a:1 b:2", vec!["+/b"]),
        ("a:1 b:2", "a:1", vec!["-/b"]),
        ("a:1", "b:1", vec!["+/b", "-/a"]),
        ("a:1", "b:2", vec!["+/b", "-/a"]),
        ("a:1", "a:2", vec!["/a: content"]),
        ("a:3x", "a:3y", vec!["/a: content"]),
        ("a:1@0644", "a:1@0755", vec!["/a: mode"]),
        ("a:1x@0644", "a:1y@4755", vec!["/a: content mode"]),
        ("a:1", "a->a", vec!["/a: type"]),
        ("a:1@0755", "a/", vec!["/a: type"]),
        ("l->a", "l->b", vec!["/l: link"]),
        ("a:1 b:1a", "a:1 b=a", vec!["/a: hardlinks", "/b: hardlinks"]),
        ("a:1 b=a c:1a", "a:1 c=a b:1a", vec!["/a: hardlinks", "/b: hardlinks", "/c: hardlinks"]),
        ("a:1 b=a c=a", "a:1 b=a", vec!["-/c", "/a: hardlinks", "/b: hardlinks"]),
        ("d/e/f:1", "k:1", vec!["+/k", "-/d", "-/d/e", "-/d/e/f"]),
        ("d:1", "d/f:1", vec!["/d: type mode", "/d*/d/f"]),
        ("d:1", "d/f:2", vec!["+/d/f", "/d: type mode"]),
    ] {
        let comparison = compared(a, b);
        assert_eq!(told(&comparison), expected, "{a} and {b}");
        assert!(!comparison.equal, "{a} and {b}");
        let opposite = compared(b, a);
        assert_eq!(opposite.rootfs.new_paths(), comparison.rootfs.gone(), "{b} and {a}");
        let changed = |comparison: &Comparison| -> Vec<(String, Vec<What>)> {
            comparison.rootfs.changed.iter().map(|changed| (changed.path.clone(), changed.what.clone())).collect()
        };
        assert_eq!(changed(&opposite), changed(&comparison), "{b} and {a}");
    }
}

#[test]
fn metadata_counts_one_by_one() {
    let plain = || entry("a", EntryKind::File);
    let changed = |change: &dyn Fn(&mut Entry)| {
        let mut changed = plain();
        change(&mut changed);
        changed
    };
    let xattr = |value: &[u8]| {
        changed(&|entry| {
            entry.xattrs.insert("security.capability".into(), value.to_vec());
        })
    };
    let device = |minor| entry("a", EntryKind::CharDevice { major: 1, minor });
    let mut link = entry("a", EntryKind::Symlink("t".into()));
    let straight = link.clone();
    link.mode = 0o644;
    for (a, b, expected) in [
        (plain(), changed(&|entry| entry.uid = 7), vec!["/a: uid"]),
        (plain(), changed(&|entry| entry.gid = 7), vec!["/a: gid"]),
        (plain(), changed(&|entry| entry.mode = 0o4755), vec!["/a: mode"]),
        (plain(), changed(&|entry| entry.uname = "bob".into()), vec![]),
        (plain(), changed(&|entry| entry.mtime.seconds = 7), vec![]),
        (plain(), xattr(b"\n\0"), vec!["/a: xattrs"]),
        (xattr(b"\n\0"), xattr(b"\n\x01"), vec!["/a: xattrs"]),
        (device(1), device(2), vec!["/a: device"]),
        (device(1), entry("a", EntryKind::BlockDevice { major: 1, minor: 1 }), vec!["/a: type"]),
        (device(1), entry("a", EntryKind::Fifo), vec!["/a: type"]),
        (straight, link, vec![]),
    ] {
        let comparison = compare(&memory(&a), &memory(&b), &Options::default()).unwrap();
        assert_eq!(told(&comparison), expected, "{a:?} and {b:?}");
    }
}

#[test]
fn both_values_are_told_where_they_are_short() {
    let plain = || entry("a", EntryKind::File);
    let with = |change: &dyn Fn(&mut Entry)| {
        let mut changed = plain();
        change(&mut changed);
        changed
    };
    let attributes = |names: &[&str]| {
        with(&|entry| entry.xattrs.extend(names.iter().map(|&name| (name.into(), name.as_bytes().to_vec()))))
    };
    let device = |minor| entry("a", EntryKind::CharDevice { major: 1, minor });
    let link = |target: &str| entry("a", EntryKind::Symlink(target.into()));
    for (a, b, expected) in [
        (plain(), with(&|entry| entry.mode = 0o4755), "mode 0644 → 4755"),
        (plain(), with(&|entry| (entry.uid, entry.gid) = (7, 8)), "uid 0 → 7, gid 0 → 8"),
        (plain(), with(&|entry| entry.mtime.seconds = 1), "mtime 1970-01-01T00:00:00Z → 1970-01-01T00:00:01Z"),
        (link("b"), link("../c"), "link b → ../c"),
        // as much as a row has room for
        (link(&"b".repeat(99)), link("c"), "link"),
        (
            plain(),
            with(&|entry| (entry.mode, entry.uid, entry.gid, entry.mtime.seconds) = (0o755, 1000, 1000, 1)),
            "mode 0644 → 0755, uid 0 → 1000, gid 0 → 1000, mtime",
        ),
        (device(1), device(2), "device 1:1 → 1:2"),
        (device(1), entry("a", EntryKind::Fifo), "type char-device → fifo"),
        (attributes(&["user.a", "user.b"]), attributes(&["user.b", "user.c"]), "xattrs user.a → user.c"),
        (attributes(&[]), attributes(&["user.b", "user.c"]), "xattrs none → user.b user.c"),
        (
            attributes(&["user.a"]),
            with(&|entry| entry.xattrs.extend([("user.a".into(), b"other".to_vec())])),
            "xattrs user.a",
        ),
    ] {
        let options = Options { mtime: true, ..Options::default() };
        let comparison = compare(&memory(&a), &memory(&b), &options).unwrap();
        let outline = outline(&comparison, None);
        let told: Vec<&str> =
            outline.sections.iter().flat_map(|section| &section.rows).map(|row| row.cells[1].as_str()).collect();
        assert!(told.contains(&expected), "{told:?} {expected}");
    }
    let comparison = compared("a:1x", "a:1y");
    assert_eq!(comparison.rootfs.changed[0].details, []);
}

fn memory(entry: &Entry) -> Memory {
    Memory::new(&[&[(entry.clone(), b"")]])
}

#[test]
fn the_root_counts_when_both_have_it() {
    let root = |mode| {
        let mut root = entry("", EntryKind::Directory);
        root.mode = mode;
        (root, b"".as_slice())
    };
    let with = |mode| Memory::new(&[&[root(mode), file("a", b"a")]]);
    let without = Memory::new(&[&[file("a", b"a")]]);
    let told_of = |a: &Memory, b: &Memory| told(&compare(a, b, &Options::default()).unwrap());
    assert_eq!(told_of(&with(0o755), &with(0o700)), ["/: mode"]);
    assert_eq!(told_of(&with(0o700), &without), [""; 0]);
    assert_eq!(told_of(&with(0o755), &with(0o755)), [""; 0]);
}

#[test]
fn times_count_only_when_asked_for() {
    let at = |seconds| {
        let mut entry = entry("a", EntryKind::File);
        entry.mtime = Timestamp { seconds, nanoseconds: 0 };
        memory(&entry)
    };
    assert!(compare(&at(1), &at(2), &Options::default()).unwrap().equal);
    let options = Options { mtime: true, ..Options::default() };
    assert_eq!(told(&compare(&at(1), &at(2), &options).unwrap()), ["/a: mtime"]);
    let options = Options { mtime: true, ignore: vec![What::Mtime], ..Options::default() };
    assert!(compare(&at(1), &at(2), &options).unwrap().equal);
}

#[test]
fn what_is_ignored_does_not_count() {
    let (a, b) = (stack("a:1x@0644"), stack("a:1y@0755"));
    let ignoring = |ignore: &[What]| {
        let options = Options { ignore: ignore.to_vec(), ..Options::default() };
        compare(&a, &b, &options).unwrap()
    };
    assert_eq!(told(&ignoring(&[What::Mode])), ["/a: content"]);
    assert!(ignoring(&[What::Mode, What::Content]).equal);
    for what in What::ALL {
        assert_eq!(what.word().parse(), Ok(*what));
        assert_eq!(serde_json::to_value(what).unwrap(), what.word());
    }
    let error = |word: &str| What::group(word).unwrap_err().to_string();
    assert_eq!(error("mdoe"), "\"mdoe\" is no kind of difference: did you mean mode?");
    assert_eq!(error("MODE"), "\"MODE\" is no kind of difference: did you mean mode?");
    assert!(error("").starts_with("\"\" is no kind of difference: there are added, removed,"));
    assert_eq!(What::group("image-timestamps"), Ok(vec![What::Created]));
}

#[test]
fn the_documentation_lists_every_kind() {
    let page = include_str!("../../../docs/compare.md");
    for what in What::ALL {
        let counts = match (what, what.depth()) {
            (What::Mtime, _) => "`--exact`, `--mtime`",
            (_, Depth::Merged) => "by default",
            (_, Depth::Layers) => "`--layers`",
            (_, Depth::Exact) => "`--exact`",
        };
        let semantic = if what.matters() { "" } else { "left out" };
        let row = format!("\n| `{what}` | {counts} | {semantic} | {} |\n", what.says());
        assert!(page.contains(&row), "docs/compare.md lacks{row}");
    }
}
