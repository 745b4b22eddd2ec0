//! `strata compare`, `export` and `import`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

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
        ("added", 3),
        ("removed", 2),
        ("modified", 3),
        ("metadata", 1),
        ("type-changed", 1),
        ("renamed", 1),
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
fn a_file_is_shown_as_git_shows_it() {
    let strata = Strata::new();
    trees(&strata);
    let git = std::process::Command::new("git")
        .args(["diff", "--no-index", "--no-color", "a/etc/conf", "b/etc/conf"])
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .current_dir(strata.work())
        .output();
    let ours: serde_json::Value = serde_json::from_slice(
        &strata.output(["compare", "--show", "/link/conf", "--format", "json", "a", "b"]).stdout,
    )
    .unwrap();
    assert_eq!((&ours["a"]["path"], &ours["what"]), (&json!("/etc/conf"), &json!(["content"])));
    let hunks = |text: &str| text.split_once("\n@@").unwrap().1.to_owned();
    let ours = hunks(ours["diff"].as_str().unwrap());
    assert!(ours.contains("-3\n+three\n"), "{ours}");
    if let Ok(git) = git.map(|git| String::from_utf8(git.stdout).unwrap())
        && !git.is_empty()
    {
        // git writes behind the second `@@` in which function it is
        let git: Vec<String> = hunks(&git)
            .lines()
            .map(|line| {
                line.rsplit_once("@@ ")
                    .filter(|(head, _)| head.starts_with("@@") || head.starts_with(" -"))
                    .map_or(line.to_owned(), |(head, _)| format!("{head}@@"))
            })
            .collect();
        assert_eq!(ours.lines().collect::<Vec<_>>(), git);
    }
    let text = strata.ends(1, ["compare", "--show", "bin", "a", "b"]);
    assert!(text.contains("the contents differ, and are not shown: binary"), "{text}");
    let text = strata.ends(1, ["compare", "--show", "/came", "a", "b"]);
    assert!(text.contains("A  has no such path") && text.contains("--- /dev/null\n+++ b/came\n"), "{text}");
    strata.ok(["compare", "--show", "etc/same", "a", "b"]);
    let markdown = strata.ends(1, ["compare", "--show", "etc/conf", "--format", "markdown", "a", "b"]);
    assert!(markdown.starts_with("## Comparison of /etc/conf: different\n\n- A: /etc/conf  file, "), "{markdown}");
    assert!(markdown.contains("\n- differs in content\n\n```diff\n--- a/etc/conf\n+++ b/etc/conf\n@@ "), "{markdown}");
    assert!(markdown.contains("\n-3\n+three\n") && markdown.ends_with("\n```\n"), "{markdown}");
    let html = strata.ends(1, ["compare", "--show", "etc/conf", "--format", "html", "a", "b"]);
    assert!(html.contains("<h1>/etc/conf: <span class=\"different\">different</span></h1>"), "{html}");
    assert!(html.contains("<del>-3</del>\n<ins>+three</ins>\n") && html.contains("default-src 'none'"), "{html}");
    let equal = strata.ok(["compare", "--show", "etc/same", "--format", "md", "a", "b"]);
    assert!(equal.starts_with("## Comparison of /etc/same: equal\n") && !equal.contains("```"), "{equal}");
    assert!(strata.ends(2, ["compare", "--show", "/nowhere", "a", "b"]).contains("neither image has /nowhere"));
}

#[test]
fn what_a_shown_file_holds_stays_text_in_every_form() {
    let strata = Strata::new();
    strata.file("a/f", "same\n");
    strata.file("b/f", "same\n````\n<script>&\u{1b}[31m\tx\n@all\n");
    let markdown = strata.ends(1, ["compare", "--show", "f", "--format", "markdown", "a", "b"]);
    assert!(markdown.contains("\n`````diff\n") && markdown.ends_with("\n`````\n"), "{markdown}");
    assert!(markdown.contains("+<script>&\\u{1b}[31m\tx\n+@all\n"), "{markdown}");
    let html = strata.ends(1, ["compare", "--show", "f", "--format", "html", "a", "b"]);
    assert!(html.contains("<ins>+&lt;script&gt;&amp;\\u{1b}[31m\tx</ins>") && !html.contains("<script"), "{html}");
    strata.file("c/f", "line\n".repeat(700));
    let args = ["compare", "--show", "f", "--format", "markdown", "a", "c"];
    assert!(strata.ends(1, args).ends_with("\n```\n\nand 204 more lines\n"));
    assert_eq!(strata.ends(1, args.into_iter().chain(["--all"])).matches("\n+line").count(), 700);
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
        assert!(text.contains("equal: every byte"), "{text}");
    }
    for image in images {
        let text = strata.ok(["compare", image, "exported.tar"]);
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
