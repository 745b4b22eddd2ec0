//! The report for people: the layers, what was found by rule, what can be done.

use std::fmt::{Result, Write as _};

use strata_analyzer::{
    Finding,
    analysis::{Analysis, BaseLine, FoundBy},
    findings::{Level, rule},
    size_text,
    suggest::MinSaving,
};

use crate::look::{
    palette::{ERROR, FAINT, HINT, STRONG},
    suggestions,
    table::Columns,
    text,
};

/// Rules that a person sees; `--format json` has all of them.
const RULES: usize = 8;
/// Findings of one rule.
const FINDINGS: usize = 3;

pub(super) fn write(analysis: &Analysis, least: MinSaving, out: &mut String) -> Result {
    let name = analysis.image.name.as_deref().or(analysis.image.id.as_deref()).unwrap_or("image");
    writeln!(
        out,
        "{STRONG}{}{STRONG:#}  {} in {}, {} bytes wasted ({}), efficiency {:.2}%",
        text::safe(name),
        size_text(analysis.total_bytes),
        text::count(analysis.layers.len(), "layer"),
        analysis.wasted_bytes,
        size_text(analysis.wasted_bytes),
        floor_percent(analysis.efficiency),
    )?;
    if let Some(line) = &analysis.base {
        base(line, out)?;
    }
    writeln!(out)?;
    layers(analysis, out);
    findings(analysis, out)?;
    for suggestion in &analysis.suggestions {
        writeln!(out)?;
        out.push_str(&suggestions::told(suggestion));
        if let Some(edit) = &suggestion.edit {
            write!(out, "{FAINT}{edit}{FAINT:#}")?;
        }
    }
    if !analysis.refused.is_empty() {
        writeln!(out)?;
        out.push_str(&suggestions::refused(&analysis.refused, least, analysis.total_bytes));
    }
    Ok(())
}

/// Percent with two decimals, never rounded up: 100.00 means that nothing is wasted.
fn floor_percent(efficiency: f64) -> f64 {
    (efficiency * 10_000.0).floor() / 100.0
}

fn base(line: &BaseLine, out: &mut String) -> Result {
    let name = line.name.as_deref().map_or_else(String::new, |name| format!(" {}", text::safe(name)));
    let how = match line.found_by {
        FoundBy::Asked | FoundBy::Build => "",
        FoundBy::Dockerfile => " (as the Dockerfile tells)",
        FoundBy::Annotation => " (as the image's annotations tell)",
        FoundBy::Layers => " (as the layers tell)",
        FoundBy::History => " (guessed from the history)",
    };
    writeln!(
        out,
        "{FAINT}of it the base{name}: {} in {}{how}, {} wasted by itself, {} by the layers above{FAINT:#}",
        size_text(line.total_bytes),
        text::count(line.layers, "layer"),
        size_text(line.wasted_bytes),
        size_text(line.killed_bytes),
    )?;
    Ok(())
}

fn layers(analysis: &Analysis, out: &mut String) {
    let mut columns =
        Columns::new(&["LAYER", "LINE", "SIZE", "WASTED", "KILLED", "CREATED BY"]).right(2).right(3).right(4);
    for layer in &analysis.layers {
        columns.row([
            layer.index.to_string(),
            layer.line.map_or_else(String::new, |line| line.to_string()),
            size_text(layer.size_bytes),
            size_text(layer.wasted_bytes),
            size_text(layer.killed_bytes),
            text::ellipsis(layer.created_by.as_deref().unwrap_or_default(), 60),
        ]);
    }
    columns.write(out);
}

/// What was found above the base, by rule: those that matter most first, then those of the most bytes.
fn findings(analysis: &Analysis, out: &mut String) -> Result {
    let own: Vec<&Finding> = analysis.findings.iter().filter(|finding| !finding.base).collect();
    let mut rules: Vec<(&'static str, Vec<&Finding>)> = Vec::new();
    for finding in own {
        match rules.iter_mut().find(|(rule, _)| *rule == finding.rule) {
            Some((_, findings)) => findings.push(finding),
            None => rules.push((finding.rule, vec![finding])),
        }
    }
    let is_grave = |findings: &[&Finding]| findings.iter().any(|finding| finding.level == Level::Error);
    rules.sort_by_key(|(_, findings)| (!is_grave(findings), std::cmp::Reverse(sum(findings))));
    for (number, findings) in rules.iter().take(RULES) {
        writeln!(out)?;
        of_rule(number, findings, out)?;
    }
    if rules.len() > RULES {
        let rest: Vec<&Finding> = rules[RULES..].iter().flat_map(|(_, findings)| findings.iter().copied()).collect();
        let numbers: Vec<&str> = rules[RULES..].iter().map(|(number, _)| *number).collect();
        let all = "--format json lists all";
        writeln!(out)?;
        writeln!(out, "{FAINT}and {} of {}: {all}{FAINT:#}", size_text(sum(&rest)), numbers.join(", "))?;
    }
    left_out(analysis, out)
}

fn of_rule(number: &str, findings: &[&Finding], out: &mut String) -> Result {
    let Ok(rule) = rule(number) else {
        return Ok(());
    };
    let style = if findings.iter().any(|finding| finding.level == Level::Error) { ERROR } else { STRONG };
    let bytes = if findings.iter().all(|finding| finding.exact) { "" } else { "about " };
    writeln!(out, "{style}{number} {}: {bytes}{}{style:#}", rule.about().title, size_text(sum(findings)))?;
    for finding in findings.iter().take(FINDINGS) {
        writeln!(out, "  {}", text::safe(&finding.message))?;
    }
    if findings.len() > FINDINGS {
        writeln!(out, "{FAINT}  and {} more{FAINT:#}", findings.len() - FINDINGS)?;
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
