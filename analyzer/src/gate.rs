//! The gate: whether an image keeps to limits, for CI to pass or fail by.
//!
//! ```text
//! analysis ─┬─► what counts: layers above the base, or all ─┐
//! limits ───┼───────────────────────────────────────────────┼─► one verdict a rule ─► passed or not
//! baseline ─┴─► growth, by layer and by package ────────────┘
//! ```
//!
//! What is met exactly passes. Sizes and shares are compared exactly, without rounding.

mod amount;
mod baseline;
mod judge;
mod limits;

use serde::{Serialize, Serializer};

use crate::findings::Finding;
pub use amount::{AmountError, Growth, Share, parse_size};
pub use baseline::{Baseline, BaselineError, Grown, GrownBy, MAX_REPORT};
pub use judge::judge;
pub use limits::{DEFAULT_FLOOR, FailOn, KEYS, LimitError, Limits};

/// What the gate says about an image.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Verdict {
    /// Whether no rule failed.
    pub passed: bool,
    /// Which layers counted.
    pub counted: Counted,
    /// How many they are.
    pub layers: usize,
    /// Whose numbers were judged.
    pub numbers: Numbers,
    /// Where the limits come from, in the words of who gave them; `None` where nobody said.
    pub limits_from: Option<String>,
    /// Every rule, in the order of [`KEYS`].
    pub rules: Vec<Judged>,
    /// What grew since the baseline; `None` without one.
    pub grown: Option<Grown>,
    /// What it was told to fail on.
    #[serde(skip)]
    pub fail_on: Vec<FailOn>,
}

/// Which layers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Counted {
    /// Those above the base image.
    UserLayers,
    /// All, since that was asked for.
    AllLayers,
    /// All, since nobody knows where the base image ends.
    BaseUnknown,
    /// All, since where it ends is only guessed: the guess may take layers of the user for the base's.
    BaseGuessed,
}

/// Whose numbers of waste are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Numbers {
    /// The true ones.
    True,
    /// Those of [`crate::dive`].
    Dive,
}

/// What the gate says by one rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Judged {
    /// The rule: one of [`KEYS`].
    pub rule: &'static str,
    /// How it went.
    pub status: Status,
    /// What was found; `None` when the rule was skipped.
    pub measured: Option<Amount>,
    /// What is allowed; `None` when nothing is said.
    pub limit: Option<Amount>,
    /// Why it was skipped, passed in spite of its numbers, or what exactly failed.
    pub note: Option<String>,
}

/// How a rule went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// The limit is kept, or met exactly.
    Pass,
    /// It is not.
    Fail,
    /// It was not looked at.
    Skip,
}

/// A number with its unit.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "unit", content = "value", rename_all = "kebab-case")]
pub enum Amount {
    /// Bytes; of growth they may be negative.
    Bytes(i128),
    /// A share of the whole: 1 is all of it.
    #[serde(serialize_with = "share")]
    Share(f64),
    /// A number of findings.
    Findings(usize),
    /// Rules and levels of findings.
    Names(String),
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn share<S: Serializer>(share: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    if share.is_finite() {
        serializer.serialize_f64(*share)
    } else {
        serializer.serialize_str(&crate::dive::number_text(*share))
    }
}

impl std::fmt::Display for Amount {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Bytes(bytes) => {
                let size = crate::size_text(u64::try_from(bytes.unsigned_abs()).unwrap_or(u64::MAX));
                let sign = if *bytes < 0 { "-" } else { "" };
                match bytes.unsigned_abs() {
                    0..1000 => write!(formatter, "{sign}{size}"),
                    _ => write!(formatter, "{bytes} bytes ({sign}{size})"),
                }
            }
            Self::Share(share) if !share.is_finite() => formatter.write_str(&crate::dive::number_text(*share)),
            Self::Share(share) => {
                let text = format!("{:.4}", share * 100.0);
                write!(formatter, "{}%", text.trim_end_matches('0').trim_end_matches('.'))
            }
            Self::Findings(1) => formatter.write_str("1 finding"),
            Self::Findings(number) => write!(formatter, "{number} findings"),
            Self::Names(names) => formatter.write_str(names),
        }
    }
}

impl Status {
    /// The word that reports use.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Skip => "skip",
        }
    }
}

impl Verdict {
    /// The rules that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Judged> {
        self.rules.iter().filter(|judged| judged.status == Status::Fail)
    }

    /// Whether a finding counts: those of the base image do not where its layers do not.
    pub fn counts(&self, finding: &Finding) -> bool {
        self.counted != Counted::UserLayers || !finding.base
    }

    /// Which layers counted, in words: `3 user layers`.
    pub fn counted_text(&self) -> String {
        let layers = |what| format!("{} {what}layer{}", self.layers, if self.layers == 1 { "" } else { "s" });
        match self.counted {
            Counted::UserLayers => layers("user "),
            Counted::AllLayers => layers(""),
            Counted::BaseUnknown => format!("{}, since the base image is unknown", layers("")),
            Counted::BaseGuessed => {
                format!("{}, since the base image is only guessed: --base or -f says which it is", layers(""))
            }
        }
    }
}
