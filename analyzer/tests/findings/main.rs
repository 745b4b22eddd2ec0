//! What costs bytes, by rule: each rule speaks where it should, and is silent where it should be.
#![allow(clippy::unwrap_used)]

mod base;
mod exact;
mod live;
#[path = "../memory/mod.rs"]
mod memory;
mod owners;
mod partition;
mod suppressed;
mod table;
mod whole;

use strata_analyzer::{Analysis, Finding, analysis, analyze};
use strata_fixtures::stack::Stack;
use strata_image::Image;

/// The analysis of an image whose bottom layers belong to a base.
fn analysis_of(image: &dyn Image, base_layers: Option<usize>) -> Analysis {
    analyze(image, &analysis::Options { base_layers, ..analysis::Options::default() }).unwrap()
}

/// `A1 overwrite 0>1 100 /a`: rule, kind, creator and killer, bytes, and the paths with where they are too.
fn row(finding: &Finding) -> String {
    let layer = |layer: Option<usize>| layer.map_or_else(String::new, |layer| layer.to_string());
    let killer = finding.killer.map_or_else(String::new, |killer| format!(">{killer}"));
    let place = |place: &strata_analyzer::findings::Place| match (&place.other, &place.package) {
        (Some(other), _) => format!("{}={other}", place.path),
        (None, Some(package)) => format!("{}{{{package}}}", place.path),
        (None, None) => place.path.clone(),
    };
    let paths: Vec<String> = finding.paths.iter().map(place).collect();
    format!(
        "{} {} {}{killer} {} {}",
        finding.rule,
        finding.kind,
        layer(finding.creator),
        finding.bytes,
        paths.join(" ")
    )
}

/// The rows of those findings of exact rules that are made of a stack in the notation of `strata_fixtures::stack`.
fn exact(layers: &str, base_layers: usize) -> Vec<String> {
    let image = Stack::parse("app:1", layers).unwrap();
    let analysis = analysis_of(&image, Some(base_layers));
    analysis.findings.iter().filter(|finding| finding.exact).map(row).collect()
}

/// The rows of one rule's findings, without its number.
fn rows_of(analysis: &Analysis, rule: &str) -> Vec<String> {
    let own = analysis.findings.iter().filter(|finding| finding.rule == rule);
    own.map(|finding| row(finding).split_off(rule.len() + 1)).collect()
}

/// What a rule says of an image whose layers have these files.
fn told(layers: &[&[(&str, &[u8])]], rule: &str) -> Vec<String> {
    let entries: Vec<Vec<_>> =
        layers.iter().map(|files| files.iter().map(|(path, content)| memory::file(path, content)).collect()).collect();
    let layers: Vec<&[_]> = entries.iter().map(Vec::as_slice).collect();
    rows_of(&analysis_of(&memory::Memory::new(&layers), None), rule)
}
