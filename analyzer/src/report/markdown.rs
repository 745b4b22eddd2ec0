//! Markdown for a comment on a pull request.

use std::fmt::Write as _;

use super::Report;
use crate::{
    Finding,
    findings::Level,
    gate::Status,
    markup::{self, cut},
    size_text,
};

/// Findings that a comment lists beside the errors.
const MAX_FINDINGS: usize = 20;
/// Characters that the errors may take: of these none is left out that has room.
const MAX_ERRORS: usize = MAX_COMMENT / 2;
/// Layers that a comment lists: the largest ones.
const MAX_LAYERS: usize = 30;
/// Characters of a comment: GitHub takes 65,536.
const MAX_COMMENT: usize = 60_000;
/// Edits that a comment shows, and characters of one.
const MAX_EDITS: usize = 3;
const MAX_EDIT: usize = 4_000;
/// Characters of a text of the image that are shown.
const MAX_TEXT: usize = 300;

pub(super) fn write(report: &Report<'_>) -> String {
    let mut out = String::new();
    // writing to a string cannot fail
    let _ = head(report, &mut out);
    let _ = gate(report, &mut out);
    let _ = dive(report, &mut out);
    for part in [errors, findings, layers, edits] {
        let before = out.len();
        let _ = part(report, &mut out);
        if out.chars().count() > MAX_COMMENT {
            out.truncate(before);
            out.push_str("\nA part is left out: it is too long for a comment.\n");
        }
    }
    out
}

fn head(report: &Report<'_>, out: &mut String) -> std::fmt::Result {
    let analysis = report.analysis;
    let verdict = match report.gate {
        Some(gate) if gate.passed => ": passed",
        Some(_) => ": **failed**",
        None => "",
    };
    writeln!(out, "### strata: {}{verdict}\n", code(report.name()))?;
    let layers = analysis.layers.len();
    writeln!(
        out,
        "{} in {layers} layer{}, **{} wasted**, efficiency {:.2}%",
        size_text(analysis.total_bytes),
        plural(layers),
        size_text(analysis.wasted_bytes),
        (analysis.efficiency * 10_000.0).floor() / 100.0
    )
}

fn gate(report: &Report<'_>, out: &mut String) -> std::fmt::Result {
    let Some(gate) = report.gate else { return Ok(()) };
    writeln!(out, "\n| gate | | measured | limit | |\n|---|---|---:|---:|---|")?;
    for judged in gate.rules.iter().filter(|judged| judged.status != Status::Skip) {
        let word = if judged.status == Status::Fail { "**fail**" } else { judged.status.word() };
        let amount = |amount: &Option<_>| amount.as_ref().map_or_else(String::new, ToString::to_string);
        let note = judged.note.as_deref().map_or_else(String::new, plain);
        writeln!(
            out,
            "| {} | {word} | {} | {} | {note} |",
            judged.rule,
            plain(&amount(&judged.measured)),
            plain(&amount(&judged.limit))
        )?;
    }
    writeln!(out, "\n{}", plain(&format!("Counted: {}.", gate.counted_text())))?;
    let Some(grown) = gate.grown.as_ref().filter(|grown| !grown.layers.is_empty() || !grown.packages.is_empty()) else {
        return Ok(());
    };
    let since = grown.since.as_deref().map_or_else(|| "the baseline".to_owned(), code);
    writeln!(out, "\n<details><summary>What grew since {since}</summary>")?;
    for (what, all, total) in
        [("layer", &grown.layers, grown.layers_total), ("package", &grown.packages, grown.packages_total)]
    {
        if all.is_empty() {
            continue;
        }
        writeln!(out, "\n**{total} {what}{}**\n\n| was | is | {what} |\n|---:|---:|---|", plural(total))?;
        for by in all {
            let was = by.was_bytes.map_or_else(|| "new".to_owned(), size_text);
            let place = by.layer.map_or_else(String::new, |layer| format!("{}: ", report.place(layer)));
            writeln!(out, "| {was} | {} | {place}{} |", size_text(by.is_bytes), code(&by.what))?;
        }
        more(out, total, all.len())?;
    }
    writeln!(out, "\n</details>")
}

fn dive(report: &Report<'_>, out: &mut String) -> std::fmt::Result {
    let Some(compat) = report.compat else { return Ok(()) };
    let dive = compat.dive;
    let ratio = |ratio| plain(&crate::gate::Amount::Share(ratio).to_string());
    writeln!(
        out,
        "\nBy dive's formula: efficiency {}, {} wasted, userWastedPercent {}",
        ratio(dive.efficiency),
        size_text(dive.wasted_bytes),
        ratio(dive.user_wasted_percent)
    )
}

/// What nobody must overlook stands open.
fn errors(report: &Report<'_>, out: &mut String) -> std::fmt::Result {
    let errors: Vec<_> = report.analysis.findings.iter().filter(|finding| is_error(finding)).collect();
    if errors.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n**{} error{}**\n\n{HEAD}", errors.len(), plural(errors.len()))?;
    let (mut shown, mut room) = (0, MAX_ERRORS);
    for finding in &errors {
        let row = row(report, finding);
        match room.checked_sub(row.chars().count()) {
            Some(left) => room = left,
            None => break,
        }
        out.push_str(&row);
        shown += 1;
    }
    more(out, errors.len(), shown)
}

fn findings(report: &Report<'_>, out: &mut String) -> std::fmt::Result {
    let errors = report.analysis.findings.iter().filter(|finding| is_error(finding)).count();
    let count = report.analysis.findings.len() - errors;
    if count == 0 {
        return Ok(());
    }
    writeln!(out, "\n<details><summary>{count} finding{}</summary>\n", plural(count))?;
    writeln!(out, "{HEAD}")?;
    let chosen = report.chosen_findings(errors + MAX_FINDINGS);
    for finding in chosen.iter().filter(|finding| !is_error(finding)) {
        out.push_str(&row(report, finding));
    }
    more(out, count, MAX_FINDINGS)?;
    writeln!(out, "\n</details>")
}

const HEAD: &str = "| bytes | rule | where | what | fix |\n|---:|---|---|---|---|";

fn is_error(finding: &Finding) -> bool {
    finding.level == Level::Error
}

fn row(report: &Report<'_>, finding: &Finding) -> String {
    let places: Vec<String> = finding.layers.iter().map(|&layer| report.place(layer)).collect();
    format!(
        "| {} | {} {}{} | {} | {} | {} |\n",
        size_text(finding.bytes),
        finding.rule,
        finding.name,
        if finding.base { " (base)" } else { "" },
        places.join(", "),
        prose(&finding.message),
        prose(&finding.fix)
    )
}

fn layers(report: &Report<'_>, out: &mut String) -> std::fmt::Result {
    let mut layers: Vec<_> = report.analysis.layers.iter().collect();
    let count = layers.len();
    layers.sort_by_key(|layer| (std::cmp::Reverse(layer.size_bytes), layer.index));
    layers.truncate(MAX_LAYERS);
    layers.sort_by_key(|layer| layer.index);
    writeln!(out, "\n<details><summary>{count} layer{}</summary>\n", plural(count))?;
    writeln!(out, "| layer | line | size | wasted | created by |\n|---:|---:|---:|---:|---|")?;
    for layer in layers {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            layer.index,
            layer.line.map_or_else(String::new, |line| line.to_string()),
            size_text(layer.size_bytes),
            size_text(layer.wasted_bytes),
            layer.created_by.as_deref().map_or_else(String::new, code)
        )?;
    }
    more(out, count, MAX_LAYERS)?;
    writeln!(out, "\n</details>")
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

fn more(out: &mut String, count: usize, shown: usize) -> std::fmt::Result {
    if count > shown { writeln!(out, "\nand {} more", count - shown) } else { Ok(()) }
}

fn edits(report: &Report<'_>, out: &mut String) -> std::fmt::Result {
    let suggestions = report.analysis.suggestions.iter();
    let edits = suggestions.filter_map(|suggestion| Some((suggestion, suggestion.edit.as_deref()?)));
    for (suggestion, edit) in edits.filter(|(_, edit)| edit.chars().count() <= MAX_EDIT).take(MAX_EDITS) {
        // no run of backticks in it ends the block
        let fence = "`".repeat(edit.split(|c| c != '`').map(str::len).max().unwrap_or(0).max(2) + 1);
        writeln!(out, "\n<details><summary>{}</summary>\n", plain(&suggestion.title))?;
        let edit = markup::seen_lines(edit);
        writeln!(out, "{fence}diff\n{}\n{fence}\n\n</details>", edit.trim_end_matches('\n'))?;
    }
    Ok(())
}

/// Text of an image as code.
pub(crate) fn code(text: &str) -> String {
    markup::markdown_code(&cut(text, MAX_TEXT))
}

/// A sentence of ours, with some of an image's text.
fn prose(text: &str) -> String {
    markup::markdown_prose(&cut(text, MAX_TEXT))
}

/// Text that holds some of an image's.
pub(crate) fn plain(text: &str) -> String {
    markup::markdown(&cut(text, MAX_TEXT))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use strata_fixtures::stack::Stack;

    use super::{MAX_COMMENT, plain};
    use crate::{
        analysis, analyze,
        findings::Level,
        gate::{self, Baseline, Limits},
        report::Report,
    };

    #[test]
    fn a_comment_is_never_longer_than_it_may_be() {
        let mut analysis = analyze(&Stack::parse("app:1", "a:9 / -a").unwrap(), &analysis::Options::default()).unwrap();
        let mut layer = analysis.layers[0].clone();
        layer.created_by = Some("`".repeat(1000));
        analysis.layers = vec![layer; 100];
        let finding = analysis.findings[0].clone();
        analysis.findings = vec![crate::Finding { message: "@".repeat(1000), fix: "`".repeat(1000), ..finding }; 100];
        let report = Report { analysis: &analysis, gate: None, compat: None, dockerfile: None };
        let text = report.markdown();
        assert!(text.chars().count() <= MAX_COMMENT + 200, "{}", text.chars().count());
        assert!(text.contains("A part is left out") && text.contains("and 70 more"), "{text}");
    }

    #[test]
    fn no_error_is_left_out_for_other_findings() {
        let mut analysis = analyze(&Stack::parse("app:1", "a:9 / -a").unwrap(), &analysis::Options::default()).unwrap();
        let finding = analysis.findings[0].clone();
        let error = crate::Finding { rule: "S1", level: crate::findings::Level::Error, ..finding.clone() };
        analysis.findings = [vec![error; 40], vec![finding; 40]].concat();
        let report = Report { analysis: &analysis, gate: None, compat: None, dockerfile: None };
        let text = report.markdown();
        assert_eq!(text.matches("| S1 ").count(), 40, "{text}");
        assert!(text.contains("**40 errors**") && text.contains("and 20 more"), "{text}");
        assert!(text.chars().count() <= MAX_COMMENT, "{}", text.chars().count());
    }

    #[test]
    fn small_findings_of_a_higher_level_push_no_large_one_out() {
        let mut analysis = analyze(&Stack::parse("app:1", "a:9 / -a").unwrap(), &analysis::Options::default()).unwrap();
        let finding = analysis.findings[0].clone();
        let note = crate::Finding { bytes: 1 << 30, level: Level::Note, rule: "B9", ..finding.clone() };
        let of_base = crate::Finding { bytes: 1 << 40, base: true, rule: "B7", ..note.clone() };
        analysis.findings = [vec![finding; 40], vec![note], vec![of_base; 10]].concat();
        let report = Report { analysis: &analysis, gate: None, compat: None, dockerfile: None };
        let text = report.markdown();
        assert_eq!(text.matches("| B9 ").count(), 1, "{text}");
        assert_eq!((text.matches("| A3 ").count(), text.matches("| B7 ").count()), (19, 0), "{text}");
        assert!(text.contains("51 findings") && text.contains("and 31 more"), "{text}");
        let page = report.html(None);
        assert!(page.contains("B9 ") && !page.contains(" more"), "{page}");
    }

    #[test]
    fn layers_and_packages_that_grew_stand_apart_with_their_numbers() {
        let image = |size: u32| {
            let layers: Vec<String> = (0..12).map(|number| format!("f{number}:{}", size + number)).collect();
            let image = Stack::parse("app:1", &layers.join(" / ")).unwrap();
            analyze(&image, &analysis::Options::default()).unwrap()
        };
        let (old, mut new) = (image(10), image(1000));
        new.packages = vec![analysis::PackageLine {
            manager: crate::packages::Manager::Apk,
            name: "p".to_owned(),
            version: "2".to_owned(),
            bytes: Some(7),
        }];
        let gate = gate::judge(&new, &Limits::default(), Some(&Baseline::from(&old)), None);
        let report = Report { analysis: &new, gate: Some(&gate), compat: None, dockerfile: None };
        let text = report.markdown();
        assert!(
            text.contains("**12 layers**\n\n| was | is | layer |\n|---:|---:|---|\n| 10B | 1kB | layer 0: "),
            "{text}"
        );
        assert!(text.contains("\nand 2 more\n\n**1 package**\n\n| was | is | package |\n"), "{text}");
        assert!(text.contains("| new | 7B | <code>apk p 2</code> |\n\n</details>"), "{text}");
    }

    #[test]
    fn long_text_of_an_image_is_cut() {
        assert_eq!(plain(&"é".repeat(301)).chars().count(), 301);
    }
}
