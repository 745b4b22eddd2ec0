//! What `strata build` takes its context from, and where it writes the image, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::{
    fs::File,
    process::{Output, Stdio},
};

use common::Strata;

const COPIES: &str = "FROM busybox\nCOPY f /f\n";

/// Runs a command that reads this file.
fn with_stdin(strata: &Strata, file: &str, args: &[&str]) -> Output {
    let stdin = Stdio::from(File::open(strata.work().join(file)).unwrap());
    strata.command(args).stdin(stdin).output().unwrap()
}

/// Packs a folder of the work folder.
fn pack(strata: &Strata, folder: &str, archive: &str) {
    let mut tar = tar::Builder::new(File::create(strata.work().join(archive)).unwrap());
    tar.append_dir_all(".", strata.work().join(folder)).unwrap();
    tar.finish().unwrap();
}

#[test]
fn a_context_is_a_folder_an_archive_or_standard_input() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.file("project/Dockerfile", COPIES);
    strata.file("project/f", "content\n");
    pack(&strata, "project", "project.tar");
    let folder = strata.ok(["build", "-q", "project"]);
    let shown = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
    for output in [
        strata.output(["build", "-t", "a", "project.tar"]),
        with_stdin(&strata, "project.tar", &["build", "-t", "a", "-"]),
    ] {
        assert!(output.status.success(), "{}", shown(&output));
        assert_eq!(strata.ok(["run", "--rm", "a", "cat", "/f"]), "content\n");
    }
    // a Dockerfile alone, and one beside a folder
    strata.file("alone", "FROM scratch\nLABEL a=b\n");
    let output = with_stdin(&strata, "alone", &["build", "-"]);
    assert!(output.status.success(), "{}", shown(&output));
    let output = with_stdin(&strata, "project/Dockerfile", &["build", "-q", "-f", "-", "project"]);
    assert_eq!(String::from_utf8_lossy(&output.stdout), folder);
    let output = with_stdin(&strata, "alone", &["build", "-f", "-", "-"]);
    assert!(output.status.code() == Some(2) && shown(&output).contains("cannot be had beside"), "{}", shown(&output));
    // what was unpacked is gone
    assert_eq!(std::fs::read_dir(strata.root().join("cache/partial")).unwrap().count(), 0);
}

#[test]
fn a_named_context_stands_for_an_image() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.file("other/f", "from the other\n");
    let context = strata.context("FROM busybox\nCOPY --from=other f /f\n");
    strata.ok(["build", "-q", "-t", "a", "--build-context", "other=other", &context]);
    assert_eq!(strata.ok(["run", "--rm", "a", "cat", "/f"]), "from the other\n");
    let shown = strata.ends(2, ["build", "--build-context", "other", &context]);
    assert!(shown.contains("NAME=VALUE"), "{shown}");
}

#[test]
fn an_image_is_written_wherever_it_is_asked_for() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\nRUN echo hi >/hi\n");
    strata.ok([
        "build",
        "-q",
        "-t",
        "app:1",
        "-o",
        "type=oci,dest=a.oci",
        "-o",
        "type=docker,dest=a.docker",
        "-o",
        "tree",
        "--annotation",
        "org.example=yes",
        "--metadata-file",
        "meta.json",
        &context,
    ]);
    assert_eq!(strata.read("tree/hi"), "hi\n");
    for archive in ["oci-archive:a.oci", "docker-archive:a.docker"] {
        strata.ok(["compare", "app:1", archive]);
    }
    let metadata: serde_json::Value = serde_json::from_str(&strata.read("meta.json")).unwrap();
    assert_eq!(metadata["image.name"], "docker.io/library/app:1");
    let tar = strata.command(["build", "-o", "-", &context]).output().unwrap().stdout;
    assert!(tar.len() > 1 << 20 && tar.len() % 512 == 0);
}

#[test]
fn outputs_that_cannot_be_written_are_refused_before_anything_is_built() {
    let strata = Strata::new();
    let context = strata.context("FROM scratch\nLABEL a=b\n");
    let cases: [(&[&str], &str); 5] = [
        (&["-o", "type=registry,name=a"], "cannot be pushed yet"),
        (&["-o", "type=oci,dest=x,compresion=zstd"], "did you mean compression?"),
        (&["-q", "-o", "-"], "goes to standard output"),
        (&["-o", "-", "-o", "type=oci,dest=-"], "two archives"),
        (&["--annotation", "a=b"], "-o type=oci"),
    ];
    for (flags, named) in cases {
        let shown = strata.ends(2, ["build"].iter().chain(flags).chain(&[context.as_str()]));
        assert!(shown.contains(named), "{flags:?}: {shown}");
    }
}

#[test]
fn an_image_of_an_archive_is_a_base_though_none_of_its_layers_is_in_the_store() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.ok(["save", "-o", "base.tar", "busybox"]);
    strata.ok(["rmi", "busybox"]);
    strata.ok(["system", "prune", "--all", "--force"]);
    let context = strata.context("FROM base\nRUN echo hi > /hi\n");
    strata.ok(["build", "-q", "-t", "app", "--build-context", "base=docker-archive:base.tar", &context]);
    assert_eq!(strata.ok(["run", "--rm", "app", "cat", "/hi"]), "hi\n");
}
