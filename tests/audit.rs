//! `strata audit`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::{
    fs,
    io::Write as _,
    process::{Output, Stdio},
};

use common::Strata;
use serde_json::{Value, json};
use strata_fixtures::stack::Stack;
use strata_image::{
    Image as _,
    archive::{Named, docker, oci},
};

/// A base and three images on it; two of them share a layer above it, and two have one content in different layers.
const BASE: &str = "bin/a:1000 etc/b:20 lib/c:300";
const IMAGES: [(&str, &str); 4] = [
    ("base:1", ""),
    ("app:1", " / srv/x:500 srv/gone:70 / -srv/gone"),
    ("app:2", " / srv/x:500 srv/gone:70 / -bin/a"),
    ("web:1", " / srv/y:9 srv/x:500"),
];

fn stacks() -> Vec<Stack> {
    IMAGES.iter().map(|(name, above)| Stack::parse(name, &format!("{BASE}{above}")).unwrap()).collect()
}

fn named(stacks: &[Stack]) -> Vec<Named<'_>> {
    stacks.iter().map(|stack| Named { image: stack, names: stack.names().to_vec() }).collect()
}

/// Each image in an archive of its own, in the folder `all`.
fn archives(strata: &Strata) {
    fs::create_dir(strata.work().join("all")).unwrap();
    for stack in stacks() {
        let name = stack.names()[0].to_string().replace(':', "-");
        stack.save(fs::File::create(strata.work().join(format!("all/{name}.tar"))).unwrap()).unwrap();
    }
}

fn audit(strata: &Strata, sources: &[&str]) -> Value {
    strata.json(["audit", "--format", "json"].into_iter().chain(sources.iter().copied()))
}

/// Runs a command with a list on standard input.
fn with_list(strata: &Strata, list: impl AsRef<[u8]>, arguments: &[&str]) -> Output {
    let mut child =
        strata.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(list.as_ref()).unwrap();
    child.wait_with_output().unwrap()
}

fn names(report: &Value) -> Vec<&str> {
    let mut names: Vec<&str> =
        report["images"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    names
}

fn row<'a>(report: &'a Value, name: &str) -> &'a Value {
    report["images"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()
}

/// The report without what names the images' sources.
fn without_sources(mut report: Value) -> Value {
    for row in report["images"].as_array_mut().unwrap() {
        row["source"] = Value::Null;
    }
    report
}

#[test]
fn a_directory_of_archives_has_a_row_for_each_and_layers_count_once() {
    let strata = Strata::new();
    archives(&strata);
    let report = audit(&strata, &["all"]);
    assert_eq!(report["schema"], 1);
    assert_eq!(names(&report), ["app:1", "app:2", "base:1", "web:1"]);
    // 1,320 of the base, 570 of both apps, nothing for two whiteouts, 509 of the web
    let totals = json!({ "images": 4, "errors": 0, "layers": 5, "image_bytes": 1320 * 4 + 570 * 2 + 509,
        "layer_bytes": 1320 + 570 + 509, "shared_bytes": 1320 * 3 + 570 });
    for (field, expected) in totals.as_object().unwrap() {
        assert_eq!(&report["totals"][field], expected, "{field}");
    }
    let layers: Vec<(u64, u64)> = report["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| (layer["size_bytes"].as_u64().unwrap(), layer["images"].as_u64().unwrap()))
        .collect();
    assert_eq!(layers[..3], [(1320, 4), (570, 2), (509, 1)]);
    let app = row(&report, "app:1");
    assert_eq!((&app["own_wasted_bytes"], &app["wasted_bytes"]), (&json!(70), &json!(70)));
    assert_eq!(app["base"]["name"], "base:1");
    assert_eq!(app["biggest"]["rule"], "A3");
    let app = row(&report, "app:2");
    assert_eq!((&app["own_wasted_bytes"], &app["base"]["killed_bytes"]), (&json!(0), &json!(1000)));
    assert_eq!(report["images"][0]["name"], "app:1", "own waste comes first");
    let base = &report["bases"][0];
    assert_eq!((&base["name"], &base["images"], &base["killed_bytes"]), (&json!("base:1"), &json!(3), &json!(1000)));
    let table = strata.ok(["audit", "all"]);
    assert!(table.contains("4 images  2.4kB in 5 distinct layers") && table.contains("A3 deleted-file 70B"), "{table}");
}

#[test]
fn every_kind_of_source_gives_the_same_report() {
    let strata = Strata::new();
    archives(&strata);
    let expected = without_sources(audit(&strata, &["all"]));
    let stacks = stacks();
    let images = named(&stacks);
    let create = |name: &str| fs::File::create(strata.work().join(name)).unwrap();
    docker::write(&images, create("many.tar")).unwrap();
    oci::write_archive(&images, create("many.oci")).unwrap();
    oci::write_layout(&images, &strata.work().join("layout")).unwrap();
    for source in ["many.tar", "docker-archive:many.tar", "many.oci", "oci-archive:many.oci", "layout", "oci:layout"] {
        assert_eq!(without_sources(audit(&strata, &[source])), expected, "{source}");
    }
    let list = "all/base-1.tar\n\ndocker-archive:many.tar:app:1\noci:layout:app:2\nall/web-1.tar\nall/web-1.tar\n";
    let output = with_list(&strata, list, &["audit", "--format", "json", "-"]);
    assert!(output.status.success());
    assert_eq!(without_sources(serde_json::from_slice(&output.stdout).unwrap()), expected);
    strata.ok(["load", "-i", "many.tar"]);
    for sources in [&[][..], &["--store"], &["*"], &["base:1", "app:*", "we?:1"], &["ap*", "sha256*", "*e*"]] {
        let output = strata.output(["audit", "--format", "json"].into_iter().chain(sources.iter().copied()));
        let report = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(names(&report), ["app:1", "app:2", "base:1", "web:1"], "{sources:?}");
    }
}

#[test]
fn all_images_of_an_archive_on_standard_input_are_audited() {
    let strata = Strata::new();
    let stacks = stacks();
    let mut bytes = Vec::new();
    docker::write(&named(&stacks), &mut bytes).unwrap();
    let mut child = strata
        .command(["audit", "--format", "json", "docker-archive:-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(names(&report), ["app:1", "app:2", "base:1", "web:1"]);
    assert_eq!(row(&report, "app:1")["source"], "docker-archive:-:app:1");
}

#[test]
fn an_archive_where_a_list_is_read_is_told_how_to_be_named() {
    let strata = Strata::new();
    let mut archive = Vec::new();
    docker::write(&named(&stacks()), &mut archive).unwrap();
    archive.truncate(4096);
    for input in [archive, vec![0xff; 100], vec![b'x'; 20_000]] {
        let output = with_list(&strata, input, &["audit", "-"]);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2));
        assert!(
            said.starts_with("strata: line 1 of standard input is no source: ") && said.contains("docker-archive:-"),
            "{said}"
        );
    }
}

#[test]
fn duplicates_beyond_those_that_are_listed_are_counted() {
    let strata = Strata::new();
    // a content is its path's and its size's: 1,200 of them in two layers
    let files: Vec<String> = (1..=1200).map(|size| format!("f{size}:{size}x")).collect();
    for (name, other) in [("a", "p:1"), ("b", "q:1")] {
        let stack = Stack::parse(&format!("{name}:1"), &format!("{other} {}", files.join(" "))).unwrap();
        stack.save(fs::File::create(strata.work().join(format!("{name}.tar"))).unwrap()).unwrap();
    }
    let report = audit(&strata, &["a.tar", "b.tar"]);
    assert_eq!(report["duplicates"].as_array().unwrap().len(), 1000);
    assert_eq!(report["duplicates_total_count"], 1200);
    let table = strata.ok(["audit", "a.tar", "b.tar"]);
    assert!(table.contains("and 1190 more: --top N lists N"), "{table}");
    let table = strata.ok(["audit", "--top", "2000", "--format", "markdown", "a.tar", "b.tar"]);
    assert!(table.contains("and 200 more"), "{table}");
}

#[test]
fn no_images_are_told_in_a_line() {
    let strata = Strata::new();
    assert_eq!(strata.ok(["audit"]), "no images\n");
    assert!(!strata.root().exists(), "nothing is made by reading");
    let text = strata.ends(2, ["audit", "missing:1"]);
    assert!(text.contains("missing:1: the store has none of that name or ID, and there is no file"), "{text}");
}

#[test]
fn a_broken_image_is_a_row_of_its_own_and_the_others_count() {
    let strata = Strata::new();
    archives(&strata);
    let good = audit(&strata, &["all"]);
    let bytes = fs::read(strata.work().join("all/web-1.tar")).unwrap();
    strata.file("all/broken.tar", &bytes[..700]);
    strata.file("all/notes.txt", "no archive");
    fs::remove_dir_all(strata.root()).unwrap();
    let output = strata.output(["audit", "--format", "json", "all", "missing:1"]);
    assert_eq!(output.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["images"], good["images"]);
    let errors = report["errors"].as_array().unwrap();
    assert_eq!(
        errors.iter().map(|error| error["source"].as_str().unwrap()).collect::<Vec<_>>(),
        ["all/broken.tar", "missing:1"]
    );
    let message = |number: usize| errors[number]["message"].as_str().unwrap();
    assert!(message(0).contains("the tar ends at byte 700"), "{errors:?}");
    assert!(message(1).starts_with("the store has none of that name or ID"), "{errors:?}");
    let table = strata.ends(2, ["audit", "all", "missing:1"]);
    assert!(table.contains("Not read") && table.contains("all/broken.tar: "), "{table}");
}

#[test]
fn a_damaged_layer_fails_the_images_that_have_it_alone() {
    let strata = Strata::new();
    let stacks = stacks();
    oci::write_layout(&named(&stacks), &strata.work().join("layout")).unwrap();
    // the layer of the web alone
    let digest = stacks[3].layers()[1].stored().0;
    strata.file(&format!("layout/blobs/sha256/{}", digest.hex()), "damaged");
    // and the config of the base
    let id = stacks[0].id().unwrap();
    strata.file(&format!("layout/blobs/sha256/{}", id.hex()), "damaged");
    let output = strata.output(["audit", "--format", "json", "layout"]);
    assert_eq!(output.status.code(), Some(2));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(names(&report), ["app:1", "app:2"]);
    let sources: Vec<&str> =
        report["errors"].as_array().unwrap().iter().map(|error| error["source"].as_str().unwrap()).collect();
    assert_eq!(sources, ["oci:layout:base:1", "oci:layout:web:1"]);
    assert!(report["errors"][1]["message"].as_str().unwrap().contains(&digest.hex()), "{report}");
}

#[test]
fn the_rows_are_what_analyze_says_of_each_image() {
    let strata = Strata::new();
    for row in strata_fixtures::waste::ROWS {
        row.write_archive(&strata.work().join(format!("{}.tar", row.id))).expect("an archive");
    }
    let report = audit(&strata, &["."]);
    let rows = report["images"].as_array().unwrap();
    assert_eq!(rows.len(), strata_fixtures::waste::ROWS.len());
    for row in rows {
        let single = strata.json(["analyze", "--format", "json", row["source"].as_str().unwrap()]);
        for field in ["total_bytes", "wasted_bytes", "efficiency"] {
            assert_eq!(row[field], single[field], "{field} of {}", row["source"]);
        }
        let own: Vec<&Value> =
            single["findings"].as_array().unwrap().iter().filter(|finding| finding["base"] == false).collect();
        if row["base"].is_null() {
            assert_eq!(row["findings"], own.len(), "{row}");
            let of_level = |level: &str| own.iter().find(|finding| finding["level"] == level);
            let worst = ["error", "warning", "note"].into_iter().find_map(of_level);
            let worst = worst.map_or(Value::Null, |finding| finding["message"].clone());
            assert_eq!(row["biggest"]["message"], worst, "{row}");
        }
    }
}

#[test]
fn two_runs_give_identical_bytes_and_hostile_names_stay_text() {
    let strata = Strata::new();
    archives(&strata);
    let hostile = Stack::parse("bad:1", "\u{1b}[31m|`x`<b>:900 / -\u{1b}[31m|`x`<b>").unwrap();
    hostile.save(fs::File::create(strata.work().join("all/\u{1b}[2J|x.tar")).unwrap()).unwrap();
    strata.file("all/\u{1b}[3J.tar", "no archive");
    for format in ["json", "table"] {
        let run = || strata.ends(2, ["audit", "--format", format, "all"]);
        let (first, second) = (run(), run());
        assert_eq!(first, second);
        assert!(!first.contains('\u{1b}'), "{first:?}");
    }
}

#[test]
fn reports_go_to_files_and_say_what_was_not_read() {
    let strata = Strata::new();
    archives(&strata);
    strata.ok(["audit", "--format", "json", "-o", "report.json", "all"]);
    assert_eq!(strata.read("report.json"), strata.ok(["audit", "--format", "json", "all"]));
    strata.file("all/broken.tar", "no archive");
    let said = strata.ends(2, ["audit", "--format", "markdown", "-o", "report.md", "all"]);
    assert!(said.contains("strata: all/broken.tar: "), "{said}");
    let page = strata.read("report.md");
    assert!(page.starts_with("### strata: 4 images\n") && page.contains("| <code>app:1</code> |"), "{page}");
    assert!(page.contains("**Not read:**"), "{page}");
    for (arguments, hint) in
        [(&["audit", "-o", "-", "all"][..], "without -o"), (&["audit", "--format", "parquet", "all"], "-o DIR")]
    {
        let said = strata.ends(2, arguments);
        assert!(said.contains(hint), "{said}");
    }
    strata.ends(2, ["audit", "no-such-*"]);
    fs::create_dir(strata.work().join("empty")).unwrap();
    let said = strata.ends(2, ["audit", "empty", "all/app-1.tar"]);
    assert!(said.contains("1 image  ") && said.contains("empty: there is no archive"), "{said}");
}

#[test]
fn tables_are_written_where_they_are_built_in() {
    let strata = Strata::new();
    archives(&strata);
    let arguments = ["audit", "--format", "parquet", "-o", "tables", "all"];
    if !cfg!(feature = "parquet") {
        let said = strata.ends(2, arguments);
        assert!(said.contains("--features parquet"), "{said}");
        return;
    }
    strata.ok(arguments);
    let mut names: Vec<String> = fs::read_dir(strata.work().join("tables"))
        .unwrap()
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["files.parquet", "findings.parquet", "images.parquet", "layers.parquet"]);
}
