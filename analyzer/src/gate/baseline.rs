//! What an image is compared with for growth: another analysis, or a report of one that was saved.

use std::{collections::HashMap, io::Read};

use serde::{Deserialize, Deserializer, Serialize};

use crate::{Analysis, analysis::FoundBy};

/// Bytes that a saved report may have: a report of two million dead files has fewer.
pub const MAX_REPORT: u64 = 1 << 30;
/// Layers, and packages, that a verdict names: those that grew most.
const MAX_GROWERS: usize = 10;

/// How large an image was, and of what it was made.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Baseline {
    schema: u32,
    image: Named,
    layers: Vec<Layer>,
    #[serde(default)]
    packages: Vec<Package>,
    /// Whether where its base image ends is only guessed.
    #[serde(default, rename = "base", deserialize_with = "is_guess")]
    guesses_base: bool,
}

/// Of a report's base only this counts. Words of later versions are no error.
fn is_guess<'de, D: Deserializer<'de>>(base: D) -> Result<bool, D::Error> {
    #[derive(Deserialize)]
    struct Base {
        found_by: Option<String>,
    }
    let base = Option::<Base>::deserialize(base)?;
    Ok(base.is_some_and(|base| base.found_by.as_deref() == Some("history")))
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Named {
    name: Option<String>,
    id: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Layer {
    diff_id: String,
    size_bytes: u64,
    created_by: Option<String>,
    base: Option<bool>,
    line: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
struct Package {
    manager: String,
    name: String,
    version: String,
    bytes: Option<u64>,
}

/// Why a report cannot be a baseline.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// It is no report of `analyze --format json`.
    #[error("not a report of `analyze --format json`")]
    Json(#[from] serde_json::Error),
    /// It is one of another version.
    #[error("a report of schema {schema}, of which this version knows 1")]
    Schema {
        /// The version that it has.
        schema: u32,
    },
}

/// What grew since the baseline.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Grown {
    /// What the baseline is called.
    pub since: Option<String>,
    /// Bytes of the counted layers then.
    pub was_bytes: u64,
    /// Now.
    pub is_bytes: u64,
    /// The layers that grew most.
    pub layers: Vec<GrownBy>,
    /// How many layers grew.
    pub layers_total: usize,
    /// The packages that grew most, or came, by what they say they installed.
    pub packages: Vec<GrownBy>,
    /// How many packages grew or came.
    pub packages_total: usize,
}

/// One that grew.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GrownBy {
    /// The instruction of a layer, or a package and its version.
    pub what: String,
    /// The layer's index; `None` for a package.
    pub layer: Option<usize>,
    /// The Dockerfile's line.
    pub line: Option<u32>,
    /// Bytes then; `None` where there was no such layer or package.
    pub was_bytes: Option<u64>,
    /// Bytes now.
    pub is_bytes: u64,
}

impl Grown {
    /// What came or went of what was, 1 for all of it; `None` where something came to nothing, which is no share of it.
    #[expect(clippy::cast_precision_loss, reason = "shown, not compared")]
    pub(super) fn share(&self) -> Option<f64> {
        if self.is_bytes == self.was_bytes {
            return Some(0.0);
        }
        (self.was_bytes > 0).then(|| (self.is_bytes as f64 - self.was_bytes as f64) / self.was_bytes as f64)
    }
}

impl GrownBy {
    fn bytes(&self) -> u64 {
        self.is_bytes.saturating_sub(self.was_bytes.unwrap_or(0))
    }
}

impl From<&Analysis> for Baseline {
    fn from(analysis: &Analysis) -> Self {
        Self {
            schema: analysis.schema,
            image: Named { name: analysis.image.name.clone(), id: analysis.image.id.clone() },
            layers: analysis
                .layers
                .iter()
                .map(|layer| Layer {
                    diff_id: layer.diff_id.clone(),
                    size_bytes: layer.size_bytes,
                    created_by: layer.created_by.clone(),
                    base: layer.base,
                    line: layer.line,
                })
                .collect(),
            packages: analysis
                .packages
                .iter()
                .map(|package| Package {
                    manager: package.manager.to_string(),
                    name: package.name.clone(),
                    version: package.version.clone(),
                    bytes: package.bytes,
                })
                .collect(),
            guesses_base: analysis.base.as_ref().is_some_and(|base| base.found_by == FoundBy::History),
        }
    }
}

impl Baseline {
    /// Reads a report that `analyze --format json` printed.
    ///
    /// # Errors
    ///
    /// When it is none, or one of another version.
    pub fn read(report: impl Read) -> Result<Self, BaselineError> {
        let report = std::io::BufReader::new(report.take(MAX_REPORT));
        let baseline: Self = serde_json::from_reader(report)?;
        match baseline.schema {
            1 => Ok(baseline),
            schema => Err(BaselineError::Schema { schema }),
        }
    }

    /// Whether it says where its base image ends, and does not guess.
    pub(super) fn knows_base(&self) -> bool {
        !self.guesses_base && self.layers.iter().any(|layer| layer.base.is_some())
    }

    /// Says what is larger now.
    pub(super) fn grown(&self, now: &Analysis, user_only: bool) -> Grown {
        let now = Self::from(now);
        let counts = |layer: &Layer| !user_only || layer.base != Some(true);
        // a report may claim anything
        let size = |side: &Self| {
            let counted = side.layers.iter().filter(|layer| counts(layer));
            counted.fold(0, |sum: u64, layer| sum.saturating_add(layer.size_bytes))
        };
        let (layers, layers_total) = grown_layers(&self.layers, &now.layers, counts);
        let (packages, packages_total) = grown_packages(&self.packages, &now.packages);
        Grown {
            since: self.image.name.clone().or_else(|| self.image.id.clone()),
            was_bytes: size(self),
            is_bytes: size(&now),
            layers,
            layers_total,
            packages,
            packages_total,
        }
    }
}

/// Layers that both have are left out; the others belong together when the same instruction made them, in their order.
fn grown_layers(then: &[Layer], now: &[Layer], counts: impl Fn(&Layer) -> bool) -> (Vec<GrownBy>, usize) {
    let mut same: HashMap<&str, usize> = HashMap::new();
    for layer in then {
        *same.entry(&layer.diff_id).or_default() += 1;
    }
    let mut taken: HashMap<&str, usize> = HashMap::new();
    let mut changed = Vec::new();
    for (number, layer) in now.iter().enumerate().filter(|(_, layer)| counts(layer)) {
        match same.get_mut(layer.diff_id.as_str()).filter(|left| **left > 0) {
            Some(left) => {
                *left -= 1;
                *taken.entry(&layer.diff_id).or_default() += 1;
            }
            None => changed.push((number, layer)),
        }
    }
    let mut unclaimed: Vec<Option<&Layer>> = Vec::new();
    for layer in then.iter().filter(|layer| counts(layer)) {
        match taken.get_mut(layer.diff_id.as_str()).filter(|left| **left > 0) {
            Some(left) => *left -= 1,
            None => unclaimed.push(Some(layer)),
        }
    }
    let grown = changed.into_iter().map(|(number, layer)| {
        let made_by_same = |other: &Layer| other.created_by.is_some() && other.created_by == layer.created_by;
        let before = unclaimed.iter().position(|other| other.is_some_and(made_by_same));
        let before = before.and_then(|place| unclaimed[place].take());
        GrownBy {
            what: layer.created_by.clone().unwrap_or_else(|| format!("layer {number}")),
            layer: Some(number),
            line: layer.line,
            was_bytes: before.map(|before| before.size_bytes),
            is_bytes: layer.size_bytes,
        }
    });
    largest(grown.collect())
}

fn grown_packages(then: &[Package], now: &[Package]) -> (Vec<GrownBy>, usize) {
    let mut before: HashMap<(&str, &str), (u64, &str)> = HashMap::new();
    for package in then {
        let (bytes, _) = before.entry((&package.manager, &package.name)).or_insert((0, &package.version));
        *bytes = bytes.saturating_add(package.bytes.unwrap_or(0));
    }
    let mut after: HashMap<(&str, &str), (u64, &str)> = HashMap::new();
    for package in now {
        let (bytes, _) = after.entry((&package.manager, &package.name)).or_insert((0, &package.version));
        *bytes = bytes.saturating_add(package.bytes.unwrap_or(0));
    }
    let grown = after.into_iter().map(|((manager, name), (bytes, version))| {
        let before = before.get(&(manager, name));
        let versions = match before {
            Some((_, old)) if *old != version => format!("{old} → {version}"),
            _ => version.to_owned(),
        };
        GrownBy {
            what: format!("{manager} {name} {versions}"),
            layer: None,
            line: None,
            was_bytes: before.map(|(bytes, _)| *bytes),
            is_bytes: bytes,
        }
    });
    largest(grown.collect())
}

/// Those that grew most, and how many grew.
fn largest(mut grown: Vec<GrownBy>) -> (Vec<GrownBy>, usize) {
    grown.retain(|by| by.bytes() > 0);
    let total = grown.len();
    grown.sort_by(|a, b| b.bytes().cmp(&a.bytes()).then(a.layer.cmp(&b.layer)).then_with(|| a.what.cmp(&b.what)));
    grown.truncate(MAX_GROWERS);
    (grown, total)
}
