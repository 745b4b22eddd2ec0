//! `strata analyze`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::{EXAMPLE, Strata, WASTE};
use serde_json::json;

#[test]
fn the_example_wastes_what_line_4_wrote_and_line_5_removed() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(EXAMPLE);
    strata.ok(["build", "-q", "-t", "app:1", &context]);
    let file = format!("{context}/Dockerfile");
    let report = strata.json(["analyze", "--format", "json", "-f", &file, "app:1"]);
    assert_eq!(report["schema"], 1);
    assert_eq!(report["wasted_bytes"], WASTE);
    let waste = &report["waste"][0];
    assert_eq!(
        (&waste["path"], &waste["bytes"], &waste["kind"]),
        (&json!("/home/50M.file"), &json!(WASTE), &json!("whiteout"))
    );
    let line = |index: &serde_json::Value| &report["layers"][usize::try_from(index.as_u64().unwrap()).unwrap()]["line"];
    assert_eq!((line(&waste["creator"]), line(&waste["killer"])), (&json!(4), &json!(5)));
    assert_eq!(report["by_kind"], json!({ "whiteout": WASTE }));
    let suggestion = &report["suggestions"][0];
    assert_eq!(suggestion["saves_bytes"], WASTE);
    assert_eq!(suggestion["lines"], json!([4, 5]));
    assert!(suggestion["edit"].as_str().unwrap().contains("+ && rm -rf 50M.file"), "{suggestion}");
    let table = strata.ok(["analyze", "-f", &file, "app:1"]);
    assert!(table.contains("52428800 bytes wasted"), "{table}");
    let row = table.lines().find(|line| line.ends_with("/home/50M.file")).expect("the dead file");
    assert!(row.contains("line 4") && row.contains("line 5"), "{row}");
}

#[test]
fn an_archive_is_analyzed_as_it_lies() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", EXAMPLE);
    strata.ok(["save", "-o", "app.tar", "app:1"]);
    let stored = strata.json(["analyze", "--format", "json", "app:1"]);
    let archive = strata.json(["analyze", "--format", "json", "app.tar"]);
    for field in ["total_bytes", "wasted_bytes", "layers", "waste", "by_kind", "duplicates"] {
        assert_eq!(stored[field], archive[field], "{field}");
    }
}

#[test]
fn equal_input_gives_equal_bytes() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    strata.build("app:1", EXAMPLE);
    assert_eq!(
        strata.ok(["analyze", "--format", "json", "app:1"]),
        strata.ok(["analyze", "--format", "json", "app:1"])
    );
}

#[test]
fn every_worked_example_has_its_true_waste() {
    let strata = Strata::new();
    for row in strata_fixtures::waste::ROWS {
        let archive = strata.work().join(format!("{}.tar", row.id));
        row.write_archive(&archive).expect("an archive");
        let report = strata.json(["analyze", "--format", "json", archive.to_str().unwrap()]);
        assert_eq!(report["wasted_bytes"], row.wasted_bytes, "{}: {report}", row.id);
        let efficiency = report["efficiency"].as_f64().unwrap();
        assert!((efficiency - row.efficiency).abs() < 1e-6, "{}: {efficiency}", row.id);
        let kinds: Vec<(&str, u64)> = report["by_kind"]
            .as_object()
            .unwrap()
            .iter()
            .map(|(kind, bytes)| (kind.as_str(), bytes.as_u64().unwrap()))
            .collect();
        assert_eq!(kinds, row.kinds(), "{}", row.id);
    }
}
