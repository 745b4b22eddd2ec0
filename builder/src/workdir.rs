//! WORKDIR: makes the directory, and the directories on the way to it, for the current user.

use std::path::Path;

use bstr::BString;

use crate::{
    cause::Cause,
    draft::Draft,
    inputs::Inputs,
    owner,
    place::{Place, Style},
    stack::Stack,
    step::DraftStep,
};

/// A WORKDIR other than `/`.
pub(crate) struct Workdir {
    /// Absolute.
    pub(crate) path: BString,
    /// The config's user: its name or number, empty for root.
    pub(crate) user: String,
}

impl DraftStep for Workdir {
    fn inputs(&self, below: &Stack) -> Result<Inputs, Cause> {
        let mut inputs = Inputs::new("workdir", below.identity());
        inputs.bytes("the directory", &self.path).text("the user", &self.user);
        Ok(inputs)
    }

    fn draft(&self, draft: &mut Draft<'_>, _partial: &Path) -> Result<(), Cause> {
        let owner = match self.user.as_str() {
            "" => (0, 0),
            user => owner::resolve(draft, user)?,
        };
        let mut place = Place::new(draft, Style { owner: Some(owner), mode: None });
        let real = place.resolve(&self.path)?;
        place.make_directories(&real)
    }
}

/// The working directory after `WORKDIR text`, as `BuildKit` writes it: an absolute path stays as it is, a relative one is
/// joined to the current directory and cleaned.
pub(crate) fn joined(current: &str, text: &str) -> String {
    if text.starts_with('/') {
        return text.to_owned();
    }
    crate::golang::clean_absolute(&format!("{current}/{text}"))
}

#[cfg(test)]
mod tests {
    use super::joined;

    #[test]
    fn relative_directories_are_joined_and_absolute_ones_kept() {
        for (current, text, expected) in [
            ("/", "a", "/a"),
            ("", "a", "/a"),
            ("/a", "b/", "/a/b"),
            ("/a/b/", "../c", "/a/c"),
            ("/a", "../../..", "/"),
            ("/a", "/b/", "/b/"),
            ("/a", "/", "/"),
        ] {
            assert_eq!(joined(current, text), expected, "{current} {text}");
        }
    }
}
