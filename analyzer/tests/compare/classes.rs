//! Added, removed, modified, renamed, copied: each path in one class, each byte counted once.

use std::collections::HashSet;

use proptest::prelude::*;
use strata_analyzer::compare::{Class, Options, Total, compare};
use strata_fixtures::stack::Stack;

use crate::{compared, told};

#[test]
fn a_file_that_moved_is_one_difference_and_a_copy_is_told_as_one() {
    for (a, b, expected) in [
        ("a:9x", "b:9x", vec!["/a>/b"]),
        ("a:9x", "a:9x b:9x", vec!["/a*/b"]),
        ("a:9x", "b:9x c:9x", vec!["/a>/b", "/a*/c"]),
        ("a:9x@0644", "b:9x@0755", vec!["/a>/b mode"]),
        // empty files are all alike
        ("a:0", "b:0", vec!["+/b", "-/a"]),
        // the same last name goes before the order
        ("d/one:9x d/two:9x", "e/two:9x e/zero:9x", vec!["+/e", "-/d", "/d/two>/e/two", "/d/one>/e/zero"]),
        // as many as went
        ("d/one:9x d/two:9x", "e/one:9x", vec!["+/e", "-/d", "-/d/two", "/d/one>/e/one"]),
        // a directory went with all that is below, or its files did
        ("d/a:9x d/b:0 d/l->t", "e/a:9x e/b:0 e/l->t", vec!["/d>/e", "/d/a>/e/a", "/d/b>/e/b", "/d/l>/e/l"]),
        ("d/a:9x", "f/e/a:9x", vec!["+/f", "/d>/f/e", "/d/a>/f/e/a"]),
        ("d/a:9x d/l->t", "e/a:9x e/l->u", vec!["+/e", "+/e/l", "-/d", "-/d/l", "/d/a>/e/a"]),
        ("d/s/a:9x", "e/s/a:9x e/b:1", vec!["+/e", "+/e/b", "-/d", "/d/s>/e/s", "/d/s/a>/e/s/a"]),
        ("d/a:9x e/a:9x", "x/e/a:9x y/a:9x", vec!["+/x", "/e>/x/e", "/e/a>/x/e/a", "/d>/y", "/d/a>/y/a"]),
        ("d/a:0", "e/a:0", vec!["+/e", "+/e/a", "-/d", "-/d/a"]),
    ] {
        assert_eq!(told(&compared(a, b)), expected, "{a} and {b}");
    }
}

#[test]
fn each_class_has_its_paths_and_bytes() {
    let comparison = compared("a:10x b:20 c:30@0644 d:40 l->a e:50", "a:15y c:30@0755 d2:40d l/ n:7");
    let classes: Vec<_> = comparison
        .rootfs
        .classes
        .iter()
        .map(|total| (total.class.word(), total.paths, total.bytes_a, total.bytes_b))
        .collect();
    assert_eq!(
        classes,
        [
            ("added", 1, 0, 7),
            ("removed", 2, 70, 0),
            ("modified", 1, 10, 15),
            ("metadata", 1, 30, 30),
            ("type-changed", 1, 0, 0),
            ("renamed", 1, 40, 40)
        ]
    );
    assert_eq!(comparison.rootfs.total(Class::Copied), None);
    assert_eq!((comparison.a.live_bytes, comparison.b.live_bytes), (Some(150), Some(92)));
}

#[test]
fn bytes_of_a_file_with_several_names_count_once() {
    let comparison = compared("a:10", "a:10 b:20 c=b d=b");
    assert_eq!(comparison.rootfs.total(Class::Added).map(|total| (total.paths, total.bytes_b)), Some((3, 20)));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_came_less_what_went_is_what_the_sizes_differ_by(a in stacks(), b in stacks()) {
        let (a, b) = (Stack::parse("a:1", &a).unwrap(), Stack::parse("b:1", &b).unwrap());
        let Ok(comparison) = compare(&a, &b, &Options::default()) else { return Ok(()) };
        let sum = |side: fn(&Total) -> u64| comparison.rootfs.classes.iter().map(side).sum::<u64>();
        let (in_a, in_b) = (sum(|total| total.bytes_a), sum(|total| total.bytes_b));
        if let (Some(live_a), Some(live_b)) = (comparison.a.live_bytes, comparison.b.live_bytes) {
            prop_assert_eq!(live_a + in_b, live_b + in_a);
        }
        // each path is in one class
        let rootfs = &comparison.rootfs;
        let both: HashSet<_> = rootfs.gone().into_iter().collect();
        prop_assert!(rootfs.new_paths().iter().all(|path| !both.contains(path)));
        prop_assert_eq!(compare(&a, &a, &Options::default()).unwrap().equal, true);
    }
}

/// Layers of few names and contents, so that much is moved, copied, linked and replaced.
fn stacks() -> impl Strategy<Value = String> {
    let name = || prop::sample::select(vec!["a", "b", "d/a", "d/b", "d/e/a", "f"]);
    let word = prop_oneof![
        4 => (name(), 0_u8..4, prop::sample::select(vec!["x", "y", ""])).prop_map(|(name, size, letter)| format!("{name}:{size}{letter}")),
        1 => (name(), prop::sample::select(vec!["a", "b"])).prop_map(|(name, target)| format!("{name}={target}")),
        1 => name().prop_map(|name| format!("{name}->t")),
        1 => name().prop_map(|name| format!("-{name}")),
    ];
    let layer = prop::collection::vec(word, 1..6).prop_map(|words| words.join(" "));
    prop::collection::vec(layer, 1..3).prop_map(|layers| layers.join(" / "))
}
