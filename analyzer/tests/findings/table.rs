//! The table of rules, and the form of findings.

use std::collections::HashSet;

use strata_analyzer::{RULES, findings::MAX_PATHS};
use strata_fixtures::stack::Stack;

use crate::{
    analysis_of,
    memory::{Memory, file},
};

#[test]
fn every_rule_has_its_own_number_and_name_and_says_everything() {
    let (mut ids, mut names) = (HashSet::new(), HashSet::new());
    for rule in RULES {
        let about = rule.about();
        assert!(ids.insert(about.id), "{} is there twice", about.id);
        assert!(names.insert(about.name), "{} is there twice", about.name);
        assert!(about.name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'));
        for text in [about.explanation, about.detection, about.fix] {
            assert!(text.ends_with('.') && text.len() > 20, "{}: {text:?}", about.id);
        }
        assert!(!about.title.ends_with('.') && !about.kinds.is_empty(), "{}", about.id);
        assert_eq!(about.exact, about.id.starts_with('A'), "{}", about.id);
    }
}

#[test]
fn a_finding_lists_the_largest_paths_and_counts_all() {
    let files: Vec<String> = (1..=1000).map(|size| format!("f{size}:{size}")).collect();
    let gone: Vec<String> = (1..=1000).map(|size| format!("-f{size}")).collect();
    let image = Stack::parse("app:1", &format!("{} / {}", files.join(" "), gone.join(" "))).unwrap();
    let analysis = analysis_of(&image, None);
    let finding = analysis.findings.iter().find(|finding| finding.rule == "A3").unwrap();
    assert_eq!((finding.files, finding.paths_total, finding.bytes), (1000, 1000, 500_500));
    assert_eq!(finding.paths.len(), MAX_PATHS);
    assert_eq!((finding.paths[0].path.as_str(), finding.paths[99].path.as_str()), ("/f1000", "/f901"));
    assert_eq!(finding.message, "layer 1 deletes what layer 0 wrote: 1000 files, such as /f1000 (500kB)");
}

#[test]
fn the_gravest_come_first_then_what_is_not_of_the_base_then_the_largest() {
    let key = b"-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\n".as_slice();
    let big = [b'x'; 5000];
    let layers: &[&[(&str, &[u8])]] = &[
        &[("etc/a", &big), ("etc/b", &big), ("gone", &big[..3000])],
        &[(".wh.gone", b""), ("etc/key", key), ("one", &big[..100]), ("two", &big[..100])],
        &[("etc/.wh.key", b"")],
    ];
    let entries: Vec<Vec<_>> =
        layers.iter().map(|files| files.iter().map(|(path, content)| file(path, content)).collect()).collect();
    let layers: Vec<&[_]> = entries.iter().map(Vec::as_slice).collect();
    let analysis = analysis_of(&Memory::new(&layers), Some(1));
    let order: Vec<_> = analysis
        .findings
        .iter()
        .map(|finding| (finding.rule, finding.base))
        .filter(|(rule, _)| *rule != "B21")
        .collect();
    assert_eq!(order, [("S1", false), ("A3", false), ("A11", false), ("B1", false), ("B1", true)]);
}

/// `STRATA_WRITE_DOCS=1 cargo test -p strata-analyzer --test findings` writes the page anew.
#[test]
fn the_page_of_rules_is_up_to_date() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/rules.md");
    let page = strata_analyzer::findings::page();
    if std::env::var_os("STRATA_WRITE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), page, "run it with STRATA_WRITE_DOCS=1");
}
