//! WORKDIR: makes the directory, and the directories on the way to it, for the current user.

use bstr::BString;
use strata_image::ChainId;

use crate::{
    cause::Cause,
    key::{CacheKey, KeyWriter},
    place::{Place, Style},
    step::{Scope, Step},
};

/// A WORKDIR other than `/`.
pub(crate) struct Workdir {
    /// Absolute.
    pub(crate) path: BString,
    /// The config's user: its name or number, empty for root.
    pub(crate) user: String,
    /// The time of directories, where the build has one.
    pub(crate) epoch: Option<i64>,
}

impl Step for Workdir {
    fn key(&self, parent: Option<ChainId>) -> Result<CacheKey, Cause> {
        let mut key = KeyWriter::on("workdir", parent);
        key.field(&self.path).field(self.user.as_bytes());
        key.optional_number(self.epoch);
        Ok(key.finish())
    }

    fn run(&self, scope: &mut Scope<'_>) -> Result<(), Cause> {
        let owner = match self.user.as_str() {
            "" => (0, 0),
            user => strata_runtime::user::resolve_owner(scope.root, user)
                .map_err(|source| Cause::User { text: user.to_owned(), source })?,
        };
        let style = Style { owner: Some(owner), mode: None, now: scope.now };
        let mut place = Place::new(scope.root, style);
        let real = place.resolve(&self.path)?;
        place.make_dirs(&real)
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
