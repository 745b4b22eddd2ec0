//! What is known and shall not be told again: by rule, path and layer, always with a reason where a file of settings says so.

mod comments;

use serde::Serialize;
use strata_dockerfile::{ignore::IgnoreSet, suggest::nearest};

use super::{Level, RULES, Subject};
use crate::{Error, Result};
pub use comments::comment_problems;
pub(crate) use comments::{in_comments, is_suppression};

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

/// What there is to say about a suppression that does not do what it was written for, or about a file of the image that is not
/// read to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Note {
    /// How much it matters.
    pub level: Level,
    /// Where the suppression stands, or the file.
    pub by: String,
    /// What there is to say.
    pub message: String,
}

/// A suppression that can be asked.
pub(crate) struct Resolved {
    /// Numbers in the table of rules.
    rules: Option<Vec<usize>>,
    paths: Option<IgnoreSet>,
    layers: Option<Vec<usize>>,
    pub(super) reason: String,
    pub(super) by: String,
    /// How it is called where it is said.
    what: String,
    is_comment: bool,
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

pub(super) fn number(text: &str) -> Result<usize, Option<&'static str>> {
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
    let resolved = |(number, suppression): (usize, &Suppression)| {
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
            what: format!("`ignore[{number}]`"),
            is_comment: false,
        })
    };
    suppressions.iter().enumerate().map(resolved).collect()
}

/// Says which suppressions are about nothing that was found, though the layers are there that they are about.
pub(super) fn unused(suppressions: &[Resolved], is_used: &[bool]) -> Vec<Note> {
    let unused = suppressions.iter().zip(is_used).filter(|(suppression, is_used)| {
        // a comment in a stage that is not shipped has no layer
        let has_layer = suppression.layers.as_ref().is_some_and(|layers| !layers.is_empty());
        !**is_used && (has_layer || !suppression.is_comment)
    });
    let note = |suppression: &Resolved| Note {
        level: Level::Note,
        by: suppression.by.clone(),
        message: format!("{} suppresses nothing: there is no such finding", suppression.what),
    };
    unused.map(|(suppression, _)| note(suppression)).collect()
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
