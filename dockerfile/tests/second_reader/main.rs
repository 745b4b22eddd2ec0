//! Two other readers of Dockerfiles are asked about every file of `tests/corpus/`. Where one does not
//! agree with this crate, [`divergences::LIST`] says why; a divergence that is not listed fails, and
//! so does a listed one that is none any more.
//!
//! The corpus says by its names what BuildKit does: it refuses `reject-*` and takes all others.
//! `reject-strata-*` it takes too: this crate refuses them with intent.

#![allow(clippy::unwrap_used)]

mod divergences;
mod readers;

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use strata_dockerfile::parse;

use divergences::Divergence;
use readers::READERS;

fn corpus() -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read(path).unwrap())
        })
        .collect()
}

#[test]
fn exactly_the_files_named_so_are_rejected() {
    let files = corpus();
    assert!(files.len() >= 100, "{} files", files.len());
    for (name, source) in files {
        let parsed = parse(&source);
        let rejected = parsed.has_errors();
        assert_eq!(rejected, name.starts_with("reject-"), "{name}: {:?}", parsed.diagnostics);
    }
}

#[test]
fn other_readers_differ_only_where_it_is_written_down() {
    let mut found = BTreeSet::new();
    for (name, source) in corpus() {
        let parsed = parse(&source);
        for reader in READERS {
            let theirs = std::str::from_utf8(&source).ok().and_then(reader.read);
            let divergence = match (parsed.has_errors(), theirs) {
                (true, None) => continue,
                (true, Some(_)) => Divergence::AcceptsInvalid,
                (false, None) => Divergence::RejectsValid,
                (false, Some(theirs)) if (reader.ours)(&parsed.file) == theirs => continue,
                (false, Some(_)) => Divergence::SeesOther,
            };
            found.insert((name.clone(), reader.name, divergence));
        }
    }
    let listed: BTreeSet<_> = divergences::LIST
        .iter()
        .flat_map(|(reader, divergence, _, files)| files.iter().map(|file| ((*file).to_owned(), *reader, *divergence)))
        .collect();
    let unlisted: Vec<_> = found.difference(&listed).collect();
    let gone: Vec<_> = listed.difference(&found).collect();
    assert!(unlisted.is_empty() && gone.is_empty(), "unlisted: {unlisted:#?}\ngone: {gone:#?}");
}
