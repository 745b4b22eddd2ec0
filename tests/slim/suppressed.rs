//! What suppressions are about is left as it is, and comments stand above what they are about.

use crate::common::Strata;

const WORTH: [&str; 4] = ["--min-saving", "0", "--second", "0"];

fn slim<'a>(context: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["slim"], &WORTH[..], more, &[context]].concat()
}

#[test]
fn a_comment_that_accepts_waste_keeps_its_run_apart_and_others_are_chained() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(
        "FROM busybox\nRUN head -c 70000 /dev/zero >/a\n# strata ignore=A3 the first layer is a cache\nRUN rm /a\n\
         RUN head -c 50000 /dev/zero >/b\n# why it goes\n# strata ignore=B7\nRUN rm /b\n",
    );
    let text = strata.ok(slim(&context, &["--write"]));
    let line = "1 suggestion left out, 70kB: suppressed by Dockerfile:3: the first layer is a cache";
    assert!(text.contains(line), "{text}");
    assert!(text.contains("identical"), "{text}");
    for row in ["saved", "predicted"] {
        let line = text.lines().find(|line| line.starts_with(row)).expect(row);
        assert!(line.contains(" 50000 bytes"), "{line}");
    }
    let after = "FROM busybox\nRUN head -c 70000 /dev/zero >/a\n# strata ignore=A3 the first layer is a cache\nRUN rm /a\n\
                 # why it goes\n# strata ignore=B7\nRUN head -c 50000 /dev/zero >/b \\\n && rm /b\n";
    assert_eq!(strata.read(&format!("{context}/Dockerfile")), after);
    let again = strata.ok(slim(&context, &[]));
    assert!(again.contains("nothing to change: 70000 bytes wasted"), "{again}");
}

#[test]
fn the_file_of_settings_is_heeded_and_analyze_says_the_same() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context(
        "FROM busybox\nRUN head -c 70000 /dev/zero >/a\nRUN rm /a && head -c 3000 /dev/zero >/b\nRUN rm /b\n\
         RUN mkdir -p /var/lib/apt/lists && head -c 40000 /dev/zero >/var/lib/apt/lists/index\n",
    );
    strata.file(
        "accepted.toml",
        "[[ignore]]\nrule = \"A3\"\npath = \"/a\"\nreason = \"it is small\"\n\
         [[ignore]]\nrule = \"apt-cache\"\nlayer = 4\nreason = \"it is read\"\n",
    );
    let config = ["--config", "accepted.toml"];
    let report = strata.json(slim(&context, &[&config[..], &["--format", "json"]].concat()));
    assert_eq!((&report["saved_bytes"], &report["predicted_bytes"]), (&3_000.into(), &3_000.into()));
    let left_out = |report: &serde_json::Value| {
        let refused = report["refused"].as_array().unwrap().clone();
        refused
            .iter()
            .map(|refused| (refused["saves_bytes"].clone(), refused["suppressed"].clone()))
            .collect::<Vec<_>>()
    };
    let by = |reason: &str| serde_json::json!([{ "by": "accepted.toml", "reason": reason }]);
    assert_eq!(left_out(&report), [(70_000.into(), by("it is small")), (40_000.into(), by("it is read"))]);

    strata.ok(["build", "-q", "-t", "app:1", &context]);
    let file = format!("{context}/Dockerfile");
    let options = ["--format", "json", "-f", &file];
    let analysis = strata.json([&["analyze"], &config[..], &options, &WORTH, &["app:1"]].concat());
    assert_eq!(left_out(&analysis), left_out(&report));
    assert_eq!(analysis["suggestions"][0]["title"], report["suggestions"][0]["title"]);
    let table = strata.ok([&["analyze"], &config[..], &options[2..], &WORTH, &["app:1"]].concat());
    assert!(table.contains("1 suggestion left out, 70kB: suppressed by accepted.toml: it is small"), "{table}");
}

#[test]
fn a_suppression_that_means_nothing_is_told() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let context = strata.context("FROM busybox\n# strata ignore A3\nRUN head -c 70000 /dev/zero >/a\nRUN rm /a\n");
    strata.file("strata.toml", "[[ignore]]\nrule = \"A1\"\nreason = \"none\"\n");
    let text = strata.ends(0, slim(&context, &[]));
    assert!(text.contains("strata: warning: Dockerfile:2: `strata ignore` suppresses nothing"), "{text}");
    assert!(text.contains("strata: note: strata.toml: `ignore[0]` suppresses nothing"), "{text}");
    strata.file("strata.toml", "[[ignore]]\nrule = \"A1\"\n");
    let text = strata.ends(2, slim(&context, &[]));
    assert!(text.contains("`ignore[0]` has no `reason`"), "{text}");
}

#[test]
fn comments_within_a_command_stay_within_and_a_here_document_keeps_its_own() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let before = "FROM busybox\n# strata ignore=B7 of the first\nRUN head -c 70000 /dev/zero >/a \\\n    # strata ignore=A3 says nothing here\n \
                  && true\n# of the second\n#\n# why\nRUN rm \\\n  # inside\n  /a\n\
                  # strata ignore=A3 of the third\nRUN <<EOF\nhead -c 50000 /dev/zero >/b\nEOF\nRUN rm /b\n";
    let context = strata.context(before);
    let text = strata.ok(slim(&context, &["--write"]));
    assert!(text.contains("identical"), "{text}");
    let after = "FROM busybox\n# of the second\n#\n# strata ignore=B7 of the first\n# why\nRUN head -c 70000 /dev/zero >/a \\\n    \
                 # strata ignore=A3 says nothing here\n && true \\\n && rm \\\n  # inside\n  /a\n\
                 # strata ignore=A3 of the third\nRUN <<EOF\nhead -c 50000 /dev/zero >/b\nEOF\nRUN rm /b\n";
    assert_eq!(strata.read(&format!("{context}/Dockerfile")), after);
}
