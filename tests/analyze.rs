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
    assert!(table.contains("line 5 deletes what line 4 wrote: /home/50M.file (52.4MB)"), "{table}");
}

#[test]
fn a_seen_image_is_analyzed_again_without_its_layers() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(EXAMPLE);
    strata.ok(["build", "-q", "-t", "app:1", &context]);
    let report = || strata.json(["analyze", "--format", "json", "-f", &format!("{context}/Dockerfile"), "app:1"]);
    let first = report();
    // what it saves in a registry was estimated by what the layer's blocks compress to
    assert_eq!(first["suggestions"][0]["saves_compressed"]["basis"], "sample", "{first}");
    let blobs = std::fs::read_dir(strata.root().join("images/blobs/sha256")).unwrap().map(|blob| blob.unwrap().path());
    let largest = blobs.max_by_key(|blob| std::fs::metadata(blob).unwrap().len()).unwrap();
    let size = std::fs::metadata(&largest).unwrap().len();
    assert!(size > WASTE);
    std::fs::remove_file(&largest).unwrap();
    std::fs::File::create(&largest).unwrap().set_len(size).unwrap();
    assert_eq!(report(), first);
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

#[test]
fn a_rule_is_explained_by_its_number_and_by_its_name() {
    let strata = Strata::new();
    let text = strata.ok(["analyze", "--explain", "A2"]);
    assert!(text.contains("rewritten-file") && text.contains("COPY --chmod"), "{text}");
    assert_eq!(text, strata.ok(["analyze", "--explain", "rewritten-file"]));
    let json = strata.json(["analyze", "--explain", "s1", "--format", "json"]);
    assert_eq!((&json["rule"], &json["level"]), (&json!("S1"), &json!("error")));
    let error = strata.ends(2, ["analyze", "--explain", "deleted-fiel"]);
    assert!(error.contains("did you mean deleted-file?"), "{error}");
    strata.ends(2, ["analyze"]);
}

/// An archive with an image of these layers, in the notation of `strata_fixtures::stack`.
fn archive(strata: &Strata, name: &str, layers: &str) -> String {
    let mut bytes = Vec::new();
    strata_fixtures::stack::Stack::parse(name, layers).unwrap().save(&mut bytes).unwrap();
    strata.file(&format!("{}.tar", name.replace(':', "-")), bytes).to_str().unwrap().to_owned()
}

#[test]
fn small_findings_are_counted_in_one_line_and_told_on_demand() {
    let strata = Strata::new();
    let image = archive(&strata, "app:1", "etc/a:10 tmp/big:5000000 / -tmp/big / ");
    let table = strata.ok(["analyze", &image]);
    assert!(table.contains("\nand 1 small finding of B18, 1.02kB: --all shows it\n"), "{table}");
    assert!(table.contains("\nA3 ") && !table.contains("\nB18 "), "{table}");
    let all = strata.ok(["analyze", "--all", &image]);
    assert!(all.contains("\nB18 ") && !all.contains("--all"), "{all}");
    let report = strata.json(["analyze", "--format", "json", &image]);
    let findings = report["findings"].as_array().unwrap();
    assert!(findings.iter().any(|finding| finding["rule"] == "B18"), "{report}");
}

#[test]
fn settings_suppress_findings_with_a_reason_and_mistakes_in_them_are_errors() {
    let strata = Strata::new();
    let image = archive(&strata, "app:1", "a:100 b:9 / -a / b:8");
    strata.file("strata.toml", "[[ignore]]\nrule = \"A3\"\nreason = \"it is known\"\n");
    let report = strata.json(["analyze", "--format", "json", &image]);
    let suppressed = &report["suppressed"][0];
    assert_eq!((&suppressed["rule"], &suppressed["reason"]), (&json!("A3"), &json!("it is known")));
    assert_eq!(report["findings"].as_array().unwrap().len(), 1);
    let table = strata.ok(["analyze", &image]);
    assert!(table.contains("1 finding suppressed by strata.toml, 100B: it is known\n"), "{table}");
    assert!(!table.contains("deletes"), "{table}");
    let all = strata.ok(["analyze", "--all", &image]);
    assert!(all.contains(": it is known\n  A3 layer 1 deletes what layer 0 wrote: /a (100B)\n"), "{all}");
    strata.file("other.toml", "[[ignore]]\nrule = \"A3\"\nraeson = \"it is known\"\n");
    let error = strata.ends(2, ["analyze", "--config", "other.toml", &image]);
    assert!(error.contains("unknown key `ignore[0].raeson`; did you mean `reason`?"), "{error}");
    let error = strata.ends(2, ["analyze", "--config", "missing.toml", &image]);
    assert!(error.contains("missing.toml"), "{error}");
}

#[test]
fn a_suppression_of_nothing_and_a_dockerfile_of_another_image_are_told_and_change_no_report() {
    let strata = Strata::new();
    let image = archive(&strata, "app:1", "a:100 b:9 / -a / b:8");
    let report = strata.ok(["analyze", "--format", "json", &image]);
    strata.file("strata.toml", "[[ignore]]\nrule = \"A7\"\nreason = \"it is known\"\n");
    strata.file("other", "FROM scratch\nCOPY x /x\n");
    let output = strata.output(["analyze", "--format", "json", "-f", "other", &image]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        said.lines().collect::<Vec<_>>(),
        [
            "strata: note: strata.toml: `ignore[0]` suppresses nothing: there is no such finding",
            "strata: warning: other did not make this image: its instructions are not those of the history",
        ]
    );
    let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["notes"].as_array().unwrap().len(), 1);
    assert_eq!(told["findings"], serde_json::from_str::<serde_json::Value>(&report).unwrap()["findings"]);
}

#[test]
fn no_report_buries_a_secret_under_what_only_costs_bytes() {
    let strata = Strata::new();
    let pairs: Vec<String> = (0..25).map(|number| format!("f{number}:{} / -f{number}", 5000 + number)).collect();
    // the content is the name, and that is how a key begins
    let key = "PuTTY-User-Key-File-2";
    let layers = format!("etc/a:90000x etc/b:90000x / {} / {key}:40 / -{key}", pairs.join(" / "));
    let image = archive(&strata, "app:1", &layers);
    let markdown = strata.ok(["analyze", "--format", "markdown", &image]);
    assert!(markdown.contains("**1 error**") && markdown.find("| S1 ") < markdown.find("| A3 "), "{markdown}");
    let page = strata.ok(["analyze", "--format", "html", &image]);
    assert!(page.contains("<details class=\"finding error\" open>"), "{page}");
    let table = strata.ok(["analyze", &image]);
    assert!(table.find("\nS1 ").unwrap() < table.find("\nA3 ").unwrap(), "{table}");
    let first = |format: &str, list: &str, rule: &str| {
        let report = strata.json(["analyze", "--format", format, &image]);
        report.pointer(list).unwrap()[0][rule].clone()
    };
    assert_eq!(first("json", "/findings", "rule"), "S1");
    assert_eq!(first("sarif", "/runs/0/results", "ruleId"), "S1");
    let base = archive(&strata, "base:1", &layers);
    let table = strata.ok(["analyze", "--base", &base, &archive(&strata, "app:2", &format!("{layers} / new:9"))]);
    assert!(table.contains("\nS1 ") && !table.contains("\nA3 "), "one of the base is known to the base alone: {table}");
    let log = strata.json(["analyze", "--format", "sarif", "--base", &base, "app-2.tar"]);
    let levels = |rule: &str| {
        let results = log["runs"][0]["results"].as_array().unwrap().iter();
        results.filter(|result| result["ruleId"] == rule).map(|result| result["level"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(levels("S1"), ["error"]);
    assert!(levels("A3").len() > 20 && levels("A3").iter().all(|level| level == "note"), "{:?}", levels("A3"));
}

#[test]
fn a_damaged_image_of_the_store_is_no_base_and_no_error_of_another_image() {
    let strata = Strata::new();
    let base = archive(&strata, "base:1", "a:100 k:1");
    let image = archive(&strata, "app:1", "a:100 k:1 / -a b:9");
    strata.ok(["load", "-i", &base]);
    strata.ok(["load", "-i", &archive(&strata, "broken:1", "a:100")]);
    let config = strata.ok(["images", "-q", "--no-trunc", "broken:1"]);
    let config = config.trim().strip_prefix("sha256:").unwrap();
    strata.file(&format!("root/images/blobs/sha256/{config}"), "{}");
    for command in ["analyze", "audit"] {
        let output = strata.output([command, "--format", "json", &image]);
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        assert!(said.starts_with("strata: warning: broken:1 of the store is not looked at as a base"), "{said}");
        assert!(said.contains(config) && said.lines().count() == 1, "{said}");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let found = if command == "audit" { &report["images"][0]["base"] } else { &report["base"] };
        assert_eq!(found["name"], "base:1", "{command}");
    }
    let said = strata.ends(2, ["audit"]);
    assert_eq!(said.matches("broken:1").count(), 1, "{said}");
}

#[test]
fn what_an_archive_holds_for_nobody_is_found() {
    let strata = Strata::new();
    let mut bytes = std::fs::read(archive(&strata, "app:1", "a:100")).unwrap();
    assert_eq!(garbage(&strata, &bytes), json!([]));
    // the two zero blocks of the end go, and one more blob comes
    bytes.truncate(bytes.len() - 1024);
    let mut tar = tar::Builder::new(bytes);
    let mut header = tar::Header::new_ustar();
    header.set_size(700);
    header.set_mode(0o644);
    tar.append_data(&mut header, "blobs/sha256/0123", [7; 700].as_slice()).unwrap();
    let bytes = tar.into_inner().unwrap();
    let found = json!([{ "path": "/blobs/sha256/0123", "bytes": 700 }]);
    assert_eq!(garbage(&strata, &bytes), found);
    // the same as a layout in a directory
    let layout = strata.work().join("layout");
    tar::Archive::new(bytes.as_slice()).unpack(&layout).unwrap();
    assert_eq!(told(&strata, &format!("oci:{}", layout.display())), found);
}

/// What B21 says of an archive.
fn garbage(strata: &Strata, archive: &[u8]) -> serde_json::Value {
    told(strata, strata.file("garbage.tar", archive).to_str().unwrap())
}

fn told(strata: &Strata, image: &str) -> serde_json::Value {
    let report = strata.json(["analyze", "--format", "json", image]);
    let findings = report["findings"].as_array().unwrap().clone();
    let own = findings.iter().filter(|finding| finding["rule"] == "B21");
    let paths = own.flat_map(|finding| finding["paths"].as_array().unwrap().clone());
    paths.map(|place| json!({ "path": place["path"], "bytes": place["bytes"] })).collect()
}

#[test]
fn the_base_is_found_in_the_store_or_named() {
    let strata = Strata::new();
    let (base, image) =
        (archive(&strata, "base:1", "a:100 k:1"), archive(&strata, "app:1", "a:100 k:1 / -a b:9 / b:8"));
    let named = strata.json(["analyze", "--format", "json", "--base", &base, &image]);
    assert_eq!((&named["base"]["found_by"], &named["base"]["killed_bytes"]), (&json!("asked"), &json!(100)));
    assert_eq!((&named["own"]["total_bytes"], &named["own"]["wasted_bytes"]), (&json!(17), &json!(9)));
    strata.ok(["load", "-i", &base]);
    let found = strata.json(["analyze", "--format", "json", &image]);
    assert_eq!((&found["base"]["found_by"], &found["base"]["name"]), (&json!("layers"), &json!("base:1")));
    let table = strata.ok(["analyze", &image]);
    assert!(table.contains("of it the base base:1: 101B in 1 layer"), "{table}");
    let error = strata.ends(2, ["analyze", "--base", &image, &base]);
    assert!(error.contains("is not the base"), "{error}");
}
