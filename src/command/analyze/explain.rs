//! `analyze --explain`: what there is to say about a rule.

use anyhow::{Result, anyhow};
use serde::Serialize;
use strata_analyzer::findings::{self, About, Confidence, Level};

use crate::{
    cli::Format,
    exit::Status,
    look::{
        json,
        palette::{FAINT, STRONG},
        text::prose,
    },
};

/// A rule as `--format json` has it.
#[derive(Serialize)]
struct Explained {
    schema: u32,
    rule: &'static str,
    name: &'static str,
    title: &'static str,
    explanation: &'static str,
    detection: &'static str,
    fix: &'static str,
    kinds: Vec<Kind>,
    confidence: Confidence,
    exact: bool,
    level: Level,
}

#[derive(Serialize)]
struct Kind {
    kind: &'static str,
    means: &'static str,
}

pub(super) fn run(rule: &str, format: Format) -> Result<Status> {
    let rule = findings::rule(rule).map_err(|nearest| {
        let hint = nearest
            .map_or_else(|| "docs/rules.md lists all rules".to_owned(), |nearest| format!("did you mean {nearest}?"));
        anyhow!("there is no rule {rule:?}\nhint: {hint}")
    })?;
    let about = rule.about();
    match format {
        Format::Json => json::print(&explained(about))?,
        Format::Table => show(about),
    }
    Ok(Status::Yes)
}

fn explained(about: &'static About) -> Explained {
    Explained {
        schema: 1,
        rule: about.id,
        name: about.name,
        title: about.title,
        explanation: about.explanation,
        detection: about.detection,
        fix: about.fix,
        kinds: about.kinds.iter().map(|&(kind, means)| Kind { kind, means }).collect(),
        confidence: about.confidence,
        exact: about.exact,
        level: about.level,
    }
}

fn show(about: &About) {
    anstream::println!("{STRONG}{} {}{STRONG:#}  {FAINT}{}{FAINT:#}", about.id, about.title, about.name);
    for (head, text) in [("Why", about.explanation), ("Found", about.detection), ("Fix", about.fix)] {
        anstream::println!();
        anstream::println!("{head:<7}{}", prose(text, 7));
    }
    anstream::println!();
    for (kind, means) in about.kinds {
        anstream::println!("  {kind:<16}{means}");
    }
    anstream::println!();
    let bytes =
        if about.exact { "exact: each dead byte is one rule's" } else { "advice: they may overlap with others" };
    let sure = match about.confidence {
        Confidence::High => "high",
        Confidence::Medium => "medium",
        Confidence::Low => "low",
    };
    anstream::println!("{FAINT}Bytes are {bytes}. Confidence in the fix: {sure}.{FAINT:#}");
}
