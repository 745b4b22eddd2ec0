//! No byte is lost or counted twice, whatever the layers do.

use std::collections::HashSet;

use proptest::prelude::*;
use strata_analyzer::{Ledger, index::LayerIndex};
use strata_fixtures::stack::Stack;
use strata_image::{Image as _, view::NodeKind};

/// A few names that meet each other as files, directories, links and whiteouts.
fn path() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "d", "d/x", "d/y", "d/e", "d/e/z", "l", "l/x"]).prop_map(str::to_owned)
}

fn entry() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (path(), 0..5_u32, "[pq]").prop_map(|(path, size, content)| format!("{path}:{size}{content}")),
        2 => path().prop_map(|path| format!("{path}/")),
        2 => path().prop_map(|path| format!("-{path}")),
        1 => path().prop_map(|path| format!("{path}!")),
        1 => (path(), path()).prop_map(|(path, target)| format!("{path}->{target}")),
        2 => (path(), path()).prop_map(|(path, target)| format!("{target}:3p {path}={target}")),
    ]
}

fn layers() -> impl Strategy<Value = String> {
    let layer = prop::collection::vec(entry(), 1..6).prop_map(|entries| entries.join(" "));
    prop::collection::vec(layer, 1..6).prop_map(|layers| layers.join(" / "))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn live_and_dead_are_all_there_is(text in layers()) {
        let image = Stack::parse("any:1", &text).unwrap();
        let indexes = LayerIndex::all(image.layers(), None).unwrap();
        // a link to what is not there, or to a directory, is no layer
        let Ok(ledger) = Ledger::fold(&indexes) else { return Ok(()) };

        let mut live = vec![0; indexes.len()];
        let mut seen = HashSet::new();
        ledger.view().walk(&mut |node| {
            if node.meta.kind == NodeKind::File && seen.insert(node.inode) {
                live[node.inode.layer as usize] += node.meta.size;
            }
        });
        for (layer, (totals, live)) in ledger.layers().iter().zip(&live).enumerate() {
            prop_assert_eq!(totals.wasted + live, totals.total, "layer {} of {}", layer, text);
        }
        prop_assert_eq!(ledger.live(), live.iter().sum::<u64>());
        prop_assert_eq!(ledger.live() + ledger.wasted(), ledger.total());
        prop_assert_eq!(ledger.layers().iter().map(|layer| layer.killed).sum::<u64>(), ledger.wasted());

        let mut died = HashSet::new();
        for dead in ledger.dead() {
            prop_assert!(died.insert(dead.inode), "{:?} died twice in {}", dead, text);
            prop_assert!(!seen.contains(&dead.inode), "{:?} is dead and alive in {}", dead, text);
            prop_assert!(dead.creator() <= dead.killer);
        }
    }
}
