//! A6: a file whose name something else than a file took.

use crate::{
    findings::{
        About, Claim, Confidence, Level, Rule, Told,
        deaths::{Death, Exact},
    },
    ledger::Kind,
};

/// A6.
pub(in crate::findings) struct TypeChange;

impl Rule for TypeChange {
    fn about(&self) -> &'static About {
        &About {
            id: "A6",
            name: "type-change",
            title: "Files in whose place a later layer put something else",
            explanation: "A directory, a symlink or a device in a file's place, or a file in a directory's, hides what was \
                          there and frees nothing.",
            detection: "A dead inode whose name, or that of a directory above it, was taken by something that is not what \
                        stood there.",
            fix: "Lay the paths out so that each is one thing from the first layer on.",
            kinds: &[("type-change", "something else took the name")],
            confidence: Confidence::High,
            exact: true,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} puts something else in the place of what {} wrote: {}", told.killer(), told.creator(), told.files())
    }
}

impl Exact for TypeChange {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        (death.dead.kind == Kind::TypeChange).then(|| Claim::file("type-change"))
    }
}
