//! What makes two images equal, and how differences are named.
#![allow(clippy::unwrap_used)]

mod memory;

use strata_analyzer::compare::{Comparison, Options, What, compare};
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

/// `+path`, `-path`, `path: what what`.
fn told(comparison: &Comparison) -> Vec<String> {
    let rootfs = &comparison.rootfs;
    let changed = rootfs.changed.iter().map(|changed| {
        let what: Vec<&str> = changed.what.iter().map(|what| what.word()).collect();
        format!("{}: {}", changed.path, what.join(" "))
    });
    let added = rootfs.added.iter().map(|path| format!("+{path}"));
    let removed = rootfs.removed.iter().map(|path| format!("-{path}"));
    added.chain(removed).chain(changed).collect()
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
        ("d:1", "d/f:1", vec!["+/d/f", "/d: type mode"]),
    ] {
        let comparison = compared(a, b);
        assert_eq!(told(&comparison), expected, "{a} and {b}");
        assert!(!comparison.equal, "{a} and {b}");
        let opposite = compared(b, a);
        assert_eq!(opposite.rootfs.added, comparison.rootfs.removed, "{b} and {a}");
        assert_eq!(opposite.rootfs.changed, comparison.rootfs.changed, "{b} and {a}");
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
        assert_eq!(what.word().parse(), Ok(what));
        assert_eq!(serde_json::to_value(what).unwrap(), what.word());
    }
    assert!("size".parse::<What>().unwrap_err().to_string().contains("\"size\" is none of type, content"));
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
    assert_eq!(comparison.notes, ["the second image is a root filesystem without a config: configs were not compared"]);
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
fn the_report_has_its_fields_in_order() {
    let (a, b) = (stack("a:1x b:1"), stack("a:1y c:1"));
    let json = serde_json::to_string(&compare(&a, &b, &Options::default()).unwrap()).unwrap();
    let [of_a, of_b] = [&a, &b].map(|image| image.layers()[0].diff_id());
    let expected = format!(
        concat!(
            r#"{{"schema":1,"equal":false,"rootfs":{{"added":["/c"],"removed":["/b"],"#,
            r#""changed":[{{"path":"/a","what":["content"]}}]}},"config":[],"#,
            r#""history":{{"equal":true,"a":["layer 0"],"b":["layer 0"]}},"#,
            r#""layers":{{"equal":false,"a":["{}"],"b":["{}"]}},"notes":[]}}"#
        ),
        of_a, of_b
    );
    assert_eq!(json, expected);
}
