//! The exact rules share out the dead bytes: none twice, none left.

use proptest::prelude::*;
use strata_analyzer::{analysis, analyze};
use strata_fixtures::stack::Stack;

/// A few names that meet each other as files, directories, links and whiteouts, some of them a package database.
fn path() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "d", "d/x", "d/y", "d/e", "d/e/z", "l", "l/x", "lib/apk/db/installed"])
        .prop_map(str::to_owned)
}

fn entry() -> impl Strategy<Value = String> {
    prop_oneof![
        8 => (path(), 0..5_u32, "[pq]").prop_map(|(path, size, content)| format!("{path}:{size}{content}")),
        1 => (path(), 1..5_u32).prop_map(|(path, size)| format!("{path}:{size}p@0755")),
        2 => path().prop_map(|path| format!("{path}/")),
        3 => path().prop_map(|path| format!("-{path}")),
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
    fn exact_findings_sum_to_the_waste(text in layers(), base in 0..4_usize) {
        let image = Stack::parse("any:1", &text).unwrap();
        let options = analysis::Options { base_layers: Some(base), ..analysis::Options::default() };
        // a link to what is not there, or to a directory, is no layer
        let Ok(report) = analyze(&image, &options) else { return Ok(()) };
        let exact: Vec<_> = report.findings.iter().filter(|finding| finding.exact).collect();
        prop_assert_eq!(exact.iter().map(|finding| finding.bytes).sum::<u64>(), report.wasted_bytes, "{}", text);
        prop_assert_eq!(exact.iter().map(|finding| finding.files).sum::<u64>(), report.waste.len() as u64, "{}", text);
        for finding in exact {
            // few enough paths are here that all are listed
            prop_assert_eq!(finding.paths.iter().map(|place| place.bytes).sum::<u64>(), finding.bytes, "{}", text);
            prop_assert_eq!(finding.paths.len() as u64, finding.paths_total, "{}", text);
        }
    }
}
