//! A4: files of a directory that a later layer deleted.

use super::deleted_file;
use crate::{
    findings::{
        About, Claim, Confidence, Level, Rule, Told,
        deaths::{Death, Exact},
    },
    ledger::Kind,
};

/// A4.
pub(in crate::findings) struct DeletedDirectory;

impl Rule for DeletedDirectory {
    fn about(&self) -> &'static About {
        &About {
            id: "A4",
            name: "deleted-directory",
            title: "Directories that a later layer deleted",
            explanation: "As with a file, a deletion in a later layer hides a directory and frees nothing of what is in it. \
                          Tools that look at names alone count such a deletion as free.",
            detection: "Dead inodes below a directory that a whiteout of a later layer removes; reported once, at the \
                        top-most whiteout.",
            fix: deleted_file::FIX,
            kinds: &[("whiteout", "a whiteout names a directory above the file")],
            confidence: Confidence::High,
            exact: true,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} deletes what {} wrote: {}", told.killer(), told.creator(), told.directories())
    }
}

impl Exact for DeletedDirectory {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        let top = (death.dead.kind == Kind::Whiteout).then(|| death.removed_directory())??;
        Some(Claim::tree("whiteout", top))
    }
}
