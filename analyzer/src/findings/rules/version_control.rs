//! B8: histories of version control.

use crate::findings::{
    About, Claim, Confidence, Level, Rule, Subject, Told,
    live::{Advisory, Directory, LiveFile, up_to},
};

/// B8.
pub(in crate::findings) struct VersionControl;

impl Rule for VersionControl {
    fn about(&self) -> &'static About {
        &About {
            id: "B8",
            name: "version-control",
            title: "Histories of version control",
            explanation: "The directory of a version control system holds every version of every file, and often \
                          addresses and tokens.",
            detection: "Live files below a directory named `.git`, `.hg`, `.svn` or `.bzr`.",
            fix: "Add `.git` to `.dockerignore`; clone with `--depth 1` and remove the directory in the same RUN; or \
                  ADD the repository, which leaves it out.",
            kinds: &[("git", "git"), ("hg", "Mercurial"), ("svn", "Subversion"), ("bzr", "Bazaar")],
            confidence: Confidence::High,
            exact: false,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} brings a history of {}: {}", told.creator(), told.kind(), told.directories())
    }
}

/// Names of their directories.
const SYSTEMS: &[&str] = &[".git", ".hg", ".svn", ".bzr"];

impl Advisory for VersionControl {
    fn looks_in(&self, directory: &Directory<'_>) -> bool {
        up_to(directory.path, SYSTEMS).is_some()
    }

    fn claims(&self, file: &LiveFile<'_>, _: &Subject<'_>) -> Option<Claim> {
        let (directory, _) = up_to(file.path, SYSTEMS)?;
        let kind = match directory.rsplit(|&byte| byte == b'.').next()? {
            b"git" => "git",
            b"hg" => "hg",
            b"svn" => "svn",
            _ => "bzr",
        };
        Some(Claim::tree(kind, directory))
    }
}
