//! A1: a file whose content a later layer replaced.

use crate::{
    findings::{
        About, Claim, Confidence, Level, Rule, Told,
        deaths::{Death, Exact},
    },
    ledger::Kind,
};

/// A1.
pub(in crate::findings) struct OverwrittenFile;

impl Rule for OverwrittenFile {
    fn about(&self) -> &'static About {
        &About {
            id: "A1",
            name: "overwritten-file",
            title: "Files that a later layer wrote anew",
            explanation: "A layer cannot change a file of a layer below: it carries the whole new file, and the old one \
                          stays in the image, where nobody can see it.",
            detection: "A dead inode whose name a regular file of other content took, in a later layer.",
            fix: "Write the final content once: chain the RUNs that write it, or copy the file after it was made.",
            kinds: &[("overwrite", "another content took the name")],
            confidence: Confidence::High,
            exact: true,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} writes anew what {} wrote: {}", told.killer(), told.creator(), told.files())
    }
}

impl Exact for OverwrittenFile {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        (death.dead.kind == Kind::Overwrite).then(|| Claim::file("overwrite"))
    }
}
