//! What is told about an image beyond the screen: JSON, and the forms that other programs of a CI read.
//!
//! ```text
//! analysis, verdict of the gate, dive's numbers ─► Report ─┬─► JSON      (serde; schema 1)
//!                                                          ├─► markdown  a comment on a pull request
//!                                                          ├─► SARIF     findings at lines of the Dockerfile
//!                                                          ├─► JUnit     a test case a rule
//! ledger ──────────────────────────────────────────────────┴─► HTML      one page, with a map of every file
//! ```
//!
//! Equal input gives equal bytes: no report holds a time, a host or a number drawn at random.

mod html;
mod junit;
mod markdown;
mod sarif;

pub use html::{MAX_NAMES, MAX_TEXT};
pub(crate) use markdown::{code, plain};
use serde::Serialize;

use crate::{
    Analysis, Finding, Ledger,
    dive::Dive,
    findings::{self, Level},
    gate::Verdict,
};

/// Everything that is known.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Report<'a> {
    /// The analysis.
    #[serde(flatten)]
    pub analysis: &'a Analysis,
    /// What the gate said, where it was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<&'a Verdict>,
    /// Numbers by the formulas of others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compat: Option<Compat<'a>>,
    /// The Dockerfile that the lines are of: its path from where the report is read, and its bytes.
    #[serde(skip)]
    pub dockerfile: Option<(&'a str, &'a [u8])>,
}

/// Numbers by the formulas of others.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Compat<'a> {
    /// dive's.
    pub dive: &'a Dive,
}

impl Report<'_> {
    /// Writes GitHub's markdown, short enough for a comment: whatever an image holds stays text.
    pub fn markdown(&self) -> String {
        markdown::write(self)
    }

    /// Gives a SARIF 2.1.0 log.
    pub fn sarif(&self) -> serde_json::Value {
        sarif::log(self)
    }

    /// Writes `JUnit`'s XML, as Jenkins and GitLab read it.
    pub fn junit(&self) -> String {
        junit::write(self)
    }

    /// Writes one HTML file that loads nothing. The ledger is that of the analysed image, of which the page has a map of every
    /// file; without one it has tables alone. A page grows with the image up to a bound: [`MAX_NAMES`] and [`MAX_TEXT`].
    pub fn html(&self, ledger: Option<&Ledger>) -> String {
        html::write(self, ledger)
    }

    fn name(&self) -> &str {
        self.analysis.image.name.as_deref().or(self.analysis.image.id.as_deref()).unwrap_or("image")
    }

    /// The findings that a list of so many places tells. None of the base's is there for its size: nothing can be done about it.
    fn chosen_findings(&self, places: usize) -> Vec<&Finding> {
        let all = &self.analysis.findings;
        let errors = all.iter().filter(|finding| finding.level == Level::Error).count();
        let bytes: Vec<u64> = all.iter().map(|finding| if finding.base { 0 } else { finding.bytes }).collect();
        findings::chosen(&bytes, errors, places).into_iter().map(|number| &all[number]).collect()
    }

    /// `line 4`, or `layer 3` where the Dockerfile did not make it.
    fn place(&self, layer: usize) -> String {
        match self.analysis.layers.get(layer).and_then(|layer| layer.line) {
            Some(line) => format!("line {line}"),
            None => format!("layer {layer}"),
        }
    }
}
