//! A9: a file that was deleted and is there again.

use crate::{
    findings::{
        About, Claim, Confidence, Level, Rule, Told,
        deaths::{Death, Exact},
    },
    ledger::Kind,
};

/// A9.
pub(in crate::findings) struct RecreatedFile;

impl Rule for RecreatedFile {
    fn about(&self) -> &'static About {
        &About {
            id: "A9",
            name: "recreated-file",
            title: "Files that were deleted and then made again, the same",
            explanation: "The deletion frees nothing, and the second copy costs as much as the first one did.",
            detection: "A dead inode that a whiteout removed, when the same layer or a later one has the same content at \
                        the same path.",
            fix: "Do not delete it; or chain the RUNs, so that only the last copy is kept.",
            kinds: &[("whiteout", "a whiteout removed it, or a directory above it")],
            confidence: Confidence::High,
            exact: true,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} deletes what {} wrote, and it is made again: {}", told.killer(), told.creator(), told.files())
    }
}

impl Exact for RecreatedFile {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        (death.dead.kind == Kind::Whiteout && death.is_recreated()).then(|| Claim::file("whiteout"))
    }
}
