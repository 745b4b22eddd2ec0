//! What one pass over a layer tells of its files beside their hashes, and the packages that come of it.
#![allow(clippy::unwrap_used)]

mod archives;
#[path = "../memory/mod.rs"]
mod memory;
mod packages;
mod programs;

use std::sync::Arc;

use memory::{Memory, file};
use strata_analyzer::{facts::Fact, index::LayerIndex};
use strata_image::Image as _;

/// The index of a layer with these files.
fn index(files: &[(&str, &[u8])]) -> Arc<LayerIndex> {
    let entries: Vec<_> = files.iter().map(|(path, content)| file(path, content)).collect();
    let image = Memory::new(&[&entries]);
    LayerIndex::all(image.layers(), None).unwrap().remove(0)
}

/// What one file says.
fn facts(path: &str, content: &[u8]) -> Vec<Fact> {
    index(&[(path, content)]).facts().of(0).cloned().collect()
}

#[test]
fn an_ordinary_file_says_nothing() {
    assert_eq!(facts("usr/bin/tool", b"#!/bin/sh\necho hello\n"), []);
    assert_eq!(facts("etc/motd", &vec![b'x'; 300_000]), []);
    assert_eq!(facts("a.tar", b""), []);
}

#[test]
fn facts_are_those_of_their_entry() {
    let key = b"-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n".as_slice();
    let index = index(&[("a", b"x"), ("b.pem", key), ("c", key), ("etc/passwd", b"root:x:0:0::/root:/bin/sh\n")]);
    let told: Vec<u32> = index.facts().all().map(|(entry, _)| entry).collect();
    assert_eq!(told, [1, 2, 3], "a key is known by its name or by its first bytes");
    assert_eq!(index.facts().kept(3), Some(b"root:x:0:0::/root:/bin/sh\n".as_slice()));
    assert_eq!(index.facts().kept(1), None);
}

#[test]
fn facts_come_back_from_the_cache() {
    let elf = strata_fixtures::content::elf(2, &[(".debug_info", &[7; 100])], false);
    let zip = strata_fixtures::content::zip(&[("a", b"some content")], true).unwrap();
    let zeros = vec![0; 200_000];
    let files = [
        file("etc/passwd", b"root:x:0:0::/root:/bin/sh\n"),
        file("bin/app", &elf),
        file("a.zip", &zip),
        file("zeros", &zeros),
        file(".env", b"API_TOKEN=0123456789abcdef\n"),
    ];
    let image = Memory::new(&[&files]);
    let cache = tempfile::tempdir().unwrap();
    let read = LayerIndex::all(image.layers(), Some(cache.path())).unwrap();
    assert_eq!(read[0].facts().all().count(), 5);
    let again = LayerIndex::all(Memory::unreadable(image.layers()).layers(), Some(cache.path())).unwrap();
    assert_eq!(read, again);
    assert_eq!(again[0].facts().kept(0), read[0].facts().kept(0));
}
