//! Contexts that want out of themselves, or hold the build up.

use std::{fs, os::unix::fs::symlink};

use crate::{common::Strata, hostile::fifo};

#[test]
fn a_context_leads_nowhere_outside_and_holds_nobody_up() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.file("outside/Dockerfile", "FROM busybox\n# secret\nBOGUS\n");
    strata.file("context/real", "FROM busybox\n");
    let path = strata.work().join("context/Dockerfile");
    for target in ["../outside/Dockerfile", "/etc/passwd", "/dev/zero", "/proc/self/environ", "Dockerfile"] {
        symlink(target, &path).unwrap();
        let (success, said) = strata.at_once(&["build", "context"]);
        assert!(!success && said.contains("cannot read the Dockerfile"), "{target}: {said}");
        fs::remove_file(&path).unwrap();
    }
    // inside it may lead anywhere, and the caller may name any file
    symlink("real", &path).unwrap();
    strata.ok(["build", "-q", "context"]);
    strata.ends(1, ["build", "-f", "outside/Dockerfile", "context"]);
    fs::remove_file(&path).unwrap();

    if !fifo(&path) {
        return;
    }
    let (success, said) = strata.at_once(&["build", "context"]);
    assert!(!success && said.contains("not a regular file"), "{said}");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "FROM busybox\nCOPY . /x/\nRUN test -p /x/pipe\n").unwrap();
    fifo(&strata.work().join("context/pipe"));
    let (success, said) = strata.at_once(&["build", "context"]);
    assert!(success, "{said}");
    fifo(&strata.work().join("context/Dockerfile.dockerignore"));
    let (success, said) = strata.at_once(&["build", "--no-cache", "context"]);
    assert!(!success && said.contains("Dockerfile.dockerignore"), "{said}");
}
