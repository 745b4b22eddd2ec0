//! The tree of names through the layers: what a layer did to each, and what there is at it.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use strata_analyzer::{
    Ledger, Tree,
    index::LayerIndex,
    tree::{Changes, Mark, NodeIndex, ROOT},
};
use strata_fixtures::stack::Stack;
use strata_image::Image as _;

fn tree(text: &str) -> Option<(Tree, Vec<std::sync::Arc<LayerIndex>>)> {
    let image = Stack::parse("any:1", text).unwrap();
    let indexes = LayerIndex::all(image.layers(), None).unwrap();
    let (_, tree) = Tree::fold(&indexes).ok()?;
    Some((tree, indexes))
}

fn all(tree: &Tree) -> Vec<NodeIndex> {
    let (mut found, mut waiting) = (Vec::new(), vec![ROOT]);
    while let Some(node) = waiting.pop() {
        found.push(node);
        waiting.extend(tree.children(node).iter().rev());
    }
    found
}

/// `A path bytes` for everything that there is to see but the root.
fn shown(text: &str, layer: usize, changes: Changes) -> Vec<String> {
    let (tree, _) = tree(text).unwrap();
    let scene = tree.at(layer, changes);
    let line = |node: NodeIndex| {
        let letter = match scene.mark(node) {
            Mark::Absent => return None,
            Mark::Unmodified => '.',
            Mark::Added => 'A',
            Mark::Modified => 'M',
            Mark::Metadata => 'P',
            Mark::Removed => 'R',
        };
        let path = String::from_utf8(tree.path(node)).unwrap();
        let wasted = match scene.wasted(node) {
            0 => String::new(),
            wasted => format!(" wasted {wasted}"),
        };
        Some(format!("{letter} {path} {}{wasted}", scene.bytes(node)))
    };
    all(&tree).into_iter().skip(1).filter_map(line).collect()
}

#[test]
fn every_change_of_a_layer_has_its_mark() {
    let text = "d/ d/keep:5 d/go:10 d/same:20p d/mode:30p l->a / d/ -d/go d/same:20q d/mode:30p@0755 d/new:40 l->b";
    assert_eq!(
        shown(text, 1, Changes::OfLayer),
        [
            "M d 95 wasted 60",
            "R d/go 10 wasted 10",
            ". d/keep 5",
            "P d/mode 30 wasted 30",
            "A d/new 40",
            "M d/same 20 wasted 20",
            "M l 0",
        ]
    );
}

#[test]
fn a_directory_that_a_layer_only_repeats_is_unmodified() {
    assert_eq!(shown("d/ d/a:1 / d/ b:1", 1, Changes::OfLayer), ["A b 1", ". d 1", ". d/a 1"]);
}

#[test]
fn what_came_after_the_lowest_layer_and_went_is_seen_when_changes_are_aggregated() {
    let text = "a:1 / b:100 / -b c:2";
    assert_eq!(shown(text, 2, Changes::OfLayer), [". a 1", "R b 100 wasted 100", "A c 2"]);
    assert_eq!(shown(text, 2, Changes::Aggregated), [". a 1", "R b 100 wasted 100", "A c 2"]);
    assert_eq!(shown("a:1 / b:100 / -b / c:2", 3, Changes::OfLayer), [". a 1", "A c 2"]);
    assert_eq!(shown("a:1 / b:100 / -b / c:2", 3, Changes::Aggregated), [". a 1", "R b 100 wasted 100", "A c 2"]);
}

#[test]
fn a_file_of_many_names_weighs_once_in_its_directory() {
    assert_eq!(shown("d/a:100 d/b=d/a", 0, Changes::OfLayer), ["A d 100", "A d/a 100", "A d/b 100"]);
}

#[test]
fn a_name_says_what_died_under_it() {
    let (tree, _) = tree("a:100 / a:30 / -a").unwrap();
    let node = *tree.children(ROOT).first().unwrap();
    let deaths: Vec<_> = tree.deaths(node).map(|death| (death.bytes, death.creator, death.killer)).collect();
    assert_eq!(deaths, [(100, 0, 1), (30, 1, 2)]);
    assert_eq!(tree.wasted(node), 130);
}

/// A few names that meet each other as files, directories, links and whiteouts.
fn path() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "d", "d/x", "d/y", "d/e", "d/e/z", "l", "l/x", "l/e/z"]).prop_map(str::to_owned)
}

fn entry() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (path(), 0..5_u32, "[pq]").prop_map(|(path, size, content)| format!("{path}:{size}{content}")),
        2 => path().prop_map(|path| format!("{path}/")),
        2 => path().prop_map(|path| format!("-{path}")),
        1 => path().prop_map(|path| format!("{path}!")),
        2 => (path(), path()).prop_map(|(path, target)| format!("{path}->{target}")),
        2 => (path(), path()).prop_map(|(path, target)| format!("{target}:3p {path}={target}")),
    ]
}

fn layers() -> impl Strategy<Value = String> {
    let layer = prop::collection::vec(entry(), 1..6).prop_map(|entries| entries.join(" "));
    prop::collection::vec(layer, 1..6).prop_map(|layers| layers.join(" / "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn at_every_layer_it_is_what_those_layers_alone_show(text in layers()) {
        let Some((tree, indexes)) = tree(&text) else { return Ok(()) };
        for layer in 0..indexes.len() {
            let ledger = Ledger::fold(&indexes[..=layer]).unwrap();
            let mut expected = Vec::new();
            ledger.view().walk(&mut |node| expected.push((node.path.as_bytes().to_vec(), node.inode)));
            let mut found: Vec<_> = all(&tree)
                .into_iter()
                .skip(1)
                .filter_map(|node| Some((tree.path(node), tree.version(node, layer)?.inode?)))
                .collect();
            found.sort();
            prop_assert_eq!(found, expected, "layer {} of {}", layer, text);
            let scene = tree.at(layer, Changes::OfLayer);
            prop_assert_eq!(scene.bytes(ROOT), ledger.live(), "layer {} of {}", layer, text);
            for node in all(&tree) {
                let shown = !matches!(scene.mark(node), Mark::Absent | Mark::Removed);
                let live = node == ROOT || tree.version(node, layer).is_some_and(|version| version.inode.is_some());
                prop_assert_eq!(shown, live);
            }
        }
        let scene = tree.at(indexes.len() - 1, Changes::Aggregated);
        prop_assert_eq!(scene.wasted(ROOT), Ledger::fold(&indexes).unwrap().wasted(), "{}", text);
    }
}
