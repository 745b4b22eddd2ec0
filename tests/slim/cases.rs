//! Every fixture of `fixtures/slim/`: wasteful ones shrink by what was predicted, to the byte, and are proved; traps are left
//! as they are, and the reason is said.
//!
//! `STRATA_ONLY_FIXTURES=part,part` runs only those whose names contain one of the parts.

use std::sync::Mutex;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use strata_fixtures::{Privilege, SlimCase, slim::Expected};

use crate::common::Strata;

/// As many as the promise of docs/SPECIFICATION.md has, at least.
const WASTEFUL: usize = 40;
const TRAPS: usize = 30;

#[test]
fn wasteful_fixtures_save_what_was_predicted_and_traps_are_left_alone() -> Result<()> {
    let Some(strata) = Strata::with_base() else {
        return Ok(());
    };
    let mut cases = SlimCase::all()?;
    let traps = cases.iter().filter(|case| case.expected.saves.is_none()).count();
    ensure!(traps >= TRAPS && cases.len() - traps >= WASTEFUL, "{traps} of {} are traps", cases.len());
    if let Ok(parts) = std::env::var("STRATA_ONLY_FIXTURES") {
        cases.retain(|case| parts.split(',').any(|part| case.name.contains(part)));
    }
    let held = Privilege::held();
    let skipped = cases.extract_if(.., |case| case.expected.ids && held < Privilege::ManyIds);
    for case in skipped {
        eprintln!("{}: skipped: it needs subordinate ids", case.name);
    }

    let total = cases.len();
    let queue = Mutex::new(cases.into_iter());
    let report = Mutex::new(Vec::new());
    let work = || {
        while let Some(case) = queue.lock().ok().and_then(|mut queue| queue.next()) {
            if let (Err(error), Ok(mut report)) = (check(&strata, &case), report.lock()) {
                report.push(format!("{} ({}): {error:#}", case.name, case.expected.covers));
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(work);
        }
    });
    let mut report = report.into_inner().unwrap_or_default();
    report.sort_unstable();
    assert!(report.is_empty(), "{} of {total} fixtures differ\n\n{}", report.len(), report.join("\n\n"));
    Ok(())
}

fn check(strata: &Strata, case: &SlimCase) -> Result<()> {
    let dir = strata.work().join("cases").join(&case.name);
    std::fs::create_dir_all(&dir)?;
    case.stage(&dir)?;
    // how fast this machine is must not matter to a test
    let mut command = strata.command(["slim", "--min-saving", "0", "--second", "0", "--format", "json", "-f"]);
    let output = command.arg(dir.join("Dockerfile")).arg(dir.join("context")).output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}\n{said}", output.status);
    let report: Value = serde_json::from_slice(&output.stdout).with_context(|| said.into_owned())?;
    let checked = match &case.expected.refused {
        Some(reason) => left_alone(&report, reason),
        None => saved(&report, &case.expected),
    };
    checked.with_context(|| serde_json::to_string_pretty(&report).unwrap_or_default())
}

fn left_alone(report: &Value, reason: &str) -> Result<()> {
    ensure!(report["patch"].is_null() && report["suggestions"] == Value::Array(Vec::new()), "something was proposed");
    let reasons: Vec<&str> = list(&report["refused"]).filter_map(|refused| refused["reason"].as_str()).collect();
    ensure!(reasons.iter().any(|found| found.contains(reason)), "{reason:?} is not said: {reasons:?}");
    Ok(())
}

fn saved(report: &Value, expected: &Expected) -> Result<()> {
    let bytes = expected.saves.context("expected.json says neither what is saved nor why nothing is")?;
    for field in ["predicted_bytes", "saved_bytes"] {
        ensure!(report[field] == bytes, "{field} is {}, not {bytes}", report[field]);
    }
    ensure!(report["verdict"].as_str() == expected.verdict.as_deref(), "the verdict is {}", report["verdict"]);
    let mut rules: Vec<&str> = list(&report["suggestions"]).filter_map(|made| made["rule"].as_str()).collect();
    rules.sort_unstable();
    ensure!(rules == expected.rules, "the rules are {rules:?}");
    let removed: Vec<&str> = list(&report["removed"]).filter_map(|removal| removal["place"].as_str()).collect();
    ensure!(removed == expected.removed, "it removes {removed:?}");
    let patch = report["patch"].as_str().unwrap_or_default();
    for line in &expected.lines {
        ensure!(patch.lines().any(|found| found == line), "the patch has no line {line:?}:\n{patch}");
    }
    Ok(())
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
