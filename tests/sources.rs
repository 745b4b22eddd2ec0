//! Where an image is named, through the binary: standard input, layouts, and what is no image.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::{
    fs,
    io::Write as _,
    process::{Command, Output, Stdio},
};

use common::Strata;
use strata_fixtures::stack::Stack;
use strata_image::{
    Image as _,
    archive::{Named, docker, oci},
};

/// Runs a command with these bytes on standard input. It may end before it has read them all.
fn fed(mut command: Command, bytes: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || drop(stdin.write_all(&bytes)));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output
}

fn stacks() -> [Stack; 2] {
    [("app:1", "a:400 / b:600 / -b"), ("app:2", "a:400 / b:600")]
        .map(|(name, layers)| Stack::parse(name, layers).unwrap())
}

fn named(stacks: &[Stack]) -> Vec<Named<'_>> {
    stacks.iter().map(|stack| Named { image: stack, names: stack.names().to_vec() }).collect()
}

fn saved(stacks: &[Stack]) -> Vec<u8> {
    let mut bytes = Vec::new();
    docker::write(&named(stacks), &mut bytes).unwrap();
    bytes
}

#[test]
fn an_image_on_standard_input_is_an_image_wherever_an_archive_is_one() {
    let strata = Strata::new();
    let stacks = stacks();
    let bytes = saved(&stacks[..1]);
    strata.file("app.tar", &bytes);
    let run = |args: &[&str]| fed(strata.command(args), &bytes);
    let report = |args: &[&str]| {
        let output = run(args);
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
    };
    for image in ["-", "docker-archive:-", "docker-archive:-:app:1"] {
        let report = report(&["analyze", "--format", "json", image]);
        assert_eq!((&report["wasted_bytes"], &report["image"]["name"]), (&600.into(), &image.into()));
    }
    for args in [&["compare", "-", "app.tar"], &["compare", "app.tar", "-"]] {
        assert_eq!(run(args).status.code(), Some(0), "{args:?}");
    }
    for args in
        [&["history", "-"][..], &["inspect", "-"], &["analyze", "--max-growth", "0", "--against", "-", "app.tar"]]
    {
        assert_eq!(run(args).status.code(), Some(0), "{args:?}");
    }
    for args in [&["compare", "-", "-"][..], &["analyze", "-f", "-", "-"]] {
        let twice = run(args);
        assert_eq!(twice.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&twice.stderr).contains("only one thing can be there"), "{twice:?}");
    }
    for (bytes, message) in [
        (saved(&stacks), "hint: name one: docker-archive:-:NAME with one of app:1, app:2"),
        (Vec::new(), "standard input holds no image"),
        (bytes[..bytes.len() / 2].to_vec(), "cannot read the archive standard input: the tar ends at byte"),
        (b"no such image".to_vec(), "standard input is no image: neither an archive, a layout nor a root filesystem"),
    ] {
        let output = fed(strata.command(["analyze", "-"]), &bytes);
        assert_eq!(output.status.code(), Some(2), "{message}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(message), "{message}: {output:?}");
    }
    for args in [&["load"][..], &["load", "-i", "-"]] {
        let output = run(args);
        assert_eq!(String::from_utf8_lossy(&output.stdout), "Loaded image: app:1\n", "{args:?}");
    }
}

#[test]
fn an_image_of_several_is_asked_for_by_what_names_it() {
    let strata = Strata::new();
    let stacks = stacks();
    strata.file("both.tar", saved(&stacks));
    oci::write_archive(&named(&stacks), fs::File::create(strata.work().join("both.oci")).unwrap()).unwrap();
    oci::write_layout(&named(&stacks), &strata.work().join("layout")).unwrap();
    for (text, named) in
        [("both.tar", "docker-archive:both.tar"), ("both.oci", "oci-archive:both.oci"), ("layout", "oci:layout")]
    {
        let said = strata.ends(2, ["analyze", text]);
        assert!(said.contains(&format!("hint: name one: {named}:NAME with one of app:1, app:2")), "{said}");
        strata.ok(["analyze", &format!("{named}:app:2")]);
    }
    // dive's form
    strata.ok(["analyze", "docker-archive://both.tar:app:2"]);
}

#[test]
fn what_is_no_image_is_named_and_said_to_be_none() {
    let strata = Strata::new();
    strata.file("notes", "nothing of an image\n".repeat(100));
    strata.file("cut.tar", &saved(&stacks())[..2000]);
    let said = strata.ends(2, ["analyze", "notes"]);
    assert!(said.contains("notes is no image: neither an archive, a layout nor a root filesystem"), "{said}");
    let said = strata.ends(2, ["analyze", "cut.tar"]);
    assert!(said.contains("cannot read the archive cut.tar: the tar ends at byte 2000"), "{said}");
    let said = strata.ends(2, ["analyze", "app:1"]);
    assert!(said.contains("the store has none of that name or ID, and there is no file"), "{said}");
}

#[test]
fn archives_are_read_without_a_folder_of_strata() {
    let strata = Strata::new();
    strata.file("app.tar", saved(&stacks()[..1]));
    let bare = |args: &[&str]| {
        let mut command = Command::new(strata.binary());
        command.args(args).current_dir(strata.work()).env_clear().stdin(Stdio::null());
        command.output().unwrap()
    };
    // in /proc nobody makes a folder
    let nowhere = |args: &[&str]| bare(&[&["--root", "/proc/strata"], args].concat());
    for args in [
        &["analyze", "app.tar"][..],
        &["compare", "app.tar", "app.tar"],
        &["audit", "app.tar"],
        &["history", "app.tar"],
        &["analyze", "--max-growth", "0", "--against", "app.tar", "app.tar"],
        &["images"],
    ] {
        // the folder of root is where it is
        let is_root = rustix::process::geteuid().is_root();
        for output in [Some(nowhere(args)), (!is_root).then(|| bare(args))].into_iter().flatten() {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert_eq!((output.status.code(), said.as_str()), (Some(0), ""), "{args:?}");
        }
    }
}
