//! A3: a file that a later layer deleted.

use crate::{
    findings::{
        About, Claim, Confidence, Level, Rule, Told,
        deaths::{Death, Exact},
    },
    ledger::Kind,
};

/// A3.
pub(in crate::findings) struct DeletedFile;

/// What to do about deletions.
pub(super) const FIX: &str = "Delete in the RUN that writes: chain the two. Or never have it in a layer: a cache or tmpfs mount for what a \
     command leaves, a bind mount for what it reads, another stage for what makes it.";

impl Rule for DeletedFile {
    fn about(&self) -> &'static About {
        &About {
            id: "A3",
            name: "deleted-file",
            title: "Files that a later layer deleted",
            explanation: "A deletion in a later layer hides a file and frees nothing: the layer that has the file stays as \
                          it is, and everybody who pulls the image pulls it.",
            detection: "A dead inode whose own name a whiteout of a later layer removes.",
            fix: FIX,
            kinds: &[("whiteout", "a whiteout names the file")],
            confidence: Confidence::High,
            exact: true,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} deletes what {} wrote: {}", told.killer(), told.creator(), told.files())
    }
}

impl Exact for DeletedFile {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        (death.dead.kind == Kind::Whiteout).then(|| Claim::file("whiteout"))
    }
}
