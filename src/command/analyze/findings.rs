//! What was found, for people: by rule, what is worth reading first.

use std::{
    cmp::Reverse,
    fmt::{Result, Write as _},
};

use strata_analyzer::{
    Analysis, Finding,
    findings::{Level, rule},
    size_text,
};

use crate::look::{
    palette::{ERROR, FAINT, HINT, STRONG},
    text,
};

/// Rules that a person sees without `--all`.
const RULES: usize = 8;
/// Findings of one rule.
const FINDINGS: usize = 3;
/// Bytes of a rule's findings from which on they are told, however large the image is: less is nobody's work.
const SMALL: u64 = 100_000;
/// The part of the image from which on they are told, however small it is: one in so many.
const SMALL_PART: u64 = 1000;

/// The findings of one rule.
struct Found<'a> {
    rule: &'static str,
    findings: Vec<&'a Finding>,
}

impl Found<'_> {
    fn bytes(&self) -> u64 {
        sum(&self.findings)
    }

    /// Whether more than bytes is at stake.
    fn is_grave(&self) -> bool {
        self.findings.iter().any(|finding| finding.level == Level::Error)
    }

    fn is_small(&self, image: u64) -> bool {
        self.bytes() < SMALL && self.bytes() < image / SMALL_PART && !self.is_grave()
    }
}

/// Writes what was found above the base: what is grave first, then by bytes. What is small is counted in one line, unless all
/// shall be told.
pub(super) fn write(analysis: &Analysis, all: bool, out: &mut String) -> Result {
    let mut rules: Vec<Found<'_>> = Vec::new();
    for finding in analysis.findings.iter().filter(|finding| !finding.base) {
        match rules.iter_mut().find(|found| found.rule == finding.rule) {
            Some(found) => found.findings.push(finding),
            None => rules.push(Found { rule: finding.rule, findings: vec![finding] }),
        }
    }
    rules.sort_by_key(|found| (!found.is_grave(), Reverse(found.bytes())));
    let (small, mut told): (Vec<_>, Vec<_>) =
        rules.into_iter().partition(|found| !all && found.is_small(analysis.total_bytes));
    let rest = told.split_off(told.len().min(if all { usize::MAX } else { RULES }));
    for found in &told {
        writeln!(out)?;
        of_rule(found, all, out)?;
    }
    if !(rest.is_empty() && small.is_empty()) {
        writeln!(out)?;
    }
    folded("more", &rest, out)?;
    folded("small", &small, out)?;
    left_out(analysis, out)
}

/// `and 3 small findings of B14, B18, 2.1kB together: --all shows them`.
fn folded(what: &str, rules: &[Found<'_>], out: &mut String) -> Result {
    let count: usize = rules.iter().map(|found| found.findings.len()).sum();
    let numbers: Vec<&str> = rules.iter().map(|found| found.rule).collect();
    let bytes = size_text(rules.iter().map(Found::bytes).fold(0, u64::saturating_add));
    let (together, them) = if count == 1 { ("", "it") } else { (" together", "them") };
    match count {
        0 => Ok(()),
        _ => writeln!(
            out,
            "{FAINT}and {} of {}, {bytes}{together}: --all shows {them}{FAINT:#}",
            text::count(count, &format!("{what} finding")),
            numbers.join(", ")
        ),
    }
}

fn of_rule(found: &Found<'_>, all: bool, out: &mut String) -> Result {
    let Ok(rule) = rule(found.rule) else {
        return Ok(());
    };
    let findings = &found.findings;
    let style = if found.is_grave() { ERROR } else { STRONG };
    let about = if findings.iter().all(|finding| finding.exact) { "" } else { "about " };
    writeln!(out, "{style}{} {}: {about}{}{style:#}", found.rule, rule.about().title, size_text(found.bytes()))?;
    let most = if all { findings.len() } else { FINDINGS };
    for finding in findings.iter().take(most) {
        writeln!(out, "  {}", text::safe(&finding.message))?;
    }
    if findings.len() > most {
        writeln!(out, "{FAINT}  and {} more{FAINT:#}", findings.len() - most)?;
    }
    // all of one rule most often have one fix
    if let Some(first) = findings.first() {
        writeln!(out, "{HINT}  fix:{HINT:#} {}", text::prose(&text::safe(&first.fix), 7))?;
    }
    Ok(())
}

/// What is not told, and why.
fn left_out(analysis: &Analysis, out: &mut String) -> Result {
    let of_base: Vec<&Finding> = analysis.findings.iter().filter(|finding| finding.base).collect();
    let mut lines = Vec::new();
    if !of_base.is_empty() {
        let count = text::count(of_base.len(), "finding");
        lines.push(format!("{count} about the base alone, {}: nothing here can change it", size_text(sum(&of_base))));
    }
    if !analysis.suppressed.is_empty() {
        let findings: Vec<&Finding> = analysis.suppressed.iter().map(|suppressed| &suppressed.finding).collect();
        let mut by: Vec<&str> = analysis.suppressed.iter().map(|suppressed| suppressed.by.as_str()).collect();
        by.sort_unstable();
        by.dedup();
        let count = text::count(findings.len(), "finding");
        lines.push(format!("{count} suppressed by {}, {}", by.join(", "), size_text(sum(&findings))));
    }
    if !lines.is_empty() {
        writeln!(out)?;
    }
    for line in lines {
        writeln!(out, "{FAINT}{}{FAINT:#}", text::safe(&line))?;
    }
    Ok(())
}

fn sum(findings: &[&Finding]) -> u64 {
    findings.iter().map(|finding| finding.bytes).fold(0, u64::saturating_add)
}

#[cfg(test)]
mod tests {
    use strata_analyzer::findings::Confidence;

    use super::*;

    fn finding(level: Level, bytes: u64) -> Finding {
        Finding {
            rule: "A3",
            name: "deleted-file",
            level,
            confidence: Confidence::High,
            exact: true,
            kind: "whiteout",
            bytes,
            files: 1,
            creator: Some(0),
            killer: Some(1),
            layers: vec![0, 1],
            lines: Vec::new(),
            base: false,
            fixable: true,
            message: String::new(),
            fix: String::new(),
            paths: Vec::new(),
            paths_total: 1,
        }
    }

    #[test]
    fn small_is_what_is_little_in_itself_and_in_the_image_and_not_grave() {
        let cases = [
            (Level::Warning, 1, 99_999, 1_000_000_000, true),
            (Level::Warning, 1, 100_000, 1_000_000_000, false),
            // many a little
            (Level::Warning, 50, 2_000, 1_000_000_000, false),
            (Level::Warning, 49, 2_000, 1_000_000_000, true),
            // a tiny image
            (Level::Warning, 1, 1_000, 1_000_000, false),
            (Level::Warning, 1, 999, 1_000_000, true),
            (Level::Error, 1, 1_000, 1_000_000_000, false),
        ];
        for (level, count, bytes, image, small) in cases {
            let findings = vec![finding(level, bytes); count];
            let found = Found { rule: "A3", findings: findings.iter().collect() };
            assert_eq!(found.is_small(image), small, "{level:?} {count} of {bytes} in {image}");
        }
    }
}
