//! Rules about size: commands that leave bytes in a layer which nobody needs.
//!
//! ```text
//! Dockerfile ─► stages that are shipped ─► commands of each RUN ─► SizeFinding: a warning, and the paths that it is about
//!                                                                      └─ after a build ─► price: bytes of one layer
//! ```
//!
//! They find what hadolint finds, and are turned off by its numbers as well: `# check=skip=DL3009`. Only the last stage and
//! those that it is built on are looked at, since the others are not shipped, and only what is surely so is told: a script
//! that cannot be read, or that calls something which may clean up, is trusted.

mod packages;
mod rules;
mod step;
mod tree;

use strata_dockerfile::{Diagnostic, Dockerfile, Instruction, Severity, Span, check::Report, ignore::IgnoreSet};

use crate::{Result, index::LayerIndex};
pub use rules::{SIZE_RULES, SizeRule};

/// What a rule found.
#[derive(Clone, Debug)]
pub struct SizeFinding {
    /// The rule.
    pub rule: &'static str,
    /// The warning.
    pub diagnostic: Diagnostic,
    /// The instruction whose layer has the bytes.
    pub instruction: Span,
    /// The paths in that layer, as patterns of an ignore file; none where they cannot be told.
    pub paths: Vec<String>,
}

/// Looks for waste in the stages that are shipped; `report` says which rules count.
pub fn size(file: &Dockerfile, report: &Report) -> Vec<SizeFinding> {
    let mut found = Findings { report, list: Vec::new() };
    let shipped = step::shipped(file);
    packages::check(&shipped, &mut found);
    tree::check(&shipped, &mut found);
    found.list.sort_by_key(|it| (it.diagnostic.span.start, it.rule));
    found.list
}

/// The bytes that a finding is about, given the index of its instruction's layer.
///
/// # Errors
/// A path of the index cannot be read.
pub fn price(finding: &SizeFinding, index: &LayerIndex) -> Result<u64> {
    // patterns that are no patterns match nothing
    let patterns = IgnoreSet::parse(finding.paths.join("\n").as_bytes()).unwrap_or_default();
    let mut bytes = 0;
    for (number, entry) in (0..).zip(index.entries()) {
        if patterns.excluded_by(entry?.path.as_bytes()).is_some() {
            bytes += index.size(number);
        }
    }
    Ok(bytes)
}

/// Collects findings of rules that are not turned off.
struct Findings<'a> {
    report: &'a Report,
    list: Vec<SizeFinding>,
}

impl Findings<'_> {
    fn add(&mut self, instruction: &Instruction, finding: SizeFinding) {
        let alias = SIZE_RULES.iter().find(|rule| rule.name == finding.rule).map_or("", |rule| rule.hadolint);
        if self.report.counts(instruction, &[finding.rule, alias]) {
            self.list.push(finding);
        }
    }
}

/// A finding at a place of an instruction.
fn finding(
    rule: &'static str,
    instruction: &Instruction,
    span: Span,
    message: String,
    help: &str,
    paths: &[&str],
) -> SizeFinding {
    debug_assert!(SIZE_RULES.iter().any(|known| known.name == rule), "{rule}");
    let help = Some(help.to_owned()).filter(|help| !help.is_empty());
    SizeFinding {
        rule,
        diagnostic: Diagnostic { severity: Severity::Warning, code: rule, message, span, label: None, help },
        instruction: instruction.span,
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    }
}
