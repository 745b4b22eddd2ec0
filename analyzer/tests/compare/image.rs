//! What is not a path: packages, configs, layers that are the same, and the report as a whole.

use strata_analyzer::compare::{Depth, Options, What, compare, outline};
use strata_fixtures::stack::Stack;
use strata_image::{History, Image, ImageConfig};

use crate::{
    memory::{Memory, file},
    stack, told,
};

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
    // a package that is there twice, of sizes that nothing has
    let b = apk(&[("musl", "1.2", u64::MAX), ("musl", "1.3", u64::MAX)]);
    let of_both = compare(&a, &b, &Options::default()).unwrap().packages;
    assert_eq!(of_both.iter().find(|package| package.name == "musl").unwrap().bytes_b, Some(u64::MAX));
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
fn a_variant_is_of_the_platform_alone() {
    let variant = |variant: &str| {
        Memory::with_config(ImageConfig { variant: Some(variant.to_owned()), ..ImageConfig::default() })
    };
    let options = Options { depth: Depth::Exact, ignore: vec![What::Platform], ..Options::default() };
    assert!(compare(&variant("v7"), &variant("v8"), &options).unwrap().equal);
}

#[test]
fn no_more_is_called_equal_than_was_compared() {
    let image = stack("a:1 / b:2");
    let rootfs = Memory::new(&[&[file("a", b"a"), file("b", b"bb")]]);
    let verdict = |a: &dyn Image, b: &dyn Image, options: &Options<'_>| {
        let told = outline(&compare(a, b, options).unwrap(), None);
        format!("{}|{}", told.verdict, told.not_counted)
    };
    let exact = |ignore: &[What]| Options { depth: Depth::Exact, ignore: ignore.to_vec(), ..Options::default() };
    let merged = Options::default();
    assert_eq!(verdict(&image, &image, &merged), "equal: root filesystem and config|");
    assert_eq!(verdict(&image, &rootfs, &merged), "equal: root filesystem|");
    assert_eq!(verdict(&rootfs, &rootfs, &merged), "equal: root filesystem|");
    assert_eq!(verdict(&image, &image, &exact(&[])), "equal: every byte, as the digests say|");
    assert_eq!(verdict(&rootfs, &rootfs, &exact(&[])), "equal: every byte of the layers, as the digests say|");
    let (a, b) = (stack("a:1x / b:1"), stack("a:1y / b:1"));
    let ignoring = exact(&[What::Content]);
    let expected =
        "equal in what counts: root filesystem, config, history, layers and how they are stored|not counted: content";
    assert_eq!(verdict(&a, &b, &ignoring), expected);
    let notes = compare(&a, &b, &ignoring).unwrap().notes;
    assert!(
        notes[0].starts_with("the root filesystems are equal in what counts, though the layers are not: 1 changed"),
        "{notes:?}"
    );
    let layers = exact(&[What::Layers, What::Content]);
    assert_eq!(
        verdict(&a, &b, &layers),
        "equal in what counts: root filesystem, config and history|not counted: content, layers"
    );
    let ignoring = exact(&[What::Mtime, What::Mode]);
    assert_eq!(verdict(&a, &b, &ignoring), "different|not counted: mode, mtime");
}

#[test]
fn long_instructions_are_whole_in_notes_and_short_where_a_person_reads_them() {
    let long =
        |version: &str| format!("RUN apt-get install {}curl={version} {}", "package ".repeat(40), "more ".repeat(40));
    let config = |version: &str| ImageConfig {
        history: vec![History { created_by: Some(long(version)), empty_layer: true, ..History::default() }],
        ..ImageConfig::default()
    };
    let comparison =
        compare(&Memory::with_config(config("1")), &Memory::with_config(config("2")), &Options::default()).unwrap();
    let note = comparison.notes.last().unwrap();
    assert!(note.contains(long("1").trim()) && note.contains(long("2").trim()), "{note}");
    let outline = outline(&comparison, None);
    let short = outline.notes.last().unwrap();
    assert!(short.chars().count() < 400 && short.contains("curl=1 more") && short.contains("curl=2 more"), "{short}");
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
            r#""changed":[{{"path":"/a","class":"modified","what":["content"],"details":[],"bytes_a":1,"bytes_b":1,"#,
            r#""layer_a":0,"layer_b":0}}],"renamed":[],"copied":[],"#,
            r#""classes":[{{"class":"added","paths":1,"bytes_a":0,"bytes_b":2}},"#,
            r#"{{"class":"removed","paths":1,"bytes_a":1,"bytes_b":0}},"#,
            r#"{{"class":"modified","paths":1,"bytes_a":1,"bytes_b":1}}]}},"config":[],"packages":[],"#,
            r#""history":{{"equal":true,"what":[],"a":["layer 0"],"b":["layer 0"],"#,
            r#""first":{{"step":1,"a":"layer 0","b":"layer 0","same_instruction":true,"line":null,"in_base":false}}}},"#,
            r#""layers":{{"equal":false,"#,
            r#""a":[{{"diff_id":"{layer_a}","created_by":"layer 0","media_type":"{media}","digest":"{digest_a}","#,
            r#""stored_bytes":{size_a},"content_bytes":2,"entries":2}}],"#,
            r#""b":[{{"diff_id":"{layer_b}","created_by":"layer 0","media_type":"{media}","digest":"{digest_b}","#,
            r#""stored_bytes":{size_b},"content_bytes":3,"entries":2}}],"#,
            r#""pairs":[{{"a":0,"b":0,"by":"history","moved":false,"diff":null}}]}},"stored":[],"#,
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
