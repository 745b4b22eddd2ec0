//! `strata analyze --gate`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::Strata;
use serde_json::{Value, json};
use strata_fixtures::stack::Stack;

/// 600 bytes of 1,000 are dead: layer 1 wrote them, layer 2 removed them.
const WASTEFUL: &str = "a:400 / b:600 / -b";

/// Writes an image as an archive, and gives its name.
fn archive(strata: &Strata, name: &str, layers: &str) -> String {
    let mut bytes = Vec::new();
    Stack::parse("app:1", layers).unwrap().save(&mut bytes).unwrap();
    strata.file(name, bytes);
    name.to_owned()
}

fn rule<'a>(report: &'a Value, rule: &str) -> &'a Value {
    let rules = report["gate"]["rules"].as_array().unwrap();
    rules.iter().find(|judged| judged["rule"] == rule).unwrap()
}

/// What the gate says by these options, with the exit status that goes with it.
fn gate(strata: &Strata, image: &str, options: &[&str]) -> Value {
    let args = ["analyze", "--gate", "--format", "json", "--wasted-floor", "0", image];
    let output = strata.output(args.into_iter().chain(options.iter().copied()));
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let status = i32::from(report["gate"]["passed"] != true);
    assert_eq!(output.status.code(), Some(status), "{options:?}: {}", report["gate"]);
    report
}

#[test]
fn what_is_met_exactly_passes_and_one_more_fails() {
    let strata = Strata::new();
    let image = archive(&strata, "a.tar", WASTEFUL);
    for (option, key, kept, broken) in [
        ("--max-wasted-bytes", "max-wasted-bytes", "600", "599"),
        ("--max-wasted-percent", "max-wasted-percent", "60", "59.999999%"),
        ("--min-efficiency", "min-efficiency", "0.4", "40.0000001%"),
        ("--max-size", "max-size", "1kB", "999b"),
        ("--fail-on", "fail-on", "A1,rewritten-file,error", "a3"),
        ("--fail-on", "fail-on", "off", "warning"),
    ] {
        for (limit, status) in [(kept, "pass"), (broken, "fail")] {
            let report = gate(&strata, &image, &[option, limit]);
            let found = rule(&report, key)["status"].as_str().unwrap();
            let status = if limit == "off" { "skip" } else { status };
            assert_eq!(found, status, "{option} {limit}: {}", report["gate"]);
        }
    }
}

#[test]
fn each_rule_says_what_it_measured_or_why_it_was_skipped() {
    let strata = Strata::new();
    let image = archive(&strata, "a.tar", WASTEFUL);
    strata.file("strata.toml", "[gate]\nmax-growth = \"5%\"\n");
    let text = strata.ends(1, ["analyze", "--gate", "--max-wasted-bytes", "599", "--fail-on", "A3", &image]);
    let row = |rule: &str| {
        let row = text.lines().find(|line| line.starts_with(rule)).expect("a row");
        row.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert!(
        text.contains("gate failed  3 layers, since the base image is unknown; limits: strata.toml, options"),
        "{text}"
    );
    assert_eq!(row("max-wasted-bytes"), "max-wasted-bytes fail 600B 599B");
    assert_eq!(row("max-size"), "max-size skip no limit is set");
    assert!(text.contains("there is nothing to grow from: --against names it"), "{text}");
    assert!(text.contains("fail-on: A3 deleted-file: "), "{text}");
}

#[test]
fn small_waste_is_within_the_floor_until_that_is_lowered() {
    let strata = Strata::new();
    let image = archive(&strata, "a.tar", WASTEFUL);
    // nothing is said at all: the limits that hold then
    let text = strata.ends(0, ["analyze", "--gate", &image]);
    assert!(text.contains("600 of 1000 bytes are wasted; 600B are within wasted-floor, 1MB"), "{text}");
    strata.ends(1, ["analyze", "--gate", "--max-wasted-percent", "10", "--wasted-floor", "599", &image]);
    strata.ends(0, ["analyze", "--gate", "--max-wasted-percent", "10", "--wasted-floor", "600", &image]);
}

#[test]
fn growth_is_measured_against_an_image_or_a_saved_report_and_names_what_grew() {
    let strata = Strata::new();
    let old = archive(&strata, "old.tar", "a:1000 / b:100 / c:50");
    let new = archive(&strata, "new.tar", "a:1000 / b:300 / c:50");
    strata.ok(["analyze", "--format", "json", "-o", "old.json", &old]);
    for against in ["old.tar", "old.json"] {
        let report = gate(&strata, &new, &["--max-growth", "200", "--against", against]);
        assert_eq!(rule(&report, "max-growth")["status"], "pass");
        let report = gate(&strata, &new, &["--max-growth", "199b", "--against", against]);
        let failed = rule(&report, "max-growth");
        assert_eq!((&failed["status"], &failed["measured"]["value"]), (&json!("fail"), &json!(200)));
        assert_eq!(
            report["gate"]["grown"]["layers"],
            json!([{ "what": "layer 1", "layer": 1, "line": null, "was_bytes": 100, "is_bytes": 300 }])
        );
        // of 1,150 bytes, 200 are 17.39 percent
        for (limit, floor, status) in [("17.4%", "0", "pass"), ("17.3%", "0", "fail"), ("17.3%", "200", "pass")] {
            let options = ["--max-growth", limit, "--growth-floor", floor, "--against", against];
            assert_eq!(rule(&gate(&strata, &new, &options), "max-growth")["status"], status, "{limit} {floor}");
        }
        let text = strata.ends(1, ["analyze", "--max-growth", "0", "--against", against, &new]);
        assert!(text.contains("+200B"), "{text}");
    }
    let text = strata.ends(1, ["analyze", "--max-growth", "10%", "--growth-floor", "0", "--against", "old.json", &new]);
    let rows: Vec<String> = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let row = "max-growth fail 17.3913% 10%";
    assert!(rows.iter().any(|line| line == row), "{text}");
    let note = "max-growth: old.tar had 1150 bytes (1.15kB), this has 1350 bytes (1.35kB); grew most: layer 1";
    assert!(text.contains(note), "{text}");
    let report = gate(&strata, &old, &["--max-growth", "0", "--against", "new.tar"]);
    assert_eq!(rule(&report, "max-growth")["measured"]["value"], -200);
    // what came to nothing is no share of it
    let empty = archive(&strata, "empty.tar", "a:0");
    let report = gate(&strata, &new, &["--max-growth", "10%", "--growth-floor", "0", "--against", &empty]);
    assert_eq!(rule(&report, "max-growth")["measured"], json!({ "unit": "bytes", "value": 1350 }));
    strata.file("other.json", "{\"schema\": 1}");
    let text = strata.ends(2, ["analyze", "--max-growth", "0", "--against", "other.json", &new]);
    assert!(text.contains("not a report of `analyze --format json`"), "{text}");
    strata.file("main.py", "import sys\n".repeat(100));
    let text = strata.ends(2, ["analyze", "--max-growth", "0", "--against", "main.py", &new]);
    assert!(text.contains("main.py is neither an image nor a report of `analyze --format json`"), "{text}");
    let text = strata.ends(2, ["analyze", "--max-growth", "0", &new]);
    assert!(text.contains("hint: --against IMAGE"), "{text}");
    strata.ends(0, ["analyze", "--max-growth", "off", &new]);
}

#[test]
fn layers_of_a_base_that_the_history_only_suggests_count_until_somebody_says_which_it_is() {
    let Some(builder) = Strata::with_base() else {
        return;
    };
    // the second step ends no image, but the history could mean that
    let dockerfile = "FROM busybox\nRUN echo xxxxxxxxx >/a\nRUN rm /a\nCMD [\"a\"]\nRUN echo\n";
    builder.build("app:1", dockerfile);
    builder.ok(["save", "-o", "app.tar", "app:1"]);
    builder.ok(["save", "-o", "base.tar", "busybox"]);
    let strata = Strata::new();
    for name in ["app.tar", "base.tar"] {
        strata.file(name, std::fs::read(builder.work().join(name)).unwrap());
    }
    let limit = ["--max-wasted-bytes", "9"];
    let report = gate(&strata, "app.tar", &limit);
    assert_eq!(report["base"]["found_by"], "history");
    assert_eq!((&report["gate"]["counted"], &report["gate"]["layers"]), (&json!("base-guessed"), &json!(4)));
    assert_eq!(rule(&report, "max-wasted-bytes")["status"], "fail");
    let text = strata.ends(1, ["analyze", "--max-wasted-bytes", "9", "app.tar"]);
    assert!(text.contains("gate failed  4 layers, since the base image is only guessed: --base or -f says"), "{text}");
    let report = gate(&strata, "app.tar", &["--max-wasted-bytes", "9", "--base", "base.tar"]);
    assert_eq!((&report["gate"]["counted"], &report["gate"]["layers"]), (&json!("user-layers"), &json!(3)));
    assert_eq!(rule(&report, "max-wasted-bytes")["status"], "fail");
    // nor are bytes above a guess set beside bytes above a base that is known
    strata.ok(["analyze", "--format", "json", "-o", "guess.json", "app.tar"]);
    let options = ["--max-growth", "0", "--base", "base.tar", "--against", "guess.json"];
    let report = gate(&strata, "app.tar", &options);
    let growth = rule(&report, "max-growth");
    assert_eq!((&growth["status"], &growth["measured"]["value"]), (&json!("pass"), &json!(0)));
    let note = growth["note"].as_str().unwrap();
    assert!(note.ends_with("in all layers, since nobody knows where the base of app.tar ends"), "{note}");
}

#[test]
fn settings_come_from_the_projects_file_and_options_go_before_it() {
    let strata = Strata::new();
    let image = archive(&strata, "a.tar", WASTEFUL);
    strata.file(
        "strata.toml",
        "[gate]\nmax-wasted-bytes = \"1KiB\"\nmax-wasted-percent = 59.5\nwasted-floor = 0\nfail-on = [\"type-change\"]\n",
    );
    let text = strata.ends(1, ["analyze", "--gate", &image]);
    assert!(text.contains("limits: strata.toml"), "{text}");
    let text = strata.ends(0, ["analyze", "--gate", "--max-wasted-percent", "60", &image]);
    assert!(text.contains("limits: strata.toml, options"), "{text}");
    strata.ends(0, ["analyze", "--gate", "--max-wasted-percent", "off", &image]);
    for (settings, message) in [
        ("[gate]\nmax-wastedbytes = 1\n", "unknown key `gate.max-wastedbytes`; did you mean `max-wasted-bytes`?"),
        ("[gates]\n", "unknown key `gates`; did you mean `gate`?"),
        ("[gate]\nmax-size = \"20 MBytes\"\n", "max-size: \"20 MBytes\" is no size"),
        ("[gate]\nmin-efficiency = 90\n", "is no share: write a number from 0 to 1"),
        ("[gate]\nfail-on = [\"overwriten-file\"]\n", "hint: did you mean overwritten-file?"),
        ("[gate]\nmax-size = [1]\n", "`gate.max-size` must be a number or a text"),
        ("[gate\n", "strata.toml"),
    ] {
        strata.file("strata.toml", settings);
        let text = strata.ends(2, ["analyze", "--gate", &image]);
        assert!(text.contains(message), "{settings}: {text}");
    }
}

#[test]
fn a_file_of_dives_is_found_and_understood() {
    let strata = Strata::new();
    let image = archive(&strata, "a.tar", WASTEFUL);
    strata.file(
        ".dive-ci",
        "rules:\n  lowestEfficiency: 0.4\n  highestWastedBytes: 600B\n  highestUserWastedPercent: 0.6\n",
    );
    let text = strata.ends(0, ["analyze", "--ci", &image]);
    assert!(text.contains("limits: .dive-ci"), "{text}");
    strata.ends(1, ["analyze", "--ci", "--lowestEfficiency", "0.41", &image]);
    strata.ends(1, ["analyze", "--ci", "--highestUserWastedPercent", "0.59", &image]);
    strata.ends(0, ["analyze", "--ci", "--highestUserWastedPercent", "disabled", &image]);
    // a rule that is missing has dive's default
    strata.file("lax", "rules:\n  lowestEfficiency: disabled\n");
    let text = strata.ends(1, ["analyze", "--ci-config", "lax", &image]);
    assert!(text.contains("limits: lax"), "{text}");
    strata.file("typo", "rules:\n  lowestEfficency: disabled\n  highestUserWastedPercent: off\n");
    let text = strata.ends(1, ["analyze", "--dive-ci", "typo", &image]);
    assert!(
        text.contains("typo: line 2: there is no rule \"lowestEfficency\"; did you mean lowestEfficiency?"),
        "{text}"
    );
    for (name, value) in
        [("lowestEfficiency", "1.5"), ("highestWastedBytes", "20 MBytes"), ("highestUserWastedPercent", "11")]
    {
        strata.file("wrong", format!("{name}: {value}\n"));
        let text = strata.ends(2, ["analyze", "--dive-ci", "wrong", &image]);
        assert!(text.contains(&format!("cannot use wrong: {name}: \"{value}\" is no ")), "{text}");
    }
    let report = gate(&strata, &image, &["--dive-ci", "lax"]);
    let note = rule(&report, "max-wasted-percent")["note"].as_str().unwrap();
    assert!(!note.contains("dive"), "all layers count, as for dive: {note}");
    strata.file("base", "");
    Stack::parse("base:1", "a:400").unwrap().save(std::fs::File::create(strata.work().join("base")).unwrap()).unwrap();
    let report = gate(&strata, &image, &["--dive-ci", "lax", "--base", "base"]);
    let note = rule(&report, "max-wasted-percent")["note"].as_str().unwrap();
    assert_eq!(note, "600 of 600 bytes are wasted; of user layers alone, where dive counts the base too");
    strata.ends(2, ["analyze", "--dive-ci", "missing", &image]);
}

#[test]
fn dives_numbers_stand_beside_the_true_ones_and_can_be_judged_by() {
    let strata = Strata::new();
    for row in strata_fixtures::dive::ROWS {
        let name = format!("{}.tar", row.id.replace(' ', "-"));
        archive(&strata, &name, row.layers);
        let report = strata.json(["analyze", "--format", "json", "--compat", "dive", &name]);
        let dive = &report["compat"]["dive"];
        assert!((dive["efficiency"].as_f64().unwrap() - row.efficiency).abs() < 1e-6, "{}: {dive}", row.id);
        assert_eq!(dive["wasted_bytes"], row.wasted_bytes, "{}", row.id);
        let user = &dive["user_wasted_percent"];
        let is_same = match row.user_wasted {
            ratio if ratio.is_nan() => user == "NaN",
            ratio if ratio.is_infinite() => user == "+Inf",
            ratio => (user.as_f64().unwrap() - ratio).abs() < 5e-5,
        };
        assert!(is_same, "{}: {user}", row.id);
    }
    // E06: a directory that was removed is free for dive; in truth it is half of the image
    let table = strata.ok(["analyze", "--compat", "dive", "E06.tar"]);
    let rows: Vec<String> = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert!(rows.contains(&"efficiency 100% 50%".to_owned()), "{table}");
    assert!(rows.contains(&"wastedBytes 0 (0B) 1000 (1kB)".to_owned()), "{table}");
    assert!(rows.contains(&"userWastedPercent NaN NaN".to_owned()), "{table}");
    strata.file(".dive-ci", "rules:\n  highestUserWastedPercent: disabled\n");
    strata.ends(1, ["analyze", "--ci", "E06.tar"]);
    strata.ends(0, ["analyze", "--ci", "--compat", "dive", "E06.tar"]);
}

#[test]
fn reports_are_written_whole_and_alike_and_the_verdict_is_told_all_the_same() {
    let strata = Strata::new();
    let image = archive(&strata, "a.tar", WASTEFUL);
    for format in ["table", "json", "markdown", "sarif", "junit", "html"] {
        let args = ["analyze", "--format", format, "-o", "report", "--max-wasted-bytes", "1", &image];
        let said = strata.ends(1, args);
        assert!(said.contains("gate failed"), "{format}: {said}");
        let first = strata.read("report");
        strata.file("report", "longer than any report, and in its place\n".repeat(10_000));
        strata.ends(1, args);
        assert_eq!(strata.read("report"), first, "{format}");
        assert!(!first.contains('\u{1b}'), "{format}");
        let printed = strata.output(["analyze", "--format", format, "--max-wasted-bytes", "1", &image]).stdout;
        assert_eq!(String::from_utf8(printed).unwrap(), first, "{format}");
    }
    let text = strata.ends(2, ["analyze", "-o", "no/such/folder", &image]);
    assert!(text.starts_with("strata: cannot write no/such/folder: No such file"), "{text}");
}

#[test]
fn code_scanning_finds_the_lines_of_the_dockerfile() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let dockerfile = "FROM busybox\nRUN echo x >/a; \\\n    true\n  RUN rm /a\n";
    strata.build("app:1", dockerfile);
    strata.file("sub dir/Dockerfile", dockerfile);
    let log = strata.ends(
        1,
        ["analyze", "-f", "sub dir/Dockerfile", "--format", "sarif", "--fail-on", "A3", "--max-size", "1", "app:1"],
    );
    let log: Value = serde_json::from_str(&log).unwrap();
    let run = &log["runs"][0];
    let result = &run["results"].as_array().unwrap().iter().find(|result| result["ruleId"] == "A3").unwrap();
    let place = &result["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"], json!({ "uri": "sub%20dir/Dockerfile", "uriBaseId": "%SRCROOT%" }));
    assert_eq!(place["region"], json!({ "startLine": 2, "startColumn": 1, "endLine": 3, "endColumn": 9 }));
    let killer = &result["relatedLocations"][0]["physicalLocation"]["region"];
    assert_eq!(killer, &json!({ "startLine": 4, "startColumn": 3, "endLine": 4, "endColumn": 12 }));
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(run["tool"]["driver"]["rules"][index]["id"], "A3");
    assert!(run["results"].as_array().unwrap().iter().any(|result| result["ruleId"] == "gate-max-size"));
    // lines that move, and sizes that change, leave it the same finding
    let moved = format!("# a comment\n\n{dockerfile}");
    strata.build("app:2", &moved);
    strata.file("moved", &moved);
    let other: Value = strata.json(["analyze", "-f", "moved", "--format", "sarif", "app:2"]);
    let other =
        other["runs"][0]["results"].as_array().unwrap().iter().find(|result| result["ruleId"] == "A3").unwrap().clone();
    assert_eq!(other["locations"][0]["physicalLocation"]["region"]["startLine"], 4);
    assert_eq!(other["partialFingerprints"], result["partialFingerprints"]);
}

#[test]
fn the_layers_of_the_base_count_only_when_asked() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let dockerfile = "FROM busybox\nRUN echo xxxxxxxxx >/a\nRUN rm /a\n";
    strata.build("app:1", dockerfile);
    strata.file("Dockerfile", dockerfile);
    let report = gate(&strata, "app:1", &["--max-size", "10"]);
    assert_eq!(report["gate"]["counted"], "user-layers");
    assert_eq!(rule(&report, "max-size")["measured"], json!({ "unit": "bytes", "value": 10 }));
    let report = gate(&strata, "app:1", &["--max-wasted-percent", "99"]);
    assert_eq!(rule(&report, "max-wasted-percent")["measured"]["value"], 1.0);
    let report = gate(&strata, "app:1", &["--max-wasted-percent", "1", "--gate-base"]);
    assert_eq!((&report["gate"]["counted"], &report["gate"]["passed"]), (&json!("all-layers"), &json!(true)));
}

#[test]
fn a_secret_that_was_deleted_fails_and_what_is_suppressed_does_not() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let dockerfile = "FROM busybox\n\
        RUN mkdir -p /root/.ssh && echo '-----BEGIN OPENSSH PRIVATE KEY-----' >/root/.ssh/id_rsa\n\
        RUN rm -r /root/.ssh\n";
    strata.build("app:1", dockerfile);
    for words in ["S1", "deleted-secret", "error"] {
        let report = gate(&strata, "app:1", &["--fail-on", words]);
        let failed = rule(&report, "fail-on");
        assert_eq!((&failed["status"], &failed["measured"]["value"]), (&json!("fail"), &json!(1)));
        assert!(failed["note"].as_str().unwrap().starts_with("S1 deleted-secret: "), "{failed}");
    }
    // nothing else is asked, and a few bytes are within the floor
    strata.ends(1, ["analyze", "--gate", "app:1"]);
    strata.file(
        "strata.toml",
        "[[ignore]]\nrule = \"S1\"\nreason = \"a key for tests\"\n[gate]\nfail-on = [\"error\"]\n",
    );
    let text = strata.ends(0, ["analyze", "--gate", "app:1"]);
    assert!(text.contains("gate passed"), "{text}");
    let log = strata.json(["analyze", "--format", "sarif", "app:1"]);
    let results = log["runs"][0]["results"].as_array().unwrap();
    let suppressed = &results.iter().find(|result| result["ruleId"] == "S1").unwrap()["suppressions"];
    assert_eq!(suppressed, &json!([{ "kind": "external", "justification": "a key for tests" }]));
}

#[test]
fn packages_that_grew_are_named() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let status = |packages: &[(&str, &str, u32)]| {
        let told = packages.iter().map(|(name, version, size)| {
            format!(
                "Package: {name}\\nStatus: install ok installed\\nVersion: {version}\\nInstalled-Size: {size}\\n\\n"
            )
        });
        let told: String = told.collect();
        format!("FROM busybox\nRUN mkdir -p /var/lib/dpkg && printf '{told}' >/var/lib/dpkg/status\n")
    };
    strata.build("app:1", &status(&[("curl", "7", 100), ("gone", "1", 9), ("same", "1", 50)]));
    strata.build("app:2", &status(&[("curl", "8", 300), ("new", "2", 40), ("same", "1", 50), ("longer-name", "1", 0)]));
    strata.ok(["analyze", "--format", "json", "-o", "old.json", "app:1"]);
    for against in ["app:1", "old.json"] {
        let report = gate(&strata, "app:2", &["--max-growth", "0", "--against", against]);
        let kib = |number: u32| number * 1024;
        assert_eq!(
            report["gate"]["grown"]["packages"],
            json!([
                { "what": "dpkg curl 7 → 8", "layer": null, "line": null, "was_bytes": kib(100), "is_bytes": kib(300) },
                { "what": "dpkg new 2", "layer": null, "line": null, "was_bytes": null, "is_bytes": kib(40) },
            ])
        );
        let note = rule(&report, "max-growth")["note"].as_str().unwrap();
        assert!(note.contains("; grew most: dpkg curl 7 → 8; RUN"), "{note}");
    }
}
