//! Hostile Dockerfiles, images, archives, contexts and circumstances, through the binary: nothing outside the container, the
//! context or the root folder is read, written or left behind. docs/attacks.md names the test of each attack.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::print_stderr)]

#[path = "../common/mod.rs"]
mod common;

mod analysis;
mod bases;
mod cache;
mod contexts;
mod faults;
mod hostile;
mod images;
mod limits;
mod mounts;
mod secrets;
mod signals;
mod sources;

use std::{fs, path::Path};

/// Texts of all Rust files below a folder.
fn sources(folder: &Path) -> std::io::Result<String> {
    let mut text = String::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            text += &sources(&path)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &fs::read_to_string(&path)?;
        }
    }
    Ok(text)
}

#[test]
fn the_docs_name_tests_and_fixtures_that_are_there() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folders = ["tests", "image/tests", "runtime/tests", "builder/tests", "analyzer/tests"];
    let Ok(texts) = folders.iter().map(|folder| sources(&checkout.join(folder))).collect::<Result<Vec<_>, _>>() else {
        eprintln!("skipped: this user cannot read the checkout");
        return;
    };
    let texts = texts.concat();
    // every second part stands in backticks
    for name in include_str!("../../docs/attacks.md").split('`').skip(1).step_by(2) {
        if name.starts_with(|first: char| first.is_ascii_digit()) {
            assert!(checkout.join("fixtures/dockerfile").join(name).is_dir(), "{name}");
        } else if name.len() > 20 && name.contains('_') {
            assert!(texts.contains(&format!("fn {name}()")), "{name}");
        }
    }
}
