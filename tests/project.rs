//! A project of several stages, built again and again while its sources change: what is reused, and what is said of it.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

mod common;

use common::Strata;

const FILES: [(&str, &str); 5] = [
    ("Dockerfile", include_str!("../fixtures/project/Dockerfile")),
    ("Makefile", include_str!("../fixtures/project/Makefile")),
    ("main.c", include_str!("../fixtures/project/main.c")),
    ("greet.c", include_str!("../fixtures/project/greet.c")),
    ("greet.h", include_str!("../fixtures/project/greet.h")),
];

/// The project in a folder, and `compiler` in the store. `None`, the reason printed, where there is none to make it of.
fn project() -> Option<Strata> {
    let strata = Strata::with_base()?;
    std::fs::create_dir(strata.work().join("base")).unwrap();
    if let Err(error) = strata_fixtures::compiler_tar(&["stdio.h"], &strata.work().join("base/compiler.tar")) {
        eprintln!("skipped: no base with a compiler can be made: {error:#}");
        return None;
    }
    strata.file("base/Dockerfile", "FROM busybox\nADD compiler.tar /\n");
    strata.ok(["build", "-q", "-t", "compiler", "base"]);
    for (name, content) in FILES {
        strata.file(&format!("project/{name}"), content);
    }
    Some(strata)
}

/// Builds the project; gives what was printed.
fn build(strata: &Strata) -> String {
    let output = strata.output(["build", "--progress", "plain", "--explain-cache", "-t", "greet", "project"]);
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(output.status.success(), "{said}");
    said
}

fn compiles(said: &str, source: &str) -> bool {
    said.lines().any(|line| line.contains("gcc ") && line.ends_with(source))
}

#[test]
fn a_change_of_one_source_compiles_that_one_and_says_so() {
    let Some(strata) = project() else {
        return;
    };
    let first = build(&strata);
    assert!(compiles(&first, "main.c") && compiles(&first, "greet.c"), "{first}");
    assert_eq!(strata.ok(["run", "--rm", "greet", "strata"]), "hello, strata\n");

    let again = build(&strata);
    assert!(!again.contains("gcc ") && !again.contains("not cached"), "{again}");

    strata.file("project/greet.c", FILES[3].1.replace("hello", "good morning"));
    let changed = build(&strata);
    assert!(compiles(&changed, "greet.c") && !compiles(&changed, "main.c"), "{changed}");
    let reasons: Vec<&str> = changed.lines().filter(|line| line.contains("not cached:")).collect();
    assert!(reasons.iter().any(|reason| reason.contains("greet.c")), "{changed}");
    assert!(!reasons.iter().any(|reason| reason.contains("main.c") || reason.contains("Makefile")), "{changed}");
    assert_eq!(strata.ok(["run", "--rm", "greet"]), "good morning, world\n");
}

#[test]
fn what_does_not_reach_the_program_makes_no_other_image() {
    let Some(strata) = project() else {
        return;
    };
    build(&strata);
    let id = strata.json(["inspect", "greet"])[0]["Id"].clone();
    let layers = strata.json(["inspect", "greet"])[0]["RootFS"]["Layers"].clone();
    // nothing copies it
    strata.file("project/README", "unread");
    assert!(!build(&strata).contains("gcc "));
    assert_eq!(strata.json(["inspect", "greet"])[0]["Id"], id);
    // it is compiled, and comes to the same
    strata.file("project/greet.c", format!("{}/* said at the end */\n", FILES[3].1));
    assert!(compiles(&build(&strata), "greet.c"));
    assert_eq!(strata.json(["inspect", "greet"])[0]["RootFS"]["Layers"], layers);
}

#[test]
fn the_image_holds_the_program_alone() {
    let Some(strata) = project() else {
        return;
    };
    build(&strata);
    let report = strata.json(["analyze", "--format", "json", "greet"]);
    assert_eq!(report["wasted_bytes"], 0, "{report}");
    let archive = strata.work().join("greet.tar");
    strata.ok(["export", "-o", archive.to_str().unwrap(), "greet"]);
    let mut tar = tar::Archive::new(std::fs::File::open(archive).unwrap());
    let names: Vec<_> = tar.entries().unwrap().map(|entry| entry.unwrap().path().unwrap().into_owned()).collect();
    assert_eq!(names, [std::path::Path::new("greet")]);
}
