//! The limits of the gate, as flags and files give them: a key and a text.

use strata_dockerfile::suggest::nearest;

use super::{AmountError, Growth, Share, parse_size};
use crate::{
    RULES,
    findings::{Finding, Level},
};

/// The keys, in the order in which reports have the rules. The last three are no rules of their own.
pub static KEYS: [&str; 9] = [
    "max-wasted-bytes",
    "max-wasted-percent",
    "min-efficiency",
    "max-size",
    "max-growth",
    "fail-on",
    "wasted-floor",
    "growth-floor",
    "base",
];

/// Waste, or growth, up to which no percentage fails: of an image of a few kilobytes a single configuration file that is
/// written twice is more than a tenth.
pub const DEFAULT_FLOOR: u64 = 1_000_000;

/// What an image must keep to. `None` is a rule that is off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes that may be dead.
    pub max_wasted_bytes: Option<u64>,
    /// Share of all bytes that may be dead.
    pub max_wasted_percent: Option<Share>,
    /// Share of all bytes that must be alive.
    pub min_efficiency: Option<Share>,
    /// Bytes that all counted layers may have.
    pub max_size: Option<u64>,
    /// How much more they may have than those of the baseline.
    pub max_growth: Option<Growth>,
    /// Findings that there must not be.
    pub fail_on: Vec<FailOn>,
    /// Dead bytes up to which neither `max-wasted-percent` nor `min-efficiency` fails.
    pub wasted_floor: u64,
    /// Bytes of growth up to which a percentage of `max-growth` does not fail.
    pub growth_floor: u64,
    /// Whether the base image's layers count too.
    pub base: bool,
}

/// Findings that fail the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailOn {
    /// Those of one rule, by its number.
    Rule(&'static str),
    /// Those that weigh at least as much.
    Level(Level),
}

/// Why a limit cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitError {
    /// There is no such key.
    #[error("the gate has no {key:?}{}", did_you_mean(*.near))]
    Key {
        /// What was written.
        key: String,
        /// What may be meant.
        near: Option<&'static str>,
    },
    /// The amount cannot be read.
    #[error("{key}: {source}")]
    Amount {
        /// The key.
        key: &'static str,
        /// What is wrong.
        source: AmountError,
    },
    /// There is no such rule or level of findings.
    #[error("fail-on: there is no rule or level {word:?}{}", did_you_mean(*.near))]
    FailOn {
        /// What was written.
        word: String,
        /// What may be meant.
        near: Option<&'static str>,
    },
    /// It is neither true nor false.
    #[error("{key}: {text:?} is neither true nor false")]
    Bool {
        /// The key.
        key: &'static str,
        /// What was written.
        text: String,
    },
}

fn did_you_mean(near: Option<&'static str>) -> String {
    near.map_or_else(String::new, |near| format!("\nhint: did you mean {near}?"))
}

/// No rule is on; the floors are [`DEFAULT_FLOOR`].
impl Default for Limits {
    fn default() -> Self {
        Self {
            max_wasted_bytes: None,
            max_wasted_percent: None,
            min_efficiency: None,
            max_size: None,
            max_growth: None,
            fail_on: Vec::new(),
            wasted_floor: DEFAULT_FLOOR,
            growth_floor: DEFAULT_FLOOR,
            base: false,
        }
    }
}

impl Limits {
    /// Sets a limit from its key and its text, as a flag or a file has them. `off`, `disabled` and `false` switch a rule off.
    ///
    /// # Errors
    ///
    /// When there is no such key, or the text is not of its kind.
    pub fn set(&mut self, key: &str, text: &str) -> Result<(), LimitError> {
        let Some(key) = KEYS.into_iter().find(|known| *known == key) else {
            return Err(LimitError::Key { key: key.to_owned(), near: nearest(key, &KEYS) });
        };
        let text = text.trim();
        let wrong = |source| LimitError::Amount { key, source };
        let size = || on(text).map(parse_size).transpose().map_err(wrong);
        match key {
            "max-wasted-bytes" => self.max_wasted_bytes = size()?,
            "max-wasted-percent" => {
                self.max_wasted_percent = on(text).map(Share::percent).transpose().map_err(wrong)?;
            }
            "min-efficiency" => self.min_efficiency = on(text).map(Share::ratio).transpose().map_err(wrong)?,
            "max-size" => self.max_size = size()?,
            "max-growth" => self.max_growth = on(text).map(Growth::parse).transpose().map_err(wrong)?,
            "wasted-floor" => self.wasted_floor = size()?.unwrap_or(0),
            "growth-floor" => self.growth_floor = size()?.unwrap_or(0),
            "fail-on" => {
                let words = on(text).into_iter().flat_map(|text| text.split(','));
                let words = words.map(str::trim).filter(|word| !word.is_empty());
                self.fail_on = words.map(FailOn::parse).collect::<Result<_, _>>()?;
            }
            _ => {
                self.base = text.parse().map_err(|_| LimitError::Bool { key: "base", text: text.to_owned() })?;
            }
        }
        Ok(())
    }

    /// Whether a text switches a rule off: in any case one of dive's words, `off`, `disabled`, `false`, or nothing.
    pub fn is_off(text: &str) -> bool {
        ["", "off", "disabled", "false"].iter().any(|off| text.trim().eq_ignore_ascii_case(off))
    }
}

fn on(text: &str) -> Option<&str> {
    (!Limits::is_off(text)).then_some(text)
}

impl FailOn {
    /// Reads a rule's number or name, or a level.
    ///
    /// # Errors
    ///
    /// When there is none of that name.
    pub fn parse(word: &str) -> Result<Self, LimitError> {
        let levels = [("note", Level::Note), ("warning", Level::Warning), ("error", Level::Error)];
        if let Some((_, level)) = levels.iter().find(|(name, _)| word.eq_ignore_ascii_case(name)) {
            return Ok(Self::Level(*level));
        }
        let names = || RULES.iter().map(|rule| rule.about());
        if let Some(about) = names().find(|about| [about.id, about.name].iter().any(|n| word.eq_ignore_ascii_case(n))) {
            return Ok(Self::Rule(about.id));
        }
        let known: Vec<&str> = levels.iter().map(|(name, _)| *name).chain(names().map(|about| about.name)).collect();
        Err(LimitError::FailOn { word: word.to_owned(), near: nearest(&word.to_lowercase(), &known) })
    }

    /// Whether a finding is meant.
    pub fn means(self, finding: &Finding) -> bool {
        match self {
            Self::Rule(id) => finding.rule == id,
            Self::Level(level) => finding.level >= level,
        }
    }

    /// The word that means it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rule(id) => id,
            Self::Level(Level::Note) => "note",
            Self::Level(Level::Warning) => "warning",
            Self::Level(Level::Error) => "error",
        }
    }
}
