//! A8: a file that one layer's tar has twice.

use crate::{
    findings::{
        About, Claim, Confidence, Level, Rule, Told,
        deaths::{Death, Exact},
    },
    ledger::Kind,
};

/// A8.
pub(in crate::findings) struct DuplicateEntry;

impl Rule for DuplicateEntry {
    fn about(&self) -> &'static About {
        &About {
            id: "A8",
            name: "duplicate-entry",
            title: "Paths that one layer has several times",
            explanation: "A layer's tar may name a path more than once; the last entry counts, the others are carried for \
                          nothing.",
            detection: "A dead inode whose name a later entry of the same layer took.",
            fix: "Write the layer again with a builder that names each path once; this is a fault of the one that made it.",
            kinds: &[("duplicate-entry", "a later entry took the name")],
            confidence: Confidence::High,
            exact: true,
            level: Level::Warning,
        }
    }

    fn message(&self, told: &Told<'_>) -> String {
        format!("{} has paths more than once: {}", told.creator(), told.files())
    }
}

impl Exact for DuplicateEntry {
    fn claims(&self, death: &Death<'_>) -> Option<Claim> {
        (death.dead.kind == Kind::DuplicateEntry).then(|| Claim::file("duplicate-entry"))
    }
}
