//! Findings: what costs bytes, which rule says so, who made them, and what to do.
//!
//! ```text
//! ledger ─► dead inodes ─► the first exact rule that claims each ─┐
//!       └─► live files ──► advisory rules ────────────────────────┴─► hits ─► findings: one a rule, kind and pair of layers
//! ```
//!
//! Exact rules (`A1` to `A11`) share out the dead bytes: each dead inode belongs to one of them, so that their findings
//! sum to the wasted bytes. Advisory rules (`B1` to `B23`) speak of what the image shows, and may speak of the same file
//! twice. [`RULES`] is the one table that `--explain`, docs/rules.md and SARIF's list of rules are made from.

mod accepted;
mod chosen;
mod deaths;
mod hits;
mod live;
mod lower;
mod owners;
mod page;
mod rules;
mod suppression;
mod told;

use serde::Serialize;
use strata_dockerfile::Instruction;
use strata_image::Image;

use crate::{Ledger, Packages, analysis::LayerLine, ledger::Repeated};
pub(crate) use accepted::Accepted;
pub use chosen::chosen;
pub(crate) use hits::{Hit, Hits};
use live::Whole;
pub(crate) use lower::{Lower, LowerContents};
pub use page::page;
pub use rules::RULES;
pub use suppression::{LayerName, Note, Suppressed, Suppression, comment_problems, rule};
pub(crate) use suppression::{Resolved, in_comments, is_suppression, resolve};
pub use told::Told;

/// Paths that a report lists for one finding; the count is always whole.
pub const MAX_PATHS: usize = 100;

/// What there is to say about a rule.
#[derive(Clone, Copy, Debug)]
pub struct About {
    /// Its number, such as `A1`: what a report and a suppression name.
    pub id: &'static str,
    /// Its name, such as `overwritten-file`: good for a suppression too.
    pub name: &'static str,
    /// What it finds, in a few words.
    pub title: &'static str,
    /// Why that costs bytes, or more than bytes.
    pub explanation: &'static str,
    /// How it is found, and what is left out on purpose.
    pub detection: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// The words that a finding's `kind` may be, each with its meaning.
    pub kinds: &'static [(&'static str, &'static str)],
    /// How sure it is that the fix is right.
    pub confidence: Confidence,
    /// Whether the bytes are dead ones, counted exactly; else advice, whose bytes may overlap those of others.
    pub exact: bool,
    /// How much it weighs: the level of SARIF, and what comes first.
    pub level: Level,
}

/// How sure a rule is that its fix is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// Someone may need the bytes.
    Low,
    /// Most likely nobody needs them.
    Medium,
    /// Nobody can need them.
    High,
}

/// How much a finding weighs; the words are SARIF's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Advice.
    Note,
    /// Bytes that nobody gets anything for.
    Warning,
    /// More than bytes is at stake.
    Error,
}

/// A rule: what it says about itself, and how it says what it found. Where it looks is private to this crate.
pub trait Rule: Sync {
    /// What there is to say about it.
    fn about(&self) -> &'static About;

    /// Says in one sentence what was found.
    fn message(&self, told: &Told<'_>) -> String;

    /// Says what to do about it.
    fn fix(&self, told: &Told<'_>) -> String {
        let _ = told;
        self.about().fix.to_owned()
    }
}

/// One thing that was found: files of one rule and kind, made by one layer and, when dead, killed by one.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// The rule's number.
    pub rule: &'static str,
    /// The rule's name.
    pub name: &'static str,
    /// How much it weighs.
    pub level: Level,
    /// How sure the rule is of its fix.
    pub confidence: Confidence,
    /// Whether the bytes are dead ones, counted exactly.
    pub exact: bool,
    /// One of the rule's kinds.
    pub kind: &'static str,
    /// Content bytes: of exact rules the dead ones, of others what the fix is thought to save.
    pub bytes: u64,
    /// How many files have them.
    pub files: u64,
    /// The layer that made them; `None` where it is about no layer.
    pub creator: Option<usize>,
    /// The layer that killed them; `None` for what lives.
    pub killer: Option<usize>,
    /// Both, in order, without repetition.
    pub layers: Vec<usize>,
    /// Lines of the Dockerfile for those of the layers that have any.
    pub lines: Vec<Lines>,
    /// Whether it is the base image's own affair: who builds on it cannot change it.
    pub base: bool,
    /// Whether who wrote the Dockerfile can fix it: its creator, and its killer, are above the base image.
    pub fixable: bool,
    /// What was found, in one sentence.
    pub message: String,
    /// What to do.
    pub fix: String,
    /// The largest of what was found, then by path: at most [`MAX_PATHS`].
    pub paths: Vec<Place>,
    /// How many there are.
    pub paths_total: u64,
}

/// The lines of the instruction that made a layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Lines {
    /// The layer.
    pub layer: usize,
    /// First line, from 1.
    pub first: u32,
    /// Last line.
    pub last: u32,
}

/// A file, or a directory with what is below it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Place {
    /// As [`crate::path_text`] writes it.
    pub path: String,
    /// Bytes that were found there.
    pub bytes: u64,
    /// In how many files.
    pub files: u64,
    /// Where the same bytes are too, or what they belong to; `None` where there is nothing to add.
    pub other: Option<String>,
    /// The package that this is about, with its version and manager, where the path is that of one of its files; else the one
    /// that the file belongs to, or did when it died.
    pub package: Option<String>,
}

/// How a rule reports a file.
pub(crate) struct Claim {
    kind: &'static str,
    /// What of its bytes; `None` for all.
    bytes: Option<u64>,
    /// The directory that it is reported with; `None` for the file itself.
    tree: Option<Vec<u8>>,
    /// Where its bytes are too.
    other: Option<String>,
}

impl Claim {
    fn file(kind: &'static str) -> Self {
        Self { kind, bytes: None, tree: None, other: None }
    }

    fn tree(kind: &'static str, tree: &[u8]) -> Self {
        Self { tree: Some(tree.to_vec()), ..Self::file(kind) }
    }
}

/// What the rules look at.
pub(crate) struct Subject<'a> {
    pub(crate) image: &'a dyn Image,
    pub(crate) ledger: &'a Ledger,
    /// The contents that several live files may have; `None` where `lower` says it.
    pub(crate) repeated: Option<&'a Repeated>,
    pub(crate) packages: &'a Packages,
    /// Kept contents of files that the image shows, by path.
    pub(crate) kept: &'a [(Vec<u8>, &'a [u8])],
    /// Bottom first.
    pub(crate) layers: &'a [LayerLine],
    /// Number of bottom layers that belong to the base image; 0 where that is unknown.
    pub(crate) base_layers: usize,
    /// The instruction that made each layer, where a Dockerfile says.
    pub(crate) steps: &'a [Option<&'a Instruction>],
    /// Blobs of the archive that no image needs, with their bytes.
    pub(crate) unreachable: &'a [(String, u64)],
    /// The layers that nothing is asked about: only what those above them made or killed is found.
    pub(crate) lower: Option<&'a Lower>,
    /// Whether files are told with the packages that they belong to.
    pub(crate) with_owners: bool,
}

impl Subject<'_> {
    /// The lowest layer that something is asked about.
    fn since(&self) -> usize {
        self.lower.map_or(0, |lower| lower.layers)
    }

    /// The instruction that made a layer, as text: the Dockerfile's, or else that of the history.
    fn instruction(&self, layer: usize) -> Option<&str> {
        match self.steps.get(layer) {
            Some(Some(instruction)) => Some(&instruction.original),
            _ => self.layers.get(layer)?.created_by.as_deref(),
        }
    }
}

/// Finds everything: errors before warnings before notes, then what is not the base's own affair, then the most bytes; then by
/// rule, creator, killer and kind. All reports keep to that, and [`chosen`] says what they tell where they cannot tell all. What
/// is suppressed comes apart.
pub(crate) fn all<'s>(subject: &Subject<'_>, suppressions: &'s [Resolved]) -> All<'s> {
    let mut hits = Hits::new(suppressions);
    let claim = || {
        let accepted = deaths::share_out(subject, &mut hits);
        live::claim(subject, &mut hits);
        accepted
    };
    let (counts, accepted) = rayon::join(|| live::counts(subject), claim);
    live::look(&Whole { subject, counts }, &mut hits);
    hits.findings(subject, Accepted::new(suppressions, accepted))
}

/// Everything that was found.
pub(crate) struct All<'s> {
    pub(crate) findings: Vec<Finding>,
    pub(crate) suppressed: Vec<Suppressed>,
    /// Of suppressions that are about none of it.
    pub(crate) notes: Vec<Note>,
    pub(crate) accepted: Accepted<'s>,
}
