//! Both values of what differs at a path, where they are short: a mode, an owner, a target.

use std::fmt;

use serde::Serialize;

use super::{
    facts::{Facts, Type},
    what::{Set, What},
};
use crate::path_text;

/// Both values of one kind of difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// The kind.
    pub what: What,
    /// The first image's value: a type, a mode in octal, a number, a time, a target, `major:minor`, or the names of extended
    /// attributes that the other image lacks or has with another value.
    pub a: String,
    /// The second image's.
    pub b: String,
}

/// Writes `mode 0644 → 0755`, as a person reads it.
impl fmt::Display for Detail {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
        // attributes of the same names
        if self.a == self.b {
            return write!(formatter, "{} {}", self.what, self.a);
        }
        write!(formatter, "{} {} → {}", self.what, shown(&self.a), shown(&self.b))
    }
}

/// Gives the details of what differs, in the order of [`What::ALL`]; content and hard links have none.
pub(super) fn details(a: &Facts<'_>, b: &Facts<'_>, what: Set) -> Vec<Detail> {
    let detail = |what| {
        let (a, b) = match what {
            What::Xattrs => (attributes(a, b), attributes(b, a)),
            _ => (value(a, what)?, value(b, what)?),
        };
        Some(Detail { what, a, b })
    };
    what.list().into_iter().filter_map(detail).collect()
}

/// What differs, as a person reads it in at most so many characters: with both values while these fit, else by the word.
pub(super) fn words(what: &[What], details: &[Detail], limit: usize) -> String {
    let length = |words: &[String]| words.iter().map(|word| word.chars().count() + ", ".len()).sum::<usize>();
    let mut words: Vec<String> = what.iter().map(ToString::to_string).collect();
    for detail in details {
        let Some(at) = what.iter().position(|what| *what == detail.what) else { continue };
        let word = std::mem::replace(&mut words[at], detail.to_string());
        if length(&words) > limit {
            words[at] = word;
        }
    }
    words.join(", ")
}

fn value(facts: &Facts<'_>, what: What) -> Option<String> {
    Some(match (what, facts.kind) {
        (What::Type, _) => facts.type_word().to_owned(),
        (What::Mode, _) => format!("{:04o}", facts.mode),
        (What::Uid, _) => facts.uid.to_string(),
        (What::Gid, _) => facts.gid.to_string(),
        (What::Mtime, _) => facts.mtime.to_string(),
        (What::Link, Type::Symlink(target)) => bare_text(target),
        (What::Device, Type::CharDevice(major, minor) | Type::BlockDevice(major, minor)) => format!("{major}:{minor}"),
        _ => return None,
    })
}

/// Bytes as text, as a path is written: a target, a name.
pub(super) fn bare_text(target: &[u8]) -> String {
    // the slash before it is that of an absolute path
    path_text(target)[1..].to_owned()
}

/// The names of attributes that the other has not, or not with this value.
fn attributes(facts: &Facts<'_>, other: &Facts<'_>) -> String {
    let differing = facts.xattrs.iter().filter(|(name, value)| other.xattrs.get(*name) != Some(value));
    differing.map(|(name, _)| bare_text(name)).collect::<Vec<_>>().join(" ")
}
