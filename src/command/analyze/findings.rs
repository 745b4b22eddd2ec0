//! What was found, for people: by rule, what is worth reading first.

use std::{
    cmp::Reverse,
    fmt::{Result, Write as _},
};

use strata_analyzer::{
    Analysis, Finding,
    findings::{self, Level, rule},
    size_text,
};

use crate::look::{
    palette::{ERROR, FAINT, HINT, STRONG},
    text,
};

/// Rules that a person sees without `--all`, unless more have errors.
const RULES: usize = 8;
/// Findings of one rule.
const FINDINGS: usize = 3;
/// Reasons for suppressions that a person sees without `--all`.
const REASONS: usize = 8;
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

    fn level(&self) -> Option<Level> {
        self.findings.iter().map(|finding| finding.level).max()
    }

    /// Whether more than bytes is at stake.
    fn is_grave(&self) -> bool {
        self.level() == Some(Level::Error)
    }

    fn is_small(&self, image: u64) -> bool {
        self.bytes() < SMALL && self.bytes() < image / SMALL_PART && !self.is_grave()
    }
}

/// Writes what was found above the base, and what is grave wherever it is: in the order of the findings, by rule. What is small is
/// counted in one line, unless all shall be told.
pub(super) fn write(analysis: &Analysis, all: bool, out: &mut String) -> Result {
    let mut rules: Vec<Found<'_>> = Vec::new();
    for finding in analysis.findings.iter().filter(|finding| is_told(finding)) {
        match rules.iter_mut().find(|found| found.rule == finding.rule) {
            Some(found) => found.findings.push(finding),
            None => rules.push(Found { rule: finding.rule, findings: vec![finding] }),
        }
    }
    rules.sort_by_key(|found| (Reverse(found.level()), Reverse(found.bytes())));
    let (small, told): (Vec<_>, Vec<_>) =
        rules.into_iter().partition(|found| !all && found.is_small(analysis.total_bytes));
    let errors = told.iter().filter(|found| found.is_grave()).count();
    let bytes: Vec<u64> = told.iter().map(Found::bytes).collect();
    let chosen = findings::chosen(&bytes, errors, if all { told.len() } else { RULES });
    let (told, rest): (Vec<_>, Vec<_>) =
        told.into_iter().enumerate().partition(|(number, _)| chosen.binary_search(number).is_ok());
    for (_, found) in &told {
        writeln!(out)?;
        of_rule(found, all, out)?;
    }
    if !(rest.is_empty() && small.is_empty()) {
        writeln!(out)?;
    }
    let rest: Vec<_> = rest.into_iter().map(|(_, found)| found).collect();
    folded("more", &rest, out)?;
    folded("small", &small, out)?;
    left_out(analysis, all, out)
}

/// Whether a finding is told by itself: nothing can be done about what the base has, but to know what is grave.
fn is_told(finding: &Finding) -> bool {
    !finding.base || finding.level == Level::Error
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
    let most = if all || found.is_grave() { findings.len() } else { FINDINGS };
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
fn left_out(analysis: &Analysis, all: bool, out: &mut String) -> Result {
    let of_base: Vec<&Finding> = analysis.findings.iter().filter(|finding| !is_told(finding)).collect();
    let mut reasons: Vec<(&str, &str)> =
        analysis.suppressed.iter().map(|suppressed| (suppressed.by.as_str(), suppressed.reason.as_str())).collect();
    reasons.sort_by_key(|&(by, reason)| (place(by), reason));
    reasons.dedup();
    if !(of_base.is_empty() && reasons.is_empty()) {
        writeln!(out)?;
    }
    if !of_base.is_empty() {
        let count = text::count(of_base.len(), "finding");
        let bytes = size_text(sum(&of_base));
        writeln!(out, "{FAINT}{count} about the base alone, {bytes}: nothing here can change it{FAINT:#}")?;
    }
    let most = if all { reasons.len() } else { REASONS };
    for &(by, reason) in reasons.iter().take(most) {
        let own =
            analysis.suppressed.iter().filter(|suppressed| (&*suppressed.by, &*suppressed.reason) == (by, reason));
        let findings: Vec<&Finding> = own.map(|suppressed| &suppressed.finding).collect();
        let colon = if reason.is_empty() { "" } else { ": " };
        let (count, bytes) = (text::count(findings.len(), "finding"), size_text(sum(&findings)));
        let line = format!("{count} suppressed by {by}, {bytes}{colon}{reason}");
        writeln!(out, "{FAINT}{}{FAINT:#}", text::safe(&line))?;
        for finding in findings.iter().filter(|_| all) {
            writeln!(out, "{FAINT}  {} {}{FAINT:#}", finding.rule, text::safe(&finding.message))?;
        }
    }
    if reasons.len() > most {
        let rest: Vec<&Finding> = analysis
            .suppressed
            .iter()
            .filter(|suppressed| reasons[most..].contains(&(&*suppressed.by, &*suppressed.reason)))
            .map(|suppressed| &suppressed.finding)
            .collect();
        let (count, bytes) = (rest.len(), size_text(sum(&rest)));
        writeln!(out, "{FAINT}and {count} more suppressed, {bytes}: --all shows them{FAINT:#}")?;
    }
    Ok(())
}

/// A file, and the line in it where one is named: lines are numbers.
fn place(by: &str) -> (&str, u64) {
    let place = by.rsplit_once(':').and_then(|(file, line)| Some((file, line.parse().ok()?)));
    place.unwrap_or((by, 0))
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
