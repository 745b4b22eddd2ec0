//! What the ledger and the report say of stacks whose waste is known.
#![allow(clippy::unwrap_used, clippy::float_cmp)]

use std::collections::BTreeMap;

use strata_analyzer::{Ledger, analysis, analyze, index::LayerIndex};
use strata_fixtures::{stack::Stack, waste};
use strata_image::Image as _;

#[test]
fn every_worked_example_has_its_true_waste() {
    for row in waste::ROWS {
        let image = row.image().unwrap();
        let report = analyze(&image, &analysis::Options::default()).unwrap();
        assert_eq!(report.total_bytes, row.total_bytes, "{}", row.id);
        assert_eq!(report.wasted_bytes, row.wasted_bytes, "{}", row.id);
        assert!((report.efficiency - row.efficiency).abs() < 1e-6, "{}: {}", row.id, report.efficiency);
        let kinds: Vec<_> = report.by_kind.iter().map(|(kind, bytes)| (kind.to_string(), *bytes)).collect();
        let expected: Vec<_> = row.kinds().into_iter().map(|(kind, bytes)| (kind.to_owned(), bytes)).collect();
        assert_eq!(sorted(kinds), sorted(expected), "{}", row.id);
        assert_eq!(report.duplicates_total_bytes, row.duplicates, "{}", row.id);

        let found: Vec<_> = report
            .waste
            .iter()
            .map(|dead| (dead.path.clone(), dead.bytes, dead.kind.to_string(), dead.creator, dead.killer))
            .collect();
        let expected: Vec<_> = row
            .dead
            .iter()
            .map(|dead| {
                let place = |layer: u32| usize::try_from(layer).unwrap();
                (format!("/{}", dead.path), dead.bytes, dead.kind.to_owned(), place(dead.creator), place(dead.killer))
            })
            .collect();
        assert_eq!(sorted(found), sorted(expected), "{}", row.id);
    }
}

fn sorted<T: Ord>(mut list: Vec<T>) -> Vec<T> {
    list.sort();
    list
}

#[test]
fn layers_tell_what_they_made_and_what_they_killed() {
    let image = Stack::parse("app:1", "a:100 b:900 / a:300 / -a -b").unwrap();
    let report = analyze(&image, &analysis::Options::default()).unwrap();
    let rows: Vec<_> = report
        .layers
        .iter()
        .map(|layer| (layer.size_bytes, layer.entries, layer.wasted_bytes, layer.killed_bytes))
        .collect();
    assert_eq!(rows, [(1000, 2, 1000, 0), (300, 1, 300, 100), (0, 2, 0, 1200)]);
    assert_eq!(report.by_kind.values().sum::<u64>(), 1300);
    assert_eq!(report.live_bytes, 0);
    assert_eq!(report.layers[1].created_by.as_deref(), Some("layer 1"));
    assert_eq!(report.layers[1].base, None);
}

#[test]
fn the_report_has_its_fields_in_order() {
    let image = Stack::parse("app:1", "a:100 l/b:7x l/c:7x / -a").unwrap();
    let options = analysis::Options { base_layers: Some(1), ..analysis::Options::default() };
    let report = analyze(&image, &options).unwrap();
    let json = serde_json::to_string(&report).unwrap();
    let [bottom, top] = [0, 1].map(|layer: usize| image.layers()[layer].diff_id());
    let id = image.id().unwrap();
    let expected = format!(
        concat!(
            r#"{{"schema":1,"image":{{"name":"app:1","id":"{id}","platform":"linux/amd64"}},"#,
            r#""total_bytes":114,"live_bytes":14,"wasted_bytes":100,"efficiency":0.12280701754385964,"#,
            r#""layers":[{{"index":0,"diff_id":"{bottom}","size_bytes":114,"entries":3,"created_by":"layer 0","#,
            r#""line":null,"wasted_bytes":100,"killed_bytes":0,"base":true,"last_line":null,"seconds":null}},"#,
            r#"{{"index":1,"diff_id":"{top}","size_bytes":0,"entries":1,"created_by":"layer 1","#,
            r#""line":null,"wasted_bytes":0,"killed_bytes":100,"base":false,"last_line":null,"seconds":null}}],"#,
            r#""waste":[{{"path":"/a","bytes":100,"kind":"whiteout","creator":0,"killer":1}}],"#,
            r#""by_kind":{{"whiteout":100}},"#,
            r#""duplicates":[{{"wasted_bytes":7,"size":7,"paths":["/l/b","/l/c"]}}],"duplicates_total_bytes":7,"#,
            r#""suggestions":[],"saves_bytes":0,"frontier":[],"findings":[{{"rule":"A11","name":"base-file","level":"note","confidence":"medium","#,
            r#""exact":true,"kind":"whiteout","bytes":100,"files":1,"creator":0,"killer":1,"layers":[0,1],"lines":[],"#,
            r#""base":false,"fixable":false,"message":"layer 1 deletes files of the base image: /a (100B)","#,
            r#""fix":"{fix}","paths":[{{"path":"/a","bytes":100,"files":1,"other":null,"package":null}}],"#,
            r#""paths_total":1}},{{"rule":"B1","name":"duplicate-content","level":"note","confidence":"medium","#,
            r#""exact":false,"kind":"within-layer","bytes":7,"files":1,"creator":0,"killer":null,"layers":[0],"lines":[],"#,
            r#""base":true,"fixable":false,"message":"{copies}","fix":"{copies_fix}","paths":[{{"path":"/l/c","bytes":7,"#,
            r#""files":1,"other":"/l/b","package":null}}],"paths_total":1}}],"suppressed":[],"#,
            r#""base":{{"name":null,"layers":1,"found_by":"build","total_bytes":114,"wasted_bytes":0,"killed_bytes":100}},"#,
            r#""own":{{"total_bytes":0,"wasted_bytes":0,"efficiency":1.0}},"packages":[],"refused":[],"notes":[]}}"#
        ),
        id = id,
        bottom = bottom,
        top = top,
        fix = report.findings[0].fix,
        copies = report.findings[1].message,
        copies_fix = report.findings[1].fix,
    );
    assert_eq!(json, expected);
}

#[test]
fn an_image_without_bytes_is_efficient() {
    for layers in ["d/", "d/ / -d", "a:0 / -a"] {
        let image = Stack::parse("empty:1", layers).unwrap();
        let report = analyze(&image, &analysis::Options::default()).unwrap();
        assert_eq!((report.efficiency, report.wasted_bytes), (1.0, 0), "{layers}");
        assert!(report.waste.is_empty(), "{layers}: a file without content is no waste");
        assert_eq!(report.by_kind, BTreeMap::new(), "{layers}");
    }
}

#[test]
fn waste_is_sorted_by_bytes_then_path() {
    let image = Stack::parse("app:1", "b:10 a:10 c:30 / -a -b -c").unwrap();
    let report = analyze(&image, &analysis::Options::default()).unwrap();
    let paths: Vec<_> = report.waste.iter().map(|dead| dead.path.as_str()).collect();
    assert_eq!(paths, ["/c", "/a", "/b"]);
}

#[test]
fn duplicates_are_live_inodes_not_names() {
    let report = |layers: &str| {
        let image = Stack::parse("app:1", layers).unwrap();
        analyze(&image, &analysis::Options::default()).unwrap()
    };
    assert_eq!(report("a:5x b=a c=a").duplicates_total_bytes, 0, "links share their bytes");
    assert_eq!(report("a:5x / -a b:5x").duplicates_total_bytes, 0, "the dead are waste already");
    assert_eq!(report("a:0 b:0 c:0").duplicates_total_bytes, 0, "nothing can be shared");
    let three = report("z:5x a:5x m:5x n=a big:9y gib:9y");
    assert_eq!(three.duplicates_total_bytes, 19);
    let groups: Vec<_> =
        three.duplicates.iter().map(|group| (group.wasted_bytes, group.size, group.paths.clone())).collect();
    let paths = |paths: &[&str]| paths.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(groups, [(10, 5, paths(&["/a", "/m", "/z"])), (9, 9, paths(&["/big", "/gib"]))]);
}

#[test]
fn duplicates_are_listed_up_to_a_limit_and_counted_beyond() {
    let many: Vec<String> = (0..150).map(|number| format!("same/{number:03}:2x")).collect();
    let image = Stack::parse("app:1", &many.join(" ")).unwrap();
    let report = analyze(&image, &analysis::Options::default()).unwrap();
    assert_eq!(report.duplicates_total_bytes, 298);
    assert_eq!(report.duplicates[0].wasted_bytes, 298);
    assert_eq!(report.duplicates[0].paths.len(), 100);

    let pairs: Vec<String> = (1..=1100).map(|size| format!("a{size}:{size}x b{size}:{size}x")).collect();
    let image = Stack::parse("app:1", &pairs.join(" ")).unwrap();
    let report = analyze(&image, &analysis::Options::default()).unwrap();
    assert_eq!(report.duplicates.len(), 1000);
    assert_eq!(report.duplicates_total_bytes, (1..=1100).sum::<u64>());
    assert_eq!(report.duplicates[0].size, 1100);
}

#[test]
fn a_layer_that_is_there_twice_is_counted_twice() {
    let image = Stack::parse("app:1", "a:100 / a:100 / a:100").unwrap();
    let report = analyze(&image, &analysis::Options::default()).unwrap();
    assert_eq!((report.total_bytes, report.wasted_bytes), (300, 200));
}

#[test]
fn a_whiteout_without_a_name_is_refused_with_its_layer() {
    let image = Stack::parse("app:1", "a:1 / .wh.:0").unwrap();
    let error = analyze(&image, &analysis::Options::default()).unwrap_err();
    assert!(error.to_string().contains(&image.layers()[1].diff_id().to_string()), "{error}");
}

#[test]
fn links_that_a_later_layer_broke_are_known() {
    let broken = |layers: &str| -> Vec<(usize, usize, String)> {
        let image = Stack::parse("app:1", layers).unwrap();
        let indexes = LayerIndex::all(image.layers(), None).unwrap();
        let ledger = Ledger::fold(&indexes).unwrap();
        ledger.broken_links().iter().map(|link| (link.made, link.broken, link.path.clone())).collect()
    };
    let link = |made, broken, path: &str| vec![(made, broken, path.to_owned())];
    assert_eq!(broken("x:5 y=x / x:9"), link(0, 1, "/x"), "written to");
    assert_eq!(broken("x:5 y=x / y:5"), link(0, 1, "/y"), "rewritten");
    assert_eq!(broken("x:5q y=x / -y z:5q"), link(0, 1, "/y"), "moved");
    assert_eq!(broken("d/x:5q y=d/x / -d e/x:5q"), link(0, 1, "/d/x"), "moved with its directory");
    assert_eq!(broken("x:5 y=x / k:1 / x:9"), link(0, 2, "/x"));
    assert_eq!(broken("x:5 y=x / -y"), [], "removing a name leaves the others");
    assert_eq!(broken("x:5 y=x / -x -y z:5q"), []);
    assert_eq!(broken("d/x:5q d/y=d/x / -d e/x:5q e/y=e/x"), [], "moved together");
    assert_eq!(broken("x:5 y=x / -y / x:9"), [], "the last name breaks nothing");
    assert_eq!(broken("x:5 y:5 / x:9"), []);
    assert_eq!(broken("d/x:5 d/y=d/x / d:7"), []);
    assert_eq!(broken("d/x:5q d/y=d/x z=d/x / d! k:1"), []);
}
