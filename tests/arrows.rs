//! Who may know whom: the dependencies among strata's own crates.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

use std::process::Command;

/// Each crate, and the crates of ours that it may use.
const ARROWS: &[(&str, &[&str])] = &[
    ("strata-dockerfile", &[]),
    ("strata-image", &[]),
    ("strata-runtime", &["image"]),
    ("strata-analyzer", &["dockerfile", "image"]),
    ("strata-builder", &["dockerfile", "image", "runtime", "analyzer"]),
    ("strata-fixtures", &["image"]),
];

#[test]
fn no_crate_uses_one_that_it_may_not_know() {
    for (krate, allowed) in ARROWS {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--offline", "--edges", "normal", "--depth", "1", "--prefix", "none", "--package", krate])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .output();
        let Some(output) = output.ok().filter(|output| output.status.success()) else {
            eprintln!("skipped: cargo cannot read the workspace as this user");
            return;
        };
        let tree = String::from_utf8(output.stdout).expect("text");
        let used = tree.lines().skip(1).filter_map(|line| line.strip_prefix("strata-")?.split(' ').next());
        let unknown: Vec<&str> = used.filter(|name| !allowed.contains(name)).collect();
        assert!(unknown.is_empty(), "{krate} must not use {unknown:?}");
    }
}
