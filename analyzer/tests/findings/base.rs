//! Which layers are the base's, how that is known, and what becomes of their waste.

use std::collections::BTreeMap;

use strata_analyzer::{
    Analysis,
    analysis::{self, Candidate, FoundBy, Options},
    analyze,
};
use strata_fixtures::stack::Stack;
use strata_image::{ContainerConfig, Image, ImageConfig};

use crate::memory::{Memory, file, with_history};

fn candidate(name: &str, image: &dyn Image, layers: usize) -> Candidate {
    let diff_ids = image.layers().iter().take(layers).map(|layer| layer.diff_id()).collect();
    Candidate { name: name.to_owned(), digest: None, diff_ids }
}

fn found(analysis: &Analysis) -> Option<(Option<&str>, usize, FoundBy)> {
    let base = analysis.base.as_ref()?;
    Some((base.name.as_deref(), base.layers, base.found_by))
}

#[test]
fn a_known_image_with_the_same_layers_is_the_base() {
    let image = Stack::parse("app:1", "a:100 / b:10 / c:1").unwrap();
    let bases = [
        candidate("one:1", &image, 1),
        candidate("two:1", &image, 2),
        candidate("app:old", &image, 3),
        candidate("other:1", &Stack::parse("other:1", "z:1").unwrap(), 1),
    ];
    let analysis = analyze(&image, &Options { bases: &bases, ..Options::default() }).unwrap();
    assert_eq!(found(&analysis), Some((Some("two:1"), 2, FoundBy::Layers)), "the largest that is not the image itself");
    let bases: Vec<_> = analysis.layers.iter().map(|layer| layer.base).collect();
    assert_eq!(bases, [Some(true), Some(true), Some(false)]);
    let unknown = analyze(&image, &Options::default()).unwrap();
    assert_eq!((found(&unknown), unknown.layers[0].base), (None, None));
}

#[test]
fn who_asks_and_who_built_know_better() {
    let image = Stack::parse("app:1", "a:100 / b:10 / c:1").unwrap();
    let (one, two) = (candidate("one:1", &image, 1), candidate("two:1", &image, 2));
    let bases = [two.clone()];
    let options = Options { bases: &bases, base_layers: Some(2), base: Some(&one), ..Options::default() };
    assert_eq!(found(&analyze(&image, &options).unwrap()), Some((Some("one:1"), 1, FoundBy::Asked)));
    let options = Options { base: None, base_layers: Some(1), ..options };
    assert_eq!(found(&analyze(&image, &options).unwrap()), Some((None, 1, FoundBy::Build)));
    let options = Options { base_layers: Some(0), ..options };
    let analysis = analyze(&image, &options).unwrap();
    assert_eq!((found(&analysis), analysis.layers[0].base), (None, Some(false)), "it was built from nothing");
    assert!(one.is_below(&image) && !candidate("all:1", &image, 3).is_below(&image));
}

#[test]
fn labels_name_the_base_among_the_known_images() {
    let plain = Memory::new(&[&[file("a", b"1")], &[file("b", b"2")], &[file("c", b"3")]]);
    let bases = [candidate("debian:12", &plain, 1), candidate("node:20", &plain, 2)];
    let mut image = plain.and_config(ImageConfig::default());
    let label = |name: &str| ("org.opencontainers.image.base.name".to_owned(), name.to_owned());
    image.set_config(ContainerConfig {
        labels: Some(BTreeMap::from([label("docker.io/library/debian:12")])),
        ..ContainerConfig::default()
    });
    let analysis = analyze(&image, &Options { bases: &bases, ..Options::default() }).unwrap();
    assert_eq!(found(&analysis), Some((Some("docker.io/library/debian:12"), 1, FoundBy::Annotation)));
}

#[test]
fn a_history_that_goes_on_after_a_command_has_the_end_of_a_base() {
    let history = |lines: &[(&str, bool)]| -> Option<usize> {
        let layers = lines.iter().filter(|(_, is_empty)| !is_empty).count();
        let files: Vec<Vec<_>> = (0..layers).map(|_| vec![file("a", b"1")]).collect();
        let layers: Vec<&[_]> = files.iter().map(Vec::as_slice).collect();
        let image = Memory::new(&layers).and_config(with_history(lines));
        let analysis = analyze(&image, &Options::default()).unwrap();
        analysis.base.map(|base| {
            assert_eq!(base.found_by, FoundBy::History);
            base.layers
        })
    };
    let (add, cmd, run) =
        ("/bin/sh -c #(nop) ADD file:1 in / ", "/bin/sh -c #(nop)  CMD [\"bash\"]", "RUN /bin/sh -c x");
    assert_eq!(history(&[(add, false), (cmd, true), (run, false)]), Some(1));
    assert_eq!(history(&[(add, false), (cmd, true), (run, false), (cmd, true), (run, false), (cmd, true)]), Some(2));
    assert_eq!(history(&[(add, false), (run, false), (cmd, true)]), None, "its own command ends it");
    assert_eq!(history(&[(add, false), (run, false)]), None);
}

#[test]
fn waste_of_the_base_is_counted_apart() {
    // 5 die in the base, 100 of the base die above it, 30 die above
    let image = Stack::parse("app:1", "a:100 c:5 k:7 / c:6 / a:90 n:30 / n:31").unwrap();
    let analysis = analyze(&image, &analysis::Options { base_layers: Some(2), ..Options::default() }).unwrap();
    let base = analysis.base.unwrap();
    assert_eq!((base.total_bytes, base.wasted_bytes, base.killed_bytes), (118, 5, 100));
    assert_eq!((analysis.own.total_bytes, analysis.own.wasted_bytes), (151, 30));
    assert_eq!(base.wasted_bytes + base.killed_bytes + analysis.own.wasted_bytes, analysis.wasted_bytes);
    assert_eq!(base.total_bytes + analysis.own.total_bytes, analysis.total_bytes);
    let no_base = analyze(&image, &Options::default()).unwrap();
    assert_eq!((no_base.own.total_bytes, no_base.own.wasted_bytes), (no_base.total_bytes, no_base.wasted_bytes));
    assert_eq!(no_base.own.efficiency.to_bits(), no_base.efficiency.to_bits());
}
