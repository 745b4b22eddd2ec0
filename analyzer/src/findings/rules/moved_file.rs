//! A7: a file that a later layer moved.

use crate::{
    findings::{
        About, Claim, Confidence, Level, Rule, Told,
        deaths::{Death, Exact},
    },
    ledger::Kind,
    path_text,
};

/// A7.
pub(in crate::findings) struct MovedFile;

impl Rule for MovedFile {
    fn about(&self) -> &'static About {
        &About {
            id: "A7",
            name: "moved-file",
            title: "Files that a later layer moved",
            explanation: "A move in a later layer carries the whole file again under its new name. Of a directory, it \
                          carries every file.",
            detection: "A dead inode that a whiteout removed, when the same layer has the same content under a new name. \
                        Each new file explains one that is gone. A directory that went whole is reported as one.",
            fix: "Create it at its final path: name that in the COPY, or move it in the RUN that writes it.",
            kinds: &[("file", "single files were moved"), ("directory", "a directory was moved whole")],
            confidence: Confidence::High,
            exact: true,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        let what = if told.kind() == "directory" { told.directories() } else { told.files() };
        let to = told.other().map_or_else(String::new, |path| format!(", now {path}"));
        format!("{} moves what {} wrote: {what}{to}", told.killer(), told.creator())
    }
}

impl Exact for MovedFile {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        let to = (death.dead.kind == Kind::Whiteout).then(|| death.moved_to())??;
        let from = death.dead.path.as_bytes();
        let moved = death.removed_directory().and_then(|removed| directories(from, to, removed));
        Some(match moved {
            Some((from, to)) => Claim { other: Some(path_text(to)), ..Claim::tree("directory", from) },
            None => Claim { other: Some(path_text(to)), ..Claim::file("file") },
        })
    }
}

/// The directory that was moved and what it is now: both paths without the names at their ends that are the same, but
/// not above the directory that was removed.
fn directories<'p>(from: &'p [u8], to: &'p [u8], removed: &[u8]) -> Option<(&'p [u8], &'p [u8])> {
    let split = |path: &'p [u8]| {
        let slash = path.iter().rposition(|&byte| byte == b'/')?;
        Some((&path[..slash], &path[slash + 1..]))
    };
    let (mut old, mut new) = (from, to);
    while old.len() > removed.len()
        && let (Some((old_parent, old_name)), Some((new_parent, new_name))) = (split(old), split(new))
        && old_name == new_name
    {
        (old, new) = (old_parent, new_parent);
    }
    (old.len() < from.len()).then_some((old, new))
}

#[cfg(test)]
mod tests {
    use super::directories;

    #[test]
    fn a_directory_moves_with_what_is_in_it() {
        let moved = |from: &'static str, to: &'static str, removed: &str| {
            directories(from.as_bytes(), to.as_bytes(), removed.as_bytes())
                .map(|(old, new)| (std::str::from_utf8(old).unwrap_or("?"), std::str::from_utf8(new).unwrap_or("?")))
        };
        assert_eq!(moved("d/e/x", "n/e/x", "d"), Some(("d", "n")));
        assert_eq!(moved("d/e/x", "n/x", "d"), Some(("d/e", "n")));
        assert_eq!(moved("a/d/x", "b/d/x", "a/d"), Some(("a/d", "b/d")));
        assert_eq!(moved("d/x", "d/y", "d"), None);
        assert_eq!(moved("d/x", "x", "d"), None);
    }
}
