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
    assert_eq!(report["rootfs"]["changed"][0], json!({ "path": "/d/one", "what": ["content"] }), "{report}");
    let text = strata.ends(1, ["compare", "app:1", "changed.tar"]);
    assert!(text.contains("/d/one  content"), "{text}");
    strata.ok(["compare", "--ignore", "content", "app:1", "changed.tar"]);
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
    assert_eq!(report["rootfs"], json!({ "added": [], "removed": [], "changed": [] }));
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
