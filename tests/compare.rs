//! `strata compare`, `export` and `import`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;
#[path = "compare/semantic.rs"]
mod semantic;
#[path = "compare/show.rs"]
mod show;

use std::io::{Read, Write};

use common::Strata;
use serde_json::json;

const DOCKERFILE: &str = "FROM busybox\nRUN mkdir /d && echo 1 >/d/one && ln /d/one /d/two && echo 3 >/d/three\nRUN rm /d/three && chmod 700 /d\nCMD [\"true\"]\n";

#[test]
fn a_saved_archive_and_an_exported_root_filesystem_are_equal() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", DOCKERFILE);
    strata.ok(["save", "-o", "saved.tar", "app:1"]);
    strata.ok(["export", "-o", "exported.tar", "app:1"]);
    let report = strata.json(["compare", "--format", "json", "saved.tar", "exported.tar"]);
    assert_eq!(report["equal"], true, "{report}");
    assert!(!report["notes"].as_array().unwrap().is_empty(), "the missing config is said");
}

#[test]
fn one_changed_file_is_named_and_the_status_is_1() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", DOCKERFILE);
    strata.ok(["export", "-o", "exported.tar", "app:1"]);
    change(&strata.work().join("exported.tar"), &strata.work().join("changed.tar"), "d/one");
    let output = strata.output(["compare", "--format", "json", "app:1", "changed.tar"]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let changed = &report["rootfs"]["changed"][0];
    assert_eq!((&changed["path"], &changed["what"]), (&json!("/d/one"), &json!(["content"])), "{report}");
    let text = strata.ends(1, ["compare", "app:1", "changed.tar"]);
    assert!(text.contains("~ /d/one   content"), "{text}");
    assert!(text.contains("the second image is a root filesystem: it has no config"), "{text}");
    strata.ok(["compare", "--ignore", "content", "app:1", "changed.tar"]);
    assert_eq!(strata.ends(1, ["compare", "-q", "app:1", "changed.tar"]), "");
}

/// Copies a tar, with the first byte of one file's content changed.
fn change(from: &std::path::Path, to: &std::path::Path, name: &str) {
    let mut archive = tar::Archive::new(std::fs::File::open(from).unwrap());
    let mut builder = tar::Builder::new(std::fs::File::create(to).unwrap());
    for entry in archive.entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).unwrap();
        if entry.path_bytes().as_ref() == name.as_bytes() {
            content[0] ^= 1;
        }
        builder.append(&header, content.as_slice()).unwrap();
    }
    builder.into_inner().unwrap().flush().unwrap();
}

#[test]
fn a_config_that_differs_is_different() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", "FROM busybox\nENV A=1\n");
    strata.build("app:2", "FROM busybox\nENV A=2\n");
    let output = strata.output(["compare", "--format", "json", "app:1", "app:2"]);
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["config"][0]["field"], "Env", "{report}");
    assert_eq!(report["rootfs"]["classes"], json!([]));
    assert_eq!(report["history"]["first"]["step"], 2, "{report}");
}

/// Root filesystems of two folders that differ in every way that a tree can without root.
fn trees(strata: &Strata) {
    for (path, content) in [
        ("a/etc/conf", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n"),
        ("b/etc/conf", "1\n2\nthree\n4\n5\n6\n7\n8\n9\n10\n11\n12"),
        ("a/etc/same", "same\n"),
        ("b/etc/same", "same\n"),
        ("a/old/x", "moved\n"),
        ("b/new/x", "moved\n"),
        ("a/gone <b>|`", "gone\n"),
        ("b/came", "came\n"),
        ("b/etc/copy", "same\n"),
        ("a/mode", "mode\n"),
        ("b/mode", "mode\n"),
        ("a/bin", "\0a"),
        ("b/bin", "\0b"),
        ("a/kind", "file"),
        ("b/kind/in", "directory"),
    ] {
        strata.file(path, content);
    }
    set_mode(&strata.work().join("b/mode"), 0o755);
    std::os::unix::fs::symlink("etc", strata.work().join("a/link")).unwrap();
    std::os::unix::fs::symlink("etc/", strata.work().join("b/link")).unwrap();
}

fn set_mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn every_class_is_found_and_diff_agrees() {
    let strata = Strata::new();
    trees(&strata);
    let output = strata.output(["compare", "--format", "json", "rootfs:a", "rootfs:b"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let classes = report["rootfs"]["classes"].as_array().unwrap();
    let classes: Vec<_> =
        classes.iter().map(|total| (total["class"].as_str().unwrap(), total["paths"].as_u64().unwrap())).collect();
    let expected = [
        ("added", 2),
        ("removed", 1),
        ("modified", 3),
        ("metadata", 1),
        ("type-changed", 1),
        ("renamed", 2),
        ("copied", 1),
    ];
    assert_eq!(classes, expected, "{report}");

    // second opinion: paths that `diff -r` names. It says a directory once, and knows no modes
    let diff = std::process::Command::new("diff")
        .args(["-rq", "--no-dereference", "a", "b"])
        .current_dir(strata.work())
        .env("LC_ALL", "C")
        .output()
        .unwrap();
    let mut theirs: Vec<String> = String::from_utf8(diff.stdout)
        .unwrap()
        .lines()
        .map(|line| match line.strip_prefix("Only in ") {
            Some(rest) => rest[1..].replacen(": ", "/", 1),
            None => line
                .split(" a/")
                .nth(1)
                .or_else(|| line.split("a/").nth(1))
                .unwrap()
                .split(' ')
                .next()
                .unwrap()
                .to_owned(),
        })
        .map(|path| format!("/{}", path.trim_start_matches('/')))
        .collect();
    let paths = |list: &str, key: &str| -> Vec<String> {
        let list = report["rootfs"][list].as_array().unwrap();
        list.iter().map(|item| item[key].as_str().unwrap().to_owned()).collect()
    };
    let lists = [
        ("added", "path"),
        ("removed", "path"),
        ("changed", "path"),
        ("renamed", "from"),
        ("renamed", "to"),
        ("copied", "to"),
    ];
    let mut ours: Vec<String> = lists.iter().flat_map(|(list, key)| paths(list, key)).collect();
    ours.retain(|path| path != "/mode" && !["/old/", "/new/", "/kind/"].iter().any(|below| path.starts_with(below)));
    ours.sort();
    theirs.sort();
    assert_eq!(ours, theirs);
}

#[test]
fn a_directory_that_moved_is_one_row_and_some_of_its_files_are_another() {
    let strata = Strata::new();
    for path in ["a/old/x", "b/new/x", "a/old/d/y", "b/new/d/y", "a/one", "b/srv/one", "a/two", "b/srv/two"] {
        strata.file(path, &path[path.len() - 1..]);
    }
    strata.file("a/old/empty", "");
    strata.file("b/new/empty", "");
    for side in ["a", "b"] {
        strata.file(&format!("{side}/stays"), "stays");
    }
    let text = strata.ends(1, ["compare", "a", "b"]);
    let row = |row: &str| text.lines().any(|line| line.split_whitespace().collect::<Vec<_>>().join(" ") == row);
    assert!(row("> /old/ /new/ 2B 5 paths") && row("> /… /srv/… 2B 2 paths"), "{text}");
    assert!(row("+ /srv/ 0B directory") && !text.contains("- /old"), "{text}");
    let markdown = strata.ends(1, ["compare", "--format", "md", "a", "b"]);
    assert!(markdown.contains("| | class | paths | in A | in B |\n|---|---|---:|---:|---:|\n"), "{markdown}");
    let html = strata.ends(1, ["compare", "--format", "html", "a", "b"]);
    assert!(html.contains("<th scope=\"col\" class=\"number\">in A</th>"), "{html}");
}

#[test]
fn the_verdict_says_what_was_not_counted_and_claims_nothing_of_it() {
    let strata = Strata::new();
    for path in ["a/f", "b/f"] {
        strata.file(path, path);
    }
    let text = strata.ends(1, ["compare", "--ignore", "mode,uid", "a", "b"]);
    assert!(text.ends_with("\ndifferent; not counted: mode, uid\n"), "{text}");
    let text = strata.ok(["compare", "--ignore", "content", "a", "b"]);
    assert!(text.ends_with("\nequal in what counts: root filesystem; not counted: content\n"), "{text}");
    assert!(strata.ok(["compare", "a", "a"]).ends_with("\nequal: root filesystem\n"));
    let text = strata.ends(1, ["compare", "--exact", "--semantic", "a", "b"]);
    assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
    let markdown = strata.ends(1, ["compare", "--ignore", "mode", "--format", "md", "a", "b"]);
    assert!(markdown.starts_with("## Comparison: different\n\n- not counted"), "{markdown}");
}

#[test]
fn every_form_of_one_image_is_equal_and_says_what_it_lost() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", DOCKERFILE);
    strata.ok(["save", "-o", "docker.tar", "app:1"]);
    let context = strata.context(DOCKERFILE);
    strata.ok(["build", "-q", "-o", "type=oci,dest=oci.tar", &context]);
    strata.ok(["export", "-o", "exported.tar", "app:1"]);
    std::fs::create_dir(strata.work().join("layout")).unwrap();
    let untarred =
        std::process::Command::new("tar").args(["-xf", "oci.tar", "-C", "layout"]).current_dir(strata.work()).status();
    assert!(untarred.unwrap().success());
    let images = ["app:1", "docker-archive:docker.tar", "oci-archive:oci.tar", "oci:layout"];
    for (a, b) in images.iter().zip(images.iter().cycle().skip(1)) {
        strata.ok(["compare", "--layers", a, b]);
        let text = strata.ok(["compare", "--exact", "--semantic", a, b]);
        assert!(text.contains("equal in what counts: root filesystem and config; not counted: mtime,"), "{text}");
    }
    for image in images {
        let text = strata.ok(["compare", image, "exported.tar"]).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("no history (") && text.contains("its one layer is what 3 show together"), "{text}");
        // three layers are not one
        strata.ends(1, ["compare", "--layers", image, "exported.tar"]);
    }
}

#[test]
fn names_by_which_images_were_asked_for_do_not_count() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", "FROM busybox\nENV A=1\n");
    strata.ok(["tag", "app:1", "app:2"]);
    strata.ok(["compare", "--exact", "app:1", "app:2"]);
    strata.ok(["save", "-o", "one.tar", "app:1"]);
    strata.ok(["save", "-o", "two.tar", "app:2"]);
    strata.ok(["compare", "--exact", "docker-archive:one.tar:app:1", "docker-archive:two.tar:app:2"]);
    let text = strata.ends(1, ["compare", "--exact", "one.tar", "two.tar"]);
    assert!(text.contains("- names   app:1\n+ names   app:2\n"), "{text}");
    strata.ok(["compare", "--exact", "--ignore", "names", "one.tar", "two.tar"]);
    strata.ok(["compare", "--exact", "--semantic", "one.tar", "two.tar"]);
}

#[test]
fn the_line_of_the_dockerfile_that_first_differs_is_named() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", "FROM busybox\nRUN echo 1 >/a\nRUN echo 2 >/b\n");
    strata.build("app:2", "FROM busybox\n# better\nRUN echo 1 >/a\n\nRUN echo 3 >/b\n");
    strata.file("Dockerfile.2", "FROM busybox\n# better\nRUN echo 1 >/a\n\nRUN echo 3 >/b\n");
    let report = strata.output(["compare", "--format", "json", "-f", "Dockerfile.2", "app:1", "app:2"]);
    let report: serde_json::Value = serde_json::from_slice(&report.stdout).unwrap();
    let first = &report["history"]["first"];
    assert_eq!((&first["a"], &first["b"]), (&json!("RUN echo 2 >/b"), &json!("RUN echo 3 >/b")), "{report}");
    assert_eq!(first["line"], 5, "{report}");
    strata.build("env:1", "FROM busybox\nENV A=1\nENV B=2\n");
    strata.build("env:2", "FROM busybox\nENV A=1\nENV B=3\n");
    strata.file("Dockerfile.env", "FROM busybox\nENV A=1\nENV B=3\n");
    let text = strata.ends(1, ["compare", "-f", "Dockerfile.env", "env:1", "env:2"]);
    assert!(
        text.contains("step 3 of the history, line 3 of the Dockerfile, is the first that differs: ENV B=2"),
        "{text}"
    );
    // what is below the FROM is the base's
    strata.build("base:2", "FROM busybox\nRUN echo 2 >/base\n");
    strata.build("app:3", "FROM base:2\nRUN echo 1 >/a\nRUN echo 2 >/b\n");
    strata.file("Dockerfile.3", "ARG TAG=2\nFROM base:$TAG\nRUN echo 1 >/a\nRUN echo 2 >/b\n");
    let text = strata.ends(1, ["compare", "-f", "Dockerfile.3", "app:1", "app:3"]);
    assert!(
        text.contains("note: the base differs: FROM at line 2 of the Dockerfile; step 2 of the history is"),
        "{text}"
    );
    let text = strata.ends(1, ["compare", "-f", "Dockerfile.2", "app:1", "app:3"]);
    assert!(
        text.contains("warning: Dockerfile.2 names no line: its instructions are not those of B's history"),
        "{text}"
    );
    assert!(text.contains("note: step 2 of the history is the first that differs"), "{text}");
    // the first layer of the two is paired by what made it, or is the same
    let text = strata.ends(1, ["compare", "--layers", "-f", "Dockerfile.2", "app:1", "app:2"]);
    assert!(text.contains("line 5 of the Dockerfile, is the first that differs: RUN echo 2 >/b"), "{text}");
}

#[test]
fn reports_are_the_same_each_time_and_nothing_in_them_is_markup() {
    let strata = Strata::new();
    trees(&strata);
    for format in ["table", "json", "markdown", "html"] {
        let report = |out: &str| {
            strata.ends(1, ["compare", "--format", format, "-o", out, "--all", "rootfs:a", "rootfs:b"]);
            strata.read(out)
        };
        let first = report("one");
        assert_eq!(first, report("two"), "{format}");
        assert_eq!(first, strata.ends(1, ["compare", "--format", format, "--all", "rootfs:a", "rootfs:b"]), "{format}");
    }
    let html = strata.ends(1, ["compare", "--format", "html", "rootfs:a", "rootfs:b"]);
    assert!(html.contains("/gone &lt;b&gt;|`") && !html.contains("<b>") && !html.contains("<script"), "{html}");
    assert!(html.contains("default-src 'none'") && !html.contains("http://") && !html.contains("https://"));
    let markdown = strata.ends(1, ["compare", "--format", "markdown", "rootfs:a", "rootfs:b"]);
    assert!(markdown.contains("/gone &#60;b&#62;&#124;&#96;"), "{markdown}");
}

#[test]
fn a_long_list_is_cut_to_its_largest_and_counted() {
    let strata = Strata::new();
    std::fs::create_dir_all(strata.work().join("a/d")).unwrap();
    for number in 0..60 {
        strata.file(&format!("b/d/{number:02}"), vec![b'x'; number + 1]);
    }
    let text = strata.ends(1, ["compare", "a", "b"]);
    assert!(text.contains("and 40 more, which --all lists"), "{text}");
    assert!(text.contains("+ /d/59") && !text.contains("+ /d/00"), "{text}");
    assert!(strata.ends(1, ["compare", "--all", "a", "b"]).contains("+ /d/00"));
}

#[test]
fn words_of_other_tools_are_understood_and_wrong_ones_are_errors() {
    let strata = Strata::new();
    trees(&strata);
    let error = strata.ends(2, ["compare", "--ignore", "mdoe", "a", "b"]);
    assert!(error.contains("did you mean mode?"), "{error}");
    let ignored = |args: &[&str]| {
        let output = strata.output(["compare", "--format", "json", "--exact"].iter().chain(args).chain(&["a", "b"]));
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()["ignored"].clone()
    };
    assert_eq!(ignored(&["--ignore", "file-timestamps"]), json!(["mtime", "atime", "ctime"]));
    assert_eq!(ignored(&["--ignore-timestamps"]), json!(["mtime", "created", "atime", "ctime"]));
    assert_eq!(ignored(&["--ignore-file-order", "--ignore", "mode,uid"]), json!(["mode", "uid", "order"]));
    assert!(ignored(&["--semantic"]).as_array().unwrap().contains(&json!("history")));
    strata.ends(1, ["compare", "--filename", "/etc/conf", "a", "b"]);
}

#[test]
fn an_imported_root_filesystem_is_an_image() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", DOCKERFILE);
    strata.ok(["export", "-o", "exported.tar", "app:1"]);
    let id = strata.ok(["import", "exported.tar", "flat"]);
    assert_eq!(strata.json(["inspect", "flat"])[0]["Id"], id.trim());
    assert_eq!(strata.ok(["run", "--rm", "flat", "cat", "/d/two"]), "1\n");
    strata.ends(2, ["import", "nothing.tar"]);
}

#[test]
fn a_source_that_cannot_be_read_is_an_error_not_a_difference() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.ends(2, ["compare", "busybox", "nowhere"]);
    assert!(strata.ends(2, ["compare", "busybox", "docker://busybox"]).contains("registr"));
}
