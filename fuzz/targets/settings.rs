//! Any bytes as what a project says about its images, in the form that the first byte chooses: it is read or refused,
//! and an image is judged by it.
#![no_main]

#[path = "../../src/command/analyze/dive_ci.rs"]
mod dive_ci;
#[path = "../../analyzer/tests/memory/mod.rs"]
mod memory;

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use memory::{Memory, file};
use strata_analyzer::{
    Analysis,
    analysis::Options,
    analyze,
    gate::{Baseline, Growth, Limits, Share, Status, judge, parse_size},
    settings::Settings,
};

fuzz_target!(|data: &[u8]| {
    let Some((&form, bytes)) = data.split_first() else { return };
    match (form % 4, std::str::from_utf8(bytes)) {
        (0, Ok(text)) => settings(text),
        (1, Ok(text)) => dive(text),
        (2, Ok(text)) => amounts(text),
        _ => baseline(bytes),
    }
});

fn image() -> Memory {
    Memory::new(&[&[file("a", b"some bytes"), file("b", b"more")], &[file("a", b"other bytes")]])
}

fn analysis() -> &'static Analysis {
    static ANALYSIS: OnceLock<Analysis> = OnceLock::new();
    ANALYSIS.get_or_init(|| analyze(&image(), &Options::default()).expect("the tars are sound"))
}

/// Whether the verdict says what its rules say.
fn judged(limits: &Limits, baseline: Option<&Baseline>) {
    let verdict = judge(analysis(), limits, baseline, None);
    assert_eq!(verdict.passed, verdict.rules.iter().all(|rule| rule.status != Status::Fail));
    serde_json::to_vec(&verdict).expect("a verdict can be written");
    for amount in verdict.rules.iter().flat_map(|rule| [&rule.measured, &rule.limit]).flatten() {
        assert!(!amount.to_string().is_empty());
    }
}

fn settings(text: &str) {
    let settings = match Settings::parse(text, "strata.toml") {
        Ok(settings) => settings,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    if let Some((limits, _)) = &settings.gate {
        judged(limits, None);
    }
    // a suppression may name a rule that there is not
    if let Ok(report) = analyze(&image(), &Options { suppressions: &settings.ignore, ..Options::default() }) {
        let told = report.findings.len() + report.suppressed.len();
        assert_eq!(told, analysis().findings.len());
        assert!(report.suppressed.iter().all(|it| !it.reason.trim().is_empty() && it.by == "strata.toml"));
    }
}

fn dive(text: &str) {
    let Ok((rules, warnings)) = dive_ci::read(text) else { return };
    assert!(warnings.len() <= text.len());
    let mut limits = Limits { max_wasted_percent: Share::ratio(&rules.user_wasted).ok(), ..Limits::default() };
    let mut set = |key, text: &str| limits.set(key, text).is_ok();
    if set("min-efficiency", &rules.efficiency) && set("max-wasted-bytes", &rules.wasted_bytes) {
        judged(&limits, None);
    }
}

/// An amount that was read says itself again.
fn amounts(text: &str) {
    let _ = parse_size(text);
    for share in [Share::ratio(text).ok(), Share::percent(text).ok()].into_iter().flatten() {
        let again = Share::percent(&share.percent_text()).expect("it was written by us");
        assert_eq!(again.percent_text(), share.percent_text());
        assert_eq!(again.compare(1 << 40, 3 << 40), share.compare(1 << 40, 3 << 40));
        let _ = share.compare(u64::MAX, u64::MAX);
    }
    if let Ok(growth) = Growth::parse(text) {
        judged(&Limits { max_growth: Some(growth), ..Limits::default() }, Some(&Baseline::from(analysis())));
    }
}

fn baseline(bytes: &[u8]) {
    let Ok(baseline) = Baseline::read(bytes) else { return };
    for growth in [Growth::Bytes(1), Growth::Share(Share::percent("1").expect("a percentage"))] {
        let limits = Limits { max_growth: Some(growth), growth_floor: 0, ..Limits::default() };
        judged(&limits, Some(&baseline));
    }
}
