//! `strata.toml`: what a project says about its own images.
//!
//! ```toml
//! [[ignore]]
//! rule = "B7"                       # or its name, or a list; all rules when it is left out
//! path = ["/usr/share/man/**"]      # as in a .dockerignore; all paths when it is left out
//! layer = 3                         # or the first digits of a diff ID; all layers when it is left out
//! reason = "this image is for reading manuals"
//!
//! [gate]                            # docs/ci.md has the keys
//! max-wasted-percent = 5
//! ```

use strata_dockerfile::suggest::nearest;

use crate::{
    findings::{LayerName, Suppression},
    gate::{self, FailOn, LimitError, Limits},
};

/// The name of the file.
pub const FILE: &str = "strata.toml";

/// What the file says.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Findings that shall not be told.
    pub ignore: Vec<Suppression>,
    /// The limits of the gate, and the name of the file.
    pub gate: Option<(Limits, String)>,
}

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// It is no TOML.
    #[error("{0}")]
    Syntax(Box<toml::de::Error>),
    /// It has a key that means nothing.
    #[error("unknown key `{key}`{}", nearest.as_ref().map(|name| format!("; did you mean `{name}`?")).unwrap_or_default())]
    UnknownKey {
        /// With all that stands before it, such as `ignore[0].ruel`.
        key: String,
        /// The nearest that means something.
        nearest: Option<&'static str>,
    },
    /// The value of a key is of another kind.
    #[error("`{key}` must be {wanted}")]
    Kind {
        /// The key.
        key: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// A limit of the gate cannot be taken.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// A key is missing.
    #[error("`{place}` has no `{key}`")]
    Missing {
        /// Where.
        place: String,
        /// The key.
        key: &'static str,
    },
}

const KEYS: &[&str] = &["ignore", "gate"];
const IGNORE_KEYS: &[&str] = &["rule", "path", "layer", "reason"];

impl Settings {
    /// Reads the file; `by` is its name, for messages.
    ///
    /// # Errors
    /// Those of [`SettingsError`]: a key that means nothing is one, since it would be meant.
    pub fn parse(text: &str, by: &str) -> Result<Self, SettingsError> {
        let table: toml::Table = text.parse().map_err(|error| SettingsError::Syntax(Box::new(error)))?;
        known(&table, KEYS, "")?;
        let mut settings = Self::default();
        if let Some(value) = table.get("gate") {
            let wanted = "a table: [gate]";
            let table = value.as_table().ok_or(SettingsError::Kind { key: "gate".to_owned(), wanted })?;
            settings.gate = Some((limits(table)?, by.to_owned()));
        }
        let Some(list) = table.get("ignore") else {
            return Ok(settings);
        };
        let wanted = "a list of tables: [[ignore]]";
        let list = list.as_array().ok_or(SettingsError::Kind { key: "ignore".to_owned(), wanted })?;
        for (number, item) in list.iter().enumerate() {
            let place = format!("ignore[{number}]");
            let table = item.as_table().ok_or(SettingsError::Kind { key: place.clone(), wanted: "a table" })?;
            known(table, IGNORE_KEYS, &format!("{place}."))?;
            settings.ignore.push(suppression(table, &place, by)?);
        }
        Ok(settings)
    }
}

fn suppression(table: &toml::Table, place: &str, by: &str) -> Result<Suppression, SettingsError> {
    let texts = |key: &'static str| -> Result<Vec<String>, SettingsError> {
        let wrong = || SettingsError::Kind { key: format!("{place}.{key}"), wanted: "a text, or a list of texts" };
        let text = |value: &toml::Value| value.as_str().map(str::to_owned).ok_or_else(wrong);
        match table.get(key) {
            None => Ok(Vec::new()),
            Some(toml::Value::Array(list)) if list.is_empty() => Err(wrong()),
            Some(toml::Value::Array(list)) => list.iter().map(text).collect(),
            Some(value) => Ok(vec![text(value)?]),
        }
    };
    let layer = match table.get("layer") {
        Some(toml::Value::Integer(index)) => usize::try_from(*index).ok().map(LayerName::Index),
        Some(toml::Value::String(id)) => Some(LayerName::DiffId(id.clone())),
        _ => None,
    };
    if table.contains_key("layer") && layer.is_none() {
        let wanted = "a number from 0, or the first digits of a diff ID";
        return Err(SettingsError::Kind { key: format!("{place}.layer"), wanted });
    }
    let suppression = Suppression {
        rules: texts("rule")?,
        paths: texts("path")?,
        layer,
        reason: texts("reason")?.join(" "),
        by: by.to_owned(),
    };
    let missing = |key| Err(SettingsError::Missing { place: place.to_owned(), key });
    if suppression.rules.is_empty() && suppression.paths.is_empty() && suppression.layer.is_none() {
        return missing("rule");
    }
    if suppression.reason.trim().is_empty() { missing("reason") } else { Ok(suppression) }
}

fn limits(table: &toml::Table) -> Result<Limits, SettingsError> {
    known(table, &gate::KEYS, "gate.")?;
    let mut limits = Limits::default();
    for (key, value) in table {
        let text = match value {
            toml::Value::String(text) => text.clone(),
            toml::Value::Integer(number) => number.to_string(),
            toml::Value::Float(number) => number.to_string(),
            toml::Value::Boolean(yes) => yes.to_string(),
            toml::Value::Array(list) if key == "fail-on" => {
                let wrong = || SettingsError::Kind { key: "gate.fail-on".to_owned(), wanted: "a list of texts" };
                let words: Vec<&str> =
                    list.iter().map(|word| word.as_str().ok_or_else(wrong)).collect::<Result<_, _>>()?;
                // each by itself: a comma in one is no second one
                words.iter().try_for_each(|word| FailOn::parse(word).map(drop))?;
                words.join(",")
            }
            _ => return Err(SettingsError::Kind { key: format!("gate.{key}"), wanted: "a number or a text" }),
        };
        limits.set(key, &text)?;
    }
    Ok(limits)
}

fn known(table: &toml::Table, keys: &'static [&'static str], before: &str) -> Result<(), SettingsError> {
    match table.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => Err(SettingsError::UnknownKey { key: format!("{before}{key}"), nearest: nearest(key, keys) }),
        None => Ok(()),
    }
}
