//! What is known and shall not be told again: by rule, path and layer, always with a reason where a file of settings says so.
//!
//! A comment above an instruction does the same for what its layer made or killed:
//!
//! ```text
//! # strata ignore=A3,B7 the manuals are what this image is for
//! RUN apt-get install -y man-db
//! ```

use serde::Serialize;
use strata_dockerfile::{Dockerfile, check::comments_above, ignore::IgnoreSet, suggest::nearest};

use super::{RULES, Subject};
use crate::{Error, Result};

/// What is suppressed, and why.
#[derive(Clone, Debug, Default)]
pub struct Suppression {
    /// Numbers or names of rules; all rules when it is empty.
    pub rules: Vec<String>,
    /// Patterns of paths, as in a `.dockerignore`; all when it is empty.
    pub paths: Vec<String>,
    /// The layer that made or killed it.
    pub layer: Option<LayerName>,
    /// Why.
    pub reason: String,
    /// Where that is said, such as `strata.toml`.
    pub by: String,
}

/// A layer as a person names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LayerName {
    /// By its place; 0 is the bottom.
    Index(usize),
    /// By its diff ID, or the first digits of that.
    DiffId(String),
}

/// Why a finding is not told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Suppressed {
    /// Why.
    pub reason: String,
    /// Where that is said.
    pub by: String,
    /// What was found.
    #[serde(flatten)]
    pub finding: super::Finding,
}

/// A suppression that can be asked.
pub(crate) struct Resolved {
    /// Numbers in the table of rules.
    rules: Option<Vec<usize>>,
    paths: Option<IgnoreSet>,
    layers: Option<Vec<usize>>,
    pub(super) reason: String,
    pub(super) by: String,
}

impl Resolved {
    /// Whether it is about a hit.
    pub(super) fn covers(&self, rule: usize, layers: [Option<usize>; 2], path: &[u8]) -> bool {
        self.rules.as_ref().is_none_or(|rules| rules.contains(&rule))
            && self.paths.as_ref().is_none_or(|paths| !path.is_empty() && paths.excluded_by(path).is_some())
            && self.layers.as_ref().is_none_or(|own| layers.into_iter().flatten().any(|layer| own.contains(&layer)))
    }
}

/// Finds a rule by its number or its name.
///
/// # Errors
/// The number or name that is nearest, when there is none of this one.
pub fn rule(text: &str) -> Result<&'static dyn super::Rule, Option<&'static str>> {
    number(text).map(|number| RULES[number])
}

fn number(text: &str) -> Result<usize, Option<&'static str>> {
    let is_it = |rule: &dyn super::Rule| {
        rule.about().id.eq_ignore_ascii_case(text) || rule.about().name.eq_ignore_ascii_case(text)
    };
    RULES.iter().position(|rule| is_it(*rule)).ok_or_else(|| {
        let names: Vec<&str> = RULES.iter().map(|rule| rule.about().name).collect();
        nearest(text, &names)
    })
}

/// Makes suppressions ready for one image.
///
/// # Errors
/// [`Error::UnknownRule`], [`Error::Pattern`].
pub(crate) fn resolve(suppressions: &[Suppression], subject: &Subject<'_>) -> Result<Vec<Resolved>> {
    let resolved = |suppression: &Suppression| {
        let Suppression { rules, paths, layer, reason, by } = suppression;
        let layers = layer.as_ref().map(|layer| {
            let is_it = |line: &&crate::analysis::LayerLine| match layer {
                LayerName::Index(index) => line.index == *index,
                LayerName::DiffId(id) => line
                    .diff_id
                    .strip_prefix("sha256:")
                    .is_some_and(|hex| hex.starts_with(id.trim_start_matches("sha256:"))),
            };
            subject.layers.iter().filter(is_it).map(|line| line.index).collect()
        });
        Ok(Resolved {
            rules: numbers(rules, by)?,
            paths: patterns(paths, by)?,
            layers,
            reason: reason.clone(),
            by: by.clone(),
        })
    };
    suppressions.iter().map(resolved).collect()
}

/// The suppressions in comments of a Dockerfile, for the layers that its instructions made.
///
/// # Errors
/// [`Error::UnknownRule`].
pub(crate) fn in_comments(
    name: &str,
    source: &[u8],
    file: &Dockerfile,
    steps: &[Option<usize>],
) -> Result<Vec<Resolved>> {
    let mut found = Vec::new();
    for (instruction, comments) in comments_above(source, file) {
        for (rules, reason) in comments.into_iter().filter_map(ignored) {
            let by = format!("{name}:{}", file.instructions[instruction].lines.0);
            let rules: Vec<String> = rules.split(',').map(|rule| rule.trim().to_owned()).collect();
            let layers = steps.iter().enumerate().filter(|(_, step)| **step == Some(instruction));
            found.push(Resolved {
                rules: numbers(&rules, &by)?,
                paths: None,
                layers: Some(layers.map(|(layer, _)| layer).collect()),
                reason: reason.to_owned(),
                by,
            });
        }
    }
    Ok(found)
}

/// Of `strata ignore=A3,B7 why` the rules and the reason.
fn ignored(comment: &str) -> Option<(&str, &str)> {
    let rest = comment.strip_prefix("strata")?.trim_start().strip_prefix("ignore=")?;
    Some(rest.split_once(char::is_whitespace).map_or((rest, ""), |(rules, reason)| (rules, reason.trim())))
}

fn numbers(rules: &[String], by: &str) -> Result<Option<Vec<usize>>> {
    if rules.is_empty() {
        return Ok(None);
    }
    let find = |name: &String| {
        number(name).map_err(|nearest| Error::UnknownRule { name: name.clone(), by: by.to_owned(), nearest })
    };
    rules.iter().map(find).collect::<Result<_>>().map(Some)
}

fn patterns(paths: &[String], by: &str) -> Result<Option<IgnoreSet>> {
    if paths.is_empty() {
        return Ok(None);
    }
    IgnoreSet::parse(paths.join("\n").as_bytes())
        .map(Some)
        .map_err(|source| Error::Pattern { by: by.to_owned(), source })
}
