//! What an audit finds in each of many images is what an analysis finds in it alone, whatever the images share.
#![allow(missing_docs, clippy::unwrap_used)]

mod memory;

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use memory::{Memory, MemoryLayer, file};
use proptest::prelude::*;
use strata_analyzer::{
    Analysis, Finding, Result,
    analysis::{self, Candidate, LayerLine},
    analyze,
    audit::{Audit, Gathering, ImageRow, Observer, Options},
};
use strata_fixtures::stack::Stack;
use strata_image::{Image, Layer, layer::LayerWriter};

/// A few names that meet each other as files, directories, links and whiteouts; some of them rules ask for.
fn path() -> impl Strategy<Value = String> {
    let names =
        vec!["a", "b", "d", "d/x", "d/y", "d/e/z", "l", "l/x", "usr/include/h", "usr/share/man/m", "root/.npm/c"];
    prop::sample::select(names).prop_map(str::to_owned)
}

fn entry() -> impl Strategy<Value = String> {
    prop_oneof![
        10 => (path(), 0..5_u32, "[pq]").prop_map(|(path, size, content)| format!("{path}:{size}{content}")),
        1 => (path(), 1..5_u32).prop_map(|(path, size)| format!("{path}:{size}p@0755")),
        2 => path().prop_map(|path| format!("{path}/")),
        3 => path().prop_map(|path| format!("-{path}")),
        1 => path().prop_map(|path| format!("{path}!")),
        1 => (path(), path()).prop_map(|(path, target)| format!("{path}->{target}")),
        2 => (path(), path()).prop_map(|(path, target)| format!("{target}:3p {path}={target}")),
    ]
}

fn layer() -> impl Strategy<Value = String> {
    prop::collection::vec(entry(), 1..6).prop_map(|entries| entries.join(" "))
}

/// Images as lists of layers: each goes on from a part of an earlier one.
fn images() -> impl Strategy<Value = Vec<String>> {
    let upper = prop::collection::vec(layer(), 1..4);
    prop::collection::vec((any::<prop::sample::Index>(), 0..5_usize, upper), 1..6).prop_map(|plans| {
        let mut images: Vec<Vec<String>> = Vec::new();
        for (from, count, upper) in plans {
            let mut layers = Vec::new();
            if !images.is_empty() {
                layers.extend(from.get(&images).iter().take(count).cloned());
            }
            layers.extend(upper);
            images.push(layers);
        }
        images.into_iter().map(|layers| layers.join(" / ")).collect()
    })
}

/// Everything that is found, by source.
#[derive(Default)]
struct Heard(BTreeMap<String, Vec<Finding>>);

impl Observer for Heard {
    fn image(&mut self, image: &ImageRow, _: &[LayerLine], findings: &[Finding]) -> Result<()> {
        self.0.insert(image.source.clone(), findings.to_vec());
        Ok(())
    }
}

fn audit(texts: &[String]) -> (Audit, Heard) {
    let mut gathering = Gathering::new(None);
    let image = |(number, text): (usize, &String)| {
        let name = format!("image:{number}");
        (name.clone(), Box::new(Stack::parse(&name, text).unwrap()) as Box<dyn strata_image::Image>)
    };
    gathering.take(texts.iter().enumerate().map(image).collect());
    let mut heard = Heard::default();
    let audit = gathering.audit(&Options { bases: &[], top: 10 }, &mut heard).unwrap();
    (audit, heard)
}

fn analyzed(texts: &[String], number: usize) -> Result<Analysis> {
    let stack = |number: usize| Stack::parse(&format!("image:{number}"), &texts[number]).unwrap();
    let candidates: Vec<Candidate> = (0..texts.len())
        .map(|number| Candidate {
            name: format!("image:{number}"),
            digest: None,
            diff_ids: stack(number).layers().iter().map(|layer| layer.diff_id()).collect(),
        })
        .collect();
    analyze(&stack(number), &analysis::Options { bases: &candidates, ..analysis::Options::default() })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn each_image_has_what_it_has_alone(texts in images()) {
        let (audit, heard) = audit(&texts);
        prop_assert_eq!(audit.images.len() + audit.errors.len(), texts.len());
        for number in 0..texts.len() {
            let source = format!("image:{number}");
            let Some(row) = audit.images.iter().find(|row| row.source == source) else {
                // a link to what is not there, or to a directory, is no layer
                prop_assert!(analyzed(&texts, number).is_err(), "{:?}", texts);
                continue;
            };
            let alone = analyzed(&texts, number).unwrap();
            prop_assert_eq!((row.total_bytes, row.wasted_bytes), (alone.total_bytes, alone.wasted_bytes), "{:?}", texts);
            prop_assert_eq!(row.own_wasted_bytes, alone.own.wasted_bytes, "{:?}", texts);
            let base = row.base.as_ref().map(|base| (base.layers, base.wasted_bytes, base.killed_bytes));
            prop_assert_eq!(base, alone.base.map(|base| (base.layers, base.wasted_bytes, base.killed_bytes)));
            let own: Vec<Finding> = alone.findings.into_iter().filter(|finding| !finding.base).collect();
            prop_assert_eq!(&heard.0[&source], &own, "image {} of {:?}", number, texts);
            prop_assert_eq!(row.findings, own.len());
        }
    }

    #[test]
    fn what_is_shared_is_the_difference_of_the_sums(texts in images()) {
        let (audit, _) = audit(&texts);
        let totals = audit.totals;
        prop_assert_eq!(totals.image_bytes - totals.layer_bytes, totals.shared_bytes, "{:?}", texts);
        prop_assert_eq!(audit.layers.iter().map(|layer| layer.shared_bytes).sum::<u64>(), totals.shared_bytes);
        let wasted: u64 = audit.bases.iter().map(|base| base.own_wasted_bytes + base.killed_bytes).sum();
        let of_bases: u64 = audit.images.iter().filter_map(|row| Some(row.base.as_ref()?.wasted_bytes)).sum();
        prop_assert_eq!(wasted + of_bases, totals.wasted_bytes, "{:?}", texts);
    }
}

#[test]
fn contents_of_layers_that_different_images_have_are_duplicates() {
    // 100 bytes `q` are in three layers, in one of them twice; 9 bytes `p` are in two layers that the same image has
    let texts = ["k:1 / x:100q y:100q", "k:1 / z:1 / x:100q", "o:2 / w:100q", "n:3 / e:9p / d/ f:9p"];
    let (audit, _) = audit(&texts.map(str::to_owned));
    let rows: Vec<_> = audit.duplicates.iter().map(|row| (row.bytes, row.size, row.layers, row.images)).collect();
    assert_eq!(rows[0], (200, 100, 3, 3), "{:?}", audit.duplicates);
    assert_eq!(audit.duplicates_total_bytes, rows.iter().map(|row| row.0).sum::<u64>());
    assert_eq!(rows.len(), 1, "{:?}", audit.duplicates);
    let mut paths: Vec<&str> = audit.duplicates[0].places.iter().map(|place| place.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, ["/w", "/x", "/x"]);
}

/// An audit of images that are made of some of these layers.
fn audit_of(layers: &[Arc<MemoryLayer>], images: &[&[usize]], cache: Option<&std::path::Path>) -> Audit {
    let mut gathering = Gathering::new(cache);
    for (number, image) in images.iter().enumerate() {
        let own = image.iter().map(|&layer| Arc::clone(&layers[layer]) as Arc<dyn Layer>).collect();
        gathering.take(vec![(format!("image:{number}"), Box::new(Memory::of_layers(own)) as Box<dyn Image>)]);
    }
    gathering.audit(&Options { bases: &[], top: 10 }, &mut ()).unwrap()
}

#[test]
fn an_archive_that_was_unpacked_in_the_base_is_found_while_that_is_there() {
    let content = vec![b'x'; 5_000];
    let mut writer = LayerWriter::new(Vec::new());
    let (entry, bytes) = file("x", &content);
    writer.append(&entry, bytes).unwrap();
    let tar = writer.finish().unwrap();
    let layer = |files: &[(&str, &[u8])]| {
        Arc::new(MemoryLayer::of(&files.iter().map(|(path, content)| file(path, content)).collect::<Vec<_>>()))
    };
    let base = layer(&[("srv/x", &content)]);
    let beside = layer(&[("srv/x.tar", &tar)]);
    let instead = layer(&[("srv/x.tar", &tar), ("srv/.wh.x", b"")]);
    let mut gathering = Gathering::new(None);
    for (name, layers) in [("base", vec![&base]), ("beside", vec![&base, &beside]), ("instead", vec![&base, &instead])]
    {
        let layers = layers.into_iter().map(|layer| Arc::clone(layer) as Arc<dyn Layer>).collect();
        gathering.take(vec![(name.to_owned(), Box::new(Memory::of_layers(layers)) as Box<dyn Image>)]);
    }
    let mut heard = Heard::default();
    gathering.audit(&Options { bases: &[], top: 10 }, &mut heard).unwrap();
    let is_extracted = |name: &str| heard.0[name].iter().any(|finding| finding.name == "extracted-archive");
    assert_eq!((is_extracted("beside"), is_extracted("instead")), (true, false), "{:?}", heard.0);
}

#[test]
fn a_package_counts_once_for_the_stack_that_it_came_in() {
    let status = |packages: &[(&str, u32)]| -> Vec<u8> {
        let paragraph = |(name, size): &(&str, u32)| {
            format!("Package: {name}\nStatus: install ok installed\nInstalled-Size: {size}\nVersion: 1-{size}\n\n")
        };
        packages.iter().map(paragraph).collect::<String>().into_bytes()
    };
    let (base, more) = (status(&[("curl", 5)]), status(&[("curl", 5), ("jq", 3)]));
    let newer = status(&[("curl", 7)]);
    let layer = |files: &[(&str, &[u8])]| {
        Arc::new(MemoryLayer::of(&files.iter().map(|(path, content)| file(path, content)).collect::<Vec<_>>()))
    };
    let layers = [
        layer(&[("var/lib/dpkg/status", &base)]),
        layer(&[("var/lib/dpkg/status", &more)]),
        layer(&[("var/lib/dpkg/status", &newer)]),
        layer(&[
            ("srv/node_modules/left/package.json", br#"{"name":"left","version":"2.0.0"}"#),
            ("srv/node_modules/left/index.js", &[b'x'; 900]),
        ]),
        layer(&[("srv/own", b"own")]),
    ];
    // two go on from jq; one has another curl; one has only what the base has
    let audit = audit_of(&layers, &[&[0], &[0, 1, 3], &[0, 1, 4], &[0, 2], &[0, 4]], None);
    let rows: Vec<_> = audit
        .packages
        .iter()
        .map(|row| (row.name.as_str(), row.versions.join(" "), row.bytes, row.stacks, row.images))
        .collect();
    let expected = [
        ("curl", "1-5 1-7".to_owned(), 12 * 1024, 2, 5),
        ("jq", "1-3".to_owned(), 3 * 1024, 1, 2),
        ("left", "2.0.0".to_owned(), 900 + 33, 1, 1),
    ];
    assert_eq!(rows, expected);
}

#[test]
fn a_layer_is_read_once_however_many_images_have_it_and_what_is_not_held_comes_from_the_cache() {
    const IMAGES: usize = 600;
    let layer =
        |number: usize| Arc::new(MemoryLayer::of(&[file(&format!("f{number}"), format!("{number}").as_bytes())]));
    let layers: Vec<_> = (0..=IMAGES).map(layer).collect();
    let images: Vec<Vec<usize>> = (1..=IMAGES).map(|own| vec![0, own]).collect();
    let images: Vec<&[usize]> = images.iter().map(Vec::as_slice).collect();
    let cache = tempfile::tempdir().unwrap();
    let first = audit_of(&layers, &images, Some(cache.path()));
    assert!(layers.iter().all(|layer| layer.reads.load(Ordering::Relaxed) == 1));
    assert_eq!((first.totals.images, first.totals.layers), (600, 601));
    assert_eq!(first.totals.shared_bytes, 599);
    assert_eq!(audit_of(&layers, &images, Some(cache.path())), first);
    assert!(layers.iter().all(|layer| layer.reads.load(Ordering::Relaxed) == 1));
}

/// `STRATA_WRITE_DOCS=1 cargo test -p strata-analyzer --test audit` writes the columns anew.
#[test]
fn the_columns_of_the_tables_are_described() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/audit.md");
    let text = std::fs::read_to_string(path).unwrap();
    let (head, columns) = text.split_once("## Columns\n\n").unwrap();
    let page = strata_analyzer::audit::tables::page();
    if std::env::var_os("STRATA_WRITE_DOCS").is_some() {
        std::fs::write(path, format!("{head}## Columns\n\n{page}")).unwrap();
    } else {
        assert_eq!(columns, page, "run it with STRATA_WRITE_DOCS=1");
    }
}
