//! `strata check`, through the binary.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use common::Strata;
use serde_json::json;

#[test]
fn a_file_without_findings_ends_with_0() {
    let strata = Strata::new();
    let context = strata.context("FROM scratch\nCOPY a /a\nCMD [\"/a\"]\n");
    assert_eq!(strata.ok(["check", &context]), "Check complete, no warnings\n");
    assert!(!strata.root().exists(), "nothing is written");
}

#[test]
fn findings_are_shown_with_their_lines_and_end_with_1() {
    let strata = Strata::new();
    let context = strata.context("FROM scratch as base\nMAINTAINER bob\nRUN pip install flask\nCMD echo hi\n");
    let shown = strata.ends(1, ["check", &context]);
    for part in [
        "warning: FromAsCasing: 'as' and 'FROM' keywords' casing do not match",
        "1 | FROM scratch as base",
        "help: write it as AS",
        "MaintainerDeprecated",
        "PipCacheLeft",
        "help: CMD [\"echo\", \"hi\"]",
        "Check complete, 4 warnings",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
}

#[test]
fn a_comment_that_is_nearly_a_suppression_is_told_where_it_stands() {
    let strata = Strata::new();
    let dockerfile = "FROM scratch\n# strata ingore=A7\nCOPY a /a\n# strata ignore=moved-fiel it is known\nCOPY b /b\n\
                      # strata ignore=A7 it is known\nCOPY c /c\n";
    let shown = strata.ends(1, ["check", &strata.context(dockerfile)]);
    for part in [
        "warning: `strata ingore` suppresses nothing",
        "2 | # strata ingore=A7",
        "help: did you mean `# strata ignore=A7`?",
        "warning: there is no rule \"moved-fiel\"",
        "4 | # strata ignore=moved-fiel it is known",
        "help: did you mean moved-file?",
        "Check complete, 2 warnings",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
}

#[test]
fn warnings_come_before_errors_and_both_are_counted() {
    let strata = Strata::new();
    let context = strata.context("FROM scratch as base\nFOO\n");
    let shown = strata.ends(1, ["check", &context]);
    assert!(shown.contains("unknown instruction: FOO"), "{shown}");
    assert!(shown.ends_with("Check complete, 1 error, 1 warning\n"), "{shown}");
}

#[test]
fn the_ignore_file_of_the_context_is_known() {
    let strata = Strata::new();
    let context = strata.context("FROM scratch\nCOPY a.txt /\n");
    strata.file(&format!("{context}/.dockerignore"), "# c\n*.txt\n");
    let report: serde_json::Value =
        serde_json::from_str(&strata.ends(1, ["check", "--format", "json", &context])).expect("JSON");
    assert_eq!(
        report,
        json!({
            "schema": 1,
            "dockerfile": format!("{context}/Dockerfile"),
            "errors": [],
            "warnings": [{
                "rule": "CopyIgnoredFile",
                "description": "COPY and ADD should not name what the ignore file excludes",
                "message": "Attempting to Copy file \"a.txt\" that is excluded by .dockerignore",
                "label": "line 2 of the ignore file excludes it",
                "help": null,
                "start": {"line": 2, "column": 6, "offset": 18},
                "end": {"line": 2, "column": 11, "offset": 23},
            }],
            "failure": null,
        })
    );
}

#[test]
fn the_options_of_the_file_and_of_the_caller_count() {
    let strata = Strata::new();
    let context = strata.context("# check=skip=MaintainerDeprecated\nARG V\nFROM busybox:$V\nMAINTAINER a\n");
    let skip = "BUILDKIT_DOCKERFILE_CHECK=skip=InvalidDefaultArgInFrom,MaintainerDeprecated";
    strata.ok(["check", "--build-arg", skip, &context]);
    let failing = strata.context("# check=error=true\nFROM scratch\nMAINTAINER a\n");
    let shown = strata.ends(1, ["check", &failing]);
    assert!(shown.contains("error: lint violation found for rules: MaintainerDeprecated"), "{shown}");
}

#[test]
fn a_target_must_exist() {
    let strata = Strata::new();
    let context = strata.context("FROM scratch AS base\n");
    strata.ok(["check", "--target", "BASE", &context]);
    let shown = strata.ends(2, ["check", "--target", "bsae", &context]);
    assert!(shown.contains("could not be found") && shown.contains("hint: did you mean base?"), "{shown}");
}

#[test]
fn bytes_that_are_not_utf8_move_no_place() {
    let strata = Strata::new();
    strata.file("odd/Dockerfile", b"FROM scratch\n# \xff\xfe\nMAINTAINER a\n");
    let shown = strata.ends(1, ["check", "odd"]);
    assert!(shown.contains("3 | MAINTAINER a\n  | ^^^^^^^^^^^^"), "{shown}");
}

/// `STRATA_WRITE_DOCS=1 cargo test --test check` writes the page anew.
#[test]
fn the_page_of_rules_is_up_to_date() {
    use std::fmt::Write as _;
    use strata_analyzer::checks::SIZE_RULES;
    use strata_dockerfile::check::RULES;

    const RULES_BEGIN: &str = "## Rules of BuildKit\n";

    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/checks.md");
    let before = std::fs::read_to_string(path).unwrap();
    // what stands above the rules is written by hand
    let head = before.find(RULES_BEGIN).expect("the heading of the rules");
    let mut page = before[..head].to_owned() + RULES_BEGIN;
    for rule in RULES {
        let experimental = if rule.experimental { "\n\nExperimental: only with `experimental=`." } else { "" };
        write!(page, "\n### {}\n\n{}. {}{experimental}\n", rule.name, rule.description, rule.explanation).unwrap();
    }
    page.push_str("\n## Rules about size\n");
    for rule in SIZE_RULES {
        write!(page, "\n### {} ({})\n\n{}. {}\n", rule.name, rule.hadolint, rule.description, rule.explanation)
            .unwrap();
    }
    if std::env::var_os("STRATA_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap(), page, "run it with STRATA_WRITE_DOCS=1");
}
