//! What makes two images equal, and how differences are named.
#![allow(clippy::unwrap_used)]

mod memory;

use std::collections::HashSet;

use proptest::prelude::*;
use strata_analyzer::compare::{Class, Comparison, Depth, Moved, Options, Total, What, compare};
use strata_fixtures::stack::Stack;
use strata_image::{
    Image as _, ImageConfig, Timestamp,
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
    assert!(error("").starts_with("\"\" is no kind of difference: there are added, removed,"));
    assert_eq!(What::group("image-timestamps"), Ok(vec![What::Created]));
}

#[test]
fn the_documentation_lists_every_kind() {
    let page = include_str!("../../docs/compare.md");
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

#[test]
fn packages_are_told_by_name_and_version() {
    let apk = |packages: &[(&str, &str, u64)]| {
        let blocks: Vec<String> =
            packages.iter().map(|(name, version, size)| format!("P:{name}\nV:{version}\nI:{size}\n")).collect();
        let text = blocks.join("\n");
        Memory::new(&[&[file("lib/apk/db/installed", text.as_bytes())]])
    };
    let a = apk(&[("busybox", "1.36-r0", 900), ("musl", "1.2", 600), ("zlib", "1.3", 100)]);
    let b = apk(&[("busybox", "1.37-r0", 950), ("musl", "1.2", 600), ("jq", "1.7", 300)]);
    let comparison = compare(&a, &b, &Options::default()).unwrap();
    let told: Vec<_> = comparison
        .packages
        .iter()
        .map(|package| {
            format!("{} {} {:?} {:?} {:?}", package.manager, package.name, package.a, package.b, package.bytes_b)
        })
        .collect();
    assert_eq!(
        told,
        [
            r#"apk busybox ["1.36-r0"] ["1.37-r0"] Some(950)"#,
            r#"apk jq [] ["1.7"] Some(300)"#,
            r#"apk zlib ["1.3"] [] None"#
        ]
    );
    // a database that differs in something else has the same packages
    let ignore = vec![What::Content, What::Packages];
    assert!(compare(&a, &b, &Options { ignore, ..Options::default() }).unwrap().equal);
    let ignore = vec![What::Content];
    assert!(!compare(&a, &b, &Options { ignore, ..Options::default() }).unwrap().equal);
}

#[test]
fn configs_count_in_the_fields_that_start_a_container() {
    let config = |json: &str| {
        let text =
            format!(r#"{{"architecture":"amd64","os":"linux","rootfs":{{"type":"layers","diff_ids":[]}},{json}}}"#);
        Memory::with_config(serde_json::from_str::<ImageConfig>(&text).unwrap())
    };
    let differing = |a: &str, b: &str| -> Vec<String> {
        let comparison = compare(&config(a), &config(b), &Options::default()).unwrap();
        assert_eq!(comparison.equal, comparison.config.is_empty());
        comparison.config.iter().map(|diff| format!("{} {} {}", diff.field, diff.a, diff.b)).collect()
    };
    for (a, b, expected) in [
        (r#""config":{"User":"a"}"#, r#""config":{"User":"b"}"#, r#"User "a" "b""#),
        (r#""config":{"ExposedPorts":{"80/tcp":{}}}"#, r#""config":{}"#, r#"ExposedPorts {"80/tcp":{}} null"#),
        (r#""config":{"Env":["A=1"]}"#, r#""config":{"Env":["A=2"]}"#, r#"Env ["A=1"] ["A=2"]"#),
        (r#""config":{}"#, r#""config":{"Entrypoint":["e"]}"#, r#"Entrypoint null ["e"]"#),
        (r#""config":{"Cmd":["c"]}"#, r#""config":{"Cmd":["c","d"]}"#, r#"Cmd ["c"] ["c","d"]"#),
        (r#""config":{"Volumes":{"/v":{}}}"#, r#""config":null"#, r#"Volumes {"/v":{}} null"#),
        (r#""config":{"WorkingDir":"/"}"#, r#""config":{"WorkingDir":"/w"}"#, r#"WorkingDir "/" "/w""#),
        (r#""config":{"Labels":{"a":"1"}}"#, r#""config":{"Labels":{"a":"2"}}"#, r#"Labels {"a":"1"} {"a":"2"}"#),
        (r#""config":{"StopSignal":"9"}"#, r#""config":{}"#, r#"StopSignal "9" null"#),
        (r#""config":{"Shell":["sh"]}"#, r#""config":{}"#, r#"Shell ["sh"] null"#),
        (r#""config":{"OnBuild":["RUN a"]}"#, r#""config":{}"#, r#"OnBuild ["RUN a"] null"#),
        (r#""config":{"Healthcheck":{"Test":["NONE"]}}"#, r#""config":{}"#, "Healthcheck"),
    ] {
        let found = differing(a, b);
        assert_eq!(found.len(), 1, "{a} and {b}: {found:?}");
        assert!(found[0].starts_with(expected), "{a} and {b}: {found:?}");
    }
    for (a, b) in [
        (r#""config":{"Env":[],"User":"","Labels":{}}"#, r#""config":{"Env":null}"#),
        (r#""config":{"ArgsEscaped":true,"Hostname":"a"}"#, r#""config":{}"#),
        (r#""created":"2020-01-01T00:00:00Z","author":"a""#, r#""author":"b""#),
        (r#""config":{"Labels":{"a":"1","b":"2"}}"#, r#""config":{"Labels":{"b":"2","a":"1"}}"#),
    ] {
        assert_eq!(differing(a, b), [""; 0], "{a} and {b}");
    }
}

#[test]
fn a_platform_counts() {
    let on = |architecture: &str, os: &str| {
        Memory::with_config(ImageConfig { architecture: architecture.into(), os: os.into(), ..ImageConfig::default() })
    };
    let comparison = compare(&on("amd64", "linux"), &on("arm64", "windows"), &Options::default()).unwrap();
    let fields: Vec<&str> = comparison.config.iter().map(|diff| diff.field.as_str()).collect();
    assert_eq!(fields, ["architecture", "os"]);
}

#[test]
fn a_root_filesystem_has_no_config_to_compare() {
    let image = stack("a:1 / b:2");
    let rootfs = Memory::new(&[&[file("a", b"a"), file("b", b"bb")]]);
    let comparison = compare(&image, &rootfs, &Options::default()).unwrap();
    assert!(comparison.equal, "{:?}", told(&comparison));
    assert_eq!(
        comparison.notes,
        ["the second image is a root filesystem: it has no config (which sets nothing in the first image), \
          no history (2 steps), and its one layer is what 2 show together"]
    );
    assert_eq!(comparison.history.a, ["layer 0", "layer 1"]);
    assert!(comparison.history.b.is_empty() && !comparison.history.equal);
}

#[test]
fn equal_layers_are_not_read() {
    let image = stack("a:1 / b:2");
    let unread = Memory::unreadable(image.layers());
    let comparison = compare(&unread, &image, &Options::default()).unwrap();
    assert!(comparison.equal && comparison.layers.equal);
}

#[test]
fn a_file_that_moved_is_one_difference_and_a_copy_is_told_as_one() {
    for (a, b, expected) in [
        ("a:9x", "b:9x", vec!["/a>/b"]),
        ("a:9x", "a:9x b:9x", vec!["/a*/b"]),
        ("a:9x", "b:9x c:9x", vec!["/a>/b", "/a*/c"]),
        ("a:9x@0644", "b:9x@0755", vec!["/a>/b mode"]),
        // empty files are all alike
        ("a:0", "b:0", vec!["+/b", "-/a"]),
        // the same last name goes before the order
        ("d/one:9x d/two:9x", "e/two:9x e/zero:9x", vec!["+/e", "-/d", "/d/two>/e/two", "/d/one>/e/zero"]),
        // as many as went
        ("d/one:9x d/two:9x", "e/one:9x", vec!["+/e", "-/d", "-/d/two", "/d/one>/e/one"]),
    ] {
        assert_eq!(told(&compared(a, b)), expected, "{a} and {b}");
    }
}

#[test]
fn each_class_has_its_paths_and_bytes() {
    let comparison = compared("a:10x b:20 c:30@0644 d:40 l->a e:50", "a:15y c:30@0755 d2:40d l/ n:7");
    let classes: Vec<_> = comparison
        .rootfs
        .classes
        .iter()
        .map(|total| (total.class.word(), total.paths, total.bytes_a, total.bytes_b))
        .collect();
    assert_eq!(
        classes,
        [
            ("added", 1, 0, 7),
            ("removed", 2, 70, 0),
            ("modified", 1, 10, 15),
            ("metadata", 1, 30, 30),
            ("type-changed", 1, 0, 0),
            ("renamed", 1, 40, 40)
        ]
    );
    assert_eq!(comparison.rootfs.total(Class::Copied), None);
    assert_eq!((comparison.a.live_bytes, comparison.b.live_bytes), (Some(150), Some(92)));
}

#[test]
fn bytes_of_a_file_with_several_names_count_once() {
    let comparison = compared("a:10", "a:10 b:20 c=b d=b");
    assert_eq!(comparison.rootfs.total(Class::Added).map(|total| (total.paths, total.bytes_b)), Some((3, 20)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_came_less_what_went_is_what_the_sizes_differ_by(a in stacks(), b in stacks()) {
        let (a, b) = (Stack::parse("a:1", &a).unwrap(), Stack::parse("b:1", &b).unwrap());
        let Ok(comparison) = compare(&a, &b, &Options::default()) else { return Ok(()) };
        let sum = |side: fn(&Total) -> u64| comparison.rootfs.classes.iter().map(side).sum::<u64>();
        let (in_a, in_b) = (sum(|total| total.bytes_a), sum(|total| total.bytes_b));
        if let (Some(live_a), Some(live_b)) = (comparison.a.live_bytes, comparison.b.live_bytes) {
            prop_assert_eq!(live_a + in_b, live_b + in_a);
        }
        // each path is in one class
        let rootfs = &comparison.rootfs;
        let both: HashSet<_> = rootfs.gone().into_iter().collect();
        prop_assert!(rootfs.new_paths().iter().all(|path| !both.contains(path)));
        prop_assert_eq!(compare(&a, &a, &Options::default()).unwrap().equal, true);
    }
}

/// Layers of few names and contents, so that much is moved, copied, linked and replaced.
fn stacks() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["a", "b", "d/a", "d/b", "d/e/a", "f"]);
    let word = prop_oneof![
        4 => (name(), 0_u8..4, prop::sample::select(vec!["x", "y", ""])).prop_map(|(name, size, letter)| format!("{name}:{size}{letter}")),
        1 => (name(), prop::sample::select(vec!["a", "b"])).prop_map(|(name, target)| format!("{name}={target}")),
        1 => name().prop_map(|name| format!("{name}->t")),
        1 => name().prop_map(|name| format!("-{name}")),
    ];
    let layer = prop::collection::vec(word, 1..6).prop_map(|words| words.join(" "));
    prop::collection::vec(layer, 1..3).prop_map(|layers| layers.join(" / "))
}

#[test]
fn the_report_has_its_fields_in_order() {
    let (a, b) = (stack("a:1x b:1"), stack("a:1y c:2"));
    let options = Options { names: [Some("one"), None], ..Options::default() };
    let comparison = compare(&a, &b, &options).unwrap();
    let json = serde_json::to_string(&comparison).unwrap();
    let facts = |image: &Stack| {
        let layer = &image.layers()[0];
        let (digest, size) = layer.stored();
        (image.id().unwrap(), layer.diff_id(), digest, size)
    };
    let ((id_a, layer_a, digest_a, size_a), (id_b, layer_b, digest_b, size_b)) = (facts(&a), facts(&b));
    let media = "application/vnd.oci.image.layer.v1.tar";
    let expected = format!(
        concat!(
            r#"{{"schema":2,"equal":false,"depth":"merged","ignored":[],"#,
            r#""a":{{"name":"one","id":"{id_a}","platform":"linux/amd64","layers":1,"stored_bytes":{size_a},"#,
            r#""total_bytes":2,"live_bytes":2,"paths":2}},"#,
            r#""b":{{"name":null,"id":"{id_b}","platform":"linux/amd64","layers":1,"stored_bytes":{size_b},"#,
            r#""total_bytes":3,"live_bytes":3,"paths":2}},"#,
            r#""rootfs":{{"added":[{{"path":"/c","type":"file","bytes":2,"layer":0}}],"#,
            r#""removed":[{{"path":"/b","type":"file","bytes":1,"layer":0}}],"#,
            r#""changed":[{{"path":"/a","class":"modified","what":["content"],"bytes_a":1,"bytes_b":1,"#,
            r#""layer_a":0,"layer_b":0}}],"renamed":[],"copied":[],"#,
            r#""classes":[{{"class":"added","paths":1,"bytes_a":0,"bytes_b":2}},"#,
            r#"{{"class":"removed","paths":1,"bytes_a":1,"bytes_b":0}},"#,
            r#"{{"class":"modified","paths":1,"bytes_a":1,"bytes_b":1}}]}},"config":[],"packages":[],"#,
            r#""history":{{"equal":true,"what":[],"a":["layer 0"],"b":["layer 0"],"#,
            r#""first":{{"step":1,"a":"layer 0","b":"layer 0","same_instruction":true,"line":null}}}},"#,
            r#""layers":{{"equal":false,"#,
            r#""a":[{{"diff_id":"{layer_a}","created_by":"layer 0","media_type":"{media}","digest":"{digest_a}","#,
            r#""stored_bytes":{size_a},"content_bytes":2,"entries":2}}],"#,
            r#""b":[{{"diff_id":"{layer_b}","created_by":"layer 0","media_type":"{media}","digest":"{digest_b}","#,
            r#""stored_bytes":{size_b},"content_bytes":3,"entries":2}}],"#,
            r#""pairs":[{{"a":0,"b":0,"by":"history","diff":null}}]}},"stored":[],"#,
            r#""notes":["step 1 of the history is the first that differs: the instruction is the same, "#,
            r#"what it made is not: layer 0"]}}"#
        ),
        id_a = id_a,
        id_b = id_b,
        size_a = size_a,
        size_b = size_b,
        layer_a = layer_a,
        layer_b = layer_b,
        digest_a = digest_a,
        digest_b = digest_b,
        media = media,
    );
    assert_eq!(json, expected);
}
