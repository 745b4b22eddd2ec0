//! What only follows from a difference that does not count does not count either.

use strata_analyzer::compare::{Depth, Options, What, compare};
use strata_image::layer::LayerWriter;

use crate::{
    layers::{at, image, told},
    memory::{MemoryLayer, file},
    stack,
};

#[test]
fn what_moved_or_was_copied_does_not_count_in_layers_where_it_is_ignored() {
    for (a, b, ignored) in [
        ("a:9x", "b:9x", What::Renamed),
        ("d/a:9x d/l->t", "e/a:9x e/l->t", What::Renamed),
        ("a:9x", "a:9x b:9x", What::Copied),
        ("a:9x", "a:9x b:8", What::Added),
        ("a:9x b:8", "a:9x", What::Removed),
    ] {
        for depth in [Depth::Layers, Depth::Exact] {
            let found = compare(&stack(a), &stack(b), &Options { ignore: vec![ignored], ..at(depth) }).unwrap();
            assert!(found.equal, "{a} and {b}: {found:?}");
            assert!(!compare(&stack(a), &stack(b), &at(depth)).unwrap().equal);
        }
    }
}

#[test]
fn what_the_header_of_another_type_says_is_no_difference_of_its_own() {
    for (a, b, expected) in [("a:0", "a/", "/a: type mode"), ("a:1", "a->b", "/a: type"), ("a/", "a->b", "/a: type")] {
        let found = compare(&stack(a), &stack(b), &at(Depth::Exact)).unwrap();
        assert_eq!(told(found.layers.pairs[0].diff.as_ref().unwrap()), [expected], "{a} {b}");
    }
}

#[test]
fn the_fill_of_the_last_record_is_no_difference_of_its_own() {
    let filled = |entries: &[(&str, usize)]| {
        let mut tar = LayerWriter::new(Vec::new());
        for (name, size) in entries {
            let content = vec![b'x'; *size];
            let (mut entry, _) = file(name, b"");
            entry.size = content.len() as u64;
            tar.append(&entry, content.as_slice()).unwrap();
        }
        let mut tar = tar.finish().unwrap();
        tar.resize(tar.len().next_multiple_of(10_240), 0);
        tar
    };
    let whats = |a: &[u8], b: &[u8]| {
        let (a, b) = (image(MemoryLayer::raw(a.to_vec())), image(MemoryLayer::raw(b.to_vec())));
        told(compare(&a, &b, &at(Depth::Exact)).unwrap().layers.pairs[0].diff.as_ref().unwrap())
    };
    let (one, two) = (filled(&[("a", 1)]), filled(&[("a", 1), ("b", 9)]));
    assert_eq!(whats(&one, &two), ["+/b"]);
    assert_eq!(whats(&one, &filled(&[("a", 9000)])), ["/a: content"]);
    // as much as one entry less, and as a record more than is needed
    assert_eq!(whats(&one, &two[..two.len() - 1024]), ["+/b", "padding"]);
    assert_eq!(whats(&one, &[one.as_slice(), &[0; 10_240]].concat()), ["padding"]);
}
