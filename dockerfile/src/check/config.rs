//! `# check=skip=A,B;error=true;experimental=C`: which rules count.

use std::collections::BTreeSet;

use super::rules::RULES;

/// A `check=` directive, or build argument, that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("failed to parse check options: invalid check option {option:?}")]
pub struct BadOption {
    /// What was read.
    pub option: String,
}

/// Which rules count, and whether what they find is an error.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// Whether findings forbid to build the file.
    pub error: bool,
    skip: Names,
    experimental: Names,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Names {
    all: bool,
    names: BTreeSet<String>,
}

impl Names {
    fn parse(text: &str) -> Self {
        let text = text.trim();
        if text == "all" {
            return Self { all: true, ..Self::default() };
        }
        Self { all: false, names: text.split(',').map(|name| name.trim().to_owned()).collect() }
    }

    fn contain(&self, name: &str) -> bool {
        self.all || self.names.contains(name)
    }
}

impl Config {
    /// Reads options separated by semicolons; empty text gives the default.
    ///
    /// # Errors
    /// An option that does not exist or has no value, or an `error=` that is neither true nor false.
    pub fn parse(text: &str) -> Result<Self, BadOption> {
        let mut config = Self::default();
        if text.trim().is_empty() {
            return Ok(config);
        }
        for part in text.split(';') {
            let bad = || BadOption { option: part.trim().to_owned() };
            let (name, value) = part.split_once('=').ok_or_else(bad)?;
            match name.trim() {
                "skip" => config.skip = Names::parse(value),
                "experimental" => config.experimental = Names::parse(value),
                "error" => {
                    config.error = match value.trim() {
                        "1" | "t" | "T" | "true" | "TRUE" | "True" => true,
                        "0" | "f" | "F" | "false" | "FALSE" | "False" => false,
                        _ => return Err(bad()),
                    }
                }
                _ => return Err(bad()),
            }
        }
        Ok(config)
    }

    /// Whether a rule counts that has this name, and perhaps others, and is experimental or not. An experimental rule counts
    /// when it is asked for, and `skip` does not concern it.
    pub fn allows<'n>(&self, names: impl IntoIterator<Item = &'n str>, experimental: bool) -> bool {
        let mut names = names.into_iter();
        if experimental {
            return names.any(|name| self.experimental.contain(name));
        }
        !names.any(|name| self.skip.contain(name))
    }

    /// The same, for a rule of this module.
    pub(super) fn allows_named(&self, name: &str) -> bool {
        self.allows([name], is_experimental(name))
    }
}

/// Whether a rule counts only when it is asked for.
pub(super) fn is_experimental(name: &str) -> bool {
    RULES.iter().any(|rule| rule.name == name && rule.experimental)
}

/// What to say when warnings are errors.
pub(super) fn failure(violated: &[&str]) -> String {
    format!("lint violation found for rules: {}", violated.join(", "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn options_are_read() {
        for (text, skipped, error, asked) in [
            ("", false, false, false),
            ("skip=MaintainerDeprecated", true, false, false),
            (" skip = A , MaintainerDeprecated ; error = true ", true, true, false),
            ("skip=all", true, false, false),
            ("error=1;experimental=all", false, true, true),
            ("experimental=InvalidDefinitionDescription", false, false, true),
            ("skip=InvalidDefinitionDescription;experimental=all", false, false, true),
        ] {
            let config = Config::parse(text).unwrap();
            let found = (
                !config.allows_named("MaintainerDeprecated"),
                config.error,
                config.allows_named("InvalidDefinitionDescription"),
            );
            assert_eq!(found, (skipped, error, asked), "{text}");
        }
    }

    #[test]
    fn options_that_do_not_exist_are_errors() {
        for text in ["skip", "skpi=all", "error=yes", "skip=all;", "skip=A;b"] {
            assert!(Config::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_rule_is_skipped_by_any_of_its_names() {
        let config = Config::parse("skip=DL3009").unwrap();
        assert!(!config.allows(["AptListsLeft", "DL3009"], false));
        assert!(config.allows(["PipCache", "DL3042"], false));
    }
}
