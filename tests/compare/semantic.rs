//! `compare --exact --semantic`: equal where who runs the images can see no difference, and nowhere else.

use std::io::Write;

use super::common::Strata;

const SEMANTIC: [&str; 3] = ["compare", "--exact", "--semantic"];

#[test]
fn built_images_are_equal_where_their_root_filesystems_and_configs_are() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("one:1", "FROM busybox\nRUN echo 1 >/a\nRUN mkdir /d && echo 2 >/d/b\nENV A=1\nCMD [\"true\"]\n");
    strata.build("other:1", "FROM busybox\nENV A=1\nRUN mkdir /d && echo 2 >/d/b\nRUN echo 1 >/a\nCMD [\"true\"]\n");
    strata.build("squashed:1", "FROM busybox\nRUN mkdir /d && echo 2 >/d/b && echo 1 >/a\nENV A=1\nCMD [\"true\"]\n");
    strata.build("wasteful:1", "FROM one:1\nRUN echo 9 >/waste\nRUN rm /waste\n");
    for other in ["other:1", "squashed:1", "wasteful:1"] {
        let text = strata.ok(SEMANTIC.into_iter().chain(["one:1", other]));
        assert!(text.contains("\nequal in what counts: root filesystem and config; not counted: mtime,"), "{text}");
        strata.ends(1, ["compare", "--exact", "one:1", other]);
    }
    // the same two steps, the other way round
    strata.build("first:1", "FROM busybox\nRUN echo 1 >/a\nRUN echo 2 >/a\n");
    strata.build("second:1", "FROM busybox\nRUN echo 2 >/a\nRUN echo 1 >/a\n");
    let text = strata.ends(1, SEMANTIC.into_iter().chain(["first:1", "second:1"]));
    assert!(text.contains("~ /a     content"), "{text}");
}

#[test]
fn how_a_root_filesystem_is_archived_does_not_count() {
    let strata = Strata::new();
    let entry = |path: &str, mode: u32, content: &'static str| (path.to_owned(), mode, content);
    let write = |name: &str, entries: &[(String, u32, &str)], mut header: tar::Header, mtime: u64| {
        let mut archive = tar::Builder::new(Vec::new());
        for (path, mode, content) in entries {
            header.set_mode(*mode);
            header.set_size(content.len() as u64);
            header.set_mtime(mtime);
            archive.append_data(&mut header, path, content.as_bytes()).unwrap();
        }
        let tar = archive.into_inner().unwrap();
        std::fs::File::create(strata.work().join(name)).unwrap().write_all(&tar).unwrap();
        strata.ok(["import", name, &name.replace(".tar", ":1")]);
    };
    let mut gnu = tar::Header::new_gnu();
    gnu.set_username("bob").unwrap();
    let ustar = tar::Header::new_ustar;
    write("one.tar", &[entry("a", 0o644, "1"), entry("d/b", 0o755, "2")], gnu, 1);
    write("other.tar", &[entry("./d/b", 0o100_755, "2"), entry("./a", 0o100_644, "1")], ustar(), 2);
    write("mode.tar", &[entry("a", 0o600, "1"), entry("d/b", 0o755, "2")], ustar(), 1);
    for (a, b) in [("one:1", "other:1"), ("one.tar", "other.tar"), ("one:1", "other.tar")] {
        strata.ok(SEMANTIC.into_iter().chain([a, b]));
        strata.ends(1, ["compare", "--exact", a, b]);
        strata.ends(1, SEMANTIC.into_iter().chain(["--mtime", a, b]));
    }
    let text = strata.ends(1, SEMANTIC.into_iter().chain(["one:1", "mode.tar"]));
    assert!(text.contains("~ /a     mode"), "{text}");
}
