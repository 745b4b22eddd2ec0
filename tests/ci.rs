//! The recipes of docs/ci.md, run as the shell scripts that they are.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

mod common;

use std::process::Output;

use common::Strata;
use yaml_rust2::{Yaml, YamlLoader};

const DOCUMENT: &str = include_str!("../docs/ci.md");

const SETTINGS: &str = "[gate]\nmax-wasted-percent = 5\nmax-growth = \"1MB\"\nwasted-floor = \"100kB\"\n";
const GOOD: &str = "FROM busybox\nRUN dd if=/dev/zero of=/a bs=1024 count=500 2>/dev/null\n";
const WASTEFUL: &str = "FROM busybox\nRUN dd if=/dev/zero of=/a bs=1024 count=500 2>/dev/null\nRUN rm /a\n";
const GROWN: &str = "FROM busybox\nRUN dd if=/dev/zero of=/a bs=1024 count=2000 2>/dev/null\n";

/// The YAML below a heading.
fn recipe(heading: &str) -> Yaml {
    let section = DOCUMENT.split(&format!("\n## {heading}\n")).nth(1).expect("the heading");
    let block = section.split("```yaml\n").nth(1).unwrap().split("\n```").next().unwrap();
    YamlLoader::load_from_str(block).expect("YAML").remove(0)
}

/// Runs a step as CI does: a shell that stops at the first error, `strata` on the path, the repository around it.
fn step(strata: &Strata, script: &str, dockerfile: &str, variables: &[(&str, &str)]) -> Output {
    strata.file("repository/Dockerfile", dockerfile);
    strata.file("repository/strata.toml", SETTINGS);
    let script = strata.file("script", script);
    let path = std::env::join_paths(
        std::iter::once(strata.binary().parent().unwrap().to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    )
    .unwrap();
    std::process::Command::new("sh")
        .arg("-e")
        .arg(script)
        .current_dir(strata.work().join("repository"))
        .env("PATH", path)
        .env("STRATA_ROOT", strata.root())
        .env("BASELINE", ".strata/main.json")
        .envs(variables.iter().copied())
        .output()
        .expect("a shell")
}

#[track_caller]
fn ends(output: &Output, status: i32) -> String {
    let text = [output.stdout.as_slice(), &output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    assert_eq!(output.status.code(), Some(status), "{text}");
    text
}

#[test]
fn the_recipe_for_github_passes_fails_and_leaves_its_reports() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let recipe = recipe("GitHub");
    let steps = recipe["jobs"]["image"]["steps"].as_vec().unwrap();
    let script = |name: &str| {
        let step = steps.iter().find(|step| step["name"].as_str() == Some(name)).expect("the step");
        step["run"].as_str().unwrap().to_owned()
    };
    let judge = script("build and judge");
    let summary = strata.work().join("summary");
    let github = |image| [("IMAGE", image), ("GITHUB_STEP_SUMMARY", summary.to_str().unwrap())];
    let text = ends(&step(&strata, &judge, GOOD, &github("app:1")), 0);
    assert!(text.contains("gate passed"), "{text}");
    // what the main branch does then
    ends(&step(&strata, &script("keep the baseline"), GOOD, &[]), 0);
    let text = ends(&step(&strata, &judge, WASTEFUL, &github("app:2")), 1);
    assert!(text.contains("max-wasted-percent   fail"), "{text}");
    let sarif = strata.read("repository/.strata/strata.sarif");
    let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
    let uri = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"];
    assert_eq!(uri, "Dockerfile");
    let text = ends(&step(&strata, &judge, GROWN, &github("app:3")), 1);
    assert!(text.contains("max-growth           fail") && text.contains("grew most: RUN"), "{text}");
    let comments = strata.read("summary");
    assert_eq!(comments.matches("### strata").count(), 3, "{comments}");
    assert!(comments.ends_with(&strata.read("repository/.strata/comment.md")), "{comments}");
    assert!(strata.read("repository/.strata/report.html").contains("<h1>app:3</h1>"));
}

#[test]
fn the_recipe_for_gitlab_passes_fails_and_leaves_its_reports() {
    let Some(strata) = Strata::with_base() else {
        return;
    };
    let recipe = recipe("GitLab");
    let judge = recipe["judge-image"]["script"][0].as_str().unwrap();
    let main = |image| [("IMAGE", image), ("CI_COMMIT_BRANCH", "main"), ("CI_DEFAULT_BRANCH", "main")];
    ends(&step(&strata, judge, GOOD, &main("app:1")), 0);
    assert!(strata.read("repository/strata.xml").contains("failures=\"0\""));
    let text = ends(&step(&strata, judge, GROWN, &main("app:2")), 1);
    assert!(text.contains("max-growth           fail"), "{text}");
    let report = strata.read("repository/strata.xml");
    assert!(report.contains("<testcase name=\"max-growth\"") && report.contains("failures=\"1\""), "{report}");
    assert!(strata.read("repository/strata.html").contains("<span class=\"mark fail\">failed</span>"));
    // what failed is no baseline
    ends(&step(&strata, judge, GOOD, &[("IMAGE", "app:3"), ("CI_COMMIT_BRANCH", "topic")]), 0);
    ends(&step(&strata, judge, WASTEFUL, &[("IMAGE", "app:4")]), 1);
}
