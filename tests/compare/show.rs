//! `compare --show`: one path of both images.

use serde_json::json;

use super::{common::Strata, set_mode, trees};

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
fn a_shown_path_is_equal_only_where_the_comparison_has_it_equal() {
    let strata = Strata::new();
    for (path, content) in
        [("a/keep", "same\n"), ("b/keep", "same\n"), ("b/copy", "same\n"), ("a/d/e/f", "1"), ("b/d/e/f", "2")]
    {
        strata.file(path, content);
    }
    strata.file("a/d/same", "");
    strata.file("b/d/same", "");
    std::fs::hard_link(strata.work().join("a/keep"), strata.work().join("a/copy")).unwrap();
    set_mode(&strata.work().join("b/keep"), 0o600);
    let text = strata.ends(1, ["compare", "--show", "keep", "a", "b"]);
    assert!(text.contains("differs in mode 0644 → 0600, hardlinks; the contents are equal\n"), "{text}");
    assert!(text.contains("from layer 0, names /copy, /keep\n") && !text.contains("\nequal\n"), "{text}");
    strata.ok(["compare", "--show", "keep", "--ignore", "mode,hardlinks", "a", "b"]);

    for directory in ["d", "/d/e/"] {
        let text = strata.ends(1, ["compare", "--show", directory, "a", "b"]);
        assert!(text.contains("below 1 path differs\n") && text.contains("~ /d/e/f   content"), "{text}");
        let markdown = strata.ends(1, ["compare", "--show", directory, "--format", "md", "a", "b"]);
        assert!(markdown.contains("### Modified: 1 path\n"), "{markdown}");
        let html = strata.ends(1, ["compare", "--show", directory, "--format", "html", "a", "b"]);
        assert!(html.contains("<td>/d/e/f</td>"), "{html}");
        strata.ok(["compare", "--show", directory, "--ignore", "content", "a", "b"]);
    }
    let output = strata.output(["compare", "--show", "d", "--format", "json", "a", "b"]);
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&report["equal"], &report["what"]), (&json!(false), &json!([])), "{report}");
    assert_eq!(report["below"]["changed"][0]["path"], "/d/e/f", "{report}");
    // what is below two directories that are not at one path nobody has compared
    std::os::unix::fs::symlink("d", strata.work().join("a/way")).unwrap();
    strata.file("b/way/e/f", "1");
    let text = strata.ends(1, ["compare", "--show", "way/e", "a", "b"]);
    assert!(text.contains("was not compared: see /d/e of A and /way/e of B"), "{text}");
}

#[test]
fn the_root_is_a_directory_like_any_other() {
    let strata = Strata::new();
    trees(&strata);
    let json = |args: &[&str]| -> serde_json::Value {
        let output = strata.output(["compare", "--format", "json"].iter().chain(args).chain(&["a", "b"]));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let whole = json(&[]);
    for path in ["/", ".", "", "etc/.."] {
        let shown = json(&["--show", path]);
        assert_eq!((&shown["a"]["path"], &shown["a"]["type"]), (&json!("/"), &json!("directory")), "{path}");
        assert_eq!(
            (&shown["equal"], &shown["below"]["classes"]),
            (&json!(false), &whole["rootfs"]["classes"]),
            "{path}"
        );
    }
    let text = strata.ends(1, ["compare", "--show", "/", "a", "b"]);
    assert!(text.contains("below 11 paths differ\n") && text.contains("+ /came   "), "{text}");
    assert!(strata.ok(["compare", "--show", "/", "a", "a"]).ends_with("\nequal\n"));
    assert_eq!(json(&["--show", "etc/."])["a"]["path"], "/etc");
    // a slash behind a symlink means where it leads
    assert_eq!(json(&["--show", "link/"])["a"]["path"], "/etc");
    assert_eq!(json(&["--show", "link"])["a"]["path"], "/link");
}

#[test]
fn a_path_that_one_image_has_is_shown_with_what_became_of_it() {
    let strata = Strata::new();
    trees(&strata);
    strata.file("a/gone/in/x", "x\n");
    let text = |path: &str| strata.ends(1, ["compare", "--show", path, "a", "b"]);
    let gone = text("gone");
    assert!(gone.contains("B  has no such path\n") && gone.contains("- /gone/     2B   3 paths\n"), "{gone}");
    let old = text("old");
    assert!(old.contains("> /old/   /new/     6B   2 paths\n"), "{old}");
    let moved = text("/new/x");
    assert!(moved.contains("> /old/x   /new/x     6B\n") && !moved.contains("@@"), "{moved}");
    strata.file("b/zeros", "\0");
    assert!(text("zeros").contains("\nthe content is not shown: binary\n"));
    let kind = text("kind");
    assert!(kind.contains("differs in type") && kind.contains("+ /kind/in    "), "{kind}");
    let came = text("came");
    assert!(!came.contains("Added") && came.contains("+++ b/came\n"), "{came}");
    // what does not count elsewhere does not count here
    strata.ok(["compare", "--show", "old", "--ignore", "renamed", "a", "b"]);
    strata.ok(["compare", "--show", "came", "--ignore", "added", "a", "b"]);
    strata.ends(1, ["compare", "--show", "old", "--ignore", "removed", "a", "b"]);
}

#[test]
fn a_path_that_is_no_text_is_found_by_its_bytes_and_as_reports_write_it() {
    use std::os::unix::ffi::OsStrExt;
    let strata = Strata::new();
    for (side, content) in [("a", "1"), ("b", "2")] {
        let name = [side.as_bytes(), b"/caf\xe9"].concat();
        strata.file(&format!("{side}/x"), "");
        std::fs::write(strata.work().join(std::ffi::OsStr::from_bytes(&name)), content).unwrap();
    }
    let written = "/caf\u{fffd}e9";
    for path in [std::ffi::OsStr::from_bytes(b"/caf\xe9"), written.as_ref()] {
        let args = [
            "compare".as_ref(),
            "--show".as_ref(),
            path,
            "--format".as_ref(),
            "json".as_ref(),
            "a".as_ref(),
            "b".as_ref(),
        ];
        let report: serde_json::Value = serde_json::from_slice(&strata.output(args).stdout).unwrap();
        assert_eq!((&report["path"], &report["what"]), (&json!(written), &json!(["content"])));
    }
}
