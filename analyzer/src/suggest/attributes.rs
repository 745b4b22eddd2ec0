//! What a `chmod`, `chown` or `chgrp` of a RUN says.

use std::ops::Range;

use strata_image::layer::LayerPath;

use super::{
    places::resolve,
    shell::{Certainty, PlainWord},
    target::Target,
};

/// Which attribute a command changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attribute {
    Mode,
    Owner,
    Group,
}

/// One such command.
pub(super) struct Change {
    pub(super) attribute: Attribute,
    /// The mode, or the owner, as written.
    pub(super) value: String,
    /// Where `-R` stands in the source, with the blanks after it.
    pub(super) recursive: Option<Range<usize>>,
    /// Operands that are not patterns, and those that are.
    pub(super) targets: Vec<Target>,
}

/// Which attribute a command changes, by its name.
pub(super) fn attribute(words: &[PlainWord]) -> Option<Attribute> {
    match words.first()?.text.rsplit('/').next()? {
        "chmod" => Some(Attribute::Mode),
        "chown" => Some(Attribute::Owner),
        "chgrp" => Some(Attribute::Group),
        _ => None,
    }
}

impl Change {
    /// Reads a command; what it does not understand it says in words.
    pub(super) fn of(attribute: Attribute, words: &[PlainWord], workdir: Option<&LayerPath>) -> Result<Self, String> {
        let name = &words[0].text;
        let mut value = None;
        let mut recursive = None;
        let mut targets = Vec::new();
        for (number, word) in words.iter().enumerate().skip(1) {
            let text = word.text.as_str();
            if word.certainty == Certainty::Unknown {
                return Err(format!("what its {name} changes shows only when it runs"));
            }
            match text {
                "-R" | "--recursive" => {
                    let end = words.get(number + 1).map_or(word.range.end, |next| next.range.start);
                    recursive = Some(word.range.start..end);
                }
                "-v" | "-c" | "-f" | "--verbose" | "--changes" | "--quiet" | "--silent" => {}
                "-h" | "--no-dereference" if attribute != Attribute::Mode => {}
                _ if text.starts_with('-') && !(value.is_none() && is_mode(attribute, text)) => {
                    return Err(format!("its {name} has the option {text}"));
                }
                _ if value.is_none() => value = Some(text.to_owned()),
                _ => {
                    let Some(path) = resolve(workdir, text) else {
                        return Err(format!("the directory that its {name} runs in is not known"));
                    };
                    let is_pattern = word.certainty == Certainty::Pattern;
                    targets.push(Target { path, is_pattern, recursive: false });
                }
            }
        }
        for target in &mut targets {
            target.recursive = recursive.is_some();
        }
        let value = value.ok_or_else(|| format!("its {name} says nothing"))?;
        Ok(Self { attribute, value, recursive, targets })
    }

    pub(super) fn covers(&self, path: &LayerPath) -> bool {
        self.targets.iter().any(|target| target.named(path).is_some())
    }

    /// Whether the path is named itself, and not by a pattern.
    pub(super) fn names(&self, path: &LayerPath) -> bool {
        self.targets.iter().any(|target| !target.is_pattern && target.path == *path)
    }
}

/// `chmod -x file`: a mode that looks like an option.
fn is_mode(attribute: Attribute, text: &str) -> bool {
    attribute == Attribute::Mode && text[1..].chars().all(|permission| "rwxXst,+-=ugoa".contains(permission))
}

/// What `--chown` must say for files to get this owner and group, which are all the same, by the one `chown` that made
/// them so. A name is taken over only where it is known to mean the same; else the numbers are.
pub(super) fn chown_flag(changes: &[&Change], owner: (u64, u64), names_resolve: bool) -> String {
    let numbers = format!("{}:{}", owner.0, owner.1);
    let mut values = changes.iter().filter(|change| change.attribute == Attribute::Owner);
    let (Some(change), None) = (values.next(), values.next()) else {
        return numbers;
    };
    if changes.iter().any(|change| change.attribute == Attribute::Group) {
        return numbers;
    }
    let value = change.value.as_str();
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    match value.split_once(':') {
        None if value.contains('.') => numbers,
        // a lone name leaves the group alone, where --chown would take the user's own
        None if names_resolve || is_number(value) => format!("{value}:{}", owner.1),
        Some((user, "")) if names_resolve && !is_number(user) => user.to_owned(),
        Some(("", group)) if names_resolve || is_number(group) => format!("{}:{group}", owner.0),
        Some((user, group)) if !user.is_empty() && !group.is_empty() => {
            if names_resolve || is_number(user) && is_number(group) { value.to_owned() } else { numbers }
        }
        _ => numbers,
    }
}
